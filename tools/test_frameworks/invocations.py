"""How a package's test script starts its framework: the options and variables that a run of ours has to keep."""

import re
import shlex
from dataclasses import dataclass

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
#: What ends a command of a script, and what only a shell understands.
SEPARATORS = {"&&", "||", ";", "|", "&"}
SHELL_ONLY = re.compile(r"[$`<>]")
#: Options of Node itself that make the framework see the project's modules as it wants them seen.
NODE_OPTIONS = re.compile(r"--(experimental-[\w-]+|no-warnings|conditions=.+|import=.+|require=.+|loader=.+)")
NODE_VALUES = {"--import", "--require", "-r", "--loader", "--experimental-loader", "--conditions", "-C"}

VALUES = {
    "vitest": "-c --config -r --root --dir --environment --mode --project --pool --globals-setup -t --testNamePattern",
    "jest": (
        "-c --config --env --projects --selectProjects --rootDir --roots --testEnvironment -t --testNamePattern "
        "--testTimeout --maxWorkers -w --preset --setupFilesAfterEnv --testMatch --globalSetup"
    ),
    "mocha": (
        "-r --require --extension -t --timeout --ui -u --config --import --loader --file --jobs -j --slow -s -g "
        "--grep -f --fgrep --package --ignore --retries -n --node-option"
    ),
    "node": " ".join(NODE_VALUES),
}
"""Options that take the next word as their value."""

UNWANTED = {"--watch", "--watchAll", "--coverage", "--silent", "--verbose", "--json", "--ui", "run", "--test"}
"""What is decided for every run here: no watching, no measuring, our own report."""
UNWANTED_VALUES = frozenset(
    [
        "--reporter",
        "--reporters",
        "--outputFile",
        "-R",
        "-O",
        "--reporter-option",
        "--reporter-options",
        "--test-reporter",
        "--test-reporter-destination",
    ]
)


@dataclass(frozen=True)
class Invocation:
    """One start of a framework in a script."""

    variables: tuple[str, ...] = ()
    """``NAME=value``."""
    node_options: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """Files, folders and patterns of files."""

    @property
    def prefix(self) -> list[str]:
        """The start of a command line that sets the variables."""
        variables = list(self.variables)
        if self.node_options:
            variables.append(f"NODE_OPTIONS={' '.join(self.node_options)}")
        return ["/usr/bin/env", *variables] if variables else []


def invocation_of(script: str, framework: str) -> Invocation:
    """How the script starts the framework; an empty one where it does not, or where only a shell could tell."""
    try:
        lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return Invocation()
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in SEPARATORS:
            command.append(word)
        elif (place := _program(command, framework)) is not None:
            return _read(command, place, framework)
        else:
            command = []
    return Invocation()


def _program(command: list[str], framework: str) -> int | None:
    for place, word in enumerate(command):
        name = re.sub(r"\.[cm]?js$", "", word.rpartition("/")[2])
        if name == framework and not ASSIGNMENT.fullmatch(word):
            return place
    return None


def _read(command: list[str], place: int, framework: str) -> Invocation:
    before, after = command[:place], command[place + 1 :]
    variables = tuple(word for word in before if ASSIGNMENT.fullmatch(word) and not SHELL_ONLY.search(word))
    node = before.index("node") + 1 if "node" in before else len(before)
    options: list[str] = []
    places: list[str] = []
    waiting = iter(after)
    for word in waiting:
        name = word.partition("=")[0]
        if SHELL_ONLY.search(word) or name in UNWANTED:
            continue
        if name in UNWANTED_VALUES:
            if name == word:
                next(waiting, None)
        elif word in VALUES[framework].split():
            options += [word, value] if (value := next(waiting, "")) else []
        else:
            (options if word.startswith("-") else places).append(word)
    own = tuple(word for word in before[node:] if NODE_OPTIONS.fullmatch(word))
    return Invocation(variables, own, tuple(options), tuple(places))
