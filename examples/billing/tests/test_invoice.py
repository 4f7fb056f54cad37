import pytest

from billing.discounts import Percentage, Voucher
from billing.invoice import Item, make_invoice, problems_of
from billing.money import Money
from billing.tax import REDUCED


def test_an_invoice_is_the_sum_of_its_lines() -> None:
    items = [Item("Lamp", Money(4_500), count=2), Item("Book", Money(1_000), kind=REDUCED)]
    invoice = make_invoice("1", items, country="DE")
    assert (invoice.net, invoice.tax, invoice.gross) == (Money(10_000), Money(1_780), Money(11_780))


def test_a_line_is_taxed_after_its_share_of_the_discount() -> None:
    items = [Item("Desk", Money(30_000)), Item("Book", Money(10_000), kind=REDUCED)]
    invoice = make_invoice("2", items, country="DE", discounts=[Percentage(1_000)])
    assert [line.tax for line in invoice.lines] == [Money(5_130), Money(630)]


def test_the_lines_carry_the_whole_discount() -> None:
    items = [Item("Chair", Money(3_300)), Item("Seeds", Money(3_300)), Item("Handbook", Money(3_300))]
    invoice = make_invoice("3", items, country="DE", discounts=[Voucher(Money(1_000))])
    assert str(invoice.discount) == "10.00 EUR"
    assert str(invoice.net) == "89.00 EUR"
    assert problems_of(invoice) == []


def test_a_voucher_that_pays_for_everything_leaves_nothing_to_pay() -> None:
    invoice = make_invoice("4", [Item("Pen", Money(250))], country="AT", discounts=[Voucher(Money(9_900))])
    assert invoice.gross == Money(0)


def test_an_invoice_needs_an_item() -> None:
    with pytest.raises(ValueError, match="invoice '5' has no items"):
        make_invoice("5", [], country="DE")
