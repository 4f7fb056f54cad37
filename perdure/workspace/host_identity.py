"""Who this host is: an id kept in the home folder, so that a restarted worker finds its own workspaces again."""

import json
import secrets
from pathlib import Path

from perdure.contracts.errors import ConfigurationError

FILE = "host.json"
MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def host_id(home: Path) -> str:
    """The host's id, 12 hex digits; a new one where the folder was copied to another machine or disk.

    Two hosts with one id would take turns in the same workspaces without seeing each other's files, so the id is bound
    to the machine and to the device the folder lies on.
    """
    home.mkdir(parents=True, exist_ok=True)
    bound_to = {"machine": _machine_id(), "device": home.stat().st_dev}
    file = home / FILE
    kept = _read(file)
    if kept is not None and kept.get("bound_to") == bound_to:
        return str(kept["id"])
    fresh = secrets.token_hex(6)
    text = json.dumps({"v": 1, "id": fresh, "bound_to": bound_to})
    temporary = file.with_name(f"{FILE}.{secrets.token_hex(4)}")
    temporary.write_text(text)
    if kept is None and not file.exists():
        try:
            # A link fails where another worker of this host was quicker, and then its id is the one.
            file.hardlink_to(temporary)
        except FileExistsError:
            return host_id(home)
        finally:
            temporary.unlink()
        return fresh
    temporary.replace(file)
    return fresh


def _machine_id() -> str:
    for file in MACHINE_ID_FILES:
        if file.is_file():
            text = file.read_text().strip()
            if text:
                return text
    return ""


def _read(file: Path) -> dict[str, object] | None:
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    try:
        kept = json.loads(text)
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or "id" not in kept:
        raise ConfigurationError(
            f"The host's identity file {str(file)!r} cannot be read.",
            "delete it: the host then gets a new id, and running tasks are restored from their checkpoints.",
        )
    return kept  # pyright: ignore[reportUnknownVariableType]
