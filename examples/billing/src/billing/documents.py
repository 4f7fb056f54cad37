"""Invoice documents: JSON in, an invoice out."""

import json
from pathlib import Path
from typing import Any

from billing.discounts import Discount, Percentage, Tiers, Voucher
from billing.invoice import Invoice, Item, make_invoice
from billing.money import Money
from billing.tax import STANDARD


class BadDocument(ValueError):
    """The document cannot be read as an invoice; the message names the field."""


def load(path: Path) -> Invoice:
    """Read an invoice document."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BadDocument(f"{path.name}: not JSON ({error.msg}, line {error.lineno})") from None
    return invoice_of(document)


def invoice_of(document: dict[str, Any]) -> Invoice:
    """Make the invoice that a parsed document describes."""
    try:
        currency = document.get("currency", "EUR")
        return make_invoice(
            document["number"],
            [_item(entry, currency) for entry in document["items"]],
            country=document["country"],
            discounts=[_discount(entry, currency) for entry in document.get("discounts", [])],
            currency=currency,
        )
    except KeyError as error:
        raise BadDocument(f"field {error.args[0]!r} is missing") from None


def _item(entry: dict[str, Any], currency: str) -> Item:
    count = entry.get("count", 1)
    if not isinstance(count, int) or count < 1:
        raise BadDocument(f"field 'count' of {entry['title']!r} must be a whole number above 0")
    return Item(entry["title"], Money.parse(entry["price"], currency), count, entry.get("kind", STANDARD))


def _discount(entry: dict[str, Any], currency: str) -> Discount:
    if "percent" in entry:
        return Percentage(Money.parse(entry["percent"]).cents)
    if "voucher" in entry:
        return Voucher(Money.parse(entry["voucher"], currency))
    if "tiers" in entry:
        steps = [(Money.parse(start, currency), Money.parse(percent).cents) for start, percent in entry["tiers"]]
        return Tiers(tuple(steps))
    raise BadDocument(f"field 'discounts' needs 'percent', 'voucher' or 'tiers', not {sorted(entry)}")
