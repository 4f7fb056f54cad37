"""Where a name stands as a whole word, by ripgrep; what is left where no language service can be asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning
from perdure.safety.views import SandboxLimits, View
from tools.programs import output_text, run_program
from tools.symbols.answers import Place
from tools.symbols.listing import globs_of
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=30, output_bytes=16 * 1024**2)
LINE = re.compile(r"([^\0]*)\0(\d+):(\d+):[^\n]*\n?")
LARGEST = "2M"


@dataclass(frozen=True)
class Words:
    """Places of a word; not all of them where ``complete`` is False."""

    places: Sequence[Place]
    complete: bool

    @property
    def paths(self) -> list[str]:
        """The files that hold it, sorted."""
        return sorted({place.path for place in self.places})


async def places_of_word(context: ToolContext, name: str, languages: Sequence[str]) -> Words:
    """Every line with the word in files of these languages that Git does not ignore."""
    argv = [str(context.toolchain.ripgrep), "--no-config", "--hidden", "--null", "--line-number", "--column"]
    argv += [
        "--with-filename",
        "--no-heading",
        "--color=never",
        "--no-messages",
        "--sort=path",
        "--no-require-git",
    ]
    argv += ["--no-ignore-dot", "--no-ignore-global", f"--max-filesize={LARGEST}", "--max-columns=400"]
    argv += ["--max-columns-preview", *globs_of(languages), "--glob=!.git"]
    # Not --word-regexp: a name may begin or end with a sign that is no letter, such as $.
    argv += [f"--regexp={_pattern(name)}", "--", "./"]
    finished = await run_program(context, argv, view=View.READ_ONLY, limits=LIMITS)
    if finished.exit_code not in {0, 1} and not finished.killed_for:
        raise ToolRejected(
            f"The workspace could not be searched: {beginning(output_text(finished).strip(), 500)}",
            "Use grep_search.",
        )
    found = [
        Place(match[1].removeprefix("./"), int(match[2]), int(match[3]))
        for match in LINE.finditer(output_text(finished))
    ]
    return Words(found, complete=not finished.killed_for)


def _pattern(name: str) -> str:
    begin = r"\b" if re.match(r"\w", name) else ""
    end = r"\b" if re.search(r"\w$", name) else ""
    return begin + re.escape(name) + end
