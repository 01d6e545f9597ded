"""Costs of many tiles as arrays, and of one tile in detail."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream_evo.cost import _kernel
from stream_evo.cost._allocation import Shortage
from stream_evo.cost._loops import BASE_FACTORS, LOOPS, OPERANDS
from stream_evo.cost._pack import pack
from stream_evo.cost._prepared import PreparedTile, prepare
from stream_evo.cost._reference import MappingCost, evaluate_order
from stream_evo.cost._request import Goal, TileRequest
from stream_evo.typing import AnyArray, BoolArray, FloatArray, IntArray
from stream_evo.workload import Operand

__all__ = ["TileCost", "TileCosts", "TileShortage", "evaluate_tiles", "tile_cost"]

_GOALS = tuple(Goal)
_COLUMNS = tuple(OPERANDS.index(operand) for operand in Operand)


@dataclass(frozen=True, slots=True)
class TileCosts:
    """Costs of P tiles; every array has P rows and is read-only.

    The costs of a tile that is not feasible are lower bounds: computation without any memory.

    Attributes:
        latency_cycles: temporal + stall + onload + offload.
        ideal_cycles: Operations over processing elements, rounded up.
        temporal_cycles: Steps of computation.
        stall_cycles: Waiting for the worst memory port, and rests of the array between outputs and rows of inputs.
        onload_cycles: First fill that computation does not hide.
        offload_cycles: Last drain that computation does not hide.
        mac_pj: Energy of the array.
        memory_pj: Energy of the memories on the core.
        dram_pj: Energy of the DRAM level.
        energy_pj: Sum of the three.
        dram_read_bits: Bits read from the DRAM level.
        dram_write_bits: Bits written to it.
        utilisation: Operations over (processing elements x latency).
        feasible: Whether some loop order fits all memories.
        missing_bits: Bits that lack in the memory to blame; 0 if feasible.
        blamed_operand: Column (I, W, O) of the operand that does not fit; -1 if feasible.
        blamed_level: Its memory level, inner first; -1 also if no memory holds it.
        needed_bits: Bits needed there.
        available_bits: Bits there.
        held_bits: (P, 3), columns I, W, O as in `Operand`: bits in the operand's outermost memory on the core.
    """

    latency_cycles: IntArray
    ideal_cycles: IntArray
    temporal_cycles: IntArray
    stall_cycles: IntArray
    onload_cycles: IntArray
    offload_cycles: IntArray
    mac_pj: FloatArray
    memory_pj: FloatArray
    dram_pj: FloatArray
    energy_pj: FloatArray
    dram_read_bits: IntArray
    dram_write_bits: IntArray
    utilisation: FloatArray
    feasible: BoolArray
    missing_bits: IntArray
    blamed_operand: IntArray
    blamed_level: IntArray
    needed_bits: IntArray
    available_bits: IntArray
    held_bits: IntArray

    def __len__(self) -> int:
        return len(self.latency_cycles)


@dataclass(frozen=True, slots=True)
class TileShortage:
    """Why a tile cannot run on a core.

    Attributes:
        operand: The operand that does not fit.
        memory: Name of the memory; ``None`` if the core has none for it.
        needed_bits: Bits needed in that memory by all operands that must be in it.
        available_bits: Its capacity.
    """

    operand: Operand
    memory: str | None
    needed_bits: int
    available_bits: int


@dataclass(frozen=True, slots=True)
class TileCost:
    """One tile in detail; the mappings have a key for each operand of the tile, levels run from the innermost to the outermost.

    Attributes:
        feasible: Whether some loop order fits all memories; if not, what follows is a lower bound without memories.
        shortage: What does not fit, if not feasible.
        latency_cycles: temporal + stall + onload + offload.
        ideal_cycles: Operations over processing elements, rounded up.
        temporal_cycles: Steps of computation.
        stall_cycles: Waiting for the worst memory port, and rests of the array between outputs and rows of inputs.
        onload_cycles: First fill that computation does not hide.
        offload_cycles: Last drain that computation does not hide.
        energy_pj: Array and all memories.
        mac_pj: Energy of the array.
        memory_energy_pj: Energy of each level.
        accesses: Words of each level in the directions to_low, from_low, to_high, from_high, over all instances.
        memories: Name of each level's memory.
        temporal_mapping: Loops kept at each level, inner first, as (loop, size).
        spatial_mapping: Per array dimension, (loop, mean unrolling).
    """

    feasible: bool
    shortage: TileShortage | None
    latency_cycles: int
    ideal_cycles: int
    temporal_cycles: int
    stall_cycles: int
    onload_cycles: int
    offload_cycles: int
    energy_pj: float
    mac_pj: float
    memory_energy_pj: dict[Operand, tuple[float, ...]]
    accesses: dict[Operand, tuple[tuple[int, int, int, int], ...]]
    memories: dict[Operand, tuple[str, ...]]
    temporal_mapping: dict[Operand, tuple[tuple[tuple[str, int], ...], ...]]
    spatial_mapping: dict[str, tuple[tuple[str, float], ...]]


@dataclass(frozen=True, slots=True)
class _Found:
    """Raw results of the kernel for the distinct tiles of a batch."""

    row: IntArray
    out: IntArray
    out_pj: FloatArray
    operations: FloatArray
    elements: IntArray
    step_cycles: IntArray

    def order(self, row: int) -> list[tuple[int, int]]:
        """Return the loop order found for distinct tile `row`."""
        count = int(self.out[row, _kernel.OUT_COUNT])
        start = _kernel.OUT_ORDER
        loops = self.out[row, start : start + count]
        sizes = self.out[row, start + _kernel.FACTORS : start + _kernel.FACTORS + count]
        return list(zip(loops.tolist(), sizes.tolist(), strict=True))


def _solve(requests: Sequence[TileRequest], goal: Goal | str, max_factors: int) -> _Found:
    packed = pack(requests)
    out = np.zeros((len(packed.tiles), _kernel.OUT_WIDTH), np.int64)
    out_pj = np.zeros((len(packed.tiles), 3), np.float64)
    limit = min(max(1, max_factors), _kernel.FACTORS)
    integers, floats = np.zeros(_kernel.W_WIDTH, np.int64), np.zeros(_kernel.X_WIDTH, np.float64)
    number = _GOALS.index(Goal(goal))
    _kernel.evaluate_batch(packed.configs, packed.energies, packed.tiles, number, limit, integers, floats, out, out_pj)
    return _Found(
        row=packed.row,
        out=out,
        out_pj=out_pj,
        operations=np.array([request.sizes.product for request in packed.representative], np.float64),
        elements=np.array([request.core.processing_elements for request in packed.representative], np.int64),
        step_cycles=packed.tiles[:, _kernel.T_CYCLES],
    )


def _frozen(array: AnyArray) -> AnyArray:
    array.flags.writeable = False
    return array


def evaluate_tiles(requests: Sequence[TileRequest], goal: Goal | str = Goal.EDP, *, max_factors: int = BASE_FACTORS) -> TileCosts:
    """Return the costs of P tiles, each under the best loop order the search finds.

    Equal requests are evaluated once. The result depends on nothing but the request: not on the order or number of requests.

    Args:
        requests: P tiles.
        goal: What to minimise: ``latency``, ``energy`` or ``edp``.
        max_factors: Most loop factors that are permuted, up to 8.

    Returns:
        Arrays of P rows.

    Raises:
        ValueError: an unknown goal, or a core too large for the kernel's tables.
    """
    found = _solve(requests, goal, max_factors)
    out, pj = found.out, found.out_pj
    cycles = out[:, : _kernel.R_OFFLOAD + 1]
    latency = cycles.sum(axis=1)
    ideal = np.array([-(-int(n) // int(e)) for n, e in zip(found.operations, found.elements, strict=True)], np.int64)
    ideal = ideal * found.step_cycles
    missing = out[:, _kernel.R_MISSING]
    short = missing > 0
    busy = found.operations * found.step_cycles / (found.elements * np.maximum(latency, 1))
    columns = np.argsort(np.array(_COLUMNS))
    blamed = np.where(short, columns[out[:, _kernel.R_OPERAND]], -1)
    held = out[:, _kernel.OUT_HELD : _kernel.OUT_HELD + 3][:, list(_COLUMNS)]
    row = found.row

    def spread(array: AnyArray) -> AnyArray:
        return _frozen(array[row])

    return TileCosts(
        latency_cycles=spread(latency),
        ideal_cycles=spread(ideal),
        temporal_cycles=spread(cycles[:, _kernel.R_CYCLES]),
        stall_cycles=spread(cycles[:, _kernel.R_STALL]),
        onload_cycles=spread(cycles[:, _kernel.R_ONLOAD]),
        offload_cycles=spread(cycles[:, _kernel.R_OFFLOAD]),
        mac_pj=spread(pj[:, _kernel.E_MAC]),
        memory_pj=spread(pj[:, _kernel.E_CORE]),
        dram_pj=spread(pj[:, _kernel.E_DRAM]),
        energy_pj=spread(pj[:, _kernel.E_MAC] + pj[:, _kernel.E_CORE] + pj[:, _kernel.E_DRAM]),
        dram_read_bits=spread(out[:, _kernel.R_DRAM_READ]),
        dram_write_bits=spread(out[:, _kernel.R_DRAM_WRITE]),
        utilisation=spread(busy),
        feasible=spread(~short),
        missing_bits=spread(missing),
        blamed_operand=spread(blamed),
        blamed_level=spread(np.where(short, out[:, _kernel.R_LEVEL], -1)),
        needed_bits=spread(np.where(short, out[:, _kernel.R_NEEDED], 0)),
        available_bits=spread(np.where(short, out[:, _kernel.R_AVAILABLE], 0)),
        held_bits=spread(held),
    )


def tile_cost(request: TileRequest, goal: Goal | str = Goal.EDP, *, max_factors: int = BASE_FACTORS) -> TileCost:
    """Return the cost of one tile in detail: the mapping found, accesses and energy of every memory level.

    Args:
        request: The tile.
        goal: What to minimise: ``latency``, ``energy`` or ``edp``.
        max_factors: Most loop factors that are permuted, up to 8.

    Raises:
        ValueError: an unknown goal, or a core too large for the kernel's tables.
    """
    order = _solve([request], goal, max_factors).order(0)
    tile = prepare(request)
    cost = evaluate_order(tile, order)
    return _short(tile, cost, order) if isinstance(cost, Shortage) else _detailed(tile, cost)


def _ideal(request: TileRequest) -> int:
    return -(-request.sizes.product // request.core.processing_elements) * request.step_cycles


def _spatial(tile: PreparedTile) -> dict[str, tuple[tuple[str, float], ...]]:
    return {
        dimension.name: tuple((LOOPS[u.loop], u.mean) for u in tile.spatial.unrolled if u.dimension == index)
        for index, dimension in enumerate(tile.request.core.array)
    }


def _memories(tile: PreparedTile) -> dict[Operand, tuple[str, ...]]:
    return {OPERANDS[o]: tuple(tile.hierarchy.stores[level.store].name for level in tile.hierarchy.levels[o]) for o in tile.active}


def _short(tile: PreparedTile, shortage: Shortage, order: list[tuple[int, int]]) -> TileCost:
    cycles = tile.request.step_cycles
    for _, size in order:
        cycles *= size
    mac_pj = tile.request.core.operation_pj * tile.request.sizes.product
    levels = tile.hierarchy.levels[shortage.operand]
    memory = tile.hierarchy.stores[levels[shortage.level].store].name if shortage.level >= 0 else None
    return TileCost(
        feasible=False,
        shortage=TileShortage(OPERANDS[shortage.operand], memory, shortage.needed_bits, shortage.available_bits),
        latency_cycles=cycles,
        ideal_cycles=_ideal(tile.request),
        temporal_cycles=cycles,
        stall_cycles=0,
        onload_cycles=0,
        offload_cycles=0,
        energy_pj=mac_pj,
        mac_pj=mac_pj,
        memory_energy_pj={},
        accesses={},
        memories=_memories(tile),
        temporal_mapping={},
        spatial_mapping=_spatial(tile),
    )


def _detailed(tile: PreparedTile, cost: MappingCost) -> TileCost:
    loops = [(LOOPS[loop], size) for loop, size in cost.order]
    temporal = {}
    for o in tile.active:
        edges = [0, *cost.bounds[o]]
        temporal[OPERANDS[o]] = tuple(tuple(loops[start:end]) for start, end in itertools.pairwise(edges))
    return TileCost(
        feasible=True,
        shortage=None,
        latency_cycles=cost.latency_cycles,
        ideal_cycles=_ideal(tile.request),
        temporal_cycles=cost.temporal_cycles,
        stall_cycles=cost.stall_cycles,
        onload_cycles=cost.onload_cycles,
        offload_cycles=cost.offload_cycles,
        energy_pj=cost.energy_pj,
        mac_pj=cost.mac_pj,
        memory_energy_pj={OPERANDS[o]: cost.memory_pj[o] for o in tile.active},
        accesses={OPERANDS[o]: cost.accesses[o] for o in tile.active},
        memories=_memories(tile),
        temporal_mapping=temporal,
        spatial_mapping=_spatial(tile),
    )
