"""What becomes of activation functions, biases, normalisation and constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stream_evo.workload import OperatorKind, Status, load_onnx, operator_report
from tests.workload.conftest import Net

Check = Callable[..., list[Any]]
ACTIVATIONS = [
    "Relu",
    "LeakyRelu",
    "Clip",
    "HardSwish",
    "HardSigmoid",
    "Sigmoid",
    "Gelu",
    "Erf",
    "Exp",
    "Sqrt",
    "Tanh",
    "Elu",
    "Abs",
    "Mish",
]


def _conv(n: Net) -> str:
    return n.op("Conv", n.input([1, 2, 4, 4]), n.weights(3, 2, 3, 3), pads=[1] * 4, name="conv")


@pytest.mark.parametrize("kind", [*ACTIVATIONS, "Swish"])
def test_activation_functions_fold(net: type[Net], kind: str) -> None:
    n = net(opset=24)
    n.op(kind, _conv(n), name="function")
    (layer,) = load_onnx(n.model()).layers
    assert layer.folded == ("function",)
    assert (layer.operator, layer.cycles_per_operation) == ("Conv", 1)


@pytest.mark.parametrize("kind", ["Add", "Mul", "Sub", "Div", "Pow", "PRelu", "Max"])
def test_constant_operands_fold(net: type[Net], kind: str) -> None:
    n = net()
    n.op(kind, _conv(n), n.weights(3, 1, 1))
    (layer,) = load_onnx(n.model()).layers
    assert layer.folded == (f"{kind}_1",)


def test_folds_through_views_but_not_past_a_second_reader(net: type[Net]) -> None:
    n = net()
    flat = n.op("Flatten", n.op("Relu", _conv(n)))
    layers = load_onnx(n.model(n.op("Sigmoid", flat), n.op("Tanh", flat))).layers
    assert [layer.operator for layer in layers] == ["Conv", "Sigmoid", "Tanh"]
    assert layers[0].folded == ("Relu_1",)
    assert layers[1].cycles_per_operation == 4


def test_an_output_of_the_network_keeps_its_value(net: type[Net]) -> None:
    n = net()
    y = _conv(n)
    n.op("Sigmoid", y)
    workload = load_onnx(n.model(y, n.nodes[-1].output[0]))
    assert [layer.operator for layer in workload.layers] == ["Conv", "Sigmoid"]
    assert workload.outputs == (0, 1)


def test_constants_that_enlarge_do_not_fold(net: type[Net], check: Check) -> None:
    n = net()
    n.op("Add", n.op("ReduceMean", _conv(n), n.constant([2, 3], np.int64)), n.weights(1, 1, 4, 4))
    layers = load_onnx(n.model()).layers
    assert [layer.operator for layer in layers] == ["Conv", "ReduceMean", "Add"]
    assert layers[-1].output_elements == 48
    check(n.model())


def test_batch_normalisation_folds_or_stands_alone(net: type[Net]) -> None:
    n = net()
    scales = [n.weights(3) for _ in range(4)]
    first = n.op("BatchNormalization", _conv(n), *scales)
    both = n.op("Concat", first, n.op("MaxPool", first, kernel_shape=[1, 1]), axis=1)
    n.op("Relu", n.op("BatchNormalization", both, *(n.weights(6) for _ in range(4))), name="last")
    layers = load_onnx(n.model()).layers
    assert [layer.operator for layer in layers] == ["Conv", "MaxPool", "BatchNormalization"]
    assert layers[0].folded == ("BatchNormalization_1",)
    assert layers[2].folded == ("last",)
    assert layers[2].kind is OperatorKind.ELEMENTWISE
    assert layers[2].macs == 0


SPELLED_OUT = {
    "Gelu": lambda n, x: n.op("Mul", n.op("Mul", x, n.op("Add", n.op("Erf", x), n.constant(1))), n.constant(0.5)),
    "Swish": lambda n, x: n.op("Mul", x, n.op("Sigmoid", x)),
    "HardSwish": lambda n, x: n.op("Mul", x, n.op("HardSigmoid", x)),
    "square": lambda n, x: n.op("Mul", x, x),
}


@pytest.mark.parametrize("name", SPELLED_OUT)
def test_activation_functions_spelled_out_fold_as_one(net: type[Net], name: str) -> None:
    n = net()
    SPELLED_OUT[name](n, _conv(n))
    model = n.model()
    (layer,) = load_onnx(model).layers
    assert set(layer.folded) == {node.name for node in n.nodes[1:]}
    assert {report.status for report in operator_report(model)} == {Status.SUPPORTED, Status.FOLDED}


def test_an_activation_function_before_any_layer_is_one_layer(net: type[Net]) -> None:
    n = net()
    SPELLED_OUT["Swish"](n, n.input([1, 2, 3, 3]))
    (layer,) = load_onnx(n.model()).layers
    assert (layer.operator, layer.cycles_per_operation, len(layer.edges)) == ("Swish", 4, 1)


def _layer_norm(n: Net, x: str, axes: list[int]) -> str:
    centred = n.op("Sub", x, n.op("ReduceMean", x, axes=axes))
    variance = n.op("ReduceMean", n.op("Pow", centred, n.constant(2)), axes=axes)
    normal = n.op("Div", centred, n.op("Sqrt", n.op("Add", variance, n.constant(1e-5))))
    return n.op("Add", n.op("Mul", normal, n.weights(6)), n.weights(6))


def test_layer_normalisation_spelled_out_is_one_layer(net: type[Net], check: Check) -> None:
    n = net(opset=17)
    x = n.op("Add", n.op("MatMul", n.input([1, 5, 4]), n.weights(4, 6)), n.input([1, 5, 6], "residual"))
    y = _layer_norm(n, x, [-1])
    n.op("Add", y, n.op("MatMul", y, n.weights(6, 6)))
    layers = load_onnx(n.model()).layers
    assert [layer.operator for layer in layers] == ["MatMul", "Add", "LayerNormalization", "MatMul", "Add"]
    assert len(layers[2].folded) == 8
    assert layers[2].edges[0].rows.interval(2, 3, 5) == (2, 3)
    check(n.model())


def test_a_region_with_an_outside_reader_stays_apart(net: type[Net], check: Check) -> None:
    n = net(opset=17)
    x = _conv(n)
    mean = n.op("ReduceMean", x, axes=[1])
    n.op("Sub", x, mean)
    workload = load_onnx(n.model(mean, n.nodes[-1].output[0]))
    assert [layer.operator for layer in workload.layers] == ["Conv", "ReduceMean", "Sub"]
    check(n.model(mean, n.nodes[-1].output[0]))


def test_residual_blocks_are_no_functions_of_one_tensor(net: type[Net]) -> None:
    n = net()
    x = _conv(n)
    n.op("Add", n.op("Conv", x, n.weights(3, 3, 1, 1)), x)
    assert [layer.operator for layer in load_onnx(n.model()).layers] == ["Conv", "Conv", "Add"]


def test_squeeze_and_excitation(net: type[Net], check: Check) -> None:
    n = net(opset=17)
    x = _conv(n)
    squeezed = n.op("ReduceMean", x, axes=[2, 3])
    gate = n.op("HardSigmoid", n.op("Conv", n.op("Relu", n.op("Conv", squeezed, n.weights(2, 3, 1, 1))), n.weights(3, 2, 1, 1)))
    n.op("Mul", x, gate)
    layers = load_onnx(n.model()).layers
    assert [layer.operator for layer in layers] == ["Conv", "ReduceMean", "Conv", "Conv", "Mul"]
    assert layers[1].sizes.FY == layers[1].sizes.FX == 4
    check(n.model())


def test_sum_of_many_is_a_chain(net: type[Net]) -> None:
    n = net()
    x = n.input([1, 2, 3, 3])
    n.op("Sum", *(n.op("Conv", x, n.weights(2, 2, 1, 1)) for _ in range(4)), name="sum")
    layers = load_onnx(n.model()).layers
    assert [layer.name for layer in layers[4:]] == ["sum/1", "sum/2", "sum"]
    assert [[edge.producer for edge in layer.edges] for layer in layers[4:]] == [[0, 1], [4, 2], [5, 3]]


def test_both_operands_from_one_producer(net: type[Net]) -> None:
    n = net()
    x = _conv(n)
    halves = n.op("Split", x, n.constant([1, 2], np.int64), axis=1, outputs=2)
    n.op("Mul", halves, n.nodes[-1].output[1])
    layer = load_onnx(n.model()).layers[-1]
    assert [edge.producer for edge in layer.edges] == [0, 0]
    assert layer.edges[1].channels.interval(0, 2, 3) == (1, 3)
