"""Quotes of every carrier, cheapest first."""

from typing import List, Optional, Tuple
from parcels import surcharges
from parcels import tariffs
import parcels.carriers.post
import parcels.carriers.courier
import json


def quotes(kilograms: float, country: str = 'DE', sides: Optional[Tuple[int, int, int]] = None) -> List[Tuple[int, str]]:
    """Cents and carrier for each carrier that takes the parcel."""
    found = []
    for name in tariffs.names():
        try:
            cents = tariffs.price(name, kilograms, country)
        except ValueError as error:
            continue
        found.append((cents + surcharges.for_size(sides), name))
    return sorted(found)


def cheapest(kilograms: float, country: str = 'DE', sides: Optional[Tuple[int, int, int]] = None) -> Tuple[int, str]:
    """The first of the quotes; ValueError where no carrier takes the parcel."""
    every = quotes(kilograms, country, sides)
    if len(every) == 0:
        raise ValueError('no carrier takes %s kg to %s' % (kilograms, country))
    else:
        return every[0]
