"""The interpreter that programs of ours are run by in a sandbox."""

import sys
from pathlib import Path


def bare_interpreter() -> tuple[Path, Path]:
    """The interpreter below any virtual environment, and the folder that holds it."""
    prefix = Path(sys.base_prefix)
    named = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (named if named.exists() else Path(sys.executable).resolve()), prefix
