"""Read on in an output that was too long to show."""

import re

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.reading.pages import page_of
from tools.text_files import lines_of
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool


class ReadOutput(Arguments):
    """Read the whole output of an earlier call of this task, of which only a part was shown."""

    step: int = Field(ge=0, description="Step of the call, as the shortened output says.")
    call: int = Field(default=0, ge=0, description="Position of the call in its step.")
    start: int = Field(default=1, ge=1, le=100_000_000, description="First line.")
    limit: int = Field(default=300, ge=1, le=2_000, description="Most lines.")
    pattern: str = Field(
        default="", max_length=500, description="Only lines that contain this, without regard to case."
    )


@tool(
    ReadOutput,
    title=lambda a: f"read_output of step {a.step}, call {a.call}",
    effect=Effect.READ,
    timeout_s=30,
)
async def read_output(arguments: ReadOutput, context: ToolContext) -> ToolOutput:
    """The numbered lines, and where to read on."""
    text = await context.outputs(arguments.step, arguments.call)
    if text is None:
        raise ToolRejected(
            f"This task has no output of step {arguments.step}, call {arguments.call}.",
            "Send step and call as they stand in the shortened output.",
        )
    numbered = list(enumerate(lines_of(text), 1))
    if arguments.start > max(len(numbered), 1):
        raise ToolRejected(
            f"The output has {len(numbered):,} lines, so line {arguments.start:,} is beyond its end.",
            f"Send a start from 1 to {len(numbered)}.",
        )
    wanted = re.compile(re.escape(arguments.pattern), re.IGNORECASE)
    matching = [(number, line) for number, line in numbered[arguments.start - 1 :] if wanted.search(line)]
    name = f"output of step {arguments.step}, call {arguments.call}"
    if not matching:
        return ToolOutput(
            content=f"No line of the {name} from {arguments.start} on holds {arguments.pattern!r}."
        )
    shown = page_of(matching[: arguments.limit])
    last = matching[len(shown) - 1][0]
    head = f"{name}, lines {matching[0][0]}-{last} of {len(numbered)}"
    head += f" that hold {arguments.pattern!r}" if arguments.pattern else ""
    more = f"\n[To read on, send start={last + 1}.]" if len(shown) < len(matching) else ""
    return ToolOutput(content=f"{head}\n" + "\n".join(shown) + more, summary=head)
