"""Checkpoints that left their host: any host makes the same files, branches and index from the store alone."""

import hashlib
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import InvalidInput, WorkspaceLost
from perdure.contracts.workspace import Checkpoint
from perdure.workspace import packs
from perdure.workspace.workspaces import Created, Workspaces

Run = Callable[..., str]


@dataclass
class Store:
    """Artifacts in memory, by a digest of their bytes; it counts what is asked of it."""

    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])
    read: list[str] = field(default_factory=list[str])

    async def put_artifact(self, task_id: str, name: str, data: bytes, media_type: str) -> ArtifactRef:
        id = hashlib.sha256(task_id.encode() + data).hexdigest()
        self.kept[id] = data
        return ArtifactRef(id=id, name=name, bytes=len(data), media_type=media_type)

    async def artifact(self, task_id: str, id: str) -> bytes:
        self.read.append(id)
        if id not in self.kept:
            raise InvalidInput(f"Task {task_id!r} has no artifact {id!r}.")
        return self.kept[id]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def workspaces(tmp_path: Path, store: Store) -> Workspaces:
    return Workspaces(tmp_path / "home", store=store)


@pytest.fixture
def elsewhere(tmp_path: Path, store: Store) -> Workspaces:
    """Another host with the same store."""
    return Workspaces(tmp_path / "another-home", store=store)


def everything(root: Path) -> dict[bytes, tuple[str, bytes]]:
    """Every path below the folder with its kind and bytes."""
    found: dict[bytes, tuple[str, bytes]] = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(folder, name)  # noqa: PTH118 - names are bytes
            relative = os.path.relpath(path, top)
            if os.path.islink(path):  # noqa: PTH114 - names are bytes
                found[relative] = ("link", os.readlink(path))  # noqa: PTH115 - names are bytes
            elif os.path.isdir(path):  # noqa: PTH112 - names are bytes
                found[relative] = ("folder", b"")
            else:
                mode = "program" if os.stat(path).st_mode & 0o100 else "file"  # noqa: PTH116 - names are bytes
                with open(path, "rb") as stream:  # noqa: PTH123 - names are bytes
                    found[relative] = (mode, stream.read())
    return found


async def test_another_host_makes_the_same_workspace_without_the_first(
    workspaces: Workspaces, elsewhere: Workspaces, created: Created, repository: Path, at: datetime
) -> None:
    copy = created.copy
    copy.files.write("src/money.py", b"changed\r\n")
    (copy.root / "empty" / "folder").mkdir(parents=True)
    (copy.root / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"\xff\x00")
    (copy.root / "link").symlink_to("nowhere")
    (copy.root / "run.sh").write_text("#!/bin/sh\n")
    (copy.root / "run.sh").chmod(0o755)
    first = await workspaces.checkpoint(copy, previous=created.checkpoint, label="1", at=at)
    commit = await copy.git.commit("Change", at=at)
    (copy.root / "README.md").unlink()
    second = await workspaces.checkpoint(copy, previous=first, label="2", at=at)
    before = everything(copy.root)
    shutil.rmtree(copy.task_folder)
    shutil.rmtree(repository)
    restored = await elsewhere.materialise("task", generation=7, checkpoint=second)
    assert everything(restored.root) == before
    assert await restored.git.head() == commit
    assert await restored.git.branch() == "perdure/fix"
    assert [(change.path, change.status) for change in await restored.git.status()] == [("README.md", " D")]
    assert await restored.git.resolve("main") == created.base_commit
    assert restored.origin.remote == created.remote


async def test_a_checkpoint_costs_only_what_is_new(
    workspaces: Workspaces, created: Created, store: Store, at: datetime
) -> None:
    copy = created.copy
    copy.files.write("large.bin", random.Random(1).randbytes(200_000))
    large = await workspaces.checkpoint(copy, previous=created.checkpoint, label="1", at=at)
    copy.files.write("src/money.py", b"small change\n")
    small = await workspaces.checkpoint(copy, previous=large, label="2", at=at)
    assert len(store.kept[large.pack]) > 200_000
    assert len(store.kept[small.pack]) < 2_000
    unchanged = await workspaces.checkpoint(copy, previous=small, label="3", at=at)
    assert unchanged == small


async def test_a_host_that_was_left_behind_reads_only_what_it_lacks(
    workspaces: Workspaces, elsewhere: Workspaces, created: Created, store: Store, at: datetime
) -> None:
    there = await elsewhere.materialise("task", generation=2, checkpoint=created.checkpoint)
    there.files.write("src/money.py", b"from the other host\n")
    later = await elsewhere.checkpoint(there, previous=created.checkpoint, label="1", at=at)
    back = await workspaces.materialise("task", generation=3, checkpoint=later)
    assert back.files.read("src/money.py") == b"from the other host\n"
    assert created.copy.files.read("src/money.py") == b"def rounded(amount):\n    return amount\n"


