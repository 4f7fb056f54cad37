"""What one run of a task hands to the next where its event history is long enough: all that replay would rebuild."""

from pydantic import Field

from perdure.contracts.calls import CallSummary
from perdure.contracts.decisions import QuestionKind
from perdure.contracts.durable import Durable
from perdure.contracts.plan import Plan
from perdure.contracts.steps import Limits, Note, OpenedTask, Publication
from perdure.contracts.task import Check, Cost, Evidence, TaskRequest, Withheld
from perdure.contracts.workspace import Checkpoint, Workspace


class Taken(Durable):
    """A decision or an answer that was recorded: enough to know the same one again and to refuse another."""

    said: str
    """The verdict or the choice."""
    content: str = ""
    """Digest of the edited arguments or of the new limits; empty where none were given."""


class CarriedLine(Durable):
    """One line of the query ``transcript``."""

    step: int
    kind: str
    title: str
    ok: bool | None = None
    excerpt: str = ""


class InstalledBy(Durable):
    """A call that installed packages, which no checkpoint holds."""

    decision: str
    call: CallSummary


class LoopCounts(Durable):
    """What the loop counts between its steps."""

    refusals: int = 0
    gate_rounds: int = 0
    last_reflection: int = 0
    unusable_answers: int = 0


class OpenQuestion(Durable):
    """A question that was withdrawn, to be asked anew."""

    kind: QuestionKind
    text: str


class OpenPublication(Durable):
    """A publication of which some calls did not run yet."""

    publication: Publication
    withheld_before: int
    """How much was withheld when it began."""


class Undone(Durable):
    """What a run left undone that moved over to another version; the next one begins with it."""

    question: OpenQuestion | None = None
    """Asked before anything else."""
    decision: str = ""
    calls: tuple[CallSummary, ...] = ()
    """Those of the decision that did not run: the first one was asked about."""
    failed: bool = False
    """Whether one of the decision's calls before them failed."""
    ending: str = ""
    """How the loop ended, where it is over."""
    written: bool = False
    """Whether the answer was written."""
    publication: OpenPublication | None = None


class SpokenWords(Durable):
    """What people said, as far as it still matters."""

    decisions: dict[str, Taken] = Field(default_factory=dict)
    answers: dict[str, Taken] = Field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    asked: int = 0
    resets: int = 0


class Continuation(Durable):
    """What a run that continues another is given beside the request; never taken from people."""

    opened: OpenedTask
    runs: int
    """Runs of this task before."""
    workspace: Workspace
    checkpoint: Checkpoint
    dispatch: int
    takeovers: int = 0
    rebuilds: int = 0
    rebuild_first: bool = False
    """Whether a reset still has to be answered by rebuilding the workspace."""
    first_tree: str
    head: str
    step: int
    numbered: int
    limits: Limits
    cost: Cost
    dropped: Cost = Cost()
    """The part of ``cost`` that went into steps which were taken back."""
    worked_s: float
    plan: Plan | None = None
    finished: tuple[int, ...] = ()
    notes: tuple[Note, ...] = ()
    lines: tuple[CarriedLine, ...] = ()
    checks: tuple[Check, ...] = ()
    commits: tuple[str, ...] = ()
    pushed: str | None = None
    withheld: tuple[Withheld, ...] = ()
    denials: int = 0
    last_fault: str = ""
    paused: bool = False
    paused_by: str = ""
    """Who paused it, where that person gave a name."""
    granted: tuple[str, ...] = ()
    """Digests of the arguments of calls that a person approved for the whole task."""
    installed: tuple[InstalledBy, ...] = ()
    seen: dict[str, int] = Field(default_factory=dict)
    """How often the loop's guard saw calls on the files as they are now."""
    counts: LoopCounts = LoopCounts()
    words: SpokenWords = SpokenWords()
    undone: Undone | None = None
    """None where nothing was under way."""
    summary: str = ""
    evidence: tuple[Evidence, ...] = ()
    commit_message: str = ""


class ContinuedTask(TaskRequest):
    """The one JSON object that a later run of a ``CodingTask`` begins with."""

    continuation: Continuation

    @property
    def task(self) -> TaskRequest:
        """The request as a person gave it."""
        return TaskRequest.model_validate(self.model_dump(exclude={"continuation"}))
