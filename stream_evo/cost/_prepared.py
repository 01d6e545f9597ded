"""All of a tile that does not depend on the loop order, for the plain-Python reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from stream_evo.cost._hierarchy import Hierarchy, build_hierarchy
from stream_evo.cost._loops import IRRELEVANT, OPERANDS, RELEVANT, relevance
from stream_evo.cost._request import TileRequest
from stream_evo.cost._spatial import Footprint, SpatialMapping, precisions, spread

__all__ = ["Order", "PreparedTile", "prefix_products", "prepare", "skip_irrelevant", "total"]

Order: TypeAlias = Sequence[tuple[int, int]]
"""Temporal loops, inner first, as (loop, size)."""

_O = 0


@dataclass(frozen=True, slots=True)
class PreparedTile:
    """All of a tile that does not depend on the loop order.

    Attributes:
        request: The tile.
        hierarchy: Memories and ports.
        spatial: Unrolling.
        active: Positions in (O, W, I) of the operands the tile has.
        indexed: For O, W, I and each loop: relevant, partial, irrelevant.
        bits: Precisions of O (unfinished), W and I.
        mean: For O, W, I and each level: mean unrolling of each loop at or below it.
        factor: For O, W, I and each level: product of the relevant mean unrollings at or below it.
        units: For O, W, I and each architecture level: unrolling at or above it, rounded.
    """

    request: TileRequest
    hierarchy: Hierarchy
    spatial: SpatialMapping
    active: tuple[int, ...]
    indexed: tuple[tuple[int, ...], ...]
    bits: tuple[int, int, int]
    mean: tuple[tuple[tuple[float, ...], ...], ...]
    factor: tuple[tuple[float, ...], ...]
    int_mean: tuple[tuple[tuple[float, ...], ...], ...]
    int_factor: tuple[tuple[float, ...], ...]
    units: tuple[tuple[int, ...], ...]
    footprint: Footprint

    def levels(self, operand: int) -> int:
        """Return the number of memory levels of `operand`."""
        return len(self.hierarchy.levels[operand])

    def elements(self, operand: int, level: int, temporal: list[int]) -> float:
        """Return the mean elements of `operand` under one instance of memory `level` for the given temporal loops."""
        if level < 0:
            return self.footprint.elements(self.indexed[operand], 1.0, (1.0,) * 8, temporal)
        return self.footprint.elements(self.indexed[operand], self.factor[operand][level], self.mean[operand][level], temporal)

    def int_elements(self, operand: int, level: int, temporal: list[int]) -> int:
        """Return the same with integer unrollings: the elements of a real transfer."""
        if level < 0:
            return int(self.footprint.elements(self.indexed[operand], 1.0, (1.0,) * 8, temporal))
        found = self.footprint.elements(self.indexed[operand], self.int_factor[operand][level], self.int_mean[operand][level], temporal)
        return int(found)

    def reduces_above(self, level: int) -> bool:
        """Return whether a reduction loop is unrolled at an architecture level above `level` of O."""
        fan_out = self.hierarchy.fan_out[_O]
        return any(fan_out[u.dimension] > level and u.mean > 1.0 and self.indexed[_O][u.loop] == IRRELEVANT for u in self.spatial.unrolled)


def prepare(request: TileRequest) -> PreparedTile:
    """Work out everything about `request` that does not depend on the loop order."""
    hierarchy = build_hierarchy(request.core, request.streamed, request.dram)
    spatial = spread(request, hierarchy)
    indexed = relevance(request.kind, request.two_inputs)
    mean, factor, int_mean, int_factor, units = [], [], [], [], []
    for o in range(3):
        fan_out = hierarchy.fan_out[o]
        count = len(hierarchy.levels[o])
        below = [[u for u in spatial.unrolled if fan_out[u.dimension] <= level] for level in range(count)]
        mean.append(tuple(_per_loop([(u.loop, u.mean) for u in found]) for found in below))
        int_mean.append(tuple(_per_loop([(u.loop, float(u.whole)) for u in found]) for found in below))
        factor.append(tuple(_relevant(indexed[o], row) for row in mean[o]))
        int_factor.append(tuple(_relevant(indexed[o], row) for row in int_mean[o]))
        above = [[u.mean for u in spatial.unrolled if fan_out[u.dimension] >= level] for level in range(count + 1)]
        units.append(tuple(round(math.prod(found)) for found in above))
    return PreparedTile(
        request=request,
        hierarchy=hierarchy,
        spatial=spatial,
        active=tuple(OPERANDS.index(operand) for operand in request.operands),
        indexed=indexed,
        bits=precisions(request),
        mean=tuple(mean),
        factor=tuple(factor),
        int_mean=tuple(int_mean),
        int_factor=tuple(int_factor),
        units=tuple(units),
        footprint=Footprint(request.stride, request.dilation, request.input_extent or (0, 0)),
    )


def _per_loop(unrollings: list[tuple[int, float]]) -> tuple[float, ...]:
    found = [1.0] * 8
    for loop, value in unrollings:
        found[loop] *= value
    return tuple(found)


def _relevant(indexed: tuple[int, ...], values: tuple[float, ...]) -> float:
    found = 1.0
    for loop in range(8):
        if indexed[loop] == RELEVANT:
            found *= values[loop]
    return found


def prefix_products(order: Order) -> list[list[int]]:
    """Return for each prefix of the order the product of its sizes per loop; entry i covers the first i loops."""
    rows = [[1] * 8]
    for loop, size in order:
        row = list(rows[-1])
        row[loop] *= size
        rows.append(row)
    return rows


def skip_irrelevant(tile: PreparedTile, order: Order, operand: int, boundary: int) -> int:
    """Return the first loop at or after `boundary` that is relevant to the operand."""
    while boundary < len(order) and tile.indexed[operand][order[boundary][0]] == IRRELEVANT:
        boundary += 1
    return boundary


def total(values: Iterable[float]) -> float:
    """Add from left to right; ``sum`` compensates rounding from Python 3.12 on and the kernel does not."""
    found = 0.0
    for value in values:
        found += value
    return found
