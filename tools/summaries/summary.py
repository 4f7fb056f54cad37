"""Puts the parts of a summary together."""

import posixpath
import re
from dataclasses import dataclass

from tools.gathering.pieces import counted
from tools.summaries.building import building_of, dependencies_of, is_ci
from tools.summaries.described import described_by_model
from tools.summaries.entry_points import entry_points_of, is_compose
from tools.summaries.modules import modules_of, outlines_of
from tools.summaries.owners import owners_of
from tools.summaries.tree import Tree, folders_of, languages_of, table_of
from tools.titles import one_line, shown_path
from tools.tool_schemas import ToolContext

ABOUT_CHARACTERS = 500
MOST_YAML = 30
MARKUP = re.compile(
    r"^\s*(?:#|=|-{3}|\.\. |<|\[!|!\[|\[\[|\||>|```|\* |- )|^\s*\[!?\[|badge|shields\.io", re.IGNORECASE
)
LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])?")


@dataclass(frozen=True)
class Summary:
    """What is said of a repository."""

    head: str
    text: str
    is_whole: bool
    """False where a model was asked and gave no words that hold, so that another time may bring more."""


async def summary_of(context: ToolContext, folder: str) -> Summary:
    """The summary of a folder."""
    tree = await Tree.of(context, folder)
    yaml = [path for path in tree.paths if is_ci(path) or is_compose(path)][:MOST_YAML]
    outlines = await outlines_of(context, tree, yaml)
    modules, central = await modules_of(context, tree)
    sections = [
        languages_of(tree),
        folders_of(tree),
        await entry_points_of(context, tree, outlines),
        await building_of(context, tree, outlines),
        dependencies_of(tree),
        modules,
        await owners_of(context, tree, central),
    ]
    facts = [section for section in sections if section is not None]
    lines = sum(tree.lines.get(path, 0) for path in tree.code)
    name = one_line(_name_of(context, tree), 80)
    head = f"{name}: {counted(len(tree.paths), 'file')}, {counted(len(tree.code), 'file')} of code with {counted(lines, 'line')}"
    notes = [] if tree.complete else ["[A limit ended the counting of lines.]"]
    about = about_of(tree)
    body = "\n\n".join([*([about] if about else []), *(section.text for section in facts)])
    words = await described_by_model(context, f"{head}\n{body}", tree.paths)
    parts = [head, *notes, *([about] if about else [])]
    # Without a model's words only the reason is left, which comes last.
    ordered = [words, *facts] if words.is_told else [*facts, words]
    text = "\n\n".join(["\n".join(parts), *(section.text for section in ordered)])
    return Summary(head, text, is_whole=words.is_told or context.model is None)


def _name_of(context: ToolContext, tree: Tree) -> str:
    """What the repository calls itself, else its folder."""
    given = [
        table_of(tree.toml(tree.at("pyproject.toml")), "project").get("name"),
        table_of(tree.toml(tree.at("pyproject.toml")), "tool", "poetry").get("name"),
        tree.json(tree.at("package.json")).get("name"),
        table_of(tree.toml(tree.at("Cargo.toml")), "package").get("name"),
    ]
    named = next((each for each in given if isinstance(each, str) and each), "")
    # The address itself may hold a password.
    repository = context.copy.origin.repository.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return named or shown_path(tree.folder if tree.folder != "." else repository or "This repository")


def about_of(tree: Tree) -> str:
    """The first paragraph of the README that is no heading, badge or markup."""
    readme = re.compile(r"readme(\.(md|rst|txt|markdown))?", re.IGNORECASE)
    paths = [
        path
        for path in tree.paths
        if tree.at(posixpath.basename(path)) == path and readme.fullmatch(posixpath.basename(path))
    ]
    for path in paths[:2]:
        for paragraph in re.split(r"\n\s*\n", tree.text(path)):
            lines = [line for line in paragraph.splitlines() if line.strip()]
            if lines and not any(MARKUP.search(line) for line in lines[:2]) and len(" ".join(lines)) > 30:
                words = LINK.sub(r"\1", " ".join(" ".join(lines).split()))
                return f"{shown_path(tree.shown(path))}: {one_line(words, ABOUT_CHARACTERS)}"
    return ""
