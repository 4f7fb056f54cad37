"""A React component in a project's own way, with its styles, its test and its story."""

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.node.conventions import Conventions, named

EVENT = re.compile(r"on[A-Z]\w*")
TEXTS = {"string", "number", "bigint", "React.ReactNode", "ReactNode"}


@dataclass(frozen=True)
class Prop:
    """One property of a component, its type as TypeScript writes it."""

    name: str
    type: str
    required: bool
    description: str = ""

    @property
    def is_event(self) -> bool:
        """Whether it is called when something happens."""
        return bool(EVENT.fullmatch(self.name)) and "=>" in self.type

    @property
    def is_list(self) -> bool:
        """Whether it holds several things that can be shown one by one."""
        return self.type in {"string[]", "number[]", "Array<string>", "Array<number>"}


@dataclass(frozen=True)
class Component:
    """What is wanted."""

    name: str
    props: tuple[Prop, ...]
    is_class: bool = False
    takes_children: bool = False
    client: bool = False
    """Whether a router with server components must be told that it runs in the browser."""

    @property
    def all_props(self) -> tuple[Prop, ...]:
        """The properties with the children."""
        children = (Prop("children", "ReactNode", False),) if self.takes_children else ()
        return self.props + children


@dataclass(frozen=True)
class Places:
    """Where the files of one component are."""

    component: str
    styles: str
    test: str
    story: str
    index: str
    """The file that exports it from a folder of its own, or nothing."""


def places_of(name: str, folder: str, conventions: Conventions) -> Places:
    """The paths, from the workspace root, as the project names and places its own."""
    file = conventions.file_name(name)
    language = "ts" if conventions.typescript else "js"
    if conventions.folder_for_each:
        folder = posixpath.join(folder, file)
    base = posixpath.join(folder, file)
    tests = posixpath.join(folder, conventions.test_folder)
    return Places(
        component=f"{base}.{language}x",
        styles=f"{base}.module.{conventions.style_ending}" if conventions.styling == "css-modules" else "",
        test=posixpath.join(tests, f"{file}.{conventions.test_ending}.{language}x"),
        story=f"{base}.stories.{language}x",
        index=posixpath.join(folder, f"index.{language}") if conventions.folder_for_each else "",
    )


def component_text(component: Component, conventions: Conventions, places: Places) -> str:
    """The component's file."""
    lines = ['"use client";\n'] if component.client else []
    lines.append(_imports(component, conventions, places))
    if conventions.styling == "styled-components":
        lines.append("const Root = styled.div`\n  display: block;\n`;\n")
    lines.append(_props_type(component, conventions))
    make = _class_text if component.is_class else _function_text
    lines.append(make(component, conventions))
    return "\n".join(filter(None, lines)) + "\n"


def styles_text() -> str:
    """The module of styles."""
    return ".root {\n  display: block;\n}\n"


def index_text(component: Component, conventions: Conventions) -> str:
    """What makes the folder importable by its name."""
    what = f"default as {component.name}" if conventions.default_export else component.name
    default = (
        f"\nexport {{ default }} from './{conventions.file_name(component.name)}';"
        if conventions.default_export
        else ""
    )
    return f"export {{ {what} }} from './{conventions.file_name(component.name)}';{default}\n"


def story_text(component: Component, conventions: Conventions, places: Places) -> str:
    """A story in the present form of Storybook, one with the component's own properties."""
    arguments = _arguments(component)
    first = _import_of(component, conventions, places.component, places.story)
    if not conventions.typescript:
        return (
            f"{first}\n\nexport default {{ component: {component.name} }};\n\n"
            f"export const Default = {{ args: {arguments} }};\n"
        )
    return (
        f"import type {{ Meta, StoryObj }} from '{conventions.storybook}';\n{first}\n\n"
        f"const meta = {{ component: {component.name} }} satisfies Meta<typeof {component.name}>;\n\n"
        f"export default meta;\n\ntype Story = StoryObj<typeof meta>;\n\n"
        f"export const Default: Story = {{ args: {arguments} }};\n"
    )