async def test_long_chains_begin_again_from_the_first_checkpoint(
    workspaces: Workspaces,
    elsewhere: Workspaces,
    created: Created,
    store: Store,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packs, "CONSOLIDATE_EVERY", 5)
    checkpoint = created.checkpoint
    for number in range(1, 13):
        created.copy.files.write(f"file-{number}.txt", f"{number}\n".encode())
        checkpoint = await workspaces.checkpoint(created.copy, previous=checkpoint, label=str(number), at=at)
    before = everything(created.copy.root)
    store.read.clear()
    restored = await elsewhere.materialise("task", generation=2, checkpoint=checkpoint)
    assert everything(restored.root) == before
    # The first, the tenth, and the two after it.
    assert len(store.read) == 4


async def test_a_restarted_worker_goes_on_with_the_chain(
    workspaces: Workspaces, created: Created, store: Store, tmp_path: Path, at: datetime
) -> None:
    again = Workspaces(tmp_path / "home", store=store)
    copy = await again.open("task", 1)
    copy.files.write("new.txt", b"new\n")
    checkpoint = await again.checkpoint(copy, previous=created.checkpoint, label="1", at=at)
    restored = await Workspaces(tmp_path / "third", store=store).materialise(
        "task", generation=2, checkpoint=checkpoint
    )
    assert restored.files.read("new.txt") == b"new\n"


async def test_a_large_pack_is_stored_in_parts(
    workspaces: Workspaces,
    elsewhere: Workspaces,
    created: Created,
    store: Store,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packs, "PART_BYTES", 50_000)
    data = random.Random(2).randbytes(180_000)
    created.copy.files.write("large.bin", data)
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="1", at=at)
    assert max(map(len, store.kept.values())) <= 50_000
    restored = await elsewhere.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.files.read("large.bin") == data


async def test_a_large_history_is_left_out_and_got_from_the_repository(
    repository: Path, git: Run, store: Store, tmp_path: Path, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "FULL_HISTORY_BYTES", -1)
    (repository / "README.md").write_text("# Second\n")
    git(repository, "commit", "-qam", "Second")
    git(repository, "gc", "-q")
    home = Workspaces(tmp_path / "one", store=store)
    created = await home.create(
        task_id="task", repository=str(repository), base_branch=None, branch="perdure/fix", generation=1
    )
    there = Workspaces(tmp_path / "two", store=store)
    with_origin = await there.materialise("task", generation=2, checkpoint=created.checkpoint)
    history = await with_origin.program.run("rev-list", "--count", "HEAD", folders=with_origin.folders)
    assert history.text == "2"
    repository.rename(tmp_path / "gone")
    alone = await Workspaces(tmp_path / "three", store=store).materialise(
        "task", generation=2, checkpoint=created.checkpoint
    )
    assert everything(alone.root) == everything(created.copy.root)
    history = await alone.program.run("rev-list", "--count", "HEAD", folders=alone.folders)
    assert history.text == "1"
    alone.files.write("README.md", b"# Third\n")
    commit = await alone.git.commit("Third", at=at)
    assert [entry.oid for entry in await alone.git.log(created.base_commit)] == [commit]


async def test_a_missing_artifact_is_said_and_nothing_is_made(
    workspaces: Workspaces, elsewhere: Workspaces, created: Created, store: Store, at: datetime
) -> None:
    created.copy.files.write("a.txt", b"a\n")
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="1", at=at)
    del store.kept[created.checkpoint.pack]
    with pytest.raises(WorkspaceLost, match="Stored objects of checkpoint"):
        await elsewhere.materialise("task", generation=2, checkpoint=checkpoint)
    with pytest.raises(WorkspaceLost):
        await elsewhere.open("task", 2)


async def test_damaged_objects_of_this_host_are_replaced_from_the_store(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    created.copy.files.write("a.txt", b"a\n")
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="1", at=at)
    for file in created.copy.objects_folder.rglob("*"):
        if file.is_file() and file.stat().st_size and checkpoint.commit[2:] not in file.name:
            file.unlink()
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.files.read("a.txt") == b"a\n"


@pytest.mark.parametrize("damaged", ["shadow", "objects", "shadow/HEAD", "workspace.json"])
async def test_whatever_is_damaged_here_is_made_anew_from_the_store(
    workspaces: Workspaces, created: Created, at: datetime, damaged: str
) -> None:
    created.copy.files.write("a.txt", b"a\n")
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="1", at=at)
    place = created.copy.task_folder / damaged
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.write_bytes(b"")
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.files.read("a.txt") == b"a\n"


