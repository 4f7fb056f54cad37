"""Make a handler of an HTTP route."""

import re
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.node.api_templates import (
    WITH_BODY,
    Endpoint,
    FieldType,
    Framework,
    InputField,
    Validation,
    endpoint_text,
    handler_path,
    mounting,
)
from tools.node.conventions import Conventions, conventions_of
from tools.node.drafting import GRACE_S, LONGEST_S, Draft, previewed, proved, written
from tools.node.next_routes import api_path, refuse_taken, route_of, router_of
from tools.node.projects import Project, project_of
from tools.paths import WorkspacePath
from tools.test_frameworks.tree import within
from tools.tool_schemas import ANYTHING, Arguments, Preview, ToolContext, ToolOutput, tool

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Wanted = Literal["auto", "next", "express", "fastify"]
PARAMETERS_ARE_PROMISES_SINCE = (15,)
FOLDERS = ("routes", "api", "controllers")


class RouteField(Arguments):
    """One value of the body."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)
    type: FieldType = "string"
    required: bool = True


class GenerateApiRoute(Arguments):
    """Write a handler for an HTTP route of Next.js, Express or Fastify that checks its input (zod where the project has
    it). It must pass the project's type check, lint and format, else nothing is written."""

    path: str = Field(min_length=1, max_length=200, description="Such as /api/users/[id].")
    methods: list[Method] = Field(
        default=["GET"], min_length=1, max_length=5, description="Those it answers."
    )
    body: list[RouteField] = Field(default=[], max_length=30, description="What POST, PUT and PATCH take.")
    framework: Wanted = Field(default="auto", description="auto: the one the project has.")
    project: WorkspacePath = Field(default=".", min_length=1, description="Folder of the project.")
    wishes: str = Field(
        default="", max_length=1_000, description="What a model adds to the template; none: template alone."
    )
    overwrite: bool = Field(default=False, description="Replace a file that exists.")


def _title(arguments: GenerateApiRoute) -> str:
    return f"generate_api_route {'/'.join(arguments.methods)} {arguments.path}"


def _framework(arguments: GenerateApiRoute, project: Project) -> str:
    known = ("next", "fastify", "express")
    there = [name for name in known if name in project.dependencies]
    if arguments.framework != "auto":
        there = [name for name in there if name == arguments.framework]
    if not there:
        wanted = "next, express or fastify" if arguments.framework == "auto" else arguments.framework
        raise ToolRejected(
            f"The project in {project.folder!r} does not depend on {wanted}.",
            "Name the folder of the project that answers requests.",
        )
    return there[0]


def _endpoint(arguments: GenerateApiRoute, project: Project, framework: Framework, path: str) -> Endpoint:
    methods = tuple(dict.fromkeys(arguments.methods))
    if arguments.body and not set(methods) & set(WITH_BODY):
        raise ToolRejected("Only POST, PUT and PATCH take a body.", "Send one of those methods, or no body.")
    fields = tuple(InputField(each.name, each.type, each.required) for each in arguments.body)
    names = [each.name for each in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ToolRejected(f"The field {twice[0]!r} is named twice.", "Name each once.")
    validation: Validation = "zod" if "zod" in project.dependencies else "written"
    route = route_of(path)
    return Endpoint(
        route.path,
        tuple((each.name, each.is_list) for each in route.parameters),
        methods,
        fields,
        framework,
        "schema" if framework == "fastify" else validation,
        awaits_parameters=project.version_of("next") >= PARAMETERS_ARE_PROMISES_SINCE,
    )


def _next(arguments: GenerateApiRoute, project: Project, conventions: Conventions) -> tuple[Endpoint, str]:
    router, folder = router_of(project)
    route = route_of(arguments.path)
    if router == "pages" and route.segments[:1] != ("api",):
        raise ToolRejected(
            f"With the pages router {route.path!r} is no API route.", f"Send the path /api{route.path}."
        )
    endpoint = _endpoint(arguments, project, "next-app" if router == "app" else "next-pages", arguments.path)
    path = api_path(route, router, folder, conventions)
    refuse_taken(project, route, path)
    return endpoint, path


def _server(
    arguments: GenerateApiRoute, project: Project, conventions: Conventions, framework: Framework
) -> tuple[Endpoint, str]:
    # Both ways of writing a parameter are understood; the framework is given its own.
    bracketed = re.sub(r":([A-Za-z_]\w*)", r"[\1]", arguments.path)
    if "..." in bracketed:
        raise ToolRejected("A catch-all is known to Next.js alone.", "Send a path such as /users/:id.")
    endpoint = _endpoint(arguments, project, framework, bracketed)
    shown = re.sub(r"\[(\w+)\]", r":\1", endpoint.path)
    endpoint = Endpoint(
        shown, endpoint.parameters, endpoint.methods, endpoint.fields, framework, endpoint.validation
    )
    places = [within(conventions.source_folder, name) for name in FOLDERS]
    files = project.files
    folder = next(
        (each for each in places if files.exists(each) and files.stat(each).kind == "folder"), places[0]
    )
    return endpoint, handler_path(endpoint, folder, conventions)


def _draft(arguments: GenerateApiRoute, context: ToolContext) -> Draft:
    project = project_of(context, arguments.project)
    framework = _framework(arguments, project)
    conventions = conventions_of(project)
    if framework == "next":
        endpoint, path = _next(arguments, project, conventions)
    else:
        endpoint, path = _server(
            arguments, project, conventions, "express" if framework == "express" else "fastify"
        )
    said = mounting(endpoint)
    purpose = f"The handler of {', '.join(endpoint.methods)} {endpoint.path} in {framework}."
    return Draft(
        project,
        conventions,
        {path: endpoint_text(endpoint, conventions)},
        purpose,
        (said,) if said else (),
        arguments.overwrite,
        arguments.wishes,
    )


async def _preview(arguments: GenerateApiRoute, context: ToolContext) -> Preview:
    done = await proved(context, _draft(arguments, context))
    return previewed(_title(arguments), done)


@tool(
    GenerateApiRoute,
    title=_title,
    effect=Effect.WRITE,
    timeout_s=LONGEST_S * 2 + GRACE_S,
    preview=_preview,
    touches=lambda a: ANYTHING,
)
async def generate_api_route(arguments: GenerateApiRoute, context: ToolContext) -> ToolOutput:
    """The file that was written, and what checked it."""
    return await written(context, _draft(arguments, context))
