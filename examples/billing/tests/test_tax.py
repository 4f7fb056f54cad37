import pytest

from billing.money import Money
from billing.tax import EXEMPT, REDUCED, STANDARD, UnknownRate, rate, tax_on


def test_kinds_of_goods_have_their_own_rate() -> None:
    assert (rate("DE", STANDARD), rate("DE", REDUCED)) == (1_900, 700)


def test_exempt_goods_are_exempt_everywhere() -> None:
    assert tax_on(Money(10_000), country="FR", kind=EXEMPT) == Money(0)


def test_an_unknown_country_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownRate, match="'XX'; countries: AT, DE, FR, NL"):
        rate("XX", STANDARD)
