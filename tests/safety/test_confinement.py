"""Level B: without namespaces a program is held back by its identity, Landlock, a strict filter and a guard."""

import asyncio
import os
import shutil
import sys
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

import perdure
from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import SandboxRefused
from perdure.safety.confinement import Confinement, Names
from perdure.safety.mounts import Mount
from perdure.safety.probing import LESSER_OWNER, owner_of
from perdure.safety.report import SandboxReport
from perdure.safety.sandbox import Sandbox, SandboxLimits, View
from perdure.safety.way_out import WayOut
from tests.safety.ground import LIMITS, PYTHON_FOLDERS, Ground, processes_with, wait_for_processes

NODE = shutil.which("node")


@pytest.fixture
def confined(ground: Ground) -> Ground:
    """The ground with a sandbox of level B."""
    owner = owner_of(LESSER_OWNER)
    report = SandboxReport(SandboxLevel.B)
    return replace(ground, sandbox=Sandbox(Confinement(owner), owner=owner, report=report, scratch="copy"))


def marker() -> str:
    """Text that no other process has in its command line."""
    return f"marker-{uuid.uuid4().hex}"


async def test_programs_see_the_asked_names_and_keep_to_their_view(
    confined: Ground, open_folder: Path
) -> None:
    script = (
        "cat /workspace/file.txt; echo $HOME $TMPDIR; echo t > /tmp/t && cat /tmp/t; pwd; "
        f"echo x > file.txt; echo x > {open_folder}/x; ls {open_folder}; ls /proc; cat /etc/passwd; true"
    )
    finished = await confined.shell(script)
    assert finished.output.decode().split("\n")[:4] == ["original", "/tmp/home /tmp", "t", "/workspace"]
    assert finished.output.count(b"ermission denied") == 5
    assert confined.files() == {"file.txt": "original\n"}
    written = await confined.shell("echo new > /workspace/in; cat in", view=View.WRITABLE)
    scratch = await confined.shell("echo other > in; cat in", view=View.SCRATCH)
    assert (written.output, scratch.output) == (b"new\n", b"other\n")
    assert confined.files() == {"file.txt": "original\n", "in": "new\n"}
    assert list(open_folder.iterdir()) == []


async def test_what_is_written_where_the_git_folder_is_shown_elsewhere_is_gone(confined: Ground) -> None:
    finished = await confined.shell("mkdir -p .git/hooks; echo evil > .git/hooks/x", view=View.WRITABLE)
    assert finished.exit_code == 0
    assert list((confined.root / ".git").iterdir()) == []
    assert [path.name for path in confined.git_folder.iterdir()] == ["HEAD"]


async def test_a_git_folder_inside_a_tree_that_may_be_written_is_refused(confined: Ground) -> None:
    with pytest.raises(SandboxRefused, match="level B, which cannot keep"):
        await confined.sandbox.run(["true"], root=confined.root, view=View.WRITABLE, limits=LIMITS)
    read = await confined.sandbox.run(["true"], root=confined.root, view=View.READ_ONLY, limits=LIMITS)
    assert read.exit_code == 0


async def test_a_way_out_is_refused(confined: Ground) -> None:
    with pytest.raises(SandboxRefused, match="no program can be given a way out"):
        await confined.sandbox.run(
            ["true"],
            root=confined.root,
            view=View.READ_ONLY,
            limits=LIMITS,
            way_out=WayOut((), lambda _: None),
        )


async def test_orphans_bombs_and_time_outs_leave_nothing(confined: Ground) -> None:
    name, bomb = marker(), marker()
    finished = await confined.shell(
        f"setsid sh -c 'setsid sh -c \"while :; do sleep 0.1; done\" {name} &' {name} </dev/null >/dev/null 2>&1 & exit 7"
    )
    assert (finished.exit_code, processes_with(name)) == (7, [])
    finished = await confined.python(
        "import os, time\nfor _ in range(10**6):\n  try:\n    if os.fork() == 0: os.setsid()\n"
        f"  except OSError: time.sleep(0.01)  # {bomb}",
        limits=SandboxLimits(time_s=2, processes=40),
    )
    assert finished.killed_for == "time"
    assert processes_with(bomb) == []


async def test_cancellation_and_a_killed_guard_leave_no_program(confined: Ground) -> None:
    name = marker()
    running = asyncio.ensure_future(confined.shell(f"while :; do sleep 0.1; done # {name}"))
    await wait_for_processes(name, number=1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(name) == []


WORKER = """
import asyncio, os, sys
from pathlib import Path
from perdure.contracts.calls import SandboxLevel
from perdure.safety.confinement import Confinement
from perdure.safety.probing import LESSER_OWNER, owner_of
from perdure.safety.report import SandboxReport
from perdure.safety.sandbox import Sandbox, SandboxLimits, View
async def main():
    owner = owner_of(LESSER_OWNER)
    sandbox = Sandbox(Confinement(owner), owner=owner, report=SandboxReport(SandboxLevel.B))
    script = "setsid sh -c 'while :; do sleep 0.1; done' " + sys.argv[2] + " & wait"
    await sandbox.run(["sh", "-c", script, sys.argv[2]], root=Path(sys.argv[1]), view=View.READ_ONLY,
                      limits=SandboxLimits(time_s=600))
asyncio.run(main())
"""


async def test_a_killed_worker_takes_its_programs_with_it(confined: Ground) -> None:
    name = marker()
    project = Path(perdure.__file__).parents[1]
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str(confined.root), name, cwd=project
    )
    # The worker, the program and its orphan name it.
    await wait_for_processes(name, number=3)
    worker.kill()
    await worker.wait()
    await wait_for_processes(name, number=0)


