"""A folder of the user's own as a working copy: no clone and no checkpoints; for tools that a person runs by hand."""

from collections.abc import Mapping
from pathlib import Path

from perdure.contracts.errors import InvalidInput
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.own_settings import harmless_settings
from perdure.workspace.program import Folders, GitProgram
from perdure.workspace.references import is_oid, write_reference
from perdure.workspace.working_copy import Origin, WorkingCopy

NO_PROGRAMS = (("core.fsmonitor", "false"), ("core.hooksPath", "/dev/null"))
"""The folder's settings are not ours: no hook and no monitor of it runs."""


class FolderInPlace(WorkingCopy):
    """The folder itself is the tree. Where it is no repository, Git sees an empty one beside it."""

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self.origin.repository)

    @property
    def git_folder(self) -> Path:
        """Its own Git folder, or the empty one."""
        return self.root / ".git" if self._is_repository else self.task_folder / "empty.git"

    @property
    def objects_folder(self) -> Path:
        """The Git folder's own objects."""
        return self.git_folder / "objects"

    @property
    def mounted_git_folder(self) -> Path | None:
        """What programs see as ``.git``; nothing is put into a folder that is no repository."""
        return self.git_folder if self._is_repository else None

    @property
    def mounted_objects_folder(self) -> Path | None:
        """They lie in the Git folder already."""
        return None

    @property
    def _is_repository(self) -> bool:
        return (self.root / ".git").is_dir()


async def open_in_place(folder: Path, *, home: Path, network: Mapping[str, str]) -> FolderInPlace:
    """The folder as a working copy, with what belongs to it below ``home``; InvalidInput where it cannot be one."""
    root = folder.resolve()
    if not root.is_dir():
        raise InvalidInput(f"{str(folder)!r} is no folder.", "name the folder that the tool shall work on")
    if (root / ".git").exists() and not (root / ".git").is_dir():
        raise InvalidInput(
            f"{str(folder)!r} is a linked work tree or a submodule, whose Git folder lies elsewhere.",
            "run the tool on a clone of its own",
        )
    program = GitProgram(home / "git-home", network=network, settings=NO_PROGRAMS)
    (home / "1").mkdir(parents=True)
    if (root / ".git").is_dir():
        _refuse_links(root / ".git", folder)
        git = Folders(root / ".git", root / ".git" / "objects")
        program.settings = (*NO_PROGRAMS, *await harmless_settings(program, git, str(folder)))
        branch, commit = await _checked_out(program, git, folder)
        base = await _left_the_remote(program, git, commit)
        remote = (await program.run("config", "--get", "remote.origin.url", folders=git, accept=(0, 1))).text
    else:
        branch, commit, remote = "main", await _made_empty(program, home / "empty.git"), ""
        base = commit
    point = Checkpoint(
        commit=commit, tree=commit, head_ref=f"refs/heads/{branch}", branch_commit=commit, staged_tree=commit
    )
    origin = Origin(
        task_id="by-hand",
        repository=str(root),
        branch=branch,
        base_branch=branch,
        base_commit=base,
        remote=remote or None,
        checkpoint=point,
    )
    name, address = [
        (await program.run("config", "--get", f"user.{key}", folders=Folders(root / ".git", root / ".git" / "objects"),
                           accept=(0, 1, 128))).text
        for key in ("name", "email")
    ]  # fmt: skip
    return FolderInPlace(home, 1, origin, program, author=(name or "Perdure", address or "perdure@localhost"))


def _refuse_links(git: Path, folder: Path) -> None:
    """InvalidInput where a part of the Git folder is a link: what Git writes would land wherever it leads."""
    for part in (*git.iterdir(), *(git / "refs").glob("*")):
        if part.is_symlink():
            raise InvalidInput(
                f"The Git folder of {str(folder)!r} holds a link, {str(part.relative_to(git))!r}, so that Git would write "
                "somewhere else.",
                "run the tool on a clone of its own",
            )


async def _checked_out(program: GitProgram, git: Folders, folder: Path) -> tuple[str, str]:
    """Branch and commit of HEAD; a branch that is only packed becomes a loose one, which Git takes as the same."""
    head = (git.git / "HEAD").read_text().strip()
    if not head.startswith("ref: refs/heads/"):
        raise InvalidInput(
            f"{str(folder)!r} has no branch checked out (HEAD is {head[:60]!r}).", "check out a branch"
        )
    name = head.removeprefix("ref: ")
    found = await program.run("rev-parse", "--verify", "--quiet", name, folders=git, accept=(0, 1, 128))
    if found.code:
        raise InvalidInput(f"{str(folder)!r} is a repository without any commit.", "commit something first")
    if not is_oid(found.text):
        raise InvalidInput(f"{str(folder)!r} uses SHA-256 object ids, which are not supported yet.")
    if not (git.git / name).is_file():
        write_reference(git.git, name, found.text)
    return name.removeprefix("refs/heads/"), found.text


async def _left_the_remote(program: GitProgram, git: Folders, head: str) -> str:
    """Where the branch left what is known to be at the remote; HEAD where nothing is known of a remote."""
    listed = await program.run("rev-list", "--boundary", head, "--not", "--remotes=origin", folders=git)
    left = [line.removeprefix("-") for line in listed.text.splitlines() if line.startswith("-")]
    return left[0] if left else head


async def _made_empty(program: GitProgram, folder: Path) -> str:
    """A Git folder with one empty commit, for tools that ask Git about a folder that is no repository."""
    await program.run("init", "--quiet", "--bare", "--initial-branch=main", str(folder))
    git = Folders(folder, folder / "objects")
    tree = (await program.run("mktree", folders=git)).text
    who = {f"GIT_{role}_{part}": "Perdure" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    commit = (await program.run("commit-tree", tree, "-m", "Nothing", folders=git, environment=who)).text
    write_reference(folder, "refs/heads/main", commit)
    return commit
