"""Shapes that ONNX's own inference cannot tell: operators of ONNX Runtime, and inputs of inconsistent type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from stream_evo.workload._node import Node
from stream_evo.workload._tensor import Tensor

__all__ = ["SHAPE_RULES", "STANDARD_FORMS"]


def _same_as_first(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    return inputs.get(node.input(0))


def _broadcast_of(*positions: int) -> Callable[[Node, Mapping[str, Tensor]], Tensor | None]:
    def rule(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
        shapes = [inputs[name].fixed_shape for p in positions or range(len(node.inputs)) if (name := node.input(p)) in inputs]
        known = [shape for shape in shapes if shape is not None]
        if not shapes or len(known) < len(shapes):
            return None
        try:
            return Tensor(inputs[node.input(0)].element_type, np.broadcast_shapes(*known))
        except ValueError:
            return None

    return rule


def _gemm(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    left, right = (inputs.get(node.input(position), Tensor()) for position in (0, 1))
    if left.shape is None or right.shape is None or len(left.shape) != 2 or len(right.shape) != 2:
        return None
    return Tensor(left.element_type, (left.shape[node.integer("transA", 0)], right.shape[1 - node.integer("transB", 0)]))


def _transposed_product(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    left, right = (inputs.get(node.input(position), Tensor()).fixed_shape for position in (0, 1))
    if left is None or right is None or min(len(left), len(right)) < 2:
        return None
    left = (*left[:-2], *left[:-3:-1]) if node.integer("transA", 0) else left
    right = (*right[:-2], *right[:-3:-1]) if node.integer("transB", 0) else right
    try:
        return Tensor(inputs[node.input(0)].element_type, (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1]))
    except ValueError:
        return None


def _narrow_product(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    first = inputs.get(node.input(0), Tensor())
    return None if first.shape is None else Tensor(first.element_type, (*first.shape[:-1], node.integer("N", 0)))


def _attention(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    """(B, S, width of all values)."""
    first, weights = inputs.get(node.input(0), Tensor()), inputs.get(node.input(1), Tensor()).fixed_shape
    widths = node.integers("qkv_hidden_sizes", ())
    if first.shape is None or len(first.shape) != 3 or (weights is None and not widths):
        return None
    return Tensor(first.element_type, (*first.shape[:2], widths[2] if widths else weights[1] // 3 if weights else 0))


def _head_attention(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    """(B, S, query heads times width of a value), the query being (B, S, ...)."""
    first, value = (inputs.get(node.input(position), Tensor()).fixed_shape for position in (0, 2))
    heads = node.integer("num_heads", 1)
    if first is None or len(first) != 3 or (value is None and node.input(2)):
        return None
    shared = node.integer("kv_num_heads", heads)
    side_by_side = first[2] // (heads + 2 * shared)
    width = side_by_side if value is None else value[3] if len(value) == 4 else value[2] // shared
    return Tensor(inputs[node.input(0)].element_type, (*first[:2], heads * width))


def _embedding(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    """Rows of the table in input 2, one for each of the indices in input 0."""
    indices, table = inputs.get(node.input(0), Tensor()), inputs.get(node.input(2), Tensor())
    return None if indices.shape is None or table.shape is None else Tensor(table.element_type, (*indices.shape, table.shape[-1]))


def _global_pool(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    first = inputs.get(node.input(0), Tensor())
    if first.shape is None or len(first.shape) < 3:
        return None
    if node.integer("channels_last", 0):
        return Tensor(first.element_type, (first.shape[0], *(1,) * (len(first.shape) - 2), first.shape[-1]))
    return Tensor(first.element_type, (*first.shape[:2], *(1,) * (len(first.shape) - 2)))


SHAPE_RULES: Mapping[str, Callable[[Node, Mapping[str, Tensor]], Tensor | None]] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "PRelu"), _broadcast_of()),
    **dict.fromkeys(("com.microsoft::QLinearAdd", "com.microsoft::QLinearMul"), _broadcast_of(0, 3)),
    "Gemm": _gemm,
    "com.microsoft::Attention": _attention,
    "com.microsoft::EmbedLayerNormalization": _embedding,
    **dict.fromkeys(("com.microsoft::GroupQueryAttention", "com.microsoft::MultiHeadAttention"), _head_attention),
    "com.microsoft::FusedMatMul": _transposed_product,
    "com.microsoft::MatMulNBits": _narrow_product,
    "com.microsoft::QLinearGlobalAveragePool": _global_pool,
    **dict.fromkeys(
        (
            "BatchNormalization",
            "Clip",
            "Dropout",
            "GroupNormalization",
            "Identity",
            "LayerNormalization",
            "MeanVarianceNormalization",
            "Relu",
            "Sigmoid",
            "SimplifiedLayerNormalization",
            "Softmax",
            "com.microsoft::BiasGelu",
            "com.microsoft::FastGelu",
            "com.microsoft::Gelu",
            "com.microsoft::QLinearLeakyRelu",
            "com.microsoft::QLinearSigmoid",
            "com.microsoft::QLinearSoftmax",
            "com.microsoft::QuickGelu",
            "com.microsoft::RotaryEmbedding",
            "com.microsoft::SimplifiedLayerNormalization",
            "com.microsoft::SkipLayerNormalization",
            "com.microsoft::SkipSimplifiedLayerNormalization",
        ),
        _same_as_first,
    ),
}
"""Shape of the first output where ONNX cannot tell it: operators without schema here, or inputs of inconsistent type."""

STANDARD_FORMS: Mapping[str, tuple[str, slice | tuple[int, ...]]] = {
    "com.microsoft::DynamicQuantizeMatMul": ("MatMul", (0, 1)),
    "com.microsoft::FusedConv": ("Conv", (0, 1, 2)),
    "com.microsoft::FusedGemm": ("Gemm", (0, 1, 2)),
    "com.microsoft::MatMulIntegerToFloat": ("MatMul", (0, 1)),
    "com.microsoft::QGemm": ("Gemm", (0, 3)),
    "com.microsoft::QLinearAveragePool": ("AveragePool", (0,)),
    "com.microsoft::QLinearConcat": ("Concat", slice(2, None, 3)),
}
"""Operators whose output has the shape of a standard operator's: its name, and which of the inputs are its inputs."""
