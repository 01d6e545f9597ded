"""Runs for the tests of the page: made once per session, as small as they can be."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import stream_evo

HOSTILE = ("</script><script>document.title='broken'</script>", "<!-- <script> слой é", "a \"b\" 'c' & `d` ${e}\u2028f")
"""Names of layers that a page must not take for markup."""


def save_network(path: Path, names: Sequence[str], channels: int = 8, size: int = 8, kernel: int = 3) -> Path:
    """Write an ONNX file: convolutions of those names, each third one followed by an addition of what came two before."""
    weights = np.ones((channels, channels, kernel, kernel), dtype=np.float32)
    nodes, tensors, values = [], [], ["x"]
    for index, name in enumerate(names):
        tensors.append(numpy_helper.from_array(weights, f"w{index}"))
        nodes.append(
            helper.make_node(
                "Conv", [values[-1], f"w{index}"], [f"t{len(values)}"], name=name, pads=[kernel // 2] * 4, kernel_shape=[kernel] * 2
            )
        )
        values.append(f"t{len(values)}")
        if index % 3 == 2:
            nodes.append(helper.make_node("Add", [values[-1], values[-3]], [f"t{len(values)}"], name=f"add {index}"))
            values.append(f"t{len(values)}")
    image = [1, channels, size, size]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, image)]
    outputs = [helper.make_tensor_value_info(values[-1], TensorProto.FLOAT, image)]
    onnx.save(helper.make_model(helper.make_graph(nodes, path.stem, inputs, outputs, tensors)), path)
    return path


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose layers, files and folder have names that a page must not take for markup."""
    place = tmp_path_factory.mktemp("größe & <b>")
    network = save_network(place / "net ü <i>.onnx", HOSTILE)
    folder = place / "run"
    stream_evo.optimize(network, "heterogeneous_quad", population=12, generations=4, seed=3, workers=1, out=folder)
    return folder
