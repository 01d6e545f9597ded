"""Finished runs to export."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import stream_evo

ODD = ["erste Schicht", "zweite | Größe <b>", "Σ=join"]
"""Names with spaces, letters beyond ASCII, and what Markdown and HTML give a meaning to."""


def save_network(path: Path, names: list[str]) -> Path:
    """Write an ONNX file of two convolutions and an addition."""
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name=names[0], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w2"], ["b"], name=names[1], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["a", "b"], ["y"], name=names[2]),
    ]
    image = [1, 8, 16, 16]
    shapes = (("x", image), ("w1", [8, 8, 3, 3]), ("w2", [8, 8, 3, 3]))
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, image)]
    onnx.save(helper.make_model(helper.make_graph(nodes, path.stem, inputs, outputs)), path)
    return path


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose network and layers have names that need care."""
    folder = tmp_path_factory.mktemp("exports")
    network = save_network(folder / "Netz mit Größe.onnx", ODD)
    out = folder / "ein Lauf"
    stream_evo.optimize(network, "heterogeneous_quad", population=8, generations=3, seed=1, out=out)
    return out


@pytest.fixture(scope="session")
def result(run: Path) -> stream_evo.Result:
    """Return the result of that run."""
    return stream_evo.load_run(run)
