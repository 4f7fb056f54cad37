"""``python -m tests.corpora DIR`` runs every collection of cases in a folder.

Exit code 0: every case that can be played here went as it should. 1: a case was missed, or broke. 2: there was nothing to
run. 3: no case was missed, but some have a form that the runner does not know. What was not played is listed with the reason.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from tests.corpora import (
    approvals,
    bad_files,
    commands,
    edits,
    git_attacks,
    patch_scenarios,
    paths,
    prompt_injection,
    secrets,
    toolcalls,
)
from tests.corpora.playing import CannotPlay
from tests.corpora.report import Collection, Miss, Result, printed

COLLECTIONS: tuple[Collection, ...] = (
    approvals,
    bad_files,
    commands,
    edits,
    git_attacks,
    patch_scenarios,
    paths,
    prompt_injection,
    secrets,
    toolcalls,
)
"""One module a kind of collection; each knows its own by the names of files."""


def main(arguments: list[str]) -> int:
    """Run what the folder holds, and print misses with the worst first."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpora", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", default="", help="a folder with collections of cases, at any depth"
    )
    parser.add_argument("--only", default="", help="cases whose id begins with this")
    options = parser.parse_args(arguments)
    kinds = ", ".join(one.FOUND_BY for one in COLLECTIONS)
    if not options.folder or not Path(options.folder).is_dir():
        sys.stderr.write(
            f"error: {options.folder!r} is no folder with cases.\n"
            f"hint: make corpora DIR=path/to/cases; known kinds: {kinds}\n"
        )
        return 2
    return asyncio.run(_run(Path(options.folder), options.only, kinds))


async def _run(folder: Path, only: str, kinds: str) -> int:
    found = [(one, place) for one in COLLECTIONS for place in one.found_in(folder)]
    if not found:
        sys.stderr.write(f"error: {str(folder)!r} holds no cases.\nhint: known kinds: {kinds}\n")
        return 2
    misses: set[Miss] = set()
    for one, place in found:
        results = await _results_of(one, place, only)
        sys.stdout.write(printed(place, results))
        sys.stdout.flush()
        misses.update(result.miss for result in results if result.miss)
    if misses - {Miss.NOT_PLAYED, Miss.NOT_HERE}:
        return 1
    return 3 if Miss.NOT_PLAYED in misses else 0


async def _results_of(one: Collection, place: Path, only: str) -> list[Result]:
    """What came of a collection; one that cannot be read or breaks as a whole ends none of the others."""
    try:
        return await one.run(place, only)
    except CannotPlay as error:
        return [Result(place.name, "collection", Miss.NOT_PLAYED, str(error))]
    except Exception as error:
        return [Result(place.name, "collection", Miss.BROKEN, f"{type(error).__name__}: {error}")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
