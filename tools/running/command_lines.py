"""What a line of shell starts and writes, read from its syntax tree; for titles and hints, never to decide what is allowed."""

import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter
import tree_sitter_bash

#: Programs whose purpose is to change files; those with a condition are told apart below.
CHANGING = frozenset(
    [
        "chmod",
        "chown",
        "cp",
        "dd",
        "install",
        "ln",
        "mkdir",
        "mkfifo",
        "mv",
        "patch",
        "rm",
        "rmdir",
        "rsync",
        "shred",
        "tee",
        "touch",
        "truncate",
        "unlink",
    ]
)
IN_PLACE = {"sed": ("-i", "--in-place"), "perl": ("-i", "-pi"), "sort": ("-o", "--output")}
SUBCOMMANDS = {
    "git": frozenset(
        [
            "add",
            "am",
            "apply",
            "checkout",
            "cherry-pick",
            "clean",
            "commit",
            "merge",
            "mv",
            "pull",
            "rebase",
            "reset",
            "restore",
            "revert",
            "rm",
            "stash",
            "switch",
        ]
    ),
    "npm": frozenset(["ci", "i", "install", "uninstall", "update"]),
    "pip": frozenset(["install", "uninstall"]),
}
OUTSIDE = ("/tmp/", "/dev/", "&")
LONGEST = 20_000
_parsing = threading.local()


@dataclass(frozen=True)
class CommandLine:
    """One line of shell, as far as its syntax tells."""

    programs: tuple[str, ...] = ()
    """Names of what it starts, in order, each once."""
    writes: tuple[str, ...] = ()
    """Parts that write files of the workspace as they stand, such as ``> out.txt`` or ``sed -i``."""
    is_whole: bool = True
    """False where the line has a syntax error, so that the rest may be wrong."""


def command_line(text: str) -> CommandLine:
    """What a line starts and writes."""
    data = text[:LONGEST].encode("utf-8", "replace")
    tree = _parser().parse(data)
    programs: list[str] = []
    writes: list[str] = []
    for node in _walk(tree.root_node):
        if node.type == "command":
            words = list(_words(node, data))
            if words:
                programs.append(words[0].rpartition("/")[2])
                writes += _writing(programs[-1], words[1:])
        elif node.type == "file_redirect":
            words = _text(node, data)
            target = words.lstrip("0123456789&").lstrip("<>|& ").strip("'\"")
            # A broken line may name no target at all.
            operator = words.partition(target)[0] if target else words
            if ">" in operator and not target.startswith(OUTSIDE) and not target.isdigit():
                writes.append(words)
    return CommandLine(
        tuple(dict.fromkeys(programs)), tuple(dict.fromkeys(writes)), not tree.root_node.has_error
    )


def quoted(argv: list[str]) -> str:
    """The words as a line of shell."""
    return shlex.join(argv)


def _writing(program: str, words: list[str]) -> list[str]:
    if program in CHANGING:
        targets = [word for word in words if not word.startswith("-")]
        outside = bool(targets) and targets[-1].startswith(OUTSIDE[:2])
        return [] if outside else [program]
    flags = IN_PLACE.get(program, ())
    found = next(
        (
            word
            for word in words
            if any(word == flag or (flag == "-i" and word.startswith("-i")) for flag in flags)
        ),
        "",
    )
    if found:
        return [f"{program} {found}"]
    action = next((word for word in words if not word.startswith("-")), "")
    return [f"{program} {action}"] if action in SUBCOMMANDS.get(program, ()) else []


def _words(command: tree_sitter.Node, data: bytes) -> Iterator[str]:
    for child in command.children:
        if child.type == "command_name":
            yield _text(child, data)
        elif child.type in {"word", "string", "raw_string", "concatenation", "number"}:
            yield _text(child, data).strip("'\"")


def _text(node: tree_sitter.Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _walk(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """Every node in the order of the text, without recursion: a hostile line may be nested deeply."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)


def _parser() -> tree_sitter.Parser:
    # One a thread: a parser is no thing to share.
    parser = getattr(_parsing, "parser", None)
    if not isinstance(parser, tree_sitter.Parser):
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
        _parsing.parser = parser
    return parser
