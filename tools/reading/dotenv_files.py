"""Files that hold credentials by convention (``.env``): their values are not shown, and changing them takes a word."""

import re

_PLAIN = re.compile(r"^\s*(?:#.*|(?:export\s+)?[A-Za-z_][\w.]*\s*=\s*)?$")
_SETTING = re.compile(r"^(\s*(?:export\s+)?[A-Za-z_][\w.]*\s*=\s*)(\S.*)$")


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
