"""The courier: a base price and so much a kilogram, with a fee for islands."""

import math
from parcels.tariffs import carrier
ISLANDS = {'MT', 'IS', 'CY'}

@carrier('courier')
def courier(kilograms, country):
    cents = 790 + 85 * math.ceil(kilograms)
    if country in ISLANDS:
        cents += 1200
    return cents
