"""The second reader: the syntax tree of tree-sitter-bash, and whether it sees the same words as the strict reader."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from perdure.safety.command.words import (
    Group,
    HereDocument,
    Node,
    Pipeline,
    Redirect,
    Sequence,
    Simple,
    words_in,
)

if TYPE_CHECKING:
    import tree_sitter

_WORDS = words_in(
    "word number string raw_string concatenation simple_expansion expansion arithmetic_expansion variable_assignment "
    "test_operator extglob_pattern regex $"
)
_STRUCTURE = words_in(
    "program list pipeline redirected_statement command command_name subshell compound_statement negated_command "
    "if_statement elif_clause else_clause for_statement do_group variable_name test_command binary_expression "
    "unary_expression file_redirect heredoc_redirect heredoc_start heredoc_body heredoc_end herestring_redirect "
    "file_descriptor comment"
)
_INSIDE_WORDS = _WORDS | words_in(
    "string_content variable_name special_variable_name binary_expression unary_expression parenthesized_expression"
)
_TEST_SIGNS = words_in("[ ] [[ ]] = == != =~ && || !")
_local = threading.local()


def tree_of(data: bytes) -> "tree_sitter.Node":
    """The syntax tree of a line; its library is loaded by the first call of a thread."""
    parser = getattr(_local, "parser", None)
    if parser is None:
        import tree_sitter
        import tree_sitter_bash

        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
        _local.parser = parser
    return parser.parse(data).root_node


def nodes_of(root: "tree_sitter.Node") -> Iterator["tree_sitter.Node"]:
    """Every node in the order of the text, without recursion: a hostile line may be nested deeply."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)


def disagreement(structure: Node, root: "tree_sitter.Node") -> str:
    """Where the tree's words and commands are not those of the strict reader; nothing where they are the same."""
    starts, spans = set[int](), set[tuple[int, int]]()
    waiting = [(root, False)]
    while waiting:
        node, in_test = waiting.pop()
        kind = node.type
        if kind in _WORDS:
            spans.add((node.start_byte, node.end_byte))
            strange = next((inner.type for inner in nodes_of(node) if _is_strange(inner)), "")
            if strange:
                return f"a word holds {strange.replace('_', ' ')}"
            continue
        if in_test and kind in _TEST_SIGNS:
            spans.add((node.start_byte, node.end_byte))
        if node.is_named and kind not in _STRUCTURE:
            return f"the line holds {kind.replace('_', ' ')}"
        if kind in {"command_name", "test_command"}:
            starts.add(node.start_byte)
        waiting += [(child, in_test or kind == "test_command") for child in node.children]
    own_starts, own_spans = _own(structure)
    if starts != own_starts:
        return "the commands begin elsewhere"
    return "" if spans == own_spans else "the words are others"


def _is_strange(node: "tree_sitter.Node") -> bool:
    return node.is_named and node.type not in _INSIDE_WORDS


def _own(structure: Node) -> tuple[set[int], set[tuple[int, int]]]:
    """Where commands begin, and from where to where each word reaches, by the strict reader."""
    starts, spans = set[int](), set[tuple[int, int]]()
    waiting: list[Node] = [structure]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Simple):
            starts |= {node.words[0].start} if node.words else set()
            spans |= {(word.start, word.end) for word in (*node.words, *node.assignments)}
            spans |= _targets(node.redirects)
        elif isinstance(node, Pipeline):
            waiting += node.members
        elif isinstance(node, Sequence):
            waiting += [step for _, step in node.steps]
        elif isinstance(node, Group):
            waiting += node.bodies
            spans |= _targets(node.redirects)
        else:
            spans |= {(word.start, word.end) for word in node.items} | _targets(node.redirects)
            waiting.append(node.body)
    return starts, spans


def _targets(redirects: tuple[Redirect, ...]) -> set[tuple[int, int]]:
    return {
        (one.target.start, one.target.end) for one in redirects if not isinstance(one.target, HereDocument)
    }
