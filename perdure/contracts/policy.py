"""What a rule of the policy may be about, and the rules that a task itself may bring: they can only narrow."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from perdure.contracts.verdicts import Assurance, Effect, SandboxLevel

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=100)]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,60}$")]
Reason = Annotated[str, StringConstraints(pattern=r"^[A-Z].{10,500}\.$")]

MOST_TASK_RULES = 50
MOST_PEOPLE = 5


class Conditions(BaseModel):
    """What a call must be for a rule to speak of it: of each that is given, one must fit; none given: every call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tools: Patterns = ()
    """Names of tools, such as ``git_*``."""
    effects: tuple[Effect, ...] = ()
    paths: Patterns = ()
    """Such as ``secrets/**`` or ``*.lock``: ``*`` stays within a folder, ``**`` does not."""
    commands: Patterns = ()
    """First words of any command in the line of shell, such as ``git push`` or ``npm run *``."""
    options: Patterns = ()
    """Words of those commands, such as ``--force`` or ``-*f*``."""
    branches: Patterns = ()
    remotes: Patterns = ()
    hosts: Patterns = ()


class Demands(BaseModel):
    """What a rule asks of an approval and of the host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: int = Field(default=1, ge=1, le=MOST_PEOPLE)
    """How many different people must approve."""
    assurance: Assurance = Assurance.CLAIMED
    """The least that an approval must have to count."""
    least_sandbox: SandboxLevel | None = None
    """Where the host's sandbox is weaker, the call is refused."""


class TaskRule(Conditions, Demands):
    """A rule that a task brings with its request. It can ask or deny where the installation would not, never less."""

    id: RuleId
    verdict: Literal["ask", "deny"] | None = None
    """None: it only adds demands."""
    reason: Reason


TaskPolicy = Annotated[tuple[TaskRule, ...], Field(max_length=MOST_TASK_RULES)]
