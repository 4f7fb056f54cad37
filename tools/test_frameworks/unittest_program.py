"""Runs unittest on files and reports every test as one line of JSON. It is started alone, with the project's Python."""

import fnmatch
import importlib
import json
import sys
import traceback
import unittest
from pathlib import Path
from typing import Any


class Recorder(unittest.TextTestResult):
    """Keeps the worst outcome of each test, in the order they began."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.outcomes: dict[tuple[str, ...], tuple[str, str]] = {}

    def record(self, test: unittest.TestCase, outcome: str, detail: str = "") -> None:
        """Keep the outcome unless a failure is known."""
        names = names_of(test)
        if self.outcomes.get(names, ("", ""))[0] != "failed":
            self.outcomes[names] = (outcome, detail)

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.record(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.record(test, "skipped")

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self.record(test, "skipped")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self.record(test, "failed", "It passed, but it is marked as an expected failure.")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self.record(test, "failed", "".join(traceback.format_exception(*err)))

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self.record(test, "failed", "".join(traceback.format_exception(*err)))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            said = "".join(traceback.format_exception(*err))
            self.record(test, "failed", f"{subtest.id()}\n{said}")


def names_of(test: unittest.TestCase) -> tuple[str, ...]:
    """File, class and method; for what fails around the tests of a class or module, what unittest calls it."""
    kind = type(test)
    module = sys.modules.get(kind.__module__)
    if hasattr(test, "_testMethodName") and module is not None:
        return (str(module.__file__), *kind.__qualname__.split("."), test._testMethodName)
    inside = test.id().partition("(")[2].rstrip(")")
    while inside and inside not in sys.modules:
        inside = inside.rpartition(".")[0]
    file = getattr(sys.modules.get(inside), "__file__", None) or "unittest"
    return (str(file), test.id())


def imported(file: Path) -> Any:
    """The module of a file, named from the first folder above it that is no package."""
    top = file.parent
    while (top / "__init__.py").is_file():
        top = top.parent
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))
    name = ".".join(file.relative_to(top).with_suffix("").parts)
    known = sys.modules.get(name)
    if known is not None and Path(str(known.__file__)).resolve() != file:
        # Another folder without __init__.py has a file of this name.
        del sys.modules[name]
    return importlib.import_module(name)


def tests_in(suite: Any) -> Any:
    """Every test of a suite, in order."""
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_in(one)
        else:
            yield one


def wanted(test: unittest.TestCase, ids: list[str], pattern: str) -> bool:
    """Whether a test is asked for by id (``file::Class::method``) or by a part of its name."""
    names = names_of(test)
    file = str(Path(names[0]).resolve().relative_to(Path.cwd()))
    full = "::".join([file, *names[1:]])
    asked = not ids or any(full == one or full.startswith(one + "::") for one in ids)
    return asked and (not pattern or fnmatch.fnmatchcase(full, f"*{pattern}*"))


def main(report: str, choice: str) -> int:
    """Run the chosen files' tests and write the report."""
    chosen = json.loads(choice)
    sys.path.insert(0, str(Path.cwd()))
    lines: list[dict[str, Any]] = []
    suite = unittest.TestSuite()
    for name in chosen["files"]:
        try:
            found = unittest.defaultTestLoader.loadTestsFromModule(imported(Path(name).resolve()))
        except unittest.SkipTest as skip:
            lines.append({"file": name, "names": [], "outcome": "skipped", "detail": str(skip)})
        # Whatever a file of the project raises while it loads, the other files still have to run.
        except BaseException:
            said = traceback.format_exc()
            lines.append({"file": name, "names": [], "outcome": "failed", "detail": said})
        else:
            suite.addTests(test for test in tests_in(found) if wanted(test, chosen["ids"], chosen["pattern"]))
    result = unittest.TextTestRunner(resultclass=Recorder, verbosity=1).run(suite)
    outcomes = result.outcomes if isinstance(result, Recorder) else {}
    for names, (outcome, detail) in outcomes.items():
        lines.append({"file": names[0], "names": names[1:], "outcome": outcome, "detail": detail})
    with Path(report).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in [*lines, {"end": True}])
    failed = any(line["outcome"] == "failed" for line in lines)
    return 1 if failed else 0 if lines else 5


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
