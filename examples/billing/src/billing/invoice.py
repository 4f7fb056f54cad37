"""An invoice: priced lines that each carry a share of the discount and their own tax."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.discounts import Discount, combined, spread
from billing.money import Money, total
from billing.tax import STANDARD, tax_on


@dataclass(frozen=True)
class Item:
    """What is sold: a unit price, how many, and which kind of tax applies."""

    title: str
    unit_price: Money
    count: int = 1
    kind: str = STANDARD

    @property
    def price(self) -> Money:
        """The price before discount and tax."""
        return self.unit_price.times(self.count)


@dataclass(frozen=True)
class Line:
    """An item with what it costs after its share of the discount."""

    item: Item
    discount: Money
    tax: Money

    @property
    def net(self) -> Money:
        """The price after the discount, before tax."""
        return self.item.price - self.discount

    @property
    def gross(self) -> Money:
        """What the customer pays for this line."""
        return self.net + self.tax


@dataclass(frozen=True)
class Invoice:
    """Lines in one currency for one country."""

    number: str
    country: str
    currency: str
    agreed_discount: Money
    """What the discounts take off the whole price, before it is spread over the lines."""
    lines: tuple[Line, ...]

    @property
    def discount(self) -> Money:
        """What the lines carry of the discount."""
        return total((line.discount for line in self.lines), self.currency)

    @property
    def net(self) -> Money:
        """The price of all lines after the discount, before tax."""
        return total((line.net for line in self.lines), self.currency)

    @property
    def tax(self) -> Money:
        """The tax of all lines."""
        return total((line.tax for line in self.lines), self.currency)

    @property
    def gross(self) -> Money:
        """What the customer pays."""
        return total((line.gross for line in self.lines), self.currency)


def make_invoice(
    number: str,
    items: Sequence[Item],
    *,
    country: str,
    discounts: Sequence[Discount] = (),
    currency: str = "EUR",
) -> Invoice:
    """Price the items, spread the discounts over them and tax what is left."""
    if not items:
        raise ValueError(f"invoice {number!r} has no items")
    prices = [item.price for item in items]
    agreed = combined(discounts, total(prices, currency))
    lines = tuple(
        Line(item, share, tax_on(item.price - share, country=country, kind=item.kind))
        for item, share in zip(items, spread(agreed, prices), strict=True)
    )
    return Invoice(number, country, currency, agreed, lines)


def problems_of(invoice: Invoice) -> list[str]:
    """Sentences about what does not add up; empty for a good invoice."""
    problems: list[str] = []
    if invoice.discount != invoice.agreed_discount:
        problems.append(f"the lines carry {invoice.discount} of a discount of {invoice.agreed_discount}")
    for line in invoice.lines:
        if line.net.cents < 0:
            problems.append(f"{line.item.title!r} costs less than nothing")
    return problems
