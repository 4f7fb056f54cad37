"""The environment of a sandboxed program: built here from nothing, so that it can be digested and holds no secret."""

import re
from collections.abc import Mapping

from perdure.contracts.errors import InvalidInput

WORKSPACE = "/workspace"
"""Where the work tree is seen inside every sandbox."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

GIT_SETTINGS: tuple[tuple[str, str], ...] = (
    # The Git folder may belong to another uid than the program's; here both are ours.
    ("safe.directory", "*"),
    # A bare repository among ordinary files would bring settings that start programs.
    ("safe.bareRepository", "explicit"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
)
"""What Git heeds before any settings that a workspace holds, nested repositories' among them."""


def _git_variables() -> dict[str, str]:
    variables = {"GIT_CONFIG_COUNT": str(len(GIT_SETTINGS))}
    for number, (key, value) in enumerate(GIT_SETTINGS):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


WITHOUT_GIT_SETTINGS = {"GIT_CONFIG_COUNT": "1"}
"""For a project's own tests, which may try hooks and bare repositories of their own, and run any program anyway."""

STANDARD_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    "HOME": "/tmp/home",
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
    "TMPDIR": "/tmp",
    "PAGER": "cat",
    "PYTHONDONTWRITEBYTECODE": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **_git_variables(),
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


def environment_for(extra: Mapping[str, str]) -> dict[str, str]:
    """Exactly what a sandboxed program gets, sorted by name; ``extra`` adds to the standard variables or replaces them."""
    for name, value in extra.items():
        if not NAME.fullmatch(name) or "\0" in value or not _is_unicode(value):
            raise InvalidInput(
                f"{name!r} cannot be an environment variable of a sandboxed program.",
                "names are letters, digits and underscores; values are valid Unicode without NUL",
            )
    return dict(sorted({**STANDARD_ENVIRONMENT, **extra}.items()))


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
