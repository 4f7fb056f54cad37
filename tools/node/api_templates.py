"""A handler of an HTTP route for Next.js, Express or Fastify whose input is checked before it is used."""

import json
import posixpath
import re
from dataclasses import dataclass
from typing import Literal

from tools.node.conventions import Conventions, named

Framework = Literal["next-app", "next-pages", "express", "fastify"]
Validation = Literal["zod", "schema", "written"]
FieldType = Literal["string", "number", "integer", "boolean", "string[]", "number[]"]
WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class InputField:
    """One value of the body."""

    name: str
    type: FieldType
    required: bool

    @property
    def typescript(self) -> str:
        """Its type as TypeScript writes it."""
        return "number" if self.type == "integer" else self.type


@dataclass(frozen=True)
class Endpoint:
    """What is wanted."""

    path: str
    """As the framework writes it."""
    parameters: tuple[tuple[str, bool], ...]
    """Name of each parameter of the path, and whether it is a list."""
    methods: tuple[str, ...]
    fields: tuple[InputField, ...]
    framework: Framework
    validation: Validation
    awaits_parameters: bool = True

    @property
    def has_body(self) -> bool:
        """Whether any method takes a body that is checked."""
        return bool(self.fields) and any(method in WITH_BODY for method in self.methods)


def endpoint_text(endpoint: Endpoint, conventions: Conventions) -> str:
    """The handler's file."""
    make = {"next-app": _next_app, "next-pages": _next_pages, "express": _express, "fastify": _fastify}
    return make[endpoint.framework](endpoint, conventions)


def _status(method: str) -> int:
    return 201 if method == "POST" else 200


def _checker(endpoint: Endpoint, conventions: Conventions) -> str:
    """``parseInput``, which gives the input or what is wrong with it."""
    if not endpoint.has_body:
        return ""
    return (
        _zod(endpoint, conventions) if endpoint.validation == "zod" else _hand_written(endpoint, conventions)
    )


def _result_type(conventions: Conventions, input_type: str) -> str:
    return f": {{ input: {input_type} }} | {{ problems: string[] }}" if conventions.typescript else ""


def _zod(endpoint: Endpoint, conventions: Conventions) -> str:
    forms = {
        "string": "z.string()",
        "number": "z.number()",
        "integer": "z.number().int()",
        "boolean": "z.boolean()",
        "string[]": "z.array(z.string())",
        "number[]": "z.array(z.number())",
    }
    fields = ", ".join(
        f"{each.name}: {forms[each.type]}{'' if each.required else '.optional()'}" for each in endpoint.fields
    )
    given = f"(body{': unknown' if conventions.typescript else ''})"
    return (
        f"const Input = z.object({{ {fields} }});\n\nfunction parseInput{given}{_result_type(conventions, 'z.infer<typeof Input>')} {{\n"
        "  const parsed = Input.safeParse(body);\n  if (parsed.success) {\n    return { input: parsed.data };\n  }\n"
        '  return { problems: parsed.error.issues.map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`) };\n}\n\n'
    )


def _hand_written(endpoint: Endpoint, conventions: Conventions) -> str:
    typed = conventions.typescript
    forms = {
        "string": 'typeof {} === "string"',
        "number": 'typeof {} === "number"',
        "integer": "Number.isInteger({})",
        "boolean": 'typeof {} === "boolean"',
        "string[]": 'Array.isArray({}) && {}.every((each) => typeof each === "string")',
        "number[]": 'Array.isArray({}) && {}.every((each) => typeof each === "number")',
    }
    head = ""
    if typed:
        fields = "; ".join(
            f"{each.name}{'' if each.required else '?'}: {each.typescript}" for each in endpoint.fields
        )
        head = f"type Input = {{ {fields} }};\n\n"
    lines: list[str] = []
    for each in endpoint.fields:
        test = forms[each.type].replace("{}", f"given.{each.name}")
        test = f"!({test})" if each.required else f"given.{each.name} !== undefined && !({test})"
        kind = each.type.replace("string[]", "a list of strings").replace("number[]", "a list of numbers")
        lines.append(f'if ({test}) {{\nproblems.push("{each.name} must be {kind}");\n}}')
    body = "\n".join(lines)
    cast = " as Record<string, unknown>" if typed else ""
    names = ", ".join(f"{each.name}: given.{each.name}" for each in endpoint.fields)
    return (
        f"{head}function parseInput(body{': unknown' if typed else ''}){_result_type(conventions, 'Input')} {{\n"
        'if (typeof body !== "object" || body === null || Array.isArray(body)) {\nreturn { problems: ["the body must be an object"] };\n}\n'
        f"const given = body{cast};\nconst problems{': string[]' if typed else ''} = [];\n{body}\n"
        f"return problems.length > 0 ? {{ problems }} : {{ input: {{ {names} }}{' as Input' if typed else ''} }};\n}}\n\n"
    )


