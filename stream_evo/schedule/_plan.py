"""A mapping spelled out: streams of tiles, what they read, what they cost. The plain input of the reference scheduler."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping, Priority, part_core, resolve_dataflow
from stream_evo.schedule._chip import Chip
from stream_evo.schedule._figures import OPERANDS, TileFigures, choose_streamed
from stream_evo.workload import WHOLE, Axis, AxisMap, Edge, Operand, Workload

__all__ = ["CostBook", "Plan", "Reads", "Stream", "build_plan", "separable", "tile_grid", "window_edges"]

Interval = tuple[int, int]


class CostBook(Protocol):
    """Where a plan looks up what a tile costs."""

    def tile(self, layer: int, parts: int, rows: int, columns: int, core: int, dataflow: str, streamed: frozenset[Operand]) -> TileFigures:
        """Return the figures of a tile of `rows` x `columns` of one of `parts` K-parts of `layer` on `core`.

        `streamed` operands pass through from or to DRAM instead of living on the core. Where no loop order makes that legal, the
        figures are those of the smallest larger set of streamed operands that is, or say that none is.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reads:
    """What the tiles of a stream read through one edge.

    Attributes:
        producers: Streams read from: the K-parts whose channels are needed.
        operand: Operand that is fed.
        cut: True if the consumer waits for the whole producer.
        row_axis: The consumer's axis that selects producer rows; ``None`` if all its tiles read the same.
        column_axis: The consumer's axis that selects producer columns.
        rows: Intervals of producer tile rows by tile position along `row_axis`.
        columns: Intervals of producer tile columns by tile position along `column_axis`.
    """

    producers: range
    operand: Operand
    cut: bool
    row_axis: Axis | None
    column_axis: Axis | None
    rows: tuple[Interval, ...]
    columns: tuple[Interval, ...]

    def window(self, tile_row: int, tile_column: int) -> tuple[Interval, Interval]:
        """Return the intervals of producer tile rows and columns that a tile reads."""
        at = {Axis.ROWS: tile_row, Axis.COLUMNS: tile_column}
        return self.rows[at.get(self.row_axis or Axis.CHANNELS, 0)], self.columns[at.get(self.column_axis or Axis.CHANNELS, 0)]


@dataclass(frozen=True, slots=True)
class Stream:
    """The tiles of one K-part of a layer, or the pieces of a network input, in raster order.

    Attributes:
        layer: Layer index; ``-1 - i`` for network input ``i``.
        part: K-part.
        core: Core that runs it; -1 for an input.
        stack: Fused stack; -1 for an input.
        row_bounds: Where tile rows begin and the last ends, in output rows.
        column_bounds: The same for columns.
        unit_bits: Bits of one output position over all channels of the part.
        weight_bits: Weights of the part that live on the core.
        streams_weights: True if the part has weights that do not live on the core.
        needed_bits: Most space that the activations of one tile need as I, W and O.
        figures: Cost of a tile at corner ``2 * (last row) + (last column)``.
        buffer_bits: Space (I, W, O) that streamed operands occupy while a tile runs.
        is_output: True if the tiles leave the network.
        reads: Its edges.
    """

    layer: int
    part: int
    core: int
    stack: int
    row_bounds: tuple[int, ...]
    column_bounds: tuple[int, ...]
    unit_bits: int
    weight_bits: int = 0
    streams_weights: bool = False
    needed_bits: tuple[int, int, int] = (0, 0, 0)
    figures: tuple[TileFigures, ...] = ()
    buffer_bits: tuple[int, int, int] = (0, 0, 0)
    is_output: bool = False
    reads: tuple[Reads, ...] = ()

    @property
    def streamed(self) -> frozenset[Operand]:
        """Operands that pass through from or to DRAM."""
        return self.figures[0].streamed if self.figures else frozenset()

    @property
    def tile_rows(self) -> int:
        """Number of tile rows."""
        return len(self.row_bounds) - 1

    @property
    def tile_columns(self) -> int:
        """Number of tile columns."""
        return len(self.column_bounds) - 1

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return self.tile_rows * self.tile_columns

    def tile_bits(self, tile: int) -> int:
        """Return the output bits of a tile."""
        row, column = divmod(tile, self.tile_columns)
        height = self.row_bounds[row + 1] - self.row_bounds[row]
        return height * (self.column_bounds[column + 1] - self.column_bounds[column]) * self.unit_bits

    def tile_figures(self, tile: int) -> TileFigures:
        """Return the cost of a tile."""
        row, column = divmod(tile, self.tile_columns)
        return self.figures[2 * (row == self.tile_rows - 1) + (column == self.tile_columns - 1)]

    def tiles_read(self, reads: Reads, tile: int, producer: Stream) -> tuple[int, ...]:
        """Return the tiles of `producer` that `tile` reads, in raster order."""
        (r0, r1), (c0, c1) = reads.window(*divmod(tile, self.tile_columns))
        return tuple(r * producer.tile_columns + c for r in range(r0, r1) for c in range(c0, c1))


