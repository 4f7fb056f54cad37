"""Routes of a Next.js project: which router it has, where a route's file goes, and whether the route is taken."""

import posixpath
import re
from dataclasses import dataclass
from typing import Literal

from perdure.contracts.errors import ToolRejected
from tools.node.conventions import Conventions
from tools.node.projects import Project
from tools.test_frameworks.tree import walked, within

Router = Literal["app", "pages"]
SEGMENT = re.compile(
    r"[a-zA-Z0-9._~-]+|\[[A-Za-z_][A-Za-z0-9_]*\]|\[\.\.\.[A-Za-z_][A-Za-z0-9_]*\]|\[\[\.\.\.[A-Za-z_][A-Za-z0-9_]*\]\]"
)
PARAMETER = re.compile(r"\[+(?P<rest>\.\.\.)?(?P<name>\w+)\]+")
PAGE = re.compile(r"page\.[jt]sx?|route\.[jt]s")


@dataclass(frozen=True)
class Parameter:
    """A part of a route that stands for anything."""

    name: str
    is_list: bool
    is_optional: bool

    @property
    def type(self) -> str:
        """As TypeScript writes it."""
        return "string[]" if self.is_list else "string"


@dataclass(frozen=True)
class Route:
    """A route such as ``/blog/[slug]``."""

    path: str

    @property
    def segments(self) -> tuple[str, ...]:
        """Its parts; none for the root."""
        return tuple(part for part in self.path.split("/") if part)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parts that stand for anything."""
        found = ((segment, PARAMETER.fullmatch(segment)) for segment in self.segments)
        return tuple(
            Parameter(match["name"], bool(match["rest"]), segment.startswith("[["))
            for segment, match in found
            if match
        )

    @property
    def name(self) -> str:
        """Words for what it shows: the last part that is no parameter."""
        plain = [segment for segment in self.segments if not segment.startswith("[")]
        return plain[-1] if plain else "home"


def route_of(text: str) -> Route:
    """The route; ToolRejected names the part that Next.js would not take."""
    parts = [part for part in text.strip().split("/") if part]
    for part in parts:
        if not SEGMENT.fullmatch(part) or part in {".", ".."}:
            raise ToolRejected(
                f"{part!r} is no part of a route.",
                "Send a route such as /blog/[slug]; a parameter is in brackets.",
            )
    route = Route("/" + "/".join(parts))
    names = [each.name for each in route.parameters]
    if len(set(names)) < len(names):
        raise ToolRejected(f"The route {route.path!r} names a parameter twice.", "Give each its own name.")
    if any(part.startswith(("[...", "[[...")) for part in parts[:-1]):
        raise ToolRejected(f"In {route.path!r} a catch-all stands before the end.", "Put it last.")
    return route


def router_of(project: Project, wanted: Router | None = None) -> tuple[Router, str]:
    """The router and its folder, from the workspace root; ToolRejected where the project has none, or not that one."""
    if "next" not in project.dependencies:
        raise ToolRejected(
            f"The project in {project.folder!r} does not depend on next.",
            "Name the folder of a Next.js project.",
        )
    found: dict[Router, str] = {}
    routers: tuple[Router, ...] = ("app", "pages")
    for router in routers:
        for place in (router, f"src/{router}"):
            folder = within(project.folder, place)
            if project.files.exists(folder) and project.files.stat(folder).kind == "folder":
                found.setdefault(router, folder)
    if wanted and wanted in found:
        return wanted, found[wanted]
    if wanted or not found:
        there = " and ".join(found) or "neither app nor pages"
        raise ToolRejected(
            f"The project has {there} as the folder of its routes.",
            "Send it without router, or make that folder first.",
        )
    router = "app" if "app" in found else "pages"
    return router, found[router]


def page_path(route: Route, router: Router, folder: str, conventions: Conventions) -> str:
    """Where the page's file goes."""
    ending = "tsx" if conventions.typescript else "jsx"
    if router == "app":
        return posixpath.join(folder, *route.segments, f"page.{ending}")
    return posixpath.join(folder, *(route.segments or ("index",))) + f".{ending}"


def api_path(route: Route, router: Router, folder: str, conventions: Conventions) -> str:
    """Where the route's handler goes."""
    ending = "ts" if conventions.typescript else "js"
    if router == "app":
        return posixpath.join(folder, *route.segments, f"route.{ending}")
    return posixpath.join(folder, *route.segments) + f".{ending}"


def refuse_taken(project: Project, route: Route, path: str) -> None:
    """ToolRejected where another file already answers the route: in the other router, a group, or another language."""
    wanted = _shape(route.segments)
    for router in ("app", "pages"):
        for place in (router, f"src/{router}"):
            folder = within(project.folder, place)
            if not (project.files.exists(folder) and project.files.stat(folder).kind == "folder"):
                continue
            for file in walked(project.files, [folder]):
                shape = _shape_of_file(posixpath.relpath(file, folder), router)
                if shape == wanted and file != path:
                    raise ToolRejected(
                        f"{file!r} already answers {route.path!r}; nothing was written.",
                        "Edit that file, or choose another route.",
                    )


def _shape_of_file(path: str, router: str) -> tuple[str, ...] | None:
    folder, name = posixpath.split(path)
    parts = [part for part in folder.split("/") if part]
    if router == "app":
        if not PAGE.fullmatch(name):
            return None
        return _shape(tuple(part for part in parts if not part.startswith(("(", "@"))))
    stem, ending = posixpath.splitext(name)
    if ending not in {".js", ".jsx", ".ts", ".tsx"} or stem.startswith("_"):
        return None
    return _shape((*parts, *([] if stem == "index" else [stem])))


def _shape(segments: tuple[str, ...]) -> tuple[str, ...]:
    # Next.js takes two routes that differ in a parameter's name alone for one and the same.
    return tuple(re.sub(r"\w+(?=\]+\Z)", "*", part) if part.startswith("[") else part for part in segments)
