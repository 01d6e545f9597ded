"""Hypothesis strategies of small legal networks, chips, spaces of mappings, genomes and mappings.

Everything drawn is legal by construction; sizes are small enough for the plain-Python scheduler and the smallest memories too small for
some tiles, so that waiting, eviction, streaming and overflow all occur.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from stream_evo.hardware import (
    Accelerator,
    ArrayDimension,
    Core,
    CoreSlot,
    Dataflow,
    Direction,
    Dram,
    Link,
    Memory,
    Port,
    PortKind,
    SharedMemory,
    WeightLoad,
)
from stream_evo.mapping import DataflowPin, GenomeOptions, GenomeSpec, LayerPin, Mapping, Pins
from stream_evo.typing import IntArray
from stream_evo.workload import (
    WHOLE,
    Axis,
    AxisMap,
    Bits,
    Edge,
    Layer,
    LoopSizes,
    NetworkInput,
    Operand,
    OperatorKind,
    Padding,
    Workload,
)

__all__ = ["accelerators", "cores", "genomes", "mappings", "pins", "specs", "workloads"]

CONV, GEMM, POOL, ELEMENTWISE = OperatorKind.CONV, OperatorKind.GEMM, OperatorKind.POOL, OperatorKind.ELEMENTWISE
I, W, O = Operand.I, Operand.W, Operand.O  # noqa: E741  # the field's own letters
SAME_ROWS, SAME_COLUMNS, SAME_CHANNELS = AxisMap(Axis.ROWS), AxisMap(Axis.COLUMNS), AxisMap(Axis.CHANNELS)

# ------------------------------------------------------------------------------------------------------------- networks


@dataclass(frozen=True)
class _Map:
    """A feature map that later layers can read."""

    producer: int
    channels: int
    rows: int
    columns: int

    @property
    def extent(self) -> tuple[int, int]:
        return self.rows, self.columns


@dataclass(frozen=True)
class _Window:
    """A sliding window along one axis of a map, and the outputs it gives."""

    outputs: int
    taps: int
    stride: int
    dilation: int
    before: int
    after: int

    def relation(self, axis: Axis) -> AxisMap:
        return AxisMap(axis, self.stride, -self.before, self.dilation * (self.taps - 1) - self.before)


@st.composite
def _windows(draw: st.DrawFn, extent: int) -> _Window:
    taps = draw(st.integers(1, 3))
    dilation, stride = draw(st.sampled_from((1, 1, 1, 2))), draw(st.sampled_from((1, 1, 2, 3)))
    before, after = draw(st.integers(0, taps - 1)), draw(st.integers(0, taps - 1))
    reach = dilation * (taps - 1)
    if extent + before + after <= reach:
        taps, dilation, before, after, reach = 1, 1, 0, 0, 0
    outputs = (extent + before + after - reach - 1) // stride + 1
    touched_after = max(0, (outputs - 1) * stride + reach - before - (extent - 1))
    return _Window(outputs, taps, stride, dilation, before, touched_after)


def _layer(
    index: int,
    kind: OperatorKind,
    operator: str,
    sizes: LoopSizes,
    edges: list[Edge],
    bits: Bits,
    windows: tuple[_Window, ...] = (),
    cycles_per_operation: int = 1,
) -> Layer:
    rows, columns = windows or (_Window(1, 1, 1, 1, 0, 0),) * 2
    constant = kind in (CONV, GEMM) and all(edge.operand is not W for edge in edges)
    return Layer(
        f"layer{index}.{operator}",
        kind,
        operator,
        sizes,
        stride=(rows.stride, columns.stride),
        dilation=(rows.dilation, columns.dilation),
        padding=Padding(rows.before, columns.before, rows.after, columns.after),
        bits=bits,
        constant_weights=constant,
        edges=tuple(edges),
        cycles_per_operation=cycles_per_operation,
    )


@st.composite
def _conv(draw: st.DrawFn, index: int, maps: list[_Map], batch: int, bits: Bits) -> Layer:
    """A convolution: plain, grouped or depthwise, of one map or of several stacked along the channels."""
    first = draw(st.sampled_from(maps))
    stacked = [other for other in maps if other.extent == first.extent and other != first]
    sources = [first, *(draw(st.lists(st.sampled_from(stacked), max_size=2, unique=True)) if stacked else [])]
    windows = draw(_windows(first.rows)), draw(_windows(first.columns))
    channels = sum(source.channels for source in sources)
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    outputs = draw(st.sampled_from((1, 1, 2))) if groups > 1 else draw(st.integers(1, 8))
    sizes = LoopSizes(batch, groups, outputs, channels // groups, *(w.outputs for w in windows), *(w.taps for w in windows))
    rows, columns = windows[0].relation(Axis.ROWS), windows[1].relation(Axis.COLUMNS)
    edges, offset = [], 0
    for source in sources:
        per_group = channels // groups  # output channel o reads inputs [o // outputs * per_group, ... + per_group)
        # The interval of a fraction with divisor `outputs`; low and high are shifted by the channels stacked before.
        relation = AxisMap(
            Axis.CHANNELS,
            per_group,
            -(outputs - 1) * per_group - offset * outputs,
            (per_group - 1) * outputs - offset * outputs,
            outputs,
        )
        edges.append(Edge(source.producer, I, rows, columns, relation if groups > 1 else WHOLE))
        offset += source.channels
    return _layer(index, CONV, "Conv", sizes, edges, bits, windows)


@st.composite
def _pool(draw: st.DrawFn, index: int, maps: list[_Map], batch: int, bits: Bits) -> Layer:
    """Pooling by windows, or over the whole map."""
    source = draw(st.sampled_from(maps))
    if draw(st.booleans()):
        sizes = LoopSizes(B=batch, K=source.channels, FY=source.rows, FX=source.columns)
        return _layer(index, POOL, "GlobalPool", sizes, [Edge(source.producer, I, WHOLE, WHOLE, SAME_CHANNELS)], bits)
    windows = draw(_windows(source.rows)), draw(_windows(source.columns))
    sizes = LoopSizes(batch, 1, source.channels, 1, *(w.outputs for w in windows), *(w.taps for w in windows))
    edge = Edge(source.producer, I, windows[0].relation(Axis.ROWS), windows[1].relation(Axis.COLUMNS), SAME_CHANNELS)
    return _layer(index, POOL, "Pool", sizes, [edge], bits, windows)


@st.composite
def _elementwise(draw: st.DrawFn, index: int, maps: list[_Map], batch: int, bits: Bits) -> Layer:
    """An operator element by element: of one map (also shifted, enlarged, normalised or stacked), or of two (also broadcast)."""
    first = draw(st.sampled_from(maps))
    form = draw(st.sampled_from(("plain", "slice", "resize", "softmax", "stack", "add", "broadcast")))
    channels, rows, columns = first.channels, first.rows, first.columns
    edges = [Edge(first.producer, I, SAME_ROWS, SAME_COLUMNS, SAME_CHANNELS)]
    if form == "slice":
        shift = draw(st.integers(0, rows - 1))
        rows -= shift
        edges = [Edge(first.producer, I, AxisMap(Axis.ROWS, low=shift, high=shift), SAME_COLUMNS, SAME_CHANNELS)]
    elif form == "resize":
        rows, columns = 2 * rows, 2 * columns
        edges = [Edge(first.producer, I, AxisMap(Axis.ROWS, divisor=2), AxisMap(Axis.COLUMNS, divisor=2), SAME_CHANNELS)]
    elif form == "softmax":
        edges = [Edge(first.producer, I, SAME_ROWS, SAME_COLUMNS, WHOLE)]
    elif form in ("stack", "add"):
        second = draw(st.sampled_from([m for m in maps if m.extent == first.extent and (form == "stack" or m.channels == first.channels)]))
        if form == "stack":
            channels += second.channels
            edges.append(
                Edge(second.producer, I, SAME_ROWS, SAME_COLUMNS, AxisMap(Axis.CHANNELS, low=-first.channels, high=-first.channels))
            )
        else:
            edges.append(Edge(second.producer, W, SAME_ROWS, SAME_COLUMNS, SAME_CHANNELS))
    elif form == "broadcast":
        edges.append(Edge(draw(st.sampled_from(maps)).producer, W))
    sizes = LoopSizes(B=batch, K=channels, OY=rows, OX=columns)
    return _layer(index, ELEMENTWISE, form, sizes, edges, bits, cycles_per_operation=draw(st.sampled_from((1, 1, 4))))


@st.composite
def _gemm(draw: st.DrawFn, index: int, maps: list[_Map], batch: int, bits: Bits) -> Layer:
    """A matrix product with weights, or with the transpose of another map: its rows follow the consumer's channels."""
    first = draw(st.sampled_from(maps))
    edges = [Edge(first.producer, I, SAME_ROWS, SAME_COLUMNS, WHOLE)]
    others = [other for other in maps if other.channels == first.channels]
    outputs = draw(st.integers(1, 12))
    if draw(st.booleans()):
        second = draw(st.sampled_from(others))
        outputs = second.rows
        edges.append(Edge(second.producer, W, SAME_CHANNELS, WHOLE, WHOLE))
    sizes = LoopSizes(B=batch, K=outputs, C=first.channels, OY=first.rows, OX=first.columns)
    return _layer(index, GEMM, "MatMul", sizes, edges, bits)


