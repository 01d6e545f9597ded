"""Parts that transformers share, each in the form exporters write it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stream_evo.problems.networks._graph import Graph

__all__ = ["Shape", "attend", "gelu_erf", "gelu_tanh", "layer_norm", "layer_norm_decomposed", "merge_heads", "split_heads"]

_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Shape:
    """Extents of an attention: tokens, attention heads and features per head."""

    tokens: int
    heads: int
    features_per_head: int

    @property
    def features(self) -> int:
        """Width of the residual stream."""
        return self.heads * self.features_per_head


def split_heads(graph: Graph, x: str, name: str, shape: Shape) -> str:
    """Turn (1, tokens, features) into (1, heads, tokens, features per head)."""
    x = graph.reshape(x, f"{name}.split", [1, shape.tokens, shape.heads, shape.features_per_head])
    return graph.node("Transpose", [x], name=f"{name}.heads", perm=[0, 2, 1, 3])


def merge_heads(graph: Graph, x: str, name: str, shape: Shape) -> str:
    """Turn (1, heads, tokens, features per head) into (1, tokens, features)."""
    x = graph.node("Transpose", [x], name=f"{name}.tokens", perm=[0, 2, 1, 3])
    return graph.reshape(x, f"{name}.merge", [1, shape.tokens, shape.features])


def attend(graph: Graph, query: str, key: str, value: str, name: str, shape: Shape, *, mask: str | None = None) -> str:
    """Add scaled dot-product attention (Vaswani et al., NeurIPS 2017, equation 1) over tensors that are split into heads.

    Args:
        graph: Graph to add to.
        query: (1, heads, tokens, features per head).
        key: (1, heads, keys, features per head).
        value: (1, heads, keys, features per head).
        name: Prefix of the nodes' names.
        shape: Extents of the queries.
        mask: Constant that is added to the scores, broadcast to (1, heads, tokens, keys).
    """
    transposed = graph.node("Transpose", [key], name=f"{name}.key_transposed", perm=[0, 1, 3, 2])
    scores = graph.node("MatMul", [query, transposed], name=f"{name}.scores")
    scale = graph.tensor(f"{name}.scale", math.sqrt(shape.features_per_head))
    scores = graph.node("Div", [scores, scale], name=f"{name}.scaled")
    if mask is not None:
        scores = graph.node("Add", [scores, mask], name=f"{name}.masked")
    weights = graph.node("Softmax", [scores], name=f"{name}.softmax", axis=-1)
    return graph.node("MatMul", [weights, value], name=f"{name}.context")


def layer_norm(graph: Graph, x: str, name: str, features: int) -> str:
    """Add layer normalisation over the last axis as the operator that exists since operator set 17."""
    scale, bias = graph.weight(f"{name}.scale", [features], 1.0), graph.weight(f"{name}.bias", [features])
    return graph.node("LayerNormalization", [x, scale, bias], name=name, axis=-1, epsilon=_EPSILON)


def layer_norm_decomposed(graph: Graph, x: str, name: str, features: int) -> str:
    """Add layer normalisation over the last axis as the nine nodes that exporters write below operator set 17."""
    mean = graph.node("ReduceMean", [x], name=f"{name}.mean", axes=[-1], keepdims=1)
    centred = graph.node("Sub", [x, mean], name=f"{name}.centred")
    squared = graph.node("Pow", [centred, graph.tensor(f"{name}.two", 2.0)], name=f"{name}.squared")
    variance = graph.node("ReduceMean", [squared], name=f"{name}.variance", axes=[-1], keepdims=1)
    variance = graph.node("Add", [variance, graph.tensor(f"{name}.epsilon", _EPSILON)], name=f"{name}.stable")
    deviation = graph.node("Sqrt", [variance], name=f"{name}.deviation")
    x = graph.node("Div", [centred, deviation], name=f"{name}.normalised")
    x = graph.node("Mul", [x, graph.weight(f"{name}.scale", [features], 1.0)], name=f"{name}.scaled")
    return graph.node("Add", [x, graph.weight(f"{name}.bias", [features])], name=f"{name}.shifted")


def gelu_erf(graph: Graph, x: str, name: str) -> str:
    """Add the exact Gaussian error linear unit, ``x / 2 * (1 + erf(x / sqrt(2)))`` (Hendrycks, Gimpel, arXiv:1606.08415)."""
    y = graph.node("Div", [x, graph.tensor(f"{name}.sqrt2", math.sqrt(2.0))], name=f"{name}.div")
    y = graph.node("Erf", [y], name=f"{name}.erf")
    y = graph.node("Add", [y, graph.tensor(f"{name}.one", 1.0)], name=f"{name}.add")
    y = graph.node("Mul", [x, y], name=f"{name}.mul")
    return graph.node("Mul", [y, graph.tensor(f"{name}.half", 0.5)], name=f"{name}.halved")


def gelu_tanh(graph: Graph, x: str, name: str) -> str:
    """Add GPT-2's approximation, ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))`` (same paper, section 2)."""
    cube = graph.node("Pow", [x, graph.tensor(f"{name}.three", 3.0)], name=f"{name}.cube")
    cube = graph.node("Mul", [cube, graph.tensor(f"{name}.weight", 0.044715)], name=f"{name}.weighted")
    y = graph.node("Add", [x, cube], name=f"{name}.sum")
    y = graph.node("Mul", [y, graph.tensor(f"{name}.scale", math.sqrt(2.0 / math.pi))], name=f"{name}.scaled")
    y = graph.node("Tanh", [y], name=f"{name}.tanh")
    y = graph.node("Add", [y, graph.tensor(f"{name}.one", 1.0)], name=f"{name}.add")
    half = graph.node("Mul", [x, graph.tensor(f"{name}.half", 0.5)], name=f"{name}.halved")
    return graph.node("Mul", [half, y], name=f"{name}.mul")
