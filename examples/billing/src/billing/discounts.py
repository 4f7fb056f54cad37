"""Discounts of a whole invoice, and how they are spread over its lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from billing.money import Money, total


class Discount(Protocol):
    """Something that lowers the price of a whole invoice."""

    def of(self, price: Money) -> Money:
        """How much is taken off this price."""
        ...


@dataclass(frozen=True)
class Percentage:
    """A part of the price, in hundredths of a percent."""

    basis_points: int

    def of(self, price: Money) -> Money:
        """The part of the price, to the cent."""
        return price.portion(self.basis_points)


@dataclass(frozen=True)
class Voucher:
    """A fixed amount, never more than the price."""

    amount: Money

    def of(self, price: Money) -> Money:
        """The voucher's amount, or the whole price where that is less."""
        return min(self.amount, price)


@dataclass(frozen=True)
class Tiers:
    """The percentage of the highest threshold that the price reaches."""

    steps: tuple[tuple[Money, int], ...]
    """Thresholds and their percentages in basis points, in any order."""

    def of(self, price: Money) -> Money:
        """What the reached tier takes off; nothing below the lowest one."""
        reached = [(threshold, points) for threshold, points in self.steps if price >= threshold]
        if not reached:
            return Money(0, price.currency)
        return price.portion(max(reached)[1])


def combined(discounts: Sequence[Discount], price: Money) -> Money:
    """What all discounts take off together; each sees the price that the ones before it left."""
    left = price
    for discount in discounts:
        left -= discount.of(left)
    return price - left


def spread(discount: Money, prices: Sequence[Money]) -> tuple[Money, ...]:
    """The share of the discount that each line carries, in proportion to its price."""
    if not total(prices, discount.currency).cents:
        return tuple(Money(0, discount.currency) for _ in prices)
    return discount.split([price.cents for price in prices])
