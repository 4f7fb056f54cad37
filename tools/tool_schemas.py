"""What a tool is: its arguments, effect, limits and what it touches, and what it is handed when it runs.

A tool is one file in a category folder. The file holds an arguments model (its docstring and field descriptions are
what the language model reads) and one function with the file's name, decorated with :func:`tool`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from perdure.contracts.calls import CallKey, Effect
from perdure.contracts.errors import ToolRejected
from perdure.contracts.judging import Named
from perdure.contracts.model import ToolSchema
from perdure.contracts.task import Cost
from perdure.contracts.workspace import Checkpoint
from perdure.safety.egress import PackageRequest
from perdure.safety.package_hosts import PackageHost
from perdure.safety.sandbox import Sandbox
from perdure.safety.secrets import Screen, Screens
from perdure.workspace.working_copy import WorkingCopy
from tools.diagnostics import Diagnostic
from tools.named_arguments import named_in
from tools.running.errands import RunsAhead
from tools.searching.services import Searching


class Arguments(BaseModel):
    """Base of every arguments model: a field the tool does not have is refused, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Effects(Protocol):
    """The ledger of effects outside the workspace: intent, act, receipt, with a key stable across attempts."""

    async def intend(self, kind: str, target: str, key: str, intent: dict[str, Any]) -> dict[str, Any] | None:
        """Record the intent (the first one stays) and return the receipt where the effect is already done."""
        ...

    async def intended(self, kind: str, target: str, key: str) -> dict[str, Any] | None:
        """The recorded intent, or None where there is none."""
        ...

    async def receive(self, kind: str, target: str, key: str, receipt: dict[str, Any]) -> None:
        """Record that the effect happened."""
        ...


@dataclass(frozen=True)
class Toolchain:
    """Programs that tools start, by absolute path, and the folders that the sandbox must show for them to run."""

    python: Path
    node: Path | None
    ripgrep: Path
    ruff: Path
    own_python: Path
    """The interpreter of this installation, with its packages; ``python`` may be another, for the projects."""
    read_only: tuple[Path, ...] = ()
    go: Path | None = None
    cargo: Path | None = None
    """Where they are not among the system's own programs."""
    node_modules: Path | None = None
    """Our own TypeScript, ESLint, Prettier and so on; None where set-up could not install them."""


@dataclass(frozen=True)
class Packages:
    """Where this installation's packages come from, and what the package programs are told of it."""

    hosts: tuple[PackageHost, ...] = ()
    """The only hosts that may be reached."""
    npm_registry: str = ""
    """Empty where there is no npm."""
    python_indexes: tuple[str, ...] = ()
    """The index, then those beside it."""
    certificates: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Certificate authorities, by the variable that names their file."""

    @property
    def shown_hosts(self) -> str:
        """The hosts for people."""
        return ", ".join(map(str, self.hosts)) or "none"


FindsPackages = Callable[[], Awaitable[Packages]]
"""Asks npm and pip, which takes seconds."""


class Catalogue(Protocol):
    """The dictionary of tools, searchable."""

    def find(self, query: str, *, limit: int) -> tuple[ToolSchema, ...]:
        """The tools that fit best, best first; none where nothing fits."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Every tool."""
        ...


class NoCatalogue:
    """No tools."""

    names = ()

    def find(self, query: str, *, limit: int) -> tuple[ToolSchema, ...]:
        """None."""
        return ()


Outputs: TypeAlias = Callable[[int, int], Awaitable[str | None]]
"""The whole output of an earlier call of the task, by its step and its position; None where there was none."""


Seen: TypeAlias = Callable[[str], Awaitable[str]]
"""The SHA-256 of a file as the task saw it last, by its path; empty where it never did."""


async def no_outputs(step: int, call: int) -> str | None:
    """Where no task is behind the calls."""
    return None


FilesAt: TypeAlias = Callable[[int], Awaitable[Checkpoint | None]]
"""The files at the end of a step of the task; None where no call had run by then."""


