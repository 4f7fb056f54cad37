"""Cases of our own for files, edits, patches and repositories, in the form of the collections, through the same runner."""

import json
from pathlib import Path

import pytest

from tests.corpora import edits, git_attacks, patch_scenarios, paths
from tests.corpora.report import Collection, printed

OWN = Path(__file__).with_name("own")


@pytest.mark.parametrize(
    ("kind", "name"), [(edits, "edits.json"), (paths, "paths.json"), (git_attacks, "git_attacks.json")]
)
async def test_every_case_goes_as_it_should(kind: Collection, name: str) -> None:
    results = await kind.run(OWN / name, "")
    assert results
    assert not [one for one in results if one.miss], printed(OWN / name, results)


async def test_every_patch_goes_as_it_should(tmp_path: Path) -> None:
    scenarios = json.loads((OWN / "patches.json").read_text())["scenarios"]
    for scenario in scenarios:
        for part in ("input", "expected"):
            (tmp_path / scenario["name"] / part).mkdir(parents=True)
            for path, text in scenario[part].items():
                place = tmp_path / scenario["name"] / part / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text.encode())
        (tmp_path / scenario["name"] / "patch.txt").write_bytes(scenario["patch"].encode())
    results = await patch_scenarios.run(tmp_path, "")
    assert len(results) == len(scenarios)
    assert not [one for one in results if one.miss], printed(tmp_path, results)
