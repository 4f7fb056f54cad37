"""Reads what ``cargo test`` writes for people: it has no other report in stable releases."""

import re

from tools.test_comparison import Outcome
from tools.test_frameworks.cases import COLOUR, TestCase, UnreadableReport, numbered, stable
from tools.test_frameworks.tree import within

TARGET = re.compile(r"\s*(?:Running (?:unittests )?(?P<file>\S+\.rs) \(|Doc-tests (?P<crate>\S+))")
TEST = re.compile(r"test (?P<name>.+?)(?: - should panic)? \.\.\. (?P<outcome>ok|FAILED|ignored)(?:,.*)?\Z")
SECTION = re.compile(r"---- (?P<name>.+) stdout ----\Z")
END = re.compile(r"test result: (?:ok|FAILED)\.")
OUTCOMES: dict[str, Outcome] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}


def cases_of(report: bytes, folder: str = ".") -> list[TestCase]:
    """Every test, ids by the target's file; raises UnreadableReport where no target came to an end."""
    cases: list[TestCase] = []
    place, ended = "", False
    found: dict[str, Outcome] = {}
    details: dict[str, list[str]] = {}
    section: list[str] | None = None
    for raw in report.decode("utf-8", "replace").splitlines():
        line = COLOUR.sub("", raw)
        if target := TARGET.match(line):
            cases += _settled(place, found, details, folder)
            place, section = target["file"] or f"doc {target['crate']}", None
            found, details = {}, {}
        elif heading := SECTION.fullmatch(line):
            section = details.setdefault(heading["name"], [])
        elif END.match(line) or line == "failures:":
            ended |= line != "failures:"
            section = None
        elif section is not None:
            section.append(line)
        elif test := TEST.fullmatch(line):
            found[test["name"]] = OUTCOMES[test["outcome"]]
    cases += _settled(place, found, details, folder)
    if not ended:
        raise UnreadableReport("no target came to an end")
    return numbered(cases)


def _settled(
    place: str, found: dict[str, Outcome], details: dict[str, list[str]], folder: str
) -> list[TestCase]:
    where = place if place.startswith("doc ") else within(folder, place)
    return [
        TestCase(stable(f"{where}::{name}"), outcome, _short("\n".join(details.get(name, ()))))
        for name, outcome in found.items()
    ]


def _short(detail: str) -> str:
    """Without the stack, whose frames are those of the test framework."""
    return detail.partition("stack backtrace:")[0].strip()
