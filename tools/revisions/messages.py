"""The convention for commit messages, and the trailers that say where a commit comes from."""

import re

from perdure.contracts.errors import ToolRejected
from tools.tool_schemas import ToolContext

SUBJECT_CHARACTERS = 72
TASK, STEP, APPROVER = "Perdure-Task", "Perdure-Step", "Approved-by"
OURS = re.compile(rf"^(?:{TASK}|{STEP}|{APPROVER}):", re.IGNORECASE | re.MULTILINE)
TRAILER = re.compile(r"[A-Za-z][A-Za-z0-9-]*: \S.*")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def checked_message(message: str) -> str:
    """The message in its stored form; ToolRejected where it breaks the convention.

    A subject of at most 72 characters, an empty line, then a body, none of whose lines imitates a trailer of ours.
    """
    text = "\n".join(line.rstrip() for line in message.strip().replace("\r\n", "\n").split("\n"))
    subject, _, rest = text.partition("\n")
    if not subject:
        raise ToolRejected("The commit message is empty.", "Say in a line what the commit changes.")
    if len(subject) > SUBJECT_CHARACTERS:
        raise ToolRejected(
            f"The message's first line has {len(subject)} characters; at most {SUBJECT_CHARACTERS} are shown whole "
            "wherever commits are listed.",
            "Send a shorter first line, then an empty line and the rest.",
        )
    if rest and not rest.startswith("\n"):
        raise ToolRejected(
            "The message's second line is not empty, so its first line would not be taken for the subject.",
            "Put an empty line after the first one.",
        )
    if CONTROL.search(text):
        raise ToolRejected("The message holds control characters.", "Send plain text.")
    if said := OURS.search(text):
        raise ToolRejected(
            f"The message has a line {said.group()!r}, which is added by itself and only where it is true.",
            "Leave that line out.",
        )
    return text


def with_trailers(message: str, context: ToolContext) -> str:
    """The message with the task, the step and who approved it, if anybody was asked; as it is where a person commits."""
    if context.key.step == 0:
        # No step of a task is behind a call that is made by hand.
        return message
    trailers = [f"{TASK}: {context.key.task_id}", f"{STEP}: {context.key.step}"]
    approver = " ".join(CONTROL.sub(" ", context.approved_by).split())
    trailers += [f"{APPROVER}: {approver}"] if approver else []
    last = message.rpartition("\n\n")[2] if "\n\n" in message else ""
    joined = bool(last) and all(TRAILER.fullmatch(line) for line in last.split("\n"))
    return message + ("\n" if joined else "\n\n") + "\n".join(trailers)
