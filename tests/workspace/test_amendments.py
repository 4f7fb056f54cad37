"""The quick way to a checkpoint gives what the long one gives, whatever happened to the files."""

import os
import random
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from perdure.contracts.workspace import Checkpoint
from perdure.workspace.checkpoints import Checkpoints, take_checkpoint
from perdure.workspace.packs import Packs
from perdure.workspace.records import load_record
from perdure.workspace.working_copy import WorkingCopy, checksum_of
from perdure.workspace.workspaces import Created, Workspaces
from tests.workspace.test_checkpoints import Facts, facts_of
from tests.workspace.test_packs import Store

Run = Callable[..., str]

NAMES = (b"a", b"a.txt", b"a-b", b"a0", b"b.log", b"caf\xc3\xa9", b"bad\xff", b"line\nend", b"-rf", b"Z")
FOLDERS = (b"", b"", b"src", b"a", b"a.d", b"a/b", b"deep/er/still", b"build", b"odd\nfolder", b"b\xfe")
RULES = (b"*.log\n", b"build/\n", b"*.log\n!b.log\n", b"", b"/a\n", b".gitignore\n*.log\n")


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


@pytest.fixture
async def many(workspaces: Workspaces, repository: Path, git: Run) -> Created:
    """A workspace of enough files that deltas of trees have something to copy."""
    for number in range(300):
        path = repository / "src" / f"{number // 100}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n" * 20)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Many")
    return await workspaces.create(
        task_id="task", repository=str(repository), base_branch=None, branch="perdure/fix", generation=1
    )


async def from_scratch(copy: WorkingCopy, previous: Checkpoint, label: str, at: datetime) -> Checkpoint:
    """The checkpoint as Git makes it alone, with an index that knows nothing but the names of the one before."""
    alone = replace(copy, index_name="index-from-scratch")
    await copy.program.run("read-tree", "--reset", previous.tree, folders=alone.shadow_folders)
    try:
        return await take_checkpoint(copy.program, alone, previous=previous, label=label, at=at)
    finally:
        alone.shadow_index.unlink()


