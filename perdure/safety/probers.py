"""Whom the attacks on level B run as: a user of their own, since the kernel counts processes by user.

Two probes of one user would count each other's processes, and so would a probe and another worker's programs: either
could see its limit too high or be refused its first process, and a sandbox that holds would not be trusted.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from perdure.safety.owner import Owner

PROBERS = range(61_010, 61_184)
"""Users that no account has. Other containers of the machine may choose among them too, so each begins anywhere."""
LOOK_AGAIN_S, MOST_LOOKS = 0.05, 1200
"""An ordinary user's probe waits its turn for a minute; then the other one has stopped, and must do beside it."""


@asynccontextmanager
async def prober_for(owner: Owner) -> AsyncGenerator[Owner]:
    """Who attacks in the owner's place: root takes a user that nobody else probes with, anybody else has only itself."""
    if os.geteuid() == 0:
        first = secrets.randbelow(len(PROBERS))
        uids = [*PROBERS[first:], *PROBERS[:first]]
        for uid in uids:
            if (held := _held(uid)) is not None:
                with held:
                    yield Owner(uid, uid)
                return
        # All are taken, or somebody keeps them from us: one of them is still better than the owner of all programs.
        yield Owner(uids[0], uids[0])
        return
    held = _held(owner.uid)
    for _ in range(MOST_LOOKS):
        if held is not None:
            break
        await asyncio.sleep(LOOK_AGAIN_S)
        held = _held(owner.uid)
    try:
        yield owner
    finally:
        if held is not None:
            held.close()


def _held(uid: int) -> socket.socket | None:
    """A name that one process at a time can have and that the kernel frees with it; None where it is taken."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0perdure-prober-{uid}")
    except OSError:
        name.close()
        return None
    return name
