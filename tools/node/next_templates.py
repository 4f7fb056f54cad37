"""A page of a Next.js project for either router, with static, server or client data."""

import json
from dataclasses import dataclass
from typing import Literal

from tools.node.conventions import Conventions, named
from tools.node.next_routes import Route, Router

Data = Literal["static", "server", "client"]


@dataclass(frozen=True)
class Page:
    """What is wanted."""

    route: Route
    router: Router
    data: Data
    title: str
    source: str
    """The address that data come from; nothing where the page has none."""
    awaits_parameters: bool
    """Whether Next.js hands parameters over as a promise, as it does since version 15."""

    @property
    def component(self) -> str:
        """The name of the page's function."""
        return f"{named(self.title if self.title.isascii() and self.title[:1].isalpha() else self.route.name, 'pascal')}Page"

    @property
    def parameters_type(self) -> str:
        """The type of the route's parameters."""
        fields = [
            f"{each.name}{'?' if each.is_optional else ''}: {each.type}" for each in self.route.parameters
        ]
        return f"{{ {'; '.join(fields)} }}"

    @property
    def names(self) -> str:
        """The parameters' names for taking them apart."""
        return f"{{ {', '.join(each.name for each in self.route.parameters)} }}"


def page_text(page: Page, conventions: Conventions) -> str:
    """The page's file."""
    if page.router == "app":
        return _app_client(page, conventions) if page.data == "client" else _app(page, conventions)
    return _pages(page, conventions)


def _main(page: Page, *, data: str = "", guard: str = "") -> str:
    shown = [f"<p>{{{name}}}</p>" for name in _shown_parameters(page)]
    body = f"<pre>{{JSON.stringify({data}, null, 2)}}</pre>" if data else ""
    return "\n".join(
        filter(None, ["<main>", f"<h1>{{{json.dumps(page.title)}}}</h1>", *shown, guard, body, "</main>"])
    )


def _shown_parameters(page: Page) -> list[str]:
    return [
        f'{each.name}{"?" if each.is_optional else ""}.join(" / ")' if each.is_list else each.name
        for each in page.route.parameters
    ]


def _loader(page: Page, conventions: Conventions, *, options: str) -> str:
    answer = ": Promise<unknown>" if conventions.typescript else ""
    return (
        f"async function load(){answer} {{\n  const response = await fetch({json.dumps(page.source)}{options});\n"
        f"  if (!response.ok) {{\n    throw new Error(`The data cannot be loaded: ${{response.status}}`);\n  }}\n"
        "  return response.json();\n}\n\n"
    )


def _app(page: Page, conventions: Conventions) -> str:
    typed = conventions.typescript
    parameters = page.route.parameters
    head = 'import type { Metadata } from "next";\n\n' if typed else ""
    react = 'import React from "react";\n' if conventions.imports_react else ""
    metadata = (
        f"export const metadata{': Metadata' if typed else ''} = {{ title: {json.dumps(page.title)} }};\n\n"
    )
    mode = (
        'export const dynamic = "force-static";\n\n'
        if page.data == "static"
        else 'export const dynamic = "force-dynamic";\n\n'
    )
    paths = ""
    if page.data == "static" and parameters:
        answer = f": Promise<{page.parameters_type}[]>" if typed else ""
        paths = f"export async function generateStaticParams(){answer} {{\n  return [];\n}}\n\n"
    options = ', { cache: "no-store" }' if page.data == "server" else ""
    loader = _loader(page, conventions, options=options) if page.source else ""
    wrapped = f"Promise<{page.parameters_type}>" if page.awaits_parameters else page.parameters_type
    given = f"{{ params }}{f': {{ params: {wrapped} }}' if typed else ''}" if parameters else ""
    steps = (
        [f"const {page.names} = {'await ' if page.awaits_parameters else ''}params;"] if parameters else []
    )
    steps += ["const data = await load();"] if page.source else []
    waits = "async " if any("await" in step for step in steps) else ""
    body = "\n".join([*steps, f"return (\n{_main(page, data='data' if page.source else '')}\n);"])
    return f"{react}{head}{metadata}{mode}{paths}{loader}export default {waits}function {page.component}({given}) {{\n{body}\n}}\n"


def _client_parts(page: Page, conventions: Conventions) -> tuple[list[str], str]:
    """The hooks' lines that load data in the browser, and what is shown until they are there."""
    if not page.source:
        return [], ""
    typed = conventions.typescript
    lines = [
        f"const [data, setData] = useState{'<unknown>' if typed else ''}(null);",
        f"const [problem, setProblem] = useState({chr(34) * 2});",
        "useEffect(() => {\nconst controller = new AbortController();",
        f"fetch({json.dumps(page.source)}, {{ signal: controller.signal }})",
        ".then((response) => {\nif (!response.ok) {\nthrow new Error(`status ${response.status}`);\n}\nreturn response.json();\n})",
        f".then(setData)\n.catch((error{': unknown' if typed else ''}) => {{\nif (!controller.signal.aborted) {{\nsetProblem(String(error));\n}}\n}});",
        "return () => controller.abort();\n}, []);",
    ]
    return ["\n".join(lines)], '{problem ? <p role="alert">{problem}</p> : null}'