@st.composite
def workloads(draw: st.DrawFn, max_layers: int = 8, max_extent: int = 9) -> Workload:
    """Networks of 1 to `max_layers` layers of all kinds, with branches, several inputs and several outputs."""
    batch = draw(st.sampled_from((1, 1, 1, 2)))
    bits = draw(st.sampled_from((Bits(), Bits(4, 4, 8, 4), Bits(8, 4, 24, 16))))
    inputs, maps = [], []
    for number in range(draw(st.integers(1, 3))):
        channels, rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, max_extent)), draw(st.integers(1, max_extent))
        inputs.append(NetworkInput(f"input{number}", channels, rows, columns, batch, bits.I))
        maps.append(_Map(-1 - number, channels, rows, columns))
    layers: list[Layer] = []
    for index in range(draw(st.integers(1, max_layers))):
        recent = maps[-4:]  # so that chains are more likely than fans
        kind = draw(st.sampled_from((_conv, _conv, _pool, _elementwise, _elementwise, _gemm)))
        layer = draw(kind(index, recent, batch, bits))
        layers.append(layer)
        maps.append(_Map(index, layer.channels, layer.rows, layer.columns))
    outputs = draw(st.lists(st.integers(0, len(layers) - 1), max_size=2))
    return Workload("random", tuple(layers), tuple(inputs), tuple(outputs))


