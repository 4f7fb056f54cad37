"""What a long text file is made of: the lines that begin definitions, headings or sections, with their numbers.

Lines are told by their look alone, not by a parser, because a file of a megabyte must be shown at once.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from perdure.safety.secrets.cutting import beginning
from tools.text_files import visible

ENTRIES = 60
ENTRY_CHARACTERS = 100

_SCRIPT = (
    r"[ \t]*(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?"
    r"(?:function\b|class\s|interface\s|enum\s|namespace\s|type\s+\w+.*=)"
    r"|(?:export\s+)?(?:const|let|var)\s+\w+.*=\s*(?:async\b|function\b|\(|class\b)"
)
_BRACES = (
    r"[ \t]*(?:(?:public|private|protected|internal|static|final|abstract|sealed|open|data)\s+)*"
    r"(?:class|interface|enum|record|struct|union|namespace|object)\s+\w"
    r"|[A-Za-z_][\w:<>,*&\[\] \t]*\([^;{]*\)[^;]*\{?\s*$"
)
_PATTERNS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((".py", ".pyi", ".pyw"), r"[ \t]*(?:async\s+def|def|class)\s+\w"),
    ((".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx"), _SCRIPT),
    ((".go",), r"(?:func|type)\s"),
    (
        (".rs",),
        r"[ \t]*(?:pub(?:\([^)]*\))?\s+)?(?:async\s+|unsafe\s+|const\s+)*(?:fn|struct|enum|trait|impl|mod)\b",
    ),
    ((".rb",), r"[ \t]*(?:def|class|module)\s"),
    ((".java", ".kt", ".cs", ".c", ".h", ".cc", ".cpp", ".hpp", ".swift", ".scala"), _BRACES),
    ((".md", ".markdown", ".rst"), r"#{1,6}\s"),
    ((".toml", ".ini", ".cfg", ".conf"), r"\[[^\]]+\]"),
    ((".yaml", ".yml"), r"[\w\"'-][^:#]*:(?:\s|$)"),
    ((".sh", ".bash"), r"(?:function\s+)?[\w-]+\s*\(\)"),
    ((".css", ".scss"), r"[^\s{}@/][^{}]*\{"),
    ((".sql",), r"(?i:create|alter)\s"),
)
_BY_SUFFIX = {suffix: pattern for suffixes, pattern in _PATTERNS for suffix in suffixes}


def outline_of(path: str, lines: Sequence[str]) -> list[str]:
    """Lines ``number<tab>text`` of what the file consists of, the outermost alone where there are many."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in _BY_SUFFIX:
        return []
    begins = re.compile(_BY_SUFFIX[suffix]).match
    found = [(number, line) for number, line in enumerate(lines, 1) if begins(line, 0, ENTRY_CHARACTERS)]
    kind = ""
    if len(found) > ENTRIES:
        outermost = [(number, line) for number, line in found if not line.startswith((" ", "\t"))]
        if outermost and len(outermost) < len(found):
            found, kind = outermost, "outermost "
    shown = [
        visible(f"{number}\t{beginning(line, ENTRY_CHARACTERS).rstrip()}") for number, line in found[:ENTRIES]
    ]
    left = len(found) - len(shown)
    return [*shown, f"… and {left:,} more {kind}ones"] if left else shown
