"""Everything about a problem that no genome changes, in one flat buffer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from stream_evo.cost._request import MOST_OPERATIONS
from stream_evo.errors import Fault, InputError
from stream_evo.schedule import _layout as at
from stream_evo.schedule._chip import Chip
from stream_evo.schedule._choices import Choices
from stream_evo.schedule._cost_tables import build_cost_tables, core_kinds
from stream_evo.schedule._costs import TileBook
from stream_evo.schedule._figures import OPERANDS
from stream_evo.schedule._plan import separable, tile_grid, window_edges
from stream_evo.typing import FloatArray, IntArray
from stream_evo.workload import WHOLE, Axis, AxisMap, Edge, Workload

__all__ = ["Tables", "build_tables"]

_LOG = logging.getLogger(__name__)

_AXES = {None: at.NO_AXIS, Axis.ROWS: at.ROWS, Axis.COLUMNS: at.COLUMNS, Axis.CHANNELS: at.CHANNELS}
_WIDE = 1 << 40  # width of a path without links: the ports alone limit it


@dataclass(frozen=True, slots=True)
class Tables:
    """What the kernel reads.

    Attributes:
        integers: The buffer, laid out as in `_layout`.
        energies: (MAC, on-core memory) energy in pJ of each tile cost, shape ``(costs, 2)``.
        ports: Energy in pJ of one unit read from and written to each memory, shape ``(M, 2)``.
        links: Energy in pJ of one bit on each link.
        dram: Energy in pJ of one word read and written.
    """

    integers: IntArray
    energies: FloatArray
    ports: FloatArray
    links: FloatArray
    dram: FloatArray


def build_tables(workload: Workload, chip: Chip, choices: Choices, book: TileBook) -> Tables:
    """Tabulate the problem."""
    _LOG.info("tabulating the tiles of %s on %s", workload.name, chip.accelerator.name)
    return _Builder(workload, chip, choices, book).build()


class _Builder:
    def __init__(self, workload: Workload, chip: Chip, choices: Choices, book: TileBook) -> None:
        self.workload, self.chip, self.choices, self.book = workload, chip, choices, book
        self.words: list[int] = [0] * at.Q_HEADER
        self.parts = {i: sorted({p.parts for p in places}) for i, places in enumerate(choices.placements)}
        self._check_limits()
        self.row_grids = {i: _grids(layer.rows, [t.rows for t in choices.tiles[i]]) for i, layer in enumerate(workload.layers)}
        self.column_grids = {i: _grids(layer.columns, [t.columns for t in choices.tiles[i]]) for i, layer in enumerate(workload.layers)}
        self.readers: dict[int, tuple[int, Edge]] = {}
        for index, source in enumerate(workload.inputs):
            self._cut_input(-1 - index, source.rows, source.columns)

    def build(self) -> Tables:
        self._chip_tables()
        layers, inputs = self.workload.layers, self.workload.inputs
        self.words[at.Q_LAYERS], self.words[at.Q_INPUTS] = len(layers), len(inputs)
        layer_base = self.words[at.Q_LAYER] = self._reserve(len(layers) * at.L_SIZE)
        input_base = self.words[at.Q_INPUT] = self._reserve(len(inputs) * at.L_SIZE)
        for index in range(len(inputs)):
            self._input(-1 - index, input_base + index * at.L_SIZE)
        for index in range(len(layers)):
            self._layer(index, layer_base + index * at.L_SIZE)
        costs = build_cost_tables(self.workload, self.chip, self.choices, self.book, self.parts, self._widest)
        base = self._append(costs.rows())
        for index, rows in enumerate(costs.index):
            record = layer_base + index * at.L_SIZE
            self.words[record + at.L_COST] = self._append([base + row * at.C_SIZE for row in rows])
            self.words[record + at.L_FLOWS], self.words[record + at.L_CLASSES] = costs.dataflows, costs.classes
        self.words[at.Q_COSTS] = base
        chip = self.chip
        return Tables(
            np.array(self.words, dtype=np.int64),
            np.array([[f.mac_pj, f.memory_pj] for f in costs.figures], dtype=np.float64).reshape(-1, 2),
            np.array([[r.unit_pj, w.unit_pj] for r, w in zip(chip.read_ports, chip.write_ports, strict=True)], dtype=np.float64),
            np.array([link.pj_per_bit for link in chip.accelerator.links], dtype=np.float64),
            np.array([chip.accelerator.dram.read_pj, chip.accelerator.dram.write_pj], dtype=np.float64),
        )

    def _check_limits(self) -> None:
        layers = self.workload.layers
        streams = len(self.workload.inputs) + sum(max(parts) for parts in self.parts.values())
        faults = []
        if streams >= at.MOST_STREAMS:
            hint = "Larger weight memories, or fewer layers, give fewer"
            faults.append(Fault(f"up to {streams} K-parts are needed; at most {at.MOST_STREAMS - 1} can be scheduled", hint=hint))
        faults += [
            Fault(f"layer {layer.name} has {layer.sizes.product:.0e} operations", expected=f"at most {MOST_OPERATIONS:.0e}")
            for layer in layers
            if layer.sizes.product > MOST_OPERATIONS
        ]
        for index, sizes in enumerate(self.choices.tiles):
            tiles = max(-(-layers[index].rows // t.rows) * -(-layers[index].columns // t.columns) for t in sizes)
            if tiles >= at.MOST_TILES:
                faults.append(
                    Fault(f"layer {layers[index].name} can be cut into {tiles} tiles; at most {at.MOST_TILES - 1} can be scheduled")
                )
        if faults:
            raise InputError(f"{self.workload.name} on {self.chip.accelerator.name}", faults)

    # ------------------------------------------------------------------------------------------------ buffer

    def _reserve(self, count: int) -> int:
        start = len(self.words)
        self.words.extend([0] * count)
        return start

    def _append(self, values: Sequence[int]) -> int:
        start = len(self.words)
        self.words.extend(values)
        return start

    # ------------------------------------------------------------------------------------------------ chip

    def _chip_tables(self) -> None:
        chip, words = self.chip, self.words
        nodes = range(len(chip.accelerator.cores) + 1)
        words[at.Q_CORES], words[at.Q_MEMORIES], words[at.Q_LINKS] = len(nodes) - 1, len(chip.names), len(chip.accelerator.links)
        words[at.Q_DMA_CHANNELS], words[at.Q_WEIGHTS_FIRST] = chip.accelerator.dma_channels, int(chip.loads_weights_first)
        words[at.Q_DRAM_WIDTH] = chip.accelerator.dram.bits_per_cycle
        words[at.Q_CORE_MEMORY] = self._append([memory for row in chip.core_memories for memory in row])
        words[at.Q_CORE_CLASS] = self._append(core_kinds(self.choices, self.book))
        words[at.Q_CAPACITY] = self._append(chip.capacities)
        words[at.Q_READ_WIDTH] = self._append([port.bits_per_cycle for port in chip.read_ports])
        words[at.Q_WRITE_WIDTH] = self._append([port.bits_per_cycle for port in chip.write_ports])
        words[at.Q_READ_UNIT] = self._append([port.unit_bits for port in chip.read_ports])
        words[at.Q_WRITE_UNIT] = self._append([port.unit_bits for port in chip.write_ports])
        widths = [link.bits_per_cycle for link in chip.accelerator.links]
        words[at.Q_LINK_WIDTH] = self._append(widths)
        words[at.Q_ENTRY] = self._append([core for row in chip.entries for core in row])
        paths = [chip.paths[a][b] or () for a in nodes for b in nodes]
        words[at.Q_PATH_WIDTH] = self._append([min([_WIDE, *(widths[link] for link in path)]) for path in paths])
        starts = [self._append([len(path), *path]) for path in paths]
        words[at.Q_PATH] = self._append(starts)

    # ------------------------------------------------------------------------------------------------ inputs

    def _cut_input(self, producer: int, rows: int, columns: int) -> None:
        """Make one grid per choice of the first reader: it is cut where that reader's windows begin or end."""
        for consumer, layer in enumerate(self.workload.layers):
            edge = next((edge for edge in layer.edges if edge.producer == producer), None)
            if edge is not None:
                self.readers[producer] = consumer, edge
                row_map, column_map = (WHOLE if relation.source is Axis.CHANNELS else relation for relation in separable(edge))
                self.row_grids[producer] = [window_edges(row_map, rows, bounds) for bounds in self._driving(consumer, row_map)]
                self.column_grids[producer] = [window_edges(column_map, columns, bounds) for bounds in self._driving(consumer, column_map)]
                return
        self.row_grids[producer], self.column_grids[producer] = [(0, rows)], [(0, columns)]

    def _driving(self, consumer: int, relation: AxisMap) -> Sequence[Sequence[int]]:
        grids = {Axis.ROWS: self.row_grids, Axis.COLUMNS: self.column_grids}.get(relation.source or Axis.CHANNELS)
        return [(0, 1)] if grids is None else grids[consumer]

    def _input(self, producer: int, record: int) -> None:
        source = self.workload.inputs[-1 - producer]
        words = self.words
        words[record + at.L_CHANNELS] = source.channels
        words[record + at.L_UNIT] = source.batch * source.bits
        self._grid_tables(producer, record)
        consumer, edge = self.readers.get(producer, (-1, None))
        words[record + at.L_READER] = consumer
        if edge is not None:
            for field, relation in zip((at.L_READER_ROW_AXIS, at.L_READER_COLUMN_AXIS), separable(edge), strict=True):
                words[record + field] = _AXES[relation.source] if relation.source is not Axis.CHANNELS else at.NO_AXIS

    def _grid_tables(self, producer: int, record: int) -> None:
        for field, grids in ((at.L_ROW_GRIDS, self.row_grids), (at.L_COLUMN_GRIDS, self.column_grids)):
            starts = [self._append([len(bounds) - 1, *bounds]) for bounds in grids[producer]]
            self.words[record + field] = self._append(starts)

    # ------------------------------------------------------------------------------------------------ layers

    def _layer(self, index: int, record: int) -> None:
        layer, words = self.workload.layers[index], self.words
        words[record + at.L_CHANNELS] = layer.channels
        words[record + at.L_UNIT] = layer.sizes.B * layer.bits.O_final
        words[record + at.L_WEIGHTS] = layer.weight_bits
        words[record + at.L_OUTPUT] = int(index in self.workload.outputs)
        self._grid_tables(index, record)
        steps = [_options([t.rows for t in self.choices.tiles[index]]), _options([t.columns for t in self.choices.tiles[index]])]
        options = [value for tile in self.choices.tiles[index] for value in (steps[0].index(tile.rows), steps[1].index(tile.columns))]
        words[record + at.L_TILES] = self._append(options)
        words[record + at.L_TILE_OPTIONS] = len(self.choices.tiles[index])
        places = []
        for place in self.choices.placements[index]:
            cores = self._append(place.cores)
            places += [place.parts, len(place.cores), self.parts[index].index(place.parts), cores]
        words[record + at.L_PLACES] = self._append(places)
        words[record + at.L_PART_OPTIONS] = len(self.parts[index])
        edges = words[record + at.L_EDGES] = self._reserve(len(layer.edges) * at.E_SIZE)
        words[record + at.L_EDGE_COUNT] = len(layer.edges)
        for number, edge in enumerate(layer.edges):
            self._edge(index, edge, edges + number * at.E_SIZE)

    def _edge(self, consumer: int, edge: Edge, record: int) -> None:
        words = self.words
        rows, columns = separable(edge)
        words[record + at.E_PRODUCER], words[record + at.E_OPERAND] = edge.producer, OPERANDS.index(edge.operand)
        words[record + at.E_ROW_AXIS], words[record + at.E_COLUMN_AXIS] = _AXES[rows.source], _AXES[columns.source]
        words[record + at.E_ROW_OPTIONS] = len(self.row_grids[edge.producer])
        words[record + at.E_COLUMN_OPTIONS] = len(self.column_grids[edge.producer])
        words[record + at.E_ROW_TABLES] = self._interval_tables(consumer, rows, self.row_grids[edge.producer])
        words[record + at.E_COLUMN_TABLES] = self._interval_tables(consumer, columns, self.column_grids[edge.producer])
        relation = edge.channels if edge.channels.source in (None, Axis.CHANNELS) else WHOLE
        words[record + at.E_BY_CHANNEL] = int(relation.source is not None)
        words[record + at.E_SCALE], words[record + at.E_DIVISOR] = relation.scale, relation.divisor
        words[record + at.E_LOW], words[record + at.E_HIGH] = relation.low, relation.high

    def _interval_tables(self, consumer: int, relation: AxisMap, producer: Sequence[Sequence[int]]) -> int:
        """Tabulate intervals for every option of the consumer's driving axis times every option of the producer's grid.

        A table is [widest extent, (first, end) per position, readers per producer tile]; for an axis driven by channels one table per
        K-part follows another.
        """
        starts = []
        if relation.source is Axis.CHANNELS:
            channels = self.workload.layers[consumer].channels
            driving: Sequence[Sequence[Sequence[int]]] = [
                [(part * (channels // parts), (part + 1) * (channels // parts)) for part in range(parts)] for parts in self.parts[consumer]
            ]
        else:
            driving = [[bounds] for bounds in self._driving(consumer, relation)]
        for groups, grid in product(driving, producer):
            starts.append(len(self.words))
            for bounds in groups:
                self.words.extend(_interval_table(relation, bounds, grid))
        return self._append(starts)

    def _widest(self, consumer: int, edge: Edge, tile: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the (least, most) rows and columns that a tile holds of a producer, over all grids of the producer."""
        found = []
        size = self.choices.tiles[consumer][tile]
        grids = (self.row_grids[edge.producer], self.column_grids[edge.producer])
        for relation, options in zip(separable(edge), grids, strict=True):
            extent = options[0][-1]
            if relation.source in (None, Axis.CHANNELS):
                found.append((0 if relation.source else extent, extent))
                continue
            whole = self.workload.layers[consumer].rows if relation.source is Axis.ROWS else self.workload.layers[consumer].columns
            bounds = tile_grid(whole, size.rows if relation.source is Axis.ROWS else size.columns)
            widest = [_interval_table(relation, bounds, grid)[0] for grid in options]
            found.append((min(widest), max(widest)))
        return found[0], found[1]


def _options(steps: Sequence[int]) -> list[int]:
    """Return the different steps in order of first appearance."""
    return list(dict.fromkeys(steps))


def _grids(extent: int, steps: Sequence[int]) -> list[tuple[int, ...]]:
    return [tile_grid(extent, step) for step in _options(steps)]


def _interval_table(relation: AxisMap, bounds: Sequence[int], grid: Sequence[int]) -> list[int]:
    """Return [widest extent, (first, end) per position, readers per producer tile] for consumer tiles with `bounds`."""
    edges = np.asarray(grid, dtype=np.int64)
    if relation.source is None:
        tiles = len(edges) - 1
        return [int(edges[-1]), 0, tiles, *([1] * tiles)]
    begin, end = np.asarray(bounds[:-1], dtype=np.int64), np.asarray(bounds[1:], dtype=np.int64)
    extent = int(edges[-1])
    low = np.clip((relation.scale * begin + relation.low) // relation.divisor, 0, extent)
    high = np.clip((relation.scale * (end - 1) + relation.high) // relation.divisor + 1, 0, extent)
    first = np.searchsorted(edges, low, side="right") - 1
    last = np.searchsorted(edges, high, side="left")
    empty = low >= high
    first, last = np.where(empty, 0, first), np.where(empty, 0, last)
    change = np.zeros(len(edges), dtype=np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, last, -1)
    readers = np.cumsum(change)[:-1]
    widest = int(np.max(edges[last] - edges[first], initial=0))
    return [widest, *np.stack([first, last], axis=1).ravel().tolist(), *readers.tolist()]
