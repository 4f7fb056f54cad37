"""Hooks that a project has for commits: found by their files, and run in the sandbox where the call may do that."""

import json
import posixpath
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.views import SandboxLimits, View
from perdure.workspace.paths import Files
from tools.model_view import for_model
from tools.programs import environment_of, how_it_ended, output_text, run_program
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=240.0)
SHOWN = 4_000
READ_BYTES = 1024 * 1024
SCRIPTS = (".husky/pre-commit", ".githooks/pre-commit", "githooks/pre-commit", ".hooks/pre-commit")
LEFTHOOK = ("lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml")
LEFTHOOK_PRE_COMMIT = re.compile(rb"^pre-commit\s*:", re.MULTILINE)
PRE_COMMIT = (".pre-commit-config.yaml", ".pre-commit-config.yml")

# What the commit will hold is staged in an index and an object store that die with the sandbox, because hooks look at
# what is staged, and Git's own folder is read-only.
STAGE = """
export GIT_INDEX_FILE=/tmp/index GIT_OBJECT_DIRECTORY=/tmp/objects GIT_ALTERNATE_OBJECT_DIRECTORIES=/workspace/.git/objects
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=/workspace
mkdir -p /tmp/objects && cp .git/index /tmp/index && chmod u+w /tmp/index || exit 125
git --literal-pathspecs add --all --pathspec-from-file=- --pathspec-file-nul || exit 125
exec "$@" </dev/null
"""


@dataclass(frozen=True)
class Hook:
    """One hook."""

    file: str
    """Where it is written down."""
    argv: tuple[str, ...]


def hooks_of(files: Files) -> list[Hook]:
    """Every hook for commits that the project's files name."""
    found = [Hook(file, ("/bin/sh", "-e", file)) for file in SCRIPTS if _is_file(files, file)]
    found += [
        Hook(file, ("lefthook", "run", "pre-commit"))
        for file in LEFTHOOK
        if _is_file(files, file) and LEFTHOOK_PRE_COMMIT.search(files.read(file, limit_bytes=READ_BYTES))
    ]
    found += [Hook(file, ("pre-commit", "run")) for file in PRE_COMMIT if _is_file(files, file)]
    if command := _simple_hook(files):
        found.append(Hook("package.json", ("/bin/sh", "-c", command)))
    return found


def not_run(hooks: Sequence[Hook]) -> str:
    """A sentence about hooks that a commit passes by; empty where there are none."""
    if not hooks:
        return ""
    names = ", ".join(dict.fromkeys(hook.file for hook in hooks))
    return f"The project's hooks for commits ({names}) were not run; run_hooks=true runs them, where that is allowed."


async def run_hooks(hooks: Sequence[Hook], names: Sequence[str], context: ToolContext) -> str:
    """Run the hooks on the changed files ``names``, in the sandbox; ToolRejected with its output where one refuses."""
    said: list[str] = []
    for hook in hooks:
        finished = await run_program(
            context,
            ["/bin/sh", "-c", STAGE, "sh", *hook.argv],
            view=View.WRITABLE,
            limits=LIMITS,
            environment={"PATH": f"{WORKSPACE}/node_modules/.bin:{WORKSPACE}/.venv/bin:{_path(context)}"},
            stdin="".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape"),
        )
        ended = how_it_ended(finished, LIMITS)
        if finished.exit_code != 0:
            output = for_model(output_text(finished).strip(), limit=SHOWN)
            raise ToolRejected(
                f"The hook {shlex.join(hook.argv)} of {hook.file} refused the commit ({ended}), so nothing was "
                f"committed. It said:\n{output or '(nothing)'}\n",
                "Mend what it names; or commit without run_hooks.",
            )
        said.append(f"The hook of {hook.file} passed: {ended}.")
    return " ".join(said)


def _path(context: ToolContext) -> str:
    return environment_of(context.toolchain)["PATH"]


def _is_file(files: Files, path: str) -> bool:
    folder = posixpath.dirname(path)
    if folder and not (files.exists(folder) and files.stat(folder).kind == "folder"):
        return False
    return files.exists(path) and files.stat(path).kind == "file"


def _simple_hook(files: Files) -> str:
    """What ``simple-git-hooks`` in package.json starts before a commit."""
    if not _is_file(files, "package.json"):
        return ""
    try:
        content: Any = json.loads(files.read("package.json", limit_bytes=READ_BYTES))
    except (ValueError, RecursionError):
        return ""
    for key in ("simple-git-hooks", "pre-commit"):
        value: Any = cast("dict[str, Any]", content).get(key) if isinstance(content, dict) else None
        if key == "simple-git-hooks" and isinstance(value, dict):
            value = cast("dict[str, Any]", value).get("pre-commit")
        if isinstance(value, str) and value.strip():
            return value
    return ""
