"""``python -m tools`` writes tool_dictionary.json from the tools; ``--check`` exits 1 where it is stale.

``list`` shows every tool, ``show NAME`` one of them, and ``run NAME '{…}' --workspace DIR`` runs it on a folder.
Exit codes: 0 done; 1 the tool ran and what it ran failed, or the dictionary is stale; 2 the command or the arguments
are wrong; 3 the tool refused, and says why; 4 nothing was done, because nobody confirmed it; 7 the installation or the
folder lacks something.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.by_hand.running import MISUSED, Wish, run_by_hand
from tools.extensions import all_extensions
from tools.registry import Registry

DICTIONARY = Path(__file__).parent.parent / "tool_dictionary.json"


def main(arguments: list[str]) -> int:
    """Do what the command line says; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.command:
        return asyncio.run(_with_tools_of_others(options, os.environ))
    return _dictionary(Registry.discover(), options.file, check=options.check)


async def _with_tools_of_others(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    named = environment.get("PERDURE_TOOL_FOLDERS", "").split(",")
    servers = environment.get("PERDURE_MCP_SERVERS", "")
    own = Registry.discover()
    async with all_extensions(
        [Path(folder.strip()).expanduser() for folder in named if folder.strip()],
        Path(servers).expanduser() if servers else None,
        home=DICTIONARY.parent / Path(environment.get("PERDURE_HOME") or ".perdure").expanduser(),
        environment=environment,
        taken=own.names,
    ) as extensions:
        sys.stderr.write("".join(f"{problem}\n" for problem in extensions.problems))
        registry = own.extended(extensions.tools)
        if options.command == "list":
            return _list(registry)
        if options.command == "show":
            return _show(registry, options.name)
        wish = Wish(
            tool=options.name,
            arguments=options.arguments,
            workspace=options.workspace,
            dry_run=options.dry_run,
            as_json=options.json,
            yes=options.yes,
        )
        return await run_by_hand(wish, registry, environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is stale")
    parser.add_argument("--file", type=Path, default=DICTIONARY, help="the dictionary's path")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("list", help="every tool, by category")
    show = commands.add_parser("show", help="a tool's description, effects, limits and arguments")
    show.add_argument("name")
    run = commands.add_parser("run", help="run a tool on a folder, in the sandbox, without any server")
    run.add_argument("name")
    run.add_argument("arguments", nargs="?", default="{}", help="one JSON object")
    run.add_argument("--workspace", type=Path, default=Path(), help="the folder; default this one")
    run.add_argument("--dry-run", action="store_true", help="only show what it would do")
    run.add_argument("--json", action="store_true", help="write the whole result as one JSON object")
    run.add_argument("--yes", action="store_true", help="do not ask before what destroys or publishes")
    return parser


def _list(registry: Registry) -> int:
    described, lines = registry.description()["tools"].values(), list[str]()
    for one in sorted(described, key=lambda each: (each["category"], each["name"])):
        classes = "/".join(one["effect_classes"])
        lines.append(f"{one['category']:<12}{one['name']:<28}{classes:<16}{one['description'][:100]}\n")
    _say("".join(lines))
    return 0


def _show(registry: Registry, name: str) -> int:
    one = registry.description()["tools"].get(name)
    if one is None:
        sys.stderr.write(f"There is no tool {name!r}. hint: see `python -m tools list`.\n")
        return MISUSED
    _say(json.dumps(one, indent=2, ensure_ascii=False) + "\n")
    return 0


def _say(text: str) -> None:
    """Write for a reader that may have enough before the end, as ``head`` has."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would complain once more when the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dictionary(registry: Registry, file: Path, *, check: bool) -> int:
    fresh = json.dumps(registry.dictionary(), indent=2, ensure_ascii=False) + "\n"
    written = file.read_text(encoding="utf-8") if file.is_file() else ""
    if check:
        if written != fresh:
            sys.stderr.write(f"{file.name!r} is stale. hint: Run `python -m tools` and commit the file.\n")
            return 1
        return 0
    file.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
