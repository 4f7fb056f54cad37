"""The ledger of effects of one run by hand: it lives as long as the run."""

from typing import Any


class MemoryLedger:
    """The first intent and the first receipt stay, as in the record."""

    def __init__(self) -> None:
        self._intents: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._receipts: dict[tuple[str, str, str], dict[str, Any]] = {}

    async def intend(self, kind: str, target: str, key: str, intent: dict[str, Any]) -> dict[str, Any] | None:
        """Keep the intent; gives the receipt where there is one."""
        self._intents.setdefault((kind, target, key), intent)
        return self._receipts.get((kind, target, key))

    async def intended(self, kind: str, target: str, key: str) -> dict[str, Any] | None:
        """The intent, or None."""
        return self._intents.get((kind, target, key))

    async def receive(self, kind: str, target: str, key: str, receipt: dict[str, Any]) -> None:
        """Keep the receipt."""
        self._receipts.setdefault((kind, target, key), receipt)
