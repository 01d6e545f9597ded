"""No access relation claims less than what is read: every operator family, random small layers, real arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_evo.workload import load_onnx

few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], derandomize=True)
small = st.integers(1, 3)
Check = Callable[..., list[Any]]


@few
@given(data=st.data())
def test_convolution(net: Any, check: Check, data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 2))
    groups, per_group, outputs = data.draw(small), data.draw(small), data.draw(small)
    extents = [data.draw(st.integers(3, 7)) for _ in range(rank)]
    kernel = [data.draw(small) for _ in range(rank)]
    dilations = [data.draw(st.integers(1, 2)) for _ in range(rank)]
    kernel = [k if d * (k - 1) < n else 1 for k, d, n in zip(kernel, dilations, extents, strict=True)]
    padding = data.draw(st.sampled_from(["explicit", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    attributes: dict[str, Any] = {"strides": [data.draw(st.integers(1, 3)) for _ in range(rank)], "dilations": dilations}
    if padding == "explicit":
        attributes["pads"] = [data.draw(st.integers(0, 2)) for _ in range(2 * rank)]
    else:
        attributes["auto_pad"] = padding
        if padding.startswith("SAME"):
            attributes["dilations"] = [1] * rank
    n = net()
    x = n.input([1, groups * per_group, *extents])
    n.op("Conv", x, n.weights(groups * outputs, per_group, *kernel), group=groups, **attributes)
    ((layer, _, _),) = check(n.model())
    taps = int(np.prod(kernel))
    assert layer.weights == groups * outputs * per_group * taps
    assert layer.macs == layer.output_elements * per_group * taps


@few
@given(data=st.data())
def test_transposed_convolution(net: Any, check: Check, data: st.DataObject) -> None:
    channels, outputs = data.draw(small), data.draw(small)  # one group: the reference implementation knows no others
    stride, kernel = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    pads = [data.draw(st.integers(0, min(1, kernel - 1))) for _ in range(4)]
    extra = data.draw(st.integers(0, stride - 1))
    n = net()
    x = n.input([1, channels, 3, 4])
    w = n.weights(channels, outputs, kernel, kernel)
    y = n.op("ConvTranspose", x, w, strides=[stride] * 2, pads=pads, output_padding=[extra] * 2)
    n.op("Neg", n.op("MaxPool", y, kernel_shape=[1, 1]))
    check(n.model())


def test_filters_that_are_computed(net: Any, check: Check) -> None:
    n = net()
    n.op("Conv", n.input([1, 2, 4, 4]), n.op("Neg", n.input([3, 2, 2, 2], "filters")))
    layer = load_onnx(n.model()).layers[-1]
    assert (layer.weights, layer.constant_weights, layer.has_two_inputs) == (0, False, True)
    check(n.model())


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("kernel", "stride", "pad", "extra"), [(2, 2, 0, 0), (4, 2, 1, 0), (3, 2, 1, 1), (3, 1, 1, 0), (2, 3, 0, 1)])
def test_transposed_convolution_counts(net: Any, groups: int, kernel: int, stride: int, pad: int, extra: int) -> None:
    """MACs are those of scattering every input through the filter, where the output is stride times the input."""
    n = net()
    w = n.weights(4, 3, kernel, kernel)
    attributes = {"strides": [stride] * 2, "pads": [pad] * 4, "output_padding": [extra] * 2, "group": groups}
    n.op("ConvTranspose", n.input([1, 4, 5, 6]), w, **attributes)
    (layer,) = load_onnx(n.model()).layers
    assert layer.weights == 4 * 3 * kernel**2
    assert layer.macs == 5 * 6 * layer.weights
    assert layer.output_elements == 3 * groups * 5 * 6 * stride**2
    assert groups == layer.sizes.G


@few
@given(data=st.data())
def test_pooling(net: Any, check: Check, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["MaxPool", "AveragePool"]))
    kernel, stride = [data.draw(st.integers(1, 2)), data.draw(small)], [data.draw(small), data.draw(small)]
    pads = [data.draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)]
    n = net()
    x = n.input([1, 2, 5, 6])
    dilations = [data.draw(st.integers(1, 2)), 1]
    ceil_mode = data.draw(st.integers(0, 1))
    n.op(kind, x, kernel_shape=kernel, strides=stride, pads=pads, dilations=dilations, ceil_mode=ceil_mode)
    check(n.model())


@few
@given(data=st.data())
def test_reductions(net: Any, check: Check, data: st.DataObject) -> None:
    shape = [1, *data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))]
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    n = net(opset=17)
    x = n.op("Transpose", n.input(shape), perm=list(data.draw(st.permutations(range(len(shape))))))
    n.op("ReduceMean", x, axes=axes, keepdims=data.draw(st.integers(0, 1)))
    check(n.model())


@few
@given(data=st.data())
def test_products_of_activations(net: Any, check: Check, data: st.DataObject) -> None:
    lead = data.draw(st.lists(st.integers(1, 3), max_size=2))
    left = [data.draw(st.sampled_from([1, extent])) for extent in lead]
    right = [data.draw(st.sampled_from([1, extent])) for extent in lead]
    left = left[data.draw(st.integers(0, len(left))) :]
    m, n_, c = data.draw(small), data.draw(small), data.draw(small)
    n = net()
    a, b = n.input([*left, m, c], "a"), n.input([*right, c, n_], "b")
    n.op("MatMul", a, b)
    check(n.model())


PRODUCTS = [(left, right) for left in [(3, 4), (1, 3, 4), (2, 3, 4), (2, 3, 3, 4), (4,)] for right in [(4, 5), (1, 4, 5), (4,)]]


@pytest.mark.parametrize(
    ("left", "right", "swap"), [(*p, s) for p in PRODUCTS for s in (False, True) if not s or len(p[0]) + len(p[1]) > 2]
)
def test_products_with_constants(net: Any, check: Check, left: tuple[int, ...], right: tuple[int, ...], swap: bool) -> None:
    n = net()
    if swap:
        a, b = tuple(reversed(right[-2:])), (*left[:-2], *reversed(left[-2:]))
        n.op("MatMul", n.weights(*a), n.input(b))
    else:
        n.op("MatMul", n.input(left), n.weights(*right))
    ((layer, _, _),) = check(n.model())
    assert layer.weights == np.prod(right)
    assert layer.constant_weights


@pytest.mark.parametrize(("ta", "tb"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("addend", ["none", "constant", "activation"])
def test_gemm(net: Any, check: Check, ta: int, tb: int, addend: str) -> None:
    n = net()
    a = n.input((4, 3) if ta else (3, 4), "a")
    extra = {"none": [], "constant": [n.weights(5)], "activation": []}[addend]
    if addend == "activation":  # an input that fed the bias directly would count as a weight
        extra = [n.op("Neg", n.input((3, 5), "c"))]
    n.op("Gemm", a, n.weights(*((5, 4) if tb else (4, 5))), *extra, transA=ta, transB=tb)
    layers = {layer.name: layer for layer, _, _ in check(n.model())}
    if addend == "activation":
        assert set(layers) == {"Neg_0", "Gemm_1/add"}
    else:
        assert layers["Gemm_0"].macs == 60


@few
@given(data=st.data())
def test_elementwise_with_broadcasting(net: Any, check: Check, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    n = net()
    a = n.input([data.draw(st.sampled_from([1, extent])) for extent in shape], "a")
    cut = data.draw(st.integers(0, len(shape)))
    b = n.input([data.draw(st.sampled_from([1, extent])) for extent in shape[cut:]], "b")
    n.op(data.draw(st.sampled_from(["Add", "Mul", "Sub"])), a, b)
    check(n.model())


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("kind", ["Softmax", "LayerNormalization", "LpNormalization", "ReduceDecomposed"])
def test_normalisation(net: Any, check: Check, kind: str, axis: int) -> None:
    n = net(opset=17)
    x = n.input([1, 3, 4, 2])
    if kind == "LayerNormalization":
        n.op(kind, x, n.weights(*(3, 4, 2)[axis % 4 - 1 :]), axis=axis)
    elif kind == "ReduceDecomposed":
        centred = n.op("Sub", x, n.op("ReduceMean", x, axes=[axis]))
        n.op("Div", centred, n.op("Sqrt", n.op("Add", n.op("ReduceMean", n.op("Mul", centred, centred), axes=[axis]), n.constant(0.1))))
    else:
        n.op(kind, x, axis=axis)
    ((layer, _, _),) = check(n.model())
    assert layer.output_elements == 24


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_normalisation(net: Any, check: Check, size: int) -> None:
    n = net()
    n.op("LRN", n.input([1, 6, 2, 2]), size=size, alpha=0.5)
    ((_, _, edge),) = check(n.model())
    assert edge.channels.interval(3, 4, 6) == (3 - (size - 1) // 2, 3 + size // 2 + 1)


@pytest.mark.parametrize("sizes", [(6, 8), (9, 4), (3, 4), (7, 9), (2, 2), (12, 2)])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
def test_resize(net: Any, check: Check, sizes: tuple[int, int], mode: str, coordinates: str) -> None:
    n = net(opset=19)
    sizes_name = n.constant([1, 2, *sizes], np.int64)
    y = n.op("Resize", n.input([1, 2, 3, 4]), "", "", sizes_name, mode=mode, coordinate_transformation_mode=coordinates)
    n.op("Neg", y)
    check(n.model())


@few
@given(data=st.data())
def test_random_networks_of_feature_maps(net: Any, check: Check, data: st.DataObject) -> None:
    """Branches, joins, folded functions and views in one graph."""
    n = net()
    maps = [n.op("Conv", n.input([1, 2, 5, 4]), n.weights(2, 2, 3, 3), pads=[1] * 4)]
    for _ in range(data.draw(st.integers(2, 5))):
        x, y = (data.draw(st.sampled_from(maps)) for _ in range(2))
        kind = data.draw(st.sampled_from(["conv", "depthwise", "pool", "add", "gate", "function", "concat", "shuffle", "strided"]))
        match kind:
            case "conv":
                made = n.op("Conv", x, n.weights(2, 2, 1, 3), pads=[0, 1, 0, 1])
            case "depthwise":
                made = n.op("Conv", x, n.weights(2, 1, 3, 1), pads=[1, 0, 1, 0], group=2)
            case "pool":
                made = n.op("AveragePool", x, kernel_shape=[3, 3], pads=[1] * 4)
            case "add":
                made = n.op("Add", x, y)
            case "gate":
                made = n.op("Mul", x, n.op("GlobalMaxPool", y))
            case "function":
                made = n.op("Add", n.op("Mul", x, n.constant(0.5)), n.op("Sqrt", n.op("Abs", x)))
            case "concat":
                made = n.op("Conv", n.op("Concat", x, y, axis=1), n.weights(2, 4, 1, 1))
            case "shuffle":
                made = n.op("Reshape", n.op("Transpose", x, perm=[0, 2, 3, 1]), n.constant([1, 2, 5, 4], np.int64))
            case "strided":
                small_map = n.op("Conv", x, n.weights(2, 2, 2, 2), strides=[2, 2], pads=[0, 0, 1, 0])
                made = n.op("Resize", small_map, "", "", n.constant([1, 2, 5, 4], np.int64), mode="nearest")
        maps.append(made)
    n.op("Neg", n.op("Concat", *maps[1:], axis=data.draw(st.integers(1, 3))))
    check(n.model())
