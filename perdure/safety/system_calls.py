"""The system calls that sandboxed programs are refused, as seccomp filters.

Refused is what administers the machine or has often been a way out of a sandbox and what no build or test needs:
mounting, other namespaces, key rings, BPF, io_uring, tracing, modules, clocks. Sockets are limited to the families
that the sandbox's own loopback serves; a new network namespace alone does not stop the virtual machine's sockets.
"""

import errno
import platform
import struct
from collections.abc import Mapping, Sequence

# Numbers on x86-64 and on AArch64 (the kernel's generic table); None where the architecture lacks the call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
SOCKET = (41, 198)
SOCKET_PAIR = (53, 199)
CLONE3 = 435
"""Its flags stand in memory that a filter cannot read, so it is absent and the C library falls back to clone."""

WITHOUT_NAMESPACES: dict[str, tuple[int | None, int | None]] = {
    "connect": (42, 203),
    "sendmmsg": (307, 269),
}
"""Refused as well where no namespace stands between the program and the host's sockets."""

SIGNALS: dict[str, tuple[int | None, int | None]] = {
    "kill": (62, 129),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tgkill": (234, 131),
    "tkill": (200, 130),
}
"""Refused as well where nothing else keeps signals from other processes of the same user."""

STREAMS = {"SOCK_STREAM": 1, "SOCK_SEQPACKET": 5}
"""Kinds of sockets that send to nobody to whom they are not connected."""
KIND_OF_SOCKET = 0xF
"""The bits of a socket's kind; the others say what becomes of its descriptor."""

ALLOWED_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}

X86_64 = 0xC000003E
AARCH64 = 0xC00000B7
X32_BIT = 0x40000000
ARCHITECTURES = {"x86_64": (X86_64, 0), "aarch64": (AARCH64, 1)}

# Offsets in the kernel's struct seccomp_data, and operations of its classic BPF machine.
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT, SECOND_ARGUMENT_AT = 0, 4, 16, 24
LOAD_WORD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN, AND = 0x20, 0x15, 0x35, 0x06, 0x54
ALLOW = 0x7FFF0000
REFUSE = 0x00050000


def _instruction(operation: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def _answer(code: int) -> bytes:
    return _instruction(RETURN, REFUSE | code)


def _when_equal(value: int, answer: bytes) -> list[bytes]:
    """Give the answer when the loaded word equals the value, else go on."""
    return [_instruction(JUMP_IF_EQUAL, value, if_false=1), answer]


def system_call_filter(machine: str | None = None) -> bytes | None:
    """The filter for an architecture (this machine's by default); None for one whose call numbers are not known."""
    families = [_instruction(LOAD_WORD, FIRST_ARGUMENT_AT)]
    for family in ALLOWED_FAMILIES.values():
        families += _when_equal(family, _instruction(RETURN, ALLOW))
    families.append(_answer(errno.EAFNOSUPPORT))
    return _filter(machine, (REFUSED,), {SOCKET: families})


def strict_filter(machine: str | None = None, *, signals: bool) -> bytes | None:
    """The filter for programs that share the host's network and process numbers; None as above.

    Sockets are of one family and of kinds that must be connected, and nothing can be. ``signals`` says whether they
    may be sent, which is only safe where Landlock keeps them among the program's own processes.
    """
    refused = (REFUSED, WITHOUT_NAMESPACES) if signals else (REFUSED, WITHOUT_NAMESPACES, SIGNALS)
    local = [_instruction(LOAD_WORD, FIRST_ARGUMENT_AT)]
    local += [
        _instruction(JUMP_IF_EQUAL, ALLOWED_FAMILIES["AF_UNIX"], if_true=1),
        _answer(errno.EAFNOSUPPORT),
    ]
    local += [_instruction(LOAD_WORD, SECOND_ARGUMENT_AT), _instruction(AND, KIND_OF_SOCKET)]
    for kind in STREAMS.values():
        local += _when_equal(kind, _instruction(RETURN, ALLOW))
    local.append(_answer(errno.EPROTONOSUPPORT))
    return _filter(machine, refused, {SOCKET: local, SOCKET_PAIR: local})


def _filter(
    machine: str | None,
    refused: Sequence[Mapping[str, tuple[int | None, int | None]]],
    judged: Mapping[tuple[int, int], Sequence[bytes]],
) -> bytes | None:
    """Calls that are refused whatever they say, calls whose own part of the filter answers, and all others allowed."""
    known = ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    architecture, column = known
    # Calls of another architecture, such as 32-bit ones, have other numbers: none of them exists here.
    program = [_instruction(LOAD_WORD, ARCHITECTURE_AT)]
    program += [_instruction(JUMP_IF_EQUAL, architecture, if_true=1), _answer(errno.ENOSYS)]
    program += [_instruction(LOAD_WORD, NUMBER_AT)]
    if architecture == X86_64:
        program += [_instruction(JUMP_IF_AT_LEAST, X32_BIT, if_false=1), _answer(errno.ENOSYS)]
    program += _when_equal(CLONE3, _answer(errno.ENOSYS))
    for calls in refused:
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                program += _when_equal(number, _answer(errno.EPERM))
    for numbers, part in judged.items():
        program += [_instruction(JUMP_IF_EQUAL, numbers[column], if_false=len(part)), *part]
    program.append(_instruction(RETURN, ALLOW))
    return b"".join(program)
