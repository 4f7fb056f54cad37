"""Runs one program within what its process may be held to without namespaces, and ends with all of its descendants.

It is run as compiled code, with a bare interpreter and no package of ours. What it imports is what starts quickly: it is
started for every program. What holds the program back (identity, Landlock, system call filter, limits) is taken on in
the child, so the guard itself is out of the program's reach.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import stat
import sys

# The name that checkers know, without the import that takes as long as the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls, which have the same numbers everywhere."""
PARENT_DEATH, KEEP_CAPABILITIES, FILTER, DROP_BOUND, SUBREAPER, NO_NEW_PRIVILEGES, AMBIENT = (
    1,
    8,
    22,
    24,
    36,
    38,
    47,
)
"""Operations of prctl."""

EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1, 2, 4, 8
TRUNCATE, OF_DEVICES = 1 << 14, 1 << 15
DEVICES_MADE = (1 << 6) | (1 << 11)
"""The rights to make character and block devices, which nobody gets."""
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | OF_DEVICES
READING = EXECUTE | READ_FILE | READ_FOLDER
RIGHTS_BY_VERSION = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
"""All rights over files that each version of Landlock knows; later ones know what the last one does."""
TCP_SINCE, SCOPES_SINCE = 4, 6
SEARCH, SEARCH_AND_WRITE = 2, 1
"""CAP_DAC_READ_SEARCH and CAP_DAC_OVERRIDE."""

KILL, STOP, BROKEN_PIPE, TOO_LARGE = 9, 19, 13, 25
"""Signals; the module that names them takes longer to import than all else here."""
BURY_EVERY_MS = 500
"""How long orphans that ended may wait for it."""

library = ctypes.CDLL(None, use_errno=True)


def call(what: str, *arguments: object) -> int:
    """The answer of a function of the C library; OSError where the kernel refused."""
    answer: int = getattr(library, what)(*arguments)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return answer


def control(operation: int, first: int, second: int = 0) -> None:
    """One prctl; its arguments are as wide as a word."""
    call(
        "prctl",
        operation,
        ctypes.c_ulong(first),
        ctypes.c_ulong(second),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )


def landlock_rules(orders: Mapping[str, Any]) -> int:
    """A descriptor of the rules: what may be read, what may be written, no TCP, and nobody outside to be reached."""
    version = call("syscall", CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    rights = RIGHTS_BY_VERSION[min(version, len(RIGHTS_BY_VERSION) - 1)]
    fields = [rights, *([3] if version >= TCP_SINCE else []), *([3] if version >= SCOPES_SINCE else [])]
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    rules = call("syscall", CREATE_RULESET, attributes, ctypes.c_size_t(8 * len(fields)), 0)
    for path in orders["readable"]:
        allow(rules, path, READING & rights)
    for path in orders["devices"]:
        allow(rules, path, (READ_FILE | WRITE_FILE | OF_DEVICES) & rights)
    for path in orders["writable"]:
        allow(rules, path, rights & ~DEVICES_MADE & ~OF_DEVICES)
    return rules


def allow(rules: int, path: str, rights: int) -> None:
    """Allow rights over what is at the path, and over everything below it where that is a folder."""
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= OF_FILES
        rule = (ctypes.c_uint8 * 12).from_buffer_copy(
            rights.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)
        )
        call("syscall", ADD_RULE, rules, 1, rule, 0)
    finally:
        os.close(handle)


def tasks_of(uid: int) -> int:
    """Processes and threads that count against a user's limit now."""
    found = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    found += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:
                # It has ended.
                continue
    return found


def limit(orders: Mapping[str, Any]) -> None:
    """Take on the limits. Processes are counted for a user, so what the user has already comes on top."""
    limits = {**orders["limits"], "CORE": 0}
    if "NPROC" in limits:
        limits["NPROC"] += tasks_of(orders["owner"][0] if orders["owner"] else os.getuid())
    for name, value in limits.items():
        kind: int = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
            # The kernel ends a tool before the worker.
            score.write("500")
    except OSError:
        # Where the worker's own score is higher it stays so.
        pass
    os.setpriority(os.PRIO_PROCESS, 0, orders["niceness"])


def become(uid: int, gid: int, *, searching: bool) -> None:
    """Leave root's rights, but for passing through closed folders where that is needed: what lies in them is Landlock's."""
    kept = SEARCH if holds(SEARCH) else SEARCH_AND_WRITE
    for number in range(64):
        if not (searching and number == kept):
            drop_bound(number)
    control(KEEP_CAPABILITIES, int(searching))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    mask = 1 << kept if searching else 0
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    call("capset", header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))
    if searching:
        control(AMBIENT, 2, kept)


