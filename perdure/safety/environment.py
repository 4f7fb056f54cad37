"""The environment of a sandboxed program: built here from nothing, so that it can be digested and holds no secret."""

from collections.abc import Mapping

from perdure.contracts.errors import InvalidInput

WORKSPACE = "/workspace"
"""Where the work tree is seen inside every sandbox."""

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
    # The Git folder may belong to another uid than the program's; here both are ours.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


def environment_for(extra: Mapping[str, str]) -> dict[str, str]:
    """Exactly what a sandboxed program gets, sorted by name; ``extra`` adds to the standard variables or replaces them."""
    for name, value in extra.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise InvalidInput(
                f"{name!r} cannot be an environment variable of a sandboxed program.",
                "names are not empty and hold no '='; names and values hold no NUL",
            )
    return dict(sorted({**STANDARD_ENVIRONMENT, **extra}.items()))
