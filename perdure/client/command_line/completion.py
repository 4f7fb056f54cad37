"""What a shell runs to complete a command line: the script it reads once, and the ids of tasks that it asks for."""

import asyncio
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from perdure.client.command_line.installation import Installation

Shell = Literal["bash", "zsh", "fish"]

FUNCTION = "perdure"
"""The name that the script gives to the program."""
VARIABLE = "_PERDURE_COMPLETE"
"""By it the program knows that a shell asks for completions."""
ANSWER_S = 2.0
MOST_IDS = 100
# What a shell reads back may hold nothing that it would take for more than a word.
_HARMLESS = re.compile(r"[\w.@-]+", re.ASCII)

_SCRIPTS: dict[Shell, str] = {
    "bash": """\
%(function)s() { %(program)s "$@"; }
_%(function)s_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $( COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
                   %(variable)s=complete_bash %(program)s ) )
}
complete -o default -F _%(function)s_completion %(function)s
""",
    "zsh": """\
%(function)s() { %(program)s "$@" }
_%(function)s_completion() {
    eval $(_TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" %(variable)s=complete_zsh %(program)s)
}
compdef _%(function)s_completion %(function)s
""",
    "fish": """\
function %(function)s
    %(program)s $argv
end
function __%(function)s_completion
    env %(variable)s=complete_fish _TYPER_COMPLETE_FISH_ACTION=$argv[1] \\
        _TYPER_COMPLETE_ARGS=(commandline -cp | string collect) %(program)s
end
complete --command %(function)s --no-files --arguments "(__%(function)s_completion get-args)" \\
    --condition "__%(function)s_completion is-args"
""",
}


def script(shell: Shell, program: Sequence[str]) -> str:
    """The script that defines the function ``perdure`` and completes its arguments."""
    return _SCRIPTS[shell] % {
        "function": FUNCTION,
        "variable": VARIABLE,
        "program": " ".join(shlex.quote(word) for word in program),
    }


def task_ids(installation: "Installation", beginning: str) -> list[str]:
    """Ids that begin so, open ones first; none where no server answers at once: a shell waits for it."""
    from perdure.client.client import PerdureClient
    from perdure.contracts.errors import PerdureError

    async def listed() -> list[str]:
        place = installation.place()
        async with PerdureClient.connect(
            home=place.home,
            task_queue=place.task_queue,
            environment=place.temporal_environment,
            answer_s=ANSWER_S,
            quiet=True,
        ) as client:
            return [task.id for task in await client.tasks(limit=MOST_IDS)]

    async def within_limit() -> list[str]:
        async with asyncio.timeout(ANSWER_S):
            return await listed()

    try:
        found = asyncio.run(within_limit())
    except (PerdureError, TimeoutError):
        # A completion that fails must not write into the line that somebody types.
        return []
    return [id for id in found if id.startswith(beginning) and _HARMLESS.fullmatch(id)]
