import pytest

from billing.money import Money, total


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("3", 300), ("-0.05", -5), (" 7.00 ", 700)]
)
def test_reads_amounts(text: str, cents: int) -> None:
    assert Money.parse(text).cents == cents


@pytest.mark.parametrize("text", ["12,50", "1.5", "", "EUR 3"])
def test_refuses_what_is_not_an_amount(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Money.parse(text)


def test_prints_negative_amounts_with_one_sign() -> None:
    assert str(Money(-205)) == "-2.05 EUR"


def test_refuses_to_add_two_currencies() -> None:
    with pytest.raises(ValueError, match="cannot add USD to EUR"):
        Money(1) + Money(1, "USD")


def test_portions_are_rounded_half_away_from_zero() -> None:
    assert Money(50).portion(700) == Money(4)
    assert Money(-50).portion(700) == Money(-4)


def test_splits_in_proportion_to_the_weights() -> None:
    assert Money(800).split([3, 1]) == (Money(600), Money(200))


def test_refuses_weights_that_give_no_proportion() -> None:
    with pytest.raises(ValueError, match="cannot split"):
        Money(100).split([0, 0])


def test_the_total_of_nothing_is_zero() -> None:
    assert total([], "CHF") == Money(0, "CHF")
