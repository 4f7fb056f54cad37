"""Playbooks of a test's own: quick ones, whose commands need neither network nor the project's programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.workflows.test_maintenance_run import NO_KEY

#: Holds what a set-up makes, which Git ignores and so no checkpoint keeps.
IGNORING: Mapping[str, str] = {"README.md": "# Shop\n", ".gitignore": "made/\n"}


def command(text: str, *, timeout_s: int = 120) -> dict[str, Any]:
    """A call that runs a shell command and may write."""
    return {
        "tool": "execute_command",
        "arguments": {"command": text, "writes": True, "timeout_s": timeout_s},
    }


def changing(id: str, text: str) -> dict[str, Any]:
    """A step that runs a shell command and is committed without tests."""
    return {
        "id": id,
        "title": f"Do {id}",
        "commit": f"Do {id}",
        "needs_tests": False,
        "call": [command(text)],
    }


def playbook(
    steps: Sequence[Mapping[str, Any]],
    *,
    setup: Sequence[Mapping[str, Any]] = (),
    checks: Sequence[Mapping[str, Any]] = (),
    limits: Mapping[str, float] = {},
) -> str:
    """A playbook's text; JSON's strings, numbers, lists and objects within a line are TOML's but for the colon."""
    lines = ["v = 1", 'title = "Own"', 'about = "What a test wants to be done."', "[limits]"]
    lines += [f"{name} = {value}" for name, value in limits.items()]
    for kind, parts in (("setup", setup), ("step", steps), ("check", checks)):
        for part in parts:
            lines += [f"[[{kind}]]", *(f"{name} = {_inline(value)}" for name, value in part.items())]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_inline(each)}" for name, each in value.items()) + " }"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return "[" + ", ".join(_inline(each) for each in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    return json.dumps(value)


def filed(folder: Path, text: str, *, name: str = "own") -> dict[str, Any]:
    """Puts the playbook into the folder; the settings of a worker that finds it there and has no model."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text)
    return {**NO_KEY, "playbooks": (str(folder),)}
