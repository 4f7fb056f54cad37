"""The command line: print invoices, and check that they add up."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from billing.documents import BadDocument, load
from billing.invoice import problems_of
from billing.statement import render
from billing.tax import UnknownRate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well, 1 when an invoice does not add up, 2 when one cannot be read."""
    parser = argparse.ArgumentParser(prog="billing", description="Invoices to the cent.")
    parser.add_argument("command", choices=["show", "check"])
    parser.add_argument("documents", nargs="+", type=Path, help="invoice documents (JSON)")
    chosen = parser.parse_args(arguments)
    worst = 0
    for path in chosen.documents:
        try:
            worst = max(worst, _show(path) if chosen.command == "show" else _check(path))
        except (BadDocument, UnknownRate, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            worst = 2
    return worst


def _show(path: Path) -> int:
    print(render(load(path)))
    return 0


def _check(path: Path) -> int:
    problems = problems_of(load(path))
    for problem in problems:
        print(f"{path}: {problem}")
    if not problems:
        print(f"{path}: adds up")
    return 1 if problems else 0