def _zod_import(endpoint: Endpoint, conventions: Conventions) -> str:
    if endpoint.validation != "zod" or not endpoint.has_body:
        return ""
    return 'import { z } from "zod";\n' if conventions.module else 'const { z } = require("zod");\n'


def _answer(endpoint: Endpoint, *, takes_body: bool) -> str:
    values = [name for name, _ in endpoint.parameters] + (["input: parsed.input"] if takes_body else [])
    return f"{{ {', '.join(values)} }}" if values else "{ ok: true }"


def _names(endpoint: Endpoint) -> str:
    return f"{{ {', '.join(name for name, _ in endpoint.parameters)} }}"


def _parameters_type(endpoint: Endpoint) -> str:
    return f"{{ {'; '.join(f'{name}: string[]' if is_list else f'{name}: string' for name, is_list in endpoint.parameters)} }}"


def _next_app(endpoint: Endpoint, conventions: Conventions) -> str:
    typed = conventions.typescript
    text = 'import { NextResponse } from "next/server";\n' + _zod_import(endpoint, conventions) + "\n"
    if endpoint.parameters and typed:
        wrapped = (
            f"Promise<{_parameters_type(endpoint)}>"
            if endpoint.awaits_parameters
            else _parameters_type(endpoint)
        )
        text += f"type Context = {{ params: {wrapped} }};\n\n"
    text += _checker(endpoint, conventions)
    for method in endpoint.methods:
        takes_body = bool(endpoint.fields) and method in WITH_BODY
        request = f"{'request' if takes_body else '_request'}{': Request' if typed else ''}"
        context = f"{{ params }}{': Context' if typed else ''}"
        given = ", ".join([request, context] if endpoint.parameters else ([request] if takes_body else []))
        steps: list[str] = []
        if endpoint.parameters:
            steps.append(
                f"const {_names(endpoint)} = {'await ' if endpoint.awaits_parameters else ''}params;"
            )
        if takes_body:
            steps.append(
                f"let body{': unknown' if typed else ''};\ntry {{\nbody = await request.json();\n}} catch {{\n"
                'return NextResponse.json({ problems: ["the body must be JSON"] }, { status: 400 });\n}\n'
                'const parsed = parseInput(body);\nif ("problems" in parsed) {\nreturn NextResponse.json({ problems: parsed.problems }, { status: 400 });\n}'
            )
        status = f", {{ status: {_status(method)} }}" if _status(method) != 200 else ""
        steps.append(f"return NextResponse.json({_answer(endpoint, takes_body=takes_body)}{status});")
        text += f"export async function {method}({given}) {{\n" + "\n".join(steps) + "\n}\n\n"
    return text


def _next_pages(endpoint: Endpoint, conventions: Conventions) -> str:
    typed = conventions.typescript
    text = 'import type { NextApiRequest, NextApiResponse } from "next";\n' if typed else ""
    text += _zod_import(endpoint, conventions) + "\n" + _checker(endpoint, conventions)
    steps: list[str] = []
    for name, is_list in endpoint.parameters:
        if is_list:
            steps.append(f"const {name} = [request.query.{name} ?? []].flat();")
        else:
            steps.append(f"const {name} = String(request.query.{name});")
    steps.append(
        "switch (request.method) {\n" + "\n".join(_case(endpoint, method) for method in endpoint.methods)
    )
    allowed = json.dumps(list(endpoint.methods))
    steps.append(
        f'default:\nresponse.setHeader("Allow", {allowed});\nresponse.status(405).json({{ problems: ["this method is not answered"] }});\n}}'
    )
    given = "request: NextApiRequest, response: NextApiResponse" if typed else "request, response"
    return text + f"export default function handler({given}) {{\n" + "\n".join(steps) + "\n}\n"


def _case(endpoint: Endpoint, method: str) -> str:
    takes_body = bool(endpoint.fields) and method in WITH_BODY
    parsing = ""
    if takes_body:
        parsing = (
            'const parsed = parseInput(request.body);\nif ("problems" in parsed) {\n'
            "response.status(400).json({ problems: parsed.problems });\nreturn;\n}\n"
        )
    answer = _answer(endpoint, takes_body=takes_body)
    return f'case "{method}": {{\n{parsing}response.status({_status(method)}).json({answer});\nreturn;\n}}'


