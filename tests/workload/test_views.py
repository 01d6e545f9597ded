"""Chains of operators that only move data: what a consumer claims contains what really arrives, and is exact where it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_evo.workload import WHOLE, Axis, AxisMap, Edge, load_onnx
from stream_evo.workload._view import Relation, View, default_roles
from tests.workload.conftest import Net

few = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], derandomize=True)
Check = Callable[..., list[Any]]


def _factorised(draw: Any, total: int) -> list[int]:
    shape = []
    while total > 1:
        factor = draw(st.sampled_from([f for f in range(2, total + 1) if total % f == 0]))
        shape.append(factor)
        total //= factor
    for _ in range(draw(st.integers(0, 2))):
        shape.insert(draw(st.integers(0, len(shape))), 1)
    return shape or [1]


def _step(draw: Any, n: Net, name: str, shape: list[int]) -> tuple[str, list[int]]:
    """Add one random view operator; return its output and shape."""
    kind = draw(st.sampled_from(["Reshape", "Transpose", "Slice", "Concat", "Pad", "Gather", "Expand", "Tile", "Resize", "Split"]))
    axis = draw(st.integers(0, len(shape) - 1))
    extent = shape[axis]
    size = int(np.prod(shape))
    if kind == "Transpose":
        order = list(draw(st.permutations(range(len(shape)))))
        return n.op("Transpose", name, perm=order), [shape[d] for d in order]
    if kind == "Slice":
        start, step = draw(st.integers(0, extent - 1)), draw(st.sampled_from([1, 2, -1, -2]))
        if step > 0:
            left, end = len(range(start, extent, step)), extent
        else:
            left, end = len(range(start, -1, step)), -extent - 1
        args = [n.constant([value], np.int64) for value in (start, end, axis, step)]
        return n.op("Slice", name, *args), [*shape[:axis], left, *shape[axis + 1 :]]
    if kind == "Concat" and size <= 60:
        other = n.op("Neg", n.constant(np.full(shape, 1))) if draw(st.booleans()) else name
        parts = draw(st.permutations([name, other]))
        return n.op("Concat", *parts, axis=axis), [*shape[:axis], 2 * extent, *shape[axis + 1 :]]
    if kind == "Pad" and size <= 60:
        mode = draw(st.sampled_from(["constant", "edge", "reflect"] if extent > 2 else ["constant", "edge"]))
        before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        pads = [0] * (2 * len(shape))
        pads[axis], pads[axis + len(shape)] = before, after
        return n.op("Pad", name, n.constant(pads, np.int64), mode=mode), [*shape[:axis], extent + before + after, *shape[axis + 1 :]]
    if kind == "Gather":
        picked = draw(st.lists(st.integers(-extent, extent - 1), min_size=1, max_size=4))
        scalar = len(shape) > 1 and draw(st.booleans())
        indices = n.constant(picked[0] if scalar else picked, np.int64)
        return n.op("Gather", name, indices, axis=axis), [*shape[:axis], *([] if scalar else [len(picked)]), *shape[axis + 1 :]]
    if kind == "Expand" and size <= 60 and extent == 1:
        new = [*shape[:axis], 2, *shape[axis + 1 :]]
        return n.op("Expand", name, n.constant(new, np.int64)), new
    if kind == "Tile" and size <= 60:
        return n.op("Tile", name, n.constant([2 if d == axis else 1 for d in range(len(shape))], np.int64)), [
            2 * m if d == axis else m for d, m in enumerate(shape)
        ]
    if kind == "Resize" and size <= 60:
        new = [*shape[:axis], extent * draw(st.integers(1, 3)), *shape[axis + 1 :]]
        sizes = n.constant(new, np.int64)
        return n.op("Resize", name, "", "", sizes, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"), new
    if kind == "Split" and extent > 1:
        first = draw(st.integers(1, extent - 1))
        n.op("Split", name, n.constant([first, extent - first], np.int64), axis=axis, outputs=2)
        pick = draw(st.integers(0, 1))
        return n.nodes[-1].output[pick], [*shape[:axis], (first, extent - first)[pick], *shape[axis + 1 :]]
    new = _factorised(draw, size)
    return n.op("Reshape", name, n.constant(new, np.int64)), new


@few
@given(data=st.data())
def test_random_chains_are_covered(net: type[Net], check: Check, data: st.DataObject) -> None:
    n = net(opset=18)
    shape = data.draw(st.sampled_from([[1, 4, 3, 2], [1, 6, 4], [4, 6], [2, 3, 2, 2], [1, 12], [1, 2, 2, 3, 2], [1, 8, 2, 2]]))
    name = n.input(shape)
    for _ in range(data.draw(st.integers(1, 4))):
        name, shape = _step(data.draw, n, name, shape)
    n.op("Neg", name)
    check(n.model())


@few
@given(data=st.data())
def test_relations_contain_every_index(data: st.DataObject) -> None:
    """View arithmetic alone, against index tensors of NumPy: boxes of the result, not only single elements."""
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    roles = default_roles(len(shape))
    view = View.of_producer(0, shape, roles, 8)
    index = np.arange(int(np.prod(shape))).reshape(shape)
    for _ in range(data.draw(st.integers(1, 5))):
        if data.draw(st.booleans()):
            order = data.draw(st.permutations(range(index.ndim)))
            view, index = view.transpose(order), index.transpose(order)
        elif data.draw(st.booleans()):
            new = _factorised(data.draw, index.size)
            view, index = view.reshape(new), index.reshape(new)
        else:
            dim = data.draw(st.integers(0, index.ndim - 1))
            factor = data.draw(st.integers(1, 3))
            extent = index.shape[dim] * factor
            view, index = view.map_dim(dim, extent, divisor=factor), np.repeat(index, factor, axis=dim)
        if index.size > 200:
            break
    assert view.shape == index.shape
    box = []
    for extent in index.shape:
        lo = data.draw(st.integers(0, extent - 1))
        box.append((lo, data.draw(st.integers(lo + 1, extent))))
    read = np.unravel_index(np.unique(index[tuple(slice(*side) for side in box)]), shape)
    piece = view.pieces[0]
    by_axis = {Axis.ROWS: piece.rows, Axis.COLUMNS: piece.columns, Axis.CHANNELS: piece.channels}
    for axis, relation in by_axis.items():
        place = np.zeros(len(read[0]), int)
        for dim, role in enumerate(roles):
            if role is axis:
                place = place * shape[dim] + read[dim]
        lo, hi = relation.interval(box)
        assert lo <= place.min()
        assert place.max() < hi


@given(
    st.integers(1, 9), st.integers(-9, 9), st.integers(0, 9), st.integers(1, 9), st.integers(0, 20), st.integers(1, 9), st.integers(1, 30)
)
def test_tiles_claim_what_their_elements_claim(scale: int, low: int, width: int, divisor: int, lo: int, size: int, extent: int) -> None:
    axis_map = AxisMap(Axis.ROWS, scale, low, low + width, divisor)
    first, last = axis_map.interval(lo, lo + size, extent)
    for place in range(lo, lo + size):
        a, b = axis_map.interval(place, place + 1, extent)
        assert a >= b or (first <= a and b <= last)


def _edge(n: Net, index: int = 0) -> Edge:
    return load_onnx(n.model()).layers[-1].edges[index]


def test_spatial_dimensions_that_become_a_sequence_keep_their_rows(net: type[Net]) -> None:
    n = net()
    flat = n.op("Reshape", n.op("Conv", n.input([1, 3, 8, 6]), n.weights(4, 3, 1, 1)), n.constant([1, 4, 48], np.int64))
    n.op("MatMul", n.op("Transpose", flat, perm=[0, 2, 1]), n.weights(4, 5))
    edge = _edge(n)
    assert edge.rows == AxisMap(Axis.ROWS, 1, 0, 0, 6)
    assert edge.columns == WHOLE
    assert edge.channels == WHOLE


def test_splitting_heads_keeps_rows(net: type[Net]) -> None:
    n = net()
    x = n.op("MatMul", n.input([1, 10, 6]), n.weights(6, 12))
    heads = [
        n.op("Transpose", n.op("Reshape", x, n.constant([1, 10, 3, 4], np.int64)), perm=order) for order in ([0, 2, 1, 3], [0, 2, 3, 1])
    ]
    n.op("MatMul", *heads)
    first, second = load_onnx(n.model()).layers[-1].edges
    assert first.rows == AxisMap(Axis.ROWS, 1, 0, 0)
    assert second.rows == WHOLE
    # 10 columns of output per head, 4 features of input per head: from 4 * floor(c / 10) to 3 more
    for c in range(30):
        lo, hi = first.channels.interval(c, c + 1, 12)
        assert lo <= 4 * (c // 10)
        assert hi >= 4 * (c // 10) + 4
        assert hi - lo <= 8


@pytest.mark.parametrize("position", [0, 1])
def test_concatenated_channels_are_offset(net: type[Net], position: int) -> None:
    n = net()
    parts = [n.op("Conv", n.input([1, 2, 4, 4]), n.weights(k, 2, 1, 1)) for k in (3, 5)]
    n.inputs.pop()
    n.op("Neg", n.op("Concat", *parts, axis=1))
    edge = _edge(n, position)
    assert edge.channels == AxisMap(Axis.CHANNELS, 1, -3 * position, -3 * position)
    assert edge.rows == AxisMap(Axis.ROWS)


def test_slices_are_offset_and_enlargement_divides(net: type[Net]) -> None:
    n = net(opset=13)
    x = n.op("Conv", n.input([1, 2, 8, 8]), n.weights(4, 2, 1, 1))
    y = n.op("Slice", x, n.constant([2], np.int64), n.constant([6], np.int64), n.constant([2], np.int64))
    n.op("Neg", n.op("Resize", y, "", n.constant([1, 1, 2, 2])))
    edge = _edge(n)
    assert [edge.rows.interval(r, r + 1, 8) for r in (0, 1, 2, 7)] == [(2, 3), (2, 3), (3, 4), (5, 6)]
    assert edge.columns == AxisMap(Axis.COLUMNS, 1, 0, 0, 2)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(net: type[Net], check: Check, mode: str) -> None:
    n = net()
    n.op("Neg", n.op("DepthToSpace", n.input([1, 8, 3, 2]), blocksize=2, mode=mode))
    ((_, _, edge),) = check(n.model())
    assert edge.rows == AxisMap(Axis.ROWS, 1, 0, 0, 2)
    assert edge.columns == AxisMap(Axis.COLUMNS, 1, 0, 0, 2)


def test_space_to_depth(net: type[Net], check: Check) -> None:
    n = net()
    n.op("Neg", n.op("SpaceToDepth", n.input([1, 2, 6, 4]), blocksize=2))
    ((_, _, edge),) = check(n.model())
    assert edge.rows == AxisMap(Axis.ROWS, 2, 0, 1)


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_split_with_outputs_left_out(net: type[Net], check: Check, opset: int) -> None:
    n = net(opset=opset)
    x = n.input([1, 7, 2, 2])
    if opset == 11:
        n.op("Split", x, axis=1, split=[2, 4, 1], outputs=3)
    elif opset == 13:
        n.op("Split", x, n.constant([2, 4, 1], np.int64), axis=1, outputs=3)
    else:
        n.op("Split", x, axis=1, num_outputs=3, outputs=3)
    n.op("Neg", "t0_2")
    (edge,) = load_onnx(n.model()).layers[-1].edges
    assert edge.channels.interval(0, 1, 7) == (6, 7)
    check(n.model())


def test_channel_shuffle(net: type[Net], check: Check) -> None:
    n = net()
    x = n.op("Conv", n.input([1, 2, 3, 3]), n.weights(6, 2, 1, 1))
    groups = n.op("Transpose", n.op("Reshape", x, n.constant([1, 2, 3, 3, 3], np.int64)), perm=[0, 2, 1, 3, 4])
    n.op("Conv", n.op("Reshape", groups, n.constant([1, 6, 3, 3], np.int64)), n.weights(6, 1, 3, 3), group=6, pads=[1] * 4)
    checked = check(n.model())
    assert checked[-1][2].rows == AxisMap(Axis.ROWS, 1, -1, 1)


def test_lowest_terms_are_exact() -> None:
    relation = Relation(((0, 6),), 3, 5, 4)
    same = relation.widen(1, 7)
    assert all(same.interval([(i, i + 1), (0, 7)]) == relation.interval([(i, i + 1), (0, 7)]) for i in range(20))
    assert same.divisor == 2
