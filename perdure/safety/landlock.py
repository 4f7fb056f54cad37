"""Whether the kernel offers Landlock: asked of the kernel, and believed only after the attacks."""

import ctypes

CREATE_RULESET, ASK_VERSION = 444, 1
SCOPES_SINCE = 6
"""The version that keeps signals and abstract sockets among a program's own processes."""


def landlock_version() -> int:
    """The version of its interface; 0 where there is none."""
    answer: int = ctypes.CDLL(None, use_errno=True).syscall(
        CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION
    )
    return max(answer, 0)
