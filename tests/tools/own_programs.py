"""Projects that have checkers of their own: those of this installation under further names."""

import asyncio
import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.tools.conftest import Bench

VERSIONS = {"eslint": "*", "typescript": "*", "prettier": "*"}


async def put_own_programs(bench: Bench, **manifest: object) -> None:
    """A package.json that depends on the programs, and node_modules that has them."""
    modules = bench.context.toolchain.node_modules
    assert modules is not None, "set-up installs them: make setup"
    bench.put("package.json", json.dumps({"name": "shop", "devDependencies": VERSIONS, **manifest}))
    linking = f"cp -al '{modules}' '{bench.copy.root}' 2>/dev/null || cp -a '{modules}' '{bench.copy.root}'"
    await asyncio.to_thread(subprocess.run, ["sh", "-c", linking], check=True)
    bench.copy.keep_out(["node_modules"])


def put_own_environment(bench: Bench, interpreter: Path | None = None) -> None:
    """A .venv with ruff, mypy and basedpyright, whose scripts name an interpreter of another machine, as a copied one's do."""
    interpreter = interpreter or Path(sys.executable).resolve()
    folder = bench.copy.root / ".venv"
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "own.pth").write_text(sysconfig.get_path("purelib"))
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(interpreter)
    (folder / "pyvenv.cfg").write_text(f"home = {interpreter.parent}\n")
    for name in ("mypy", "basedpyright"):
        (folder / "bin" / name).write_text("#!/home/ada/shop/.venv/bin/python\n")
        (folder / "bin" / name).chmod(0o755)
    shutil.copy(bench.context.toolchain.ruff, folder / "bin" / "ruff")
    bench.copy.keep_out([".venv"])
