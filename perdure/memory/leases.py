"""Who owns a task's workspace, and the results of calls, recorded only by its owner.

A workspace's row holds a token (epoch, dispatch, attempt), the generation of the folder, the host, the checkpoint that
the folder is known to equal, and two doubts about the folder: ``built`` is false while a generation is being made, and
``busy`` is true while calls run that may change it. An activity claims the row with its own token, which must be
strictly higher than the stored one, before it looks at the folder; a claim that finds a doubt, another host or another
checkpoint raises the generation, so that its caller makes a new folder from the checkpoint and no folder is used again
after a doubt. Results, transcript entries, the new checkpoint and the end of the doubt are one statement, which does
nothing unless the token still stands in the row.

Why each call's effect is in the surviving files exactly once, wherever a process is killed:

* Before the claim: nothing has happened. The next attempt claims.
* After the claim, before the tool: ``busy`` is true and no result is recorded. The next claim is fresh: a new folder
  from the checkpoint before the call, in which the call runs.
* After the tool, before the record: as before. What the tool did is in the old folder, which nobody uses again; the
  new folder does not have it, and the call runs there once.
* After the record of call k with more to come: the record has the checkpoint after k, and ``busy`` is still true. The
  next claim returns k's result and that checkpoint, so its folder has k's effect, and only the calls after k run.
* After the record of the last call, before the activity's completion: ``busy`` is false and the row's checkpoint is the
  one after the last call. The next attempt finds every result and runs nothing; the folder stays in use.
* While a record or a claim is on its way, so that nobody knows whether it was committed: either it was, which is one of
  the cases after it, or it was not, which is one of the cases before it.
* While a new folder is being made: ``built`` is false, so the next claim takes yet another generation.
* A process that is stopped instead of killed, or cut off from the network, and goes on later: it writes into its old
  folder, because whoever came after it took a new one (``busy`` was true), and its record is refused (``Fenced``).
  If it had claimed for reading only, the folder stays in use, which is right since it changes nothing.
* A dispatch that the workflow gave up although its calls were recorded: the next one names the checkpoint that the
  history knows; it differs from the row's, so the claim is fresh from the history's. Results count only where they are
  found again under the same run, step and call, and then with their checkpoint.
* After a reset or a rewind ``prepare`` raises the epoch, above which no older token stands, and ``ready`` sets the
  checkpoint that the history names, which may be older than the row's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from perdure.contracts.calls import CallResult
from perdure.contracts.errors import Fenced, InvalidInput, StoreUnavailable, ToolRejected, WorkspaceLost
from perdure.contracts.workspace import Checkpoint
from perdure.memory import lease_statements
from perdure.memory.artifacts import Artifacts
from perdure.memory.entries import EntryRows
from perdure.memory.stored_json import to_json, versioned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from perdure.contracts.calls import CallKey, Token
    from perdure.contracts.transcript import Entry
    from perdure.memory.keys import StepKey
    from perdure.memory.transcripts import Transcripts

CLAIM_TRIES = 20


@dataclass(frozen=True)
class Preparation:
    """What a host may now build: nobody else's token fits this epoch."""

    epoch: int
    generation: int


@dataclass(frozen=True)
class Claim:
    """What the owner of a workspace finds."""

    generation: int
    """The folder to use."""
    fresh: bool
    """Whether the folder must be made anew from ``checkpoint`` before anything runs in it."""
    stored: dict[int, CallResult]
    """Recorded results by call index: these calls must not run again."""
    checkpoint: Checkpoint
    """What the folder equals: the checkpoint after the last stored call, else the one that was given."""
    head: str
    """Digest of the last entry recorded with the stored calls; empty where none is stored."""


