"""Make a page of a Next.js project."""

from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.node.conventions import conventions_of
from tools.node.drafting import GRACE_S, LONGEST_S, Draft, previewed, proved, written
from tools.node.next_routes import page_path, refuse_taken, route_of, router_of
from tools.node.next_templates import Page, page_text
from tools.node.projects import project_of
from tools.paths import WorkspacePath
from tools.tool_schemas import ANYTHING, Arguments, Preview, ToolContext, ToolOutput, tool

PARAMETERS_ARE_PROMISES_SINCE = (15,)


class GenerateNextjsPage(Arguments):
    """Write a new page for a Next.js route, with the router, language and style of the project. It must pass the
    project's type check, lint and format, else nothing is written."""

    route: str = Field(min_length=1, max_length=200, description="Such as /blog/[slug].")
    title: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\n{}<>]+$", description="Heading of the page."
    )
    data: Literal["static", "server", "client"] = Field(
        default="static", description="When its data are fetched."
    )
    source: str = Field(
        default="",
        max_length=500,
        pattern=r"^(https?://[^\s\"'`\\]+|/[^\s\"'`\\]*)?$",
        description="URL of the data; none: no data.",
    )
    router: Literal["app", "pages"] | None = Field(default=None, description="None: the project's.")
    project: WorkspacePath = Field(default=".", min_length=1, description="Folder of the project.")
    wishes: str = Field(
        default="", max_length=1_000, description="What a model adds to the template; none: template alone."
    )
    overwrite: bool = Field(default=False, description="Replace a file that exists.")


def _title(arguments: GenerateNextjsPage) -> str:
    return f"generate_nextjs_page {arguments.route}"


def _draft(arguments: GenerateNextjsPage, context: ToolContext) -> Draft:
    project = project_of(context, arguments.project)
    router, folder = router_of(project, arguments.router)
    route = route_of(arguments.route)
    if arguments.source.startswith("/") and arguments.data != "client":
        raise ToolRejected(
            f"On the server {arguments.source!r} has no host to be fetched from.",
            "Send a whole URL, or data: client.",
        )
    conventions = conventions_of(project)
    path = page_path(route, router, folder, conventions)
    refuse_taken(project, route, path)
    version = project.version_of("next")
    page = Page(
        route,
        router,
        arguments.data,
        arguments.title,
        arguments.source,
        version >= PARAMETERS_ARE_PROMISES_SINCE,
    )
    notes = ()
    if arguments.data == "static" and route.parameters:
        notes = ("No path is built beforehand yet: name them where the parameters are listed.",)
    purpose = f"The page {arguments.title!r} of the Next.js route {route.path}."
    texts = {path: page_text(page, conventions)}
    return Draft(project, conventions, texts, purpose, notes, arguments.overwrite, arguments.wishes)


async def _preview(arguments: GenerateNextjsPage, context: ToolContext) -> Preview:
    done = await proved(context, _draft(arguments, context))
    return previewed(_title(arguments), done)


@tool(
    GenerateNextjsPage,
    title=_title,
    effect=Effect.WRITE,
    timeout_s=LONGEST_S * 2 + GRACE_S,
    preview=_preview,
    touches=lambda a: ANYTHING,
)
async def generate_nextjs_page(arguments: GenerateNextjsPage, context: ToolContext) -> ToolOutput:
    """The file that was written, and what checked it."""
    return await written(context, _draft(arguments, context))