@pytest.mark.parametrize("missing", ["artifact", "part"])
async def test_nothing_is_removed_here_while_the_store_lacks_something(
    workspaces: Workspaces,
    created: Created,
    store: Store,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    monkeypatch.setattr(packs, "PART_BYTES", 50_000)
    created.copy.files.write("large.bin", random.Random(3).randbytes(120_000))
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="1", at=at)
    part = next(id for id, data in store.kept.items() if len(data) == 50_000)
    del store.kept[checkpoint.pack if missing == "artifact" else part]
    (created.copy.task_folder / "shadow" / "HEAD").write_bytes(b"")
    with pytest.raises(WorkspaceLost, match="Stored objects of checkpoint"):
        await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert (await workspaces.open("task", 1)).files.exists("large.bin")


async def test_credentials_are_not_stored_and_come_from_the_repository_again(
    repository: Path, git: Run, store: Store, tmp_path: Path
) -> None:
    address = "https://someone:very-secret@git.invalid/ledger.git"
    git(repository, "remote", "add", "origin", address)
    home = Workspaces(tmp_path / "one", store=store)
    created = await home.create(
        task_id="task", repository=str(repository), base_branch=None, branch="perdure/fix", generation=1
    )
    assert created.remote == address
    assert not [id for id, data in store.kept.items() if b"very-secret" in data]
    here = Workspaces(tmp_path / "two", store=store)
    restored = await here.materialise("task", generation=2, checkpoint=created.checkpoint)
    assert restored.origin.remote == address
    git(repository, "remote", "set-url", "origin", "https://someone:other@elsewhere.invalid/ledger.git")
    moved = Workspaces(tmp_path / "three", store=store)
    restored = await moved.materialise("task", generation=2, checkpoint=created.checkpoint)
    assert restored.origin.remote == "https://git.invalid/ledger.git"


async def test_packs_that_are_too_much_to_hold_are_read_when_their_turn_comes(
    workspaces: Workspaces,
    elsewhere: Workspaces,
    created: Created,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = created.checkpoint
    for number in range(1, 4):
        created.copy.files.write(f"{number}.bin", random.Random(number).randbytes(2_000))
        checkpoint = await workspaces.checkpoint(created.copy, previous=checkpoint, label=str(number), at=at)
    before = everything(created.copy.root)
    monkeypatch.setattr(packs, "HELD_BYTES", 5_000)
    restored = await elsewhere.materialise("task", generation=2, checkpoint=checkpoint)
    assert everything(restored.root) == before


async def test_a_checkpoint_of_a_later_form_is_not_misread(
    workspaces: Workspaces, elsewhere: Workspaces, created: Created, store: Store
) -> None:
    line, _, pack = store.kept[created.checkpoint.pack].partition(b"\n")
    later = await store.put_artifact("task", "later", line[:-1] + b',"v":2}\n' + pack, packs.MEDIA_TYPE)
    with pytest.raises(WorkspaceLost, match="no checkpoint that this version can read"):
        await elsewhere.materialise(
            "task", generation=2, checkpoint=created.checkpoint.model_copy(update={"pack": later.id})
        )


async def test_a_checkpoint_that_was_never_stored_cannot_come_from_elsewhere(
    elsewhere: Workspaces, repository: Path, tmp_path: Path
) -> None:
    alone = Workspaces(tmp_path / "alone")
    created = await alone.create(
        task_id="task", repository=str(repository), base_branch=None, branch="perdure/fix", generation=1
    )
    assert created.checkpoint.pack == ""
    with pytest.raises(WorkspaceLost, match="is not on this host"):
        await elsewhere.materialise(
            "task", generation=2, checkpoint=Checkpoint(**created.checkpoint.model_dump())
        )


async def test_where_the_store_lost_the_chain_a_new_one_begins(
    workspaces: Workspaces, created: Created, store: Store, tmp_path: Path, at: datetime
) -> None:
    created.copy.files.write("a.txt", b"a\n")
    lost = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="1", at=at)
    store.kept.clear()
    # A worker that was started anew knows nothing of the chain.
    again = Workspaces(tmp_path / "home", store=store)
    copy = await again.open("task", 1)
    copy.files.write("b.txt", b"b\n")
    checkpoint = await again.checkpoint(copy, previous=lost, label="2", at=at)
    restored = await Workspaces(tmp_path / "third", store=store).materialise(
        "task", generation=2, checkpoint=checkpoint
    )
    assert (restored.files.read("a.txt"), restored.files.read("b.txt")) == (b"a\n", b"b\n")
