"""One generation of a task's files: where everything is, and the doors to it."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.workspace import Checkpoint
from perdure.workspace.git import Git
from perdure.workspace.paths import Files
from perdure.workspace.program import Folders, GitProgram
from perdure.workspace.remotes import Remote
from perdure.workspace.storage import make_folder, put

_SETTLED = "settled"


class Origin(BaseModel):
    """What is fixed when a task's workspace is created; kept in ``workspace.json``, readable by us alone."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    task_id: str
    repository: str = Field(repr=False)
    """Path or URL as it was given, credentials included."""
    branch: str
    base_branch: str
    base_commit: str
    remote: str | None = Field(repr=False)
    """Push URL with credentials."""
    remote_is_repository: bool = False
    """True where a push goes to the task's own path repository, whose hooks are never run."""
    exclude: str = ""
    """The repository's own ``info/exclude``."""
    warnings: tuple[str, ...] = ()
    checkpoint: Checkpoint


@dataclass
class WorkingCopy:
    """The files of one generation. ``files`` reads and writes them, ``git`` is the user's branch."""

    task_folder: Path
    generation: int
    origin: Origin
    program: GitProgram
    author: tuple[str, str]
    owner: tuple[int, int] | None = None
    unrestored: tuple[str, ...] = ()
    """Pipes, sockets and devices of the checkpoint that this generation was made from: they are not there."""
    index_name: str = "shadow-index"
    lost: tuple[str, ...] = ()
    """Where it was just made from a checkpoint: what was there that no checkpoint holds."""
    folder: Path = field(init=False)
    files: Files = field(init=False)
    git: Git = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.task_folder / str(self.generation)
        self.files = Files(self.root, owner=self.owner)
        remote = None
        if self.origin.remote is not None:
            remote = Remote(self.origin.remote, is_repository=self.origin.remote_is_repository)
        self.git = Git(self.program, self.folders, self.files, author=self.author, remote=remote)

    @property
    def root(self) -> Path:
        """The work tree. Its empty ``.git`` is a place for the sandbox to mount the Git folder."""
        return self.folder / "tree"

    @property
    def git_folder(self) -> Path:
        """HEAD, branches, index and settings; mounted read-only for tools."""
        return self.folder / "git"

    @property
    def objects_folder(self) -> Path:
        """Git objects of every generation."""
        return self.task_folder / "objects"

    @property
    def mounted_git_folder(self) -> Path | None:
        """What programs see as ``.git``; None where there is nothing to see."""
        return self.git_folder

    @property
    def mounted_objects_folder(self) -> Path | None:
        """Where the objects lie outside of the Git folder: what programs see as ``.git/objects``."""
        return self.objects_folder

    @property
    def shadow(self) -> Path:
        """The Git folder that checkpoints live in."""
        return self.task_folder / "shadow"

    @property
    def index(self) -> Path:
        """The index of the user's branch."""
        return self.git_folder / "index"

    @property
    def shadow_index(self) -> Path:
        """The private index that checkpoints of this generation are built in."""
        return self.folder / self.index_name

    @property
    def branch(self) -> str:
        """The task's feature branch."""
        return self.origin.branch

    @property
    def base_branch(self) -> str:
        """The branch it started from, ``HEAD`` where that was a detached commit."""
        return self.origin.base_branch

    @property
    def base_commit(self) -> str:
        """The commit it started from."""
        return self.origin.base_commit

    @property
    def remote(self) -> str | None:
        """Push URL with credentials: show it through ``strip_credentials`` only."""
        return self.origin.remote

    @property
    def folders(self) -> Folders:
        """Folders for git commands on the user's branch."""
        return Folders(self.git_folder, self.objects_folder, self.index, self.root)

    @property
    def shadow_folders(self) -> Folders:
        """Folders for git commands on checkpoints."""
        return Folders(self.shadow, self.objects_folder, self.shadow_index, self.root)

    def keep_out(self, paths: Sequence[str]) -> None:
        """Let neither commits nor checkpoints take these paths, which programs made; what is tracked already stays."""
        lines = ["/" + re.sub(r"([\\\\*?\[\]#! ])", r"\\\1", path) for path in paths]
        for folder in (self.git_folder, self.shadow):
            file = folder / "info" / "exclude"
            known = os.fsdecode(file.read_bytes()) if file.exists() else ""
            new = [line for line in lines if line not in known.splitlines()]
            if new:
                make_folder(file.parent)
                put(file, os.fsencode("\n".join([known.rstrip("\n"), *new, ""])))

    def known_staged_tree(self, checksum: str) -> str | None:
        """The tree of the index with this checksum, where it was computed before."""
        try:
            known, tree = (self.folder / "staged").read_text().split()
        except FileNotFoundError:
            return None
        return tree if known == checksum else None

    def remember_staged_tree(self, checksum: str, tree: str) -> None:
        """Keep the tree of the index with this checksum."""
        put(self.folder / "staged", f"{checksum} {tree}\n".encode())

    def known_shadow_tree(self, checksum: str) -> tuple[str, bool] | None:
        """The tree of the shadow index with this checksum, and whether it is settled, where both were remembered."""
        try:
            known, tree, settled = self._shadow_tree.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return (tree, settled == _SETTLED) if known == checksum else None

    def remember_shadow_tree(self, checksum: str, tree: str, *, settled: bool) -> None:
        """Keep the tree of the shadow index with this checksum.

        Settled is an index that no file it knows was written together with, in the same second.
        """
        words = f"{checksum} {tree} {_SETTLED if settled else 'fresh'}\n"
        # What a power failure takes is found out again.
        put(self._shadow_tree, words.encode(), durable=False)

    @property
    def _shadow_tree(self) -> Path:
        return self.folder / f"{self.index_name}-tree"


def checksum_of(index: Path) -> str | None:
    """The digest that every index file ends in; None where there is no index, or one without a digest."""
    try:
        with index.open("rb") as stream:
            stream.seek(-20, os.SEEK_END)
            checksum = stream.read()
    except FileNotFoundError:
        return None
    return checksum.hex() if any(checksum) else None


@dataclass(frozen=True)
class Created:
    """A new workspace. ``remote`` holds credentials: show it through ``strip_credentials`` only."""

    copy: WorkingCopy
    checkpoint: Checkpoint
    branch: str
    """The branch that was really made: the wanted name, or that with a suffix."""
    base_branch: str
    base_commit: str
    remote: str | None = field(repr=False)
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, copy: WorkingCopy) -> "Created":
        """The workspace as its origin tells of it."""
        origin = copy.origin
        return cls(
            copy,
            origin.checkpoint,
            origin.branch,
            origin.base_branch,
            origin.base_commit,
            origin.remote,
            origin.warnings,
        )