# ------------------------------------------------------------------------------------------------------------- chips


def _memory(
    name: str, size_bits: int, operands: tuple[Operand, ...], shared_over: tuple[str, ...], width: int, *, single_port: bool
) -> Memory:
    reads = [(operand, direction) for operand in operands for direction in (Direction.TO_LOW, Direction.TO_HIGH)]
    writes = [(operand, direction) for operand in operands for direction in (Direction.FROM_HIGH, Direction.FROM_LOW)]
    served = [pair for pair in reads if pair[0] is O or pair[1] is Direction.TO_LOW]
    filled = [pair for pair in writes if pair[0] is O or pair[1] is Direction.FROM_HIGH]
    least = min(width, 8)
    if single_port:
        ports: tuple[Port, ...] = (Port("rw", PortKind.READ_WRITE, least, width, (*served, *filled)),)
    else:
        ports = Port("r", PortKind.READ, least, width, tuple(served)), Port("w", PortKind.WRITE, least, width, tuple(filled))
    return Memory(name, size_bits, operands, shared_over, ports, read_pj=1.0 + width / 64, write_pj=1.25 + width / 32)


@st.composite
def cores(draw: st.DrawFn, operators: tuple[OperatorKind, ...] = tuple(OperatorKind)) -> Core:
    """Cores with one or two dataflows, perhaps registers, and one, two or three top memories of 48 B to 64 KiB."""
    array = (ArrayDimension("D1", draw(st.sampled_from((1, 2, 4)))), ArrayDimension("D2", draw(st.sampled_from((1, 3)))))
    dims = ("D1", "D2")
    needs_weights = set(operators) != {POOL}
    present = (I, W, O) if needs_weights else (I, O)
    memories = []
    if draw(st.booleans()):
        operand = draw(st.sampled_from(present))
        memories.append(_memory("registers", 512, (operand,), (), 32, single_port=False))
    groups = draw(st.sampled_from((((I, W, O),), ((W,), (I, O)), ((I,), (W,), (O,)), ((I, W), (O,)))))
    size = draw(st.sampled_from((48, 96, 160, 320, 65536))) * 8
    for group in groups:
        operands = tuple(operand for operand in group if operand in present)
        if operands:
            name = "sram_" + "".join(operands)
            own = size * draw(st.sampled_from((1, 1, 2)))
            memories.append(_memory(name, own, operands, dims, draw(st.sampled_from((8, 32, 128))), single_port=draw(st.booleans())))
    flows = [Dataflow("KC", (("D1", (("K", 4),)), ("D2", (("C", 3),))))]
    if draw(st.booleans()):
        flows.append(Dataflow("OXFY", (("D1", (("OX", 4),)), ("D2", (("FY", 3),)))))
    if draw(st.booleans()):
        flows.append(Dataflow("G", (("D1", (("G", 4),)),), depthwise_only=True))
    return Core("core", array, tuple(memories), tuple(flows), operators, draw(st.sampled_from((0.04, 0.5))))


