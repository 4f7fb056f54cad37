"""What a running stack writes down for other processes, and how they find it."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perdure.embedded.component import ProcessFacts
from perdure.embedded.process import is_alive, start_time


class Addresses(BaseModel):
    """Where the stack's parts are reached."""

    model_config = ConfigDict(frozen=True)

    temporal: str
    """``host:port``."""
    namespace: str
    web_ui: str = ""
    """URL, empty where Temporal is not ours."""
    database_url: str
    others: dict[str, str] = Field(default_factory=dict[str, str])
    """Name → address of further components."""


class RecordedProcess(BaseModel):
    """One process, with its start time in clock ticks since boot."""

    model_config = ConfigDict(frozen=True)

    component: str
    pid: int
    started: int


class StackRecord(BaseModel):
    """The content of ``stack.json``."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    boot: str
    """The kernel's id of this boot: process ids of another boot mean nothing."""
    owner: RecordedProcess
    addresses: Addresses
    processes: tuple[RecordedProcess, ...] = ()

    @property
    def owner_lives(self) -> bool:
        """Whether the process that started the stack still runs."""
        return self._lives(self.owner)

    @property
    def living(self) -> tuple[RecordedProcess, ...]:
        """The recorded processes that still run."""
        return tuple(process for process in self.processes if self._lives(process))

    def _lives(self, process: RecordedProcess) -> bool:
        return self.boot == boot_id() and is_alive(process.pid, process.started)


def boot_id() -> str:
    """The kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def record_of(*, owner: int, addresses: Addresses, processes: Sequence[ProcessFacts]) -> StackRecord:
    """The record of a stack that this process or another one owns."""
    return StackRecord(
        boot=boot_id(),
        owner=RecordedProcess(component="owner", pid=owner, started=start_time(owner)),
        addresses=addresses,
        processes=tuple(
            RecordedProcess(component=each.component, pid=each.pid, started=each.started)
            for each in processes
        ),
    )


def write_record(file: Path, record: StackRecord) -> None:
    """Replace the file in one step, readable by its owner alone: a database URL may hold a password."""
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(record.model_dump_json(indent=2) + "\n")
    partial.replace(file)


def read_record(file: Path) -> StackRecord | None:
    """The record, None where there is none that this version understands."""
    try:
        return StackRecord.model_validate_json(file.read_text())
    except (FileNotFoundError, ValidationError):
        return None


def find_running(home: Path) -> StackRecord | None:
    """The stack that runs on this home folder, None where none does."""
    record = read_record(home.absolute() / "stack.json")
    return record if record is not None and record.owner_lives else None
