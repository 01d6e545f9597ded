"""One block of GPT-2 small: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, Table 2 (first row)."""

from __future__ import annotations

import onnx

from stream_evo.problems.networks._graph import Graph
from stream_evo.problems.networks._transformer import Shape, attend, gelu_tanh, layer_norm, merge_heads, split_heads

__all__ = ["gpt2_decode", "gpt2_prefill"]

_CONTEXT = 1024
_HEADS, _FEATURES_PER_HEAD = 12, 64
_HIDDEN = 3072


def gpt2_prefill() -> onnx.ModelProto:
    """Return one GPT-2 block that reads a prompt of 1024 tokens, its whole context, under a causal mask.

    The scores above the diagonal are computed and masked, as exporters write it. 8858.37 MMAC, of which 1610.61 in attention, and 7,077,888
    weights without biases. Outputs are the hidden states and the keys and values for the cache.
    """
    shape = Shape(tokens=_CONTEXT, heads=_HEADS, features_per_head=_FEATURES_PER_HEAD)
    graph = Graph("gpt2_prefill")
    x = graph.input("hidden_states", [1, shape.tokens, shape.features])
    query, key, value = _heads(graph, x, shape)
    lowest = graph.weight("mask.lowest", [shape.tokens, shape.tokens], -1e9)
    mask = graph.node("Trilu", [lowest, graph.tensor("mask.diagonal", 1)], name="mask", upper=1)
    y = attend(graph, query, key, value, "attention", shape, mask=mask)
    return graph.model(_after_attention(graph, x, y, shape), key, value)


def gpt2_decode() -> onnx.ModelProto:
    """Return one GPT-2 block that makes the 1024th token from a cache of 1023 keys and values.

    The cache are two inputs, one row is appended to each, and both leave the network. 8.65 MMAC, of which 1.57 in attention, and 7,077,888
    weights without biases: one multiplication per weight, so bandwidth decides.
    """
    shape = Shape(tokens=1, heads=_HEADS, features_per_head=_FEATURES_PER_HEAD)
    graph = Graph("gpt2_decode")
    x = graph.input("hidden_states", [1, shape.tokens, shape.features])
    cached = [graph.input(f"past_{part}", [1, shape.heads, _CONTEXT - 1, shape.features_per_head]) for part in ("key", "value")]
    query, *new = _heads(graph, x, shape)
    key, value = (
        graph.node("Concat", [past, row], name=f"present_{part}", axis=2)
        for past, row, part in zip(cached, new, ("key", "value"), strict=True)
    )
    y = attend(graph, query, key, value, "attention", shape)
    return graph.model(_after_attention(graph, x, y, shape), key, value)


def _heads(graph: Graph, x: str, shape: Shape) -> list[str]:
    """Normalise and project to query, key and value of every head."""
    y = layer_norm(graph, x, "ln_1", shape.features)
    y = _projection(graph, y, "attention.c_attn", (shape.features, 3 * shape.features), shape.tokens)
    names = [f"attention.{part}" for part in ("query", "key", "value")]
    sizes = graph.tensor("attention.split.sizes", [shape.features] * 3)
    parts = graph.nodes("Split", [y, sizes], name="attention.split", outputs=names, axis=2)
    return [split_heads(graph, part, name, shape) for part, name in zip(parts, names, strict=True)]


def _after_attention(graph: Graph, x: str, context: str, shape: Shape) -> str:
    """Merge the heads, project, and run the perceptron, both with a residual connection."""
    y = merge_heads(graph, context, "attention.context", shape)
    y = _projection(graph, y, "attention.c_proj", (shape.features, shape.features), shape.tokens)
    x = graph.node("Add", [x, y], name="residual_1")
    y = layer_norm(graph, x, "ln_2", shape.features)
    y = gelu_tanh(graph, _projection(graph, y, "mlp.c_fc", (shape.features, _HIDDEN), shape.tokens), "mlp.gelu")
    y = _projection(graph, y, "mlp.c_proj", (_HIDDEN, shape.features), shape.tokens)
    return graph.node("Add", [x, y], name="residual_2")


def _projection(graph: Graph, x: str, name: str, features: tuple[int, int], tokens: int) -> str:
    """GPT-2's fully connected layer: exporters write it as Gemm between two Reshapes."""
    rows = graph.reshape(x, f"{name}.rows", [tokens, features[0]])
    weight = graph.weight(f"{name}.weight", features)
    product = graph.node("Gemm", [rows, weight, graph.weight(f"{name}.bias", [features[1]])], name=name)
    return graph.reshape(product, f"{name}.tokens", [1, tokens, features[1]])
