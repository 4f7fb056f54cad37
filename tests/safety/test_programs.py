"""Real programs run in the sandbox: Git, pytest from a virtual environment, Node's test runner, a shell."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.contracts.errors import InvalidInput, ToolRejected, WorkspaceLost
from perdure.safety.sandbox import View
from tests.safety.ground import LIMITS, PYTHON_FOLDERS, Ground

NODE = shutil.which("node")


@pytest.fixture
def repository(ground: Ground, tmp_path: Path) -> tuple[Ground, Path]:
    """The ground as a repository whose Git folder and objects both lie outside the tree; with its objects' folder."""
    tree, source = ground.root, tmp_path / "source"
    shutil.copytree(tree, source, ignore=shutil.ignore_patterns(".git"))
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        [*identity, "commit", "-qm", "first commit"],
    ):
        subprocess.run(["git", *arguments], cwd=source, check=True, env={"PATH": "/usr/bin:/bin"})
    git_folder, objects = tmp_path / "repository", tmp_path / "objects"
    (source / ".git").rename(git_folder)
    (git_folder / "objects").rename(objects)
    (git_folder / "objects").mkdir()
    return replace(ground, git_folder=git_folder), objects


@pytest.mark.parametrize("view", list(View))
async def test_git_reads_status_difference_and_log(repository: tuple[Ground, Path], view: View) -> None:
    ground, objects = repository
    (ground.root / "file.txt").write_text("changed\n")
    script = "git status --porcelain && git diff --stat && git log --format=%s && git ls-files"
    finished = await ground.sandbox.run(
        ["sh", "-c", script],
        root=ground.root,
        git_folder=ground.git_folder,
        objects_folder=objects,
        view=view,
        limits=LIMITS,
    )
    assert finished.exit_code == 0, finished.output
    assert finished.output.decode().splitlines() == [
        " M file.txt",
        " file.txt | 2 +-",
        " 1 file changed, 1 insertion(+), 1 deletion(-)",
        "first commit",
        "file.txt",
    ]


async def test_git_cannot_commit_or_configure(repository: tuple[Ground, Path]) -> None:
    ground, objects = repository
    finished = await ground.sandbox.run(
        [
            "sh",
            "-c",
            "git add file.txt; git config core.hooksPath /tmp; git branch other; git rev-parse --verify other",
        ],
        root=ground.root,
        git_folder=ground.git_folder,
        objects_folder=objects,
        view=View.WRITABLE,
        limits=LIMITS,
    )
    assert finished.exit_code != 0
    assert finished.output.count(b"ead-only file system") >= 3


async def test_pytest_of_a_virtual_environment_runs(ground: Ground) -> None:
    (ground.root / "tests").mkdir()
    (ground.root / "tests" / "test_sum.py").write_text(
        "def test_right():\n    assert 1 + 1 == 2\n\n\ndef test_wrong(tmp_path):\n    assert 1 + 1 == 3\n"
    )
    finished = await ground.sandbox.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        root=ground.root,
        git_folder=ground.git_folder,
        view=View.READ_ONLY,
        limits=LIMITS,
        read_only=PYTHON_FOLDERS,
    )
    assert finished.exit_code == 1
    assert b"1 failed, 1 passed" in finished.output
    assert not list(ground.root.rglob("__pycache__"))


@pytest.mark.skipif(NODE is None, reason="Node is not installed on this host")
async def test_the_test_runner_of_node_runs(ground: Ground) -> None:
    assert NODE is not None
    (ground.root / "sum.test.mjs").write_text(
        "import { test } from 'node:test';\nimport assert from 'node:assert';\n"
        "test('adds', () => { assert.equal(1 + 1, 2); });\n"
        "test('fetches from itself', async () => {\n  const { createServer } = await import('node:http');\n"
        "  const server = createServer((_, answer) => answer.end('hello')).listen(0, '127.0.0.1');\n"
        "  await new Promise((done) => server.on('listening', done));\n"
        "  const answer = await fetch(`http://127.0.0.1:${server.address().port}`);\n"
        "  assert.equal(await answer.text(), 'hello');\n  server.close();\n});\n"
    )
    prefix = Path(NODE).resolve().parents[1]
    finished = await ground.sandbox.run(
        [str(Path(NODE).resolve()), "--test"],
        root=ground.root,
        git_folder=ground.git_folder,
        view=View.READ_ONLY,
        limits=LIMITS,
        read_only=[prefix],
    )
    assert finished.exit_code == 0, finished.output
    assert b"pass 2" in finished.output


async def test_standard_input_and_both_outputs_are_passed_in_order(ground: Ground) -> None:
    finished = await ground.shell("cat; echo one; echo two >&2; echo three; exit 3", stdin=b"zero\x00\xff\n")
    assert (finished.exit_code, finished.output) == (3, b"zero\x00\xff\none\ntwo\nthree\n")