async def no_files(step: int) -> Checkpoint | None:
    """Where no task is behind the calls."""
    raise ToolRejected(
        "No task is behind this call, so it has no steps to look back at.", "Name HEAD, base or a commit."
    )


Answered = TypeVar("Answered", bound=BaseModel)


class AsksModel(Protocol):
    """A language model, as a tool may ask it: a few times a call, each answer in a shape that is checked."""

    @property
    def cost(self) -> Cost:
        """What the call has asked for so far cost."""
        ...

    @property
    def room_characters(self) -> int:
        """How long a question may be."""
        ...

    async def __call__(self, *, instructions: str, material: str, answer: type[Answered]) -> Answered:
        """The answer; ToolRejected where none can be had. The same question is not asked twice for one call."""
        ...


@dataclass(frozen=True)
class ToolContext:
    """What a tool is handed when it runs or is previewed."""

    copy: WorkingCopy
    sandbox: Sandbox
    key: CallKey
    requested_at: datetime
    """The activity's scheduled time: the same on every attempt, so that a retried commit is the same commit."""
    toolchain: Toolchain
    beat: Callable[[str], None]
    """Says that work goes on, with a word about what."""
    effects: Effects
    packages: Packages = field(default_factory=Packages)
    """Those of ``find_packages`` where a tool had that asked; most work needs none."""
    find_packages: FindsPackages | None = None
    on_package_request: Callable[[PackageRequest], None] = lambda _: None
    """Is told of every request that a run with a way out makes."""
    approved: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The facts of the preview that a person approved; empty where nobody was asked."""
    approved_by: str = ""
    """Who approved it, as they called themselves; empty where nobody was asked."""
    outputs: Outputs = no_outputs
    seen: Seen | None = None
    """None where no task is behind the calls: then nothing is refused for not having been read."""
    files_at: FilesAt = no_files
    catalogue: Catalogue = field(default_factory=NoCatalogue)
    """The tools that there are; the registry that runs a call hands in itself."""
    searching: Searching = field(default_factory=Searching)
    """What searches by meaning may use; they work without any of it."""
    model: AsksModel | None = None
    """None where no model can be asked."""
    read_only: bool = False
    """Whether no program may write to the workspace, whatever the tool asks for: the task only plans or answers."""
    screen: Screen = field(default_factory=lambda: Screens().worker)
    """Finds the task's credentials in texts. What a tool gives back passes it afterwards; tools need not."""
    ahead: RunsAhead | None = None
    """Runs the call's program whose writes would stay: in a throw-away view, or not again where that was done."""
    on_trial: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Files as programs shall see them in place of the workspace's, by path; nothing of what they write stays."""


@dataclass(frozen=True)
class Artifact:
    """Bytes worth keeping beside the output."""

    name: str
    data: bytes
    media_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class ToolOutput:
    """What a tool gives back."""

    content: str
    """What the model reads: the whole of it, which the runner shortens to the tool's output limit."""
    ok: bool = True
    """False where the tool ran but what it ran failed, such as a command with a bad exit code."""
    summary: str = ""
    """One line for people and for the history; the registry takes the content's first line where a tool leaves it out."""
    artifacts: tuple[Artifact, ...] = ()
    changed_paths: tuple[str, ...] = ()
    """Paths from the workspace root that the tool itself wrote, moved or removed."""
    diagnostics: tuple[Diagnostic, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict[str, str])
    """SHA-256 of whole files as the task knows them from here on, by path."""
    duration_s: float = 0.0
    """Filled in by the registry."""
    loads: tuple[str, ...] = ()
    """Tools that the model is offered from its next decision on."""
    commit: str | None = None
    pushed: str | None = None
    """``<branch>@<commit>`` where the call pushed."""


class Touches(NamedTuple):
    """What a call will change, as far as its arguments say."""

    paths: tuple[str, ...] = ()
    """From the workspace root; ``.`` where it may be any file."""
    refs: tuple[str, ...] = ()
    """Such as ``HEAD`` or ``refs/heads/main``."""


ANYTHING = Touches(paths=(".",))


