"""What must cross the DRAM port whatever the mapping: weights, what is read of network inputs, and network outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stream_evo.mapping import GenomeSpec
from stream_evo.workload import Axis, AxisMap, Edge, Layer, Operand, OperatorKind, Workload

__all__ = ["CompulsoryTensor", "axis_extent", "axis_relations", "compulsory_tensors", "map_shape", "touched_elements"]


@dataclass(frozen=True, slots=True)
class CompulsoryTensor:
    """Something that crosses the DRAM port.

    Attributes:
        bits: Bits that must cross.
        to_dram: True for an output.
        layer: Layer whose weights or outputs these are; -1 for an input.
        cores: Cores of which one at least moves it.
    """

    bits: int
    to_dram: bool
    layer: int
    cores: tuple[int, ...]


def compulsory_tensors(spec: GenomeSpec) -> Iterator[CompulsoryTensor]:
    """Yield what must cross the DRAM port (fact c)."""
    for index, layer in enumerate(spec.workload.layers):
        if layer.weight_bits:
            yield CompulsoryTensor(layer.weight_bits, False, index, spec.capable[index])
        if index in spec.workload.outputs:
            yield CompulsoryTensor(layer.output_bits, True, index, spec.capable[index])
    for number in range(len(spec.workload.inputs)):
        consumers = spec.workload.consumers(-1 - number)
        bits = max((_input_bits(spec.workload, number, consumer) for consumer in consumers), default=0)
        if bits:
            yield CompulsoryTensor(bits, False, -1, tuple(sorted({core for consumer in consumers for core in spec.capable[consumer]})))


def _input_bits(workload: Workload, number: int, consumer: int) -> int:
    """Return the bits of network input `number` that `consumer` cannot do without.

    Fetched in pieces it gets what its windows cover; streamed it gets the distinct elements that its loops touch, of which its other
    producers may deliver what they have.
    """
    source, layer = workload.inputs[number], workload.layers[consumer]
    least = 0
    for operand in (Operand.I, Operand.W):
        edges = [edge for edge in layer.edges if edge.operand is operand]
        mine = [_covered(edge, layer, workload) for edge in edges if edge.producer == -1 - number]
        if mine:
            others = sum(_covered(edge, layer, workload) for edge in edges if edge.producer != -1 - number) + sum(mine) - max(mine)
            covered = max(mine) * source.bits
            least = max(least, min(covered, (touched_elements(layer, operand) - others) * min(source.bits, getattr(layer.bits, operand))))
    return max(0, least)


def map_shape(workload: Workload, producer: int) -> tuple[int, int, int, int]:
    """Return batch, channels, rows and columns of a layer's output or a network input."""
    if producer < 0:
        source = workload.inputs[-1 - producer]
        return source.batch, source.channels, source.rows, source.columns
    layer = workload.layers[producer]
    return layer.sizes.B, layer.channels, layer.rows, layer.columns


def _covered(edge: Edge, layer: Layer, workload: Workload) -> int:
    """Return how many of the producer's elements the windows of all tiles of `layer` cover, whatever the tiles."""
    batch, *extents = map_shape(workload, edge.producer)
    counts = [_covered_positions(relation, layer, extent) for relation, extent in zip(axis_relations(edge), extents, strict=True)]
    return batch * math.prod(counts)


def _covered_positions(relation: AxisMap, layer: Layer, extent: int) -> int:
    if relation.source is None:
        return extent
    position = np.arange(axis_extent(layer, relation.source))
    first = np.clip((relation.scale * position + relation.low) // relation.divisor, 0, extent)
    last = np.clip((relation.scale * position + relation.high) // relation.divisor + 1, 0, extent)
    fresh = np.maximum(last - np.maximum(first, np.concatenate([[0], last[:-1]])), 0)  # ends ascend, so the last one covers all before
    return int(fresh.sum())


def touched_elements(layer: Layer, operand: Operand) -> int:
    """Return how many distinct elements the loops of `layer` touch of an input operand."""
    s = layer.sizes
    if layer.kind is OperatorKind.ELEMENTWISE:
        return s.product
    if operand is Operand.W:
        return s.B * s.G * s.K * s.C * s.FY * s.FX
    if layer.kind is OperatorKind.GEMM:
        return s.B * s.G * s.C * s.OY * s.OX * s.FY * s.FX
    pad = layer.padding
    rows = _window_positions(s.OY, s.FY, layer.stride[0], layer.dilation[0], pad.top, pad.bottom)
    columns = _window_positions(s.OX, s.FX, layer.stride[1], layer.dilation[1], pad.left, pad.right)
    return s.B * s.G * s.C * (s.K if layer.kind is OperatorKind.POOL else 1) * rows * columns


def _window_positions(outputs: int, taps: int, stride: int, dilation: int, before: int, after: int) -> int:
    """Return how many input positions a sliding window touches, of those that are certainly not padding."""
    touched = np.unique(np.add.outer(np.arange(outputs) * stride, np.arange(taps) * dilation))
    return int(np.count_nonzero((touched >= before) & (touched <= touched[-1] - after)))


def axis_extent(layer: Layer, axis: Axis) -> int:
    return {Axis.ROWS: layer.rows, Axis.COLUMNS: layer.columns, Axis.CHANNELS: layer.channels}[axis]


def axis_relations(edge: Edge) -> tuple[AxisMap, AxisMap, AxisMap]:
    """Return the relations onto channels, rows and columns of the producer, the order of `map_shape`."""
    return edge.channels, edge.rows, edge.columns
