"""What a task has seen of a file decides whether it may replace it: by the SHA-256 of the whole file."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.env_files import is_dotenv
from tools.editing.changes import Change
from tools.text_files import visible
from tools.tool_schemas import Seen


def digest_of_file(data: bytes) -> str:
    """The SHA-256 of a file's bytes, in hex digits."""
    return hashlib.sha256(data).hexdigest()


async def refuse_unread(seen: Seen | None, change: Change) -> None:
    """ToolRejected where a file would be replaced that the task never read, or that has changed since."""
    if seen is None or not change.data_before:
        return
    known = await seen(visible(change.path))
    if known == digest_of_file(change.data_before):
        return
    if known:
        raise _changed_since(change.path)
    if is_dotenv(change.path):
        raise ToolRejected(
            f"{change.path!r} exists and its values are never shown, so it is not replaced as a whole.",
            "Add or change single lines of it by edit_file.",
        )
    raise ToolRejected(
        f"{change.path!r} exists and was not read in this task, or too long ago; it was left as it is.",
        "Send read_file for it first; to change parts of it use edit_file.",
    )


async def refuse_stale(seen: Seen | None, changes: Sequence[Change], unguarded: Collection[str]) -> None:
    """ToolRejected where lines were numbered on a file that has changed since the task read it.

    Of the ``unguarded`` paths nothing but line numbers says what is meant, so they must have been read.
    """
    for change in changes:
        if change.path in unguarded:
            await refuse_unread(seen, change)
        elif seen is not None and change.data_before is not None:
            known = await seen(visible(change.path))
            if known and known != digest_of_file(change.data_before):
                raise _changed_since(change.path)


async def seen_after(seen: Seen | None, changes: Sequence[Change]) -> Mapping[str, str]:
    """What the task knows of the files once the changes are made.

    A file of which it knew nothing but the edited place stays unread.
    """
    known: dict[str, str] = {}
    for change in changes:
        if change.data_after is None:
            continue
        before = digest_of_file(change.data_before) if change.data_before else ""
        was_known = not before or (seen is not None and await seen(visible(change.path)) == before)
        if was_known:
            known[change.target] = digest_of_file(change.data_after)
    return known


def effect_on(paths: Iterable[str]) -> Effect:
    """The effect of writing these files: credentials that no checkpoint may hold are taken away by it."""
    return Effect.DESTRUCTIVE if any(is_dotenv(path) for path in paths) else Effect.WRITE


def refuse_hidden_credentials(named: Iterable[str], changes: Sequence[Change]) -> None:
    """ToolRejected where a link of another name leads to a file with credentials."""
    if effect_on(named) is Effect.WRITE:
        for change in changes:
            if is_dotenv(change.path) or is_dotenv(change.target):
                raise ToolRejected(
                    f"{change.path!r} holds credentials, and is only written by its own name.",
                    "Send its own path, not that of a link to it.",
                )


def _changed_since(path: str) -> ToolRejected:
    return ToolRejected(
        f"{path!r} was changed since you read it, by a command, a person or another tool; nothing was written.",
        "Send read_file for it again, and then the change for what it says now.",
    )
