"""How values are written to the record and read back: exact JSON, and text that PostgreSQL can hold."""

import json
from collections.abc import Mapping
from typing import Any, cast

from perdure.contracts.errors import ConfigurationError

LONE_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "�")


def to_json(value: object) -> str:
    """JSON in ASCII, so that lone surrogates and NUL survive; raises ValueError for NaN."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def from_json(text: str) -> dict[str, Any]:
    """The JSON object in a column of the record."""
    return cast("dict[str, Any]", json.loads(text))


def versioned(value: Mapping[str, Any]) -> str:
    """The JSON object with ``v`` in it (1 where it has none)."""
    return to_json({"v": 1, **value})


def plain_text(text: str) -> str:
    """The text as a text column can hold it: NUL and lone surrogates become U+FFFD."""
    return text.replace("\0", "�").translate(LONE_SURROGATES)


def damaged(what: str) -> ConfigurationError:
    """The error for a row that does not match its own digest."""
    return ConfigurationError(
        f"The record is damaged: {what} does not match its digest.",
        "restore the database from a backup; nothing was changed",
    )
