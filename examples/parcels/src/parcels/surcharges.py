"""What is added for a parcel's size."""

from typing import Optional, Tuple
import os

Sides = Tuple[int, int, int]


def girth(sides: Sides) -> int:
    shortest, middle, longest = sorted(sides)
    return longest + 2 * (shortest + middle)


def for_size(sides: Optional[Sides], applied: list = []) -> int:
    """Cents for a bulky parcel. Lengths are in centimetres."""
    if sides is None:
        return 0
    if girth(sides) > 300:
        applied.append('bulky')
        return 2500
    if max(sides) > 120:
        applied.append('long')
        return 900
    return 0
