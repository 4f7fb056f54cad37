"""What runs within the sandbox sees the folder ``tools`` of ours and nothing else, so it imports nothing else of ours."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def imported(file: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever it stands; a name from a module counts as a module too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def file_of(module: str) -> Path | None:
    """The file of a module of ours; None for what is none."""
    path = PROJECT.joinpath(*module.split("."))
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in found if each.is_file()), None)


def reached() -> dict[Path, set[str]]:
    """The files that programs within the sandbox consist of, with what each imports."""
    found: dict[Path, set[str]] = {}
    waiting = list((PROJECT / "tools").rglob("*_program.py"))
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = set(imported(file))
        waiting += [there for each in found[file] if each.startswith("tools.") and (there := file_of(each))]
    return found


def test_programs_within_the_sandbox_import_nothing_of_ours_but_tools() -> None:
    parts = reached()
    assert PROJECT / "tools/symbols/outlines.py" in parts
    ours = {"activities", "perdure", "starter", "worker", "workflows"}
    wrong = {
        str(file.relative_to(PROJECT)): sorted(each for each in names if each.partition(".")[0] in ours)
        for file, names in parts.items()
    }
    assert {file: names for file, names in wrong.items() if names} == {}
