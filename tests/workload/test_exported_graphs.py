"""Graphs as exporters write them: shapes computed inside the graph, attention with heads, embeddings, recurrence over a cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from stream_evo.workload import Axis, AxisMap, OperatorKind, load_onnx, operator_report
from tests.workload.conftest import Net

Check = Callable[..., list[Any]]


def _dim(n: Net, shape: str, index: int) -> str:
    return n.op("Unsqueeze", n.op("Gather", shape, n.constant(index, np.int64)), n.constant([0], np.int64))


def _attention(n: Net, x: str, width: int, heads: int) -> str:
    """Multi-head attention as the PyTorch exporter writes it, every shape computed from the input's."""
    shape = n.op("Shape", x)
    target = n.op("Concat", _dim(n, shape, 0), _dim(n, shape, 1), n.constant([heads], np.int64), n.constant([-1], np.int64), axis=0)
    parts = []
    for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        projected = n.op("Add", n.op("MatMul", x, n.weights(width, width)), n.weights(width))
        parts.append(n.op("Transpose", n.op("Reshape", projected, target), perm=order))
    query, key, value = parts
    scores = n.op("Softmax", n.op("Div", n.op("MatMul", query, key), n.constant(2.0)), axis=-1)
    context = n.op("Transpose", n.op("MatMul", scores, value), perm=[0, 2, 1, 3])
    merged = n.op("Reshape", context, n.op("Concat", _dim(n, shape, 0), _dim(n, shape, 1), n.constant([-1], np.int64), axis=0))
    return n.op("MatMul", merged, n.weights(width, width))


def test_attention_with_computed_shapes(net: type[Net], check: Check) -> None:
    n = net()
    x = n.input(["batch", 5, 6])
    n.op("Add", _attention(n, x, 6, 2), x)
    workload = load_onnx(n.model())
    kinds = [layer.operator for layer in workload.layers]
    assert kinds == ["MatMul", "MatMul", "MatMul", "MatMul", "Softmax", "MatMul", "MatMul", "Add"]
    scores, softmax, context = workload.layers[3:6]
    assert (scores.sizes.G, scores.sizes.K, scores.sizes.C, scores.sizes.OY) == (2, 5, 3, 5)
    assert scores.folded
    assert (softmax.cycles_per_operation, softmax.channels) == (4, 10)
    assert [edge.producer for edge in context.edges] == [4, 2]
    assert context.edges[0].rows == AxisMap(Axis.ROWS)
    assert workload.macs == 4 * 5 * 36 + 2 * 2 * 5 * 5 * 3
    check(n.model())


def test_embedding_is_an_input(net: type[Net]) -> None:
    n = net()
    ids = n.input(["batch", 7], "ids", TensorProto.INT64)
    words = n.op("Gather", n.weights(100, 6), ids)
    positions = n.op("Gather", n.weights(50, 6), n.constant([list(range(7))], np.int64))
    n.op("MatMul", n.op("Add", words, positions), n.weights(6, 3))
    workload = load_onnx(n.model())
    assert [(item.name, item.rows, item.channels, item.bits) for item in workload.inputs] == [("t0", 7, 6, 8)]
    assert [layer.operator for layer in workload.layers] == ["Add", "MatMul"]


def test_mask_computed_from_an_input(net: type[Net], check: Check) -> None:
    n = net()
    mask = n.op("Unsqueeze", n.input([1, 5], "mask"), n.constant([1, 2], np.int64))
    bias = n.op("Mul", n.op("Sub", n.constant(1), mask), n.constant(-1000))
    n.op("Softmax", n.op("Add", n.op("MatMul", n.input([1, 2, 5, 4], "q"), n.input([1, 2, 4, 5], "k")), bias))
    workload = load_onnx(n.model())
    assert [layer.operator for layer in workload.layers] == ["Sub", "MatMul", "Add", "Softmax"]
    assert workload.layers[1].kind is OperatorKind.GEMM
    check(n.model())


def test_cache_of_a_decoder(net: type[Net], check: Check) -> None:
    n = net()
    fresh = n.op("Reshape", n.op("MatMul", n.input([1, 1, 6]), n.weights(6, 6)), n.constant([1, 1, 2, 3], np.int64))
    keys = n.op("Concat", n.input([1, 2, 4, 3], "past"), n.op("Transpose", fresh, perm=[0, 2, 1, 3]), axis=2)
    n.op("MatMul", n.input([1, 2, 1, 3], "query"), n.op("Transpose", keys, perm=[0, 1, 3, 2]))
    workload = load_onnx(n.model(keys, n.nodes[-1].output[0]))
    product = workload.layers[-1]
    assert [edge.operand.value for edge in product.edges] == ["I", "W", "W"]
    past = workload.inputs[-1 - product.edges[1].producer]
    assert (past.name, past.rows, past.channels) == ("past", 4, 6)
    check(n.model(keys, n.nodes[-1].output[0]))


