"""Operators of ONNX Runtime that stand for several standard ones: the same layers as the network spelled out, without stated shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from stream_evo.workload import Layer, load_onnx
from tests.workload.conftest import Net

RUNTIME: dict[str, Any] = {"domain": "com.microsoft"}
ROWS, HEADS, WIDTH, PAST = 5, 4, 3, 2


def _load(n: Net, *outputs: str) -> tuple[Layer, ...]:
    return load_onnx(n.model(*outputs, opsets={"com.microsoft": 1})).layers


def _facts(layers: tuple[Layer, ...]) -> list[Any]:
    """Everything of layers but their names."""
    return [(layer.kind, layer.sizes, layer.bits, layer.weights, layer.cycles_per_operation, layer.edges) for layer in layers]


def _split(n: Net, x: str, heads: int) -> str:
    return n.op("Transpose", n.op("Reshape", x, n.constant([1, ROWS, heads, WIDTH], np.int64)), perm=[0, 2, 1, 3])


def _attend(n: Net, query: str, key: str, value: str, bias: str = "") -> str:
    scores = n.op("Mul", n.op("MatMul", query, n.op("Transpose", key, perm=[0, 1, 3, 2])), n.constant(0.5))
    weights = n.op("Softmax", n.op("Add", scores, bias) if bias else scores, axis=-1)
    together = n.op("Transpose", n.op("MatMul", weights, value), perm=[0, 2, 1, 3])
    return n.op("MatMul", n.op("Reshape", together, n.constant([1, ROWS, HEADS * WIDTH], np.int64)), n.weights(HEADS * WIDTH, 7))


@pytest.mark.parametrize("bias", [False, True])
def test_multi_head_attention(net: type[Net], bias: bool) -> None:
    fused, plain = net(), net()
    for n in (fused, plain):
        x, size = n.input([1, ROWS, 8]), HEADS * WIDTH
        extra = n.input([1, HEADS, ROWS, PAST + ROWS], "bias") if bias else ""
        query, key, value = (n.op("MatMul", x, n.weights(8, size)) for _ in range(3))
        past = [n.input([1, HEADS, PAST, WIDTH], name) for name in ("past_key", "past_value")]
        if n is fused:
            y = n.op("MultiHeadAttention", query, key, value, "", "", extra, *past, outputs=3, num_heads=HEADS, name="mha", **RUNTIME)
            n.op("MatMul", y, n.weights(size, 7))
        else:
            split = [_split(n, part, HEADS) for part in (query, key, value)]
            key, value = (n.op("Concat", old, new, axis=2) for old, new in zip(past, split[1:], strict=True))
            _attend(n, split[0], key, value, extra)
    layers = _load(fused, fused.nodes[-1].output[0], "t3_1")
    assert _facts(layers) == _facts(_load(plain))
    assert [layer.name for layer in layers if "/" in layer.name] == [
        "mha/scores",
        *(["mha/bias"] if bias else []),
        "mha/softmax",
        "mha/context",
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_group_query_attention_shares_keys_and_values(net: type[Net], packed: bool) -> None:
    shared = 2
    fused, plain = net(), net()
    for n in (fused, plain):
        x = n.input([1, ROWS, 8])
        if packed:
            every = n.op("MatMul", x, n.weights(8, (HEADS + 2 * shared) * WIDTH))
            sizes = [HEADS * WIDTH, shared * WIDTH, shared * WIDTH]
        else:
            query, key, value = (n.op("MatMul", x, n.weights(8, heads * WIDTH)) for heads in (HEADS, shared, shared))
        if n is fused:
            operands = [every, "", ""] if packed else [query, key, value]
            y = n.op("GroupQueryAttention", *operands, num_heads=HEADS, kv_num_heads=shared, **RUNTIME)
            n.op("MatMul", y, n.weights(HEADS * WIDTH, 7))
            continue
        if packed:
            n.op("Split", every, n.constant(sizes, np.int64), outputs=3, axis=2)
            query, key, value = n.nodes[-1].output
        wide = []
        for part in (key, value):
            apart = n.op("Unsqueeze", _split(n, part, shared), n.constant([2], np.int64))
            many = n.op("Expand", apart, n.constant([1, shared, HEADS // shared, ROWS, WIDTH], np.int64))
            wide.append(n.op("Reshape", many, n.constant([1, HEADS, ROWS, WIDTH], np.int64)))
        _attend(n, _split(n, query, HEADS), *wide)
    assert _facts(_load(fused)) == _facts(_load(plain))


def test_rotary_embedding_inside_attention_is_two_layers(net: type[Net]) -> None:
    n = net()
    query, key, value = (n.input([1, ROWS, width], name) for name, width in (("q", 12), ("k", 6), ("v", 6)))
    n.op("GroupQueryAttention", query, key, value, num_heads=4, kv_num_heads=2, do_rotary=1, name="gqa", **RUNTIME)
    names = [layer.name for layer in _load(n)]
    assert names == ["gqa/rotary_query", "gqa/rotary_key", "gqa/scores", "gqa/softmax", "gqa/context"]


def test_a_transformer_as_the_optimiser_writes_it(net: type[Net]) -> None:
    """EmbedLayerNormalization, Attention with its projection and a cache, SkipLayerNormalization."""
    n = net()
    ids = n.input([1, ROWS], "ids", TensorProto.INT32)
    tables = [n.weights(50, 12), n.weights(9, 12)]
    x = n.op("EmbedLayerNormalization", ids, "", *tables, "", n.weights(12), n.weights(12), outputs=2, name="embed", **RUNTIME)
    past = n.input([2, 1, HEADS, PAST, WIDTH], "past")
    y = n.op("Attention", x, n.weights(12, 36), n.weights(36), "", past, outputs=2, num_heads=HEADS, name="att", **RUNTIME)
    n.op("SkipLayerNormalization", n.op("MatMul", y, n.weights(12, 12)), x, n.weights(12), **RUNTIME)
    layers = _load(n)
    projection, scores, context = layers[1], layers[2], layers[4]
    assert [layer.name for layer in layers[:5]] == ["embed", "att/projection", "att/scores", "att/softmax", "att/context"]
    assert (projection.weights, projection.macs) == (12 * 36, ROWS * 12 * 36)
    assert (scores.macs, context.macs) == (HEADS * ROWS * (ROWS + PAST) * WIDTH,) * 2
    assert {edge.producer for edge in context.edges} == {3, 1, -1 - 1}


def test_weights_of_few_bits_in_blocks(net: type[Net]) -> None:
    n = net()
    packed = n.constant(np.zeros((6, 1, 8)), np.uint8)
    y = n.op("MatMulNBits", n.input([1, ROWS, 16]), packed, n.constant(np.ones(6)), K=16, N=6, bits=4, block_size=16, **RUNTIME)
    n.op("Relu", y)
    (layer,) = _load(n)
    assert (layer.macs, layer.weights, layer.weight_bits) == (ROWS * 16 * 6, 96, 96 * 4)


def test_convolution_fused_with_an_addition(net: type[Net]) -> None:
    n = net()
    x = n.input([1, 4, 6, 6])
    y = n.op("FusedConv", x, n.weights(4, 4, 3, 3), n.weights(4), x, pads=[1] * 4, activation="Relu", name="fused", **RUNTIME)
    n.op("FusedConv", y, n.weights(2, 4, 1, 1), activation="Relu", name="last", **RUNTIME)
    layers = _load(n)
    assert [layer.name for layer in layers] == ["fused", "fused/add", "last"]
    assert [[edge.producer for edge in layer.edges] for layer in layers] == [[-1], [0, -1], [1]]


@pytest.mark.parametrize("operator", ["DynamicQuantizeMatMul", "FusedMatMul", "MatMulIntegerToFloat"])
def test_products_that_state_no_shape(net: type[Net], operator: str) -> None:
    n = net()
    swapped = operator == "FusedMatMul"
    attributes: dict[str, Any] = {"transB": 1} if swapped else {}
    n.op("Relu", n.op(operator, n.input([1, ROWS, 6]), n.weights(*((3, 6) if swapped else (6, 3))), n.constant(1), **attributes, **RUNTIME))
    (layer,) = _load(n)
    assert (layer.macs, layer.folded) == (ROWS * 6 * 3, ("Relu_1",))
