"""What programs are given: folders to start from, and an environment that is built."""

from pathlib import Path

from perdure.safety.environment import environment_for
from tools.programs import environment_of, toolchain_of


def test_shows_the_folder_of_every_link_on_the_way_to_a_program(tmp_path: Path) -> None:
    real = tmp_path / "versions" / "3.11.7" / "bin" / "python3.11"
    real.parent.mkdir(parents=True)
    real.touch()
    (tmp_path / "versions" / "3.11").symlink_to("3.11.7")
    virtual = tmp_path / "project" / ".venv" / "bin" / "python"
    virtual.parent.mkdir(parents=True)
    virtual.symlink_to(tmp_path / "versions" / "3.11" / "bin" / "python3.11")
    made = toolchain_of(python=virtual, node=None, ripgrep=virtual.parent / "rg")
    assert set(made.read_only) == {
        tmp_path / "project" / ".venv",
        tmp_path / "versions" / "3.11",
        tmp_path / "versions" / "3.11.7",
    }


def test_shows_nothing_more_for_programs_of_the_system() -> None:
    made = toolchain_of(python=Path("/usr/bin/env"), node=None, ripgrep=Path("/usr/bin/env"))
    assert made.read_only == ()


def test_puts_the_toolchain_first_on_the_path() -> None:
    made = toolchain_of(
        python=Path("/usr/local/bin/x"), node=Path("/opt/node/bin/node"), ripgrep=Path("/usr/bin/rg")
    )
    environment = environment_for(environment_of(made))
    assert environment["PATH"] == "/usr/local/bin:/opt/node/bin:/usr/bin:/bin"
    assert environment["HOME"] == "/tmp/home"
    assert environment["CI"] == "1"