class Leases(Artifacts):
    """The part of the record that holds workspaces and the results of calls."""

    _transcripts: Transcripts

    async def prepare(
        self, *, task_id: str, host_id: str, dispatch: int, attempt: int, run_id: str = ""
    ) -> Preparation:
        """Begin a new epoch with a new generation; every older token is fenced from here on.

        With ``run_id``, an older dispatch or attempt of the same run is refused (``Fenced``).
        """
        row = await self._database.fetchrow(
            lease_statements.PREPARE, task_id, host_id, run_id, dispatch, attempt
        )
        if row is None:
            raise Fenced(
                f"The workspace of task {task_id!r} is being prepared by a newer activity than dispatch {dispatch}, "
                f"attempt {attempt}.",
                "stop; the newer one goes on",
            )
        return Preparation(epoch=row["epoch"], generation=row["generation"])

    async def ready(self, *, task_id: str, epoch: int, checkpoint: Checkpoint) -> None:
        """The folder of this epoch equals the checkpoint, older than the recorded one or not; it may be claimed."""
        row = await self._database.fetchrow(
            lease_statements.READY, task_id, epoch, _checkpoint_json(checkpoint), checkpoint.commit
        )
        if row is not None:
            return
        state = await self._database.fetchrow(lease_statements.STATE, task_id)
        if state is None or state["epoch"] != epoch:
            raise Fenced(
                f"The workspace of task {task_id!r} was prepared anew after epoch {epoch}.",
                "stop; the newer preparation goes on",
            )

    async def last_checkpoint(self, task_id: str) -> Checkpoint | None:
        """The checkpoint that was recorded last, in whichever run; None before there is one."""
        row = await self._database.fetchrow(lease_statements.LAST_CHECKPOINT, task_id)
        return None if row is None else Checkpoint.model_validate_json(row["checkpoint"])

    async def claim(
        self,
        *,
        key: StepKey,
        token: Token,
        host_id: str,
        checkpoint: Checkpoint,
        changing: bool,
        calls: Collection[int] | None = None,
    ) -> Claim:
        """Own the workspace, or ``Fenced``. ``changing`` where a call may change files or branches.

        ``calls`` are the indices that are to run (None: not known): only their stored results are returned, and where
        all of them are stored no folder is needed and none is made.
        """
        arguments = (
            *(key.task_id, key.run_id, key.step, None if calls is None else list(calls)),
            *(token.epoch, token.dispatch, token.attempt, host_id),
            *(_checkpoint_json(checkpoint), checkpoint.commit, changing),
        )
        for _ in range(CLAIM_TRIES):
            row = await self._database.fetchrow(lease_statements.CLAIM, *arguments)
            if row is not None and row["generation"] is not None:
                return _claim(row)
            _refuse_unless_raced(key.task_id, token, row)
        raise StoreUnavailable(
            f"The workspace of task {key.task_id!r} was changed by others {CLAIM_TRIES} times while it was claimed.",
            "the step is tried again",
        )

    async def materialised(self, *, task_id: str, token: Token) -> None:
        """The folder of a fresh claim is made. Needed only where no result will be recorded under the claim."""
        row = await self._database.fetchrow(lease_statements.MATERIALISED, task_id, *_numbers(token))
        _refuse_unless_held(task_id, token, held=row is not None)

    async def settled(self, *, task_id: str, token: Token, checkpoint: Checkpoint) -> None:
        """The folder equals the checkpoint and nothing more will change it under this claim, without a result."""
        row = await self._database.fetchrow(
            lease_statements.SETTLED,
            *(task_id, *_numbers(token), _checkpoint_json(checkpoint), checkpoint.commit),
        )
        _refuse_unless_held(task_id, token, held=row is not None)

    async def checkpoint_at(self, task_id: str, head: str, step: int) -> Checkpoint | None:
        """The files at the end of a step of the chain that ends in ``head``; None where no call had run by then.

        ToolRejected where calls had run whose files are not recorded here: they are of the task this one was forked from.
        """
        row = await self._database.fetchrow(lease_statements.CHECKPOINT_AT, task_id, head, step)
        if row is not None and row["checkpoint"] is not None:
            return Checkpoint.model_validate_json(row["checkpoint"])
        if row is not None and row["results"]:
            raise ToolRejected(
                f"Step {step} belongs to the task that this one was forked from, so its files are not known here.",
                "name a later step, or base.",
            )
        return None

    async def record_result(
        self,
        *,
        key: CallKey,
        token: Token,
        entries: Sequence[Entry],
        result: CallResult,
        checkpoint: Checkpoint,
        more_changes: bool,
    ) -> CallResult:
        """Record one call, as ``record_results`` does."""
        if result.index != key.call_index:
            raise InvalidInput(
                f"The result of call {result.index} was given under the key of call {key.call_index}.",
                "give each result under its own key",
            )
        recorded = await self.record_results(
            key=key,
            token=token,
            entries=entries,
            results=[result],
            checkpoint=checkpoint,
            more_changes=more_changes,
        )
        return recorded[0]

    async def record_results(
        self,
        *,
        key: StepKey,
        token: Token,
        entries: Sequence[Entry],
        results: Sequence[CallResult],
        checkpoint: Checkpoint,
        more_changes: bool,
    ) -> list[CallResult]:
        """Record calls of one step with their entries and the checkpoint after them, or ``Fenced`` and nothing.

        ``more_changes`` says that calls which may change the workspace follow under the same claim. A call that was
        recorded before keeps its first result, which is returned for it.
        """
        rows = EntryRows.of(key.task_id, entries)
        row = await self._database.fetchrow(
            lease_statements.RECORD,
            *(key.task_id, *rows.columns, *_numbers(token), key.run_id),
            *(more_changes, _checkpoint_json(checkpoint), checkpoint.commit, key.step, rows.head),
            [result.index for result in results],
            [versioned(result.model_dump(mode="json")) for result in results],
            *rows.batch(await self._artifact_key(key.task_id), checkpoint),
        )
        kept: list[int] = row["kept"] if row is not None else []
        _refuse_unless_held(key.task_id, token, held=row is not None and row["held"])
        repeated = [result.index for result in results if result.index not in kept]
        if not repeated:
            self._transcripts.recorded(key.task_id, rows.weighed)
            return list(results)
        stored = await self._recorded(key, repeated)
        return [stored.get(result.index, result) for result in results]

    async def _recorded(self, key: StepKey, indices: list[int]) -> dict[int, CallResult]:
        rows = await self._database.fetch(
            lease_statements.RECORDED, key.task_id, key.run_id, key.step, indices
        )
        return {row["call_index"]: _stored_result(json.loads(row["result"])) for row in rows}


