"""What passes between the tools and the steps that run them, within one process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perdure.contracts.calls import Refuser
from perdure.contracts.envelopes import Trust


@dataclass(frozen=True)
class RanCall:
    """What came out of a tool."""

    ok: bool
    for_model: str
    """What the model sees of the output."""
    excerpt: str = ""
    """One line for people and for the history."""
    commit: str | None = None
    pushed: str | None = None
    refused_by: Refuser = ""
    """Who refused it, so that nothing ran; empty where it ran or its tool itself would not."""
    changed_paths: tuple[str, ...] = ()
    duration_s: float = 0.0
    loads: tuple[str, ...] = ()
    """Tools that the model is offered from the next decision on."""
    seen: Mapping[str, str] = field(default_factory=dict[str, str])
    """SHA-256 of files as the task knows them from here on, by path."""
    attachments: tuple[tuple[str, bytes, str], ...] = ()
    """Name, bytes and media type of what is kept as artifacts; the whole output where ``for_model`` is shortened."""
    trust: Trust = Trust.REPOSITORY
    """Who vouches for what the model sees."""
    ahead: str = ""
    """SHA-256 of what it did when it was run ahead, where exactly that was done and it did not run again."""


@dataclass(frozen=True)
class RanAhead:
    """What came of running a call in a throw-away view, before anybody is asked about it."""

    data: bytes = b""
    """What it changed and said, byte by byte; empty where it was not run ahead."""
    digest: str = ""
    """SHA-256 of ``data``."""
    why_not: str = ""
    """Why it was not run ahead, as a clause for people; empty where nobody expects it to be."""
    card: str = ""
    """Markdown of what it changed and said, for people."""
    left_out: int = 0
    """Characters of the changes that the card does not show."""
    whole: str = ""
    """All of the changes, as text."""


NOT_AHEAD = RanAhead()


@dataclass(frozen=True)
class Operation:
    """Exactly what a call would do: the digest a person approves, the words they read, and the facts behind both."""

    digest: str
    title: str
    preview: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What must still hold when the call runs, such as the remote's head."""
    pushed: str = ""
    """``<branch>@<commit>`` where the remote has that already; ``preview`` then says so."""
    policy_digest: str = ""
    sandbox: str = ""
    """What shuts programs in on this host."""
    sealed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """All that the digest covers, as JSON holds it."""
    left_out: int = 0
    """Characters of a command, of scripts or of changes that the preview does not show."""
    whole: str = ""
    """Of changes that were made ahead, all of them as text."""
