"""What the dimensions of a network input mean: the first operator that cares decides."""

from __future__ import annotations

from collections import deque

from stream_evo.workload._graph import Graph
from stream_evo.workload._view import Roles, default_roles

__all__ = ["input_roles"]

_FEATURE_READERS = frozenset(
    {
        *(
            "AveragePool",
            "BatchNormalization",
            "Conv",
            "ConvInteger",
            "ConvTranspose",
            "GlobalAveragePool",
            "GlobalLpPool",
            "GlobalMaxPool",
        ),
        *("GroupNormalization", "InstanceNormalization", "LRN", "LpPool", "MaxPool", "QLinearConv"),
        *("com.microsoft::FusedConv", "com.microsoft::QLinearAveragePool", "com.microsoft::QLinearGlobalAveragePool"),
    }
)
_MATRIX_READERS = frozenset(
    {
        *("Gemm", "LayerNormalization", "MatMul", "MatMulInteger", "QLinearMatMul", "RMSNormalization", "Softmax"),
        *("SimplifiedLayerNormalization", "com.microsoft::SkipLayerNormalization", "com.microsoft::SkipSimplifiedLayerNormalization"),
        *("com.microsoft::Attention", "com.microsoft::GroupQueryAttention", "com.microsoft::MultiHeadAttention"),
        *("com.microsoft::DynamicQuantizeMatMul", "com.microsoft::FusedMatMul", "com.microsoft::MatMulIntegerToFloat"),
        *("com.microsoft::MatMulNBits", "com.microsoft::QGemm"),
    }
)


def input_roles(graph: Graph, tensor: str, shape: tuple[int, ...]) -> Roles:
    """Return the meaning of an input's dimensions: a feature map (N, C, H, W) or a matrix (..., S, D).

    A matrix (S, D) whose first extent is the batch of another input is a batch of vectors (N, D).
    """
    if len(shape) == 2:
        others = (graph.known_shape(name) or () for name in graph.inputs)
        return default_roles(2, matrix=not any(len(other) > 2 and other[0] == shape[0] for other in others))
    return default_roles(len(shape), matrix=_is_matrix(graph, tensor, len(shape)))


def _is_matrix(graph: Graph, tensor: str, rank: int) -> bool:
    """Look breadth-first for the first reader that tells; without one, a tensor of four dimensions is a feature map."""
    waiting, seen = deque([tensor]), {tensor}
    while waiting:
        for user in graph.users(waiting.popleft()):
            if user.operator in _FEATURE_READERS:
                return False
            if user.operator in _MATRIX_READERS:
                return True
            fresh = [name for name in user.outputs if name and name not in seen and len(graph.known_shape(name) or ()) == rank]
            seen.update(fresh)
            waiting.extend(fresh)
    return rank != 4
