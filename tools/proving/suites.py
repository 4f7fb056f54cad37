"""The project's own tests on files as they would be, compared test by test with how they ran before."""

from collections.abc import Sequence

from perdure.contracts.errors import ToolRejected
from tools.execution.run_tests import RunTests, run_tests
from tools.test_comparison import ATTACHMENT, Comparison, RecordedTests, compare, recorded, rerun_settled
from tools.tool_schemas import ToolContext


async def suite_run(context: ToolContext, paths: Sequence[str], *, time_s: int) -> RecordedTests:
    """How each test of these files ends, on the files that are on trial where there are any."""
    output = await run_tests.run(RunTests(paths=list(paths), timeout_s=time_s), context)
    return recorded(next(each.data for each in output.artifacts if each.name == ATTACHMENT))


async def compared(
    context: ToolContext, before: RecordedTests, paths: Sequence[str], *, time_s: int
) -> Comparison:
    """What changed since ``before``; tests that newly fail are run once more, since it may have been chance."""
    comparison = compare(before, await suite_run(context, paths, time_s=time_s))
    if comparison.held or not comparison.rerunnable:
        return comparison
    try:
        again = await suite_run(context, comparison.rerunnable, time_s=time_s)
    except ToolRejected:
        # Such as the id of a file that does not load: what was seen stands.
        return comparison
    return rerun_settled(comparison, again)
