import pytest

from billing.documents import BadDocument, invoice_of
from billing.money import Money

DOCUMENT = {
    "number": "2026-1",
    "country": "NL",
    "items": [{"title": "Desk lamp", "price": "45.00", "count": 2}],
    "discounts": [{"percent": "5.00"}],
}


def test_reads_items_and_discounts() -> None:
    invoice = invoice_of(DOCUMENT)
    assert (invoice.number, invoice.net) == ("2026-1", Money(8_550))


def test_a_missing_field_is_named() -> None:
    with pytest.raises(BadDocument, match="field 'country' is missing"):
        invoice_of({key: value for key, value in DOCUMENT.items() if key != "country"})


def test_a_count_must_be_a_whole_number() -> None:
    with pytest.raises(BadDocument, match="field 'count' of 'Pen'"):
        invoice_of(DOCUMENT | {"items": [{"title": "Pen", "price": "1.00", "count": 0}]})
