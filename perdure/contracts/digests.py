"""Canonical JSON and the digests made from it: the same value gives the same digest on every machine."""

import hashlib
import json


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys, no white space and no NaN; raises ValueError for what JSON cannot hold."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hex digits. Callers put a ``v`` into what they digest."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def approval_id(
    *, operation_digest: str, task_id: str, run_id: str, step: int, call: int, decided: int = 0
) -> str:
    """The 12-digit handle of an approval; another run (after a reset), step or call gives another id.

    ``decided`` is how often the call was decided already in this run: what is asked of it then is decided anew.
    """
    parts: dict[str, object] = {"v": 1, "operation": operation_digest, "task": task_id, "run": run_id}
    parts |= {"step": step, "call": call, **({"decided": decided} if decided else {})}
    return digest_of(parts)[:12]


def call_shape(*, tool: str, effect: str, arguments_digest: str) -> str:
    """What two calls have in common that would do the same wherever they run: tool, effect and canonical arguments."""
    return digest_of({"v": 1, "tool": tool, "effect": effect, "arguments": arguments_digest})


def shown_digest(title: str, preview: str) -> str:
    """What stands for the words that people saw."""
    return digest_of({"v": 1, "title": title, "preview": preview})


def short_hash(text: str) -> str:
    """12 hex digits of SHA-256 over the text: for folder and branch names made from ids."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
