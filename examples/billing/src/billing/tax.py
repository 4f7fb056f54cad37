"""Tax rates by country and kind of goods."""

from billing.money import Money

STANDARD = "standard"
REDUCED = "reduced"
EXEMPT = "exempt"

#: Basis points by country and kind.
RATES: dict[str, dict[str, int]] = {
    "AT": {STANDARD: 2_000, REDUCED: 1_000},
    "DE": {STANDARD: 1_900, REDUCED: 700},
    "FR": {STANDARD: 2_000, REDUCED: 550},
    "NL": {STANDARD: 2_100, REDUCED: 900},
}


class UnknownRate(LookupError):
    """There is no rate for this country and kind of goods."""


def rate(country: str, kind: str) -> int:
    """The rate in basis points; raises UnknownRate with what there is instead."""
    if kind == EXEMPT:
        return 0
    try:
        return RATES[country][kind]
    except KeyError:
        known = ", ".join(sorted(RATES))
        raise UnknownRate(f"no {kind!r} rate for {country!r}; countries: {known}") from None


def tax_on(net: Money, *, country: str, kind: str) -> Money:
    """The tax on a net amount, to the cent."""
    return net.portion(rate(country, kind))
