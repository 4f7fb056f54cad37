import pytest

from parcels.quotes import cheapest, quotes


def test_every_carrier_makes_a_quote():
    assert quotes(1.0) == [(549, 'post'), (875, 'courier')]


def test_the_courier_is_cheaper_for_heavy_parcels():
    assert cheapest(9.5) == (1049, 'post')
    assert cheapest(11) == (1725, 'courier')


def test_what_the_post_refuses_goes_by_courier():
    assert quotes(40) == [(4190, 'courier')]


def test_islands_cost_more():
    assert dict((name, cents) for cents, name in quotes(1, 'MT')) == {'post': 1499, 'courier': 2075}


def test_bulky_parcels_cost_more_everywhere():
    assert quotes(1.0, sides=(60, 60, 130)) == [(3049, 'post'), (3375, 'courier')]


@pytest.mark.parametrize('sides, added', [(None, 0), ((10, 10, 10), 0), ((10, 10, 121), 900)])
def test_long_parcels_cost_more(sides, added):
    assert cheapest(1.0, sides=sides) == (549 + added, 'post')
