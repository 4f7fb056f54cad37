"""A call before the policy: what is known of it, and what the policy says of it."""

from dataclasses import dataclass

from perdure.contracts.calls import Assurance, Author, Effect, SandboxLevel, Verdict
from perdure.contracts.policy import TaskRule
from perdure.contracts.task import Mode, Safety

SANDBOX_LEVEL = "sandbox-level"
"""Id of the rule by which the level of a host's sandbox decides; it stands in no policy file."""


@dataclass(frozen=True)
class Named:
    """What a call's arguments name, as far as they say. What they leave open is known on the host alone."""

    command: str = ""
    """A line of shell that it runs."""
    paths: tuple[str, ...] = ()
    """Files and folders from the workspace root, as they are written; where the host has looked, also where they lead."""
    branches: tuple[str, ...] = ()
    remotes: tuple[str, ...] = ()
    """Without credentials."""
    hosts: tuple[str, ...] = ()
    """Lower case, without ports."""


@dataclass(frozen=True)
class Standing:
    """On whose behalf a call is made, and within what."""

    mode: Mode
    safety: Safety
    author: Author
    untrusted: bool = False
    """Whether the call follows untrusted text."""
    user: str = ""
    """Whose task it is, as they called themselves."""
    repository: str = ""
    """The task's, without credentials."""
    policy: tuple[TaskRule, ...] = ()
    """Rules that the task brought with it."""


@dataclass(frozen=True)
class CallFacts:
    """All that a verdict depends on."""

    tool: str
    effect: Effect
    standing: Standing
    named: Named = Named()


@dataclass(frozen=True)
class Judgement:
    """What the policy says of a call."""

    verdict: Verdict
    reason: str
    """The deciding rule's id, a colon and its reason."""
    rules: tuple[str, ...] = ()
    """Ids of the rules that matched, the deciding one first."""
    people: int = 1
    """How many different people must approve, where it asks."""
    assurance: Assurance = Assurance.CLAIMED
    """The least that an approval must have to count."""
    least_sandbox: SandboxLevel | None = None
    """Where the host's sandbox is weaker, the call is refused."""
    ahead: bool = False
    """Whether the call may be run ahead in a throw-away view, where it asks."""
