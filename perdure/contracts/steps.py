"""Input and output of each activity. All are small: texts are excerpts, bulk goes by digest."""

from typing import Literal

from pydantic import model_validator

from perdure.contracts.calls import ArtifactRef, Assurance, CallResult, CallSummary, SandboxLevel
from perdure.contracts.consents import Approver, Consent
from perdure.contracts.durable import Durable
from perdure.contracts.plan import Plan, Reflection
from perdure.contracts.task import Check, Cost, Evidence, Mode, Safety, TaskRequest, TaskStatus, Withheld
from perdure.contracts.workspace import Checkpoint, Workspace

#: The most a budget may allow. A task of thousands of steps has several runs, so this guards against slips alone.
MAX_STEPS = 20_000


class Limits(Durable):
    """The task's own limits once defaults are filled in."""

    usd: float
    tokens: int
    minutes: float
    steps: int


class Timing(Durable):
    """Durations in seconds that the workflow takes from the installation's settings, recorded once a task."""

    heartbeat_s: float = 15.0
    host_answer_s: float = 30.0
    """How long a host may take to pick up a step before the workspace is taken over."""
    approval_deadline_s: float = 7 * 24 * 3600.0
    approval_reminder_s: float = 24 * 3600.0
    approval_reminders_s: tuple[float, ...] = ()
    """When to remind, after asking; empty: each time ``approval_reminder_s`` passes."""
    approval_escalation_s: float = 0.0
    """When somebody else is told that nobody decides, after asking; 0: never."""
    reflect_every: int = 5
    continue_after_events: int = 0
    """Events of a run after which the task goes on in a new one; 0: when the server suggests it."""


class ForkPoint(Durable):
    """A task at the end of one of its steps: what a fork begins with."""

    workflow_id: str
    task_id: str
    step: int
    head: str
    """Digest of that task's newest transcript entry then."""
    repository: str
    """Credentials stripped."""
    workspace: Workspace
    checkpoint: Checkpoint
    plan: Plan | None = None
    asked_anew: bool = False
    """Whether the fork has a request of its own."""


class OpenTask(Durable):
    """Record a task and settle what it may do."""

    task_id: str
    workflow_id: str
    request: TaskRequest


class OpenedTask(Durable):
    """What the installation grants the task."""

    head: str
    repository: str
    """Credentials stripped."""
    safety: Safety
    limits: Limits
    timing: Timing
    models: dict[str, str]
    scripted: bool
    tools_digest: str
    search_attributes: bool
    """Whether Perdure's search attributes are registered on this server."""
    warnings: tuple[str, ...] = ()
    forked: ForkPoint | None = None
    """Where the task begins, where that is a step of another one."""
    request: str = ""
    """The request as it is shown from here on, without credentials; empty: as it was sent."""


class PrepareWorkspace(Durable):
    """Make, take over or restore the task's workspace on the host that answers."""

    task_id: str
    repository: str
    """Empty for a rebuild, which needs no remote."""
    base_branch: str | None = None
    title: str = ""
    """The beginning of the request, for the branch's name."""
    head: str
    dispatch: int
    previous: Workspace | None = None
    """None on the first call; afterwards the files are rebuilt from its checkpoint."""
    checkpoint: Checkpoint | None = None
    """The last recorded checkpoint, where later than ``previous.checkpoint``."""
    reason: Literal["start", "takeover", "reset", "take_back"] = "start"
    fork: ForkPoint | None = None
    """For a first call: make the workspace from that task's checkpoint."""


class PreparedWorkspace(Durable):
    """The workspace and the transcript's new head."""

    head: str
    workspace: Workspace
    notes: tuple[str, ...] = ()
    """What a person should know of the files that were there before, and of the branch."""
    set_aside: tuple[ArtifactRef, ...] = ()
    """Changes that no step had recorded, as a patch."""
    set_aside_in: Checkpoint | None = None
    """The checkpoint that holds those changes whole."""
    spent: Cost | None = None
    """After a reset: what every model call of the task cost, those of steps that no longer stand included."""
    lost: tuple[str, ...] = ()
    """Where it was rebuilt: what was there that no checkpoint holds, the first names of it."""
    lost_count: int = 0


