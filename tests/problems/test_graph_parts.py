"""The building blocks compute what their names say: executed with ONNX's own reference, compared with NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from stream_evo.problems.networks._graph import Graph
from stream_evo.problems.networks._transformer import (
    Shape,
    attend,
    gelu_erf,
    gelu_tanh,
    layer_norm,
    layer_norm_decomposed,
    merge_heads,
    split_heads,
)
from stream_evo.typing import AnyArray, SingleArray


def run(model: onnx.ModelProto, **inputs: SingleArray) -> AnyArray:
    return cast("list[AnyArray]", ReferenceEvaluator(model).run(None, inputs))[0]


def sample(*shape: int, seed: int = 0) -> SingleArray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("form", [layer_norm, layer_norm_decomposed])
def test_both_forms_of_layer_normalisation_normalise_the_last_axis(form: Callable[[Graph, str, str, int], str]) -> None:
    graph = Graph("norm")
    model = graph.model(form(graph, graph.input("x", [1, 5, 16]), "norm", 16))
    x = 3 * sample(1, 5, 16) + 2
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(run(model, x=x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("form", "error"), [(gelu_erf, 1e-6), (gelu_tanh, 1e-3)])
def test_gelu_is_x_times_the_normal_distribution(form: Callable[[Graph, str, str], str], error: float) -> None:
    graph = Graph("gelu")
    model = graph.model(form(graph, graph.input("x", [1, 64]), "gelu"))
    x = np.linspace(-4, 4, 64, dtype=np.float32)[None]
    expected = [[v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x[0]]]
    np.testing.assert_allclose(run(model, x=x), expected, atol=error)


def test_attention_weighs_values_by_scaled_dot_products() -> None:
    shape = Shape(tokens=4, heads=2, features_per_head=3)
    graph = Graph("attention")
    query, key, value = (split_heads(graph, graph.input(name, [1, 4, 6]), f"{name}.heads", shape) for name in ("q", "k", "v"))
    model = graph.model(merge_heads(graph, attend(graph, query, key, value, "attention", shape), "context", shape))
    q, k, v = (sample(1, 4, 6, seed=seed) for seed in range(3))
    expected = np.empty((1, 4, 6))
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        weights = np.exp(q[0, :, part] @ k[0, :, part].T / math.sqrt(3))
        expected[0, :, part] = weights / weights.sum(1, keepdims=True) @ v[0, :, part]
    np.testing.assert_allclose(run(model, q=q, k=k, v=v), expected, rtol=1e-4, atol=1e-5)


def test_causal_mask_hides_later_tokens() -> None:
    """With the mask of gpt2_prefill, the first token sees only itself and no output depends on a later value."""
    shape = Shape(tokens=4, heads=1, features_per_head=3)
    graph = Graph("causal")
    query, key, value = (graph.input(name, [1, 1, 4, 3]) for name in ("q", "k", "v"))
    lowest = graph.weight("lowest", [4, 4], -1e9)
    mask = graph.node("Trilu", [lowest, graph.tensor("diagonal", 1)], name="mask", upper=1)
    model = graph.model(attend(graph, query, key, value, "attention", shape, mask=mask))
    q, k, v = (sample(1, 1, 4, 3, seed=seed) for seed in range(3))
    before = run(model, q=q, k=k, v=v)
    np.testing.assert_allclose(before[0, 0, 0], v[0, 0, 0], rtol=1e-6)
    changed = v.copy()
    changed[0, 0, 3] += 1
    after = run(model, q=q, k=k, v=changed)
    np.testing.assert_array_equal(after[0, 0, :3], before[0, 0, :3])
    assert not np.array_equal(after[0, 0, 3], before[0, 0, 3])


def test_convolution_and_fully_connected_layers_have_the_stated_shapes() -> None:
    graph = Graph("layers")
    x = graph.conv(graph.input("x", [1, 4, 9, 9]), "conv", channels=(4, 8), kernel=3, stride=2, groups=2, bias=False)
    x = graph.batch_normalization(x, "norm", 8)
    x = graph.node("GlobalAveragePool", [x], name="pool")
    model = graph.model(graph.gemm(graph.node("Flatten", [x], name="flat", axis=1), "fc", (8, 3)))
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in model.graph.value_info}
    assert shapes["conv.weight"] == [8, 2, 3, 3]
    assert shapes["conv"] == [1, 8, 5, 5]
    assert run(model, x=sample(1, 4, 9, 9)).shape == (1, 3)


def test_a_contradicting_shape_is_refused() -> None:
    graph = Graph("wrong")
    x = graph.node("MatMul", [graph.input("x", [1, 4]), graph.weight("w", [5, 3])], name="product")
    with pytest.raises(onnx.shape_inference.InferenceError):
        graph.model(x)
