"""Starts pytest."""

from functools import partial

from tools.test_frameworks.commands import REPORT, Command, Selection
from tools.test_frameworks.junit import cases_of
from tools.tool_schemas import Toolchain

OPTIONS = (
    "-p",
    "no:cacheprovider",
    "--color=no",
    "--tb=short",
    # One file that does not load must not hide what all others say.
    "--continue-on-collection-errors",
    f"--junitxml={REPORT}",
    "--override-ini=junit_family=xunit1",
)


def pytest_command(selection: Selection, toolchain: Toolchain) -> Command:
    """Pytest on the chosen tests."""
    argv = [str(toolchain.python), "-m", "pytest", *OPTIONS]
    argv += [f"-k={selection.pattern}"] if selection.pattern else []
    chosen = (*selection.paths, *selection.ids)
    argv += ["--", *chosen] if chosen else []
    return Command("pytest", ".", tuple(argv), partial(cases_of, folder="."), ids=selection.ids)
