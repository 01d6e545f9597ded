"""Allocation of the loops of one order to the memories, in plain Python (LOMA: Symons et al., AICAS 2021)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TypeAlias

from stream_evo.cost._hierarchy import Hierarchy
from stream_evo.cost._loops import IRRELEVANT, LOOPS
from stream_evo.cost._prepared import Order, PreparedTile, prefix_products, skip_irrelevant, total
from stream_evo.cost._spatial import REL_TOL

__all__ = ["Shortage", "allocate", "held_precision", "level_in"]

O = 0  # noqa: E741  # the field's own letters


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why an order has no legal allocation: an operand that its outermost memory cannot take."""

    operand: int
    level: int
    needed_bits: int
    available_bits: int


def allocate(tile: PreparedTile, order: Order) -> list[list[int]] | Shortage:
    """Decide which loops each memory keeps: memory by memory from below, least traffic to the level above (LOMA, section 3).

    Boundary ``b[o][l]`` says that level l of operand o keeps the loops from ``b[o][l-1]`` (0 for level 0) up to it. At an operand's top
    level it is the number of loops. Among equal costs, the largest boundaries win, those of I first, then W.

    A memory must hold at least what the levels below keep, times their instances. Where it cannot, the levels below were filled too far
    and give way: of the operands that would take less room in this memory, the one that takes most drops its outermost kept loops below
    until it does, and the allocation starts again with that limit. An order is illegal only if nothing is left to drop that helps.

    At last, irrelevant loops at the bottom of a level move to the level below, where the data simply stays (stationarity).

    Returns:
        The boundaries of O, W and I (none for an operand the tile does not have), or why there are none.
    """
    products = prefix_products(order)
    limits = [[len(order)] * tile.levels(o) for o in range(3)]
    while True:
        bounds: list[list[int]] = [[], [], []]
        full = next((s for s in range(len(tile.hierarchy.stores)) if not _fill(tile, order, products, s, bounds, limits)), None)
        if full is None:
            break
        shortage = _give_way(tile, order, products, full, bounds, limits)
        if shortage is not None:
            return shortage
    for o in tile.active:
        if not bounds[o]:
            needed = tile.bits[o] * math.prod(getattr(tile.request.sizes, LOOPS[d]) for d in range(8) if tile.indexed[o][d] != IRRELEVANT)
            return Shortage(o, -1, needed, 0)
        bounds[o] = [skip_irrelevant(tile, order, o, boundary) for boundary in bounds[o]]
    return bounds


_Bounds: TypeAlias = list[list[int]]


def _sharers(tile: PreparedTile, store: int) -> list[tuple[int, int]]:
    """Return the operands of a memory and which of their levels it is: I, W, O."""
    levels = [(o, level_in(tile.hierarchy, o, store)) for o in reversed(tile.active)]
    return [(o, level) for o, level in levels if level is not None]


def _fill(tile: PreparedTile, order: Order, products: list[list[int]], store: int, bounds: _Bounds, limits: _Bounds) -> bool:
    """Append the boundaries of the operands in a memory, none above its limit; return False if nothing fits."""
    sizes, traffic, choices = [], [], []
    sharers = _sharers(tile, store)
    for o, level in sharers:
        taken = bounds[o][-1] if bounds[o] else 0
        bits = held_precision(tile, order, o, level, taken)
        size = [bits * tile.elements(o, level, row) for row in products]
        sizes.append(size)
        traffic.append([size[b] * math.prod(loop[1] for loop in order[b:]) for b in range(len(products))])
        top = level == tile.levels(o) - 1
        choices.append([len(order)] if top else range(taken, limits[o][level] + 1))
    best: tuple[int, ...] | None = None
    least = math.inf
    for cut in itertools.product(*choices):
        if total(size[b] for size, b in zip(sizes, cut, strict=True)) > _capacity(tile, store):
            continue
        cost = total(moved[b] for moved, b in zip(traffic, cut, strict=True))
        if cost <= least * (1.0 + REL_TOL):
            least, best = min(cost, least), cut
    if best is None:
        return False
    for (o, _), boundary in zip(sharers, best, strict=True):
        bounds[o].append(boundary)
    return True


def _give_way(tile: PreparedTile, order: Order, products: list[list[int]], store: int, bounds: _Bounds, limits: _Bounds) -> Shortage | None:
    """Lower the limits below a memory that cannot hold what is kept there already; return a shortage if no limits would do."""
    sharers = _sharers(tile, store)
    least: list[float] = []
    most, operand, below, limit = -1.0, -1, 0, 0
    for o, level in sharers:
        start = bounds[o][level - 1] if level else 0
        top = level == tile.levels(o) - 1
        # Dropping an irrelevant loop alone frees nothing, and an operand must be in its top level as a whole.
        kept = [start, *(b for b in range(start - 1, -1, -1) if not top and tile.indexed[o][order[b][0]] != IRRELEVANT)]
        sizes = [held_precision(tile, order, o, level, b) * tile.elements(o, level, products[-1 if top else b]) for b in kept]
        least.append(min(sizes))
        if least[-1] < sizes[0] and sizes[0] > most:
            most, operand, below = sizes[0], o, level
            limit = next(b for b, size in zip(kept, sizes, strict=True) if size < most)
    if total(least) > _capacity(tile, store):
        worst = max(range(len(least)), key=least.__getitem__)
        needed = math.ceil(total(least) * (1.0 - REL_TOL))
        return Shortage(*sharers[worst], needed, tile.hierarchy.stores[store].capacity_bits)
    limits[operand][:below] = [min(limit, old) for old in limits[operand][:below]]
    return None


def _capacity(tile: PreparedTile, store: int) -> float:
    return tile.hierarchy.stores[store].capacity_bits * (1.0 + REL_TOL)


def level_in(hierarchy: Hierarchy, operand: int, store: int) -> int | None:
    return next((index for index, level in enumerate(hierarchy.levels[operand]) if level.store == store), None)


def held_precision(tile: PreparedTile, order: Order, operand: int, level: int, taken: int) -> int:
    """Return the precision at which `level` holds the operand: outputs are final once no reduction is left to do at it or above it."""
    if operand != O:
        return tile.bits[operand]
    pending = any(tile.indexed[O][loop] == IRRELEVANT for loop, _ in order[taken:])
    return tile.bits[O] if pending or tile.reduces_above(level) else tile.request.bits.O_final
