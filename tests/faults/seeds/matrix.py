"""The section of docs/durability.md that is made from the log of seeds. ``python -m tests.faults.seeds.matrix`` writes it."""

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from perdure.settings import PROJECT_FOLDER
from tests.faults.seeds.faults import ACTIVITIES, Kind
from tests.faults.seeds.log import Line, read

LOG = PROJECT_FOLDER / "docs" / "faults.jsonl"
DOCUMENT = PROJECT_FOLDER / "docs" / "durability.md"
BETWEEN = "between steps"
BEGIN, END = "<!-- made from faults.jsonl: begin -->", "<!-- made from faults.jsonl: end -->"


def places(during: Sequence[str]) -> list[str]:
    """The kinds of work that a fault met."""
    return sorted({work.partition(" ")[0] for work in during}) or [BETWEEN]


def table(lines: Iterable[Line]) -> str:
    """How often each fault met each kind of work, in Markdown."""
    met: Counter[tuple[str, str]] = Counter()
    total: Counter[str] = Counter()
    for line in lines:
        for hit in line.hits:
            total[hit["kind"]] += 1
            met.update((hit["kind"], place) for place in places(hit["during"]))
    columns = [*ACTIVITIES, BETWEEN]
    rows = [
        "| fault | " + " | ".join(columns) + " | all |",
        "| --- |" + " ---: |" * (len(columns) + 1),
    ]
    for kind in Kind:
        counts = [str(met[kind.value, place] or "") for place in columns]
        rows.append(f"| {kind.value} | " + " | ".join(counts) + f" | {total[kind.value]} |")
    return "\n".join(rows)


def ranges(seeds: Iterable[int]) -> str:
    """Whole numbers as ranges: 1–20, 23."""
    parts: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if parts and parts[-1][-1] == seed - 1:
            parts[-1] = [parts[-1][0], seed]
        else:
            parts.append([seed, seed])
    return ", ".join(f"{first}–{last}" if last > first else str(first) for first, last in parts)


def section(lines: Sequence[Line]) -> str:
    """The whole section."""
    return "\n".join([BEGIN, "", *_told(lines), "", table(lines), "", END])


def _told(lines: Sequence[Line]) -> Iterator[str]:
    """One sentence a line."""
    if not lines:
        yield "No seed was run yet."
        return
    passed = {line.seed for line in lines if not line.failures}
    failed = {line.seed for line in lines if line.failures}
    commits = Counter(line.commit for line in lines)
    hits = sum(len(line.hits) for line in lines)
    yield f"{len(lines)} runs of {len(passed | failed)} seeds, with {hits} faults that happened."
    yield f"Passed: {ranges(passed) or 'none'}."
    yield f"Failed: {ranges(failed - passed) or 'none'}."
    yield f"Failed once and passed later: {ranges(failed & passed) or 'none'}."
    yield "Commits: " + ", ".join(f"{commit} ({count})" for commit, count in commits.items()) + "."
    took = statistics.median(line.took_s for line in lines)
    usual = statistics.median(line.usual_s for line in lines)
    yield f"A task took {took:.0f} s in the median, and {usual:.0f} s without faults in the same batches."
    yield "A fault counts where it happened, by the history, wherever it was aimed at; one that met two steps at once"
    yield 'counts for both, and under "all" once.'


def with_section(document: str, made: str) -> str:
    """The document with its section replaced; ValueError where it has none."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"{DOCUMENT.name} has no section {BEGIN!r}")
    return pattern.sub(lambda _: made, document)


def write_section() -> None:
    """Write the section anew."""
    document = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(with_section(document, section(read(LOG))), encoding="utf-8")


if __name__ == "__main__":
    write_section()
