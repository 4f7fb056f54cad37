"""Playbooks described: every call, every condition and every limit, in words."""

from pathlib import Path

from perdure.maintenance.catalogue import PartDescription, PlaybookDescription, described
from perdure.maintenance.shelf import Shelf

TIDY = """
v = 1
title = "Tidy"
about = "Makes the repository tidy."
[limits]
minutes = 5
changed_files = 3
changed_lines = 40
[[precheck]]
any = [{ file = "**/*.py" }]
otherwise = "There is no Python here."
[[setup]]
title = "Install"
[[setup.call]]
tool = "install_dependencies"
arguments = { ecosystem = "python" }
[[step]]
id = "tidy"
title = "Tidy up"
commit = "Tidy up"
report = "ruff-json"
[[step.when]]
all = [{ manifest = "pyproject.toml", has = ["tool", "tidy"] }, { passes = "tidy --check ." }]
none = [{ file = "README.md", text = "untidy" }]
otherwise = "It does not apply."
[[step.call]]
tool = "execute_command"
arguments = { command = "tidy .", writes = true }
[[step]]
id = "look"
title = "Look"
[[step.call]]
tool = "git_status"
[[check]]
id = "tests"
title = "tests"
vouches = true
[check.call]
tool = "run_tests"
"""


def test_a_playbook_is_described_whole(tmp_path: Path) -> None:
    file = tmp_path / "tidy.toml"
    file.write_text(TIDY)
    filed = Shelf([tmp_path]).playbook("tidy")
    assert described(filed) == PlaybookDescription(
        id="tidy",
        file=str(file),
        title="Tidy",
        about="Makes the repository tidy.",
        digest=filed.digest,
        minutes=5,
        changed_files=3,
        changed_lines=40,
        needs=("a file **/*.py",),
        setup=(
            PartDescription(title="Install", does=('install_dependencies ecosystem="python"',), needs=()),
        ),
        steps=(
            PartDescription(
                id="tidy",
                title="Tidy up",
                does=('execute_command command="tidy ." writes=true',),
                needs=(
                    "all of: pyproject.toml has tool.tidy, `tidy --check .` succeeds; "
                    "none of: a file README.md that holds 'untidy'",
                ),
                needs_tests=True,
                commit="Tidy up",
                report="ruff-json",
            ),
            PartDescription(id="look", title="Look", does=("git_status",), needs=()),
        ),
        checks=(PartDescription(id="tests", title="tests", does=("run_tests",), needs=(), vouches=True),),
    )


def test_what_cannot_be_used_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "tidy.toml").write_text(TIDY)
    (tmp_path / "worse.toml").write_text("v = 2")
    filed, problems = Shelf([tmp_path]).all()
    assert [each.id for each in filed] == ["tidy"]
    assert list(problems) == ["worse"]
    assert "worse.toml" in problems["worse"]
