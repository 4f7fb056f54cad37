"""Runs the examples of docs on the code as it is, in a view that is thrown away."""

import json
import posixpath
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import SandboxLimits, View
from tools.documenting.facts import Example
from tools.documenting.python_docs import doctest_of
from tools.editing.symbols import PYTHON
from tools.programs import how_it_ended, run_program
from tools.proving.sources import Source, module_of
from tools.symbols.services import typescript_of
from tools.test_frameworks.python_tests import PythonTests
from tools.tool_schemas import ToolContext

SAID_CHARACTERS = 1_500
PROGRAM = Path(__file__).with_name("examples_program.py")
SCRIPT_PROGRAM = Path(__file__).with_name("examples_program.mjs")
LIMITS = SandboxLimits(time_s=60.0)
TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts", ".jsx")


@dataclass(frozen=True)
class ExamplesRun:
    """What became of the examples."""

    not_run: str = ""
    """Why none of them could be run; empty where they were."""
    said: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """By symbol, for each of its examples: what does not hold, or an empty text."""


async def examples_run(
    context: ToolContext, source: Source, examples: Mapping[str, Sequence[Example]]
) -> ExamplesRun:
    """Run all of them; each begins with the names of the module."""
    border = f"examples-{secrets.token_hex(16)}"
    inside = f"{WORKSPACE}/{source.path}"
    request: dict[str, Any] = {"border": border, "file": inside, "module": module_of(source.path)}
    if source.language == PYTHON:
        program = await PythonTests(context).interpreter_for(source.path)
        request |= {"root": WORKSPACE, "beside": posixpath.dirname(inside)}
        request["examples"] = {name: [doctest_of(each) for each in given] for name, given in examples.items()}
        argv = [*program, "-c", PROGRAM.read_text()]
    else:
        try:
            request |= _script_request(context, source, examples)
        except ToolRejected as refusal:
            return ExamplesRun(refusal.message)
        argv = [str(context.toolchain.node), "--input-type=module", "-e", SCRIPT_PROGRAM.read_text()]
    finished = await run_program(
        context,
        argv,
        view=View.SCRATCH,
        limits=LIMITS,
        environment={"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=json.dumps(request).encode("utf-8", "surrogatepass"),
    )
    output, found, answer = finished.output.decode("utf-8", "replace").rpartition(border)
    if not found:
        said = f"the run of the examples gave no report: {how_it_ended(finished, LIMITS)}. {ending(output, 500)}".strip()
        return ExamplesRun(said={name: [said] for name in examples})
    told: dict[str, Any] = json.loads(answer)
    return ExamplesRun(
        f"{source.path} cannot be loaded here ({told['problem']})" if told["problem"] else "",
        {name: [ending(each, SAID_CHARACTERS) for each in said] for name, said in told["said"].items()},
    )


def _script_request(
    context: ToolContext, source: Source, examples: Mapping[str, Sequence[Example]]
) -> dict[str, Any]:
    if context.toolchain.node is None:
        raise ToolRejected("Node is not installed here.", "The operator runs `make setup`.")
    compiler = typescript_of(context, source.path)[0] if source.path.endswith(TYPESCRIPT) else ""
    given = {name: [each.model_dump() for each in those] for name, those in examples.items()}
    return {"typescript": compiler, "examples": given}
