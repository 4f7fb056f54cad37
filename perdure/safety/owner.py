"""Whom sandboxed programs run as."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """The uid and gid that sandboxed programs have, outside and inside; workspace files must belong to them."""

    uid: int
    gid: int
