from billing.discounts import Percentage, Tiers, Voucher, combined, spread
from billing.money import Money

TIERS = Tiers(((Money(50_000), 800), (Money(10_000), 500)))


def test_a_voucher_never_takes_more_than_the_price() -> None:
    assert Voucher(Money(5_000)).of(Money(3_000)) == Money(3_000)


def test_the_highest_reached_tier_counts() -> None:
    assert TIERS.of(Money(60_000)) == Money(4_800)


def test_below_the_lowest_tier_nothing_is_taken_off() -> None:
    assert TIERS.of(Money(9_999)) == Money(0)


def test_each_discount_sees_what_the_one_before_it_left() -> None:
    assert combined([Percentage(1_000), Voucher(Money(500))], Money(10_000)) == Money(1_500)


def test_a_discount_is_spread_in_proportion_to_the_prices() -> None:
    assert spread(Money(400), [Money(3_000), Money(1_000)]) == (Money(300), Money(100))


def test_free_items_carry_no_discount() -> None:
    assert spread(Money(0), [Money(0), Money(0)]) == (Money(0), Money(0))