async def test_limits_bind_and_say_which(confined: Ground) -> None:
    limits = SandboxLimits(time_s=120, file_bytes=2**20, open_files=64, memory_bytes=200 * 2**20)
    finished = await confined.python(
        "import os, resource as r\n"
        "try: open('/workspace/f', 'wb').write(bytes(2**21))\nexcept OSError as e: print(e.errno)\n"
        "try: [os.dup(1) for _ in range(100)]\nexcept OSError as e: print(e.errno)\n"
        "try: x = bytearray(400 * 2**20)\nexcept MemoryError: print('refused')\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0), r.getrlimit(r.RLIMIT_CORE))",
        view=View.WRITABLE,
        limits=limits,
    )
    assert finished.output.decode().split("\n") == ["27", "24", "refused", "15 (0, 0)", ""]
    held = await confined.shell(
        "for i in 1 2 3; do head -c 60M /dev/zero > /tmp/f$i; done; sleep 1000",
        limits=SandboxLimits(time_s=120, memory_bytes=100 * 2**20),
    )
    flood = await confined.shell("yes", limits=SandboxLimits(time_s=120, output_bytes=1000))
    assert (held.killed_for, flood.killed_for, len(flood.output)) == ("memory", "output", 1000)


async def test_programs_that_do_not_exist_or_cannot_run_are_told_apart(confined: Ground) -> None:
    run = confined.sandbox.run
    for argv, code, said in (
        (["no-such-program"], 127, "No such file or directory"),
        (["/workspace/file.txt"], 126, "Permission denied"),
        (["sh", "-c", "kill -9 $$"], 137, ""),
    ):
        finished = await run(argv, root=confined.root, view=View.READ_ONLY, limits=LIMITS)
        assert (finished.exit_code, said in finished.output.decode()) == (code, True)


async def test_without_scopes_in_landlock_no_signal_can_be_sent(confined: Ground) -> None:
    owner = confined.sandbox.owner
    strict = Sandbox(Confinement(owner, signals=False), owner=owner, report=confined.sandbox.report)
    finished = await replace(confined, sandbox=strict).shell("sleep 1000 & kill $!; true")
    assert b"not permitted" in finished.output


async def test_pytest_and_node_run(confined: Ground) -> None:
    (confined.root / "test_sum.py").write_text(
        "import subprocess\n\n\ndef test_right(tmp_path):\n    (tmp_path / 'f').write_text('x')\n"
        "    assert subprocess.check_output(['cat', str(tmp_path / 'f')]) == b'x'\n"
    )
    # Beside pytest-xdist, this plugin of our own makes an Internet socket, which level B refuses.
    plugins = ["-p", "no:cacheprovider", "-p", "no:rerunfailures"]
    finished = await confined.sandbox.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "/workspace/test_sum.py"],
        root=confined.root,
        git_folder=confined.git_folder,
        view=View.READ_ONLY,
        limits=LIMITS,
        read_only=PYTHON_FOLDERS,
    )
    assert b"1 passed" in finished.output, finished.output
    if NODE is None:
        pytest.skip("Node is not installed on this host")
    finished = await confined.sandbox.run(
        [str(Path(NODE).resolve()), "-e", "console.log(process.cwd(), require('fs').readdirSync('.'))"],
        root=confined.root,
        git_folder=confined.git_folder,
        view=View.READ_ONLY,
        limits=LIMITS,
        read_only=[Path(NODE).resolve().parents[1]],
    )
    assert finished.output.startswith(b"/workspace "), finished.output


def test_names_are_exchanged_as_whole_paths_only() -> None:
    mounts = [
        Mount("/home/ada/w/tree", "/workspace", writable=True),
        Mount("/home/ada/w/git", "/workspace/.git"),
        Mount("/tmp/tools", "/tmp/tools"),
    ]
    names = Names.of(mounts, Path("/tmp/p-1/tmp"))
    asked = (
        "cd /workspace/a && cat /workspace/.git/HEAD /workspaces my/workspace --to=/tmp/x /tmp/tools/rg /tmp"
    )
    real = (
        "cd /home/ada/w/tree/a && cat /home/ada/w/git/HEAD /workspaces my/workspace --to=/tmp/p-1/tmp/x "
        "/tmp/tools/rg /tmp/p-1/tmp"
    )
    assert names.text(asked) == real
    assert names.asked(real.encode()) == asked.encode()


async def test_no_thread_of_the_worker_keeps_another_view_or_identity(
    ground: Ground, confined: Ground
) -> None:
    async def view_of_each_thread() -> set[tuple[str, str]]:
        # An errand's own thread ends soon after its program.
        for thread in threading.enumerate():
            if thread.name.startswith("runs "):
                await asyncio.to_thread(thread.join)
        found: set[tuple[str, str]] = set()
        for thread in Path("/proc/self/task").iterdir():
            try:
                status = (thread / "status").read_text()
                lines = [
                    line for line in status.splitlines() if line.startswith(("Uid", "Seccomp:", "NoNew"))
                ]
                found.add((str((thread / "ns" / "mnt").readlink()), "|".join(lines)))
            except FileNotFoundError:
                continue
        return found

    before = await view_of_each_thread()
    # While programs of both kinds run, threads are made that must not inherit what only an errand's thread has.
    running = [asyncio.ensure_future(each.shell("sleep 1")) for each in (ground, confined)]
    await asyncio.gather(*(asyncio.to_thread(os.getpid) for _ in range(32)))
    await asyncio.gather(*running)
    await asyncio.gather(*(asyncio.to_thread(os.getpid) for _ in range(32)))
    assert len(before) == 1
    assert await view_of_each_thread() == before
