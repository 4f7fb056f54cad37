"""One form for what checkers report."""

from tools.diagnostics import Diagnostic, Range, Severity, counted_diagnostics

UNUSED = Diagnostic(
    "app/money.py",
    Range(3, 8, 3, 10),
    Severity.WARNING,
    "'os' is imported but not used",
    rule="F401",
    fixable=True,
    source="ruff",
)


def test_a_finding_is_one_line_with_its_place_first() -> None:
    assert str(UNUSED) == "app/money.py:3:8: warning: 'os' is imported but not used [ruff F401, fixable]"
    assert (
        str(Diagnostic("a.py", Range(1), Severity.ERROR, "it ends early")) == "a.py:1: error: it ends early"
    )
    odd = Diagnostic("two\nlines.py", Range(1), Severity.ERROR, "no")
    assert "\n" not in str(odd)


def test_findings_are_counted_by_how_bad_they_are() -> None:
    bad = Diagnostic("a.py", Range(1), Severity.ERROR, "no")
    assert counted_diagnostics([UNUSED, bad, bad]) == "2 errors, 1 warning"
    assert counted_diagnostics([]) == "nothing found"
