"""Files that hold credentials by convention (``.env``): their values are not shown, and changing them takes a word."""

import re
from pathlib import PurePosixPath

PUBLIC = {"example", "sample", "template", "dist", "defaults", "schema"}
"""Endings of files that show how a ``.env`` file looks, which hold no values of anybody."""
_PLAIN = re.compile(r"^\s*(?:#.*|(?:export\s+)?[A-Za-z_][\w.]*\s*=\s*)?$")
_SETTING = re.compile(r"^(\s*(?:export\s+)?[A-Za-z_][\w.]*\s*=\s*)(\S.*)$")


def is_dotenv(path: str) -> bool:
    """Whether a file of this name holds credentials: ``.env``, ``.env.local``, ``secrets.env`` and such."""
    name = PurePosixPath(path).name.casefold()
    if name.rpartition(".")[2] in PUBLIC:
        return False
    return name == ".env" or name.startswith(".env.") or name.endswith(".env")


def without_values(lines: list[str]) -> list[str]:
    """The lines with every value hidden; names, comments and empty lines stay.

    A value that goes on over several lines is hidden with all of its lines.
    """
    shown: list[str] = []
    quote = ""
    for line in lines:
        if quote:
            shown.append("[hidden]")
            quote = "" if line.rstrip().endswith(quote) else quote
            continue
        found = _SETTING.match(line)
        if found:
            value = found[2].strip()
            opened = value[0] if value[0] in "\"'" and value.count(value[0]) % 2 else ""
            quote = opened
            shown.append(f"{found[1]}[hidden]")
        else:
            shown.append(line if _PLAIN.match(line) else "[hidden]")
    return shown
