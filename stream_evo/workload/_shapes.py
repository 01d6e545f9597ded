"""Shapes of a node's outputs: ONNX's own inference first, then what the file states, then simple rules of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import onnx
from onnx.defs import SchemaError
from onnx.shape_inference import infer_node_outputs

from stream_evo.typing import AnyArray
from stream_evo.workload._node import Node

__all__ = ["SHAPED_BY_DATA", "Tensor", "infer_outputs", "stated_tensor"]

_Dim: TypeAlias = int | str
SHAPED_BY_DATA = frozenset(
    {"AffineGrid", "CenterCropPad", "Col2Im", "ConstantOfShape", "Expand", "MaxUnpool", "OneHot", "Pad", "Range", "ReduceL1", "ReduceL2"}
    | {"ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Reshape"}
    | {"Resize", "Slice", "Split", "SplitToSequence", "Squeeze", "Tile", "TopK", "Unsqueeze", "Upsample"}
)
"""Operators whose output shape depends on the value of an input."""
_FLOATS = (0, onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)


@dataclass(frozen=True, slots=True)
class Tensor:
    """What is known of a tensor.

    Attributes:
        element_type: ONNX element type, ``TensorProto.UNDEFINED`` (0) if not known.
        shape: Extents; an open one is the name of its symbol, or the empty string. None if even the rank is unknown.
    """

    element_type: int = 0
    shape: tuple[_Dim, ...] | None = None

    @property
    def fixed_shape(self) -> tuple[int, ...] | None:
        """The shape if every extent is known and positive."""
        if self.shape is None:
            return None
        fixed = tuple(dim for dim in self.shape if isinstance(dim, int) and dim > 0)
        return fixed if len(fixed) == len(self.shape) else None

    @property
    def described(self) -> str:
        """The shape for people."""
        return "unknown rank" if self.shape is None else "(" + ", ".join(str(dim) or "?" for dim in self.shape) + ")"

    def merged(self, stated: Tensor | None) -> Tensor:
        """Fill what is open here from what the file states."""
        if stated is None:
            return self
        element_type = self.element_type or stated.element_type
        if self.shape is None or stated.shape is None or len(self.shape) != len(stated.shape):
            return Tensor(element_type, stated.shape if self.shape is None else self.shape)
        dims = (own if isinstance(own, int) else other or own for own, other in zip(self.shape, stated.shape, strict=True))
        return Tensor(element_type, tuple(dims))


def stated_tensor(proto: onnx.TypeProto) -> Tensor:
    """Read a type of the file; a stated extent below 1 counts as open."""
    kind = proto.tensor_type
    if not kind.HasField("shape"):
        return Tensor(kind.elem_type)
    dims = tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else dim.dim_param for dim in kind.shape.dim)
    return Tensor(kind.elem_type, dims)


def infer_outputs(node: Node, inputs: Mapping[str, Tensor], data: Mapping[str, AnyArray], opsets: Mapping[str, int]) -> dict[str, Tensor]:
    """Return what can be told of the outputs of `node`.

    Args:
        node: The node.
        inputs: What is known of each of its inputs.
        data: Values of small constant inputs.
        opsets: Operator set versions of the file by domain.
    """
    found = _from_schema(node, inputs, data, opsets)
    for name in node.outputs:
        if name and (name not in found or found[name].fixed_shape is None):
            own = _from_rule(node, inputs)
            if own is not None and name == node.outputs[0]:
                found[name] = own if name not in found else Tensor(found[name].element_type or own.element_type, own.shape)
    return found


def _from_schema(node: Node, inputs: Mapping[str, Tensor], data: Mapping[str, AnyArray], opsets: Mapping[str, int]) -> dict[str, Tensor]:
    try:
        schema = onnx.defs.get_schema(node.proto.op_type, node.opset, "" if node.proto.domain == "ai.onnx" else node.proto.domain)
    except SchemaError:
        return {}
    values = {name: onnx.numpy_helper.from_array(np.asarray(value)) for name, value in data.items()}
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    first = inputs.get(node.input(0), Tensor()).element_type
    proto, omitted = _with_omitted_inputs(node.proto, schema)
    for uniform in (False, True):
        types = {name: _type_proto(_as_float(tensor) if uniform else tensor) for name, tensor in {**inputs, **omitted}.items()}
        try:
            outputs = infer_node_outputs(schema, proto, types, values, None, imports)
        except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError, KeyError):
            continue  # operands of different float types are refused, though their shapes tell enough: once more with all of one type
        found = {name: stated_tensor(proto) for name, proto in outputs.items() if name}
        return {name: Tensor(first, tensor.shape) for name, tensor in found.items()} if uniform else found
    return {}  # the file's statements and the rules below remain


def _with_omitted_inputs(proto: onnx.NodeProto, schema: onnx.defs.OpSchema) -> tuple[onnx.NodeProto, dict[str, Tensor]]:
    """Give names to empty inputs that this operator set does not allow to be empty, as exporters leave out the roi of an early Resize."""
    single = onnx.defs.OpSchema.FormalParameterOption.Single
    places = [k for k, (name, item) in enumerate(zip(proto.input, schema.inputs, strict=False)) if not name and item.option == single]
    if not places:
        return proto, {}
    named = onnx.NodeProto()
    named.CopyFrom(proto)
    for place in places:
        named.input[place] = f"omitted {place} of {proto.name}"
    return named, {named.input[place]: Tensor(onnx.TensorProto.FLOAT) for place in places}


def _as_float(tensor: Tensor) -> Tensor:
    return Tensor(onnx.TensorProto.FLOAT, tensor.shape) if tensor.element_type in _FLOATS else tensor


def _type_proto(tensor: Tensor) -> onnx.TypeProto:
    element_type = tensor.element_type or onnx.TensorProto.FLOAT
    if tensor.shape is None:
        proto = onnx.TypeProto()
        proto.tensor_type.elem_type = element_type
        return proto
    return onnx.helper.make_tensor_type_proto(element_type, [dim or None for dim in tensor.shape])


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


def _global_pool(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    first = inputs.get(node.input(0), Tensor())
    if first.shape is None or len(first.shape) < 3:
        return None
    if node.integer("channels_last", 0):
        return Tensor(first.element_type, (first.shape[0], *(1,) * (len(first.shape) - 2), first.shape[-1]))
    return Tensor(first.element_type, (*first.shape[:2], *(1,) * (len(first.shape) - 2)))


_RULES: Mapping[str, Callable[[Node, Mapping[str, Tensor]], Tensor | None]] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "PRelu"), _broadcast_of()),
    **dict.fromkeys(("com.microsoft::QLinearAdd", "com.microsoft::QLinearMul"), _broadcast_of(0, 3)),
    "Gemm": _gemm,
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


def _from_rule(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    rule = _RULES.get(node.operator)
    return rule(node, inputs) if rule else None
