"""Runs or previews one call on a folder and says what came out."""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from perdure.contracts.calls import Effect, ToolCall
from perdure.contracts.errors import PerdureError, ToolRejected
from tools.by_hand.bench import context_on
from tools.registry import Registry
from tools.tool_schemas import Preview, ToolOutput

DONE, FAILED, MISUSED, REFUSED, NOT_CONFIRMED, LACKING = 0, 1, 2, 3, 4, 7
CONFIRMED = (Effect.PUBLISH, Effect.DESTRUCTIVE)
"""Effects that a person confirms even where it was a person who typed the command."""


@dataclass(frozen=True)
class Wish:
    """One command line."""

    tool: str
    arguments: str
    workspace: Path
    dry_run: bool
    as_json: bool
    yes: bool


async def run_by_hand(wish: Wish, registry: Registry, environment: Mapping[str, str]) -> int:
    """Run it and write what came out; gives the exit code."""
    try:
        given: object = json.loads(wish.arguments or "{}")
    except ValueError as error:
        return _refuse(f"The arguments are no JSON: {error}.", MISUSED)
    if not isinstance(given, dict):
        return _refuse('The arguments are no JSON object, such as \'{"path": "README.md"}\'.', MISUSED)
    call = ToolCall(index=0, call_id="by-hand", tool=wish.tool, arguments=cast("dict[str, Any]", given))
    try:
        effect = registry.summarize(call).effect
    except ToolRejected as error:
        return _refuse(str(error), MISUSED)
    try:
        return await _run(wish, registry, call, effect, environment)
    except ToolRejected as error:
        return _refuse(str(error), REFUSED)
    except PerdureError as error:
        return _refuse(str(error), LACKING)


async def _run(
    wish: Wish, registry: Registry, call: ToolCall, effect: Effect, environment: Mapping[str, str]
) -> int:
    async with context_on(wish.workspace, environment, beat=lambda _: None) as context:
        if wish.dry_run:
            _write_preview(wish, await registry.preview(call, context))
            return DONE
        if effect in CONFIRMED and not wish.yes:
            preview = await registry.preview(call, context)
            if not await _confirmed(preview):
                return _refuse("Nothing was done.", NOT_CONFIRMED)
            context = dataclasses.replace(context, approved=preview.facts)
        output = await registry.run(call, context)
        _write_output(wish, output)
        return DONE if output.ok else FAILED


async def _confirmed(preview: Preview) -> bool:
    """Show what it would do and ask; no where nobody can be asked."""
    sys.stderr.write(f"{preview.title}\n{preview.markdown}\n")
    if not sys.stdin.isatty():
        sys.stderr.write("This needs a word of yours, and there is no terminal. hint: pass --yes.\n")
        return False
    sys.stderr.write("Do it? [y/N] ")
    sys.stderr.flush()
    return (await asyncio.to_thread(sys.stdin.readline)).strip().lower() in {"y", "yes"}


def _write_preview(wish: Wish, preview: Preview) -> None:
    shown = {"title": preview.title, "markdown": preview.markdown, "facts": preview.facts}
    sys.stdout.write(json.dumps(shown) + "\n" if wish.as_json else f"{preview.title}\n{preview.markdown}\n")


def _write_output(wish: Wish, output: ToolOutput) -> None:
    if not wish.as_json:
        sys.stdout.write(output.content.rstrip("\n") + "\n")
        return
    fields = dataclasses.asdict(output)
    fields["artifacts"] = [
        {"name": each.name, "bytes": len(each.data), "media_type": each.media_type}
        for each in output.artifacts
    ]
    for shown, each in zip(fields["diagnostics"], output.diagnostics, strict=True):
        shown["range"] = each.range._asdict()
    sys.stdout.write(json.dumps(fields) + "\n")


def _refuse(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code
