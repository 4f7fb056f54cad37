"""Programs that run another command: what that command is, or why it is not certain."""

import re
from collections.abc import Callable

from perdure.safety.command.arguments import Argument, Finding, Scene, ask, bounded, shown

Command = Callable[[list[Argument], Scene], list[Finding]]
Script = Callable[[str, Scene], list[Finding]]

SHELLS = frozenset(["bash", "sh", "dash"])
_DURATION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?[smhd]?")
_HARMLESS_VALUES = {
    "LANG": r"[\w.@-]+", "LANGUAGE": r"[\w.@:-]+", "TZ": r"[A-Za-z][\w+-]*(?:/[\w+-]+)*", "NO_COLOR": r"\w*",
    "CLICOLOR": r"[01]", "FORCE_COLOR": r"[01]", "COLUMNS": r"[0-9]+", "PAGER": "cat", "GIT_PAGER": "cat", "MANPAGER": "cat",
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "CI": r"\w*",
}  # fmt: skip
_HARMLESS = {name: re.compile(pattern) for name, pattern in _HARMLESS_VALUES.items()}
_LOCALE = re.compile(r"[\w.@-]*")
_UNSET = re.compile(
    r"(?i)LANG|LANGUAGE|LC_[A-Z]+|TZ|NO_COLOR|CLICOLOR|FORCE_COLOR|COLUMNS|CI|(?:https?|no|all)_proxy|"
    r"PYTHONPATH|PYTHONHOME|VIRTUAL_ENV|NODE_OPTIONS|NODE_ENV|NODE_PATH|DEBUG"
)
"""Variables that a command may do without. Others hold off settings of the workspace, such as Git's, or say where programs are."""
_OF_BASH_ALONE = ("[[", "]]", "&>", "|&", "<<<")
"""What another shell takes for the name of a program, for a command in the background, or not at all."""


def _certain(argument: Argument) -> str:
    """The argument's text where nothing may take its place; else what no option or value looks like."""
    certain = argument.is_known and not argument.is_pattern and not argument.has_tilde
    return argument.text if certain else "\0"


def assignment(argument: Argument) -> Finding | None:
    """Why a variable before a command may change what the command does."""
    variable, _, value = argument.text.partition("=")
    pattern = _LOCALE if re.fullmatch(r"LC_[A-Z]+", variable) else _HARMLESS.get(variable)
    if pattern is None or not argument.is_known or argument.is_pattern or argument.has_tilde:
        return ask(f"The variable {shown(variable)} may change what the command does.")
    if not pattern.fullmatch(value):
        return ask(f"The value {shown(value)} of the variable {variable!r} is not known to be harmless.")
    return None


