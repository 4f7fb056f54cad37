"""Places of running tasks in Redis: a lease for each, counted by user and by repository in one step.

A lease ends by itself where nothing of its task runs any more, so that a task that died gives its place up. The server's
clock counts, not a worker's.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from perdure.contracts.digests import short_hash
from perdure.contracts.repositories import counted_as
from perdure.memory.short_term import PREFIX, redis_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

LEASE_S = 600.0
WINDOW_S = 3600.0
ANSWER_S = 2.0

_CLAIM = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, facts, user, repository = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lease, window = tonumber(ARGV[5]), tonumber(ARGV[6])
local user_tasks, repository_tasks, user_starts = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], ended)
  redis.call('HDEL', KEYS[2], ended)
end
if not redis.call('ZSCORE', KEYS[1], id) then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - window)
  if not redis.call('ZSCORE', KEYS[3], id) then
    if user_starts > 0 and redis.call('ZCARD', KEYS[3]) >= user_starts then
      local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
      return {'starts', math.ceil((first[2] + window - now) / 1000)}
    end
    redis.call('ZADD', KEYS[3], now, id)
    redis.call('PEXPIRE', KEYS[3], window)
  end
  local of_user, of_repository = 0, 0
  for _, other in ipairs(redis.call('HVALS', KEYS[2])) do
    local held = cjson.decode(other)
    if held['user'] == user then of_user = of_user + 1 end
    if held['repository'] == repository then of_repository = of_repository + 1 end
  end
  if user_tasks > 0 and of_user >= user_tasks then return {'user', of_user} end
  if repository_tasks > 0 and of_repository >= repository_tasks then return {'repository', of_repository} end
end
redis.call('ZADD', KEYS[1], now + lease, id)
redis.call('HSET', KEYS[2], id, facts)
return {'held', 0}
"""

_RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for number = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[number])
  redis.call('HSET', KEYS[2], ARGV[number], ARGV[number + 1])
end
"""

_HELD = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
  table.insert(held, redis.call('HGET', KEYS[2], id))
end
return held
"""


# Whoever asks counts elsewhere then, so nobody else ever sees it.
class PlacesAway(Exception):
    """Redis did not answer; the text says why."""


@dataclass(frozen=True)
class Holder:
    """A task that has a place."""

    task_id: str
    workflow_id: str
    user: str
    repository: str


def counted(holder: Holder) -> Holder:
    """The same with its repository as it is counted: another way to write it is no other repository."""
    return replace(holder, repository=counted_as(holder.repository))


@dataclass(frozen=True)
class Most:
    """How much a user and a repository may have; 0: no limit."""

    user_tasks: int
    repository_tasks: int
    user_starts: int


class Places:
    """Leases in Redis, of the tasks of one task queue. PlacesAway where it does not answer in time."""

    def __init__(
        self, redis_url: str, *, task_queue: str, lease_s: float = LEASE_S, answer_s: float = ANSWER_S
    ) -> None:
        self._client = redis_client(redis_url)
        self._prefix = f"{PREFIX}:limits:{short_hash(task_queue)}"
        self._holders, self._facts = f"{self._prefix}:places", f"{self._prefix}:facts"
        self._lease = str(int(lease_s * 1000))
        self._answer_s = answer_s

    async def claim(self, holder: Holder, most: Most) -> tuple[str, int]:
        """``held``; or ``user`` or ``repository`` with how many it has; or ``starts`` with the seconds to the next."""
        holder = counted(holder)
        starts = f"{self._prefix}:starts:{short_hash(holder.user)}"
        limits = (most.user_tasks, most.repository_tasks, most.user_starts)
        found, number = await self._ask(
            self._client.eval(
                _CLAIM, 3, self._holders, self._facts, starts, holder.task_id, json.dumps(asdict(holder)), holder.user,
                holder.repository, self._lease, str(int(WINDOW_S * 1000)), *map(str, limits),
            )
        )  # fmt: skip
        return bytes(found).decode(), int(number)

    async def renew(self, holders: Iterable[Holder]) -> None:
        """Lengthen the leases of these, also of those that ended: a task that goes on is never stopped."""
        given = [word for each in holders for word in (each.task_id, json.dumps(asdict(counted(each))))]
        if given:
            await self._ask(self._client.eval(_RENEW, 2, self._holders, self._facts, self._lease, *given))

    async def release(self, task_id: str) -> None:
        """End a lease."""
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.zrem(self._holders, task_id)
            pipeline.hdel(self._facts, task_id)
            await self._ask(pipeline.execute())

    async def held(self) -> list[Holder]:
        """Who has a place now."""
        found = await self._ask(self._client.eval(_HELD, 2, self._holders, self._facts))
        return [Holder(**json.loads(each)) for each in found if each]

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _ask(self, question: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self._answer_s):
                return await question
        except (RedisError, OSError) as error:
            raise PlacesAway(str(error).rstrip(".") or f"nothing came within {self._answer_s:g} s") from error
