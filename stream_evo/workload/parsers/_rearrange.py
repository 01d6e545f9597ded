"""Operators that move elements and compute nothing."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

from stream_evo.workload._builder import Builder, Status
from stream_evo.workload._node import Node, Unsupported
from stream_evo.workload._view import View

__all__ = [
    "join",
    "parse_concat",
    "parse_depth_to_space",
    "parse_expand",
    "parse_gather",
    "parse_identity",
    "parse_pad",
    "parse_qlinear_concat",
    "parse_reshape",
    "parse_slice",
    "parse_space_to_depth",
    "parse_split",
    "parse_tile",
    "parse_transpose",
]


def parse_identity(node: Node, build: Builder) -> None:
    """Identity, Dropout, Cast, CastLike: the same elements."""
    view = build.view(node.input(0))
    build.rearrange(node, view, keeps_all=True, status=Status.REMOVED)
    if len(node.outputs) > 1 and node.outputs[1]:  # the mask of Dropout
        build.rearrange(node, view, output=1, status=Status.REMOVED)


def parse_reshape(node: Node, build: Builder) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze: the same elements in row-major order under another shape."""
    view, shape = build.view(node.input(0)), build.shape(node.outputs[0])
    if math.prod(view.shape) != math.prod(shape):
        raise Unsupported(f"it reshapes {view.shape} into {shape}: as many elements must come out as go in")
    build.rearrange(node, view.reshape(shape), keeps_all=True)


def parse_transpose(node: Node, build: Builder) -> None:
    """Transpose: reversed dimensions by default."""
    view = build.view(node.input(0))
    rank = len(view.shape)
    build.rearrange(node, view.transpose(node.integers("perm", tuple(reversed(range(rank))))), keeps_all=True)


def parse_expand(node: Node, build: Builder) -> None:
    """Expand: repetition along dimensions of extent 1."""
    build.rearrange(node, build.view(node.input(0)).broadcast(build.shape(node.outputs[0])))


def parse_tile(node: Node, build: Builder) -> None:
    """Tile: repetition of whole dimensions."""
    view, shape = build.view(node.input(0)), build.shape(node.outputs[0])
    for dim, (old, new) in enumerate(zip(view.shape, shape, strict=True)):
        view = view if old == new else view.whole(dim, new)
    build.rearrange(node, view)


def parse_concat(node: Node, build: Builder) -> None:
    """Concat: each input keeps its producers, shifted along the axis; constants only take up space."""
    _concat(node, build, list(node.inputs))


def parse_qlinear_concat(node: Node, build: Builder) -> None:
    """com.microsoft QLinearConcat: inputs y_scale, y_zero_point, then tensor, scale, zero point of each part."""
    _concat(node, build, list(node.inputs[2::3]))


def _concat(node: Node, build: Builder, names: list[str]) -> None:
    shape = build.shape(node.outputs[0])
    build.rearrange(node, join([build.view(name) for name in names], node.integer("axis", 1) % len(shape)), source="")


def join(views: Sequence[View], axis: int) -> View:
    """Return tensors one behind the other along an axis; constants among them only take up space."""
    largest = max((view for view in views if view.pieces), key=lambda view: math.prod(view.shape))
    extent = sum(view.shape[axis] for view in views)
    starts = itertools.accumulate((view.shape[axis] for view in views), initial=0)
    pieces = tuple(piece for view, start in zip(views, starts, strict=False) for piece in view.map_dim(axis, extent, low=-start).pieces)
    shape = (*largest.shape[:axis], extent, *largest.shape[axis + 1 :])
    return View(shape, largest.roles, pieces, max(view.bits for view in views if view.pieces))


def parse_split(node: Node, build: Builder) -> None:
    """Split: consecutive slices along one axis."""
    view = build.view(node.input(0))
    axis = node.integer("axis", 0) % len(view.shape)
    total, count = view.shape[axis], len(node.outputs)
    stated = node.integers("split", ()) or build.graph.integers(node.input(1))
    if not stated and not node.input(1):
        stated = (math.ceil(total / count),) * count
    for position, name in enumerate(node.outputs):
        if name:
            extent = build.shape(name)[axis]
            start = min(sum(stated[:position]), total - 1) if stated else 0
            part = view.map_dim(axis, extent, low=start) if stated else view.whole(axis, extent)
            build.rearrange(node, part, output=position)


