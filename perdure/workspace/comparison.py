"""What a task changed: its files at a checkpoint against those it began with, as Git shows differences."""

import asyncio
from pathlib import Path

from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.lookups import Form
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.restore import make_git_folder

OPTIONS = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--full-index")
FORMS: dict[Form, tuple[str, ...]] = {
    "patch": ("--patch",),
    "stat": ("--stat=100",),
    "names": ("--name-only",),
}


async def compare(program: GitProgram, task_folder: Path, *, before: str, after: str, form: Form) -> bytes:
    """The differences of two checkpoints' trees; WorkspaceLost where one of them is not on this host."""
    # The shadow's own attributes call every file binary, so that no byte is converted; a folder without attributes
    # lets Git look at the bytes themselves.
    folders = Folders(task_folder / "comparison", task_folder / "objects")
    if not (folders.git / "HEAD").is_file():
        await asyncio.to_thread(make_git_folder, folders.git, head="refs/heads/none")
    for tree in (before, after):
        found = await program.run("cat-file", "-e", f"{tree}^{{tree}}", folders=folders, accept=(0, 1, 128))
        if found.code != 0:
            raise WorkspaceLost(
                f"The files of checkpoint tree {tree[:12]!r} are not on this host.",
                "look on the host that worked on the task last.",
            )
    try:
        finished = await program.run("diff", *OPTIONS, *FORMS[form], before, after, "--", folders=folders)
    except GitFailed as error:
        raise GitFailed(
            f"The change cannot be shown: {error.message}", error.hint or "ask for --stat or --name-only."
        ) from error
    return finished.output
