"""The mapping search in plain Python: the same orders in the same sequence as the kernel, for reading and for tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from stream_evo.cost._allocation import Shortage
from stream_evo.cost._loops import BASE_FACTORS, GROUP_ORDERS, loop_factors
from stream_evo.cost._prepared import PreparedTile
from stream_evo.cost._reference import MappingCost, evaluate_order
from stream_evo.cost._request import Goal
from stream_evo.cost._spatial import REL_TOL

__all__ = ["BUDGET", "search_order"]

BUDGET = 3000
"""Orders after which climbing stops; never reached with six factors."""

_Loops = tuple[tuple[int, int], ...]
_Rank = tuple[float, float]


def better(rank: _Rank, than: _Rank) -> bool:
    """Return whether a (cost, tie-break) pair beats another by more than rounding."""
    if rank[0] < than[0] * (1.0 - REL_TOL):
        return True
    if rank[0] > than[0] * (1.0 + REL_TOL):
        return False
    return rank[1] < than[1] * (1.0 - REL_TOL)


@dataclass(slots=True)
class _Search:
    """State of one search: the tile, the orders seen, and the best of them."""

    tile: PreparedTile
    goal: Goal
    seen: set[_Loops] = field(default_factory=set)
    count: int = 0
    best: _Loops | None = None
    best_rank: _Rank = (math.inf, math.inf)

    def is_new(self, order: _Loops) -> bool:
        """Note an order; return whether it was not seen before."""
        if order in self.seen:
            return False
        self.seen.add(order)
        self.count += 1
        return True

    def rank(self, order: _Loops) -> _Rank:
        """Return cost and tie-break of an order; an illegal one costs infinity and ranks by what lacks."""
        cost = evaluate_order(self.tile, order)
        if isinstance(cost, Shortage):
            return math.inf, float(cost.needed_bits - cost.available_bits)
        return rank_of(cost, self.goal)

    def keep_if_best(self, order: _Loops, rank: _Rank) -> None:
        """Remember the order if it is the best so far."""
        if self.best is None or better(rank, self.best_rank):
            self.best, self.best_rank = order, rank

    def climb(self, order: _Loops, rank: _Rank) -> None:
        """Swap pairs of loops as long as a swap leads to a better order that was not seen before."""
        improved = True
        while improved:
            improved = False
            for i, j in itertools.combinations(range(len(order)), 2):
                if order[i] == order[j] or self.count >= BUDGET:
                    continue
                swapped = list(order)
                swapped[i], swapped[j] = order[j], order[i]
                candidate = tuple(swapped)
                if not self.is_new(candidate):
                    continue
                found = self.rank(candidate)
                if better(found, rank):
                    order, rank, improved = candidate, found, True
                    self.keep_if_best(order, rank)


def rank_of(cost: MappingCost, goal: Goal) -> _Rank:
    """Return what the search compares: the goal, then the other of latency and energy."""
    latency, energy = float(cost.latency_cycles), cost.energy_pj
    if goal is Goal.LATENCY:
        return latency, energy
    return (energy if goal is Goal.ENERGY else latency * energy), latency


def _group_orders(factors: tuple[tuple[int, ...], ...]) -> Iterator[_Loops]:
    for group in GROUP_ORDERS:
        yield tuple((loop, size) for loop in group for size in factors[loop])


def _split(order: _Loops, limit: int) -> _Loops:
    """Split the largest factors that are no primes in two, in place, until there are `limit`."""
    found = list(order)
    while len(found) < limit:
        divisors = [max((d for d in range(2, math.isqrt(size) + 1) if size % d == 0), default=1) for _, size in found]
        candidates = [i for i, divisor in enumerate(divisors) if divisor > 1]
        if not candidates:
            break
        at = max(candidates, key=lambda i: found[i][1])
        loop, size = found[at]
        found[at : at + 1] = [(loop, size // divisors[at]), (loop, divisors[at])]
    return tuple(found)


def search_order(tile: PreparedTile, goal: Goal, max_factors: int) -> _Loops:
    """Return the best loop order found.

    The six orders of the loop groups are ranked; from each, best first, pairs of loops are swapped as long as that improves (first
    improvement), never visiting an order twice. With more than `BASE_FACTORS` factors, those of the best order are then split and swapped
    on, so that more factors never make a result worse.
    """
    search = _Search(tile, goal)
    starts: list[tuple[_Loops, _Rank]] = []
    for order in _group_orders(loop_factors(tile.spatial.temporal, min(max_factors, BASE_FACTORS))):
        if search.is_new(order):
            rank = search.rank(order)
            starts.append((order, rank))
            search.keep_if_best(order, rank)
    while starts:
        first = 0
        for index in range(1, len(starts)):
            if better(starts[index][1], starts[first][1]):
                first = index
        search.climb(*starts.pop(first))
    best = search.best or ()
    if max_factors > BASE_FACTORS:
        order = _split(best, max_factors)
        if order != best:
            search.seen = {order}
            search.count += 1
            rank = search.rank(order)
            search.keep_if_best(order, rank)
            search.climb(order, rank)
    return search.best or ()