def test_windows_of_channels_last_maps(net: type[Net], check: Check) -> None:
    """Patch embedding, windows of a channels-last map, and a linear layer on them (Liu et al. 2021, shifted windows)."""
    n = net()
    x = n.op("Transpose", n.op("Conv", n.input([1, 2, 8, 8]), n.weights(3, 2, 2, 2), strides=[2, 2]), perm=[0, 2, 3, 1])
    windows = n.op("Transpose", n.op("Reshape", x, n.constant([1, 2, 2, 2, 2, 3], np.int64)), perm=[0, 1, 3, 2, 4, 5])
    n.op("MatMul", n.op("Reshape", windows, n.constant([4, 4, 3], np.int64)), n.weights(3, 5))
    conv, product = load_onnx(n.model()).layers
    assert (product.sizes.OY, product.sizes.K, product.sizes.C, product.sizes.G, product.weights) == (16, 5, 3, 1, 15)
    assert product.macs == 16 * 15
    # the first window holds rows 0 and 1, the last rows 2 and 3
    assert product.edges[0].rows.interval(0, 4, conv.rows)[1] <= 3
    assert product.edges[0].rows.interval(12, 16, conv.rows)[0] >= 1
    check(n.model())


def test_mixing_tokens_with_a_constant_on_the_left(net: type[Net], check: Check) -> None:
    n = net()
    x = n.op("MatMul", n.input([1, 6, 4]), n.weights(4, 8))
    heads = n.op("Transpose", n.op("Reshape", x, n.constant([1, 6, 2, 4], np.int64)), perm=[0, 2, 1, 3])
    n.op("MatMul", n.weights(5, 6), heads)
    layer = load_onnx(n.model()).layers[1]
    assert (layer.sizes.K, layer.sizes.C, layer.sizes.OY, layer.weights) == (5, 6, 8, 30)
    assert layer.macs == 2 * 5 * 6 * 4
    check(n.model())


def test_heads_with_constant_weights_of_their_own(net: type[Net], check: Check) -> None:
    n = net()
    n.op("MatMul", n.input([1, 1, 6, 4]), n.weights(3, 4, 5))
    layer = load_onnx(n.model()).layers[0]
    assert (layer.sizes.G, layer.sizes.K, layer.sizes.OY, layer.weights) == (3, 5, 6, 60)
    check(n.model())


def test_linear_layer_on_a_channels_last_map_keeps_rows_and_columns(net: type[Net], check: Check) -> None:
    n = net()
    x = n.op("Transpose", n.op("Conv", n.input([1, 2, 5, 4]), n.weights(3, 2, 1, 1)), perm=[0, 2, 3, 1])
    n.op("Transpose", n.op("MatMul", x, n.weights(3, 6)), perm=[0, 3, 1, 2])
    product = load_onnx(n.model()).layers[1]
    assert (product.rows, product.columns, product.channels) == (5, 4, 6)
    assert product.edges[0].rows == AxisMap(Axis.ROWS)
    assert product.edges[0].columns == AxisMap(Axis.COLUMNS)
    check(n.model())


def test_classifier_after_flatten(net: type[Net], check: Check) -> None:
    n = net()
    y = n.op("GlobalAveragePool", n.op("Conv", n.input([1, 2, 5, 4]), n.weights(3, 2, 1, 1)))
    n.op("Gemm", n.op("Flatten", y), n.weights(7, 3), n.weights(7), transB=1)
    layer = load_onnx(n.model()).layers[-1]
    assert (layer.sizes.OY, layer.sizes.K, layer.sizes.C, layer.folded) == (1, 7, 3, ())
    check(n.model())


def test_batches_stay_batches(net: type[Net], check: Check) -> None:
    n = net()
    y = n.op("GlobalAveragePool", n.op("Conv", n.input([4, 2, 5, 4]), n.weights(3, 2, 1, 1)))
    n.op("Gemm", n.op("Flatten", y), n.weights(7, 3), transB=1)
    workload = load_onnx(n.model())
    assert [layer.sizes.B for layer in workload.layers] == [4, 4, 4]
    assert workload.layers[-1].sizes.OY == 1
    assert workload.inputs[0].batch == 4
    check(n.model())


def test_report_lists_every_node_once(net: type[Net]) -> None:
    n = net()
    _attention(n, n.input(["batch", 5, 6]), 6, 2)
    model = n.model()
    assert sorted(report.name for report in operator_report(model)) == sorted(node.name for node in n.nodes)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_attention_as_one_operator(net: type[Net], kv_heads: int) -> None:
    """Opset 23 has attention as one operator, with shared keys and values (grouped queries) where there are fewer of them."""
    n = net(opset=23)
    shapes = {"query": [1, 4, 5, 8], "key": [1, kv_heads, 7, 8], "value": [1, kv_heads, 7, 8]}
    n.op("Attention", *(n.input(shape, name) for name, shape in shapes.items()))
    model = n.model()
    workload = load_onnx(model)
    products = [layer for layer in workload.layers if layer.kind is OperatorKind.GEMM]
    assert [layer.macs for layer in products] == [4 * 5 * 7 * 8] * 2
    assert [layer.sizes.G for layer in products] == [4, 4]
    assert [layer.operator for layer in workload.layers if layer.kind is not OperatorKind.GEMM] == ["Mul", "Mul", "Softmax"]
    assert {item.name for item in workload.inputs} == set(shapes)


def test_rotary_embedding_reads_whole_rows(net: type[Net], check: Check) -> None:
    n = net(opset=23)
    tables = [n.weights(9, 2) for _ in range(2)]
    x = n.op("Neg", n.input([1, 3, 5, 4]))
    n.op("RotaryEmbedding", x, *tables, n.constant([[0, 1, 2, 3, 4]], np.int64))
    layer = load_onnx(n.model()).layers[-1]
    assert (layer.kind, layer.macs) == (OperatorKind.ELEMENTWISE, 0)
    check(n.model())