def test_text(component: Component, conventions: Conventions, places: Places) -> str:
    """A test that renders it, and one for each event that must be passed on."""
    runner = conventions.runner
    events = [prop for prop in component.props if prop.is_event]
    imports = [_import_of(component, conventions, places.component, places.test)]
    mock = {"vitest": "vi.fn()", "jest": "jest.fn()"}.get(runner, "")
    if runner == "vitest" and not conventions.globals_in_tests:
        names = ["afterEach", "describe", "expect", "it", *(["vi"] if events else [])]
        imports.insert(0, f"import {{ {', '.join(names)} }} from 'vitest';")
    names = [
        *([] if conventions.globals_in_tests else ["cleanup"]),
        *(["fireEvent"] if events else []),
        "render",
    ]
    imports.insert(0, f"import {{ {', '.join(names)} }} from '@testing-library/react';")
    if conventions.imports_react:
        imports.insert(0, "import React from 'react';")
    marker = "// @vitest-environment jsdom\n" if runner == "vitest" else "/** @jest-environment jsdom */\n"
    body = [
        f"  it('shows what it is given', () => {{\n    const {{ container }} = render({_element(component, {})});\n    expect(container.firstChild).not.toBeNull();"
    ]
    body += [
        f"    expect(container.textContent).toContain({_sample(prop)});"
        for prop in component.props
        if prop.type == "string" and prop.required
    ]
    body.append("  });")
    for prop in events:
        body.append(
            f"\n  it('calls {prop.name}', () => {{\n    const {prop.name} = {mock};\n"
            f"    const {{ getByRole }} = render({_element(component, {prop.name: prop.name})});\n"
            f"    fireEvent.click(getByRole('button', {{ name: '{_label(prop)}' }}));\n"
            f"    expect({prop.name}).toHaveBeenCalledTimes(1);\n  }});"
        )
    clean = [] if conventions.globals_in_tests else ["afterEach(cleanup);\n"]
    text = "\n".join(body)
    return (
        marker
        + "\n".join([*imports, "", *clean, f"describe('{component.name}', () => {{\n{text}\n}});"])
        + "\n"
    )


def _imports(component: Component, conventions: Conventions, places: Places) -> str:
    types = re.findall(
        r"\b(ReactNode|ReactElement|CSSProperties)\b", " ".join(prop.type for prop in component.all_props)
    )
    wanted = sorted({"Component"} if component.is_class else set())
    typed = sorted({f"type {name}" for name in types}) if conventions.typescript else []
    lines: list[str] = []
    names = f"{{ {', '.join([*wanted, *typed])} }}" if wanted or typed else ""
    if conventions.imports_react:
        lines.append(f"import React{', ' + names if names else ''} from 'react';")
    elif typed and not wanted:
        lines.append(
            f"import type {{ {', '.join(name.removeprefix('type ') for name in typed)} }} from 'react';"
        )
    elif names:
        lines.append(f"import {names} from 'react';")
    if conventions.styling == "styled-components":
        lines.append("import styled from 'styled-components';")
    if conventions.styling == "css-modules":
        lines.append(f"import styles from './{posixpath.basename(places.styles)}';")
    return "\n".join(lines) + "\n" if lines else ""


def _props_type(component: Component, conventions: Conventions) -> str:
    if not component.all_props:
        return ""
    if not conventions.typescript:
        fields = [
            f" * @param {{{prop.type}}} {f'props.{prop.name}' if prop.required else f'[props.{prop.name}]'}"
            + (f" {prop.description}" if prop.description else "")
            for prop in component.all_props
        ]
        return (
            "\n".join(["/**", " * @param {object} props", *fields, " */"]) if not component.is_class else ""
        )
    fields = [
        (f"  /** {prop.description} */\n" if prop.description else "")
        + f"  {prop.name}{'' if prop.required else '?'}: {prop.type};"
        for prop in component.all_props
    ]
    head, tail = (
        (f"interface {component.name}Props {{", "}")
        if conventions.interface
        else (f"type {component.name}Props = {{", "};")
    )
    return "\n".join([f"export {head}", *fields, tail, ""])


def _function_text(component: Component, conventions: Conventions) -> str:
    names = ", ".join(prop.name for prop in component.all_props)
    typed = f": {component.name}Props" if conventions.typescript and names else ""
    parameters = f"{{ {names} }}{typed}" if names else ""
    body = f"  return (\n{_markup(component, conventions)}\n  );"
    name = component.name
    if conventions.arrow:
        export = "" if conventions.default_export else "export "
        ending = f"\n\nexport default {name};" if conventions.default_export else ""
        return f"{export}const {name} = ({parameters}) => {{\n{body}\n}};{ending}"
    export = "export default" if conventions.default_export else "export"
    return f"{export} function {name}({parameters}) {{\n{body}\n}}"


def _class_text(component: Component, conventions: Conventions) -> str:
    names = ", ".join(prop.name for prop in component.all_props)
    generic = f"<{component.name}Props>" if conventions.typescript and names else ""
    taken = f"    const {{ {names} }} = this.props;\n" if names else ""
    export = "export default" if conventions.default_export else "export"
    return (
        f"{export} class {component.name} extends Component{generic} {{\n  render() {{\n{taken}"
        f"    return (\n{_markup(component, conventions)}\n    );\n  }}\n}}"
    )


