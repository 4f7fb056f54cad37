"""What the analysis of a line of shell costs: a thousand lines through the program, and one line in a running process.

The lines are the examples of every entry of programs. The last table is of lines that are made to be slow.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from perdure.safety.command.analysis import analyse
from perdure.safety.command.programs import programs

PROJECT = Path(__file__).resolve().parents[1]
LINES = 1_000
TIMES = 5
HOSTILE = {
    "pipes": "a|" * 1_000,
    "arrays": "x=(" * 1_000,
    "parentheses": "(" * 1_400,
    "scripts in scripts": "eval 'eval \"a b\"' " * 500,
    "patterns": "ls " + "*a" * 5_000,
    "a long sed script": "sed '" + "s/a/b/;" * 2_000 + "' x",
    "substitutions": "echo " + "$(" * 700 + ")" * 700,
    "quotes": "echo " + "'\\''" * 4_000,
}


def examples() -> list[str]:
    """Lines of every kind, as many as are wanted."""
    entries = {program.entry.names: program.entry for program in programs().values()}
    lines = [line for entry in entries.values() for line in (*entry.matches, *entry.does_not_match)]
    return (lines * (LINES // len(lines) + 1))[:LINES]


def whole_program(lines: list[str]) -> float:
    """Seconds from the start of the process to its end."""
    text = "".join(json.dumps({"id": number, "command": line}) + "\n" for number, line in enumerate(lines))
    began = time.perf_counter()
    command = [sys.executable, "-m", "perdure.safety.command"]
    run = subprocess.run(command, cwd=PROJECT, input=text, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    if len(run.stdout.splitlines()) != len(lines):
        raise SystemExit("The program did not answer every line.")
    return seconds


def milliseconds(line: str) -> float:
    """Processor time of one verdict."""
    began = time.process_time()
    analyse(line)
    return (time.process_time() - began) * 1_000


def main() -> None:
    """Measure and print."""
    lines = examples()
    whole = [whole_program(lines) for _ in range(TIMES)]
    print(
        f"{LINES} lines, process start included: median {statistics.median(whole):.2f} s, least {min(whole):.2f} s"
    )
    analyse("ls")
    each = sorted(milliseconds(line) for line in lines)
    print(f"one line: median {statistics.median(each):.3f} ms, 99 % {each[len(each) * 99 // 100]:.3f} ms")
    for name, line in HOSTILE.items():
        print(f"{name:<20} {milliseconds(line):8.1f} ms  {analyse(line).verdict.value}")


if __name__ == "__main__":
    main()
