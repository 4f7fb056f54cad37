"""What programs are given: folders to start from, and an environment that is built."""

import shutil
from dataclasses import replace
from pathlib import Path

from perdure.safety.environment import environment_for
from tests.tools.conftest import Bench
from tools.programs import environment_of, toolchain_of
from tools.tool_schemas import Toolchain


def test_shows_the_folder_of_every_link_on_the_way_to_a_program(tmp_path: Path) -> None:
    real = tmp_path / "versions" / "3.11.7" / "bin" / "python3.11"
    real.parent.mkdir(parents=True)
    real.touch()
    (tmp_path / "versions" / "3.11").symlink_to("3.11.7")
    virtual = tmp_path / "project" / ".venv" / "bin" / "python"
    virtual.parent.mkdir(parents=True)
    virtual.symlink_to(tmp_path / "versions" / "3.11" / "bin" / "python3.11")
    made = toolchain_of(
        python=virtual,
        node=None,
        ripgrep=virtual.parent / "rg",
        ruff=virtual.parent / "ruff",
        own_python=virtual,
    )
    assert set(made.read_only) == {
        tmp_path / "project" / ".venv",
        tmp_path / "versions" / "3.11",
        tmp_path / "versions" / "3.11.7",
    }


def test_shows_nothing_more_for_programs_of_the_system() -> None:
    system = Path("/usr/bin/env")
    made = toolchain_of(python=system, node=None, ripgrep=system, ruff=system, own_python=system)
    assert made.read_only == ()


def test_puts_the_toolchain_first_on_the_path() -> None:
    made = toolchain_of(
        python=Path("/usr/local/bin/x"),
        node=Path("/opt/node/bin/node"),
        ripgrep=Path("/usr/bin/rg"),
        ruff=Path("/usr/bin/ruff"),
    )
    environment = environment_for(environment_of(made))
    assert environment["PATH"] == "/usr/local/bin:/opt/node/bin:/usr/bin:/bin"
    assert environment["HOME"] == "/tmp/home"
    assert environment["CI"] == "1"


async def test_ruff_is_found_also_where_the_interpreter_has_none(bench: Bench, toolchain: Toolchain) -> None:
    python = shutil.which("python3", path="/usr/bin")
    assert python is not None
    other = toolchain_of(python=Path(python), node=None, ripgrep=toolchain.ripgrep, ruff=toolchain.ruff)
    assert environment_of(other)["PATH"] == f"/usr/bin:/usr/local/bin:/bin:{toolchain.ruff.parent}"
    command = "command -v python3 && command -v ruff && ruff --version"
    output = await replace(bench, context=replace(bench.context, toolchain=other)).run(
        "execute_command", command=command
    )
    assert output.content.startswith(f"{python}\n{toolchain.ruff}\nruff ")


async def test_no_program_of_a_task_that_only_plans_can_write_whatever_its_tool_asks_for(
    bench: Bench,
) -> None:
    planning = replace(bench, context=replace(bench.context, read_only=True))
    for each, name, ok in ((bench, "made.txt", True), (planning, "other.txt", False)):
        output = await each.run("execute_command", command=f"echo x > {name}", writes=True)
        assert output.ok is ok, output.content
        assert each.copy.files.exists(name) is ok
