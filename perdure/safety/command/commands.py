"""Every command that a line can run, as far as its tree tells: in substitutions, functions, wrappers and scripts within it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.safety.command.trees import nodes_of, tree_of
from perdure.safety.command.words import TooLarge, words_in

if TYPE_CHECKING:
    import tree_sitter

UNKNOWN = "\ufffc"
"""Stands for what an expansion will put there."""
DEEPEST = 6
MOST_COMMANDS = 300
"""Counted with those that wrappers may run, and with the scripts in which more may stand."""
MOST_WORDS = 20
"""Of a wrapper, at which another command or a script may begin."""
SHELLS = words_in("sh bash dash zsh ksh ash fish csh tcsh mksh rbash")
INTERPRETERS = words_in("python python2 python3 perl ruby node php lua deno bun tclsh")
WRAPPERS = words_in(
    "sudo doas su runuser env command builtin exec nohup nice ionice timeout time stdbuf setsid xargs parallel watch flock "
    "strace ltrace chroot unshare nsenter busybox toybox ssh find script setarch linux32 linux64 choom faketime logsave "
    "dbus-run-session start-stop-daemon systemd-run at batch eval trap taskset chrt prlimit unbuffer proot fakeroot"
)
_WORDS = words_in(
    "word number string raw_string concatenation simple_expansion expansion ansi_c_string command_substitution "
    "process_substitution arithmetic_expansion translated_string brace_expression"
)
TAKE_TEXT = words_in("eval trap watch ssh su at script runuser")
_HOMES = frozenset(["HOME", "OLDPWD"])


@dataclass(frozen=True, slots=True)
class Ran:
    """One command: its words, with UNKNOWN for what is not certain in them, and what feeds it."""

    words: tuple[str, ...]
    fed_by: tuple[str, ...] = ()
    """The words of the command before it in a pipeline."""
    within: tuple[str, ...] = ()
    """First words of commands in substitutions that its own words hold."""

    @property
    def name(self) -> str:
        return self.words[0].rpartition("/")[2] if self.words else ""


def commands_of(root: "tree_sitter.Node") -> Iterator[Ran]:
    """Every command, also those of wrappers, of scripts given to a shell as text, and of text piped into one.

    TooLarge where there are more than are looked into.
    """
    return _Walk().commands(root, 0)


class _Walk:
    """Counts what it gives, since texts within texts may hold any number of commands."""

    def __init__(self) -> None:
        self._count = 0

    def commands(self, root: "tree_sitter.Node", depth: int) -> Iterator[Ran]:
        for node in nodes_of(root):
            if node.type == "command":
                ran = Ran(tuple(words_of(node)), _before(node), tuple(_within(node)))
                yield from self._with_inner(ran, depth)
                yield from self._fed(node, ran, depth)

    def _with_inner(self, ran: Ran, depth: int) -> Iterator[Ran]:
        """The command, and each that begins further right in it where it is a wrapper of others."""
        last = min(len(ran.words), MOST_WORDS) if ran.name in WRAPPERS else 1
        for place in range(last):
            self._counted()
            inner = Ran(ran.words[place:], ran.fed_by, ran.within)
            yield inner
            if inner.name in SHELLS | TAKE_TEXT:
                for text in dict.fromkeys((" ".join(inner.words[1:MOST_WORDS]), *inner.words[1:MOST_WORDS])):
                    yield from self._parsed(text, depth)

    def _counted(self) -> None:
        self._count += 1
        if self._count > MOST_COMMANDS:
            raise TooLarge(f"The line has more than {MOST_COMMANDS} commands; send parts of it.")

    def _fed(self, node: "tree_sitter.Node", ran: Ran, depth: int) -> Iterator[Ran]:
        """Commands of the text that a shell is given by a pipe, a here-document or a here-string."""
        if ran.name not in SHELLS:
            return
        if ran.fed_by[:1] in {("echo",), ("printf",)}:
            yield from self._parsed(" ".join(ran.fed_by[1:]), depth)
        for redirect in (*node.children, *(node.parent.children if node.parent else ())):
            if redirect.type in {"heredoc_redirect", "herestring_redirect"}:
                for inner in nodes_of(redirect):
                    if inner.type in {"heredoc_body", *_WORDS}:
                        yield from self._parsed(value_of(inner), depth)

    def _parsed(self, text: str, depth: int) -> Iterator[Ran]:
        if depth < DEEPEST and any(sign in text for sign in " ;|&\n"):
            self._counted()
            yield from self.commands(tree_of(text.encode("utf-8", "replace")), depth + 1)


def words_of(command: "tree_sitter.Node") -> Iterator[str]:
    """The command's words as a shell would hand them over; redirections and assignments are none."""
    for child in command.children:
        if child.type == "command_name" or child.type in _WORDS:
            yield value_of(child)
    parent = command.parent
    for sibling in parent.children if parent and parent.type == "redirected_statement" else []:
        # Words behind a redirection belong to the command, though the tree has them in the redirection.
        if sibling.type == "file_redirect":
            yield from (value_of(child) for child in [c for c in sibling.children if c.type in _WORDS][1:])


def value_of(node: "tree_sitter.Node") -> str:
    """The text of a word with quotes taken off; ``~`` for the home folder, UNKNOWN for every other expansion."""
    text = (node.text or b"").decode("utf-8", "replace")
    kind = node.type
    if kind == "raw_string":
        return text[1:-1]
    if kind in {"simple_expansion", "expansion"}:
        return "~" if text.strip("${}") in _HOMES else UNKNOWN
    if kind in {"command_substitution", "process_substitution", "arithmetic_expansion"}:
        return UNKNOWN
    if kind in {"ansi_c_string", "translated_string"}:
        return UNKNOWN
    if kind == "string":
        return _unescaped("".join(_pieces(node, text)))
    if kind in {"concatenation", "command_name"}:
        return "".join(map(value_of, node.children))
    return _unescaped(text)


def _pieces(node: "tree_sitter.Node", text: str) -> Iterator[str]:
    """Of a text in double quotes: what stands between its children is text too, such as blanks."""
    data = node.text or b""
    at = 1
    for child in node.children:
        begin, end = child.start_byte - node.start_byte, child.end_byte - node.start_byte
        if child.type == '"' or begin < at - 1:
            continue
        yield data[at:begin].decode("utf-8", "replace")
        yield (
            value_of(child)
            if child.is_named and child.type != "string_content"
            else data[begin:end].decode("utf-8", "replace")
        )
        at = end
    yield data[at : len(data) - 1].decode("utf-8", "replace")


def _unescaped(text: str) -> str:
    result, escaped = list[str](), False
    for character in text:
        if escaped or character != "\\":
            result.append(character)
        escaped = character == "\\" and not escaped
    return "".join(result)


def _before(node: "tree_sitter.Node") -> tuple[str, ...]:
    """The words of the command that a pipe connects with this one."""
    inner = node
    while inner.parent and inner.parent.type in {"redirected_statement", "negated_command"}:
        inner = inner.parent
    member = inner.prev_named_sibling
    if not inner.parent or inner.parent.type != "pipeline" or member is None:
        return ()
    left = next((one for one in nodes_of(member) if one.type == "command"), None)
    return tuple(words_of(left)) if left else ()


def _within(command: "tree_sitter.Node") -> Iterator[str]:
    scopes = [command]
    if command.parent and command.parent.type == "redirected_statement":
        scopes.append(command.parent)
    for scope in scopes:
        for node in nodes_of(scope):
            if node.type == "command" and node.start_byte != command.start_byte:
                yield next(words_of(node), "").rpartition("/")[2]
