"""Explain code by statements that each name the lines they rest on; every citation is looked up."""

import re

from pydantic import BaseModel, Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.paths import WorkspacePath
from tools.proving.rounds import Judged, model_of, proved
from tools.proving.sources import Source, asked_model, source_of
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

LONGEST_S = 300.0
MOST_POINTS = 20
INSTRUCTIONS = (
    "Explain the code to an engineer. Give a summary of at most five sentences, and points in reading order. Each point "
    "cites the lines it rests on, by the numbers that are shown, and the names in exactly these lines that it speaks of. "
    "Write names of the code in backticks."
)
QUOTED = re.compile(r"`([A-Za-z_$][\w$.]*)(?:\(\))?`")


class Point(BaseModel):
    """One statement."""

    text: str
    first_line: int
    last_line: int
    names: list[str] = Field(description="Names that stand in these lines.")


class Explanation(BaseModel):
    """The model's answer."""

    summary: str
    points: list[Point]


class ExplainCode(Arguments):
    """Explain a file or one function of it, with the lines that each statement rests on; every citation is checked."""

    path: WorkspacePath = Field(min_length=1, description="The file.")
    symbol: str = Field(
        default="", max_length=200, description="Function or class, e.g. Cart.total; default the file."
    )
    question: str = Field(default="", max_length=500, description="What to explain above all.")


def _title(arguments: ExplainCode) -> str:
    return f"explain_code {arguments.path}" + (f" {arguments.symbol}" if arguments.symbol else "")


def _material(arguments: ExplainCode, source: Source) -> str:
    asked = f"Explain {arguments.symbol or 'all'} of {source.path}. {arguments.question}".strip()
    if not arguments.symbol:
        return f"{asked}\n\n{source.path}:\n{source.numbered}"
    chosen = source.chosen([arguments.symbol], ("function", "method", "class", "module"))[0]
    first, last = (
        source.data.count(b"\n", 0, chosen.lead) + 1,
        source.data.count(b"\n", 0, chosen.stop) + 1,
    )
    lines = source.numbered.split("\n")
    return f"{asked}\n\n{source.path}, lines {first} to {last}:\n" + "\n".join(lines[first - 1 : last])


def faults_of(point: Point, source: Source) -> list[str]:
    """What does not hold of a point's citation, a sentence each."""
    lines = source.text.split("\n")
    count = len(lines) - (lines[-1] == "")
    place = f"{source.path}:{point.first_line}-{point.last_line}"
    if not 1 <= point.first_line <= point.last_line <= count:
        return [f"{place} is cited, but the file has the lines 1 to {count}."]
    cited = "\n".join(lines[point.first_line - 1 : point.last_line])
    if not cited.strip():
        return [f"{place} is cited, but nothing stands there."]
    faults = [f"{name!r} does not stand in {place}." for name in point.names if not _stands(name, cited)]
    spoken = {name for name in QUOTED.findall(point.text) if not _stands(name, source.text)}
    faults += [
        f"{name!r}, of which a point speaks, does not stand in {source.path}." for name in sorted(spoken)
    ]
    return faults


def _stands(name: str, text: str) -> bool:
    return bool(name) and all(
        re.search(rf"(?<![\w$]){re.escape(part)}(?![\w$])", text)
        for part in name.removesuffix("()").split(".")
    )


@tool(ExplainCode, title=_title, effect=Effect.READ, timeout_s=LONGEST_S)
async def explain_code(arguments: ExplainCode, context: ToolContext) -> ToolOutput:
    """The explanation, each point with its lines."""
    source = source_of(context, arguments.path, parsed=())
    if not source.text.strip():
        raise ToolRejected(f"{source.path!r} is empty.", "Name a file with something in it.")
    model_of(context)

    async def judge(answer: Explanation) -> Judged[Explanation]:
        faults = [fault for point in answer.points[:MOST_POINTS] for fault in faults_of(point, source)]
        spoken = [name for name in QUOTED.findall(answer.summary) if not _stands(name, source.text)]
        faults += [
            f"{name!r}, of which the summary speaks, does not stand in {source.path}." for name in spoken
        ]
        if not answer.points:
            faults.append("There is no point that cites lines.")
        return Judged(None, faults) if faults else Judged(answer)

    answer = await proved(
        context,
        instructions=INSTRUCTIONS,
        material=_material(arguments, source),
        answer=Explanation,
        judge=judge,
        what="explanation with citations",
    )
    points = [
        f"- {source.path}:{each.first_line}-{each.last_line}: {each.text}"
        for each in answer.points[:MOST_POINTS]
    ]
    parts = [
        answer.summary,
        *points,
        f"By {asked_model(context)}. Checked: the cited lines exist, and the names stand there. Not proved: what is said of "
        "them.",
    ]
    return ToolOutput(content="\n".join(parts), summary=f"explained {source.path} in {len(points)} points")
