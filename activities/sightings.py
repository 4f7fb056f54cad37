"""What a task has seen of its files: the transcript of its branch says so, with the result of each call."""

from collections.abc import Callable

from activities.record import AppendsEntries
from activities.running_tools import Seen
from perdure.contracts.transcript import Entry, EntryKind

REACHES = (100, 1_000)
"""So many entries are looked through, the newest first: what is older than the last of these counts as forgotten.

The first is in this process's memory nearly always. The last bounds what a step costs, however long the task is.
"""


def seen_of(record: AppendsEntries, task_id: str, head: Callable[[], Entry]) -> Seen:
    """Looks for the last digest of a file in the chain that ends in ``head`` at that moment."""

    async def seen(path: str) -> str:
        last = head()
        for reach in REACHES:
            above = max(last.depth - reach, -1)
            for entry in reversed(await record.entries(task_id, last.digest, above=above)):
                if entry.kind is EntryKind.RESULT and path in entry.body.get("seen", {}):
                    return str(entry.body["seen"][path])
            if above < 0:
                break
        return ""

    return seen