def _app_client(page: Page, conventions: Conventions) -> str:
    parameters = page.route.parameters
    hooks, guard = _client_parts(page, conventions)
    imports = ['"use client";\n']
    imports += ['import React from "react";'] if conventions.imports_react else []
    imports += ['import { useEffect, useState } from "react";'] if hooks else []
    imports += ['import { useParams } from "next/navigation";'] if parameters else []
    generic = f"<{page.parameters_type}>" if conventions.typescript else ""
    steps = [f"const {page.names} = useParams{generic}();"] if parameters else []
    steps += [*hooks, f"return (\n{_main(page, data='data' if page.source else '', guard=guard)}\n);"]
    body = "\n".join(steps)
    return "\n".join(imports) + f"\n\nexport default function {page.component}() {{\n{body}\n}}\n"


def _pages(page: Page, conventions: Conventions) -> str:
    typed = conventions.typescript
    parameters = page.route.parameters
    has_props = page.data != "client" and bool(page.source or parameters)
    hooks, guard = _client_parts(page, conventions) if page.data == "client" else ([], "")
    kind = {"static": "GetStaticProps", "server": "GetServerSideProps", "client": ""}[page.data]
    imports = ['import React from "react";'] if conventions.imports_react else []
    imports += ['import { useEffect, useState } from "react";'] if hooks else []
    if has_props and typed:
        paths = ["GetStaticPaths"] if page.data == "static" and parameters else []
        imports.append(f'import type {{ {", ".join([*paths, kind])} }} from "next";')
    imports.append('import Head from "next/head";')
    imports += ['import { useRouter } from "next/router";'] if page.data == "client" and parameters else []
    fields = [f"{each.name}{'?' if each.is_optional else ''}: {each.type}" for each in parameters]
    fields += ["data: unknown"] if page.source else []
    props = f"type Props = {{ {'; '.join(fields)} }};\n\n" if has_props and typed else ""
    names = [each.name for each in parameters] + (["data"] if page.source else [])
    given = f"{{ {', '.join(names)} }}{': Props' if typed else ''}" if has_props else ""
    steps = ["const { query } = useRouter();"] if page.data == "client" and parameters else []
    steps += hooks
    main = _main(page, data="data" if page.source else "", guard=guard)
    if page.data == "client":
        for each, shown in zip(parameters, _shown_parameters(page), strict=True):
            main = main.replace(f"<p>{{{shown}}}</p>", f'<p>{{String(query.{each.name} ?? "")}}</p>')
    head = (
        f"<Head>\n<title>{page.title}</title>\n</Head>"
        if page.title.replace(" ", "").isalnum()
        else f"<Head>\n<title>{{{json.dumps(page.title)}}}</title>\n</Head>"
    )
    body = "\n".join([*steps, f"return (\n<>\n{head}\n{main}\n</>\n);"])
    export = (
        f"const {page.component} = ({given}) => {{\n{body}\n}};\n\nexport default {page.component};\n"
        if conventions.arrow
        else f"export default function {page.component}({given}) {{\n{body}\n}}\n"
    )
    loader = _loader(page, conventions, options="") if page.source and has_props else ""
    data = _props_function(page, conventions, kind, names) if has_props else ""
    return "\n".join(imports) + f"\n\n{props}{loader}{export}{data}"


def _props_function(page: Page, conventions: Conventions, kind: str, names: list[str]) -> str:
    """What hands the page its properties: at build time or with each request."""
    typed = conventions.typescript
    function = "getStaticProps" if page.data == "static" else "getServerSideProps"
    parameters = page.route.parameters
    annotation = f": {kind}<Props{f', {page.parameters_type}' if parameters else ''}>" if typed else ""
    steps: list[str] = []
    if parameters:
        steps.append("if (!params) {\nreturn { notFound: true };\n}")
        steps.append(f"const {page.names} = params;")
    steps += ["const data = await load();"] if page.source else []
    values = [
        f"...({each.name} ? {{ {each.name} }} : {{}})" if each.is_optional else each.name
        for each in parameters
    ] + (["data"] if page.source else [])
    steps.append(f"return {{ props: {{ {', '.join(values)} }} }};")
    given = "{ params }" if parameters else ""
    body = "\n".join(steps)
    text = f"\nexport const {function}{annotation} = async ({given}) => {{\n{body}\n}};\n"
    if page.data == "static" and parameters:
        paths = f": GetStaticPaths<{page.parameters_type}>" if typed else ""
        text += f'\nexport const getStaticPaths{paths} = async () => {{\nreturn {{ paths: [], fallback: "blocking" }};\n}};\n'
    return text
