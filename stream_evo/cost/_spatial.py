"""Spatial unrolling of a tile on a core: how many processing elements each loop gets, and what each memory level then feeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stream_evo.cost._hierarchy import DIRECTIONS, Hierarchy, build_hierarchy
from stream_evo.cost._loops import IRRELEVANT, LOOPS, OPERANDS, PARTIAL, RELEVANT, relevance
from stream_evo.cost._request import TileRequest
from stream_evo.hardware import Direction
from stream_evo.workload import OperatorKind

__all__ = ["REL_TOL", "SpatialMapping", "Unrolled", "input_window", "partial_sum_bits", "precisions", "spread", "whole"]

REL_TOL = 1e-9
"""Relative tolerance of every comparison of fractions: below it, two costs are a tie and a size fits."""

_OX, _OY, _FX, _FY = (LOOPS.index(loop) for loop in ("OX", "OY", "FX", "FY"))


@dataclass(frozen=True, slots=True)
class Unrolled:
    """One loop along one array dimension.

    Attributes:
        dimension: Index of the array dimension.
        loop: Index of the loop.
        mean: Processing elements used on average over the temporal steps, D / ceil(D / u); of energy and capacity.
        whole: Its integer part; of transfer times.
    """

    dimension: int
    loop: int
    mean: float
    whole: int


@dataclass(frozen=True, slots=True)
class SpatialMapping:
    """The unrolling of one tile; costmodel section 2 of ZigZag (Mei et al., IEEE TC 2021).

    Attributes:
        unrolled: Every loop of the dataflow, also those that come out as 1.
        temporal: What remains of each of the eight loops as temporal steps.
    """

    unrolled: tuple[Unrolled, ...]
    temporal: tuple[int, ...]


def whole(value: float) -> int:
    """Return the integer part of a fraction that may be a rounding error short of an integer."""
    return math.floor(value * (1.0 + REL_TOL))


def input_window(outputs: int, taps: int, stride: int, dilation: int, extent: int) -> int:
    """Return how many distinct input positions `outputs` steps of a window of `taps` taps touch along one axis.

    Positions are ``stride * i + dilation * j``; two pairs coincide when i differs by ``dilation / g`` and j by ``stride / g``. A stride
    above the window counts touched positions only. `extent` limits the count where padding is not fetched; 0: no limit.
    """
    g = math.gcd(stride, dilation)
    touched = outputs * taps - max(0, taps - stride // g) * max(0, outputs - dilation // g)
    return min(touched, extent) if extent else touched


def partial_sum_bits(request: TileRequest) -> int:
    """Return the precision of unfinished outputs: only multiply-accumulates widen their sums."""
    macs = request.kind in (OperatorKind.CONV, OperatorKind.GEMM)
    return request.bits.O if macs else request.bits.O_final


def precisions(request: TileRequest) -> tuple[int, int, int]:
    """Return bits per element of O (unfinished), W and I."""
    return partial_sum_bits(request), request.bits.W, request.bits.I


def spread(request: TileRequest, hierarchy: Hierarchy | None = None) -> SpatialMapping:
    """Clip the dataflow of `request` to the tile, the array and the innermost memories, and return the unrolling.

    A loop is unrolled by the least of the dataflow's number, what its array dimension has left, and what is left of the loop (a loop
    may stand on several array dimensions, the last of which takes what does not divide). Memories with nothing below them then limit
    it: what they feed side by side must be read or written in one step of the array (per loop) and be held (all loops together, the largest
    unrolling giving way first).
    """
    hierarchy = hierarchy or build_hierarchy(request.core, request.streamed, request.dram)
    positions = {dimension.name: index for index, dimension in enumerate(request.core.array)}
    left = [getattr(request.sizes, loop) for loop in LOOPS]
    entries: list[tuple[int, int]] = []
    limits: list[int] = []
    for name, loops in request.core.dataflow(request.dataflow).unrolling:
        room = request.core.array[positions[name]].size
        for loop_name, limit in loops:
            loop = LOOPS.index(loop_name)
            unrolling = max(1, min(limit, room, left[loop]))
            room //= unrolling
            left[loop] = -(-left[loop] // unrolling)
            entries.append((positions[name], loop))
            limits.append(unrolling)
    _limit_by_memories(request, hierarchy, entries, limits)
    sizes = [getattr(request.sizes, loop) for loop in LOOPS]
    temporal = [-(-size // math.prod(n for (_, d), n in zip(entries, limits, strict=True) if d == i)) for i, size in enumerate(sizes)]
    unrolled: list[Unrolled] = []
    for entry, (dimension, loop) in enumerate(entries):
        mean, integer = float(limits[entry]), limits[entry]
        if entry == _uneven_entry(entries, limits, loop):
            others = math.prod(limits[e] for e, (_, d) in enumerate(entries) if d == loop and e != entry)
            mean, integer = sizes[loop] / temporal[loop] / others, sizes[loop] // (temporal[loop] * others)
        unrolled.append(Unrolled(dimension, loop, mean, integer))
    return SpatialMapping(tuple(unrolled), tuple(temporal))


def _uneven_entry(entries: list[tuple[int, int]], limits: list[int], loop: int) -> int:
    """Return the entry of a loop that is not filled in every step: the last that unrolls it at all."""
    mine = [e for e, (_, d) in enumerate(entries) if d == loop]
    return max((e for e in mine if limits[e] > 1), default=mine[-1])


def _limit_by_memories(request: TileRequest, hierarchy: Hierarchy, entries: list[tuple[int, int]], limits: list[int]) -> None:
    """Lower `limits` in place to what the innermost memories can feed and hold."""
    indexed = relevance(request.kind, request.two_inputs)
    bits = precisions(request)
    step_cycles = request.core.timing.step(request.bits.I)
    for store, memory in enumerate(hierarchy.stores):
        if not memory.innermost:
            continue
        for o, operand in enumerate(OPERANDS):
            if operand not in request.operands or not hierarchy.levels[o] or hierarchy.levels[o][0].store != store:
                continue
            fed = [e for e, (a, d) in enumerate(entries) if hierarchy.fan_out[o][a] == 0 and indexed[o][d] != IRRELEVANT]
            channel = hierarchy.levels[o][0].channels[DIRECTIONS.index(Direction.FROM_LOW if o == 0 else Direction.TO_LOW)]
            for entry in fed:
                if channel is not None:
                    limits[entry] = max(1, min(limits[entry], channel.bits_per_cycle * step_cycles // bits[o]))
            while math.prod(limits[e] for e in fed) * bits[o] > memory.capacity_bits and any(limits[e] > 1 for e in fed):
                largest = max(fed, key=lambda e: limits[e])
                limits[largest] -= 1


@dataclass(frozen=True, slots=True)
class Footprint:
    """Elements of one operand for given unrollings and temporal loops."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    extent: tuple[int, int]

    def elements(self, indexed: tuple[int, ...], factor: float, spatial: tuple[float, ...], temporal: list[int]) -> float:
        """Return N_o: `factor` (relevant unrollings) x relevant temporal loops x the sliding windows' positions."""
        count = 1
        for loop, kind in enumerate(indexed):
            if kind == RELEVANT:
                count *= temporal[loop]
        size = factor * count
        if indexed[_OX] == PARTIAL:
            rows = input_window(
                whole(spatial[_OY] * temporal[_OY]), whole(spatial[_FY] * temporal[_FY]), self.stride[0], self.dilation[0], self.extent[0]
            )
            columns = input_window(
                whole(spatial[_OX] * temporal[_OX]), whole(spatial[_FX] * temporal[_FX]), self.stride[1], self.dilation[1], self.extent[1]
            )
            size = size * rows * columns
        return size
