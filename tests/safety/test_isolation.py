"""What a sandboxed program cannot reach: network, sockets, processes, secrets, privileges."""

import asyncio
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from perdure.safety.sandbox import View, environment_for
from tests.safety.ground import LIMITS, PYTHON_FOLDERS, Ground

SECRET = "sk-secret-of-the-parent-4711"


async def test_no_variable_of_the_parent_can_be_read(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", SECRET)
    finished = await ground.shell("env; cat /proc/*/environ; cat /proc/*/cmdline | tr '\\0' ' '")
    assert b"PATH=" in finished.output
    assert SECRET.encode() not in finished.output
    assert b"GROQ_API_KEY" not in finished.output


async def test_the_environment_is_exactly_the_one_that_approvals_digest(ground: Ground) -> None:
    extra = {"CI": "1", "PATH": "/workspace/bin:/usr/bin:/bin", "TEXT": "two words\nand a line 'quoted'"}
    finished = await ground.python("import json, os; print(json.dumps(dict(os.environ)))", limits=LIMITS)
    bare: dict[str, str] = json.loads(finished.output)
    assert bare == {**environment_for({}), "PWD": "/workspace"}
    finished = await ground.shell('printf "%s|%s|%s" "$CI" "$PATH" "$TEXT"', environment=extra)
    assert finished.output.decode() == "|".join(extra.values())


@dataclass
class Listener:
    """Counts who connects and hangs up."""

    connections: int = 0

    def __call__(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


async def test_the_hosts_loopback_cannot_be_reached(ground: Ground) -> None:
    listener = Listener()
    server = await asyncio.start_server(listener, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    finished = await ground.python(
        f"import socket\ntry: socket.create_connection(('127.0.0.1', {port}), 2)\nexcept OSError as e: print(e)"
    )
    server.close()
    assert b"refused" in finished.output
    assert listener.connections == 0


async def test_the_sandboxes_own_loopback_works(ground: Ground) -> None:
    finished = await ground.python(
        "import socket\ns = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname())\n"
        "s.accept()[0].sendall(b'hello'); print(c.recv(5).decode())"
    )
    assert finished.output == b"hello\n"


@pytest.mark.parametrize("kind", ["file", "abstract"])
async def test_unix_sockets_of_the_host_cannot_be_reached(
    ground: Ground, open_folder: Path, kind: str
) -> None:
    address = f"\0perdure-test-{os.getpid()}" if kind == "abstract" else str(open_folder / "socket")
    listener = Listener()
    server = await asyncio.start_unix_server(listener, address)
    if kind == "file":
        Path(address).chmod(0o777)
    finished = await ground.python(
        f"import socket\ns = socket.socket(socket.AF_UNIX)\ntry: s.connect({address!r}); print('in')\n"
        "except OSError as e: print('out')"
    )
    server.close()
    assert finished.output == b"out\n"
    assert listener.connections == 0


async def test_a_socket_file_of_the_host_cannot_be_reached_in_common_places(ground: Ground) -> None:
    finished = await ground.shell("ls -A /run /var/run /var /root /home /srv /mnt /media /opt; ls -A / /etc")
    listed = finished.output.decode()
    assert listed.count("No such file or directory") >= 8
    assert "docker.sock" not in listed
    assert "shadow" not in listed


async def test_only_processes_of_the_sandbox_are_visible(ground: Ground) -> None:
    finished = await ground.shell("ls -d /proc/[0-9]* | wc -l; kill -9 -1; true")
    assert int(finished.output.split()[0]) < 8


async def test_accounts_of_the_host_are_not_shown(ground: Ground) -> None:
    finished = await ground.shell("id -un; cat /etc/passwd /etc/group; cat /proc/self/status")
    owner = ground.sandbox.owner
    lines = finished.output.decode().splitlines()
    assert lines[:3] == [
        "sandbox",
        f"sandbox:x:{owner.uid}:{owner.gid}:sandbox:/tmp/home:/bin/sh",
        f"sandbox:x:{owner.gid}:",
    ]
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    no_capabilities = "0" * 16
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {no_capabilities}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert set(status["Uid"].split()) == {str(owner.uid)}


async def test_another_namespace_cannot_be_made(ground: Ground) -> None:
    finished = await ground.shell(
        "unshare --user true && echo made; unshare --user --map-root-user true && echo made"
    )
    assert b"made" not in finished.output
    assert finished.exit_code != 0


REFUSED_CALLS = """
import ctypes, errno, platform, socket
calls = ctypes.CDLL(None, use_errno=True)
numbers = {"x86_64": (250, 425, 321, 101, 165, 435), "aarch64": (219, 425, 280, 117, 40, 435)}[platform.machine()]
for number in numbers:
    ctypes.set_errno(0)
    result = calls.syscall(number, 0, 0, 0, 0, 0)
    print(result, errno.errorcode.get(ctypes.get_errno()))
for family in (40, 38, 17, 16, 1):
    try: socket.socket(family, socket.SOCK_STREAM if family != 16 else socket.SOCK_RAW).close(); print("open")
    except OSError as error: print(errno.errorcode[error.errno])
"""


async def test_dangerous_system_calls_and_socket_families_are_refused(ground: Ground) -> None:
    finished = await ground.python(REFUSED_CALLS)
    assert finished.output.decode().split("\n") == [
        *["-1 EPERM"] * 5,
        "-1 ENOSYS",
        *["EAFNOSUPPORT"] * 3,
        *["open"] * 2,
        "",
    ]


async def test_extra_folders_are_read_only_and_stand_at_their_own_path(
    ground: Ground, tmp_path: Path
) -> None:
    shown = tmp_path / "with space" / "shown"
    shown.mkdir(parents=True)
    (shown / "f").write_text("seen\n")
    (tmp_path / "with space" / "beside").write_text("not seen")
    ground.give(shown)
    finished = await ground.sandbox.run(
        ["sh", "-c", 'cat "$0/f"; echo x > "$0/f"; echo x > "$0/g"; ls "$0/.."', str(shown)],
        root=ground.root,
        view=View.WRITABLE,
        limits=LIMITS,
        read_only=[shown, *PYTHON_FOLDERS],
    )
    assert finished.output.startswith(b"seen\n")
    assert finished.output.endswith(b"\nshown\n")
    assert finished.output.count(b"Read-only file system") == 2
    assert [path.read_text() for path in shown.iterdir()] == ["seen\n"]


async def test_no_descriptor_of_the_parent_is_inherited(ground: Ground) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        finished = await ground.python("import os; print(sorted(os.listdir('/proc/self/fd'), key=int))")
    # 3 is the listed folder itself.
    assert finished.output == b"['0', '1', '2', '3']\n"