def _claim(row: asyncpg.Record) -> Claim:
    stored = cast("list[tuple[int, object]]", json.loads(row["stored"] or "[]"))
    return Claim(
        generation=row["generation"],
        fresh=row["fresh"],
        stored={index: _stored_result(result) for index, result in sorted(stored, key=lambda pair: pair[0])},
        checkpoint=Checkpoint.model_validate_json(row["wanted_checkpoint"]),
        head=row["head"],
    )


def _stored_result(data: object) -> CallResult:
    return CallResult.model_validate(data).model_copy(update={"repeated": True})


def _refuse_unless_raced(task_id: str, token: Token, row: asyncpg.Record | None) -> None:
    """Raises unless the claim failed only because the row changed while it was judged."""
    if row is None:
        raise WorkspaceLost(
            f"The record has no workspace of task {task_id!r}.",
            "prepare the workspace from its last checkpoint",
        )
    stored = (row["epoch"], row["dispatch"], row["attempt"])
    if stored >= _numbers(token):
        raise Fenced(
            f"The workspace of task {task_id!r} is owned by (epoch, dispatch, attempt) {stored}, "
            f"which is not below {_numbers(token)}.",
            "stop and record nothing; the owner goes on",
        )
    if not row["ready"]:
        raise WorkspaceLost(
            f"The workspace of task {task_id!r} was never finished in epoch {row['epoch']}.",
            "prepare the workspace from its last checkpoint",
        )


def _refuse_unless_held(task_id: str, token: Token, *, held: bool) -> None:
    if not held:
        raise Fenced(
            f"The workspace of task {task_id!r} is no longer owned by (epoch, dispatch, attempt) {_numbers(token)}; "
            "nothing was recorded.",
            "stop; the newer owner goes on",
        )


def _numbers(token: Token) -> tuple[int, int, int]:
    return token.epoch, token.dispatch, token.attempt


def _checkpoint_json(checkpoint: Checkpoint) -> str:
    return to_json(checkpoint.model_dump(mode="json"))