async def test_standard_input_larger_than_a_pipe_is_passed_whole(ground: Ground) -> None:
    finished = await ground.shell("head -c 3; wc -c", stdin=b"abc" + bytes(1_000_000))
    assert finished.output.split() == [b"abc1000000"]


async def test_standard_input_is_empty_by_default(ground: Ground) -> None:
    assert (await ground.shell("wc -c")).output.strip() == b"0"


async def test_a_program_that_closes_its_output_is_waited_for(ground: Ground) -> None:
    finished = await ground.shell("echo said; exec >&- 2>&-; sleep 0.3; exit 5")
    assert (finished.exit_code, finished.output) == (5, b"said\n")
    assert finished.duration_s >= 0.3


async def test_the_death_of_a_program_by_a_signal_is_its_exit_code(ground: Ground) -> None:
    assert (await ground.shell("kill -9 $$")).exit_code == 128 + 9
    assert (await ground.python("import os; os.abort()")).exit_code == 128 + 6


async def test_a_program_that_does_not_exist_is_an_exit_code_with_words(ground: Ground) -> None:
    finished = await ground.sandbox.run(
        ["no-such-program"], root=ground.root, view=View.READ_ONLY, limits=LIMITS
    )
    assert finished.exit_code == 127
    assert b"no-such-program" in finished.output


async def test_the_working_directory_is_a_folder_of_the_workspace(ground: Ground) -> None:
    (ground.root / "a b" / "-c").mkdir(parents=True)
    finished = await ground.shell("pwd; echo ${OLDPWD-unset}", working_directory="a b/-c")
    assert finished.output == b"/workspace/a b/-c\nunset\n"


@pytest.mark.parametrize("name", ["..", "/etc", "a/../..", "a\0b"])
async def test_refuses_a_working_directory_outside_the_workspace(ground: Ground, name: str) -> None:
    with pytest.raises(ToolRejected, match="is not inside the workspace"):
        await ground.shell("true", working_directory=name)


@pytest.mark.parametrize("name", ["missing", "file.txt", "x" * 5_000])
async def test_refuses_a_working_directory_that_is_no_folder(ground: Ground, name: str) -> None:
    with pytest.raises(ToolRejected, match="There is no folder"):
        await ground.shell("true", working_directory=name)


async def test_a_link_that_leads_out_is_no_working_directory(ground: Ground) -> None:
    (ground.root / "out").symlink_to("/var")
    finished = await ground.shell("pwd", working_directory="out")
    assert finished.exit_code == 126
    assert b"out" in finished.output


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "The command is empty"),
        ([""], "The command is empty"),
        (["echo", "a\0b"], "Argument 1 of the command holds a NUL"),
        (["echo", "\ud800"], "Argument 1 of the command holds a lone surrogate"),
        (["echo", "x" * 200_000], "its longest argument 200000"),
        (["echo", *["x" * 100_000] * 11], "The command is 1100004 bytes long"),
    ],
)
async def test_refuses_a_command_that_cannot_be_started(ground: Ground, argv: list[str], words: str) -> None:
    with pytest.raises(ToolRejected, match=words):
        await ground.sandbox.run(argv, root=ground.root, view=View.READ_ONLY, limits=LIMITS)


async def test_the_longest_allowed_command_runs(ground: Ground) -> None:
    argv = ["sh", "-c", "echo $#", *["x" * 131_000] * 8]
    finished = await ground.sandbox.run(argv, root=ground.root, view=View.READ_ONLY, limits=LIMITS)
    assert (finished.exit_code, finished.output) == (0, b"7\n")


async def test_a_missing_work_tree_is_a_lost_workspace(ground: Ground, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceLost, match="There is no work tree"):
        await replace(ground, root=tmp_path / "gone").shell("true")


async def test_a_missing_mount_point_is_named(ground: Ground) -> None:
    (ground.root / ".git").rmdir()
    with pytest.raises(InvalidInput, match=r"\.git' is not a folder, so the Git folder cannot be mounted"):
        await ground.shell("true")


@pytest.mark.parametrize("folder", ["/", "/proc", "/etc", "/etc/ssl", "/sys/kernel", "/dev/shm", "relative"])
async def test_refuses_to_show_folders_of_the_system(ground: Ground, folder: str) -> None:
    with pytest.raises(InvalidInput):
        await ground.sandbox.run(
            ["true"], root=ground.root, view=View.READ_ONLY, limits=LIMITS, read_only=[Path(folder)]
        )


@pytest.mark.parametrize("name", ["", "A=B", "A\0", "A B", "É"])
async def test_refuses_a_malformed_variable(ground: Ground, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be an environment variable"):
        await ground.shell("true", environment={name: "value"})
