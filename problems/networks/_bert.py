"""One encoder layer of BERT-base: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019, section 3 (L=12, H=768, A=12)."""

from __future__ import annotations

import onnx

from stream_evo.problems.networks._graph import Graph
from stream_evo.problems.networks._transformer import Shape, attend, gelu_erf, layer_norm, merge_heads, split_heads

__all__ = ["bert_layer"]

_SHAPE = Shape(tokens=128, heads=12, features_per_head=64)
_HIDDEN = 3072


def bert_layer() -> onnx.ModelProto:
    """Return one BERT-base encoder layer on 128 tokens, normalised after each residual addition.

    Native LayerNormalization, exact GELU through Erf. 931.14 MMAC, of which 25.17 in attention, and 7,077,888 weights without biases. The
    sequence is full, so no padding mask is added.
    """
    graph = Graph("bert_layer")
    width = _SHAPE.features
    x = graph.input("hidden_states", [1, _SHAPE.tokens, width])
    query, key, value = (
        split_heads(graph, graph.linear(x, f"attention.{part}", (width, width)), f"attention.{part}", _SHAPE)
        for part in ("query", "key", "value")
    )
    y = merge_heads(graph, attend(graph, query, key, value, "attention", _SHAPE), "attention.context", _SHAPE)
    y = graph.linear(y, "attention.output", (width, width))
    x = layer_norm(graph, graph.node("Add", [y, x], name="attention.residual"), "attention.norm", width)
    y = gelu_erf(graph, graph.linear(x, "intermediate", (width, _HIDDEN)), "intermediate.gelu")
    y = graph.linear(y, "output", (_HIDDEN, width))
    return graph.model(layer_norm(graph, graph.node("Add", [y, x], name="output.residual"), "output.norm", width))
