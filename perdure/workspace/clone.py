"""Makes a task's workspace from a repository: objects, feature branch, first files, checkpoint 0.

The user's repository is only ever read by ``git upload-pack``; nothing of its settings, hooks or index is used.
"""

from pathlib import Path

from perdure.contracts.errors import InvalidInput
from perdure.safety.secrets.cutting import ending
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.remotes import CredentialsRefused, Remote, references_of, talk
from perdure.workspace.source import Source, some_of
from perdure.workspace.storage import put

_HEAD = "refs/perdure/head"


async def fetch_objects(program: GitProgram, source: Source, task_folder: Path, folders: Folders) -> None:
    """Copy every reachable object, branches as ``refs/remotes/origin/*`` and tags; then keep the references packed."""
    head = [f"+HEAD:{_HEAD}"] if source.base_branch == "HEAD" else []
    try:
        await talk(
            program, source.remote, "fetch", "--quiet", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules",
            "--update-shallow", "--no-tags", *source.remote.reading, "--", source.remote.address,
            "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", *head,
            folders=folders, limit_s=3600.0,
        )  # fmt: skip
        await program.run("cat-file", "-e", f"{source.base_commit}^{{commit}}", folders=folders)
    except CredentialsRefused as refusal:
        raise InvalidInput(refusal.message, refusal.hint) from refusal
    except GitFailed as error:
        raise InvalidInput(
            f"The repository {source.remote.shown!r} cannot be copied: {ending(error.message, 1000)}",
            "check that the repository is complete ('git fsck') and that the worker may read it.",
        ) from error
    await program.run("pack-refs", "--all", folders=folders)
    for name in ("packed-refs", "shallow"):
        if (folders.git / name).is_file():
            put(task_folder / name, (folders.git / name).read_bytes())


async def free_branch_name(program: GitProgram, source: Source, wanted: str) -> tuple[str, list[str]]:
    """The wanted name, or with a numeric suffix where the repository or the remote has it; and warnings."""
    warnings: list[str] = []
    taken = set(source.heads)
    remote = Remote(source.push_url or source.remote.url, is_repository=source.push_is_repository)
    if remote.address != source.remote.address:
        try:
            found, _ = await references_of(program, remote, "refs/heads/*", limit_s=20.0)
            taken |= {name.removeprefix("refs/heads/") for name in found}
        except GitFailed as error:
            warnings.append(
                f"The remote {remote.shown!r} cannot be asked for its branches now, so a later "
                f"push may be refused: {ending(error.message, 300)}"
            )
    if any(wanted.startswith(name + "/") or name.startswith(wanted + "/") for name in taken):
        # A branch name cannot also be a folder of branch names, whatever its suffix.
        wanted = wanted.replace("/", "-")
    name, number = wanted, 2
    while name in taken or any(other.startswith(name + "/") for other in taken):
        name, number = f"{wanted}-{number}", number + 1
    if name != wanted:
        warnings.append(
            f"The branch {wanted!r} exists already in the repository or at its remote, so the task works on {name!r}."
        )
    return name, warnings


async def check_out(program: GitProgram, folders: Folders, commit: str) -> None:
    """Write the commit's files with the repository's own line ends and encodings, and without any program."""
    try:
        await program.run("read-tree", "--reset", "-u", commit, folders=folders)
    except GitFailed as error:
        raise InvalidInput(
            f"The files of commit {commit!r} cannot be written here: {ending(error.message, 1000)}",
            "choose another base_branch.",
        ) from error


async def absent_content(program: GitProgram, folders: Folders) -> list[str]:
    """Warnings of what the files that were checked out stand for and do not hold: submodules, Git LFS, older history."""
    warnings: list[str] = []
    listed = await program.run("ls-files", "-z", "--stage", folders=folders)
    links = [name.partition("\t")[2] for name in listed.names if name.startswith("160000")]
    if links:
        warnings.append(
            f"The repository links to others as submodules ({some_of(links)}), which are not fetched: their folders are "
            "empty, and what is written there is not committed."
        )
    large = (await program.run("ls-files", "-z", "--", ":(attr:filter=lfs)", folders=folders)).names
    if large:
        warnings.append(
            f"Files of the repository are kept by Git LFS ({some_of(large)}): the workspace holds their pointers and not "
            "their content, and a change to them cannot be committed."
        )
    if (folders.git / "shallow").is_file():
        warnings.append("The repository is a shallow clone; the task sees only the history that it holds.")
    return warnings