@dataclass(frozen=True, slots=True)
class Plan:
    """Streams of a mapping: network inputs first, then layers in order, K-parts within a layer in order.

    Attributes:
        streams: All streams; the position is the stream's index.
        priority: Scheduling priority.
    """

    streams: tuple[Stream, ...]
    priority: Priority


def tile_grid(extent: int, step: int) -> tuple[int, ...]:
    """Return where tiles of `step` begin along an axis of `extent`, and its end."""
    return (*range(0, extent, step), extent)


def separable(edge: Edge) -> tuple[AxisMap, AxisMap]:
    """Return the row and column relations of an edge such that they are driven by different axes of the consumer.

    Where one axis of the consumer drives both, all columns are taken: a superset, and the number of readers of a tile stays a product of
    one count per axis.
    """
    same = edge.rows.source is not None and edge.rows.source == edge.columns.source
    return edge.rows, WHOLE if same else edge.columns


def window_edges(relation: AxisMap, extent: int, bounds: Sequence[int]) -> tuple[int, ...]:
    """Return where the windows of consecutive tiles begin or end on an axis of `extent`, with 0 and the end."""
    edges = {edge for lo, hi in pairwise(bounds) for edge in relation.interval(lo, hi, extent)}
    return tuple(sorted(edges | {0, extent}))


