"""Amounts of money as whole cents: no floats, no mixed currencies."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_AMOUNT = re.compile(r"(?P<sign>-?)(?P<units>\d+)(?:\.(?P<cents>\d{2}))?")


@dataclass(frozen=True, order=True)
class Money:
    """An amount in one currency; negative for what is owed to the customer."""

    cents: int
    currency: str = "EUR"

    @classmethod
    def parse(cls, text: str, currency: str = "EUR") -> "Money":
        """Read an amount such as ``12.50`` or ``-3``; raises ValueError for anything else."""
        found = _AMOUNT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not an amount such as '12.50'")
        cents = int(found["units"]) * 100 + int(found["cents"] or 0)
        return cls(-cents if found["sign"] else cents, currency)

    def __str__(self) -> str:
        sign = "-" if self.cents < 0 else ""
        return f"{sign}{abs(self.cents) // 100}.{abs(self.cents) % 100:02d} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.cents + other.cents, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + -other

    def __neg__(self) -> "Money":
        return Money(-self.cents, self.currency)

    def times(self, count: int) -> "Money":
        """This amount ``count`` times."""
        return Money(self.cents * count, self.currency)

    def portion(self, basis_points: int) -> "Money":
        """A part of this amount in hundredths of a percent, rounded half away from zero."""
        magnitude = (abs(self.cents * basis_points) + 5_000) // 10_000
        return Money(magnitude if self.cents * basis_points >= 0 else -magnitude, self.currency)

    def split(self, weights: Sequence[int]) -> tuple["Money", ...]:
        """Divide this amount in proportion to the weights, in their order."""
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError(f"cannot split in proportion to {list(weights)}")
        return tuple(Money(self.cents * weight // whole, self.currency) for weight in weights)

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")


def total(amounts: Iterable[Money], currency: str = "EUR") -> Money:
    """The sum of the amounts; zero of the currency when there are none."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result
