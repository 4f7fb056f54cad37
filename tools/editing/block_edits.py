"""Search and replace in drafts, block by block, each on the result of those before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perdure.contracts.errors import ToolRejected
from tools.editing.drafts import Draft, Drafts
from tools.editing.ladder import Found, find_place
from tools.text_files import TextFile
from tools.titles import shown_path

EXPLAINED_BLOCKS = 3


class Block(Protocol):
    """One replacement; an empty search text creates the file."""

    @property
    def search(self) -> str: ...
    @property
    def replace(self) -> str: ...


@dataclass
class _Outcome:
    matched: list[int] = field(default_factory=list[int])
    refusals: dict[int, str] = field(default_factory=dict[int, str])
    loose: list[str] = field(default_factory=list[str])


def apply_blocks(drafts: Drafts, blocks: Sequence[tuple[str, Block]]) -> list[str]:
    """Apply the blocks, each with its path; says which were found by a looser rule. ToolRejected explains all misses."""
    outcome = _Outcome()
    for number, (path, block) in enumerate(blocks, 1):
        try:
            layer = _apply(drafts, path, block)
        except ToolRejected as refusal:
            outcome.refusals[number] = str(refusal)
            continue
        outcome.matched.append(number)
        if layer != "exact":
            outcome.loose.append(f"Block {number} was matched loosely (layer: {layer}).")
    if outcome.refusals:
        raise _refusal(outcome, len(blocks))
    return outcome.loose


def _apply(drafts: Drafts, path: str, block: Block) -> str:
    """Apply one block and name the rung of the ladder; ToolRejected says why it has no place."""
    if not path:
        raise ToolRejected("it names no file, and neither does path.")
    if not block.search:
        return _create(drafts.find(path), block.replace)
    draft, file = drafts.existing(path)
    place = find_place(file, block.search, block.replace)
    if not isinstance(place, Found):
        raise ToolRejected(f"in {shown_path(draft.path)} {place.why}")
    draft.file = file.with_text(file.text[: place.start] + place.replacement + file.text[place.end :])
    return place.layer


def _create(draft: Draft, text: str) -> str:
    if draft.file is not None and draft.file.text:
        raise ToolRejected(
            f"its search text is empty, which creates a file, but {draft.path!r} exists and has text."
        )
    if "\0" in text:
        raise ToolRejected("its text holds a NUL character, so it is not text.")
    draft.file = draft.file.with_text(text) if draft.file else TextFile(draft.path, text)
    return "exact"


def _refusal(outcome: _Outcome, count: int) -> ToolRejected:
    """What is wrong with each bad block, which ones are good, and what to send."""
    explained = list(outcome.refusals.items())[:EXPLAINED_BLOCKS]
    lines = [f"Block {number}: {why}" for number, why in explained]
    if len(outcome.refusals) > len(explained):
        rest = ", ".join(str(number) for number in list(outcome.refusals)[EXPLAINED_BLOCKS:])
        lines.append(f"Blocks {rest} fail too.")
    if count == 1:
        return ToolRejected(
            "Nothing was written. " + "\n".join(lines) + "\n", "Send the block again, mended."
        )
    good = ", ".join(map(str, outcome.matched))
    matched = f"Good as they are: {good}." if good else "No other block matches."
    return ToolRejected(
        f"Nothing was written, because {len(outcome.refusals)} of {count} blocks fail.\n"
        + "\n".join(lines)
        + f"\n{matched}\n",
        "Mend the failing blocks and send all blocks again in one call.",
    )
