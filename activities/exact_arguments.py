"""The arguments of calls byte by byte, beside what is shown of them.

A call that writes a credential must write that and no marker. The transcript is read by models and people, so it holds
the arguments redacted; where that changed them, they are an artifact of the task as they were.
"""

import json
from typing import Any

from activities.record import KeepsArtifacts, ReadsArtifacts
from activities.redaction import redaction
from perdure.contracts.errors import InvalidInput
from perdure.contracts.transcript import Entry

EXACT = "exact"
"""The field of an entry's body that names the artifact."""
_MEDIA_TYPE = "application/vnd.perdure.exact+json"
_FIRST_LINE = b"perdure exact arguments 1\n"
"""By which whoever shows artifacts knows that this one is not shown."""

DELTA_FIRST_LINE = b"perdure delta "
"""How what a call did when it was run ahead begins, in every version."""


async def kept_exactly(record: KeepsArtifacts, task_id: str, value: Any) -> dict[str, Any]:
    """The field for an entry's body, where redaction will change the value; else nothing."""
    if redaction().value(value) == value:
        return {}
    data = _FIRST_LINE + json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    kept = await record.put_artifact(task_id, "exact arguments", data, _MEDIA_TYPE)
    return {EXACT: kept.id}


async def exactly(record: ReadsArtifacts, entry: Entry, field: str) -> Any:
    """A field of an entry as it was before it was redacted."""
    if EXACT not in entry.body:
        return entry.body[field]
    data = await record.artifact(entry.task_id, str(entry.body[EXACT]))
    return json.loads(data.removeprefix(_FIRST_LINE))


def refuse_exact(data: bytes) -> None:
    """InvalidInput where the bytes are arguments that were kept as they were: a look would put them into a history."""
    if data.startswith(DELTA_FIRST_LINE):
        raise InvalidInput(
            "This artifact holds the files that a call changed when it was run ahead, as they are and with whatever "
            "credentials are in them, which are not shown.",
            "`python starter.py show --approval ID` shows them without; the operator finds the artifact in the database.",
        )
    if data.startswith(_FIRST_LINE):
        raise InvalidInput(
            "This artifact holds the exact arguments of a call with a credential in them, which are not shown.",
            "the transcript shows them without it; the operator finds the artifact in the database.",
        )
