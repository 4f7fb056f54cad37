"""How a framework is started, or why it cannot be."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.test_frameworks.cases import TestCase

REPORT = "/tmp/report"
"""Where a framework writes its report, inside the sandbox."""


@dataclass(frozen=True)
class Helper:
    """A program of ours that the framework loads or that runs it, and where it lies inside the sandbox."""

    path: str
    text: str


NO_HELPER = Helper("/dev/null", "")


@dataclass(frozen=True)
class Command:
    """One framework on one folder's tests."""

    framework: str
    folder: str
    """Where it is started, from the workspace's root."""
    argv: tuple[str, ...]
    cases_of: Callable[[bytes], list[TestCase]]
    """Reads the report; raises UnreadableReport."""
    why: str = ""
    """Why this framework, where nobody named it."""
    helper: Helper = NO_HELPER
    ids: tuple[str, ...] = ()
    """Only these tests are asked for; empty for every test of the command."""
    none_said: str = ""
    """What the framework says where it was to choose by itself and chose nothing; empty where it was not to."""


@dataclass(frozen=True)
class Unable:
    """A framework that has tests here and cannot be started."""

    framework: str
    folder: str
    why: str
    """Full sentences: what is missing and what to do."""


@dataclass(frozen=True)
class Selection:
    """Which tests are wanted. Paths are from the workspace's root; no paths and no ids are all tests."""

    paths: tuple[str, ...] = ()
    """Files and folders, those of ids among them."""
    ids: tuple[str, ...] = ()
    pattern: str = ""
