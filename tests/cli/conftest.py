"""Running the command line inside the test process: fast, and with the same exit codes and streams."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from stream_evo.cli import main


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs ``stream-evo`` with the words given."""

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        streams = capsys.readouterr()
        return Outcome(code, streams.out, streams.err)

    return run


@pytest.fixture(scope="session")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an ONNX file of two convolutions and an addition, small enough to search in a moment."""
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="first", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w2"], ["b"], name="second", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["a", "b"], ["y"], name="join"),
    ]
    image = [1, 8, 16, 16]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", image), ("w1", [8, 8, 3, 3]), ("w2", [8, 8, 3, 3]))
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, image)]
    path = tmp_path_factory.mktemp("network") / "small.onnx"
    onnx.save(helper.make_model(helper.make_graph(nodes, "small", inputs, outputs)), path)
    return path
