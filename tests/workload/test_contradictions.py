"""Files that contradict themselves: each is a fault that names the node, what was expected and what stands there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from stream_evo.cli import main
from stream_evo.errors import Fault, InputError
from stream_evo.workload import Status, load_onnx, operator_report


def _faults(model: Any, **options: Any) -> tuple[Fault, ...]:
    with pytest.raises(InputError) as caught:
        load_onnx(model, **options)
    assert all("Error" not in str(fault) and "--host-ops" not in str(fault) for fault in caught.value.faults), caught.value
    return caught.value.faults


def _info(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


@pytest.mark.parametrize(
    ("operator", "weights", "attributes", "what", "expected", "found"),
    [
        ("Conv", (5, 2, 3, 3), {"group": 2}, "group does not divide the filters", "a divisor of 5", "2"),
        ("Conv", (4, 4, 3, 3), {"group": 0}, "group does not divide the filters", "a divisor of 4", "0"),
        ("Conv", (4, 3, 3, 3), {}, "weights do not fit the input", "filters for its 4 channels", "3 channels per filter"),
        ("Conv", (4, 1, 3, 3), {"group": 2}, "weights do not fit the input", "its 4 channels", "1 channels per filter in 2 groups"),
        ("Conv", (4, 4, 3), {}, "filter does not fit the map", "a filter of 2 axes", "1 axis"),
        ("Conv", (4, 4, 3, 3), {"strides": [1]}, "strides does not fit the map", "2 values for 2 axes", "[1]"),
        ("Conv", (4, 4, 3, 3), {"pads": [1, 1]}, "pads does not fit the map", "4 values for 2 axes", "[1, 1]"),
        ("Conv", (4, 4, 3, 3), {"dilations": [1, 1, 1]}, "dilations does not fit the map", "2 values for 2 axes", "[1, 1, 1]"),
        ("Conv", (4, 4, 3, 3), {"strides": [0, 1]}, "strides is out of range", "at least 1", "[0, 1]"),
        ("Conv", (4, 4, 3, 3), {"dilations": [1, -1]}, "dilations is out of range", "at least 1", "[1, -1]"),
        ("Conv", (4, 4, 3, 3), {"kernel_shape": [5, 5]}, "kernel_shape contradicts the weights", "[3, 3]", "[5, 5]"),
        ("Conv", (4, 4, 7, 3), {}, "larger than the padded map", "at least 7x3", "6x6"),
        ("Conv", (4, 4, 3, 3), {"dilations": [4, 1], "pads": [1, 0, 1, 0]}, "larger than the padded map", "at least 9x3", "8x6"),
        ("Conv", (4, 4, 7, 7), {"auto_pad": "VALID", "pads": [3] * 4}, "larger than the padded map", "at least 7x7", "6x6"),
        ("ConvTranspose", (4, 5, 3, 3), {"group": 3}, "group does not divide the input channels", "a divisor of 4", "3"),
        ("ConvTranspose", (3, 4, 3, 3), {}, "weights do not fit the input", "its 4 channels", "weights for 3"),
        ("ConvTranspose", (4, 4, 3, 3), {"strides": [2, 0]}, "strides is out of range", "at least 1", "[2, 0]"),
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_convolutions(net: Any, operator: str, weights: Any, attributes: Any, what: str, expected: str, found: str, stated: bool) -> None:
    n = net()
    y = n.op(operator, n.input([1, 4, 6, 6]), n.weights(*weights), name="odd", **attributes)
    model = n.model(infos=[_info(y, 1, weights[0], 6, 6)] if stated else [])
    (fault,) = _faults(model)
    assert (fault.path, fault.found) == ("odd", found)
    assert fault.what.startswith(f"{operator}: ")
    assert what in fault.what
    assert expected in fault.expected
    (same,) = _faults(model, host_operators=True)
    assert same == fault


def test_groups_of_transposed_convolutions_may_have_any_number_of_filters(net: Any) -> None:
    n = net()
    n.op("ConvTranspose", n.input([1, 4, 6, 6]), n.weights(4, 5, 2, 2), group=2, strides=[2, 2])
    (layer,) = load_onnx(n.model()).layers
    assert (layer.sizes.G, layer.sizes.K, layer.sizes.C, layer.macs) == (2, 20, 2, 36 * 4 * 5 * 4)


@pytest.mark.parametrize(("side", "stride", "taps", "pads"), [(7, 2, 3, 1), (3, 4, 5, 0), (4, 2, 2, 0)])
def test_what_is_counted_of_a_transposed_convolution(net: Any, side: int, stride: int, taps: int, pads: int) -> None:
    n = net()
    n.op("ConvTranspose", n.input([1, 6, side, side]), n.weights(6, 4, taps, taps), strides=[stride] * 2, pads=[pads] * 4)
    (layer,) = load_onnx(n.model()).layers
    steps = -(-(stride * (side - 1) + taps - 2 * pads) // stride)
    per_phase = -(-taps // stride)
    assert layer.weights == 6 * 4 * taps**2
    assert layer.macs == layer.weights * steps**2
    assert layer.operations == 4 * stride**2 * 6 * steps**2 * per_phase**2
    assert layer.output_elements == 4 * (stride * steps) ** 2


@pytest.mark.parametrize("taps", [4, 5])
def test_inspect_tells_operations_beyond_the_macs(net: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], taps: int) -> None:
    n = net()
    n.op("ConvTranspose", n.input([1, 6, 3, 3]), n.weights(6, 4, taps, taps), strides=[4, 4], name="grow")
    onnx.save(n.model(), tmp_path / "net.onnx")
    assert main(["inspect", str(tmp_path / "net.onnx")]) == 0
    line = "grow: 24,576 operations are computed for its 9,600 MACs (sub-pixel form)"
    assert (line in capsys.readouterr().out) is (taps == 5)


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ({"kernel_shape": [7, 2]}, "larger than the padded map"),
        ({"kernel_shape": [2, 2], "strides": [0, 2]}, "strides is out of range"),
        ({"kernel_shape": [2]}, "filter does not fit the map"),
    ],
)
def test_poolings(net: Any, attributes: Any, what: str) -> None:
    n = net()
    y = n.op("MaxPool", n.input([1, 4, 6, 6]), name="odd", **attributes)
    (fault,) = _faults(n.model(infos=[_info(y, 1, 4, 3, 3)]))
    assert fault.path == "odd"
    assert what in fault.what


@pytest.mark.parametrize("padded", [{"auto_pad": "SAME_UPPER"}, {"pads": [1] * 4}])
def test_a_filter_larger_than_the_map_is_fine_where_pads_make_it_fit(net: Any, padded: Any) -> None:
    n = net()
    n.op("Conv", n.op("AveragePool", n.input([1, 4, 2, 2]), kernel_shape=[3, 3], **padded), n.weights(4, 4, 3, 3), **padded)
    assert [layer.operator for layer in load_onnx(n.model()).layers] == ["AveragePool", "Conv"]


@pytest.mark.parametrize("operator", ["Add", "Sub", "Pow", "Max", "Where"])
@pytest.mark.parametrize("constant", [True, False])
def test_shapes_that_do_not_broadcast(net: Any, operator: str, constant: bool) -> None:
    n = net()
    other = n.weights(3, 8) if constant else n.input([3, 8], "other")
    condition = (n.input([1], "c", TensorProto.BOOL),) if operator == "Where" else ()
    y = n.op(operator, *condition, n.input([1, 4, 8, 8]), other, name="odd")
    (fault,) = _faults(n.model(infos=[_info(y, 1, 4, 8, 8)]))
    assert (fault.path, fault.expected) == ("odd", "shapes that broadcast")
    assert "(1, 4, 8, 8) and (3, 8)" in fault.found


def test_products_that_do_not_fit(net: Any) -> None:
    n = net()
    n.op("MatMul", n.input([1, 5, 4]), n.weights(9, 9), name="odd")
    (fault,) = _faults(n.model())
    assert (fault.path, fault.found) == ("odd", "(1, 5, 4), (9, 9)")
    assert "do not fit together (Incompatible dimensions" in fault.what


def test_attributes_of_a_known_operator_that_fit_nothing(net: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 4, 6, 6]), n.weights(4, 4, 1, 1), name="before")
    n.op("Transpose", y, perm=[0, 1, 2, 9], name="odd")
    (fault,) = _faults(n.model(infos=[_info("t1", 1, 4, 6, 6)]))
    assert fault.path == "odd"
    assert "(1, 4, 6, 6)" in str(fault)


def test_host_operators_are_offered_for_operators_without_parser_only(net: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 4, 6, 6]), n.weights(4, 4, 3, 3))
    ends = [n.op("NonZero", y, name="unknown"), n.op("MaxPool", n.op("Unsqueeze", y, n.constant([0], np.int64)), kernel_shape=[2] * 3)]
    with pytest.raises(InputError) as caught:
        load_onnx(n.model(*ends))
    assert ["--host-ops" in fault.hint for fault in caught.value.faults] == [True, False]


def test_an_extent_of_zero_counts_as_open(net: Any) -> None:
    """Some exporters write 0 for what they do not know; the batch may stay open (`test_untidy_files`), nothing else."""
    n = net()
    n.op("Conv", n.input([1, 4, 0, 6]), n.weights(4, 4, 3, 3))
    model = n.model()
    (fault,) = _faults(model)
    assert (fault.path, fault.expected, fault.found) == ("x", "fixed dimensions after the first", "(1, 4, ?, 6)")
    assert "x[2]" in fault.hint
    assert load_onnx(model, dims={"x[2]": 3}).macs > 0


def test_an_empty_vector_of_axes_is_well_formed(net: Any) -> None:
    n = net()
    n.op("ReduceSum", n.input([1, 4, 6, 6]), n.input([0], "axes", TensorProto.INT64), keepdims=1)
    assert [report.reason for report in operator_report(n.model())] == ["reduction over axes that are not known before the run"]


def test_an_input_without_shape(net: Any) -> None:
    n = net()
    n.inputs.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, None))
    n.op("Relu", "x")
    (fault,) = _faults(n.model())
    assert (fault.path, fault.found) == ("x", "unknown rank")
    assert "--dim" not in fault.hint
    assert "graph.input" in fault.hint


def _twice(n: Any, y: str) -> None:
    n.nodes.append(helper.make_node("Relu", ["x"], [y], name="again"))


def _from_nowhere(n: Any, y: str) -> None:
    n.op("Add", y, "nope", name="reader")


def _circle(n: Any, y: str) -> None:
    n.nodes.append(helper.make_node("Add", [y, "b"], ["a"], name="first"))
    n.nodes.append(helper.make_node("Relu", ["a"], ["b"], name="second"))


@pytest.mark.parametrize(
    ("spoil", "output", "path", "what", "found"),
    [
        (_twice, "t0", "again", "several nodes write tensor 't0'", "conv (Conv), again (Relu)"),
        (_from_nowhere, "t1", "reader", "Add: it reads a tensor that nothing gives", "'nope'"),
        (lambda *_: None, "lost", "graph.output", "an output of the graph is a tensor that nothing gives", "'lost'"),
        (_circle, "b", "first", "nodes read each other's outputs in a cycle", "first (Add), second (Relu)"),
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_graphs(net: Any, spoil: Callable[[Any, str], None], output: str, path: str, what: str, found: str, stated: bool) -> None:
    n = net()
    spoil(n, n.op("Conv", n.input([1, 4, 6, 6]), n.weights(4, 4, 3, 3), name="conv"))
    (fault,) = _faults(n.model(output, infos=[_info("nope", 1, 4, 4, 4)] if stated else []))
    assert (fault.path, fault.what, fault.found) == (path, what, found)


@pytest.mark.parametrize("place", ["between", "output"])
def test_a_stated_shape_that_the_inputs_do_not_give(net: Any, place: str) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 3, 8, 8]), n.weights(5, 3, 3, 3), name="odd")
    model = n.model(n.op("Relu", y) if place == "between" else y, infos=[_info(y, 1, 5, 9, 9)] if place == "between" else [])
    if place == "output":
        model.graph.output[0].CopyFrom(_info(y, 1, 5, 9, 9))
    (fault,) = _faults(model)
    assert (fault.path, fault.expected, fault.found) == ("odd", "(1, 5, 6, 6)", "(1, 5, 9, 9)")
    assert repr(y) in fault.what


@pytest.mark.parametrize(
    ("batch", "attributes", "stated"),
    [
        ("batch", {}, (7, 4, 4, 4)),  # stated before the batch was opened
        (1, {}, ()),
        (1, {"auto_pad": "SAME_UPPER", "strides": [4, 4]}, (1, 4, 1, 1)),
    ],
)
def test_statements_that_are_let_pass(net: Any, batch: Any, attributes: Any, stated: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([batch, 4, 6, 6]), n.weights(4, 4, 3, 3), **attributes)
    model = n.model(n.op("Relu", y), infos=[_info(y, *stated)])
    assert load_onnx(model).macs > 0
    assert load_onnx(model, dims={"batch": 2} if batch == "batch" else None).macs > 0
    assert {report.status for report in operator_report(model)} == {Status.SUPPORTED, Status.FOLDED}


def test_vectors_that_state_shapes_in_another_file(net: Any, tmp_path: Path) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 4, 6, 6]), n.weights(4, 4, 3, 3))
    n.op("MatMul", n.op("Reshape", y, n.constant([1, 16, 4], np.int64), name="shaped"), n.weights(4, 5))
    path = tmp_path / "net.onnx"
    onnx.save(n.model(), path, save_as_external_data=True, location="net.data", size_threshold=0)
    assert load_onnx(path).layers[-1].macs == 16 * 4 * 5
    (tmp_path / "net.data").unlink()
    (fault,) = _faults(path)
    assert (fault.path, fault.expected, fault.found) == ("shaped", "the file net.data beside the network", "none")
    assert "'constant_1'" in fault.what