def _express(endpoint: Endpoint, conventions: Conventions) -> str:
    typed, module = conventions.typescript, conventions.module
    text = 'import { Router } from "express";\n' if module else 'const { Router } = require("express");\n'
    text += _zod_import(endpoint, conventions) + "\n" + _checker(endpoint, conventions)
    name = f"{named(_name_of(endpoint.path), 'camel')}Router"
    text += f"{'export ' if module else ''}const {name}{': Router' if typed else ''} = Router();\n\n"
    for method in endpoint.methods:
        takes_body = bool(endpoint.fields) and method in WITH_BODY
        uses_request = takes_body or bool(endpoint.parameters)
        steps: list[str] = [f"const {_names(endpoint)} = request.params;"] if endpoint.parameters else []
        if takes_body:
            steps.append(
                'const parsed = parseInput(request.body);\nif ("problems" in parsed) {\n'
                "response.status(400).json({ problems: parsed.problems });\nreturn;\n}"
            )
        steps.append(f"response.status({_status(method)}).json({_answer(endpoint, takes_body=takes_body)});")
        given = f"({'request' if uses_request else '_request'}, response)"
        text += (
            f"{name}.{method.lower()}({json.dumps(endpoint.path)}, {given} => {{\n"
            + "\n".join(steps)
            + "\n});\n\n"
        )
    return text + ("" if module else f"module.exports = {{ {name} }};\n")


def _fastify(endpoint: Endpoint, conventions: Conventions) -> str:
    """Fastify checks the input itself, by the route's JSON Schema."""
    typed, module = conventions.typescript, conventions.module
    text = 'import type { FastifyInstance } from "fastify";\n\n' if typed else ""
    if endpoint.has_body:
        text += f"const input = {json.dumps(_schema(endpoint))}{' as const' if typed else ''};\n\n"
        if typed:
            fields = "; ".join(
                f"{each.name}{'' if each.required else '?'}: {each.typescript}" for each in endpoint.fields
            )
            text += f"type Input = {{ {fields} }};\n\n"
    name = f"{named(_name_of(endpoint.path), 'camel')}Routes"
    given = f"app{': FastifyInstance' if typed else ''}"
    text += f"{'export ' if module else ''}async function {name}({given}) {{\n"
    for method in endpoint.methods:
        takes_body = bool(endpoint.fields) and method in WITH_BODY
        kinds = [f"Params: {_parameters_type(endpoint)}"] if endpoint.parameters else []
        kinds += ["Body: Input"] if takes_body else []
        generic = f"<{{ {'; '.join(kinds)} }}>" if typed and kinds else ""
        options = "{ schema: { body: input } }, " if takes_body else ""
        uses_request = takes_body or bool(endpoint.parameters)
        steps = [f"const {_names(endpoint)} = request.params;"] if endpoint.parameters else []
        values = [each for each, _ in endpoint.parameters] + (["input: request.body"] if takes_body else [])
        answer = f"{{ {', '.join(values)} }}" if values else "{ ok: true }"
        steps += [f"reply.code({_status(method)});\nreturn {answer};"]
        taken = f"({'request' if uses_request else '_request'}, reply)"
        text += (
            f"app.{method.lower()}{generic}({json.dumps(endpoint.path)}, {options}async {taken} => {{\n"
            + "\n".join(steps)
            + "\n});\n\n"
        )
    text = text.rstrip() + "\n}\n"
    return text + ("" if module else f"\nmodule.exports = {{ {name} }};\n")


def _schema(endpoint: Endpoint) -> dict[str, object]:
    def form(kind: str) -> dict[str, object]:
        return {"type": "array", "items": {"type": kind[:-2]}} if kind.endswith("[]") else {"type": kind}

    return {
        "type": "object",
        "required": [each.name for each in endpoint.fields if each.required],
        "additionalProperties": False,
        "properties": {each.name: form(each.type) for each in endpoint.fields},
    }


def _name_of(path: str) -> str:
    plain = [part for part in path.split("/") if part and not part.startswith((":", "*"))]
    return plain[-1] if plain and re.match(r"[A-Za-z]", plain[-1]) else "root"


def handler_path(endpoint: Endpoint, folder: str, conventions: Conventions) -> str:
    """Where the handler of Express or Fastify goes: the folder of routes that is there, else ``routes``."""
    ending = "ts" if conventions.typescript else "js"
    return posixpath.join(folder, f"{conventions.file_name(_name_of(endpoint.path))}.{ending}")


def mounting(endpoint: Endpoint) -> str:
    """How the handler is put into an application."""
    name = named(_name_of(endpoint.path), "camel")
    if endpoint.framework == "express":
        body = " after app.use(express.json())" if endpoint.has_body else ""
        return f"Not mounted yet: add app.use({name}Router){body} where the application is made."
    if endpoint.framework == "fastify":
        return f"Not registered yet: add app.register({name}Routes) where the application is made."
    return ""