def judge_time(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``time [-p] COMMAND``."""
    if arguments and _certain(arguments[0]) == "-p":
        arguments = arguments[1:]
    return _inner("time", arguments, scene, command)


def judge_timeout(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``timeout [-k TIME] [-s SIGNAL] [--foreground] TIME COMMAND``."""
    waiting = list(arguments)
    while waiting and _certain(waiting[0]).startswith("-"):
        option = _certain(waiting.pop(0))
        if (
            option in {"-k", "-s", "--kill-after", "--signal"}
            and waiting
            and re.fullmatch(r"\w+", _certain(waiting[0]))
        ):
            waiting.pop(0)
        elif not re.fullmatch(
            r"--foreground|--preserve-status|-v|--verbose|--kill-after=[\w.]+|--signal=\w+|-[ks]\w+", option
        ):
            return [ask(f"The option {shown(option)} of 'timeout' is not known.")]
    if not waiting or not _DURATION.fullmatch(_certain(waiting[0])):
        return [ask("The command 'timeout' has no plain duration.")]
    return _inner("timeout", waiting[1:], scene, command)


def judge_nice(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``nice [-n NUMBER] COMMAND``."""
    if (
        len(arguments) > 1
        and _certain(arguments[0]) == "-n"
        and re.fullmatch(r"-?[0-9]{1,2}", _certain(arguments[1]))
    ):
        arguments = arguments[2:]
    return _inner("nice", arguments, scene, command)


def judge_stdbuf(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``stdbuf -oL COMMAND``."""
    waiting = list(arguments)
    while waiting and re.fullmatch(r"-[ioe](?:L|0|[1-9][0-9]{0,5}K?)", _certain(waiting[0])):
        waiting.pop(0)
    return _inner("stdbuf", waiting, scene, command)


def judge_env(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``env [-u NAME] [NAME=VALUE] COMMAND``; without a command it prints the environment."""
    findings: list[Finding] = []
    waiting = list(arguments)
    while len(waiting) > 1 and _certain(waiting[0]) == "-u":
        findings += (
            []
            if _UNSET.fullmatch(_certain(waiting[1]))
            else [ask(f"Without the variable {shown(waiting[1].raw)} the command may do something else.")]
        )
        del waiting[:2]
    while waiting and re.match(r"[A-Za-z_]\w*=", _certain(waiting[0])):
        found = assignment(waiting.pop(0))
        findings += [found] if found else []
    if not waiting:
        return [ask("The command 'env' prints the environment, in which secrets may be.")]
    return findings + _inner("env", waiting, scene, command)


def judge_command(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``command [-v] NAME``."""
    if arguments and _certain(arguments[0]) in {"-v", "-V"}:
        plain = all(re.fullmatch(r"[A-Za-z0-9_.+-]+", _certain(one)) for one in arguments[1:])
        return [] if plain else [ask("The names that 'command' looks for are not plain.")]
    return _inner("command", arguments, scene, command)


def judge_builtin(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``builtin COMMAND``."""
    return _inner("builtin", arguments, scene, command)


def judge_xargs(arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    """Of ``xargs COMMAND``: only with commands to which any text may be given."""
    waiting = list(arguments)
    stands_for = ""
    while waiting and _certain(waiting[0]).startswith("-"):
        option = _certain(waiting.pop(0))
        if option in {"-n", "-L", "-P"} and waiting and re.fullmatch(r"[0-9]{1,3}", _certain(waiting[0])):
            waiting.pop(0)
        elif option == "-I" and waiting and re.fullmatch(r"[{}%@]+", _certain(waiting[0])):
            stands_for = waiting.pop(0).text
        elif re.fullmatch(r"-I[{}%@]+", option):
            stands_for = option[2:]
        elif not re.fullmatch(r"-0|--null|-r|--no-run-if-empty|-t|-[nLP][0-9]{1,3}", option):
            return [ask(f"The option {shown(option)} of 'xargs' is not known.")]
    name = _certain(waiting[0]) if waiting else "echo"
    if name not in {"echo", "basename", "dirname"}:
        return [ask(f"The words that {shown(name)} gets from 'xargs' are not known before it runs.")]
    found = [] if scene.is_fed else [bounded("The command 'xargs' waits for input.")]
    added = [] if stands_for else [Argument("word", "word")]
    return found + _inner("xargs", [*(waiting or [Argument("echo", "echo")]), *added], scene, command)


def judge_shell(name: str, arguments: list[Argument], scene: Scene, script: Script) -> list[Finding]:
    """Of ``sh -c SCRIPT``: the script, where it stands there as plain text."""
    words = [argument.text if argument.is_known and not argument.is_pattern else "" for argument in arguments]
    if len(words) == 1 and words[0] == "--version":
        return []
    if len(words) != 2 or words[0] not in {"-c", "-ec", "-euc", "-uc"} or not words[1]:
        return [ask("The shell runs a script that is not known before it runs, or reads other files.")]
    sign = next((sign for sign in _OF_BASH_ALONE if sign in words[1]), "")
    if sign and name != "bash":
        return [ask(f"The sign {sign!r} means something else to {name!r} than to bash.")]
    return [
        finding._replace(reason=f"In the script of a shell: {finding.reason}")
        for finding in script(words[1], scene)
    ]


def _inner(name: str, arguments: list[Argument], scene: Scene, command: Command) -> list[Finding]:
    if not arguments:
        return [ask(f"The command {name!r} names no command to run.")]
    if not arguments[0].is_known or arguments[0].text.startswith("-"):
        return [ask(f"The option {shown(arguments[0].raw)} of {name!r} is not known.")]
    return command(arguments, scene)


WRAPPERS: dict[str, Callable[[list[Argument], Scene, Command], list[Finding]]] = {
    "builtin": judge_builtin,
    "command": judge_command,
    "env": judge_env,
    "nice": judge_nice,
    "stdbuf": judge_stdbuf,
    "time": judge_time,
    "timeout": judge_timeout,
    "xargs": judge_xargs,
}