def _wires(cores: int, form: str, dram: str, width: int, dram_width: int) -> tuple[Link, ...]:
    """Return links: a bus (perhaps with the DRAM on it), a chain of neighbours, or no way between cores but through the DRAM."""
    links = []
    nodes = range(cores)
    if form == "bus_with_dram":
        pairs = tuple((a, b) for a in range(cores + 1) for b in range(cores + 1) if a != b)
        return (Link("bus", width, 0.125, pairs),)
    if form == "bus" and cores > 1:
        links.append(Link("bus", width, 0.125, tuple((a, b) for a in nodes for b in nodes if a != b)))
    if form == "chain":
        for a in range(cores - 1):
            links += [Link(f"{a}_{a + 1}", width, 0.25, ((a, a + 1),)), Link(f"{a + 1}_{a}", width, 0.25, ((a + 1, a),))]
    reads, writes = tuple((cores, a) for a in nodes), tuple((a, cores) for a in nodes)
    if dram == "single":
        links.append(Link("dram", dram_width, 0.5, reads + writes))
    elif dram == "dual":
        links += [Link("dram_read", dram_width, 0.5, reads), Link("dram_write", dram_width, 0.5, writes)]
    else:
        links += [Link(f"dram_{a}", dram_width, 0.5, ((cores, a), (a, cores))) for a in nodes]
    return tuple(links)


@st.composite
def accelerators(draw: st.DrawFn, max_cores: int = 4) -> Accelerator:
    """Chips of 1 to `max_cores` cores; the first runs every kind of layer, so that every network has a place."""
    count = draw(st.integers(1, max_cores))
    kinds = [draw(cores())]
    shared: tuple[SharedMemory, ...] = ()
    if count > 1 and draw(st.booleans()):  # a twin of the first core, perhaps with a memory in common
        kinds.append(kinds[0])
        if draw(st.booleans()):
            name = draw(st.sampled_from([m.name for m in kinds[0].memories if m.name.startswith("sram")]))
            shared = (SharedMemory("common", ((0, name), (1, name))),)
    while len(kinds) < count:
        kinds.append(draw(cores(draw(st.sampled_from(((CONV, GEMM), (POOL,), (POOL, ELEMENTWISE), tuple(OperatorKind)))))))
    width, dram_width = draw(st.sampled_from((4, 32, 64))), draw(st.sampled_from((8, 64)))
    form = draw(st.sampled_from(("bus", "bus_with_dram", "chain", "none")))
    return Accelerator(
        "chip",
        tuple(CoreSlot(f"core{index}", kind) for index, kind in enumerate(kinds)),
        Dram("dram", 2**40, dram_width, 100.0, 120.0),
        _wires(count, form, draw(st.sampled_from(("single", "dual", "private"))), width, dram_width),
        shared,
        draw(st.sampled_from((1, 2))),
        draw(st.sampled_from(WeightLoad)),
    )


# ------------------------------------------------------------------------------------------------------------- mappings


def genomes(spec: GenomeSpec) -> st.SearchStrategy[IntArray]:
    """Vectors inside the bounds of `spec`, shape ``(V,)``."""
    ranges = zip(spec.lower.tolist(), spec.upper.tolist(), strict=True)
    return st.tuples(*(st.integers(low, high) for low, high in ranges)).map(lambda genes: np.array(genes, dtype=np.int64))


def mappings(spec: GenomeSpec) -> st.SearchStrategy[Mapping]:
    """Mappings that `spec` expresses."""
    return genomes(spec).map(spec.decode)


@st.composite
def pins(draw: st.DrawFn, spec: GenomeSpec) -> Pins:
    """Pins that hold together, because all are taken from one mapping of `spec`."""
    mapping = draw(mappings(spec))
    layers = []
    for index, entry in enumerate(mapping.layers):
        if draw(st.booleans()):
            last = index == len(mapping.layers) - 1
            layers.append(
                LayerPin(
                    entry.layer,
                    draw(st.sampled_from((None, entry.cores))),
                    *draw(st.sampled_from(((None, None), (entry.tile_rows, None), (entry.tile_rows, entry.tile_columns)))),
                    cut_after=None if last or draw(st.booleans()) else mapping.layers[index + 1].stack != entry.stack,
                )
            )
    names = draw(st.lists(st.sampled_from(spec.core_names), unique=True, max_size=2))
    flows = tuple(DataflowPin(name, mapping.dataflows[name]) for name in names)
    return Pins(tuple(layers), flows, draw(st.sampled_from((None, mapping.priority))))


@st.composite
def specs(draw: st.DrawFn, max_layers: int = 8, max_cores: int = 4) -> GenomeSpec:
    """Spaces of mappings of random networks on random chips, with any of the optional genes, without pins."""
    options = GenomeOptions(split=draw(st.booleans()), dataflow=draw(st.booleans()), priority=draw(st.booleans()))
    return GenomeSpec(draw(workloads(max_layers)), draw(accelerators(max_cores)), options)


def total_tiles(mapping: Mapping, workload: Workload) -> int:
    """Return the number of computation nodes of a mapping."""
    return sum(
        entry.parts * math.ceil(layer.rows / entry.tile_rows) * math.ceil(layer.columns / entry.tile_columns)
        for entry, layer in zip(mapping.layers, workload.layers, strict=True)
    )