def drop_bound(number: int) -> None:
    """Give up a capability for good; numbers that the kernel does not know are nobody's."""
    try:
        control(DROP_BOUND, number)
    except OSError:
        return


def holds(capability: int) -> bool:
    """Whether this process has a capability to keep."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        permitted = next(line.split()[1] for line in status if line.startswith("CapPrm:"))
    return bool(int(permitted, 16) >> capability & 1)


def load_filter(program: bytes) -> None:
    """Load a system call filter for good."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    held = Program(len(program) // 8, program)
    call("prctl", FILTER, ctypes.c_ulong(2), ctypes.byref(held), ctypes.c_ulong(0), ctypes.c_ulong(0))


def confine(orders: Mapping[str, Any], guard: int) -> None:
    """Everything that holds the program back, the strictest last."""
    limit(orders)
    rules = landlock_rules(orders) if orders["landlock"] else None
    os.chdir(orders["working_directory"])
    os.umask(0o022)
    if orders["owner"]:
        become(*orders["owner"], searching=orders["searching"])
    # Another identity forgets whom to follow into death, so this comes after it.
    control(PARENT_DEATH, KILL)
    if os.getppid() != guard:
        os._exit(125)
    control(NO_NEW_PRIVILEGES, 1)
    if rules is not None:
        call("syscall", RESTRICT_SELF, rules, 0)
        os.close(rules)
    if orders["filter"]:
        load_filter(orders["filter"])


def become_program(argv: list[bytes], environment: dict[bytes, bytes]) -> NoReturn:
    """Run the program that the path names; OSError where there is none. (os.execvpe imports, which is refused by now.)"""
    folders = environment.get(b"PATH", b"").split(b":")
    places = [argv[0]] if b"/" in argv[0] else [os.path.join(folder, argv[0]) for folder in folders]
    refused: OSError = FileNotFoundError(2, "No such file or directory")
    for place in places:
        try:
            os.execve(place, argv, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            refused = error
    raise refused


def run(orders: Mapping[str, Any], guard: int, ready: int) -> NoReturn:
    """Become the program. A word on the pipe ``ready`` says that it could not be confined, and why."""
    argv, environment = orders["argv"], orders["environment"]
    try:
        for number in (BROKEN_PIPE, TOO_LARGE):
            # The interpreter ignores them, and programs would inherit that.
            library.signal(number, None)
        confine(orders, guard)
    except OSError as error:
        os.write(ready, str(error).encode("utf-8", "replace"))
        os._exit(125)
    os.close(ready)
    try:
        become_program(argv, environment)
    except OSError as error:
        os.write(2, argv[0] + f": {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def children(pid: int) -> list[int]:
    """Direct children of all threads of a process; none once it is gone."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except OSError:
        return found
    return found


def descendants() -> list[int]:
    """All processes below this one."""
    found: list[int] = []
    level = children(os.getpid())
    while level:
        found += level
        level = [grandchild for child in level for grandchild in children(child)]
    return found


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def sweep() -> None:
    """Kill and bury what is left. Each is stopped before any is killed, so that few can start another meanwhile."""
    while True:
        left = descendants()
        for number in (STOP, KILL):
            for pid in left:
                send(pid, number)
        try:
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return


def until_it_ends(program: int, parent: int) -> int | None:
    """The program's exit code, 128 + n where a signal ended it; None where the parent ended first."""
    waiting = select.poll()
    for pid in (program, parent):
        waiting.register(os.pidfd_open(pid), select.POLLIN)
    while True:
        waiting.poll(BURY_EVERY_MS)
        if os.getppid() != parent:
            return None
        # Orphans come to the guard, and wait for it when they have ended.
        pid, status = os.waitpid(-1, os.WNOHANG)
        while pid not in {0, program}:
            pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main(orders: Mapping[str, Any], report_to: int, parent: int) -> int:
    """Run the program, report how it ended, and leave nothing of it; also where the process that wanted it ends."""
    control(SUBREAPER, 1)
    if os.getppid() != parent:
        return 125
    os.set_inheritable(report_to, False)
    refusal, ready = os.pipe()
    guard = os.getpid()
    program = os.fork()
    if program == 0:
        run(orders, guard, ready)
    code: int | None = None
    try:
        os.close(ready)
        with open(refusal, "rb") as words:
            why = words.read()
        code = until_it_ends(program, parent)
        if why:
            os.write(2, why)
        elif code is not None:
            os.write(report_to, b'{"exit-code": %d}\n' % code)
    finally:
        sweep()
    return 125 if code is None else code
