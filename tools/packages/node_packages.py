"""npm in the sandbox: which command installs a project, and what of it is refused before anything runs."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files

FROM_GIT = re.compile(
    r"(?:git(?:\+\w+)?:|git@|(?:github|gitlab|bitbucket|gist):|[\w.-]+/[\w.-]+(?:#.*)?\Z)|.*\.git(?:#.*)?\Z"
)
"""What npm would fetch by Git; a bare owner/name is a repository too."""
OTHER_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn"}
NPM_LOCKS = ("npm-shrinkwrap.json", "package-lock.json")
KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")

ALWAYS = (
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--include=dev",
    "--global=false",
    "--strict-ssl=true",
    "--update-notifier=false",
    "--fetch-retries=1",
    # What a project's .npmrc could name as a program is named here, and is none.
    "--script-shell=/bin/false",
    "--git=/bin/false",
    "--node-options=",
    "--userconfig=/run/no-user-npmrc",
    "--globalconfig=/run/no-global-npmrc",
    "--cache=/tmp/npm-cache",
    "--loglevel=error",
)


@dataclass(frozen=True)
class NodePlan:
    """How a project's packages are installed."""

    command: tuple[str, ...]
    """npm's arguments."""
    note: str = ""
    """What the project might have expected otherwise."""


def node_plan(files: Files, folder: str, registry: str) -> NodePlan:
    """The command for a folder that holds a ``package.json``; ToolRejected for what would need Git."""
    package = _json(files, f"{folder}/package.json")
    _refuse_git(f"{folder}/package.json", dict(_specifications(package)))
    options = (*ALWAYS, f"--registry={registry}")
    for name in NPM_LOCKS:
        if files.exists(f"{folder}/{name}"):
            _refuse_git(f"{folder}/{name}", _resolved(_json(files, f"{folder}/{name}")))
            return NodePlan(("ci", *options))
    note = "There is no lock file, so the newest versions that package.json allows were chosen."
    for name, program in OTHER_LOCKS.items():
        if files.exists(f"{folder}/{name}"):
            note = (
                f"{name!r} was not used: {program} is not run here, because it can be told by the project to run "
                "programs. npm chose the newest versions that package.json allows; they may differ from the locked ones."
            )
    return NodePlan(("install", "--no-save", "--package-lock=false", *options), note)


def installed_node(files: Files, folder: str) -> list[str]:
    """Name and version of each installed package, from npm's own record."""
    record = f"{folder}/node_modules/.package-lock.json"
    if not files.exists(record):
        return []
    packages = cast("dict[str, dict[str, Any]]", _json(files, record).get("packages", {}))
    return sorted(
        f"{path.rpartition('node_modules/')[2]} {facts.get('version', '')}".strip()
        for path, facts in packages.items()
        if not facts.get("link")
    )


def _json(files: Files, path: str) -> dict[str, Any]:
    try:
        value: object = json.loads(files.read(path))
    except (ValueError, RecursionError) as error:
        raise ToolRejected(
            f"{path!r} is not valid JSON, so npm cannot use it: {error}.", "Mend it first."
        ) from error
    if not isinstance(value, dict):
        raise ToolRejected(f"{path!r} holds no JSON object, so npm cannot use it.", "Mend it first.")
    return cast("dict[str, Any]", value)


def _specifications(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        given = package.get(kind)
        if isinstance(given, dict):
            for name, wanted in cast("dict[str, object]", given).items():
                if isinstance(wanted, str):
                    yield name, wanted


def _resolved(lock: Mapping[str, Any]) -> dict[str, str]:
    """Where a lock file says that each package comes from; both of its forms."""
    found: dict[str, str] = {}
    for part in ("packages", "dependencies"):
        entries = lock.get(part)
        if isinstance(entries, dict):
            for name, facts in cast("dict[str, object]", entries).items():
                if isinstance(facts, dict):
                    one = cast("dict[str, object]", facts)
                    source = one.get("resolved") or (one.get("version") if part == "dependencies" else "")
                    if isinstance(source, str) and not one.get("link"):
                        found[name] = source
    return found


def _refuse_git(file: str, sources: Mapping[str, str]) -> None:
    from_git = {
        name: source
        for name, source in sources.items()
        if FROM_GIT.match(source) and not source.startswith(("file:", "workspace:", "npm:", ".", "/"))
    }
    if from_git:
        name, source = next(iter(from_git.items()))
        raise ToolRejected(
            f"{file!r} takes {name!r} from a Git repository ({source[:200]!r}); packages are installed from package "
            "hosts only, so nothing was installed.",
            "Name a published version of it instead, or go on without the project's packages.",
        )


def npm_command(node: Path, npm: Path, plan: NodePlan) -> list[str]:
    """The whole command."""
    return [str(node), str(npm), *plan.command]
