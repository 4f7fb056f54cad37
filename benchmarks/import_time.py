"""How long a program waits for ``from perdure.client import PerdureClient``, with Temporal's library for comparison.

Prints the median and the least wall-clock time, and the least CPU time, over several fresh interpreters: on a busy
machine only the last says what an import costs.
"""

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

TIMES = 9
PROJECT = Path(__file__).resolve().parents[1]
STATEMENTS = {
    "an empty interpreter": "pass",
    "temporalio's client and converter": "import temporalio.client, temporalio.contrib.pydantic, temporalio.envconfig",
    "perdure.client": "from perdure.client import PerdureClient",
}


def seconds(statement: str) -> tuple[float, float]:
    """Wall-clock and CPU time of one fresh interpreter."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], cwd=PROJECT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def main() -> None:
    """Measure and print; the first run only warms the disk's cache."""
    print(f"{'seconds':<36} {'median':>6} {'least':>6} {'CPU':>6}")
    for name, statement in STATEMENTS.items():
        seconds(statement)
        walls, used = zip(*(seconds(statement) for _ in range(TIMES)), strict=True)
        print(f"{name:<36} {statistics.median(walls):6.3f} {min(walls):6.3f} {min(used):6.3f}")


if __name__ == "__main__":
    main()
