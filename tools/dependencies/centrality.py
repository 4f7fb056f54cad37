"""How central each module is: PageRank over who imports whom."""

from collections.abc import Mapping, Set

import numpy as np

FOLLOWED = 0.85
"""The share of a module's rank that goes to what it imports; the rest goes to all alike."""
MOST_ROUNDS = 100
SETTLED = 1e-9


def ranks_of(edges: Mapping[str, Set[str]]) -> dict[str, float]:
    """The rank of each module that is a key; all together are 1. What much is built on ranks high."""
    names = sorted(edges)
    number = {name: position for position, name in enumerate(names)}
    pairs = [(number[name], number[each]) for name in names for each in sorted(edges[name]) if each in number]
    count = len(names)
    if not count:
        return {}
    sources = np.array([source for source, _ in pairs], dtype=np.int64)
    targets = np.array([target for _, target in pairs], dtype=np.int64)
    outgoing = np.bincount(sources, minlength=count)
    ranks = np.full(count, 1.0 / count)
    for _ in range(MOST_ROUNDS):
        passed = np.bincount(targets, weights=ranks[sources] / outgoing[sources], minlength=count)
        # What imports nothing gives to all alike, so that no rank is lost.
        lost = ranks[outgoing == 0].sum()
        following = (1 - FOLLOWED) / count + FOLLOWED * (passed + lost / count)
        moved = float(np.abs(following - ranks).sum())
        ranks = following
        if moved < SETTLED:
            break
    return {name: float(ranks[position]) for name, position in number.items()}
