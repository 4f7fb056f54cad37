"""Reading on in the output of an earlier call."""

from dataclasses import replace

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


@pytest.fixture
def long(bench: Bench) -> Bench:
    """A bench whose task has one earlier output of 5,000 lines."""

    async def outputs(step: int, call: int) -> str | None:
        return "".join(f"line {number}\n" for number in range(1, 5_001)) if (step, call) == (2, 1) else None

    return replace(bench, context=replace(bench.context, outputs=outputs))


async def test_reads_on_where_the_shown_part_ended(long: Bench) -> None:
    output = await long.run("read_output", step=2, call=1, start=300, limit=2)
    assert output.content == (
        "output of step 2, call 1, lines 300-301 of 5000\n300\tline 300\n301\tline 301\n"
        "[To read on, send start=302.]"
    )


async def test_a_page_fits_into_what_the_model_is_shown(long: Bench) -> None:
    output = await long.run("read_output", step=2, call=1, limit=2_000)
    assert len(output.content) < 8_000
    assert "[To read on, send start=" in output.content


async def test_finds_lines_that_hold_a_text(long: Bench) -> None:
    output = await long.run("read_output", step=2, call=1, start=4_000, pattern="LINE 42", limit=2)
    assert output.content.splitlines()[1:] == [
        "4200\tline 4200",
        "4201\tline 4201",
        "[To read on, send start=4202.]",
    ]
    nothing = await long.run("read_output", step=2, call=1, pattern="(nothing")
    assert nothing.content.startswith("No line of the output")


async def test_refuses_outputs_that_are_not_there(long: Bench) -> None:
    with pytest.raises(ToolRejected, match="no output of step 9, call 0"):
        await long.run("read_output", step=9)
    with pytest.raises(ToolRejected, match="5,000 lines, so line 6,000 is beyond"):
        await long.run("read_output", step=2, call=1, start=6_000)