class Note(Durable):
    """Something the model must read before it decides: a person's word, or a guard's."""

    kind: Literal["steer", "denied", "expired", "done", "guard", "budget", "correction", "rebuilt"]
    text: str
    decision: str = ""
    """Digest of the decision entry whose call this answers."""
    call_index: int = -1
    by: str = ""
    """Who said it, where a person did and gave a name."""


class ModelStep(Durable):
    """Ask a model about the transcript up to ``head``: plan, decide, reflect or synthesize."""

    task_id: str
    step: int
    head: str
    mode: Mode
    safety: Safety
    notes: tuple[Note, ...] = ()
    trigger: str = ""
    """For a reflection: why it is made. For a decision: empty."""
    model: str = ""
    """The model that is asked first; empty: the role's."""


class PlanMade(Durable):
    """The plan."""

    head: str
    plan: Plan
    model: str
    cost: Cost
    warnings: tuple[str, ...] = ()
    """What went wrong with the model on the way, such as a fallback."""


class Decided(Durable):
    """The model's decision: calls with the policy's verdict, or that it is done."""

    head: str
    """Digest of the decision entry; ``execute`` reads the arguments from it."""
    calls: tuple[CallSummary, ...]
    done: bool
    said: str = ""
    """At most 300 characters of what it wrote."""
    model: str = ""
    cost: Cost = Cost()
    warnings: tuple[str, ...] = ()
    repeated: bool = False
    """True when a stored answer was returned instead of paying the model twice."""
    follows: tuple[str, ...] = ()
    """The texts that the model had read since a person spoke last: a line each, what is untrusted first, few of many."""
    untrusted: bool = False
    """Whether the model had read anything untrusted in this conversation."""
    problem: str = ""
    """Where there are no calls and it is not done: what was wrong with the answer; empty where it was cut off."""


class Reflected(Durable):
    """The reflection."""

    head: str
    reflection: Reflection
    model: str
    cost: Cost
    warnings: tuple[str, ...] = ()


class HostStep(Durable):
    """What every step on a host needs to know of the workspace."""

    task_id: str
    step: int
    head: str
    mode: Mode
    safety: Safety
    epoch: int
    dispatch: int
    checkpoint: Checkpoint
    generation: int = 0
    """The only folder in which the step may run, because what was set up there is in no checkpoint; 0: any."""


class DecisionStep(HostStep):
    """A step on a host about calls of one decision."""

    decision: str = ""
    """Digest of the decision entry; empty where that is ``head``, as in most steps."""

    @model_validator(mode="before")
    @classmethod
    def _say_it_once(cls, given: dict[str, object]) -> dict[str, object]:
        return {**given, "decision": ""} if given.get("decision") == given.get("head") else given

    @property
    def decided_in(self) -> str:
        """Digest of the decision entry."""
        return self.decision or self.head


class PreviewCall(DecisionStep):
    """Show exactly what a call would do; with ``arguments``, a person's edit of it."""

    index: int
    arguments: dict[str, object] | None = None
    decided: int = 0
    """How often the call was decided already, in vain; part of the approval's id."""
    ahead: bool = False
    """Whether it may be run ahead in a throw-away view: somebody will look at what it did."""


class Previewed(Durable):
    """The exact operation. ``run_id`` is the run in which it was asked: part of the approval's id."""

    head: str
    operation_digest: str
    run_id: str
    tool: str
    title: str
    preview: str
    shape: str = ""
    """The same for calls of the same tool and effect with the same arguments, in whichever task."""
    timeout_s: float = 60.0
    """The longest the call may take, which an edit may have changed."""
    refused: str = ""
    """Why there is nothing to approve (the tool itself refuses, or the policy denies): the model is told."""
    pushed: str = ""
    """``<branch>@<commit>`` where there is nothing to approve because the remote has exactly that."""
    cost: Cost = Cost()
    """What the models cost that the call's tool asked so far."""
    rules: tuple[str, ...] = ()
    """As in the call's summary, and so are the next three: judged again with what the host knows, and after an edit."""
    people: int = 1
    assurance: Assurance = Assurance.CLAIMED
    least_sandbox: SandboxLevel | None = None
    untrusted: bool = False
    grant: str = ""
    """Id of what a person let be remembered and what covers this call, so that nobody is asked."""
    grant_says: str = ""
    """Who let it be remembered, and until when."""
    not_remembered: str = ""
    """Why a yes to it holds once only."""
    remember_s: float = 0.0
    """How long a yes would hold that is remembered for the repository; 0: it cannot be."""
    reason: str = ""
    """Why the policy asks."""
    policy_digest: str = ""
    sandbox: str = ""
    """What shuts programs in on the task's host."""
    hidden: int = 0
    """Characters of the preview that people are not shown at once."""
    whole: ArtifactRef | None = None
    """The operation and its preview in full."""
    approvers: tuple[Approver, ...] = ()
    """Who may sign an approval of this call, with their public keys."""
    ahead: ArtifactRef | None = None
    """What it did when it was run ahead, byte by byte; None where it was not."""
    ahead_digest: str = ""


