"""A throw-away copy of a work tree, for systems on which an overlay cannot be mounted."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from perdure.contracts.errors import WorkspaceLost


@asynccontextmanager
async def copied(root: Path) -> AsyncGenerator[Path, None]:
    """Copy the tree beside itself, so on the same file system, and delete the copy at the end."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=".scratch-", dir=root.parent))
    try:
        copy = folder / "tree"
        copying = await asyncio.create_subprocess_exec(
            "/bin/cp",
            "--archive",
            "--reflink=auto",
            "--",
            str(root),
            str(copy),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        try:
            code = await copying.wait()
        except asyncio.CancelledError:
            copying.kill()
            await copying.wait()
            raise
        if code:
            raise WorkspaceLost(f"The work tree {str(root)!r} could not be copied for a throw-away view.")
        yield copy
    finally:
        await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(remove_tree, folder)))


def remove_tree(folder: Path) -> None:
    """Delete a folder even where programs took away their own right to look into it."""

    def open_and_retry(remove: Callable[[str], object], path: str, _: object) -> None:
        Path(path).parent.chmod(0o700)
        if not Path(path).is_symlink():
            Path(path).chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            remove_tree(Path(path))
        else:
            remove(path)

    shutil.rmtree(folder, onerror=open_and_retry)
