"""Checkpoints outside this host: the objects that are new since the checkpoint before, as one artifact each.

An artifact begins with a line of JSON (``Header``) that names the artifact before it, so a checkpoint can be brought to
any host from its own artifact's id and the store alone. The first of a chain holds everything that checkpoint 0 needs;
every 200th begins again from that one, so that no chain grows long.
"""

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import InvalidInput, WorkspaceLost
from perdure.contracts.repositories import strip_credentials
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.working_copy import Origin, WorkingCopy

MEDIA_TYPE = "application/vnd.perdure.checkpoint"
PART_MEDIA_TYPE = "application/vnd.perdure.checkpoint-part"
PART_BYTES = 32 * 1024 * 1024
FULL_HISTORY_BYTES = 64 * 1024 * 1024
"""A repository whose packs are larger is stored without the history before the task's base commit."""
CONSOLIDATE_EVERY = 200
KEPT_HEADERS = 1_000
HELD_BYTES = 64 * 1024 * 1024
"""Of a chain's packs; what is more is read from the store again when its turn comes."""


class KeepsArtifacts(Protocol):
    """The store of a task's bytes."""

    async def put_artifact(self, task_id: str, name: str, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes; they are safe when this returns."""
        ...

    async def artifact(self, task_id: str, id: str) -> bytes:
        """Stored bytes, checked against their id; InvalidInput where there are none."""
        ...


class Beginning(BaseModel):
    """What a workspace needs beside objects; in the first header of a chain."""

    model_config = ConfigDict(frozen=True)

    origin: Origin
    """Without credentials: the store and everybody who may look artifacts up must not learn them."""
    packed_refs: str = ""
    """Branches of the remote and tags, in Git's format; bytes are kept as Latin-1."""
    shallow: str = ""
    """Commits whose parents were not in the repository, in Git's format."""
    cut: bool = False
    """Whether the history before the base commit was left out because of its size."""


class Header(BaseModel):
    """First line of a checkpoint's artifact; the pack follows it, or lies in the artifacts ``parts``."""

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1
    commit: str
    previous: str = ""
    """Checkpoint whose objects are not repeated here; empty for the first."""
    previous_pack: str = ""
    """Artifact of that checkpoint."""
    number: int = 0
    """Checkpoints before this one."""
    first: str = ""
    first_pack: str = ""
    """Checkpoint 0 and its artifact, for the next that begins again from there; empty in itself."""
    parts: tuple[str, ...] = ()
    beginning: Beginning | None = None


@dataclass(frozen=True)
class Stored:
    """One artifact as it was read."""

    artifact: str
    header: Header
    pack: bytes | None
    """None where it was too much to be held."""


class Packs:
    """Saves checkpoints to the store and brings them back."""

    def __init__(self, program: GitProgram, store: KeepsArtifacts) -> None:
        self._program = program
        self._store = store
        self._headers: OrderedDict[str, Header] = OrderedDict()

    async def save_first(self, copy: WorkingCopy, checkpoint: Checkpoint) -> Checkpoint:
        """Store everything that the checkpoint needs; gives it with its artifact's id."""
        cut = await asyncio.to_thread(_bytes_of_packs, copy.objects_folder) > FULL_HISTORY_BYTES
        limit = f"--shallow {copy.base_commit}\n" if cut else ""
        beginning = Beginning(
            origin=_public(copy.origin, checkpoint),
            packed_refs=_latin(copy.task_folder / "packed-refs"),
            shallow=_latin(copy.task_folder / "shallow"),
            cut=cut,
        )
        header = Header(commit=checkpoint.commit, beginning=beginning)
        return await self._save(copy, checkpoint, header, f"{limit}{checkpoint.commit}\n")

    async def save(
        self,
        copy: WorkingCopy,
        checkpoint: Checkpoint,
        previous: Checkpoint,
        *,
        name: str = "",
        pack: bytes | None = None,
    ) -> Checkpoint:
        """Store what is new since ``previous``; gives the checkpoint with its artifact's id, called ``name``.

        ``pack`` is what is new, where it is known already.
        """
        if not previous.pack:
            # A task that began before checkpoints were stored has no chain to hang on.
            return await self.save_first(copy, checkpoint)
        task_id = copy.origin.task_id
        try:
            before = await self._header(task_id, previous.pack)
        except WorkspaceLost:
            # The store lost the chain, such as with a database whose backup is older: a new one begins here.
            return await self.save_first(copy, checkpoint)
        first, first_pack = (
            (before.first, before.first_pack) if before.previous else (before.commit, previous.pack)
        )
        number = before.number + 1
        again = number % CONSOLIDATE_EVERY == 0
        base, base_pack = (first, first_pack) if again else (previous.commit, previous.pack)
        header = Header(
            commit=checkpoint.commit,
            previous=base,
            previous_pack=base_pack,
            number=number,
            first=first,
            first_pack=first_pack,
        )
        if pack is not None and not again:
            return await self._put(task_id, checkpoint, header, name or f"checkpoint {number}", pack)
        return await self._save(copy, checkpoint, header, f"{checkpoint.commit}\n^{base}\n", name=name)

    async def chain(self, task_id: str, checkpoint: Checkpoint) -> list[Stored]:
        """The artifacts that the checkpoint is made from, first one first; WorkspaceLost where one is missing."""
        found: list[Stored] = []
        wanted, pack = checkpoint.commit, checkpoint.pack
        held = 0
        while pack:
            stored = await self._load(task_id, pack, wanted)
            held += len(stored.pack or b"")
            found.append(stored if held <= HELD_BYTES else replace(stored, pack=None))
            wanted, pack = stored.header.previous, stored.header.previous_pack
        if not found:
            raise WorkspaceLost(
                f"The checkpoint {checkpoint.commit[:12]!r} was never stored outside its host.",
                "start the worker of that host again.",
            )
        return found[::-1]

    async def require(self, task_id: str, checkpoint: Checkpoint) -> None:
        """WorkspaceLost where the store lacks anything that the checkpoint is made from."""
        for stored in await self.chain(task_id, checkpoint):
            for part in stored.header.parts:
                await self._read(task_id, part, stored.header.commit)

    async def index(self, chain: Sequence[Stored], task_id: str, folders: Folders, scratch: Path) -> None:
        """Add the chain's objects to the folder; those of a checkpoint that is there already are not read again."""
        for stored in chain:
            present = await self._program.run(
                "cat-file", "-e", stored.header.commit, folders=folders, accept=(0, 1, 128)
            )
            if present.code == 0:
                continue
            async with _temporary(scratch) as file:
                await self._write(file, task_id, stored)
                try:
                    await self._program.run(
                        "index-pack", "--stdin", "--fix-thin", folders=folders, read_from=file, limit_s=1800.0
                    )
                except GitFailed as error:
                    raise WorkspaceLost(
                        f"The stored objects of checkpoint {stored.header.commit[:12]!r} cannot be used: {error.message}"
                    ) from error

    async def _save(
        self, copy: WorkingCopy, checkpoint: Checkpoint, header: Header, wanted: str, *, name: str = ""
    ) -> Checkpoint:
        task_id = copy.origin.task_id
        name = name or f"checkpoint {header.number}"
        async with _temporary(copy.task_folder) as file:
            await self._program.run(
                "pack-objects", "--revs", "--thin", "--shallow", "--stdout", "--delta-base-offset", "-q",
                folders=Folders(copy.shadow, copy.objects_folder), stdin=wanted.encode(), write_to=file,
                limit_s=1800.0,
            )  # fmt: skip
            pack = b""
            if file.stat().st_size > PART_BYTES:
                header = header.model_copy(update={"parts": await self._store_parts(task_id, name, file)})
            else:
                pack = file.read_bytes()
        return await self._put(task_id, checkpoint, header, name, pack)

    async def _put(
        self, task_id: str, checkpoint: Checkpoint, header: Header, name: str, pack: bytes
    ) -> Checkpoint:
        line = header.model_dump_json(exclude_defaults=True).encode() + b"\n"
        artifact = await self._store.put_artifact(task_id, name, line + pack, MEDIA_TYPE)
        self._remember(artifact.id, header)
        return checkpoint.model_copy(update={"pack": artifact.id})

    async def _store_parts(self, task_id: str, name: str, file: Path) -> tuple[str, ...]:
        parts: list[str] = []
        with file.open("rb") as stream:
            while data := stream.read(PART_BYTES):
                part = await self._store.put_artifact(
                    task_id, f"{name}, part {len(parts) + 1}", data, PART_MEDIA_TYPE
                )
                parts.append(part.id)
        return tuple(parts)

    async def _write(self, file: Path, task_id: str, stored: Stored) -> None:
        """The pack as a file; parts are read one by one, so that no more than one is held."""
        pack = stored.pack
        if pack is None:
            pack = (await self._load(task_id, stored.artifact, stored.header.commit)).pack
        with file.open("wb") as stream:
            stream.write(pack or b"")
            for part in stored.header.parts:
                stream.write(await self._read(task_id, part, stored.header.commit))

    async def _header(self, task_id: str, pack: str) -> Header:
        known = self._headers.get(pack)
        if known is None:
            known = (await self._load(task_id, pack, "")).header
            self._remember(pack, known)
        return known

    def _remember(self, pack: str, header: Header) -> None:
        self._headers[pack] = header.model_copy(update={"beginning": None})
        if len(self._headers) > KEPT_HEADERS:
            self._headers.popitem(last=False)

    async def _load(self, task_id: str, pack: str, wanted: str) -> Stored:
        data = await self._read(task_id, pack, wanted)
        line, _, rest = data.partition(b"\n")
        try:
            header = Header.model_validate_json(line)
        except ValidationError as error:
            raise WorkspaceLost(
                f"The artifact {pack!r} is no checkpoint that this version can read.",
                "use the newer version.",
            ) from error
        if wanted and header.commit != wanted:
            raise WorkspaceLost(
                f"The artifact {pack!r} holds the checkpoint {header.commit[:12]!r}, not {wanted[:12]!r}."
            )
        return Stored(pack, header, rest)

    async def _read(self, task_id: str, id: str, commit: str) -> bytes:
        try:
            return await self._store.artifact(task_id, id)
        except InvalidInput as error:
            raise WorkspaceLost(
                f"Stored objects of checkpoint {commit[:12]!r} are missing: {error.message}",
                "restore the database's backup.",
            ) from error


def _public(origin: Origin, checkpoint: Checkpoint) -> Origin:
    """The origin as it may be stored."""
    remote = None if origin.remote is None else strip_credentials(origin.remote)
    repository = strip_credentials(origin.repository)
    return origin.model_copy(update={"repository": repository, "remote": remote, "checkpoint": checkpoint})


def _bytes_of_packs(objects: Path) -> int:
    return sum(file.stat().st_size for file in (objects / "pack").glob("*.pack"))


def _latin(file: Path) -> str:
    return file.read_bytes().decode("latin-1") if file.is_file() else ""


@contextlib.asynccontextmanager
async def _temporary(folder: Path) -> AsyncGenerator[Path]:
    """A file for the time of the block; one that a kill leaves behind goes with the task's folder."""
    file = folder / f".pack-{secrets.token_hex(6)}"
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)
