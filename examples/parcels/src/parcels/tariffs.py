"""Carriers by name. A carrier joins by decorating the function that knows its tariff."""

from typing import Callable, Dict, List

Tariff = Callable[[float, str], int]

_tariffs: Dict[str, Tariff] = {}


def carrier(name: str) -> Callable[[Tariff], Tariff]:
    """Make the decorated function the tariff of the carrier."""
    def register(tariff: Tariff) -> Tariff:
        if name in _tariffs.keys():
            raise ValueError("there are two carriers named %s" % name)
        _tariffs[name] = tariff
        return tariff
    return register


def names() -> List[str]:
    return sorted(_tariffs)


def price(name: str, kilograms: float, country: str) -> int:
    """Cents for a parcel; KeyError for an unknown carrier."""
    return _tariffs[name](kilograms, country)
