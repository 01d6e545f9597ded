"""Bits per operand: from the element types of the graph, or overridden."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from stream_evo.workload import Bits, Status, load_onnx, operator_report
from tests.workload.conftest import Net


def test_float_networks_run_in_eight_bits(net: type[Net]) -> None:
    n = net()
    n.op("MaxPool", n.op("Conv", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3)), kernel_shape=[2, 2])
    workload = load_onnx(n.model())
    assert [layer.bits for layer in workload.layers] == [Bits(), Bits()]
    assert workload.inputs[0].bits == 8


def test_half_precision_counts_sixteen_bits(net: type[Net]) -> None:
    n = net()
    w = n.constant(np.zeros((4, 3, 3, 3)), np.float16)
    n.op("Conv", n.input([1, 3, 6, 6], kind=TensorProto.FLOAT16), w)
    workload = load_onnx(n.model())
    assert workload.layers[0].bits == Bits(16, 16, 32, 16)
    assert workload.inputs[0].bits == 16


def test_override_holds_everywhere(net: type[Net]) -> None:
    n = net()
    w = n.constant(np.zeros((4, 3, 3, 3)), np.float16)
    y = n.op("QuantizeLinear", n.op("Conv", n.input([1, 3, 6, 6], kind=TensorProto.FLOAT16), w), n.constant(0.1, np.float16))
    n.op("MaxPool", n.op("DequantizeLinear", y, n.constant(0.1, np.float16)), kernel_shape=[2, 2])
    bits = Bits(4, 2, 12, 6)
    workload = load_onnx(n.model(), bits=bits)
    assert [layer.bits for layer in workload.layers] == [bits, bits]
    assert workload.inputs[0].bits == 4


def test_quantise_and_dequantise_pairs_leave_one_layer_per_convolution(net: type[Net]) -> None:
    n = net()
    scale = [n.constant(0.1), n.constant(0, np.int8)]

    def pair(x: str) -> str:
        return n.op("DequantizeLinear", n.op("QuantizeLinear", x, *scale), *scale)

    def conv(x: str, name: str) -> str:
        w = n.op("DequantizeLinear", n.constant(np.zeros((3, 3, 1, 1)), np.int8), *scale)
        return pair(n.op("Relu", n.op("Conv", x, w, name=name)))

    first = conv(pair(n.input([1, 3, 4, 4])), "first")
    n.op("Add", conv(first, "second"), first)
    model = n.model()
    workload = load_onnx(model)
    assert [layer.operator for layer in workload.layers] == ["Conv", "Conv", "Add"]
    assert all(layer.bits == Bits() for layer in workload.layers)
    assert not [report for report in operator_report(model) if report.status is Status.UNSUPPORTED]


def test_four_bit_weights(net: type[Net]) -> None:
    n = net()
    n.initializers.append(helper.make_tensor("w4", TensorProto.INT4, [6, 5], [0] * 30))
    w = n.op("DequantizeLinear", "w4", n.constant(0.1))
    n.op("MatMul", n.input([1, 2, 6]), w)
    (layer,) = load_onnx(n.model()).layers
    assert layer.bits == Bits(8, 4, 12, 8)
    assert layer.weight_bits == 120


def test_quantised_operators(net: type[Net], check: Any) -> None:
    n = net()
    point = [n.constant(0.05), n.constant(0, np.uint8)]
    x = n.input([1, 2, 4, 4], kind=TensorProto.UINT8)
    w = n.constant(np.ones((4, 1, 3, 3)), np.uint8)
    y = n.op("QLinearConv", x, *point, w, *point, *point, group=2, pads=[1] * 4)
    flat = n.op("Reshape", y, n.constant([1, 4, 16], np.int64))
    n.op("QLinearMatMul", flat, *point, n.constant(np.ones((16, 5)), np.uint8), *point, *point)
    first, second = load_onnx(n.model()).layers
    assert (first.sizes.G, first.sizes.K, first.sizes.C, first.weights) == (2, 2, 1, 36)
    assert first.bits == second.bits == Bits()
    assert second.macs == 4 * 16 * 5
    check(n.model())


def test_integer_operators_write_their_accumulator(net: type[Net]) -> None:
    n = net()
    x = n.input([1, 3, 4], kind=TensorProto.UINT8)
    n.op("MatMulInteger", x, n.constant(np.ones((4, 5)), np.int8))
    n.op("ConvInteger", n.input([1, 2, 4, 4], "y", TensorProto.UINT8), n.constant(np.ones((3, 2, 1, 1)), np.uint8))
    layers = load_onnx(n.model("t0", "t1")).layers
    assert [layer.bits for layer in layers] == [Bits(8, 8, 32, 32)] * 2


def test_dynamic_quantisation_adds_no_scalar_layers(net: type[Net]) -> None:
    n = net()
    x = n.input([1, 3, 4])
    y = n.op("DynamicQuantizeLinear", n.op("Relu", x), outputs=3)
    scale, point = n.nodes[-1].output[1:]
    product = n.op("Cast", n.op("MatMulInteger", y, n.constant(np.ones((4, 5)), np.uint8), point), to=1)
    n.op("Add", n.op("Mul", product, n.op("Mul", scale, n.constant(0.2))), n.weights(5))
    layers = load_onnx(n.model()).layers
    assert [layer.operator for layer in layers] == ["Relu", "MatMulInteger"]
    assert len(layers[1].folded) == 2


@pytest.mark.parametrize("last", [0, 1])
def test_runtime_quantised_operators(net: type[Net], last: int) -> None:
    """Operators of ONNX Runtime, whose shapes ONNX does not know."""
    n = net()
    point = [n.constant(0.05), n.constant(0, np.uint8)]
    x = n.input([1, 4, 6, 8] if not last else [1, 6, 8, 4], kind=TensorProto.UINT8)
    total = n.op("QLinearAdd", x, *point, x, *point, *point, domain="com.microsoft")
    n.op("QLinearGlobalAveragePool", total, *point, *point, domain="com.microsoft", channels_last=last)
    add, pool = load_onnx(n.model(opsets={"com.microsoft": 1})).layers
    assert add.output_elements == 192
    assert (pool.channels, pool.sizes.FY, pool.sizes.FX) == (4, 6, 8)
    assert pool.bits == Bits()


def test_runtime_fused_operators(net: type[Net]) -> None:
    """Graphs that ONNX Runtime has optimised: SkipLayerNormalization, BiasGelu, FusedMatMul, FusedConv."""
    n = net()
    domain: dict[str, Any] = {"domain": "com.microsoft"}
    x = n.input([1, 5, 8])
    y = n.op("FusedMatMul", x, n.weights(6, 8), transB=1, alpha=0.5, **domain)
    y = n.op("BiasGelu", y, n.weights(6), **domain)
    y = n.op("MatMul", y, n.weights(6, 8))
    y = n.op("SkipLayerNormalization", y, x, n.weights(8), n.weights(8), outputs=4, name="norm", **domain)
    n.op("MatMul", y, n.weights(8, 2))
    n.op("MatMul", "t3_3", n.weights(8, 3))
    stated = {"t0": [1, 5, 6], "t3_3": [1, 5, 8]}
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in stated.items()]
    layers = load_onnx(n.model("t4", "t5", infos=infos, opsets={"com.microsoft": 1})).layers
    assert [layer.name for layer in layers] == ["FusedMatMul_0", "MatMul_2", "norm/add", "norm", "MatMul_4", "MatMul_5"]
    assert layers[0].folded == ("BiasGelu_1",)
    assert layers[0].macs == 5 * 6 * 8
    assert [edge.producer for layer in layers[2:] for edge in layer.edges] == [1, -1, 2, 3, 2]


@pytest.mark.parametrize(("kind", "bits"), [("UINT4", 4), ("INT8", 8), ("FLOAT8E4M3FN", 8), ("INT32", 32), ("FLOAT16", 16)])
def test_weight_types(net: type[Net], kind: str, bits: int) -> None:
    """Types come without data here, as in files whose weights are stripped."""
    n = net()
    n.initializers.append(onnx.TensorProto(name="w", data_type=TensorProto.DataType.Value(kind), dims=[4, 3]))
    n.op("MatMul", n.input([1, 2, 4]), "w" if kind == "FLOAT16" else n.op("DequantizeLinear", "w", n.constant(0.1)))
    (layer,) = load_onnx(n.model()).layers
    assert bits == layer.bits.W
