"""Files as they are found: weights in odd places, open batches, missing data, old operator sets, foreign domains, damage."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from stream_evo.errors import InputError
from stream_evo.workload import NetworkInput, Status, load_onnx, operator_report


def _conv_net(n: Any, weights: str) -> Any:
    n.op("Conv", n.input([1, 3, 6, 6]), weights, n.constant(np.zeros(4)), pads=[1] * 4, name="conv")
    return n.model()


def _assert_plain(model: Any) -> None:
    workload = load_onnx(model)
    assert (workload.macs, workload.weights) == (36 * 4 * 27, 108)
    assert [item.name for item in workload.inputs] == ["x"]


def test_weights_as_graph_inputs(net: Any) -> None:
    n = net()
    _assert_plain(_conv_net(n, n.input([4, 3, 3, 3], "w")))


def test_weights_as_graph_inputs_that_are_rearranged_first(net: Any) -> None:
    n = net()
    turned = n.op("Transpose", n.op("Cast", n.input([3, 3, 3, 4], "w", TensorProto.FLOAT16), to=TensorProto.FLOAT), perm=[3, 2, 0, 1])
    _assert_plain(_conv_net(n, turned))


def test_weights_of_products_and_biases_as_graph_inputs(net: Any) -> None:
    n = net()
    x = n.op("Add", n.op("MatMul", n.input([1, 5, 4]), n.input([4, 6], "w")), n.input([6], "b"))
    n.op("MatMul", x, n.input([6, 3], "v"))
    workload = load_onnx(n.model())
    assert [item.name for item in workload.inputs] == ["x"]
    assert [layer.weights for layer in workload.layers] == [24, 18]
    pair = net()
    pair.op("MatMul", pair.input([5, 4], "a"), pair.input([4, 6], "b"))
    assert load_onnx(pair.model()).weights == 0


def test_weights_made_by_constant_nodes(net: Any) -> None:
    n = net()
    filled = n.op("ConstantOfShape", n.op("Constant", value_ints=[4, 27]))
    _assert_plain(_conv_net(n, n.op("Reshape", filled, n.constant([4, 3, 3, 3], np.int64))))


def test_dequantised_weights_count_their_stored_bits(net: Any) -> None:
    n = net()
    stored = n.constant(np.zeros((4, 3, 3, 3)), np.int8)
    model = _conv_net(n, n.op("DequantizeLinear", stored, n.constant(0.1)))
    _assert_plain(model)
    assert load_onnx(model).layers[0].bits.W == 8
    half = net()
    cast = _conv_net(half, half.constant(np.zeros((4, 3, 3, 3)), np.float16))
    assert load_onnx(cast).layers[0].bits.W == 16


def test_input_that_is_data_and_weights_is_data(net: Any) -> None:
    n = net()
    x = n.input([4, 4])
    n.op("Gemm", x, x)
    (layer,) = load_onnx(n.model()).layers
    assert layer.has_two_inputs
    assert layer.weights == 0


def test_missing_external_data(net: Any, tmp_path: Path) -> None:
    n = net()
    model = _conv_net(n, n.weights(4, 3, 3, 3))
    path = tmp_path / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "weights.bin").unlink()
    _assert_plain(path)
    assert load_onnx(path).name == "net"


def test_stripped_weight_data(net: Any) -> None:
    n = net()
    model = _conv_net(n, n.weights(4, 3, 3, 3))
    for item in model.graph.initializer:
        item.ClearField("raw_data")
    _assert_plain(model)


@pytest.mark.parametrize("batch", ["batch", None, 0, -1, "unk__7"])
def test_open_batch_is_one(net: Any, batch: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([batch, 3, 6, 6]), n.weights(4, 3, 3, 3))
    shape = n.op("Shape", y)
    first = n.op("Unsqueeze", n.op("Gather", shape, n.constant(0, np.int64)), n.constant([0], np.int64))
    n.op("Gemm", n.op("Reshape", y, n.op("Concat", first, n.constant([-1], np.int64), axis=0)), n.weights(64, 10))
    workload = load_onnx(n.model())
    assert [layer.macs for layer in workload.layers] == [16 * 4 * 27, 640]
    assert workload.inputs == (NetworkInput("x", 3, 6, 6),)


def test_the_model_is_left_as_it_was(net: Any) -> None:
    n = net()
    n.op("Relu", n.op("Conv", n.input(["batch", 3, 6, 6]), n.weights(4, 3, 3, 3)))
    model = n.model()
    before = model.SerializeToString()
    load_onnx(model)
    assert model.SerializeToString() == before


@pytest.mark.parametrize("shape", [[1, 3, "height", 6], [1, 3, None, 6]])
def test_open_extent_is_an_error_that_names_it(net: Any, shape: list[Any]) -> None:
    n = net()
    n.op("Conv", n.input(shape, "image"), n.weights(4, 3, 3, 3))
    with pytest.raises(InputError, match=r"input 'image' has dimensions that cannot be resolved.*--dim NAME=SIZE"):
        load_onnx(n.model())


def test_open_extent_of_an_unused_input_is_none(net: Any) -> None:
    n = net()
    n.input(["length", "length"], "unused")
    _assert_plain(_conv_net(n, n.weights(4, 3, 3, 3)))


def test_data_dependent_shape_is_an_error_that_names_the_tensor(net: Any) -> None:
    n = net()
    x = n.input([4, 4])
    picked = n.op("Reshape", x, n.op("Cast", n.op("Slice", *(n.input([2], "s"), *(n.constant([v], np.int64) for v in (0, 2)))), to=7))
    n.op("MatMul", picked, n.weights(4, 2))
    with pytest.raises(InputError, match=rf"shape of tensor '{picked}', made by Reshape_2 \(Reshape\), cannot be resolved"):
        load_onnx(n.model())


def test_open_shapes_and_unsupported_operators_are_told_at_once(net: Any) -> None:
    n = net()
    x = n.input([4, 4])
    shapes = [n.op("Cast", n.input([2], name), to=TensorProto.INT64) for name in "st"]
    first, second = (n.op("Reshape", x, shape, name=f"reshape_{place}") for place, shape in enumerate(shapes))
    n.op("Det", x, name="determinant")
    n.op("MatMul", first, second, name="echo")
    with pytest.raises(InputError) as caught:
        load_onnx(n.model("t2", "t3", "t4", "t5"))
    assert [fault.path for fault in caught.value.faults] == [first, second, "determinant"]


def test_dead_branches_and_several_outputs(net: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3))
    n.op("NonZero", n.op("Conv", y, n.weights(4, 4, 1, 1)))
    ends = [n.op("MaxPool", y, kernel_shape=[2, 2]), n.op("AveragePool", y, kernel_shape=[2, 2])]
    model = n.model(*ends)
    workload = load_onnx(model)
    assert [layer.operator for layer in workload.layers] == ["Conv", "MaxPool", "AveragePool"]
    assert workload.outputs == (1, 2)
    assert [report.operator for report in operator_report(model) if report.status is Status.REMOVED] == ["Conv", "NonZero"]


def test_nodes_out_of_order_and_without_names(net: Any) -> None:
    n = net()
    n.op("Relu", n.op("Conv", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3)))
    model = n.model()
    nodes = [model.graph.node[1], model.graph.node[0]]
    for node in nodes:
        node.name = "same"
    swapped = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(swapped)
    (layer,) = load_onnx(model).layers
    assert (layer.operator, len(layer.folded)) == ("Conv", 1)


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 21, 23])
def test_operator_sets(net: Any, opset: int) -> None:
    n = net(opset=opset)
    y = n.op("BatchNormalization", n.op("Conv", n.input([1, 3, 8, 8]), n.weights(4, 3, 3, 3)), *(n.weights(4) for _ in range(4)))
    y = n.op("Dropout", n.op("Relu", y))
    if opset < 10:
        y = n.op("Slice", y, starts=[0, 1], ends=[4, 5], axes=[1, 2])
        y = n.op("Upsample", y, n.constant([1, 1, 2, 2])) if opset == 9 else n.op("Upsample", y, scales=[1.0, 1.0, 2.0, 2.0])
        y = n.op("Pad", y, pads=[0, 0, 1, 1, 0, 0, 1, 1])
    else:
        bounds = [n.constant(v, np.int64) for v in ([0, 1], [4, 5], [1, 2])]
        y = n.op("Resize", n.op("Slice", y, *bounds), n.constant([]), n.constant([1, 1, 2, 2]), mode="nearest")
        y = n.op("Pad", y, n.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    y = n.op("ReduceMean", y, axes=[2, 3]) if opset < 18 else n.op("ReduceMean", y, n.constant([2, 3], np.int64))
    y = n.op("Squeeze", y, axes=[2, 3]) if opset < 13 else n.op("Squeeze", y, n.constant([2, 3], np.int64))
    n.op("Softmax", n.op("Gemm", y, n.weights(4, 5)))
    layers = load_onnx(n.model()).layers
    assert [layer.operator for layer in layers] == ["Conv", "ReduceMean", "Gemm", "Softmax"]
    assert (layers[1].sizes.FY, layers[1].sizes.FX) == (10, 14)


def test_too_old_an_operator_set(net: Any) -> None:
    n = net(opset=6)
    with pytest.raises(InputError, match=r"operator set is too old; expected at least 7; found 6"):
        _assert_plain(_conv_net(n, n.weights(4, 3, 3, 3)))


def test_foreign_domain_with_stated_shape(net: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3), name="before")
    mine = n.op("Warp", y, domain="my.domain", name="warp")
    n.op("Conv", mine, n.weights(2, 8, 1, 1), name="after")
    model = n.model(infos=[helper.make_tensor_value_info(mine, TensorProto.FLOAT, [1, 8, 5, 5])], opsets={"my.domain": 1})
    with pytest.raises(InputError, match=r"warp: operator my.domain::Warp is not supported: no parser.*--host-ops"):
        load_onnx(model)
    workload = load_onnx(model, host_operators=True)
    assert workload.host_operators == ("warp (my.domain::Warp)",)
    before, after = workload.layers
    assert after.macs == 25 * 2 * 8
    (edge,) = after.edges
    assert edge.producer == 0
    assert edge.rows.interval(0, 1, before.rows) == (0, before.rows)
    statuses = {report.name: report.status for report in operator_report(model)}
    assert statuses == {"before": Status.SUPPORTED, "warp": Status.UNSUPPORTED, "after": Status.SUPPORTED}
    assert {r.name: r.status for r in operator_report(model, host_operators=True)}["warp"] is Status.HOST


def test_all_unsupported_operators_are_told_at_once(net: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3))
    n.op("Det", y, name="first")
    found = n.op("NonZero", y, name="second")
    n.op("Transpose", found, name="follows")
    model = n.model("t1", "t3")
    with pytest.raises(InputError) as error:
        load_onnx(model)
    assert [fault.path for fault in error.value.faults] == ["first", "second"]
    assert [r.name for r in operator_report(model) if r.status is Status.UNSUPPORTED] == ["first", "second", "follows"]
    assert load_onnx(model, host_operators=True).host_operators == ("first (Det)", "second (NonZero)", "follows (Transpose)")


def test_loops_are_host_operators(net: Any) -> None:
    n = net()
    y = n.op("Conv", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3))
    branch = helper.make_graph(
        [helper.make_node("Relu", [y], ["inner"])], "body", [], [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1, 4, 4, 4])]
    )
    n.op("If", n.input([1], "flag", TensorProto.BOOL), then_branch=branch, else_branch=branch, name="if")
    n.op("MaxPool", n.nodes[-1].output[0], kernel_shape=[2, 2])
    workload = load_onnx(n.model(), host_operators=True)
    assert workload.host_operators == ("if (If)",)
    assert {edge.producer for edge in workload.layers[1].edges} == {
        0,
        -2,
    }  # the branch reads the convolution, unlisted


def test_three_dimensional_convolution_is_refused_with_a_reason(net: Any) -> None:
    n = net()
    n.op("Conv", n.input([1, 2, 4, 4, 4]), n.weights(2, 2, 1, 1, 1))
    with pytest.raises(InputError, match="3-D convolution; 1-D and 2-D are known"):
        load_onnx(n.model())


def test_an_output_nobody_models_is_refused(net: Any) -> None:
    n = net()
    n.op("LayerNormalization", n.input([1, 3, 4]), n.weights(4), outputs=2)
    n.op("MatMul", "t0", n.op("Expand", "t0_1", n.constant([1, 4, 3], np.int64)))
    n.op("MatMul", n.op("Transpose", "t0_1", perm=[0, 2, 1]), "t0", name="reader")
    with pytest.raises(InputError, match="it reads 't0_1', an output"):
        load_onnx(n.model())


def test_local_functions_are_inlined(net: Any) -> None:
    n = net()
    n.op("Block", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3), domain="local")
    model = n.model(opsets={"local": 1})
    body = [helper.make_node("Conv", ["a", "b"], ["c"]), helper.make_node("Relu", ["c"], ["d"])]
    model.functions.append(helper.make_function("local", "Block", ["a", "b"], ["d"], body, [helper.make_opsetid("", 21)]))
    assert [layer.operator for layer in load_onnx(model).layers] == ["Conv"]


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_truncated_file(net: Any, tmp_path: Path, cut: float) -> None:
    n = net()
    data = _conv_net(n, n.weights(4, 3, 3, 3)).SerializeToString()
    with pytest.raises(InputError):
        load_onnx(_write(tmp_path / "net.onnx", data[: int(cut * len(data))]))


@pytest.mark.parametrize("data", [b"", b"not onnx", b"version https://git-lfs.github.com/spec/v1\n", b"\x00" * 100, bytes(range(256))])
def test_foreign_file(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError):
        load_onnx(_write(tmp_path / "net.onnx", data))
    with pytest.raises(InputError):
        operator_report(tmp_path / "net.onnx")


def test_no_file_and_no_work(net: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_onnx(tmp_path / "absent.onnx")
    with pytest.raises(InputError, match="cannot be read"):
        load_onnx(tmp_path)
    n = net()
    n.op("Identity", n.input([1, 2]))
    with pytest.raises(InputError, match="nothing in the graph is work"):
        load_onnx(n.model())


def test_cyclic_graph(net: Any) -> None:
    n = net()
    n.nodes.append(helper.make_node("Add", ["b", "b"], ["a"]))
    n.nodes.append(helper.make_node("Neg", ["a"], ["b"]))
    with pytest.raises(InputError, match="cycle"):
        load_onnx(n.model("b"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
def test_damaged_files_never_surprise(net: Any, tmp_path: Path, data: st.DataObject) -> None:
    n = net()
    y = n.op("Softmax", n.op("Conv", n.input([1, 3, 6, 6]), n.weights(4, 3, 3, 3), group=1, strides=[1, 2], auto_pad="SAME_UPPER"))
    n.op("Concat", n.op("Slice", y, *(n.constant([v], np.int64) for v in (0, 3, 2))), y, axis=2)
    content = bytearray(n.model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(content)), st.integers(1, len(content))))
    path = _write(tmp_path / "net.onnx", bytes(content[:end]))
    for host_operators in (False, True):
        with contextlib.suppress(InputError):
            load_onnx(path, host_operators=host_operators)


def test_the_batch_s_symbol_is_one_in_later_dimensions_too(net: Any) -> None:
    n = net()
    past = n.op("Gather", n.input([2, "batch", 3, 4], "past"), n.constant(0, np.int64), axis=0)
    n.op("MatMul", n.op("Concat", past, n.input(["batch", 2, 4]), axis=1), n.weights(4, 6))
    assert load_onnx(n.model()).macs == 5 * 4 * 6
    odd = net()
    odd.op("Add", odd.op("MatMul", odd.input(["batch", "length", 4]), odd.weights(4, 6)), odd.op("Unsqueeze", odd.input(["length"], "at")))
    with pytest.raises(InputError, match="length"):
        load_onnx(odd.model())


@pytest.mark.parametrize("opset", [11, 12, 13])
def test_resize_without_region_of_interest(net: Any, opset: int) -> None:
    n = net(opset=opset)
    small = n.op("Conv", n.input([1, 2, 3, 4]), n.weights(2, 2, 1, 1))
    n.op("Conv", n.op("Resize", small, "", n.constant([1, 1, 2, 2])), n.weights(3, 2, 1, 1))
    assert [layer.macs for layer in load_onnx(n.model()).layers] == [12 * 4, 48 * 6]
