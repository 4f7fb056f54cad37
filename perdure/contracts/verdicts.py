"""What a call may affect, who wrote it, what the policy says of it, and what it may demand."""

from enum import StrEnum


class EffectClass(StrEnum):
    """What kinds of effects there are, for people; the policy tells finer ones apart (``Effect``)."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"
    NETWORK = "network"
    DESTRUCTIVE = "destructive"
    PUBLISH = "publish"


class Effect(StrEnum):
    """What a call may change."""

    READ = "read"
    """Nothing."""
    WRITE = "write"
    """Files in the task's workspace."""
    RUN = "run"
    """Runs a program in a view of the workspace that it cannot change."""
    RUN_WRITING = "run_writing"
    """Runs a program that may change the workspace."""
    NETWORK = "network"
    """May change the workspace and may reach named hosts: package hosts, or servers that the operator named."""
    DESTRUCTIVE = "destructive"
    """Takes away files or work of the workspace; a checkpoint holds what was there."""
    COMMIT = "commit"
    """Branches and commits of the workspace, never the user's own repository."""
    PUBLISH = "publish"
    """Something outside the workspace, such as a remote."""

    @property
    def changes_workspace(self) -> bool:
        """Whether a checkpoint is needed after such a call."""
        return self not in {Effect.READ, Effect.RUN, Effect.PUBLISH}

    @property
    def changes_anything(self) -> bool:
        """Whether a person can be shown beforehand what such a call would change, here or elsewhere."""
        return self not in {Effect.READ, Effect.RUN}

    @property
    def effect_class(self) -> EffectClass:
        """The kind of effect it is."""
        classes = {
            Effect.RUN: EffectClass.EXECUTE,
            Effect.RUN_WRITING: EffectClass.EXECUTE,
            Effect.COMMIT: EffectClass.WRITE,
        }
        return classes[self] if self in classes else EffectClass(self.value)

    @property
    def may_run_in_parallel(self) -> bool:
        """Whether neighbours of the same kind may run at once."""
        return self is Effect.READ


class Author(StrEnum):
    """Who wrote a call: read from the transcript's decision, never from the call itself."""

    MODEL = "model"
    PLAYBOOK = "playbook"
    """A playbook of the installation, which its operator put there."""
    PERDURE = "perdure"
    """Perdure's own code, such as the commit and the push at the end."""


class Verdict(StrEnum):
    """What the policy says of a call."""

    ALLOW = "allow"
    BOUNDED = "bounded"
    """Allowed within limits, in a view it cannot harm."""
    ASK = "ask"
    DENY = "deny"


class SandboxLevel(StrEnum):
    """How much of the sandbox holds on a host, the strongest first."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"

    def is_below(self, other: "SandboxLevel") -> bool:
        """Whether it is weaker than the other."""
        return list(SandboxLevel).index(self) > list(SandboxLevel).index(other)


class Assurance(StrEnum):
    """How well it is known who approved, from least to most."""

    CLAIMED = "claimed"
    """A name in the message."""
    SIGNED = "signed"
    """The message is signed by a key that the administrator registered."""

    def is_below(self, other: "Assurance") -> bool:
        """Whether it is less than the other."""
        return list(Assurance).index(self) < list(Assurance).index(other)
