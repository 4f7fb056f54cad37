import pytest

from parcels import tariffs


def test_a_carrier_has_one_tariff():
    @tariffs.carrier('pigeon')
    def pigeon(kilograms, country):
        return 100
    try:
        with pytest.raises(ValueError, match='two carriers named pigeon'):
            tariffs.carrier('pigeon')(pigeon)
    finally:
        del tariffs._tariffs['pigeon']


def test_an_unknown_carrier_has_no_price():
    with pytest.raises(KeyError):
        tariffs.price('balloon', 1.0, 'DE')
