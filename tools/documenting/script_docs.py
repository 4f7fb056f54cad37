"""JSDoc comments: written for JavaScript or TypeScript, put into a file, and proved to be all that differs."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

import tree_sitter

from tools.documenting.facts import Example, Facts, Parameter, ParameterDocs, SymbolDocs
from tools.documenting.script_facts import documentable
from tools.editing.symbols import Symbol, line_start, symbols_of, text_of, tree_of

TYPED = {"typescript", "tsx"}
COMMENT = re.compile(rb"/\*\*.*?\*/", re.DOTALL)
#: Comments for programs, which must stay right above the line that they are about.
DIRECTIVE = re.compile(
    rb"\s*(?://|/\*)\s*(?:@ts-(?:ignore|expect-error)|eslint-disable-next-line|prettier-ignore|biome-ignore"
    rb"|(?:istanbul|c8|v8)\s+ignore|deno-)"
)


def example_of(example: Example) -> str:
    """The example with what it gives behind it."""
    code, result = example.code.strip(), " ".join(example.result.split())
    return f"{code} // => {result}" if result else code


def jsdoc_of(docs: SymbolDocs, facts: Facts, language: str, width: int) -> str:
    """The lines of the comment, without its marks."""
    parts = [_wrapped(docs.summary.strip(), width)]
    parts += [_wrapped(each, width) for each in docs.description.strip().split("\n\n") if each.strip()]
    tags = list(_tags(docs, facts, width, typed=language in TYPED))
    return "\n\n".join([*parts, "\n".join(tags)] if tags else parts)


def _tags(docs: SymbolDocs, facts: Facts, width: int, *, typed: bool) -> Iterator[str]:
    said = {_bare(each.name): each for each in docs.parameters}
    for real in facts.parameters:
        if _bare(real.name) in said:
            yield _wrapped(_parameter(real, said[_bare(real.name)], typed=typed), width, rest="  ")
    if docs.returns.strip():
        kind = "" if typed else _braced(facts.return_type or docs.returns_type)
        tag = "@yields" if facts.generator else "@returns"
        yield _wrapped(f"{tag} {kind}{docs.returns.strip()}", width, rest="  ")
    for each in docs.raises:
        yield _wrapped(f"@throws {{{each.type}}} {each.text.strip()}", width, rest="  ")
    for example in docs.examples:
        yield f"@example\n{example_of(example)}"


def _parameter(real: Parameter, said: ParameterDocs, *, typed: bool) -> str:
    text, name = " ".join(said.text.split()), _bare(real.name)
    if typed:
        default = "" if not real.default or "default" in text.lower() else f" Defaults to `{real.default}`."
        return f"@param {name} - {text}{default}"
    kind = _braced(
        f"...{said.type.strip()}" if real.name.startswith("...") and said.type.strip() else said.type
    )
    return f"@param {kind}{f'[{name}={real.default}]' if real.default else name} - {text}"


def _braced(kind: str) -> str:
    return f"{{{kind.strip()}}} " if kind.strip() else ""


def _bare(name: str) -> str:
    return name.strip().strip("[]").removeprefix("...")


def _wrapped(text: str, width: int, *, rest: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()),
        max(width, 40),
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def stands_alone(source: bytes, symbol: Symbol) -> bool:
    """Whether nothing else stands before the symbol on its line, so that a comment can stand above it."""
    return not source[line_start(source, symbol.start) : symbol.start].strip()


def with_comments(text: str, language: str, docs: Mapping[str, str], end: str) -> str:
    """The file with these comments, in the place of those that are there; ``end`` is its line end."""
    source = text.encode("utf-8", "surrogateescape")
    known = documentable(symbols_of(language, source, tree_of(language, source)))
    edits = [_edit(source, known[name], said, end) for name, said in docs.items()]
    for start, stop, new in sorted(edits, reverse=True):
        source = source[:start] + new.encode("utf-8", "surrogateescape") + source[stop:]
    return source.decode("utf-8", "surrogateescape")


def _edit(source: bytes, symbol: Symbol, said: str, end: str) -> tuple[int, int, str]:
    first = line_start(source, symbol.start)
    indent = source[first : symbol.start].decode("utf-8", "replace")
    lines = [f"{indent} * {line}".rstrip() for line in said.split("\n")]
    comment = end.join(["/**", *lines, f"{indent} */"])
    there = list(COMMENT.finditer(source, symbol.lead, symbol.start))
    if there:
        return there[-1].start(), there[-1].end(), comment
    while first:
        above = line_start(source, first - 1)
        if not DIRECTIVE.match(source[above:first]):
            break
        first = above
    return first, first, f"{indent}{comment}{end}"


def differs(language: str, before: str, after: str, docs: Mapping[str, str]) -> str:
    """What differs beside the comments that were meant; empty where nothing does."""
    old, new = (tree_of(language, text.encode("utf-8", "surrogateescape")) for text in (before, after))
    if list(_leaves(old.root_node)) != list(_leaves(new.root_node)):
        return "code would change with it"
    gone = _comments(old.root_node) - _comments(new.root_node)
    if any(not each.startswith("/**") for each in gone):
        return "another comment would be lost with it"
    comments = _comments(new.root_node)
    unread = [name for name, said in docs.items() if not any(_reads(each, said) for each in comments)]
    return f"the comment of {unread[0]!r} would not read as it was written" if unread else ""


def _reads(comment: str, said: str) -> bool:
    lines = [line.strip().removeprefix("*").strip() for line in comment.removesuffix("*/").split("\n")[1:]]
    return [line for line in lines if line] == [line.strip() for line in said.split("\n") if line.strip()]


def _leaves(root: tree_sitter.Node) -> Iterator[tuple[str, str]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "comment":
            continue
        if not node.children:
            yield node.type, text_of(node)
        waiting.extend(reversed(node.children))


def _comments(root: tree_sitter.Node) -> Counter[str]:
    found: Counter[str] = Counter()
    waiting: list[tree_sitter.Node] = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "comment":
            found[text_of(node)] += 1
        waiting.extend(node.children)
    return found
