"""Short-term memory in Redis: the newest transcript entries of each task, for a worker that meets the task anew.

It stands in front of PostgreSQL and is only ever faster. What is written comes from the record after it was committed, in
the background; what is read is proved by its seal and linked to the digest that was asked for. While Redis is away, slow, full or holds
something else, everything is read from PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from perdure.contracts.errors import ConfigurationError
from perdure.memory.availability import Availability
from perdure.memory.sealed_entries import digest_in, sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.memory.transcripts import Weighed

logger = logging.getLogger("perdure.memory")

PREFIX = "perdure:1"
"""Before every key, with the version of what is kept under it."""
ANSWER_S = 0.1
"""How long anybody waits for Redis."""
FIRST_ANSWER_S = 2.0
"""The same for the first contact, which has a connection to make while the worker is still busy with its start."""
PAUSE_S = 5.0
"""How long nobody asks it after it did not answer."""
CLOSE_S = 1.0
MOST_ENTRIES = 1_000
"""Entries kept of one task, the newest; a step makes two."""
MOST_CHARACTERS = 64 * 1024
"""A longer body is left to PostgreSQL."""
MOST_WAITING = 1_000
"""Notes that wait to be written; what comes on top is left out."""
AT_ONCE = 50
"""Notes written in one round trip."""

Got = TypeVar("Got")


@dataclass(frozen=True)
class _Note:
    task_id: str
    added: tuple[Weighed, ...]
    instead: bool
    """Whether this takes the place of what is there."""


class ShortTerm:
    """The newest entries of tasks in Redis. Nothing here raises because of Redis."""

    def __init__(
        self,
        redis_url: str,
        *,
        key: bytes,
        ttl_s: int,
        count: Callable[[str], None],
        availability: Availability | None = None,
        answer_s: float = ANSWER_S,
        first_answer_s: float = FIRST_ANSWER_S,
    ) -> None:
        """``key`` seals what is kept; ``count`` is told how each reading went: ``all``, ``part``, ``none`` or ``away``."""
        self._answer_s = answer_s
        self._client = redis_client(redis_url)
        self._key = key
        self._ttl_s = ttl_s
        self._count = count
        self._availability = availability if availability is not None else Availability(pause_s=PAUSE_S)
        self._limit_s = first_answer_s
        self._waiting: deque[_Note] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def recent(self, task_id: str, head: str) -> list[Weighed]:
        """The end of the chain that ends in ``head``, oldest first, as far as it is here: perhaps nothing."""
        values = await self._ask(lambda: self._read(_name(task_id)))
        if values is None:
            self._count("away")
            return []
        found = self._chain(task_id, head, values)
        self._count("none" if not found else "part" if found[0].entry.parent else "all")
        return found

    def keep(self, task_id: str, added: Sequence[Weighed], *, instead: bool = False) -> None:
        """Note recorded entries, to be written in the background; ``instead`` of what is there for the task."""
        kept = tuple(each for each in added[-MOST_ENTRIES:] if each.characters <= MOST_CHARACTERS)
        if not kept or len(self._waiting) >= MOST_WAITING:
            return
        self._waiting.append(_Note(task_id, kept, instead))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def written(self) -> None:
        """Wait until what was noted is written or given up."""
        if self._writing is not None:
            await self._writing

    async def close(self) -> None:
        """Write what waits, for a moment at most, and let go of the connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.written()
        with contextlib.suppress(RedisError, OSError):
            await self._client.aclose()

    async def _read(self, name: str) -> list[bytes]:
        try:
            values: list[bytes] = await self._client.lrange(name, 0, -1)
        except ResponseError as error:
            if not _is_something_else(error):
                raise
            await self._client.delete(name)
            return []
        return values

    def _chain(self, task_id: str, head: str, values: Sequence[bytes]) -> list[Weighed]:
        claimed = {digest_in(value): value for value in values}
        found: list[Weighed] = []
        while (value := claimed.get(head)) is not None:
            weighed = unsealed(self._key, task_id, value)
            if weighed is None or weighed.entry.digest != head:
                break
            found.append(weighed)
            head = weighed.entry.parent
        return found[::-1]

    async def _write(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            await self._ask(lambda batch=batch: self._send(batch))

    async def _send(self, batch: Sequence[_Note]) -> None:
        async with self._client.pipeline(transaction=True) as pipeline:
            for note in batch:
                name = _name(note.task_id)
                if note.instead:
                    pipeline.delete(name)
                pipeline.rpush(name, *(sealed(self._key, each.entry) for each in note.added))
                pipeline.ltrim(name, -MOST_ENTRIES, -1)
                pipeline.expire(name, self._ttl_s)
            answers = await pipeline.execute(raise_on_error=False)
        errors = [answer for answer in answers if isinstance(answer, RedisError)]
        if any(_is_something_else(error) for error in errors):
            await self._client.delete(*(_name(note.task_id) for note in batch))
        elif errors:
            raise errors[0]

    async def _ask(self, question: Callable[[], Awaitable[Got]]) -> Got | None:
        """The answer, or None where there is none in time."""
        if not self._availability.may_ask():
            return None
        limit_s = self._limit_s
        try:
            async with asyncio.timeout(limit_s):
                answer = await question()
        except (RedisError, OSError) as error:
            if self._availability.failed():
                logger.warning(
                    "Redis does not answer, so transcripts are read from PostgreSQL alone: %s.",
                    str(error).rstrip(".") or f"nothing came within {limit_s:g} s",
                )
            return None
        finally:
            self._limit_s = self._answer_s
        if self._availability.answered():
            logger.info("Redis answers again")
        return answer


def redis_client(redis_url: str) -> Any:
    """A client that tries everything once; ConfigurationError where the address is none."""
    try:
        # No retries: PostgreSQL answers sooner. The client's constructors are only partly annotated.
        return Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0))  # pyright: ignore[reportUnknownMemberType]
    except ValueError as error:
        raise ConfigurationError(
            f"PERDURE_REDIS_URL cannot be used: {error}.",
            "set it to a URL such as redis://user:password@host:6379/0, or unset it.",
        ) from error


def _is_something_else(error: RedisError) -> bool:
    """Whether a key holds another type than ours; it is then removed, since everything under the prefix is ours."""
    return str(error).startswith("WRONGTYPE")


def _name(task_id: str) -> str:
    return f"{PREFIX}:entries:{task_id}"
