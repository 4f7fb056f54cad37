"""``python -m tools`` writes tool_dictionary.json from the tools; ``--check`` exits 1 where it is stale."""

import argparse
import json
import sys
from pathlib import Path

from tools.registry import Registry

DICTIONARY = Path(__file__).parent.parent / "tool_dictionary.json"


def main(arguments: list[str]) -> int:
    """Write the dictionary, or only compare it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is stale")
    parser.add_argument("--file", type=Path, default=DICTIONARY, help="the dictionary's path")
    options = parser.parse_args(arguments)
    fresh = json.dumps(Registry.discover().dictionary(), indent=2, ensure_ascii=False) + "\n"
    written = options.file.read_text(encoding="utf-8") if options.file.is_file() else ""
    if options.check:
        if written != fresh:
            sys.stderr.write(
                f"{options.file.name!r} is stale. hint: Run `python -m tools` and commit the file.\n"
            )
            return 1
        return 0
    options.file.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
