"""What is refused whoever asks: commands that destroy a machine, a home, a history, or run what the network sends."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from perdure.safety.command.arguments import shown
from perdure.safety.command.commands import (
    INTERPRETERS,
    SHELLS,
    UNKNOWN,
    Ran,
    commands_of,
    value_of,
)
from perdure.safety.command.trees import nodes_of
from perdure.safety.command.words import words_in

if TYPE_CHECKING:
    import tree_sitter

LONGEST_PATH = 4_096
"""The kernel takes no longer one."""
_SYSTEM = re.compile(
    r"/+(?:\*|\.|(?:bin|boot|dev|etc|home|lib|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|usr|var|Users|System)/*\*?/*)?"
)
_HOME = re.compile(r"~[a-z0-9_-]*/*\*?|/home/[^/]+/*\*?|/root/*\*?")
_UNSET = re.compile(rf"(?:{UNKNOWN})+/+\*?")
_DEVICE = re.compile(r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|mapper|dm-|md|loop|mem|kmem|port)\S*")
_FETCHERS = words_in("curl wget fetch aria2c http https httpie lynx nc ncat netcat socat")
_POWER = words_in("shutdown reboot halt poweroff telinit")
_DISKS = words_in("wipefs blkdiscard sgdisk fdisk cfdisk sfdisk parted mkswap")
_SOCKETS = re.compile(r"/dev/(?:tcp|udp)/")
_CODE = re.compile(
    r"""rm\s+-\w*[rR]\w*\s+(?:-\S+\s+)*(?:/|~|\$HOME)(?:[\s"'*;]|$)|rmtree\(\s*['"](?:/|~)['"]|\bmkfs\.|dd\s[^|;]{0,200}of=/dev/(?:sd|nvme|vd)"""
)


def catastrophe(root: "tree_sitter.Node") -> str:
    """Why the line is refused: a sentence; nothing where it is not. TooLarge where it is too much."""
    if bomb := _fork_bomb(root):
        return bomb
    for target in _targets(root):
        if _DEVICE.fullmatch(target) or target == "/proc/sysrq-trigger":
            return f"The redirection to {shown(target)} overwrites a device."
        if _SOCKETS.match(target):
            return f"The redirection to {shown(target)} opens a connection from within the shell."
    for ran in commands_of(root):
        for check in _CHECKS:
            if found := check(ran):
                return found
    return ""


def _targets(root: "tree_sitter.Node") -> Iterator[str]:
    for node in nodes_of(root):
        if node.type == "file_redirect":
            for child in node.children:
                if child.is_named and child.type != "file_descriptor":
                    yield value_of(child)


def _fork_bomb(root: "tree_sitter.Node") -> str:
    """A function that starts itself in the background."""
    for node in nodes_of(root):
        if node.type != "function_definition":
            continue
        name = (node.children[0].text or b"").decode("utf-8", "replace")
        inner = list(nodes_of(node))
        calls = sum(one.type == "command_name" and value_of(one) == name for one in inner)
        if calls and any(one.type == "&" for one in inner):
            return f"The function {shown(name)} starts itself again and again."
    return ""


def _has(ran: Ran, letters: str, *long: str) -> bool:
    short = any(
        word.startswith("-") and not word.startswith("--") and any(letter in word for letter in letters)
        for word in ran.words[1:]
    )
    return short or any(word.partition("=")[0] in long for word in ran.words[1:])


def _everything(ran: Ran) -> str:
    """An operand that is the whole machine, a home, or Git's own folder."""
    for word in (each for each in ran.words[1:] if len(each) <= LONGEST_PATH):
        place = re.sub(r"(?<=.)/\.?$", "", word) if word not in {"/", "/."} else "/"
        if _SYSTEM.fullmatch(word) or _HOME.fullmatch(word) or _UNSET.fullmatch(word):
            return word
        if place.removeprefix("./") == ".git" or place in {".", ".."}:
            return word
    return ""


def _removes(ran: Ran) -> str:
    if ran.name == "rm" and "--no-preserve-root" in ran.words:
        return "The command 'rm --no-preserve-root' removes the whole machine."
    if ran.name == "rm" and _has(ran, "rR", "--recursive") and (place := _everything(ran)):
        return f"The command 'rm' removes {_named(place)}."
    starts = ran.words[1:2]
    deletes = "-delete" in ran.words or {"rm", "shred"} & {word.rpartition("/")[2] for word in ran.words}
    if ran.name == "find" and deletes and starts and not re.search(r"\.git$|^\.{1,2}$", starts[0]):
        place = _everything(Ran(("find", starts[0])))
        return f"The command 'find' removes {_named(place)}." if place else ""
    return ""


def _named(place: str) -> str:
    if UNKNOWN in place:
        return f"{shown(place.replace(UNKNOWN, '$…'))}, which may be everything"
    return f"{shown(place)} with all it holds"


def _locks_out(ran: Ran) -> str:
    if ran.name in {"chmod", "chown", "chgrp"} and _has(ran, "R", "--recursive"):
        place = next((word for word in ran.words[1:] if _SYSTEM.fullmatch(word) or _HOME.fullmatch(word)), "")
        return f"The command {ran.name!r} changes the rights of {_named(place)}." if place else ""
    return ""


def _overwrites_devices(ran: Ran) -> str:
    name = ran.name
    if name.startswith("mkfs") or name in _DISKS:
        return f"The command {name!r} destroys what a disk holds."
    device = next(
        (word for word in ran.words[1:] if _DEVICE.fullmatch(word.removeprefix("of=").removeprefix("if="))),
        "",
    )
    if device and ((name == "dd" and device.startswith("of=")) or name in {"shred", "tee", "cp", "mv"}):
        return f"The command {name!r} overwrites the device {shown(device)}."
    return ""


def _switches_off(ran: Ran) -> str:
    acts = set(ran.words[1:])
    if ran.name in _POWER or (ran.name == "systemctl" and acts & {"poweroff", "reboot", "halt", "kexec"}):
        return f"The command {ran.name!r} switches the machine off."
    if ran.name == "init" and acts & {"0", "6"}:
        return "The command 'init' switches the machine off."
    if ran.name == "killall5" or (ran.name == "kill" and len(ran.words) > 2 and ran.words[-1] in {"1", "-1"}):
        return "The command 'kill' ends every process of the machine."
    return ""


def _runs_what_is_sent(ran: Ran) -> str:
    runs = ran.name in SHELLS | INTERPRETERS | {"eval", "source", "."}
    if runs and ran.fed_by and ran.fed_by[0].rpartition("/")[2] in _FETCHERS:
        return f"What {shown(ran.fed_by[0])} receives is run by {ran.name!r} unseen."
    fetched = next((word for word in ran.within if word in _FETCHERS), "")
    if runs and fetched:
        return f"What {shown(fetched)} receives is run by {ran.name!r} unseen."
    return ""


def _rewrites_history(ran: Ran) -> str:
    if ran.name != "git":
        return ""
    words = list(ran.words[1:])
    while words and words[0].startswith("-"):
        del words[: 2 if words[0] in {"-C", "-c", "--git-dir", "--work-tree"} else 1]
    if words[:1] == ["push"]:
        bad = next((word for word in words[1:] if _FORCES.fullmatch(word)), "")
        return f"The push with {shown(bad)} rewrites or deletes what others have." if bad else ""
    if words[:1] in (["filter-branch"], ["filter-repo"]):
        return "The command rewrites the whole history."
    if words[:2] in (["reflog", "expire"], ["reflog", "delete"]):
        return "The command 'git reflog' destroys the way back to earlier work."
    if words[:1] == ["gc"] and any(word.startswith("--prune") and word != "--prune=never" for word in words):
        return "The command 'git gc --prune' destroys the way back to earlier work."
    return ""


_FORCES = re.compile(
    r"--force(?:-with-lease|-if-includes)?(?:=.*)?|-[a-zA-Z]*[fd][a-zA-Z]*|--mirror|--delete|--prune|\+\S+|:\S+"
)


def _code(ran: Ran) -> str:
    """The text of a program for an interpreter, in which such a command may stand."""
    if ran.name not in INTERPRETERS:
        return ""
    found = next((match[0] for word in ran.words[1:] if (match := _CODE.search(word))), "")
    return f"The program for {ran.name!r} holds {shown(found)}." if found else ""


_CHECKS: tuple[Callable[[Ran], str], ...] = (
    _removes,
    _locks_out,
    _overwrites_devices,
    _switches_off,
    _runs_what_is_sent,
    _rewrites_history,
    _code,
)
