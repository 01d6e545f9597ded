"""The nine topologies that come with the onnx package, whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test
import pytest

from stream_evo.workload import Layer, OperatorKind, Workload, load_onnx, operator_report

FOLDER = Path(onnx.backend.test.__file__).parent / "data" / "light"

# Published counts: multiply-accumulates and parameters.
# AlexNet: 60 million parameters (Krizhevsky et al. 2012). VGG-19: 144 million (Simonyan and Zisserman 2015, table 2), 19.6e9 (He et al.
# 2016, table 1). ResNet-50: 25.56 million with BatchNorm, 4.09 GFLOPS; SqueezeNet 1.1: 1.24 million, 0.35; DenseNet-121: 7.98 million with
# BatchNorm, 2.83 (torchvision's table of weights). GoogLeNet: 7.0 million, 1.5e9 (Szegedy et al. 2015). The others from the graphs.
PUBLISHED = {
    "bvlc_alexnet": (0.66e9, 61.0e6),
    "densenet121": (2.83e9, 7.9e6),
    "inception_v1": (1.43e9, 7.0e6),
    "inception_v2": (2.02e9, 11.2e6),
    "resnet50": (4.09e9, 25.5e6),
    "shufflenet": (0.125e9, 1.37e6),
    "squeezenet": (0.35e9, 1.24e6),
    "vgg19": (19.6e9, 143.7e6),
    "zfnet512": (1.48e9, 87.2e6),
}


def _load(name: str) -> Workload:
    return load_onnx(FOLDER / f"light_{name}.onnx")


def _counts(name: str) -> tuple[int, int]:
    """Count MACs and weights from the graph's own shapes, with ONNX's whole-model shape inference."""
    model = onnx.shape_inference.infer_shapes(onnx.load(FOLDER / f"light_{name}.onnx"), data_prop=True)
    infos = [*model.graph.value_info, *model.graph.input, *model.graph.output]
    shapes = {info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim] for info in infos}
    macs = weights = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            filters, out = shapes[node.input[1]], shapes[node.output[0]]
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            reduction = np.prod(filters[1:]) if node.op_type == "Conv" or transposed else filters[0]
            weights += int(np.prod(filters))
            macs += int(np.prod(out)) * int(reduction)
    return macs, weights


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_counts_follow_from_the_graph_and_agree_with_published_figures(name: str) -> None:
    workload = _load(name)
    assert (workload.macs, workload.weights) == _counts(name)
    macs, weights = PUBLISHED[name]
    assert workload.macs == pytest.approx(macs, rel=0.01)
    assert workload.weights == pytest.approx(weights, rel=0.01)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_everything_is_used(name: str) -> None:
    workload = _load(name)
    (image,) = workload.inputs
    assert (image.channels, image.rows, image.columns, image.batch) == (3, 224, 224, 1)
    assert len(workload.outputs) == 1
    consumed = {edge.producer for layer in workload.layers for edge in layer.edges}
    assert consumed == {-1, *range(len(workload.layers))} - set(workload.outputs)
    assert all(layer.edges for layer in workload.layers)
    assert {report.status.value for report in operator_report(FOLDER / f"light_{name}.onnx")} <= {"supported", "folded", "view", "removed"}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_edge_covers_its_producer_together(name: str) -> None:
    """All output rows, columns and channels of a producer are read by its consumers, except what a stride or a filter skips."""
    workload = _load(name)
    for index, producer in enumerate(workload.layers):
        edges = [(layer, edge) for layer in workload.layers for edge in layer.edges if edge.producer == index]
        for layer, edge in edges:
            for axis_map, extent in ((edge.rows, producer.rows), (edge.columns, producer.columns), (edge.channels, producer.channels)):
                span = {"rows": layer.rows, "columns": layer.columns, "channels": layer.channels}[axis_map.source or "rows"]
                first, last = axis_map.interval(0, span, extent)
                skipped = max(layer.stride) - 1
                assert first == 0
                assert last >= extent - skipped


def test_residual_and_dense_connections() -> None:
    resnet = _load("resnet50")
    assert sum(layer.has_two_inputs for layer in resnet.layers) == 16
    dense = _load("densenet121")
    last = [layer for layer in dense.layers if layer.operator == "BatchNormalization"][-1]
    assert len(last.edges) == 17  # 16 layers of the last block and its input (Huang et al. 2017, table 1)
    assert sum(end - start for start, end in (_channels(edge, dense, last) for edge in last.edges)) == 1024


def _channels(edge: object, workload: Workload, layer: Layer) -> tuple[int, int]:
    producer = workload.layers[edge.producer]  # type: ignore[attr-defined]  # any edge will do
    return edge.channels.interval(0, layer.channels, producer.channels)  # type: ignore[attr-defined,no-any-return]


def test_depthwise_layers_of_shufflenet_have_one_channel_per_group() -> None:
    depthwise = [layer for layer in _load("shufflenet").layers if layer.kind is OperatorKind.CONV and layer.sizes.G > 8]
    assert len(depthwise) == 16
    assert all(layer.sizes.C == layer.sizes.K == 1 for layer in depthwise)
