"""Exit codes, the same for every command; ``docs/cli.md`` explains them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ended with."""

    OK = 0
    NOT_DONE = 1
    """The task failed, ended without being complete, or refused what was asked."""
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    NEEDS_A_PERSON = 5
    NO_WORKER = 6
    INSTALLATION = 7
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.NOT_DONE: "the task failed, ended incomplete, or refused what was asked",
    ExitCode.USAGE: "the command cannot be used so",
    ExitCode.UNREACHABLE: "no Temporal server answers",
    ExitCode.NOT_FOUND: "no such task, approval or question",
    ExitCode.NEEDS_A_PERSON: "a person is needed, and there is no terminal",
    ExitCode.NO_WORKER: "no worker answers",
    ExitCode.INSTALLATION: "the installation lacks something",
    ExitCode.INTERRUPTED: "interrupted",
}


def explained() -> str:
    """All codes on one line, for ``--help``."""
    return "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."