@dataclass(frozen=True)
class Preview:
    """What a call would do, for a person to judge."""

    title: str
    markdown: str
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """What must be the same when the call runs, such as the remote's head; part of the operation's digest."""
    pushed: str = ""
    """``<branch>@<commit>`` where the remote has that already, so that nothing is left to approve."""
    left_out: int = 0
    """Characters of the command or of scripts that ``markdown`` does not show."""


OUTPUT_CHARACTERS = 8_000
"""What the model is shown of one output, unless the tool says otherwise."""

A = TypeVar("A", bound=BaseModel)
Run: TypeAlias = Callable[[A, ToolContext], Awaitable[ToolOutput]]
Previewer: TypeAlias = Callable[[A, ToolContext], Awaitable[Preview]]


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One tool. ``effects`` lists every effect that ``effect_of`` can return."""

    name: str
    category: str
    arguments: type[A]
    effects: tuple[Effect, ...]
    effect_of: Callable[[A], Effect]
    timeout_s: float
    """The longest any call may take, in seconds."""
    timeout_of: Callable[[A], float]
    """The longest this call may take, in seconds; at most ``timeout_s``."""
    output_limit: int
    """Characters of the content that the model is shown; beyond, the middle is left out and can be asked for."""
    title_of: Callable[[A], str]
    touches_of: Callable[[A], Touches]
    """What a call will change, computed from its arguments before it runs."""
    named_of: Callable[[A], Named]
    """What its arguments name, for the rules of the policy."""
    run: Run[A]
    preview_of: Previewer[A] | None
    """What a call would do, for a person; every tool that can change anything has one."""
    ahead_of: Callable[[A], bool]
    """Whether all that a call changes, one program changes that has no network: it can be run ahead in a throw-away view."""


def _category_of(module: str) -> str:
    """The folder of a tool of our own; those of others have one category together."""
    parts = module.split(".")
    return parts[1] if parts[0] == "tools" and len(parts) == 3 else "extension"


def tool(
    arguments: type[A],
    *,
    title: Callable[[A], str],
    effect: Effect | Callable[[A], Effect],
    timeout_s: float,
    timeout_of: Callable[[A], float] | None = None,
    effects: tuple[Effect, ...] = (),
    preview: Previewer[A] | None = None,
    touches: Callable[[A], Touches] | None = None,
    command: Callable[[A], str] = lambda _: "",
    output_limit: int = OUTPUT_CHARACTERS,
    ahead: Callable[[A], bool] = lambda _: False,
) -> Callable[[Run[A]], Tool[A]]:
    """Make the decorated function a tool.

    ``effects`` is needed where the effect depends on the arguments. Without ``touches`` a call is taken to change
    nothing where its effect says so, and anything otherwise. ``command`` is the line of shell that it runs, if any.
    ``ahead`` says of which calls the effect is that of one program without network.
    """
    possible = (effect,) if isinstance(effect, Effect) else effects
    if not possible:
        raise TypeError(
            f"{arguments.__name__}: list every possible effect, because it depends on the arguments."
        )

    def effect_of(given: A) -> Effect:
        return effect if isinstance(effect, Effect) else effect(given)

    def touches_of(given: A) -> Touches:
        if touches is not None:
            return touches(given)
        return ANYTHING if effect_of(given).changes_workspace else Touches()

    def named_of(given: A) -> Named:
        touched = touches_of(given)
        return named_in(given, paths=touched.paths, refs=touched.refs, command=command(given))

    def decorate(run: Run[A]) -> Tool[A]:
        return Tool(
            name=run.__name__,
            category=_category_of(run.__module__),
            arguments=arguments,
            effects=possible,
            effect_of=effect_of,
            timeout_s=timeout_s,
            timeout_of=timeout_of or (lambda _: timeout_s),
            output_limit=output_limit,
            title_of=title,
            touches_of=touches_of,
            named_of=named_of,
            run=run,
            preview_of=preview,
            ahead_of=ahead,
        )

    return decorate
