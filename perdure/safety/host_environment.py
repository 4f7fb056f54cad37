"""What programs outside the sandbox get of the environment they are started from: what is named here, and no more."""

from collections.abc import Mapping, Sequence

NAMES = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
SETTINGS_FOLDERS = ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_CACHE_HOME")


def passed_on(
    environment: Mapping[str, str], *, beginnings: Sequence[str] = (), but: Sequence[str] = ()
) -> dict[str, str]:
    """Who and where the user is, and variables whose names begin so; none of those with a word of ``but`` in its name."""
    wanted = {*NAMES, *SETTINGS_FOLDERS}
    return {
        name: value
        for name, value in environment.items()
        if (name in wanted or name.startswith(tuple(beginnings)))
        and not any(word in name.casefold() for word in but)
    }
