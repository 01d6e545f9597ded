"""Allocation of the loops of one order to the memories, in plain Python (LOMA: Symons et al., AICAS 2021)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

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
    level it is the number of loops. Among equal costs, the largest boundaries win, those of I first, then W. Afterwards irrelevant
    loops at the bottom of a level move to the level below, where the data simply stays (stationarity).

    Returns:
        The boundaries of O, W and I (none for an operand the tile does not have), or why there are none.
    """
    products = prefix_products(order)
    bounds: list[list[int]] = [[], [], []]
    for store, memory in enumerate(tile.hierarchy.stores):
        here = [(o, len(bounds[o])) for o in reversed(tile.active) if level_in(tile.hierarchy, o, store) is not None]
        sizes, traffic, choices = [], [], []
        for o, level in here:
            taken = bounds[o][-1] if bounds[o] else 0
            bits = held_precision(tile, order, o, level, taken)
            size = [bits * tile.elements(o, level, row) for row in products]
            sizes.append(size)
            traffic.append([size[b] * math.prod(loop[1] for loop in order[b:]) for b in range(len(products))])
            top = level == tile.levels(o) - 1
            choices.append([len(order)] if top else range(taken, len(order) + 1))
        best: tuple[int, ...] | None = None
        least = math.inf
        for cut in itertools.product(*choices):
            if total(size[b] for size, b in zip(sizes, cut, strict=True)) > memory.capacity_bits * (1.0 + REL_TOL):
                continue
            cost = total(moved[b] for moved, b in zip(traffic, cut, strict=True))
            if cost <= least * (1.0 + REL_TOL):
                least, best = min(cost, least), cut
        if best is None:
            return _shortage(memory.capacity_bits, here, [[size[b] for b in cut] for size, cut in zip(sizes, choices, strict=True)])
        for (o, _), boundary in zip(here, best, strict=True):
            bounds[o].append(boundary)
    for o in tile.active:
        if not bounds[o]:
            needed = tile.bits[o] * math.prod(getattr(tile.request.sizes, LOOPS[d]) for d in range(8) if tile.indexed[o][d] != IRRELEVANT)
            return Shortage(o, -1, needed, 0)
        bounds[o] = [skip_irrelevant(tile, order, o, boundary) for boundary in bounds[o]]
    return bounds


def level_in(hierarchy: Hierarchy, operand: int, store: int) -> int | None:
    return next((index for index, level in enumerate(hierarchy.levels[operand]) if level.store == store), None)


def held_precision(tile: PreparedTile, order: Order, operand: int, level: int, taken: int) -> int:
    """Return the precision at which `level` holds the operand: outputs are final once no reduction is left to do at it or above it."""
    if operand != O:
        return tile.bits[operand]
    pending = any(tile.indexed[O][loop] == IRRELEVANT for loop, _ in order[taken:])
    return tile.bits[O] if pending or tile.reduces_above(level) else tile.request.bits.O_final


def _shortage(capacity: int, here: list[tuple[int, int]], sizes: list[list[float]]) -> Shortage:
    """Blame the largest of the operands that share the memory; needed is what all of them take at least."""
    least = [min(size) for size in sizes]
    worst = max(range(len(here)), key=lambda i: least[i])
    operand, level = here[worst]
    return Shortage(operand, level, math.ceil(total(least) * (1.0 - REL_TOL)), capacity)
