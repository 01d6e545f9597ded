"""Counts what a network computes from nothing but the shapes in its graph; shares no code with the package."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import onnx
import pytest


@dataclass
class GraphCounts:
    macs: int = 0
    weights: int = 0
    operators: Counter[str] = field(default_factory=Counter)
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    # (output channels, input channels per group, filter rows, filter columns, output rows, output columns)
    convolutions: list[tuple[int, ...]] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


Count = Callable[[onnx.ModelProto], GraphCounts]


def shapes_of(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    graph = model.graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        shapes.setdefault(value.name, tuple(d.dim_value for d in value.type.tensor_type.shape.dim))
    return shapes


def count_graph(model: onnx.ModelProto) -> GraphCounts:
    model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    counts = GraphCounts(shapes=shapes_of(model))
    shapes = counts.shapes
    constants = {tensor.name for tensor in model.graph.initializer}
    counts.inputs = {value.name: shapes[value.name] for value in model.graph.input if value.name not in constants}
    for node in model.graph.node:
        counts.operators[node.op_type] += 1
        if all(name in constants for name in node.input if name):
            constants.update(node.output)
            continue
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        if node.op_type == "Conv":
            weight, output = shapes[node.input[1]], shapes[node.output[0]]
            # ONNX's shape inference does not compare these two.
            assert shapes[node.input[0]][1] == weight[1] * attributes.get("group", 1), node.name
            counts.macs += math.prod(output) * math.prod(weight[1:])
            counts.weights += math.prod(weight)
            counts.convolutions.append((*weight, *output[2:]))
        elif node.op_type in ("Gemm", "MatMul"):
            left, right, output = shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]]
            counts.macs += math.prod(output) * left[0 if attributes.get("transA") else -1]
            counts.weights += math.prod(right) if node.input[1] in constants else 0
    return counts


@pytest.fixture(scope="session")
def count() -> Count:
    return count_graph
