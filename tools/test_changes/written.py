"""One test as a file writes it down, and what the file says of whether it runs.

Nothing of ours but this package and the grammars is imported here, since these modules run inside the sandbox.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import tree_sitter


class Mark(StrEnum):
    """What is said of a test, what keeps it from counting most first."""

    SKIPPED = "skipped"
    LEFT_OUT = "left out"
    """Another test of the file is the only one that runs."""
    EXPECTED_TO_FAIL = "expected to fail"
    PERHAPS_SKIPPED = "perhaps skipped"
    """On a condition."""
    NONE = ""


ORDER = tuple(Mark)


@dataclass(frozen=True)
class Written:
    """One test: its name, in that of what it is in, and what is said of it."""

    name: str
    mark: Mark = Mark.NONE


def worst(*marks: Mark) -> Mark:
    """The one that keeps a test from counting most."""
    return min(marks, key=ORDER.index, default=Mark.NONE)


def text_of(node: tree_sitter.Node | None) -> str:
    """The source of a node; empty for none."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def numbered(tests: Iterable[Written]) -> list[Written]:
    """The tests with `` #2``, `` #3`` … behind every further one of the same name."""
    seen: Counter[str] = Counter()
    found: list[Written] = []
    for each in tests:
        seen[each.name] += 1
        count = seen[each.name]
        found.append(each if count == 1 else replace(each, name=f"{each.name} #{count}"))
    return found


def skips_in(
    body: tree_sitter.Node | None,
    is_skip: Callable[[tree_sitter.Node], bool],
    *,
    inner: frozenset[str],
    conditions: frozenset[str],
) -> Mark:
    """Whether a test's body skips it, always or on a condition; what is in ``inner`` kinds of nodes is not its own."""
    found = Mark.NONE
    waiting = [(body, False)] if body is not None else []
    while waiting:
        node, is_conditional = waiting.pop()
        if is_skip(node):
            found = worst(found, Mark.PERHAPS_SKIPPED if is_conditional else Mark.SKIPPED)
        under = is_conditional or node.type in conditions
        waiting += [(child, under) for child in node.named_children if child.type not in inner]
    return found
