"""What each server's tools said of themselves when they were first offered: one that says something else is left out."""

import json
import os
import secrets
from pathlib import Path
from typing import Any, cast

from mcp_types import Tool as Offered

from perdure.contracts.digests import digest_of
from perdure.contracts.envelopes import marker_from
from perdure.contracts.errors import ConfigurationError

FILE = "known-tools.json"
MOST_BYTES = 16 * 1024 * 1024


class KnownTools:
    """A file of digests by server and tool, below the home folder; read when it is made, written by ``save``."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._tools, self._secret = _read(self._file)
        self._changed = not self._secret
        self._secret = self._secret or secrets.token_hex(32)

    def check(self, server: str, offered: Offered) -> None:
        """Remember what the tool says of itself; ConfigurationError where it said something else before."""
        digest = description_digest(offered)
        name = f"{server}/{offered.name}"
        known = self._tools.get(name)
        if known is None:
            self._tools[name] = digest
            self._changed = True
        elif known != digest:
            raise ConfigurationError(
                f"its description or its arguments are not what they were when it was first offered "
                f"({known[:12]}, now {digest[:12]}).",
                f"look at what the server says of it now; to accept it, take the line {name!r} out of {str(self._file)!r} "
                "and start the worker again.",
            )

    def marker(self, text: str) -> str:
        """The marker of the envelope around a description: the same at every start of this installation, known to nobody."""
        return marker_from(digest_of([self._secret, text]), text)

    def save(self) -> None:
        """Write what is new."""
        if not self._changed:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._file.with_name(f"{FILE}.{os.getpid()}.part")
        content = {"v": 1, "secret": self._secret, "tools": dict(sorted(self._tools.items()))}
        part.touch(mode=0o600)
        part.write_text(json.dumps(content, indent=1), encoding="utf-8")
        part.replace(self._file)
        self._changed = False


def description_digest(offered: Offered) -> str:
    """Over everything that a model is told of the tool."""
    told = {"description": offered.description, "title": offered.title, "arguments": offered.input_schema}
    return digest_of({"v": 1, **told})


def _read(file: Path) -> tuple[dict[str, str], str]:
    if not file.exists():
        return {}, ""
    try:
        with file.open("rb") as opened:
            content: object = json.loads(opened.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(file, str(error)) from error
    fields = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    tools, secret = fields.get("tools"), fields.get("secret")
    if not isinstance(tools, dict) or not isinstance(secret, str) or not secret:
        raise _unusable(file, "it is no object with 'secret' and 'tools'")
    return {str(name): str(digest) for name, digest in cast("dict[object, object]", tools).items()}, secret


def _unusable(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The file of known MCP tools {str(file)!r} cannot be used: {why}.",
        "mend it; without it every tool counts as offered for the first time.",
    )
