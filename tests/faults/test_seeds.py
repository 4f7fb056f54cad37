"""A few seeds of the random faults, and the parts of their driver that can be judged without a run."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.installation import Servers
from tests.faults.seeds.__main__ import possible_kinds
from tests.faults.seeds.clock import build_library
from tests.faults.seeds.evidence import COUNTING_WORK, Evidence, differences
from tests.faults.seeds.faults import CLOCK, MODEL, Kind, cells, draw
from tests.faults.seeds.log import Line, append, read, remaining
from tests.faults.seeds.matrix import DOCUMENT, LOG, ranges, section, table, with_section
from tests.faults.seeds.run import Disturbed, run_undisturbed

SEEDS = int(os.environ.get("FAULT_SEEDS", "6"))
FIRST = int(os.environ.get("FAULT_FIRST_SEED", "1001"))


@pytest.mark.timeout(1_200)
async def test_a_task_under_the_faults_of_a_few_seeds_loses_and_repeats_nothing(
    harmed: Servers, tmp_path: Path
) -> None:
    kinds = possible_kinds(servers=True)
    usual = await run_undisturbed(harmed, tmp_path)
    disturbed = Disturbed(harmed, tmp_path, usual, build_library(tmp_path))
    for seed in range(FIRST, FIRST + SEEDS):
        run = await disturbed.run(seed, draw(seed, usual.works, kinds))
        assert run.failures == [], f"make faults RUNS=1 SEED={seed}; kept in {run.folder}"
    assert_that_every_difference_is_seen(usual.evidence)


def assert_that_every_difference_is_seen(usual: Evidence) -> None:
    """Each thing that a fault could do wrong is told; what it rightly does is not."""
    picture = usual.picture
    work, label = next(iter(COUNTING_WORK.items()))
    heard_twice = usual.outside + Counter([label])
    step, index, tree = usual.trees[-1]
    wrong = [
        replace(usual, picture=replace(picture, counted=f"{label}\n{picture.counted}")),
        replace(usual, picture=replace(picture, pushes=picture.pushes + 1)),
        replace(usual, picture=replace(picture, files=picture.files.upper())),
        replace(usual, picture=replace(picture, entries=picture.entries[:-1])),
        replace(usual, picture=replace(picture, decisions=picture.decisions + 1)),
        replace(usual, picture=replace(picture, finished={**picture.finished, work: 2})),
        replace(usual, trees=[*usual.trees[:-1], (step, index, tree[::-1])]),
        replace(usual, trees=usual.trees[:-1]),
        replace(usual, outside=heard_twice),
        replace(usual, outside=usual.outside - Counter([label])),
        replace(usual, repeated_questions=1),
        replace(usual, faults=["something contradicts itself"]),
    ]
    for evidence in wrong:
        assert differences(usual, evidence) != []
    assert (
        differences(usual, replace(usual, outside=heard_twice, attempts=usual.attempts + Counter([work])))
        == []
    )
    assert differences(usual, usual, corrections=1) != []


WORKS = [
    "open_task",
    "prepare_workspace start",
    "plan 0",
    "decide 1",
    "preview_call 1 0",
    "execute_calls 1 0",
    "decide 2",
    "reflect 2 periodic",
    "check_work 2",
    "synthesize 2",
    "propose_publication 3",
    "close_task",
]


def test_a_seed_always_means_the_same_faults_and_many_seeds_meet_every_cell() -> None:
    kinds = list(Kind)
    assert draw(7, WORKS, kinds) == draw(7, WORKS, kinds)
    assert draw(7, WORKS, kinds) != draw(8, WORKS, kinds)
    count = len(cells(kinds))
    first = [draw(seed, WORKS, kinds)[0] for seed in range(count)]
    assert {(fault.kind, fault.activity) for fault in first} == set(cells(kinds))


def test_without_servers_none_of_them_is_harmed() -> None:
    kinds = possible_kinds(servers=False)
    assert {Kind.TEMPORAL, Kind.POSTGRES, Kind.VALKEY, Kind.CHROMA} & set(kinds) == set()
    assert set(kinds) >= MODEL | CLOCK


def line(seed: int, *failures: str, kind: Kind = Kind.KILL, during: tuple[str, ...] = ("decide 3",)) -> Line:
    hit = {
        "kind": kind.value,
        "work": "decide 3",
        "phase": "within",
        "at_s": 1.0,
        "event": 9,
        "during": list(during),
    }
    return Line(seed, "abc", 9.0, 6.0, (hit,), 0, failures)


def test_a_log_is_gone_on_with_at_the_seeds_that_have_not_passed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for each in (line(1), line(2, "lost"), line(3, "lost"), line(3)):
        append(log, each)
    assert read(log) == [line(1), line(2, "lost"), line(3, "lost"), line(3)]
    assert remaining(read(log), range(1, 6)) == [2, 4, 5]


def test_the_matrix_counts_faults_where_they_happened() -> None:
    lines = [
        line(1),
        line(2),
        line(5, during=()),
        line(6, kind=Kind.DISK, during=("execute_calls 4 0", "decide 3")),
    ]
    rows = table(lines).splitlines()
    killed = next(row for row in rows if row.startswith(f"| {Kind.KILL.value} |"))
    assert [cell.strip() for cell in killed.split("|")][-3:-1] == ["1", "3"]
    assert killed.split("|")[5].strip() == "2"
    assert ranges([1, 2, 5, 6, 7, 9]) == "1–2, 5–7, 9"
    assert "Failed: none." in section(lines)


def test_the_document_shows_the_committed_log() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document == with_section(document, section(read(LOG))), "run python -m tests.faults.seeds.matrix"
