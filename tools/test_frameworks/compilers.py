"""Finds Go and Rust's cargo as they are really installed, behind the links and stand-ins of their installers."""

import shutil
from pathlib import Path


def find_go(search_path: str) -> Path | None:
    """The program ``go``, its own installation and no link to it."""
    found = shutil.which("go", path=search_path)
    return Path(found).resolve() if found else None


def find_cargo(search_path: str) -> Path | None:
    """The program ``cargo`` of a toolchain: rustup's stand-in would look for its settings, which no sandbox shows."""
    found = shutil.which("cargo", path=search_path)
    if found is None:
        return None
    program = Path(found).resolve()
    if program.name != "rustup":
        return program
    home = Path(found).absolute().parent.parent.parent / ".rustup"
    for beside in (home, Path(found).absolute().parent.parent.with_name("rustup")):
        toolchains = sorted((beside / "toolchains").glob("*/bin/cargo"))
        # Of several, the stable one: its name begins so.
        stable = [each for each in toolchains if each.parent.parent.name.startswith("stable")]
        if toolchains:
            return (stable or toolchains)[-1]
    return None
