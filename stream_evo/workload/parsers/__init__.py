"""The parser registry: one function per operator, one file per family.

A parser is ``parse(node, build) -> None``. It reads its operands as views (`Builder.view`) and does one of three things: add a layer
(`Builder.add_layer`), fold the node into the layer before it (`Builder.fold`), or pass a view on (`Builder.rearrange`).
Keys are operator types, with the domain in front outside the standard one: ``"Conv"``, ``"com.microsoft::QLinearAdd"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from stream_evo.workload._builder import Builder
from stream_evo.workload._node import Node
from stream_evo.workload.parsers._attention import parse_attention, parse_group_query_attention, parse_multi_head_attention
from stream_evo.workload.parsers._conv import parse_conv, parse_conv_integer, parse_conv_transpose, parse_fused_conv, parse_qlinear_conv
from stream_evo.workload.parsers._einsum import parse_einsum
from stream_evo.workload.parsers._elementwise import add_elementwise, parse_broadcast, parse_elementwise, parse_qlinear_binary
from stream_evo.workload.parsers._matmul import (
    parse_fused_matmul,
    parse_gemm,
    parse_matmul,
    parse_matmul_integer,
    parse_matmul_narrow,
    parse_qgemm,
    parse_qlinear_matmul,
)
from stream_evo.workload.parsers._normalise import (
    add_normalisation,
    parse_batch_normalisation,
    parse_embedding_normalisation,
    parse_group_normalisation,
    parse_instance_normalisation,
    parse_layer_normalisation,
    parse_lrn,
    parse_mean_variance_normalisation,
    parse_one_axis,
    parse_skip_normalisation,
    parse_softmax,
)
from stream_evo.workload.parsers._pool import parse_global_pool, parse_pool, parse_qlinear_global_pool, parse_reduce
from stream_evo.workload.parsers._quantise import parse_dequantize, parse_quantize
from stream_evo.workload.parsers._rearrange import (
    parse_concat,
    parse_depth_to_space,
    parse_expand,
    parse_gather,
    parse_identity,
    parse_pad,
    parse_qlinear_concat,
    parse_reshape,
    parse_slice,
    parse_space_to_depth,
    parse_split,
    parse_tile,
    parse_transpose,
)
from stream_evo.workload.parsers._region import parse_region
from stream_evo.workload.parsers._resize import parse_resize

__all__ = ["PARSERS", "Parser", "add_elementwise", "add_normalisation", "parse_region"]

Parser: TypeAlias = Callable[[Node, Builder], None]

_CONVOLUTIONS: Mapping[str, Parser] = {
    "Conv": parse_conv,
    "ConvInteger": parse_conv_integer,
    "ConvTranspose": parse_conv_transpose,
    "QLinearConv": parse_qlinear_conv,
    "com.microsoft::FusedConv": parse_fused_conv,
}
_PRODUCTS: Mapping[str, Parser] = {
    "Einsum": parse_einsum,
    "Gemm": parse_gemm,
    "MatMul": parse_matmul,
    **dict.fromkeys(("MatMulInteger", "com.microsoft::DynamicQuantizeMatMul", "com.microsoft::MatMulIntegerToFloat"), parse_matmul_integer),
    "QLinearMatMul": parse_qlinear_matmul,
    "com.microsoft::FusedGemm": parse_gemm,
    "com.microsoft::FusedMatMul": parse_fused_matmul,
    "com.microsoft::MatMulNBits": parse_matmul_narrow,
    "com.microsoft::QGemm": parse_qgemm,
}
_ATTENTION: Mapping[str, Parser] = {
    "com.microsoft::Attention": parse_attention,
    "com.microsoft::GroupQueryAttention": parse_group_query_attention,
    "com.microsoft::MultiHeadAttention": parse_multi_head_attention,
}
_POOLINGS: Mapping[str, Parser] = {
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool", "com.microsoft::QLinearAveragePool"), parse_pool),
    **dict.fromkeys(("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"), parse_global_pool),
    "com.microsoft::QLinearGlobalAveragePool": parse_qlinear_global_pool,
}
_REDUCTIONS: Mapping[str, Parser] = dict.fromkeys(
    (
        *("ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin"),
        *("ReduceProd", "ReduceSum", "ReduceSumSquare"),
    ),
    parse_reduce,
)
_ELEMENTWISE: Mapping[str, Parser] = {
    **dict.fromkeys(
        (
            *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Elu", "Erf"),
            *("Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "IsInf", "IsNaN", "LeakyRelu", "Log", "Mish", "Neg", "Not", "PRelu"),
            *("Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Silu", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt"),
            *("Swish", "Tan", "Tanh", "ThresholdedRelu", "Trilu"),
            *("com.microsoft::BiasGelu", "com.microsoft::FastGelu", "com.microsoft::Gelu", "com.microsoft::QuickGelu"),
            *("com.microsoft::QLinearLeakyRelu", "com.microsoft::QLinearSigmoid"),
        ),
        parse_elementwise,
    ),
    **dict.fromkeys(
        (
            *("Add", "And", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
            *("Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "Sub", "Sum", "Where", "Xor"),
        ),
        parse_broadcast,
    ),
    **dict.fromkeys(("com.microsoft::QLinearAdd", "com.microsoft::QLinearMul"), parse_qlinear_binary),
}
_NORMALISATIONS: Mapping[str, Parser] = {
    "BatchNormalization": parse_batch_normalisation,
    "GroupNormalization": parse_group_normalisation,
    "InstanceNormalization": parse_instance_normalisation,
    "LRN": parse_lrn,
    "com.microsoft::EmbedLayerNormalization": parse_embedding_normalisation,
    "MeanVarianceNormalization": parse_mean_variance_normalisation,
    **dict.fromkeys(("CumSum", "LpNormalization", "RotaryEmbedding", "com.microsoft::RotaryEmbedding"), parse_one_axis),
    **dict.fromkeys(
        (
            *("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"),
            *("com.microsoft::LayerNormalization", "com.microsoft::SimplifiedLayerNormalization"),
        ),
        parse_layer_normalisation,
    ),
    **dict.fromkeys(("com.microsoft::SkipLayerNormalization", "com.microsoft::SkipSimplifiedLayerNormalization"), parse_skip_normalisation),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "Softmax", "com.microsoft::QLinearSoftmax"), parse_softmax),
}
_REARRANGEMENTS: Mapping[str, Parser] = {
    **dict.fromkeys(("Cast", "CastLike", "Dropout", "Identity"), parse_identity),
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), parse_reshape),
    **dict.fromkeys(("Resize", "Upsample"), parse_resize),
    "Concat": parse_concat,
    "DepthToSpace": parse_depth_to_space,
    "Expand": parse_expand,
    "Gather": parse_gather,
    "Pad": parse_pad,
    "Slice": parse_slice,
    "SpaceToDepth": parse_space_to_depth,
    "Split": parse_split,
    "Tile": parse_tile,
    "Transpose": parse_transpose,
    "com.microsoft::QLinearConcat": parse_qlinear_concat,
}
_PRECISIONS: Mapping[str, Parser] = {
    **dict.fromkeys(("DequantizeLinear", "com.microsoft::DequantizeLinear"), parse_dequantize),
    **dict.fromkeys(("DynamicQuantizeLinear", "QuantizeLinear", "com.microsoft::QuantizeLinear"), parse_quantize),
}

PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        **_CONVOLUTIONS,
        **_PRODUCTS,
        **_ATTENTION,
        **_POOLINGS,
        **_REDUCTIONS,
        **_ELEMENTWISE,
        **_NORMALISATIONS,
        **_REARRANGEMENTS,
        **_PRECISIONS,
    }
)
"""Parser of every operator that is known."""
