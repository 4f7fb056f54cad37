"""Playbooks as files: those that ship can be used, and a bad one is refused with its file and field."""

from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.maintenance.reports import findings_of
from perdure.maintenance.shelf import Shelf
from perdure.settings import PROJECT_FOLDER

GOOD = """
v = 1
title = "Tidy"
about = "Makes the repository tidy."
[[step]]
id = "tidy"
title = "Tidy up"
commit = "Tidy up"
[[step.call]]
tool = "execute_command"
arguments = { command = "true", writes = true }
[[check]]
id = "tests"
title = "tests"
vouches = true
[check.call]
tool = "run_tests"
"""


def shelf_with(folder: Path, text: str) -> Shelf:
    """A shelf with one playbook, called ``tidy``."""
    (folder / "tidy.toml").write_text(text)
    return Shelf([folder])


def test_the_playbooks_that_ship_can_be_read() -> None:
    shelf = Shelf([PROJECT_FOLDER / "playbooks"])
    assert shelf.names() == ["javascript-hygiene", "python-hygiene"]
    for name in shelf.names():
        filed = shelf.playbook(name)
        assert filed.playbook.vouching is not None
        assert any(step.commit for step in filed.playbook.step)


def test_the_digest_changes_with_anything_that_is_said(tmp_path: Path) -> None:
    before = shelf_with(tmp_path, GOOD).playbook("tidy").digest
    assert shelf_with(tmp_path, GOOD + "\n# a remark\n").playbook("tidy").digest == before
    assert shelf_with(tmp_path, GOOD.replace('"true"', '"false"')).playbook("tidy").digest != before


def test_an_unknown_playbook_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no playbook 'dust'") as refused:
        shelf_with(tmp_path, GOOD).playbook("dust")
    assert refused.value.hint == "the playbooks here are: tidy."


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    shelf_with(tmp_path, GOOD)
    shelf_with(tmp_path / "more", GOOD)
    with pytest.raises(ConfigurationError, match="Two files are the playbook 'tidy'"):
        Shelf([tmp_path, tmp_path / "more"]).playbook("tidy")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("v = 1", "v = 2", "v: Input should be 1"),
        ('title = "Tidy up"', "", "step.0.title: Field required"),
        ('commit = "Tidy up"', 'comit = "Tidy up"', "step.0.comit: Extra inputs are not permitted"),
        ('id = "tidy"', 'id = "Tidy up"', "step.0.id"),
        ('tool = "run_tests"', 'tool = "execute_command"', "a check that vouches calls 'run_tests'"),
        (
            "vouches = true",
            "vouches = true\n[[check.when]]\notherwise = 'So it is not.'",
            "at least one sign",
        ),
        ("v = 1", "v = ", "is not valid TOML"),
        (
            "[[check]]",
            "[[precheck]]\nall = [{ file = 'a', passes = 'b' }]\notherwise = 'So it is not.'\n[[check]]",
            "exactly one of 'file', 'manifest' and 'passes'",
        ),
    ],
)
def test_a_bad_playbook_is_refused_with_its_file_and_field(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError) as refused:
        shelf_with(tmp_path, GOOD.replace(old, new, 1)).playbook("tidy")
    assert "tidy.toml" in refused.value.message
    assert said in refused.value.message


def test_findings_are_counted_by_rule_with_the_first_place() -> None:
    problem = (
        '{"code": "F841", "message": "Unused `a`", "filename": "/workspace/a.py", "location": {"row": 3}}'
    )
    text = f"warning: a remark\n[{problem}, {problem}]\n[exit code 0 after 0.1 s]"
    (finding,) = findings_of("ruff-json", text, step="remaining")
    assert (finding.what, finding.count, finding.where) == ("F841 Unused `a`", 2, "a.py:3")
    eslint = (
        '[{"filePath": "/workspace/a.js", "messages": [{"ruleId": "semi", "message": "Missing", "line": 2}]}]'
    )
    (finding,) = findings_of("eslint-json", eslint, step="remaining")
    assert (finding.what, finding.where) == ("semi Missing", "a.js:2")
