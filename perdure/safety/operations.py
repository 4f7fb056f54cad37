"""The seal of an operation: what a person approves is exactly what its digest covers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from perdure.contracts.calls import CallKey, CallSummary
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import InvalidInput
from perdure.safety.display import for_display

__all__ = ["Ruling", "Seal", "for_display", "operation_digest"]

NO_FACTS: Mapping[str, object] = {}


@dataclass(frozen=True)
class Ruling:
    """What the policy says of an operation and what holds on the host: a stricter word on it is another operation."""

    reason: str
    rules: tuple[str, ...]
    policy_digest: str
    people: int
    assurance: str
    least_sandbox: str
    sandbox: str

    @classmethod
    def of(cls, summary: CallSummary, *, policy_digest: str, sandbox: str) -> "Ruling":
        """From a call as the policy judged it."""
        return cls(
            reason=summary.reason,
            rules=summary.rules,
            policy_digest=policy_digest,
            people=summary.people,
            assurance=summary.assurance.value,
            least_sandbox=summary.least_sandbox.value if summary.least_sandbox else "",
            sandbox=sandbox,
        )


@dataclass(frozen=True)
class Seal:
    """Everything that decides what an operation does, and which operation it is."""

    tool: str
    arguments: Mapping[str, object]
    """In canonical form, with defaults filled in."""
    tree: str
    """Of the workspace: which files a command line touches cannot be decided, so all of them count."""
    head: str
    """The branch's commit."""
    working_directory: str
    environment: Mapping[str, str]
    """The whole constructed one, names and values."""
    ruling: Ruling
    key: CallKey
    """Task, run, step and call: the same operation elsewhere, or after a reset, is another one."""
    facts: Mapping[str, object] = field(default_factory=lambda: NO_FACTS)
    """The preview's own, such as the remote, the branch and where the remote's stood."""

    def content(self) -> dict[str, object]:
        """All of it, as it is digested."""
        return {
            "v": 2,
            "tool": self.tool,
            "arguments": dict(self.arguments),
            "tree": self.tree,
            "head": self.head,
            "working_directory": self.working_directory,
            "environment": dict(self.environment),
            "ruling": {**asdict(self.ruling), "rules": list(self.ruling.rules)},
            "key": self.key.model_dump(mode="json"),
            "facts": dict(self.facts),
        }


def operation_digest(seal: Seal) -> str:
    """SHA-256 over the seal, 64 hex digits. A value that JSON cannot hold is refused, so nothing is digested by its name."""
    try:
        return digest_of(seal.content())
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The call of {seal.tool!r} cannot be digested for an approval: {error}.",
            "arguments and facts are plain JSON values, without NaN or infinity",
        ) from error
