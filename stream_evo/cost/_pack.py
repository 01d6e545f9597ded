"""Lowering of requests to the rows that the kernel reads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stream_evo.cost import _kernel as k
from stream_evo.cost._hierarchy import Hierarchy, build_hierarchy
from stream_evo.cost._loops import LOOPS, OPERANDS, relevance
from stream_evo.cost._request import TileRequest
from stream_evo.cost._spatial import partial_sum_bits
from stream_evo.typing import FloatArray, IntArray
from stream_evo.workload import Operand, OperatorKind

__all__ = ["Packed", "pack"]

_DIRECTIONS = 4


class Packed:
    """Distinct tiles of a batch as rows, and which row each request is.

    Attributes:
        configs: (cores, C_WIDTH) int64, one row per distinct core, dataflow, set of streamed operands and DRAM level.
        energies: (cores, F_WIDTH) float64.
        tiles: (distinct tiles, T_WIDTH) int64.
        row: (P,) int64, the tile of each request.
        representative: One request per distinct tile.
    """

    __slots__ = ("configs", "energies", "representative", "row", "tiles")

    def __init__(self, requests: Sequence[TileRequest]) -> None:
        cores = _CoreRows()
        rows: dict[tuple[int, ...], int] = {}
        index = np.empty(len(requests), np.int64)
        self.representative: list[TileRequest] = []
        for position, request in enumerate(requests):
            key = _tile_row(request, cores.index(request))
            row = rows.get(key)
            if row is None:
                row = rows[key] = len(rows)
                self.representative.append(request)
            index[position] = row
        self.row: IntArray = index
        self.tiles: IntArray = np.array(list(rows), np.int64).reshape(len(rows), k.T_WIDTH)
        self.configs, self.energies = cores.arrays()


def pack(requests: Sequence[TileRequest]) -> Packed:
    """Lower `requests`, merging equal ones."""
    return Packed(requests)


class _CoreRows:
    """Rows of distinct (core, dataflow, streamed operands, DRAM), found by identity first: comparing whole cores is slow."""

    def __init__(self) -> None:
        self._by_identity: dict[tuple[int, str, frozenset[Operand], int], int] = {}
        self._by_value: dict[object, int] = {}
        self._rows: list[tuple[list[int], list[float]]] = []

    def index(self, request: TileRequest) -> int:
        identity = (id(request.core), request.dataflow, request.streamed, id(request.dram))
        found = self._by_identity.get(identity)
        if found is None:
            value = (request.core, request.dataflow, request.streamed, request.dram if request.streamed else None)
            found = self._by_value.setdefault(value, len(self._rows))
            if found == len(self._rows):
                hierarchy = build_hierarchy(request.core, request.streamed, request.dram)
                self._rows.append((_config_row(request, hierarchy), _energy_row(request, hierarchy)))
            self._by_identity[identity] = found
        return found

    def arrays(self) -> tuple[IntArray, FloatArray]:
        configs = np.array([row for row, _ in self._rows], np.int64).reshape(len(self._rows), k.C_WIDTH)
        energies = np.array([row for _, row in self._rows], np.float64).reshape(len(self._rows), k.F_WIDTH)
        return configs, energies


def _config_row(request: TileRequest, hierarchy: Hierarchy) -> list[int]:
    core = request.core
    positions = {dimension.name: index for index, dimension in enumerate(core.array)}
    entries = [
        (positions[name], LOOPS.index(loop), size) for name, loops in core.dataflow(request.dataflow).unrolling for loop, size in loops
    ]
    _require(core.name, "unrolled loops", len(entries), k.UNROLLS)
    _require(core.name, "array dimensions", len(core.array), k.DIMENSIONS)
    _require(core.name, "memories", len(hierarchy.stores), k.STORES)
    _require(core.name, "ports", hierarchy.ports, k.PORTS)
    _require(core.name, "memory levels of an operand", max(map(len, hierarchy.levels)), k.LEVELS)
    row = [0] * k.C_WIDTH
    row[k.C_ENTRIES] = len(entries)
    for i, entry in enumerate(entries):
        row[k.C_ENTRY + 3 * i : k.C_ENTRY + 3 * i + 3] = entry
    for i, dimension in enumerate(core.array):
        row[k.C_ARRAY + i] = dimension.size
    row[k.C_CHANNEL : k.C_STORES] = [-1] * (k.C_STORES - k.C_CHANNEL)
    users: list[list[int]] = [[] for _ in range(hierarchy.ports)]
    for o in range(3):
        row[k.C_LEVELS + o] = len(hierarchy.levels[o])
        row[k.C_ON_CORE + o] = hierarchy.on_core[o]
        for dimension_index, fan in enumerate(hierarchy.fan_out[o]):
            row[k.C_FAN + o * (k.DIMENSIONS + 1) + dimension_index] = fan
        for index, level in enumerate(hierarchy.levels[o]):
            row[k.C_STORE + o * k.LEVELS + index] = level.store
            for direction, channel in enumerate(level.channels):
                place = (o * k.LEVELS + index) * _DIRECTIONS + direction
                if channel is not None:
                    start = k.C_CHANNEL + place * 4
                    row[start : start + 4] = [channel.port, channel.granule_bits, channel.word_bits, channel.bits_per_cycle]
                    users[channel.port].append(place)
    row[k.C_STORES] = len(hierarchy.stores)
    for i, store in enumerate(hierarchy.stores):
        row[k.C_CAPACITY + i] = store.capacity_bits
        row[k.C_INNERMOST + i] = int(store.innermost)
    row[k.C_PORTS] = hierarchy.ports
    position = 0
    for port, places in enumerate(users):
        row[k.C_SHARED + port] = int(hierarchy.shared_inputs[port])
        row[k.C_FIRST + port] = position
        row[k.C_USER + position : k.C_USER + position + len(places)] = places
        position += len(places)
    row[k.C_FIRST + hierarchy.ports] = position
    row[k.C_OUTPUT_REST] = core.timing.output_tile_cycles
    row[k.C_ROW_REST] = core.timing.input_row_cycles
    return row


def _energy_row(request: TileRequest, hierarchy: Hierarchy) -> list[float]:
    row = [0.0] * k.F_WIDTH
    for i, store in enumerate(hierarchy.stores):
        row[k.F_READ + i] = store.read_pj
        row[k.F_WRITE + i] = store.write_pj
    row[k.F_OPERATION] = request.core.operation_pj
    return row


def _require(core: str, what: str, found: int, limit: int) -> None:
    if found > limit:
        raise ValueError(f"core {core} has {found} {what}; the cost kernel takes up to {limit}")


_INDEXED = {(kind, two): tuple(value for row in relevance(kind, two) for value in row) for kind in OperatorKind for two in (False, True)}


def _tile_row(request: TileRequest, config: int) -> tuple[int, ...]:
    sizes, bits = request.sizes, request.bits
    (sy, sx), (dy, dx) = request.stride, request.dilation
    gy, gx = math.gcd(sy, dy), math.gcd(sx, dx)
    extent = request.input_extent or (0, 0)
    return (
        config,
        *(sizes.B, sizes.G, sizes.K, sizes.C, sizes.OY, sizes.OX, sizes.FY, sizes.FX),
        *_INDEXED[request.kind, request.two_inputs],
        *(partial_sum_bits(request), bits.W, bits.I, bits.O_final),
        *(sy // gy, dy // gy, sx // gx, dx // gx),
        *extent,
        request.step_cycles,
        int(OPERANDS[1] in request.operands),
        request.core.timing.step(bits.I),
    )
