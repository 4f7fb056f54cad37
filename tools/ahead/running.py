"""Running a call ahead, and doing what it did then in place of running it: around the registry's one way to run."""

from dataclasses import replace

from perdure.contracts.calls import ToolCall
from perdure.contracts.errors import InvalidInput, NoLongerApproved, SandboxRefused
from perdure.contracts.outcomes import RanAhead
from perdure.workspace.deltas import Delta, digest_of_delta
from perdure.workspace.file_states import FileStates
from tools.ahead.card import card_of, counted
from tools.ahead.rehearsing import Recorded, Rehearsing
from tools.programs import how_it_ended
from tools.registry import Registry
from tools.tool_schemas import ToolContext, ToolOutput

MOST_NAMED = 100


async def run_ahead(registry: Registry, call: ToolCall, context: ToolContext) -> RanAhead:
    """What the call changes, found out in a throw-away view; ToolRejected where its tool refuses to do anything."""
    states = FileStates(context.copy)
    rehearsing = Rehearsing(context.copy, context.sandbox, await states.now())
    try:
        await registry.run(call, replace(context, ahead=rehearsing))
    except SandboxRefused:
        return RanAhead(why_not=rehearsing.why_not or "the sandbox refused it")
    delta, limits = rehearsing.delta, rehearsing.limits
    if delta is None or limits is None:
        return RanAhead(why_not=rehearsing.why_not or "it did not come to an end")
    if await states.now() != rehearsing.tree:
        return RanAhead(why_not="the files changed while it ran")
    card = card_of(delta, context.copy.files, ended=how_it_ended(delta.finished, limits))
    data = delta.encoded()
    return RanAhead(
        data=data,
        digest=digest_of_delta(data),
        card=card.markdown,
        left_out=card.left_out,
        whole=card.whole,
    )


async def do_as_ahead(
    registry: Registry, call: ToolCall, context: ToolContext, ahead: RanAhead
) -> ToolOutput:
    """Do what the call did in the throw-away view; NoLongerApproved where that is not what was approved, or cannot be done."""
    try:
        delta = Delta.decoded(ahead.data)
    except InvalidInput as error:
        raise NoLongerApproved("what it did when it was run ahead is not as it was recorded") from error
    recorded = Recorded(context.copy, delta)
    output = await registry.run(call, replace(context, ahead=recorded))
    if not recorded.begun:
        raise NoLongerApproved("its tool would no longer run the program that was run ahead")
    changed = tuple(change.path for change in delta.changes)
    said = (
        f"\n[A person was shown what this did in a throw-away copy and approved that: {_plain(delta)}. Exactly that was done "
        "to the files now; the program did not run a second time.]"
    )
    return replace(
        output,
        content=output.content + said,
        changed_paths=tuple(dict.fromkeys((*output.changed_paths, *changed)))[:MOST_NAMED],
    )


def _plain(delta: Delta) -> str:
    return counted(delta).replace("*", "")
