"""Finds the tools by walking their folders, and is the one way to describe, preview and run a call."""

import asyncio
import difflib
import functools
import importlib
import json
import pkgutil
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

import tools
from perdure.contracts.calls import Effect, ToolCall
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import ConfigurationError, ToolRejected
from perdure.contracts.judging import Named
from perdure.contracts.model import ToolSchema
from perdure.contracts.names import MCP_CATEGORY
from tools.arguments import checked
from tools.json_schemas import parameters_of
from tools.text_files import visible
from tools.titles import one_line
from tools.tool_schemas import Preview, Tool, ToolContext, ToolOutput, Touches
from tools.tool_search import ToolSearch

CATEGORIES = ("files", "analysis", "execution", "git", "search", "assist", "javascript")
#: Folders of what tools are made of.
WITHOUT_TOOLS = (
    "ahead",
    "by_hand",
    "checking",
    "dependencies",
    "documenting",
    "editing",
    "gathering",
    "improving",
    "mcp_servers",
    "node",
    "packages",
    "proving",
    "reading",
    "running",
    "revisions",
    "searching",
    "summaries",
    "symbols",
    "test_changes",
    "test_frameworks",
    "test_selection",
)


class Outline(NamedTuple):
    """What is known of a call before the policy judges it."""

    title: str
    effect: Effect
    arguments_digest: str
    timeout_s: float
    named: Named


class Registry:
    """The tools by name."""

    def __init__(self, found: Mapping[str, Tool[Any]], *, added: Collection[Tool[Any]] = ()) -> None:
        self._own = dict(sorted(found.items()))
        self._tools = dict(sorted({**found, **{one.name: one for one in added}}.items()))
        self.digest = digest_of(_dictionary(self._tools))
        """Changes whenever a tool's name, effect, limit, description or arguments do."""

    @classmethod
    def discover(cls) -> "Registry":
        """Every tool in the category folders; ConfigurationError where a file is not the tool its name says."""
        found: dict[str, Tool[Any]] = {}
        for category in pkgutil.iter_modules(tools.__path__):
            if not category.ispkg or category.name in WITHOUT_TOOLS:
                continue
            if category.name not in CATEGORIES:
                raise ConfigurationError(
                    f"The folder tools/{category.name} is no category of tools.",
                    f"Move its tools into one of: {', '.join(CATEGORIES)}.",
                )
            package = importlib.import_module(f"tools.{category.name}")
            for file in pkgutil.iter_modules(package.__path__):
                made = _tool_in(category.name, file.name)
                if made.name in found:
                    raise ConfigurationError(
                        f"Two files are named {made.name}.py, in tools/{found[made.name].category} and "
                        f"tools/{category.name}.",
                        "Rename one of them, and its function.",
                    )
                found[made.name] = made
        return cls(found)

    @property
    def names(self) -> tuple[str, ...]:
        """The tools' names, sorted."""
        return tuple(self._tools)

    @functools.cached_property
    def _schemas(self) -> dict[str, ToolSchema]:
        """By name. Made once, for making one from its arguments costs more than all else in a decision."""
        return {
            name: ToolSchema(
                name=name,
                description=_description(one),
                parameters=parameters_of(one.arguments),
                foreign=self.is_of_server(name),
            )
            for name, one in self._tools.items()
        }

    @functools.cached_property
    def _search(self) -> ToolSearch:
        return ToolSearch(self._schemas)

    def find(self, query: str, *, limit: int) -> tuple[ToolSchema, ...]:
        """The tools that fit the words best, best first."""
        return self._search.find(query, limit=limit)

    def schemas(
        self, *, denied: Collection[Effect] = (), names: Collection[str] | None = None
    ) -> tuple[ToolSchema, ...]:
        """What the model is told of these tools (default all), without those that could only have a denied effect."""
        return tuple(
            self._schemas[name]
            for name, one in self._tools.items()
            if (names is None or name in names) and not set(one.effects) <= set(denied)
        )

    def dictionary(self) -> dict[str, Any]:
        """The metadata registry of Perdure's own tools, as written to ``tool_dictionary.json``."""
        return _dictionary(self._own)

    def refuse_stale(self, file: Path) -> None:
        """Raise ConfigurationError where the file does not describe the tools that would run."""
        written = json.loads(file.read_text()) if file.is_file() else None
        if written != self.dictionary():
            raise ConfigurationError(
                f"{file.name} does not describe the tools in tools/.",
                "run `make dictionary` and review the change.",
            )

    def description(self) -> dict[str, Any]:
        """The same with the tools that were added."""
        return _dictionary(self._tools)

    def extended(self, added: Collection[Tool[Any]]) -> "Registry":
        """These tools and those of others."""
        return Registry(self._own, added=added)

    def summarize(self, call: ToolCall) -> Outline:
        """Title, effect, digest, limit of a call and what it names; ToolRejected for an unknown tool or malformed arguments."""
        one, given = self._checked(call)
        return Outline(
            title=one_line(one.title_of(given)),
            effect=_effect(one, given),
            arguments_digest=digest_of(
                {"v": 1, "tool": one.name, "arguments": given.model_dump(mode="json")}
            ),
            timeout_s=one.timeout_of(given),
            named=one.named_of(given),
        )

    def touches(self, call: ToolCall) -> Touches:
        """What a call will change, as far as its arguments say."""
        one, given = self._checked(call)
        return one.touches_of(given)

    def can_run_ahead(self, call: ToolCall) -> bool:
        """Whether all that the call changes, one program without network changes."""
        one, given = self._checked(call)
        return one.ahead_of(given)

    def is_of_server(self, name: str) -> bool:
        """Whether an MCP server offers the tool, so that what it gives comes from elsewhere."""
        return self._tools[name].category == MCP_CATEGORY

    def output_limit(self, name: str) -> int:
        """Characters of the tool's content that the model is shown."""
        return self._tools[name].output_limit

    def canonical_arguments(self, call: ToolCall) -> dict[str, Any]:
        """The arguments with defaults filled in and types settled: what an approval's digest covers."""
        return self._checked(call)[1].model_dump(mode="json")

    async def run(self, call: ToolCall, context: ToolContext) -> ToolOutput:
        """Run a call to its end or to its time limit."""
        one, given = self._checked(call)
        limit_s = one.timeout_of(given)
        limit = asyncio.timeout(limit_s)
        began = time.monotonic()
        try:
            async with limit:
                output = await one.run(given, replace(context, catalogue=self))
        except TimeoutError:
            if not limit.expired():
                raise
            text = f"{one.name!r} was stopped after its limit of {limit_s:g} s; what it had begun may be half done."
            output = ToolOutput(content=text, ok=False)
        return _settled(output, duration_s=time.monotonic() - began)

    async def preview(self, call: ToolCall, context: ToolContext) -> Preview:
        """What the call would do, for a person; ToolRejected where it would be refused anyway."""
        one, given = self._checked(call)
        title = one_line(one.title_of(given))
        if one.preview_of is None:
            return Preview(title=title, markdown=f"`{title}` changes nothing.")
        return await one.preview_of(given, context)

    def _checked(self, call: ToolCall) -> tuple[Tool[Any], BaseModel]:
        one = self._tools.get(call.tool)
        if one is None:
            shown = one_line(call.tool, 60)
            near = difflib.get_close_matches(shown, self._tools, n=3, cutoff=0.5)
            raise ToolRejected(
                f"There is no tool {shown!r}." + (f" Near it: {', '.join(near)}." if near else ""),
                "Send find_tools with what you want to do, or call one of the tools that you were offered.",
            )
        if call.problem:
            raise ToolRejected(
                f"{one.name!r} was not run, because its arguments could not be read: {call.problem}",
                "Send the arguments as one JSON object.",
            )
        return one, checked(one.name, one.arguments, call.arguments)


