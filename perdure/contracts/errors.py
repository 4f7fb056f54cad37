"""The one error tree, split by who must react.

    PerdureError
    ├── InvalidInput         the caller: mend the request or the argument named in the message
    ├── ConfigurationError   the operator: set, install or start what the message names
    ├── PolicyDenied         nobody: the operation is refused for good
    ├── ToolRejected         the model: reads the message and tries another way
    │   ├── SandboxRefused    the model: nothing went wrong, this host's sandbox does not give what was asked
    │   └── NoLongerApproved  a person: is asked anew, since what was approved is not what would be done
    ├── ModelFault           the model: its answer was unusable, it is asked again with a correction
    ├── ModelUnavailable     Temporal: waits (``retry_after_s``) and tries again
    ├── ContextTooLarge      the context assembly: sends less
    ├── Fenced               the workflow: somebody newer owns the workspace
    ├── WorkspaceLost        the workflow, then a person: files are not where they should be
    ├── EffectUnknown        a person: an outside effect may or may not have happened
    ├── AnnouncementFailed   Temporal: runs the operator's command a few times more; then the card says so
    ├── LimitReached         Temporal: waits for a free place (``retry_after_s``); else the caller: starts it again later
    ├── StoreUnavailable     Temporal: tries again when the store is back
    └── DiskFull             the operator: frees room; Temporal tries again meanwhile

Every class is rebuilt from its ``args`` (pickling, Temporal's failure converter), so constructors only store.
"""


class PerdureError(Exception):
    """Base of every error of ours: a full sentence, and a hint that says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        blank = "" if self.message.endswith("\n") else " "
        return f"{self.message}{blank}hint: {self.hint}" if self.hint else self.message


class InvalidInput(PerdureError):
    """What the caller gave cannot be used; the message names the field."""


class ConfigurationError(PerdureError):
    """The installation lacks something; the message names the variable, program or server."""


class PolicyDenied(PerdureError):
    """The policy refuses the operation at this safety level; no approval can change that."""


class ToolRejected(PerdureError):
    """A tool did nothing; the message tells the model what failed, what is there and what to send instead."""


class SandboxRefused(ToolRejected):
    """The sandbox of this host does not give what was asked for, so nothing was run; trying again does not help."""


class NoLongerApproved(ToolRejected):
    """What a person approved cannot be done as it was shown, so nothing was; the message is a clause that says why."""


class ModelFault(PerdureError):
    """The model's answer could not be used; ``failed_generation`` is its raw text, for the corrective turn."""

    def __init__(self, message: str, hint: str = "", failed_generation: str = "") -> None:
        super().__init__(message, hint)
        self.args = (message, hint, failed_generation)
        self.failed_generation = failed_generation


class ModelUnavailable(PerdureError):
    """The model cannot answer now; try again after ``retry_after_s`` seconds (None: by the step's own policy)."""

    def __init__(self, message: str, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, retry_after_s)
        self.retry_after_s = retry_after_s


class ContextTooLarge(PerdureError):
    """The request reserves more tokens than the account or the model allows (both counts in tokens, 0 if unknown)."""

    def __init__(self, message: str, hint: str = "", limit: int = 0, requested: int = 0) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, limit, requested)
        self.limit = limit
        self.requested = requested


class Fenced(PerdureError):
    """A newer dispatch or attempt owns the workspace; this one must stop and may record nothing."""


class WorkspaceLost(PerdureError):
    """The workspace's files or checkpoints are not on this host, so it cannot be rebuilt here."""


class EffectUnknown(PerdureError):
    """Whether an effect outside the workspace happened cannot be found out; the message holds the evidence."""


class AnnouncementFailed(PerdureError):
    """The operator's command that tells people of something did not do so."""


class LimitReached(PerdureError):
    """A user or a repository has as many tasks as it may; with ``retry_after_s`` a place is waited for, else refused."""

    def __init__(self, message: str, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, retry_after_s)
        self.retry_after_s = retry_after_s


class StoreUnavailable(PerdureError):
    """A store (PostgreSQL, Redis, Chroma) does not answer; nothing was lost, the step is tried again."""


class DiskFull(PerdureError):
    """A disk has no room left; the message names folder and bytes. Nothing was lost, the step is tried again."""
