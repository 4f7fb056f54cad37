"""A place in a text that holds a credential, and what stands there instead of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_MARKER = re.compile(r"\[\[perdure redacted [a-z0-9-]+\]\]")


@dataclass(frozen=True, order=True)
class Finding:
    """``start`` and ``end`` count characters of the text; ``kind`` names the sort of credential."""

    start: int
    end: int
    kind: str

    def line_in(self, text: str) -> int:
        """The line of the text, from 1, on which it begins."""
        return text.count("\n", 0, self.start) + 1


def marker(kind: str) -> str:
    """What stands in the place of a credential of this kind."""
    return f"[[perdure redacted {kind}]]"


def holds_marker(text: str) -> bool:
    """Whether something was taken out of the text, so that writing it into a file would lose what stood there."""
    return _MARKER.search(text) is not None


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """In order and apart: what overlaps becomes one, called as the one that begins first and reaches farthest."""
    result: list[Finding] = []
    for one in sorted(findings, key=lambda finding: (finding.start, -finding.end, finding.kind)):
        if result and one.start < result[-1].end:
            last = result[-1]
            result[-1] = Finding(last.start, max(last.end, one.end), last.kind)
        else:
            result.append(one)
    return result
