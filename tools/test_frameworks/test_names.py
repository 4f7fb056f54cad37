"""How a project names its files with tests: the usual ways, and what it tells pytest or unittest itself."""

import configparser
import posixpath
import re
import shlex
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, cast

from perdure.workspace.paths import Files
from tools.test_frameworks.tree import beginning, within

USUAL = ("test_*.py", "*_test.py")
INI_SECTIONS = {
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
PYPROJECT = "pyproject.toml"
#: Where a project writes down how it runs its tests.
COMMANDS = (PYPROJECT, "tox.ini", "setup.cfg", "Makefile", "noxfile.py")
DISCOVERY = re.compile(
    r"\bunittest\b[^\n]*?\s(?:-p|--pattern)(?:\s+|=)[\"'\\]*(?P<pattern>[\w*?.\[\]-]+\.py)"
)


def named_as_tests(files: Files, folder: str) -> tuple[str, ...]:
    """Patterns of the files with tests in a folder, beside the usual ones what its own configuration says."""
    own = (*_of_pytest(files, folder), *_of_unittest(files, folder))
    return tuple(dict.fromkeys((*USUAL, *own)))


def is_named_so(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a file of Python is named as one of the patterns says; one with a slash speaks of the whole path."""
    if not path.endswith(".py"):
        return False
    return any(
        fnmatchcase(f"/{path}", f"*/{pattern}")
        if "/" in pattern
        else fnmatchcase(posixpath.basename(path), pattern)
        for pattern in patterns
    )


def _of_pytest(files: Files, folder: str) -> Iterator[str]:
    """What ``python_files`` says, in whichever file it stands."""
    for name, section in INI_SECTIONS.items():
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(_text(files, folder, name))
            yield from shlex.split(parser.get(section, "python_files", fallback=""))
        except (configparser.Error, ValueError):
            # Its own program says what is wrong with the file.
            continue
    try:
        table: Any = tomllib.loads(_text(files, folder, PYPROJECT))
        for key in ("tool", "pytest"):
            table = table.get(key, {})
        for options in (table, table.get("ini_options", {})):
            said = options.get("python_files", ())
            yield from shlex.split(said) if isinstance(said, str) else cast("list[str]", said)
    except (tomllib.TOMLDecodeError, AttributeError, ValueError):
        return


def _of_unittest(files: Files, folder: str) -> Iterator[str]:
    """The pattern that a command of the project gives to ``python -m unittest discover``."""
    for name in COMMANDS:
        for found in DISCOVERY.finditer(_text(files, folder, name)):
            yield found["pattern"]


def _text(files: Files, folder: str, name: str) -> str:
    path = within(folder, name)
    return beginning(files, path) if files.exists(path) and files.stat(path).kind == "file" else ""
