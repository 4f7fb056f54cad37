"""``python -m tests.corpora DIR`` runs every collection of cases in a folder; exit code 1 where one is missed."""

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
from tests.corpora.report import Collection, printed

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
    missed = 0
    for one, place in found:
        results = await one.run(place, only)
        sys.stdout.write(printed(place, results))
        missed += sum(bool(result.miss) for result in results)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
