"""The attacks of the probe: what each tries, and which layer should hold it at each level."""

from typing import NamedTuple


class Attack(NamedTuple):
    """One attack of ``break_out.py``."""

    what: str
    """What the program could do where it works."""
    layer: str
    """What should hold it at level A."""
    layer_of_b: str
    """What should hold it at level B; empty where nothing does."""


ROOT, PROCESSES, NETWORK = (
    "the minimal root (mount namespace)",
    "the process namespace",
    "the network namespace",
)
FILTER, FILES = "the system call filter (seccomp)", "Landlock's rules for files"
IDENTITY, GUARD = "another identity without privileges", "the guard of the process tree"
GIT_MOUNT = "the read-only mount of the Git folder"

ATTACKS: dict[str, Attack] = {
    "writes_outside": Attack("write outside the workspace", ROOT, FILES),
    "writes_git": Attack("write into the Git folder", GIT_MOUNT, FILES),
    "reads_outside": Attack("read a file outside the workspace", ROOT, FILES),
    "changes_mode_outside": Attack("change the mode of a file outside the workspace", ROOT, ""),
    "connects_tcp": Attack("connect to a port of the host's loopback", NETWORK, FILTER),
    "connects_path": Attack("connect to a socket file of the host", ROOT, FILTER),
    "connects_abstract": Attack("connect to an abstract socket of the host", NETWORK, FILTER),
    "sends_to_path": Attack("send to a socket file of the host without a connection", ROOT, FILTER),
    "sees_host_process": Attack("see a process of the host", PROCESSES, FILES),
    "reads_host_environment": Attack("read the environment of a process of the host", PROCESSES, FILES),
    "signals_host_process": Attack(
        "send a signal to a process of the host", PROCESSES, "Landlock's scope of signals, or the filter"
    ),
    "traces_host_process": Attack("take hold of a process of the host (ptrace)", FILTER, FILTER),
    "reads_host_memory": Attack("read the memory of a process of the host", PROCESSES, FILTER),
    "leaves_process": Attack("leave a process behind that outlives it", PROCESSES, GUARD),
    "becomes_root": Attack("become root", "the user namespace and dropped capabilities", IDENTITY),
    "makes_user_namespace": Attack("make a user namespace of its own", FILTER, FILTER),
    "opens_virtual_machine_socket": Attack("open a socket to the virtual machine's host", FILTER, FILTER),
    "makes_io_ring": Attack("use io_uring", FILTER, FILTER),
    "adds_key": Attack("put a key into a key ring", FILTER, FILTER),
    **{
        name: Attack(what, f"the limit of {kind}", f"the limit of {kind}")
        for name, what, kind in (
            ("starts_too_many_processes", "start more processes than its limit", "processes (RLIMIT_NPROC)"),
            ("takes_too_much_memory", "take more memory than its limit", "memory (RLIMIT_DATA)"),
            ("writes_too_large_file", "write a larger file than its limit", "a file's size (RLIMIT_FSIZE)"),
            ("opens_too_many_files", "open more files than its limit", "open files (RLIMIT_NOFILE)"),
            ("lifts_processor_time", "lift its limit of processor time", "processor time (RLIMIT_CPU)"),
        )
    },
}

CLEAN = Attack("read a variable of another process", "the clean environment", "the clean environment")

OWN = Attack(
    "look into the worker itself where no sandbox holds it back",
    "another identity, or the closed process",
    "another identity, or the closed process",
)
"""What no level rests on, and what counts where something else gave way."""

LEFT_OPEN_AT_B = (
    "At level B a program can still change the mode and the times of files of its own user outside the workspace, see "
    "that a path exists, and start fewer processes where others of its user run."
)
