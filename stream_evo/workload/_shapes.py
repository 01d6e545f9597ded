"""Shapes of a node's outputs: ONNX's own inference first, then what the file states, then simple rules of our own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import onnx
from onnx.defs import SchemaError
from onnx.shape_inference import infer_node_outputs

from stream_evo.typing import AnyArray
from stream_evo.workload._node import Node
from stream_evo.workload._shape_rules import SHAPE_RULES, STANDARD_FORMS
from stream_evo.workload._tensor import Tensor, stated_tensor

__all__ = ["SHAPED_BY_DATA", "infer_outputs", "misfit"]

SHAPED_BY_DATA = frozenset(
    {"AffineGrid", "CenterCropPad", "Col2Im", "ConstantOfShape", "Expand", "MaxUnpool", "OneHot", "Pad", "Range", "ReduceL1", "ReduceL2"}
    | {"ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Reshape"}
    | {"Resize", "Slice", "Split", "SplitToSequence", "Squeeze", "Tile", "TopK", "Unsqueeze", "Upsample"}
)
"""Operators whose output shape depends on the value of an input."""
_FLOATS = (0, onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)


def infer_outputs(node: Node, inputs: Mapping[str, Tensor], data: Mapping[str, AnyArray], opsets: Mapping[str, int]) -> dict[str, Tensor]:
    """Return what can be told of the outputs of `node`.

    Args:
        node: The node.
        inputs: What is known of each of its inputs.
        data: Values of small constant inputs.
        opsets: Operator set versions of the file by domain.
    """
    found = _from_schema(_standard_form(node, opsets), inputs, data, opsets)
    for name in node.outputs:
        if name and (name not in found or found[name].fixed_shape is None):
            own = _from_rule(node, inputs)
            if own is not None and name == node.outputs[0]:
                found[name] = own if name not in found else Tensor(found[name].element_type or own.element_type, own.shape)
    return found


def misfit(node: Node, inputs: Mapping[str, Tensor], data: Mapping[str, AnyArray], opsets: Mapping[str, int]) -> str:
    """Return why ONNX's inference refuses a node whose inputs all have known shapes, empty if it does not."""
    if any(tensor.fixed_shape is None for tensor in inputs.values()):
        return ""
    refusals: list[str] = []
    _from_schema(_standard_form(node, opsets), inputs, data, opsets, refusals)
    lines = refusals[-1].splitlines() if len(refusals) == 2 else []
    return lines[0].rsplit("] ", 1)[-1].rstrip(". ") if lines else ""


def _standard_form(node: Node, opsets: Mapping[str, int]) -> Node:
    """Return the standard operator whose output has the shape of this one's, or the node itself."""
    if node.operator not in STANDARD_FORMS:
        return node
    operator, places = STANDARD_FORMS[node.operator]
    inputs = node.inputs[places] if isinstance(places, slice) else tuple(node.input(place) for place in places)
    opset = opsets.get("", opsets.get("ai.onnx", onnx.defs.onnx_opset_version()))
    known = onnx.defs.get_schema(operator, opset).attributes
    proto = onnx.helper.make_node(operator, inputs, node.outputs[:1], name=node.name)
    proto.attribute.extend(item for item in node.proto.attribute if item.name in known)
    return dataclasses.replace(node, proto=proto, opset=opset)


def _from_schema(
    node: Node,
    inputs: Mapping[str, Tensor],
    data: Mapping[str, AnyArray],
    opsets: Mapping[str, int],
    refusals: list[str] | None = None,
) -> dict[str, Tensor]:
    """Return what ONNX's inference tells of the outputs, and add to `refusals` why it refuses the node."""
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
        except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError, KeyError) as error:
            if refusals is not None:
                refusals.append(str(error))
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


def _from_rule(node: Node, inputs: Mapping[str, Tensor]) -> Tensor | None:
    rule = SHAPE_RULES.get(node.operator)
    return rule(node, inputs) if rule else None
