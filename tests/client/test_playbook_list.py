"""``maintain --list``: what the playbooks of an installation do and need, without a server."""

from pathlib import Path

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Place
from perdure.client.command_line.playbook_list import HERE
from perdure.settings import PROJECT_FOLDER
from tests.client.shell import Shell, SmallInstallation
from tests.client.test_starter import starter
from tests.maintenance.test_catalogue import TIDY

SHIPPED = PROJECT_FOLDER / "playbooks"


def shell_of(home: Path, *folders: Path) -> Shell:
    """A shell whose server does not exist."""
    return Shell(SmallInstallation(Place(home, "q", {}), playbooks=folders))


async def test_every_step_is_shown_with_what_it_does_and_needs(tmp_path: Path) -> None:
    (tmp_path / "tidy.toml").write_text(TIDY)
    result = await shell_of(tmp_path, SHIPPED, tmp_path).run("maintain", "--list", columns=400)
    assert result.exit_code == 0, result.stderr
    lines = [line.strip() for line in result.stdout.splitlines()]
    for line in (
        "javascript-hygiene: JavaScript hygiene",
        "python-hygiene: Python hygiene",
        "tidy: Tidy",
        str(tmp_path / "tidy.toml"),
        "takes at most 5 minutes; changes at most 3 files and 40 lines a step",
        "needs a file **/*.py",
        'does install_dependencies ecosystem="python"',
        "tidy: Tidy up",
        'does execute_command command="tidy ." writes=true',
        "is kept as the commit 'Tidy up', if tests vouch for it",
        "lists findings (ruff-json)",
        "decides what is kept: no test that passed before may fail",
    ):
        assert line in lines
    assert HERE in result.stderr


async def test_one_playbook_is_shown_as_json(tmp_path: Path) -> None:
    found = await shell_of(tmp_path, SHIPPED).json("maintain", "python-hygiene", "--list")
    [playbook] = found["playbooks"]
    assert found["unusable"] == {}
    assert [step["id"] for step in playbook["steps"]] == ["look", "fix", "unused", "format", "remaining"]
    assert [step["needs_tests"] for step in playbook["steps"]] == [False, True, True, True, False]
    assert playbook["needs"] == ["a file **/*.py"]


async def test_long_calls_are_cut_where_all_are_shown_and_whole_where_one_is(tmp_path: Path) -> None:
    shell = shell_of(tmp_path, SHIPPED)
    every = await shell.run("maintain", "--list", columns=10_000)
    one = await shell.run("maintain", "javascript-hygiene", "--list", columns=10_000)
    assert max(len(line.rstrip()) for line in every.stdout.splitlines()) < 300
    assert "console.log(JSON.stringify(kept))" not in every.stdout
    assert "console.log(JSON.stringify(kept))" in one.stdout


async def test_a_file_that_cannot_be_used_is_named_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "tidy.toml").write_text(TIDY)
    (tmp_path / "worse.toml").write_text("v = 2")
    result = await shell_of(tmp_path, tmp_path).run("maintain", "--list", columns=400)
    assert result.exit_code == ExitCode.INSTALLATION
    assert "tidy: Tidy" in result.stdout
    assert "worse: The playbook" in result.stdout
    assert "v: Input should be 1" in result.stdout


async def test_an_unknown_or_missing_name_is_answered_with_what_to_write(tmp_path: Path) -> None:
    shell = shell_of(tmp_path, SHIPPED)
    unknown = await shell.run("maintain", "dust", "--list")
    assert unknown.exit_code == ExitCode.USAGE
    assert "the playbooks here are: javascript-hygiene, python-hygiene." in unknown.stderr
    missing = await shell.run("maintain", "-r", "/srv/shop")
    assert missing.exit_code == ExitCode.USAGE
    assert "`maintain --list` shows those there are" in missing.stderr


def test_the_program_itself_shows_those_that_ship_and_the_operators_own(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "tidy.toml").write_text(TIDY)
    given = {"PERDURE_HOME": str(tmp_path), "PERDURE_PLAYBOOKS": str(own)}
    done = starter("maintain", "--list", given=given)
    assert done.returncode == 0, done.stderr
    headings = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert headings == [
        "javascript-hygiene: JavaScript hygiene",
        "python-hygiene: Python hygiene",
        "tidy: Tidy",
    ]
