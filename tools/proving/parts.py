"""Answers of several parts: those that hold are kept, and only the others are asked for once more."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel

from tools.proving.rounds import ROUNDS, Judged, proved
from tools.tool_schemas import ToolContext

Answer = TypeVar("Answer", bound=BaseModel)
Part = TypeVar("Part")


@dataclass(frozen=True)
class Weighed(Generic[Part]):
    """What checking one answer came to: the parts that hold, each with its name for the model, and what is wrong."""

    held: Sequence[tuple[str, Part]]
    faults: Sequence[str] = ()


@dataclass
class Parts(Generic[Part]):
    """What holds of all answers, and everything that was refused."""

    held: list[Part] = field(default_factory=list[Part])
    refused: list[str] = field(default_factory=list[str])


async def proved_parts(
    context: ToolContext,
    *,
    instructions: str,
    material: str,
    answer: type[Answer],
    weigh: Callable[[Answer], Awaitable[Weighed[Part]]],
    what: str,
) -> Parts[Part]:
    """The parts that hold; ToolRejected where none of the last answer does and none was kept before."""
    parts, names, rounds = Parts[Part](), list[str](), 0

    async def judge(given: Answer) -> Judged[Parts[Part]]:
        nonlocal rounds
        rounds += 1
        weighed = await weigh(given)
        parts.held += [part for _, part in weighed.held]
        parts.refused += [each for each in weighed.faults if each not in parts.refused]
        names.extend(name for name, _ in weighed.held)
        if not weighed.faults or (rounds == ROUNDS and parts.held):
            return Judged(parts)
        kept = [f"Kept already, so do not send these again: {', '.join(names)}."] if names else []
        return Judged(None, [*kept, *weighed.faults])

    return await proved(
        context, instructions=instructions, material=material, answer=answer, judge=judge, what=what
    )
