"""What a model makes of a template's files: what it is told, and what is refused before anything is checked."""

import re
from collections.abc import Iterator, Mapping

import tree_sitter
from pydantic import BaseModel, Field

from tools.editing.symbols import language_name, text_of, tree_of
from tools.node.exports import exported, walk

SILENCING = re.compile(
    r"@ts-(?:nocheck|ignore|expect-error)|\beslint-(?:disable|enable|env)|\bprettier-ignore|\beslint\s+[\w/@-]+\s*:"
    r"|\b(?:istanbul|c8|v8) ignore"
)
"""Words of comments that keep a program from looking."""
INSTRUCTIONS = (
    "Change files that a template made, as the wishes say and no further. Answer with the whole text of each file that "
    "changes, by its path. Keep every export. The project's own type check, linter and formatter must pass, and no comment "
    "may switch them off."
)


class RefinedFile(BaseModel):
    """One file as it should be."""

    path: str
    text: str


class Refinement(BaseModel):
    """The model's answer."""

    files: list[RefinedFile] = Field(description="Only the files that change.")


def material_of(purpose: str, wishes: str, files: Mapping[str, str]) -> str:
    """The question."""
    shown = "\n".join(f"\n{path}:\n{text}" for path, text in files.items())
    return f"{purpose}\n\nWishes: {wishes.strip()}\n{shown}"


def faults_of(answer: Refinement, files: Mapping[str, str]) -> list[str]:
    """What is wrong with an answer, a sentence each."""
    faults: list[str] = []
    for each in answer.files:
        before = files.get(each.path)
        if before is None:
            faults.append(f"{each.path!r} is none of the files; they are {', '.join(map(repr, files))}.")
            continue
        if not each.text.strip():
            faults.append(f"{each.path!r} would be empty.")
        language = language_name(each.path)
        if language:
            root = tree_of(language, each.text.encode("utf-8", "surrogatepass")).root_node
            lost = exported(tree_of(language, before.encode()).root_node) - exported(root)
            faults += [f"{each.path!r} no longer exports {name!r}." for name in sorted(lost)]
            faults += [f"{each.path!r}, {said}" for said in silenced(root)]
    if not faults and all(each.text == files[each.path] for each in answer.files):
        faults.append("Nothing was changed, so the wishes are not in it.")
    return faults


def silenced(root: tree_sitter.Node) -> Iterator[str]:
    """Comments that switch a check off."""
    for node in walk(root):
        found = SILENCING.search(text_of(node)) if node.type == "comment" else None
        if found:
            yield f"line {node.start_point.row + 1} switches a check off ({found[0].strip()})."
