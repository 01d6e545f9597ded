"""Pooling over windows and over whole maps, and the reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stream_evo.workload._builder import Builder, Status
from stream_evo.workload._layer import Axis, LoopSizes, Operand, OperatorKind, Padding
from stream_evo.workload._node import Node, Unsupported
from stream_evo.workload._view import Role, View, default_roles
from stream_evo.workload.parsers._window import check_windows, read_windows

__all__ = ["parse_global_pool", "parse_pool", "parse_qlinear_global_pool", "parse_reduce", "reduce_axes"]


def parse_pool(node: Node, build: Builder) -> None:
    """MaxPool, AveragePool, LpPool and their quantised forms: a window per channel."""
    view = build.view(node.input(0))
    if not 3 <= len(view.shape) <= 4 or node.integer("channels_last", 0):
        raise Unsupported("pooling of other than 1-D or 2-D maps with channels first")
    filters = node.integers("kernel_shape", ())
    check_windows(node, filters, view.shape[2:], slides=not node.integer("ceil_mode", 0))
    out = build.shape(node.outputs[0])
    rows, columns = read_windows(node, filters, view.shape[2:], out[2:])
    read = view
    for dim, axis in ((2, rows), (3, columns))[: len(out) - 2]:
        read = read.map_dim(dim, axis.steps, scale=axis.stride, low=-axis.before, high=axis.reach - axis.before)
    roles = default_roles(len(out))
    build.add_layer(
        node,
        OperatorKind.POOL,
        LoopSizes(B=out[0], K=out[1], OY=rows.steps, OX=columns.steps, FY=rows.filter, FX=columns.filter),
        [(Operand.I, read.with_roles(roles))],
        roles=roles,
        stride=(rows.stride, columns.stride),
        dilation=(rows.dilation, columns.dilation),
        padding=Padding(rows.before, columns.before, rows.after, columns.after),
    )
    if len(node.outputs) > 1 and node.outputs[1]:  # positions of the maxima: read along with the maxima
        build.rearrange(node, build.view(node.outputs[0]), output=1, status=Status.SUPPORTED)


def parse_global_pool(node: Node, build: Builder) -> None:
    """GlobalAveragePool, GlobalMaxPool, GlobalLpPool: one window over the whole map."""
    view = build.view(node.input(0))
    rank = len(view.shape)
    _reduce(node, build, view.with_roles(default_roles(rank)), range(2, rank))


def parse_qlinear_global_pool(node: Node, build: Builder) -> None:
    """com.microsoft QLinearGlobalAveragePool, channels first or last."""
    view = build.view(node.input(0))
    rank = len(view.shape)
    if not node.integer("channels_last", 0):
        parse_global_pool(node, build)
        return
    rows = (Axis.ROWS,) * (rank - 3)
    _reduce(node, build, view.with_roles((None, *rows, Axis.COLUMNS, Axis.CHANNELS)), range(1, rank - 1))


def parse_reduce(node: Node, build: Builder) -> None:
    """ReduceMean, ReduceSum, ReduceMax, ... and ArgMax, ArgMin: a window over the whole of the reduced dimensions.

    Spatial dimensions become filter loops; channels become the reduction loop C.
    """
    view = build.view(node.input(0))
    rank = len(view.shape)
    axes: tuple[int, ...] | None
    if node.operator in ("ArgMax", "ArgMin"):
        axes = (node.integer("axis", 0),)
    elif "axes" in node.attributes or not node.input(1):
        axes = node.integers("axes", ())
    else:
        axes = build.graph.integers(node.input(1))
    if axes is None:
        raise Unsupported("reduction over axes that are not known before the run")
    if not axes and node.integer("noop_with_empty_axes", 0):
        build.rearrange(node, view, keeps_all=True, status=Status.REMOVED)
        return
    _reduce(node, build, view, sorted({axis % rank for axis in axes} or range(rank)))


def _reduce(node: Node, build: Builder, view: View, axes: Sequence[int]) -> None:
    """Add a pooling layer that reduces `axes`; where the output has another rank, the dimensions of extent 1 are dropped."""
    result, out = reduce_axes(node, build, view, axes), build.shape(node.outputs[0])
    if math.prod(out) == math.prod(result.shape):
        build.present(node, result.reshape(out))


def reduce_axes(node: Node, build: Builder, view: View, axes: Sequence[int]) -> View:
    """Add a pooling layer that reduces `axes` to one element each, and return its output."""
    sizes: dict[Role, int] = dict.fromkeys((None, *Axis), 1)
    reduced = dict(sizes)
    for dim, (extent, role) in enumerate(zip(view.shape, view.roles, strict=True)):
        target = reduced if dim in axes else sizes
        target[role] *= extent
    kept = view
    for axis in axes:
        kept = kept.whole(axis)
    # a reduced batch has no filter loop of its own: it joins the reduction
    loops = LoopSizes(
        B=sizes[None],
        K=sizes[Axis.CHANNELS],
        C=reduced[Axis.CHANNELS] * reduced[None],
        OY=sizes[Axis.ROWS],
        OX=sizes[Axis.COLUMNS],
        FY=reduced[Axis.ROWS],
        FX=reduced[Axis.COLUMNS],
    )
    return build.add_layer(
        node,
        OperatorKind.POOL,
        loops,
        [(Operand.I, kept)],
        roles=kept.roles,
        shape=kept.shape,
        # windows of rows that are kept apart from each other do not overlap
        stride=(loops.FY if loops.OY > 1 else 1, loops.FX if loops.OX > 1 else 1),
    )
