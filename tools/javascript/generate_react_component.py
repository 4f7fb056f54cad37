"""Make a React component as the project writes its own."""

from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.node.conventions import conventions_of
from tools.node.drafting import GRACE_S, LONGEST_S, Draft, previewed, proved, written
from tools.node.projects import project_of
from tools.node.react_templates import Component, Prop, all_files, names_of
from tools.paths import WorkspacePath
from tools.tool_schemas import ANYTHING, Arguments, Preview, ToolContext, ToolOutput, tool

TYPE = r"[^\n;`\\]+"


class ComponentProp(Arguments):
    """One property."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)
    type: str = Field(pattern=rf"^{TYPE}$", max_length=200, description="As in TypeScript, e.g. string.")
    required: bool = True
    description: str = Field(default="", pattern=r"^[^\n*]*$", max_length=200)


class GenerateReactComponent(Arguments):
    """Write a new React component, typed and styled as the project does it; optionally its test and story. It must
    pass the project's type check, lint and format, else nothing is written."""

    name: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=60, description="In PascalCase.")
    props: list[ComponentProp] = Field(default=[], max_length=30, description="Its properties.")
    children: bool = Field(default=False, description="Takes children.")
    kind: Literal["function", "class"] = Field(default="function", description="How it is written.")
    test: bool = Field(default=False, description="Write its test as well.")
    story: bool = Field(default=False, description="Write its story as well.")
    folder: WorkspacePath | None = Field(
        default=None, min_length=1, description="None: where the others are."
    )
    project: WorkspacePath = Field(default=".", min_length=1, description="Folder of the project.")
    wishes: str = Field(
        default="", max_length=1_000, description="What a model adds to the template; none: template alone."
    )
    overwrite: bool = Field(default=False, description="Replace files that exist.")


def _title(arguments: GenerateReactComponent) -> str:
    return f"generate_react_component {arguments.name}"


def _draft(arguments: GenerateReactComponent, context: ToolContext) -> Draft:
    project = project_of(context, arguments.project)
    if "react" not in project.dependencies:
        raise ToolRejected(
            f"The project in {project.folder!r} does not depend on react.",
            "Name the folder of a React project.",
        )
    props = tuple(
        Prop(each.name, each.type.strip(), each.required, each.description) for each in arguments.props
    )
    twice = names_of(props)
    if twice or (arguments.children and any(prop.name == "children" for prop in props)):
        raise ToolRejected(f"The property {(twice or ['children'])[0]!r} is named twice.", "Name each once.")
    conventions = conventions_of(project)
    if arguments.test and (
        conventions.runner not in {"vitest", "jest"} or not conventions.has_testing_library
    ):
        raise ToolRejected(
            "A test of a component needs Vitest or Jest and @testing-library/react, which the project does not have.",
            "Send it without test, or add those packages first.",
        )
    if arguments.story and not conventions.storybook:
        raise ToolRejected("The project does not depend on Storybook.", "Send it without story.")
    interactive = any(prop.is_event for prop in props) or arguments.kind == "class"
    component = Component(
        name=arguments.name,
        props=props,
        is_class=arguments.kind == "class",
        takes_children=arguments.children,
        client=interactive and "next" in project.dependencies,
    )
    folder = arguments.folder or conventions.component_folder
    files = all_files(component, folder, conventions, test=arguments.test, story=arguments.story)
    purpose = f"The React component {arguments.name}."
    return Draft(
        project,
        conventions,
        files,
        purpose,
        overwrite=arguments.overwrite,
        wishes=arguments.wishes,
    )


async def _preview(arguments: GenerateReactComponent, context: ToolContext) -> Preview:
    done = await proved(context, _draft(arguments, context))
    return previewed(_title(arguments), done)


@tool(
    GenerateReactComponent,
    title=_title,
    effect=Effect.WRITE,
    timeout_s=LONGEST_S * 2 + GRACE_S,
    preview=_preview,
    touches=lambda a: ANYTHING,
)
async def generate_react_component(arguments: GenerateReactComponent, context: ToolContext) -> ToolOutput:
    """The files that were written, and what checked them."""
    return await written(context, _draft(arguments, context))