def _settled(output: ToolOutput, *, duration_s: float) -> ToolOutput:
    """The output with what every one has: a summary, its duration, and nothing that is no Unicode."""
    # File names and files may hold bytes that are no UTF-8; what is stored and sent must be.
    content = visible(output.content)
    return replace(
        output,
        content=content,
        summary=visible(output.summary) or content.strip().partition("\n")[0],
        changed_paths=tuple(visible(path) for path in output.changed_paths),
        seen={visible(path): digest for path, digest in output.seen.items()},
        duration_s=round(duration_s, 3),
    )


def _tool_in(category: str, name: str) -> Tool[Any]:
    module = importlib.import_module(f"tools.{category}.{name}")
    made = getattr(module, name, None)
    if not isinstance(made, Tool) or made.name != name:
        raise ConfigurationError(
            f"tools/{category}/{name}.py holds no tool named {name!r}.",
            "Give the file one function of its own name, decorated with @tool(…).",
        )
    refuse_unseen_changes(made)  # pyright: ignore[reportUnknownArgumentType]
    return made  # pyright: ignore[reportUnknownVariableType]


def refuse_unseen_changes(one: Tool[Any]) -> None:
    """ConfigurationError for a tool that may change something and cannot say beforehand what."""
    changing = [effect.value for effect in one.effects if effect.changes_anything]
    if changing and one.preview_of is None:
        raise ConfigurationError(
            f"The tool {one.name!r} may have the effect {changing[0]!r}, but has no preview.",
            "Give @tool(…) a preview that works out what a call would change, without changing it.",
        )


def _effect(one: Tool[Any], given: BaseModel) -> Effect:
    effect = one.effect_of(given)
    if effect not in one.effects:
        raise ConfigurationError(
            f"The tool {one.name!r} has the effect {effect.value!r}, which it does not list.",
            "Add it to effects=(…) in its decorator.",
        )
    return effect


def _description(one: Tool[Any]) -> str:
    return " ".join((one.arguments.__doc__ or "").split())


def _dictionary(tools_by_name: Mapping[str, Tool[Any]]) -> dict[str, Any]:
    return {"v": 1, "tools": {name: described(one) for name, one in tools_by_name.items()}}


def described(one: Tool[Any]) -> dict[str, Any]:
    """All that is known of a tool, for people and programs."""
    return {
        "v": 1,
        "name": one.name,
        "category": one.category,
        "description": _description(one),
        "effect": one.effects[0].value if len(one.effects) == 1 else "depends on arguments",
        "effects": [effect.value for effect in one.effects],
        "effect_classes": list(dict.fromkeys(effect.effect_class.value for effect in one.effects)),
        "timeout_s": one.timeout_s,
        "output_limit": one.output_limit,
        "parameters": parameters_of(one.arguments),
    }
