"""Writes ``docs/commands/``: a page for each command, made from what ``--help`` says.

``python -m perdure.client.command_line.documentation`` writes them anew; a test compares them with the program.
"""

import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import typer.main

from perdure.client.command_line.application import app

FOLDER = Path("docs") / "commands"
PROGRAM = "python starter.py"
WIDTH = 100
_MADE = "<!-- Made by `make docs` from the command's own help: change that, not this page. -->"


def pages() -> dict[str, str]:
    """File name → text, for every command."""
    root: Any = typer.main.get_command(app)
    index = _index(root.commands)
    return {"README.md": index, **{f"{name}.md": _page(name, each) for name, each in root.commands.items()}}


def write(project: Path) -> None:
    """Write the pages, and remove those of commands that are gone."""
    folder = project / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text)


def _index(commands: Mapping[str, Any]) -> str:
    lines = [f"* [`{name}`]({name}.md): {_first_paragraph(command)}" for name, command in commands.items()]
    return "\n".join([_MADE, "", "# Commands", "", *lines, ""])


def _page(name: str, command: Any) -> str:
    return "\n\n".join([_MADE, f"# `{name}`", *_sections(name, command)]) + "\n"


def _sections(path: str, command: Any) -> Generator[str]:
    """The help of a command, then that of the commands below it."""
    context = command.make_context(
        f"{PROGRAM} {path}", [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield from _paragraphs(command)
    # The text stands above already; the rest of the help follows as the terminal shows it.
    command.help = None
    yield f"```text\n{command.get_help(context).strip()}\n```"
    for name, below in getattr(command, "commands", {}).items():
        yield f"## `{path} {name}`"
        yield from _sections(f"{path} {name}", below)


def _paragraphs(command: Any) -> list[str]:
    return [part.strip() for part in (command.help or "").split("\n\n") if part.strip()]


def _first_paragraph(command: Any) -> str:
    return " ".join(_paragraphs(command)[0].split()) if _paragraphs(command) else ""


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
