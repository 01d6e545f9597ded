"""Every network goes through the package's parser, and comes out with the counts of the graph itself."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from stream_evo.problems.networks import NETWORKS
from stream_evo.workload import OperatorKind, Workload, load_onnx
from tests.problems.conftest import Count, GraphCounts

Network = tuple[str, Workload, GraphCounts]

# Layers by kind, counted by hand from the architectures; normalisations, biases and activations belong to the layer before them.
LAYERS = {
    "resnet18": {"conv": 20, "gemm": 1, "pool": 2, "elementwise": 8},
    "mobilenetv2": {"conv": 52, "gemm": 1, "pool": 1, "elementwise": 10},
    "tiny_yolov2": {"conv": 9, "pool": 6},
    "fsrcnn": {"conv": 8},
    "mccnn": {"conv": 4},
    "dmcnn_vd": {"conv": 20},
}


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def network(request: pytest.FixtureRequest, count: Count) -> Network:
    name: str = request.param
    return name, load_onnx(NETWORKS[name](), name=name), count(NETWORKS[name]())


def kinds(workload: Workload) -> dict[str, int]:
    found = [str(layer.kind) for layer in workload.layers]
    return {kind: found.count(kind) for kind in set(found)}


def test_macs_and_weights_equal_the_graph(network: Network) -> None:
    _, workload, counts = network
    assert (workload.macs, workload.weights) == (counts.macs, counts.weights)


def test_convolutions_equal_the_graph(network: Network) -> None:
    _, workload, counts = network
    found = []
    for layer in workload.layers:
        if layer.kind is OperatorKind.CONV:
            s = layer.sizes
            found.append((s.G * s.K, s.C, s.FY, s.FX, s.OY, s.OX))
    assert found == counts.convolutions


def test_inputs_are_activations_only(network: Network) -> None:
    _, workload, counts = network
    assert [value.name for value in workload.inputs] == list(counts.inputs)


def test_every_layer_reads_something(network: Network) -> None:
    _, workload, _ = network
    assert all(layer.edges for layer in workload.layers)
    consumed = {edge.producer for layer in workload.layers for edge in layer.edges}
    assert consumed >= {-1 - index for index in range(len(workload.inputs))}, "every input is read"


@pytest.mark.parametrize("name", LAYERS)
def test_layers_by_kind(name: str) -> None:
    assert kinds(load_onnx(NETWORKS[name](), name=name)) == LAYERS[name]


@pytest.mark.parametrize("name", ["resnet18", "gpt2_decode", "alexnet"])
def test_a_saved_file_gives_the_same_workload(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    onnx.save(NETWORKS[name](), path)
    assert load_onnx(path) == load_onnx(NETWORKS[name](), name=name)
