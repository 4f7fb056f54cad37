"""Make TypeScript's types from JSON samples, a JSON Schema or an OpenAPI document."""

import json
import posixpath
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field

import tools.node
from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning, ending
from perdure.safety.views import View
from tools.node.batch import limits_of
from tools.node.conventions import conventions_of
from tools.node.drafting import GRACE_S, LONGEST_S, Draft, previewed, proved, written
from tools.node.projects import node_of, our_modules, project_of
from tools.node.sample_schemas import kind_of, parsed, schema_of_openapi, schema_of_samples, type_name
from tools.paths import WorkspacePath, located, text_file_facts
from tools.programs import output_text, run_program
from tools.text_files import decoded
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

PROGRAM = Path(tools.node.__file__).with_name("types.mjs")
LARGEST_BYTES = 4 * 1024**2
COMPILE_S = 60.0


class GenerateTypeDefinitions(Arguments):
    """Make TypeScript types from JSON samples, a JSON Schema or an OpenAPI document (JSON). With output they are written
    to that file, if they pass the project's checks; else they are only shown."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=80, description="Name of the main type.")
    paths: list[WorkspacePath] = Field(
        default=[], max_length=50, description="JSON files; several are samples."
    )
    json_text: str = Field(default="", max_length=200_000, description="The JSON itself, instead of paths.")
    kind: Literal["auto", "samples", "schema", "openapi"] = Field(default="auto", description="What it is.")
    output: WorkspacePath | None = Field(default=None, min_length=1, description="A .ts file to write.")
    overwrite: bool = Field(default=False, description="Replace a file that exists.")


def _title(arguments: GenerateTypeDefinitions) -> str:
    return f"generate_type_definitions {arguments.name}" + (
        f" → {arguments.output}" if arguments.output else ""
    )


def _documents(arguments: GenerateTypeDefinitions, context: ToolContext) -> list[object]:
    if bool(arguments.paths) == bool(arguments.json_text):
        raise ToolRejected(
            "Either paths or json_text says what the types are made from.", "Send one of the two."
        )
    if arguments.json_text:
        return [parsed(arguments.json_text, "json_text")]
    found: list[object] = []
    files = context.copy.files
    for path in arguments.paths:
        target = located(context.copy, path)
        if text_file_facts(files, target).bytes > LARGEST_BYTES:
            raise ToolRejected(f"{path!r} is larger than {LARGEST_BYTES:,} bytes.", "Name a smaller sample.")
        found.append(parsed(decoded(target, files.read(target)).text, repr(path)))
    return found


def _schema(arguments: GenerateTypeDefinitions, documents: list[object]) -> tuple[dict[str, Any], bool]:
    """The schema, and whether it is its definitions that count."""
    kind = kind_of(documents[0]) if arguments.kind == "auto" else arguments.kind
    if kind == "samples":
        return schema_of_samples(documents), False
    if len(documents) > 1 or not isinstance(documents[0], dict):
        raise ToolRejected(
            f"For {kind!r} one JSON object is needed.", "Name one file, or send kind: samples."
        )
    document = cast("dict[str, Any]", documents[0])
    return (schema_of_openapi(document), True) if kind == "openapi" else (document, False)


async def _types(arguments: GenerateTypeDefinitions, context: ToolContext) -> str:
    schema, definitions = _schema(arguments, _documents(arguments, context))
    request = {
        "modules": str(our_modules(context) / "of-perdure.js"),
        "name": type_name(arguments.name),
        "schema": schema,
        "definitions": definitions,
    }
    limits = limits_of(COMPILE_S)
    argv = [node_of(context), "--input-type=module", "-e", PROGRAM.read_text()]
    finished = await run_program(
        context, argv, view=View.READ_ONLY, limits=limits, stdin=json.dumps(request).encode()
    )
    if finished.exit_code != 0:
        raise ToolRejected(
            f"No types could be made: {ending(output_text(finished).strip(), 500)}", "Send a smaller sample."
        )
    answer: dict[str, str] = json.loads(finished.output)
    if "problem" in answer:
        raise ToolRejected(
            f"No types can be made of this: {beginning(answer['problem'], 800)}", "Mend the schema."
        )
    return answer["text"]


async def _draft(arguments: GenerateTypeDefinitions, context: ToolContext, output: str) -> Draft:
    if not output.endswith((".ts", ".mts", ".cts")):
        raise ToolRejected(f"{output!r} is no file of TypeScript.", "Name a file that ends in .ts.")
    folder = posixpath.dirname(output)
    while folder and not context.copy.files.exists(folder):
        folder = posixpath.dirname(folder)
    project = project_of(context, folder or ".")
    text = await _types(arguments, context)
    purpose = f"The types {arguments.name}."
    return Draft(project, conventions_of(project), {output: text}, purpose, overwrite=arguments.overwrite)


async def _preview(arguments: GenerateTypeDefinitions, context: ToolContext) -> Preview:
    if arguments.output is None:
        return Preview(title=_title(arguments), markdown="It changes nothing.")
    done = await proved(context, await _draft(arguments, context, arguments.output))
    return previewed(_title(arguments), done)


@tool(
    GenerateTypeDefinitions,
    title=_title,
    effect=lambda a: Effect.WRITE if a.output else Effect.RUN,
    effects=(Effect.RUN, Effect.WRITE),
    timeout_s=LONGEST_S * 2 + GRACE_S,
    preview=_preview,
    touches=lambda a: Touches(paths=(a.output,) if a.output else ()),
)
async def generate_type_definitions(arguments: GenerateTypeDefinitions, context: ToolContext) -> ToolOutput:
    """The types, and where they were written."""
    if arguments.output is None:
        text = await _types(arguments, context)
        return ToolOutput(content=text, summary=f"types for {arguments.name}, not written")
    return await written(context, await _draft(arguments, context, arguments.output))
