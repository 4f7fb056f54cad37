"""Whether a playbook's conditions hold in a working copy."""

import asyncio
import json
import tomllib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.maintenance.playbook import Condition, Playbook, Sign
from perdure.safety.views import SandboxLimits, View
from perdure.workspace.working_copy import WorkingCopy
from tools.programs import run_program
from tools.quality_gate import all_files
from tools.tool_schemas import ToolContext

READ_BYTES = 1024 * 1024
LIMITS = SandboxLimits(time_s=120.0)


async def unmet_conditions(
    playbook: Playbook, parts: Sequence[str], context: ToolContext, *, refusal: str = ""
) -> dict[str, str]:
    """The sentence of the first condition that does not hold, for each part where there is one.

    With a ``refusal`` no command is run, and it is the sentence of each condition that only a command could decide.
    """
    looked_at: set[Sign] = set()
    seen: set[Sign] = set()
    unmet: dict[str, str] = {}
    files = await asyncio.to_thread(all_files, context.copy)
    for part, conditions in playbook.conditions().items():
        if part.partition(":")[0] not in parts:
            continue
        for condition in conditions:
            signs = (*condition.all, *condition.any, *condition.none)
            commands = [sign for sign in signs if sign.passes]
            barred = set(commands if refusal else ())
            for sign in signs:
                if sign in looked_at or sign in barred:
                    continue
                looked_at.add(sign)
                if await _is_seen(sign, files, context):
                    seen.add(sign)
            # What nobody may look at counts against the condition, wherever it stands.
            if not _holds(condition, there=seen, perhaps_there=seen | barred):
                undecided = _holds(condition, there=seen | barred, perhaps_there=seen)
                unmet[part] = refusal if undecided else condition.otherwise
                break
    return unmet


def _holds(condition: Condition, *, there: set[Sign], perhaps_there: set[Sign]) -> bool:
    return (
        there.issuperset(condition.all)
        and (not condition.any or not there.isdisjoint(condition.any))
        and perhaps_there.isdisjoint(condition.none)
    )


async def _is_seen(sign: Sign, files: Sequence[str], context: ToolContext) -> bool:
    if sign.passes:
        argv = ["/bin/sh", "-c", sign.passes]
        finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)
        return finished.exit_code == 0 and not finished.killed_for
    look = (
        partial(_in_manifest, context.copy, sign) if sign.manifest else partial(_in_files, context.copy, sign)
    )
    return await asyncio.to_thread(cast("Callable[..., bool]", look), files)


def _in_files(copy: WorkingCopy, sign: Sign, files: Sequence[str]) -> bool:
    if "*" in sign.file:
        found = [path for path in files if _matches(path, sign.file)]
    else:
        found = [sign.file] if copy.files.exists(sign.file) else []
    return bool(found) if not sign.text else any(sign.text in _text(copy, path) for path in found)


def _matches(path: str, pattern: str) -> bool:
    """``**/`` at the beginning also stands for no folder at all; other stars stay within a name."""
    within = pattern.removeprefix("**/")
    return PurePosixPath(path).match(within) and (within != pattern or path.count("/") == pattern.count("/"))


def _in_manifest(copy: WorkingCopy, sign: Sign, _: Sequence[str]) -> bool:
    text = _text(copy, sign.manifest)
    try:
        value: Any = tomllib.loads(text) if sign.manifest.endswith(".toml") else json.loads(text or "{}")
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError):
        return False
    for name in sign.has:
        if not isinstance(value, dict) or name not in value:
            return False
        value = cast("dict[str, Any]", value)[name]
    return True


def _text(copy: WorkingCopy, path: str) -> str:
    """The beginning of a file; empty where it cannot be read as one."""
    if not copy.files.exists(path):
        return ""
    try:
        return copy.files.read(path, limit_bytes=READ_BYTES).decode("utf-8", "replace")
    except ToolRejected:
        return ""
