"""ViT-Tiny, DeiT-Ti: Touvron et al., "Training data-efficient image transformers", ICML 2021, Table 1; Dosovitskiy et al., ICLR 2021."""

from __future__ import annotations

import onnx

from stream_evo.problems.networks._graph import Graph
from stream_evo.problems.networks._transformer import Shape, attend, gelu_erf, layer_norm_decomposed, merge_heads

__all__ = ["vit_tiny"]

_BLOCKS = 12
_PATCH, _PATCHES = 16, 14 * 14
_SHAPE = Shape(tokens=_PATCHES + 1, heads=3, features_per_head=64)
_HIDDEN = 4 * 192


def vit_tiny() -> onnx.ModelProto:
    """Return ViT-Tiny on a 224x224 image in 16x16 patches: 12 blocks of width 192 with 3 heads and a class token.

    Layer normalisation is decomposed and the heads come from one fused projection, as exporters below operator set 17 write them.
    1253.68 MMAC, of which 178.85 in attention, and 5,647,872 weights without biases and embeddings.
    """
    graph = Graph("vit_tiny", operator_set=13)
    width = _SHAPE.features
    x = graph.conv(graph.input("image", [1, 3, 224, 224]), "patch_embed", channels=(3, width), kernel=_PATCH, stride=_PATCH, padding=0)
    x = graph.reshape(x, "patches", [1, width, _PATCHES])
    x = graph.node("Transpose", [x], name="patch_tokens", perm=[0, 2, 1])
    x = graph.node("Concat", [graph.weight("class_token", [1, 1, width]), x], name="tokens", axis=1)
    x = graph.node("Add", [x, graph.weight("position_embedding", [1, _SHAPE.tokens, width])], name="embedded")
    for block in range(_BLOCKS):
        x = _block(graph, x, f"blocks.{block}")
    x = layer_norm_decomposed(graph, x, "norm", width)
    x = graph.node("Gather", [x, graph.tensor("class_index", 0)], name="class", axis=1)
    return graph.model(graph.gemm(x, "head", (width, 1000)))


def _block(graph: Graph, x: str, name: str) -> str:
    """Attention and a two-layer perceptron, each normalised before and added to the residual stream."""
    width = _SHAPE.features
    y = layer_norm_decomposed(graph, x, f"{name}.norm1", width)
    y = graph.linear(y, f"{name}.qkv", (width, 3 * width))
    y = graph.reshape(y, f"{name}.qkv.split", [1, _SHAPE.tokens, 3, _SHAPE.heads, _SHAPE.features_per_head])
    y = graph.node("Transpose", [y], name=f"{name}.qkv.heads", perm=[2, 0, 3, 1, 4])
    query, key, value = (
        graph.node("Gather", [y, graph.tensor(f"{name}.{part}.index", index)], name=f"{name}.{part}", axis=0)
        for index, part in enumerate(("query", "key", "value"))
    )
    y = merge_heads(graph, attend(graph, query, key, value, f"{name}.attention", _SHAPE), f"{name}.context", _SHAPE)
    x = graph.node("Add", [x, graph.linear(y, f"{name}.proj", (width, width))], name=f"{name}.residual1")
    y = layer_norm_decomposed(graph, x, f"{name}.norm2", width)
    y = gelu_erf(graph, graph.linear(y, f"{name}.mlp.fc1", (width, _HIDDEN)), f"{name}.mlp.gelu")
    y = graph.linear(y, f"{name}.mlp.fc2", (_HIDDEN, width))
    return graph.node("Add", [x, y], name=f"{name}.residual2")
