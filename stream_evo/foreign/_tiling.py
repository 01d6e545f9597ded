"""Tiles as the reference framework states them: positions of loops in a node's nest, and tiles that follow from those of later layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_evo.workload import Axis, AxisMap, Layer, OperatorKind, Workload

__all__ = ["derived_tiles", "extent", "loop_position"]

_POOLING = {Axis.CHANNELS: 1, Axis.ROWS: 2, Axis.COLUMNS: 3}  # (b, k, oy, ox, fy, fx)
_IMAGE = {Axis.CHANNELS: 1, Axis.ROWS: 2, Axis.COLUMNS: 3}  # (n, c, h, w)


def loop_position(layer: Layer, axis: Axis) -> int | None:
    """Return ``n`` of the dimension ``D<n>`` along which outputs of a layer lie, or ``None`` where the layer does not tell.

    The nests are those of Stream 2.1.1 (KULeuven-MICAS/stream, stream/parser/onnx): Conv (b, ox, oy, fx, fy, c, k, and g if grouped),
    Gemm (m, k, n), pooling (b, k, oy, ox, fy, fx), element by element the axes of the output. A MatMul counts the batch axes of its
    tensors, and an output without columns may have two to four axes: their numbers are not known here.
    """
    if layer.kind is OperatorKind.CONV:
        return {Axis.COLUMNS: 1, Axis.ROWS: 2, Axis.CHANNELS: 7 if layer.sizes.G > 1 else 6}[axis]
    if layer.operator == "Gemm":
        return {Axis.ROWS: 0, Axis.CHANNELS: 2}.get(axis)
    if layer.kind is OperatorKind.POOL:
        return _POOLING[axis]
    if layer.kind is OperatorKind.ELEMENTWISE and layer.sizes.OX > 1:
        return _IMAGE[axis]
    return None


def extent(layer: Layer, axis: Axis) -> int:
    """Return the size of a layer's output along an axis; of channels what K-parts divide."""
    if axis is Axis.CHANNELS:
        return layer.sizes.G if layer.sizes.G > 1 else layer.sizes.K
    return layer.rows if axis is Axis.ROWS else layer.columns


def derived_tiles(workload: Workload, stack: Sequence[int], stated: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Return rows and columns of the tiles of a fused group's layers when only some of them are stated.

    The reference tiles the axes that layers of a group share: a layer's tile follows from those of its readers by their strides. What no
    stated tile reaches stays whole.

    Args:
        workload: The network.
        stack: Indices of the group's layers, ascending.
        stated: Layer -> rows and columns of its tile.
    """
    found = dict(stated)
    for consumer in reversed(stack):
        if consumer not in found:
            layer = workload.layers[consumer]
            found[consumer] = layer.rows, layer.columns
        rows, columns = found[consumer]
        for edge in workload.layers[consumer].edges:
            if edge.producer in stack and edge.producer not in stated:
                source = workload.layers[edge.producer]
                whole = rows == workload.layers[consumer].rows, columns == workload.layers[consumer].columns
                tile = (
                    source.rows if whole[0] else _step(edge.rows, Axis.ROWS, rows, source.rows),
                    source.columns if whole[1] else _step(edge.columns, Axis.COLUMNS, columns, source.columns),
                )
                before = found.get(edge.producer)
                found[edge.producer] = tile if before is None else (max(before[0], tile[0]), max(before[1], tile[1]))
    return found


def _step(relation: AxisMap, axis: Axis, size: int, whole: int) -> int:
    """Return how far a producer's axis advances when its reader's advances by `size`."""
    if relation.source is not axis:
        return whole
    return max(1, min(whole, size * relation.scale // relation.divisor))