class Vandal:
    """Does something to the files of a work tree."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = os.fsencode(root)
        self._random = random.Random(seed)

    def act(self) -> str:
        """One change of a random kind; gives its name."""
        name = self._random.choice(
            ("write", "write", "rewrite", "rewrite", "program", "link", "folder", "remove", "remove_folder", "touch",
             "rename", "rules", "pipe", "many")
        )  # fmt: skip
        {
            "write": self._write, "rewrite": self._rewrite, "program": self._program, "link": self._link,
            "folder": self._folder, "remove": self._remove, "remove_folder": self._remove_folder,
            "touch": self._touch, "rename": self._rename, "rules": self._rules, "pipe": self._pipe,
            "many": self._many,
        }[name]()  # fmt: skip
        return name

    def _path(self) -> Path:
        folder = Path(os.fsdecode(self._root + b"/" + self._random.choice(FOLDERS)))
        for above in (*reversed(folder.parents), folder):
            if above.is_symlink() or (above.exists() and not above.is_dir()):
                above.unlink()
            above.mkdir(exist_ok=True)
        path = folder / os.fsdecode(self._random.choice(NAMES))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        return path

    def _files(self) -> Sequence[Path]:
        return sorted(
            path
            for path in Path(os.fsdecode(self._root)).rglob("*")
            if path.name != ".gitignore" and not path.is_symlink() and path.is_file()
        )

    def _file(self) -> Path:
        return self._random.choice(self._files())

    def _write(self) -> None:
        path = self._path()
        path.unlink(missing_ok=True)
        path.write_bytes(self._random.randbytes(self._random.choice((0, 1, 60, 500, 5_000))))

    def _rewrite(self) -> None:
        """Other bytes of the same number, in the same file."""
        path = self._file()
        path.write_bytes(self._random.randbytes(path.stat().st_size))

    def _program(self) -> None:
        path = self._file()
        path.chmod(stat.S_IMODE(path.stat().st_mode) ^ 0o111)

    def _link(self) -> None:
        path = self._path()
        path.unlink(missing_ok=True)
        path.symlink_to(os.fsdecode(self._random.choice((b"a", b"..", b"/etc/passwd", b"gone\xff"))))

    def _folder(self) -> None:
        path = self._path()
        path.unlink(missing_ok=True)
        path.mkdir()

    def _remove(self) -> None:
        self._file().unlink()

    def _remove_folder(self) -> None:
        folder = self._path().parent
        if folder.name != "src" and folder != self._root_path(b".").resolve():
            shutil.rmtree(folder)

    def _touch(self) -> None:
        self._file().touch()

    def _rename(self) -> None:
        source = self._file()
        source.rename(self._root_path(os.fsencode(source.name) + b"-renamed"))

    def _root_path(self, name: bytes) -> Path:
        return Path(os.fsdecode(self._root + b"/" + name))

    def _rules(self) -> None:
        self._root_path(b".gitignore").write_bytes(self._random.choice(RULES))

    def _pipe(self) -> None:
        path = self._path()
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        if self._random.random() < 0.8:
            path.unlink()

    def _many(self) -> None:
        files = self._files()
        for path in self._random.sample(files, min(60, len(files))):
            path.write_bytes(b"many\n")


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_both_ways_give_the_same_checkpoint(
    many: Created, store: Store, elsewhere: Workspaces, at: datetime, seed: int
) -> None:
    copy, last = many.copy, many.checkpoint
    checkpoints, packs = Checkpoints(copy.program), Packs(copy.program, store)
    vandal = Vandal(copy.root, seed)
    quick = 0
    for step in range(30):
        done = [vandal.act() for _ in range(1 + step % 3)]
        label = f"{step}: {', '.join(done)}"
        taken = await checkpoints.take(copy, previous=last, label=label, at=at)
        expected = await from_scratch(copy, last, label, at)
        assert (label, taken.checkpoint.model_copy(update={"pack": ""})) == (
            label,
            expected.model_copy(update={"pack": ""}),
        )
        if taken.checkpoint is not last:
            last = await packs.save(copy, taken.checkpoint, last, pack=taken.pack)
            quick += taken.pack is not None
    assert quick >= 5
    restored = await elsewhere.materialise("task", generation=1, checkpoint=last)
    record = restored.lost
    assert kept(facts_of(restored.root), record) == kept(facts_of(copy.root), record)


def kept(found: Facts, lost: Sequence[str]) -> Facts:
    """Without what no checkpoint holds, and without folders, whose ignored content decides whether they are there."""
    names = tuple(lost)
    return {
        path: facts
        for path, facts in found.items()
        if facts[0] != "folder"
        and not any(
            (shown := path.decode("utf-8", "replace")) == name
            or (name.endswith("/") and shown.startswith(name))
            for name in names
        )
    }


async def plain(checkpoints: Checkpoints, made: Created, at: datetime) -> Checkpoint:
    """A first checkpoint by the quick way."""
    (made.copy.root / "README.md").write_text("# Begun\n")
    taken = await checkpoints.take(made.copy, previous=made.checkpoint, label="begun", at=at)
    return taken.checkpoint


async def test_a_change_of_the_same_size_in_the_same_moment_is_seen(many: Created, at: datetime) -> None:
    checkpoints = Checkpoints(many.copy.program)
    last, trees = many.checkpoint, {many.checkpoint.tree}
    file = many.copy.root / "src" / "0" / "7.txt"
    for number in range(20):
        file.write_text(f"{number:04d}")
        last = (await checkpoints.take(many.copy, previous=last, label=str(number), at=at)).checkpoint
        trees.add(last.tree)
    assert len(trees) == 21


async def test_a_file_that_was_kept_stays_when_it_is_ignored_later(many: Created, at: datetime) -> None:
    root, checkpoints = many.copy.root, Checkpoints(many.copy.program)
    last = await plain(checkpoints, many, at)
    (root / "later.log").write_text("kept\n")
    added = await checkpoints.take(many.copy, previous=last, label="added", at=at)
    (root / ".gitignore").write_text("*.log\n")
    (root / "later.log").write_text("kept as well\n")
    (root / "new.log").write_text("ignored\n")
    # After a restart nothing is remembered but what lies on the disk.
    taken = await take_checkpoint(
        many.copy.program, many.copy, previous=added.checkpoint, label="ignored", at=at
    )
    folders = many.copy.shadow_folders
    listed = await many.copy.program.run("ls-tree", "--name-only", taken.tree, folders=folders)
    assert set(listed.text.split("\n")) == {".gitignore", "README.md", "later.log", "src"}
    shown = await many.copy.program.run("cat-file", "blob", f"{taken.tree}:later.log", folders=folders)
    assert shown.output == b"kept as well\n"


async def test_files_that_change_places_come_back_from_the_store(
    many: Created, store: Store, elsewhere: Workspaces, at: datetime
) -> None:
    root, packs = many.copy.root, Packs(many.copy.program, store)
    checkpoints = Checkpoints(many.copy.program)
    one, other = root / "src" / "0" / "1.txt", root / "src" / "1" / "101.txt"
    last = many.checkpoint
    contents = ("first\n" * 50, "second\n" * 50)
    for turn in range(4):
        one.write_text(contents[turn % 2])
        other.write_text(contents[(turn + 1) % 2])
        taken = await checkpoints.take(many.copy, previous=last, label=str(turn), at=at)
        last = await packs.save(many.copy, taken.checkpoint, last, pack=taken.pack)
    restored = await elsewhere.materialise("task", generation=1, checkpoint=last)
    assert facts_of(restored.root) == facts_of(root)


async def test_a_usual_change_needs_no_other_index_and_no_other_program(many: Created, at: datetime) -> None:
    checkpoints = Checkpoints(many.copy.program)
    many.copy.remember_shadow_tree(
        checksum_of(many.copy.shadow_index) or "", many.checkpoint.tree, settled=True
    )
    before = many.copy.shadow_index.read_bytes()
    (many.copy.root / "src" / "0" / "7.txt").write_text("changed\n")
    taken = await checkpoints.take(many.copy, previous=many.checkpoint, label="x", at=at)
    assert many.copy.shadow_index.read_bytes() == before
    assert taken.pack is not None
    assert len(taken.pack) < 800


@pytest.mark.parametrize("words", [b"", b"nonsense", b"\xff\xfe", b"1 2 3"])
async def test_a_damaged_note_of_the_index_is_not_believed(many: Created, at: datetime, words: bytes) -> None:
    checkpoints = Checkpoints(many.copy.program)
    last = await plain(checkpoints, many, at)
    many.copy.shadow_index.with_name("shadow-index-tree").write_bytes(words)
    (many.copy.root / "README.md").write_text("# After\n")
    taken = await checkpoints.take(many.copy, previous=last, label="after", at=at)
    assert taken.pack is None
    assert taken.checkpoint.model_copy(update={"pack": ""}) == await from_scratch(
        many.copy, last, "after", at
    )


async def test_a_link_in_the_way_of_a_changed_file_is_not_followed(
    many: Created, tmp_path: Path, at: datetime
) -> None:
    checkpoints = Checkpoints(many.copy.program)
    last = await plain(checkpoints, many, at)
    outside = tmp_path / "outside"
    shutil.move(many.copy.root / "src" / "0", outside)
    (outside / "7.txt").write_text("secret\n")
    (many.copy.root / "src" / "0").symlink_to(outside)
    taken = await checkpoints.take(many.copy, previous=last, label="link", at=at)
    assert taken.checkpoint == await from_scratch(many.copy, last, "link", at)
    kind = await many.copy.program.run(
        "ls-tree", taken.checkpoint.tree, "src/0", folders=many.copy.shadow_folders
    )
    assert kind.text.startswith("120000 blob ")


async def test_a_pipe_in_the_place_of_a_file_is_reported_and_the_file_is_gone(
    many: Created, at: datetime
) -> None:
    checkpoints = Checkpoints(many.copy.program)
    last = await plain(checkpoints, many, at)
    (many.copy.root / "README.md").unlink()
    os.mkfifo(many.copy.root / "README.md")
    taken = await checkpoints.take(many.copy, previous=last, label="pipe", at=at)
    record = await load_record(
        many.copy.program, many.copy.shadow, many.copy.objects_folder, taken.checkpoint.commit
    )
    assert record.unsupported == ("README.md",)
    listed = await many.copy.program.run(
        "ls-tree", "--name-only", taken.checkpoint.tree, folders=many.copy.shadow_folders
    )
    assert listed.text == "src"
