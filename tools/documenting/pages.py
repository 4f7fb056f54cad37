"""A reference page in Markdown: what the code says of each symbol, with the words of docs that were compared with it."""

from collections.abc import Iterator, Sequence

from tools.documenting.facts import Facts, Parameter, ParameterDocs, SymbolDocs
from tools.documenting.python_docs import doctest_of
from tools.documenting.script_docs import example_of
from tools.editing.symbols import PYTHON

MARK = "<!-- Made by generate_docs from {path}. -->"


def page_of(
    path: str, title: str, overview: str, documented: Sequence[tuple[SymbolDocs, Facts]], language: str
) -> str:
    """The whole page."""
    parts = [f"# `{title}`", MARK.format(path=path), overview.strip()]
    for docs, facts in documented:
        parts += _symbol(docs, facts, language)
    return "\n\n".join(part for part in parts if part) + "\n"


def _symbol(docs: SymbolDocs, facts: Facts, language: str) -> Iterator[str]:
    fence = "python" if language == PYTHON else "js" if language == "javascript" else "ts"
    yield f"## `{facts.name}`"
    yield f"```{fence}\n{facts.signature}\n```"
    yield docs.summary.strip()
    yield docs.description.strip()
    said = {each.name.strip().strip("[]").lstrip("*."): each for each in docs.parameters}
    rows = [
        (each, said[each.name.lstrip("*.")])
        for each in dict.fromkeys((*facts.parameters, *facts.fields))
        if each.name.lstrip("*.") in said
    ]
    if rows:
        head = "| parameter | type | default | |\n| --- | --- | --- | --- |"
        yield "\n".join([head, *(_row(real, words) for real, words in rows)])
    if docs.returns.strip():
        kind = facts.return_type or docs.returns_type.strip()
        yield f"**{'Yields' if facts.generator else 'Returns'}**{f' `{kind}`' if kind else ''}: {docs.returns.strip()}"
    if docs.raises:
        yield "\n".join(f"**Raises** `{each.type}`: {each.text.strip()}  " for each in docs.raises).rstrip()
    for example in docs.examples:
        yield f"```{fence}\n{doctest_of(example) if language == PYTHON else example_of(example)}\n```"


def _row(real: Parameter, said: ParameterDocs) -> str:
    kind, default = real.type or said.type.strip(), real.default
    cells = [f"`{real.name}`", f"`{kind}`" if kind else "", f"`{default}`" if default else "", said.text]
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