class ApprovedCall(Durable):
    """One call to run, with the digest a person approved where one was needed."""

    index: int
    approved_digest: str = ""
    approved_by: str = ""
    """As they called themselves; empty where nobody was asked, or where it was approved for the whole task before."""
    grant: str = ""
    """What a person let be remembered, where that is why nobody was asked; it is looked at again before the call runs."""
    approval_id: str = ""
    consents: tuple[Consent, ...] = ()
    """Who agreed to exactly this operation, and how sure that is."""
    use_by: str = ""
    """ISO 8601 in UTC: afterwards the approval is void; empty where nobody was asked."""
    ahead: ArtifactRef | None = None
    """What it did when it was run ahead: that is done, and the call is not run."""


class ExecuteCalls(DecisionStep):
    """Run calls of one decision in order; read-only neighbours run in parallel."""

    calls: tuple[ApprovedCall, ...]


class Executed(Durable):
    """What ran. Calls after ``stale_approval`` did not run."""

    head: str
    results: tuple[CallResult, ...]
    checkpoint: Checkpoint | None = None
    """None where it is the one that was given."""
    stale_approval: int | None = None
    """Index of the call whose operation no longer is what was approved; it is asked anew."""
    stale_because: str = ""
    """In a sentence, why it is asked anew."""
    lost: tuple[str, ...] = ()
    """Where the workspace was rebuilt for this step: what no checkpoint holds, the first names of it."""
    lost_count: int = 0
    notes: tuple[str, ...] = ()
    """Where the workspace was rebuilt for this step: what a person should know of the files that were there before."""
    set_aside: tuple[ArtifactRef, ...] = ()
    """Changes in them that no step had recorded, as a patch."""
    set_aside_in: Checkpoint | None = None
    """The checkpoint that holds those changes whole."""


class CheckWork(HostStep):
    """Run the quality gate on what changed since the base commit."""

    base_commit: str


class Checked(Durable):
    """Results of the quality gate."""

    head: str
    checks: tuple[Check, ...]
    changed_files: int = 0


class Synthesized(Durable):
    """The answer with its evidence."""

    head: str
    summary: str
    commit_message: str
    evidence: tuple[Evidence, ...]
    model: str
    cost: Cost
    warnings: tuple[str, ...] = ()


class ProposePublication(HostStep):
    """Say which commits and pushes are still missing."""

    base_commit: str
    remote: str | None
    commit_message: str
    """Empty: what is not committed stays so."""


class Publication(Durable):
    """The calls that publish the work, judged like any other decision, and what is already there."""

    head: str
    decision: str
    calls: tuple[CallSummary, ...]
    commits: tuple[str, ...] = ()
    already_pushed: str = ""
    """``<branch>@<commit>`` where the remote holds the branch's head."""
    withheld: str = ""
    """Why nothing can be pushed, where that is so."""


class CloseTask(Durable):
    """Record the end of a task and give back what it held."""

    task_id: str
    head: str
    status: TaskStatus
    summary: str
    cost: Cost = Cost()
    steps: int = 0
    withheld: tuple[Withheld, ...] = ()


class Closed(Durable):
    """What the result says in words, without credentials that people spoke of; empty: as it was."""

    summary: str = ""
    withheld: tuple[Withheld, ...] = ()