def _markup(component: Component, conventions: Conventions) -> str:
    opening = {
        "css-modules": "<div className={styles.root}>",
        "tailwind": '<div className="block">',
        "styled-components": "<Root>",
        "plain": f'<div className="{named(component.name, "kebab")}">',
    }[conventions.styling]
    closing = "</Root>" if conventions.styling == "styled-components" else "</div>"
    inner = [_shown(prop) for prop in component.all_props]
    return "\n".join([opening, *inner, closing])


def _shown(prop: Prop) -> str:
    """One property as it is seen."""
    if prop.is_event:
        return f'<button type="button" onClick={{() => {prop.name}{"" if prop.required else "?."}({_event_arguments(prop)})}}>{_label(prop)}</button>'
    if prop.name == "children" or prop.type in TEXTS:
        return f"<span>{{{prop.name}}}</span>" if prop.name != "children" else "{children}"
    if prop.type == "boolean":
        return f"{{{prop.name} ? <span>{_label(prop)}</span> : null}}"
    if prop.is_list:
        optional = "" if prop.required else "?"
        return f"<ul>{{{prop.name}{optional}.map((each) => <li key={{each}}>{{each}}</li>)}}</ul>"
    if re.fullmatch(r"""(?:["'][^"']*["']|\d+)(?: \| (?:["'][^"']*["']|\d+))*""", prop.type):
        return f"<span>{{{prop.name}}}</span>"
    return f"<pre>{{JSON.stringify({prop.name}, null, 2)}}</pre>"


def _event_arguments(prop: Prop) -> str:
    """Values for what the event's own type asks for; only plain ones can be made up."""
    inside = prop.type.partition("(")[2].rpartition(") =>")[0]
    values: list[str] = []
    for parameter in filter(None, (part.strip() for part in inside.split(","))):
        name, _, kind = parameter.partition(":")
        if name.endswith("?"):
            break
        values.append({"string": '""', "number": "0", "boolean": "true"}.get(kind.strip(), "undefined"))
    return ", ".join(values)


def _label(prop: Prop) -> str:
    words = named(re.sub(r"\Aon(?=[A-Z])", "", prop.name), "kebab").replace("-", " ")
    return words[:1].upper() + words[1:]


def _sample(prop: Prop) -> str:
    if prop.type == "string":
        return json.dumps(f"a {_label(prop).lower()}")
    if prop.is_event or "=>" in prop.type:
        return "() => undefined"
    if prop.is_list:
        return '["one"]' if "string" in prop.type else "[1]"
    literal = re.match(r"""["'][^"']*["']|\d+""", prop.type)
    if literal:
        return literal[0]
    if prop.type in {"ReactNode", "React.ReactNode"}:
        return json.dumps("some text")
    simple = {"number": "1", "boolean": "true", "bigint": "1n"}.get(prop.type)
    return simple or ("[]" if prop.type.endswith("[]") else "{} as never")


def _arguments(component: Component) -> str:
    given = [f"{prop.name}: {_sample(prop)}" for prop in component.props if prop.required]
    return f"{{ {', '.join(given)} }}" if given else "{}"


def _element(component: Component, given: dict[str, str]) -> str:
    attributes = [
        f"{prop.name}={{{given.get(prop.name) or _sample(prop)}}}"
        for prop in component.props
        if prop.required or prop.name in given
    ]
    head = " ".join([component.name, *attributes])
    return f"<{head}>text</{component.name}>" if component.takes_children else f"<{head} />"


def _import_of(component: Component, conventions: Conventions, target: str, source: str) -> str:
    path = posixpath.relpath(posixpath.splitext(target)[0], posixpath.dirname(source))
    path = path if path.startswith(".") else f"./{path}"
    name = component.name if conventions.default_export else f"{{ {component.name} }}"
    return f"import {name} from '{path}';"


def all_files(
    component: Component, folder: str, conventions: Conventions, *, test: bool, story: bool
) -> dict[str, str]:
    """Every file of the component by its path."""
    places = places_of(component.name, folder, conventions)
    files = {places.component: component_text(component, conventions, places)}
    if places.styles:
        files[places.styles] = styles_text()
    if places.index:
        files[places.index] = index_text(component, conventions)
    if test:
        files[places.test] = test_text(component, conventions, places)
    if story:
        files[places.story] = story_text(component, conventions, places)
    return files


def names_of(props: Sequence[Prop]) -> list[str]:
    """Names that stand twice."""
    seen = [prop.name for prop in props]
    return sorted({name for name in seen if seen.count(name) > 1})
