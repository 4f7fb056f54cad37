"""Run by ``test_imports.py`` in a process of its own: imports modules and prints what that loaded and did, as JSON.

``python imports.py PROJECT MODULE …`` imports these modules; a name with ``.*`` stands for a package and all in it.
"""

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator

#: What touches the world. An import may read files and nothing else.
DEEDS = {
    "os.chmod",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.link",
    "os.mkdir",
    "os.posix_spawn",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.system",
    "os.truncate",
    "os.unsetenv",
    "signal.signal",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def modules_of(names: list[str]) -> Iterator[str]:
    """The names, with everything in the packages that end in ``.*``."""
    for name in names:
        package = name.removesuffix(".*")
        yield package
        if name != package:
            walked = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
            yield from (module.name for module in walked)


def main(project: str, names: list[str]) -> None:
    """Import, then print ``imported``, ``loaded`` and ``done``."""
    done: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in DEEDS:
            done.append(f"{event} {arguments!r}"[:300])
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            done.append(f"open to write {arguments[0]!r}")

    sys.path.insert(0, project)
    sys.addaudithook(watch)
    imported = list(modules_of(names))
    for name in imported:
        importlib.import_module(name)
    did = list(done)
    print(json.dumps({"imported": imported, "loaded": sorted(sys.modules), "done": did}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
