"""A small writer of ONNX graphs whose weights have a shape and no data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

__all__ = ["Graph"]

_IR_VERSION = 8  # the oldest that knows operator set 17; every later runtime reads it


class Graph:
    """An ONNX graph under construction; every method adds nodes and returns the name of the new tensor.

    Weights are the outputs of ``ConstantOfShape`` nodes: they are constants to every reader, their shapes are known to shape
    inference, and a file with millions of weights stays a few kilobytes. The topologies that ship with the ``onnx`` package do the same.

    Args:
        name: Name of the network.
        operator_set: Version of the default operator set, at most 17.
    """

    def __init__(self, name: str, *, operator_set: int = 17) -> None:
        self._name = name
        self._operator_set = operator_set
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._initializers: list[onnx.TensorProto] = []

    def input(self, name: str, shape: Sequence[int]) -> str:
        """Declare an activation that comes from outside."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
        return name

    def weight(self, name: str, shape: Sequence[int], value: float = 0.0) -> str:
        """Add a constant of `shape` without storing its elements; all are `value` for whoever executes the graph."""
        size = self.tensor(f"{name}.shape", np.asarray(shape, dtype=np.int64))
        fill = numpy_helper.from_array(np.array([value], dtype=np.float32))
        return self.node("ConstantOfShape", [size], name=name, value=fill)

    def tensor(self, name: str, values: npt.ArrayLike) -> str:
        """Add a small constant with data: a shape, an index or a scalar; floats are stored in single precision."""
        array = np.asarray(values)
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        self._initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, inputs: Sequence[str], *, name: str, **attributes: Any) -> str:
        """Add a node with one output; node and output share `name`."""
        return self.nodes(operator, inputs, name=name, outputs=[name], **attributes)[0]

    def nodes(self, operator: str, inputs: Sequence[str], *, name: str, outputs: Sequence[str], **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        self._nodes.append(helper.make_node(operator, list(inputs), list(outputs), name=name, **attributes))
        return list(outputs)

    def conv(
        self,
        x: str,
        name: str,
        *,
        channels: tuple[int, int],
        kernel: int,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        bias: bool = True,
    ) -> str:
        """Add a square two-dimensional convolution.

        Args:
            x: Input of shape (1, channels[0], rows, columns).
            name: Name of the node.
            channels: (input, output) channels.
            kernel: Rows and columns of the filter.
            stride: Step of the window in both directions.
            padding: Zeros on each side; half the filter if None.
            groups: Groups of channels that do not mix.
            bias: True if a bias is added; False where a BatchNormalization follows.
        """
        pad = kernel // 2 if padding is None else padding
        inputs = [x, self.weight(f"{name}.weight", [channels[1], channels[0] // groups, kernel, kernel])]
        if bias:
            inputs.append(self.weight(f"{name}.bias", [channels[1]]))
        return self.node("Conv", inputs, name=name, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4, group=groups)

    def batch_normalization(self, x: str, name: str, channels: int) -> str:
        """Add a BatchNormalization in its inference form."""
        scale, bias, mean, variance = (
            self.weight(f"{name}.{part}", [channels], value)
            for part, value in (("scale", 1.0), ("bias", 0.0), ("mean", 0.0), ("variance", 1.0))
        )
        return self.node("BatchNormalization", [x, scale, bias, mean, variance], name=name, epsilon=1e-5)

    def gemm(self, x: str, name: str, features: tuple[int, int]) -> str:
        """Add a fully connected layer on a matrix, (rows, features[0]) to (rows, features[1]), as Gemm with transposed weights."""
        weight = self.weight(f"{name}.weight", [features[1], features[0]])
        return self.node("Gemm", [x, weight, self.weight(f"{name}.bias", [features[1]])], name=name, transB=1)

    def linear(self, x: str, name: str, features: tuple[int, int]) -> str:
        """Add a fully connected layer on the last axis of a tensor of any rank, as MatMul and Add."""
        product = self.node("MatMul", [x, self.weight(f"{name}.weight", features)], name=name)
        return self.node("Add", [product, self.weight(f"{name}.bias", [features[1]])], name=f"{name}.add")

    def reshape(self, x: str, name: str, shape: Sequence[int]) -> str:
        """Add a Reshape to a constant shape."""
        return self.node("Reshape", [x, self.tensor(f"{name}.shape", np.asarray(shape, dtype=np.int64))], name=name)

    def model(self, *outputs: str) -> onnx.ModelProto:
        """Close the graph and return it, checked and with the shape of every tensor stated.

        Raises:
            onnx.checker.ValidationError: the graph breaks a rule of ONNX.
            onnx.shape_inference.InferenceError: a shape contradicts another or cannot be inferred.
        """
        results = [onnx.ValueInfoProto(name=name, type=helper.make_tensor_type_proto(TensorProto.FLOAT, None)) for name in outputs]
        graph = helper.make_graph(self._nodes, self._name, self._inputs, results, self._initializers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self._operator_set)], ir_version=_IR_VERSION, producer_name="stream-evo"
        )
        model = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        onnx.checker.check_model(model, full_check=True)
        return model
