"""One test as a framework's report has it, under an id that is the same in every run."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from perdure.contracts.digests import digest_of
from perdure.safety.environment import WORKSPACE
from tools.test_comparison import Outcome

LONGEST_ID = 500
COLOUR = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]|\x1b[@-Z\\-_]")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: What differs from run to run in names made from values: addresses in memory, and names of temporary files.
CHANGING = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b|(?<=/tmp/)[\w.+-]+")


@dataclass(frozen=True)
class TestCase:
    """One test of one run."""

    # Pytest takes classes of this name for tests where a test file imports them.
    __test__ = False

    id: str
    """``tests/test_money.py::TestTotals::test_rounds[2]``, ``web/money.test.js::totals > rounds``."""
    outcome: Outcome
    detail: str = ""
    """What the failure said."""


class UnreadableReport(ValueError):
    """The report is not what the framework writes at its end."""


def stable(text: str) -> str:
    """The text without colours, control characters, addresses and temporary names, at most 500 characters long."""
    plain = COLOUR.sub("", text).replace(f"{WORKSPACE}/", "")
    plain = CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", plain)
    plain = CHANGING.sub("…", plain)
    if len(plain) <= LONGEST_ID:
        return plain
    return f"{plain[:LONGEST_ID]}… {digest_of(plain)[:12]}"


def numbered(cases: Iterable[TestCase]) -> list[TestCase]:
    """The cases with `` #2``, `` #3`` … behind the id of every further one of the same name."""
    seen: Counter[str] = Counter()
    found: list[TestCase] = []
    for case in cases:
        seen[case.id] += 1
        found.append(case if seen[case.id] == 1 else replace(case, id=f"{case.id} #{seen[case.id]}"))
    return found


def only(cases: Iterable[TestCase], ids: Collection[str]) -> list[TestCase]:
    """The cases that were asked for, where a framework ran more; a group's id asks for all that is in it."""
    return [
        case
        for case in cases
        if not ids
        or case.id in ids
        or any(case.id.startswith((f"{one} > ", f"{one}[", f"{one}::")) for one in ids)
    ]


def in_folder(folder: str, path: str) -> str:
    """A path of a report, from the workspace's root; reports have it absolute, or from the folder they ran in."""
    if path.startswith(f"{WORKSPACE}/"):
        return path.removeprefix(f"{WORKSPACE}/")
    path = path.removeprefix("./")
    return path if folder == "." else f"{folder}/{path}"
