"""What a model says of a repository from the facts that were found, each part of it looked up."""

import re
from collections.abc import Collection

from pydantic import BaseModel, Field

from perdure.contracts.errors import ToolRejected
from tools.proving.rounds import Judged, proved
from tools.proving.sources import asked_model
from tools.summaries.tree import Section
from tools.titles import one_line
from tools.tool_schemas import ToolContext

MOST_PARTS = 12
MOST_CHARACTERS = 1_500
INSTRUCTIONS = (
    "From facts about a repository tell an engineer who is new to it what it is for and how its parts work together. Give "
    "a purpose of two to five sentences, and parts: files or folders that the facts name, each with its role in one "
    "sentence. Say only what the facts show. Write names of the code in backticks."
)
QUOTED = re.compile(r"`([^`\n]+)`")


class Part(BaseModel):
    """One file or folder."""

    path: str
    role: str


class Description(BaseModel):
    """The model's answer."""

    purpose: str
    parts: list[Part] = Field(description="The most important first.")


async def described_by_model(context: ToolContext, facts: str, paths: Collection[str]) -> Section:
    """The model's words; where it has none, or none that hold, the section says so."""
    if context.model is None:
        return Section("In words", ["No model can be asked, so there are the facts alone."], is_told=False)
    folders = {path[:at] for path in paths for at, sign in enumerate(path) if sign == "/"}
    known = {*paths, *folders}

    async def judge(answer: Description) -> Judged[Description]:
        faults = [
            f"{part.path!r} is no file or folder of the repository."
            for part in answer.parts[:MOST_PARTS]
            if part.path.removeprefix("./").rstrip("/") not in known
        ]
        spoken = {
            name
            for text in (answer.purpose, *(part.role for part in answer.parts))
            for name in QUOTED.findall(text)
        }
        faults += [
            f"{name!r}, of which the answer speaks, is not in the facts."
            for name in sorted(spoken)
            if name.removesuffix("()").rstrip("/") not in facts
        ]
        if not answer.purpose.strip():
            faults.append("There is no purpose.")
        return Judged(None, faults) if faults else Judged(answer)

    try:
        answer = await proved(
            context,
            instructions=INSTRUCTIONS,
            material=facts[: context.model.room_characters],
            answer=Description,
            judge=judge,
            what="a description of the repository",
        )
    except ToolRejected as refusal:
        return Section(
            "In words", [f"The model's words are left out. {one_line(refusal.message, 600)}"], is_told=False
        )
    lines = [one_line(" ".join(answer.purpose.split()), MOST_CHARACTERS)]
    lines += [f"{one_line(part.path, 200)}: {one_line(part.role, 300)}" for part in answer.parts[:MOST_PARTS]]
    lines.append(
        f"[By {asked_model(context)}. Checked: the paths exist and the quoted names are among the facts below. Not proved: what is "
        "said of them.]"
    )
    return Section("In words", lines)
