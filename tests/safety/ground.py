"""Where the tests run programs: a sandbox and a workspace that a closed folder hides from strangers."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perdure.safety.sandbox import Finished, Sandbox, SandboxLimits, View

LIMITS = SandboxLimits(time_s=120)
PYTHON_FOLDERS = (Path(sys.prefix), Path(sys.base_prefix))
BARE_PYTHON = (sys.executable, "-I", "-S", "-c")


@dataclass(frozen=True)
class Ground:
    """A work tree and its Git folder, both below a folder that only its owner may enter."""

    sandbox: Sandbox
    root: Path
    git_folder: Path

    @classmethod
    def make(cls, sandbox: Sandbox, folder: Path) -> "Ground":
        """A workspace with one file."""
        closed = folder / "closed"
        made = cls(sandbox, closed / "tree", closed / "git")
        (made.root / ".git").mkdir(parents=True)
        made.git_folder.mkdir()
        (made.git_folder / "HEAD").write_text("ref: refs/heads/main\n")
        (made.root / "file.txt").write_text("original\n")
        made.give(made.root)
        made.give(made.git_folder)
        closed.chmod(0o700)
        return made

    def give(self, tree: Path) -> None:
        """Make a tree belong to the uid that sandboxed programs have."""
        for path in (tree, *tree.rglob("*")):
            os.chown(path, self.sandbox.owner.uid, self.sandbox.owner.gid, follow_symlinks=False)

    async def shell(
        self,
        script: str,
        *,
        view: View = View.READ_ONLY,
        limits: SandboxLimits = LIMITS,
        stdin: bytes = b"",
        environment: Mapping[str, str] = {},
        working_directory: str = ".",
    ) -> Finished:
        """Run a shell script in the workspace."""
        return await self.sandbox.run(
            ["sh", "-c", script],
            root=self.root,
            git_folder=self.git_folder,
            working_directory=working_directory,
            view=view,
            limits=limits,
            environment=environment,
            stdin=stdin,
        )

    async def python(
        self, script: str, *, view: View = View.READ_ONLY, limits: SandboxLimits = LIMITS
    ) -> Finished:
        """Run a Python program in the workspace, with the interpreter of these tests."""
        return await self.sandbox.run(
            [*BARE_PYTHON, script],
            root=self.root,
            git_folder=self.git_folder,
            view=view,
            limits=limits,
            read_only=PYTHON_FOLDERS,
        )

    def files(self) -> dict[str, str]:
        """Text of each file of the work tree."""
        return {
            str(path.relative_to(self.root)): path.read_text()
            for path in self.root.rglob("*")
            if path.is_file()
        }


def processes_with(marker: str) -> list[int]:
    """Processes of the host whose command line holds the marker."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if marker.encode() in line and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


async def wait_for_processes(marker: str, *, number: int, patience_s: float = 120) -> None:
    """Wait until so many processes of the host hold the marker, or at least that many where there are more than 0."""
    for _ in range(int(patience_s / 0.02)):
        found = len(processes_with(marker))
        if found == number or 0 < number < found:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{len(processes_with(marker))} processes hold {marker!r}, not {number}")