@dataclass(frozen=True, slots=True)
class _Builder:
    workload: Workload
    chip: Chip
    mapping: Mapping
    book: CostBook
    grids: MappingABC[int, tuple[tuple[int, ...], tuple[int, ...]]]
    first: MappingABC[int, int]

    def parts(self, producer: int) -> int:
        return 1 if producer < 0 else self.mapping.layers[producer].parts

    def channels(self, producer: int) -> int:
        return self.workload.inputs[-1 - producer].channels if producer < 0 else self.workload.layers[producer].channels

    def reads(self, consumer: int, part: int) -> tuple[Reads, ...]:
        """Return the edges of one K-part."""
        layer, entry = self.workload.layers[consumer], self.mapping.layers[consumer]
        share = layer.channels // entry.parts
        own = {
            Axis.ROWS: self.grids[consumer][0],
            Axis.COLUMNS: self.grids[consumer][1],
            Axis.CHANNELS: (part * share, (part + 1) * share),
        }
        found = []
        for edge in layer.edges:
            total, parts = self.channels(edge.producer), self.parts(edge.producer)
            relation = edge.channels if edge.channels.source in (None, Axis.CHANNELS) else WHOLE
            low, high = relation.interval(part * share, (part + 1) * share, total)
            if low >= high:
                continue
            size = total // parts
            base = self.first[edge.producer]
            rows, columns = separable(edge)
            cut = edge.producer >= 0 and self.mapping.layers[edge.producer].stack != entry.stack
            found.append(
                Reads(
                    range(base + low // size, base + -(-high // size)),
                    edge.operand,
                    cut,
                    rows.source,
                    columns.source,
                    _tile_intervals(rows, own, self.grids[edge.producer][0]),
                    _tile_intervals(columns, own, self.grids[edge.producer][1]),
                )
            )
        return tuple(found)

    def stream(self, index: int, part: int, streams: Sequence[Stream]) -> Stream:
        """Return one K-part of a layer, with the costs that follow from what fits on its core."""
        layer, entry = self.workload.layers[index], self.mapping.layers[index]
        core = self.chip.accelerator.cores
        at = [slot.name for slot in core].index(part_core(entry, part))
        share = layer.channels // entry.parts
        rows, columns = self.grids[index]
        draft = Stream(
            index,
            part,
            at,
            entry.stack,
            rows,
            columns,
            layer.sizes.B * share * layer.bits.O_final,
            is_output=index in self.workload.outputs,
            reads=self.reads(index, part),
        )
        memories = self.chip.core_memories[at]
        weights = layer.weight_bits // entry.parts
        need = [_most_read(draft, streams, operand) for operand in (Operand.I, Operand.W)]
        needed = (need[0], need[1] + weights, draft.tile_bits(0))
        streamed = choose_streamed(needed, memories, self.chip.capacities)
        flow = resolve_dataflow(core[at].core, layer, self.mapping.dataflows.get(core[at].name)).name
        full = self.book.tile(index, entry.parts, entry.tile_rows, entry.tile_columns, at, flow, streamed)
        last_rows, last_columns = rows[-1] - rows[-2], columns[-1] - columns[-2]
        corners = tuple(
            self.book.tile(index, entry.parts, height, width, at, flow, full.streamed)
            for height in (entry.tile_rows, last_rows)
            for width in (entry.tile_columns, last_columns)
        )
        return replace(
            draft,
            weight_bits=0 if Operand.W in full.streamed else weights,
            streams_weights=weights > 0 and Operand.W in full.streamed,
            needed_bits=(need[0], need[1], needed[2]),
            figures=(replace(corners[0], streamed=full.streamed), *corners[1:]),
            buffer_bits=self._buffers(full, needed, memories),
        )

    def _buffers(self, full: TileFigures, needed: tuple[int, int, int], memories: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the space of streamed operands, shrunk to what the resident ones leave."""
        room = list(self.chip.capacities)
        for position, operand in enumerate(OPERANDS):
            if operand not in full.streamed and memories[position] >= 0:
                room[memories[position]] -= needed[position]
        buffers = [0, 0, 0]
        for position, operand in enumerate(OPERANDS):
            memory = memories[position]
            if operand in full.streamed and memory >= 0:
                buffers[position] = max(0, min(full.held_bits[position], room[memory]))
                room[memory] -= buffers[position]
        return buffers[0], buffers[1], buffers[2]


def _tile_intervals(relation: AxisMap, own: MappingABC[Axis, Sequence[int]], producer: Sequence[int]) -> tuple[Interval, ...]:
    """Return per tile along the driving axis the interval of producer tiles it reads."""
    bounds = own[relation.source] if relation.source is not None else (0, 1)
    found = []
    for lo, hi in pairwise(bounds):
        low, high = relation.interval(lo, hi, producer[-1])
        touched = [tile for tile, (begin, end) in enumerate(pairwise(producer)) if begin < high and low < end]
        found.append((touched[0], touched[-1] + 1) if touched and low < high else (0, 0))
    return tuple(found)


def _most_read(stream: Stream, streams: Sequence[Stream], operand: Operand) -> int:
    """Return an upper bound of the bits one tile holds of `operand`: the widest rows times the widest columns of each edge."""
    total = 0
    for reads in stream.reads:
        if reads.operand is operand:
            for index in reads.producers:
                producer = streams[index]
                height = max(producer.row_bounds[b] - producer.row_bounds[a] for a, b in reads.rows)
                width = max(producer.column_bounds[b] - producer.column_bounds[a] for a, b in reads.columns)
                total += height * width * producer.unit_bits
    return total


def build_plan(workload: Workload, accelerator: Accelerator, mapping: Mapping, book: CostBook) -> Plan:
    """Spell out `mapping`: the readable twin of the compiled lowering.

    A network input is cut where the windows of its first reader begin or end, so that every piece is fetched once.
    """
    grids = {
        index: (tile_grid(layer.rows, entry.tile_rows), tile_grid(layer.columns, entry.tile_columns))
        for index, (layer, entry) in enumerate(zip(workload.layers, mapping.layers, strict=True))
    }
    for index, source in enumerate(workload.inputs):
        grids[-1 - index] = (0, source.rows), (0, source.columns)
        reader = next(((c, e) for c, layer in enumerate(workload.layers) for e in layer.edges if e.producer == -1 - index), None)
        if reader is not None:
            consumer, edge = reader
            own = {Axis.ROWS: grids[consumer][0], Axis.COLUMNS: grids[consumer][1]}
            rows, columns = (own.get(relation.source or Axis.CHANNELS, (0, 1)) for relation in separable(edge))
            relations = [r if r.source is not Axis.CHANNELS else WHOLE for r in separable(edge)]
            grids[-1 - index] = window_edges(relations[0], source.rows, rows), window_edges(relations[1], source.columns, columns)
    first: dict[int, int] = {}
    streams: list[Stream] = []
    builder = _Builder(workload, Chip(accelerator), mapping, book, grids, first)
    for index, source in enumerate(workload.inputs):
        first[-1 - index] = len(streams)
        streams.append(Stream(-1 - index, 0, -1, -1, *grids[-1 - index], unit_bits=source.batch * source.channels * source.bits))
    for index, entry in enumerate(mapping.layers):
        first[index] = len(streams)
        streams += [builder.stream(index, part, streams) for part in range(entry.parts)]
    return Plan(tuple(streams), mapping.priority)
