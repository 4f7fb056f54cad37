"""Claims and records as the tests of leases need them."""

from perdure.contracts.calls import CallResult
from perdure.memory.leases import Claim
from perdure.memory.record import Record
from tests.memory.samples import Step, Writer, checkpoint, result, token


async def claim(
    record: Record,
    dispatch: int,
    *,
    step: int = 1,
    attempt: int = 1,
    epoch: int = 1,
    commit: str = "c0",
    host_id: str = "host-a",
    changing: bool = True,
    calls: list[int] | None = None,
) -> Claim:
    """Claim for a step of run 1."""
    return await record.claim(
        key=Step(step),
        token=token(dispatch, attempt, epoch),
        host_id=host_id,
        checkpoint=checkpoint(commit),
        changing=changing,
        calls=calls,
    )


async def settle(
    record: Record,
    dispatch: int,
    *indices: int,
    step: int = 1,
    attempt: int = 1,
    epoch: int = 1,
    commit: str = "c1",
    more: bool = False,
    writer: Writer | None = None,
    excerpt: str = "",
) -> list[CallResult]:
    """Record results of calls."""
    return await record.record_results(
        key=Step(step),
        token=token(dispatch, attempt, epoch),
        entries=writer.entries if writer else [],
        results=[result(index, excerpt) for index in indices],
        checkpoint=checkpoint(commit),
        more_changes=more,
    )


def nothing_stored(generation: int, *, fresh: bool, commit: str = "c0") -> Claim:
    """A claim that found no recorded call."""
    return Claim(generation=generation, fresh=fresh, stored={}, checkpoint=checkpoint(commit), head="")