def parse_slice(node: Node, build: Builder) -> None:
    """Slice: a regular selection along some axes; where its bounds are not known the whole axis is read."""
    view, shape = build.view(node.input(0)), build.shape(node.outputs[0])
    rank = len(shape)
    if "starts" in node.attributes:
        starts: tuple[int, ...] | None = node.integers("starts", ())
        axes: tuple[int, ...] | None = node.integers("axes", tuple(range(len(starts or ()))))
        steps: tuple[int, ...] | None = (1,) * len(starts or ())
    else:
        starts = build.graph.integers(node.input(1))
        count = len(starts or ())
        axes = build.graph.integers(node.input(3)) if node.input(3) else tuple(range(count))
        steps = build.graph.integers(node.input(4)) if node.input(4) else (1,) * count
    if starts is None or axes is None or steps is None:
        for dim in range(rank):
            view = view if view.shape[dim] == shape[dim] else view.whole(dim, shape[dim])
        build.rearrange(node, view)
        return
    for start, axis, step in zip(starts, axes, steps, strict=True):
        dim = axis % rank
        old, new = view.shape[dim], shape[dim]
        first = min(max(start + old if start < 0 else start, 0), old - 1 if step < 0 else old)
        if step > 0:
            view = view.map_dim(dim, new, scale=step, low=first)
        else:  # backwards: an interval of the output has no monotone image, so all selected elements are read
            view = view.map_dim(dim, new, scale=0, low=first + step * (new - 1), high=first)
    build.rearrange(node, view)


def parse_gather(node: Node, build: Builder) -> None:
    """Gather: by constant indices a slice or a selection; rows of a constant table (an embedding) come from outside, as an input."""
    table, indices = node.input(0), node.input(1)
    if build.is_constant(table):
        shape = build.shape(node.outputs[0])
        build.declare_input(node, node.outputs[0], shape)
        return
    view = build.view(table)
    axis = node.integer("axis", 0) % len(view.shape)
    out = build.shape(node.outputs[0])
    picked = out[axis : axis + len(out) - len(view.shape) + 1]
    count = math.prod(picked)
    values = build.graph.integers(indices)
    old = view.shape[axis]
    if values is None:
        view = view.whole(axis, count)
    else:
        places = [value % old for value in values]
        step = places[1] - places[0] if count > 1 else 0
        regular = step > 0 and all(b - a == step for a, b in itertools.pairwise(places))
        if regular or count == 1:
            view = view.map_dim(axis, count, scale=step, low=places[0])
        else:
            view = view.map_dim(axis, count, scale=0, low=min(places), high=max(places))
    role = view.roles[axis]
    view = view.reshape(out)
    roles = (*view.roles[:axis], *(role,) * len(picked), *view.roles[axis + len(picked) :])
    build.rearrange(node, view.with_roles(roles))


def parse_pad(node: Node, build: Builder) -> None:
    """Pad: constants around the data; the other modes repeat elements from near the border."""
    view, shape = build.view(node.input(0)), build.shape(node.outputs[0])
    rank = len(shape)
    pads = node.integers("pads", ()) or build.graph.integers(node.input(1))
    axes = build.graph.integers(node.input(3)) if node.input(3) else tuple(range(rank))
    mode = node.text("mode", "constant")
    if not pads or axes is None or mode == "wrap":
        changed = [dim for dim in range(rank) if not pads or view.shape[dim] != shape[dim]]
        for dim in changed if mode != "wrap" else range(rank):
            view = view.whole(dim, shape[dim])
        build.rearrange(node, view)
        return
    for position, axis in enumerate(axes):
        before, after = pads[position], pads[position + len(axes)]
        # elements repeated at the border lie up to twice the padding inside of where the index points
        reach = {"constant": 0, "edge": 1, "reflect": 2}.get(mode, 2)
        view = view.map_dim(axis % rank, shape[axis % rank], low=-before - reach * max(after, 0), high=-before + reach * max(before, 0))
    build.rearrange(node, view)


def parse_depth_to_space(node: Node, build: Builder) -> None:
    """DepthToSpace: blocks of channels become blocks of pixels."""
    view, (batch, channels, rows, columns) = build.view(node.input(0)), build.shape(node.outputs[0])
    block = node.integer("blocksize", 1)
    source_rows, source_columns = rows // block, columns // block
    if node.text("mode", "DCR") == "DCR":
        split = view.reshape((batch, block, block, channels, source_rows, source_columns)).transpose((0, 3, 4, 1, 5, 2))
    else:
        split = view.reshape((batch, channels, block, block, source_rows, source_columns)).transpose((0, 1, 4, 2, 5, 3))
    result = split.reshape((batch, channels, rows, columns))
    build.rearrange(node, dataclasses.replace(result, roles=view.roles), keeps_all=True)


def parse_space_to_depth(node: Node, build: Builder) -> None:
    """SpaceToDepth: blocks of pixels become blocks of channels."""
    view = build.view(node.input(0))
    batch, channels, rows, columns = view.shape
    block = node.integer("blocksize", 1)
    split = view.reshape((batch, channels, rows // block, block, columns // block, block)).transpose((0, 3, 5, 1, 2, 4))
    result = split.reshape((batch, channels * block * block, rows // block, columns // block))
    build.rearrange(node, dataclasses.replace(result, roles=view.roles), keeps_all=True)
