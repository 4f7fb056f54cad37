"""Which calls a person may decide about for longer than once."""

from perdure.contracts.calls import Assurance, Effect
from perdure.safety.command.commands import INTERPRETERS, SHELLS, UNKNOWN, WRAPPERS, Ran, commands_of
from perdure.safety.command.trees import nodes_of, tree_of
from perdure.safety.command.words import TooLarge, words_in

EACH_TIME = {
    Effect.PUBLISH: "What leaves the workspace is decided each time.",
    Effect.DESTRUCTIVE: "What takes something away is decided each time.",
}
LAUNCHERS = words_in(
    "npx pnpx bunx uvx pipx docker podman nerdctl kubectl crictl lxc vagrant xdg-open open start wine mono "
    "dotnet java pypy ipython bpython guile racket swipl ghci scala groovy jshell awk gawk mawk nawk sed ed ex vi vim nvim "
    "emacs tmux screen expect psql mysql sqlite3 redis-cli gdb lldb"
)
"""Programs whose arguments are programs: what they run is not in their names."""
_BUILTINS_THAT_RUN = words_in("source . eval exec")


def why_not_remembered(*, effect: Effect, people: int, assurance: Assurance, command: str) -> str:
    """Why a yes to such a call holds once only; empty where it may be remembered for exactly this call.

    ``command`` is the line of shell that it runs, empty where it runs none.
    """
    if effect in EACH_TIME:
        return EACH_TIME[effect]
    if people > 1:
        return f"The policy wants {people} people for it, each time."
    if assurance is not Assurance.CLAIMED:
        return "The policy wants each approval of it to be signed."
    return _of_line(command) if command else ""


def _of_line(line: str) -> str:
    root = tree_of(line.encode("utf-8", "replace"))
    if root.has_error:
        return "The line is not read as a whole command of shell."
    if any(node.type in {"variable_assignment", "function_definition"} for node in nodes_of(root)):
        return "The line sets variables or functions, which can change what a command does."
    try:
        ran = list(commands_of(root))
    except TooLarge as reason:
        return str(reason)
    if not ran:
        return "The line names no command."
    return next((found for each in ran if (found := _of_command(each))), "")


def _of_command(ran: Ran) -> str:
    """What it runs must stand in its own words: a name of a program, and no program's text or file."""
    first = ran.words[0] if ran.words else ""
    name = ran.name
    if not name or UNKNOWN in first or any(sign in first for sign in "~*?["):
        return "Which program the line runs is not known before it runs."
    if "/" in first:
        return f"{first!r} is a file, which can be another one the next time."
    plain = name.lower().rstrip("0123456789.-") or name
    if {name, plain} & (SHELLS | INTERPRETERS | WRAPPERS | LAUNCHERS | _BUILTINS_THAT_RUN):
        return f"{name!r} runs whatever it is given, so each of its calls is decided by itself."
    return ""
