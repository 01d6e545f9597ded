"""The data behind ``stream-evo inspect``."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import stream_evo.workload
from stream_evo.workload import describe, load_onnx, operator_report


def _model(n: Any) -> Any:
    y = n.op("Relu", n.op("Conv", n.input([1, 3, 8, 8], "image"), n.weights(4, 3, 3, 3), strides=[2, 2], name="conv"), name="relu")
    n.op("Add", n.op("MaxPool", y, kernel_shape=[1, 1], name="pool"), y, name="add")
    return n.model()


def test_layers_totals_and_operators(net: Any) -> None:
    model = _model(net())
    data = describe(load_onnx(model, name="tiny"), operator_report(model))
    assert json.loads(json.dumps(data)) == data
    assert data["name"] == "tiny"
    assert data["totals"] == {"macs": 972, "weights": 108, "layers": 3, "activations": 108}
    conv, pool, add = data["layers"]
    assert conv["dims"] == {"B": 1, "G": 1, "K": 4, "C": 3, "OY": 3, "OX": 3, "FY": 3, "FX": 3}
    assert (conv["stride"], conv["predecessors"], conv["folded"]) == ([2, 2], ["image"], ["relu"])
    assert (pool["macs"], pool["kind"], pool["activations"]) == (0, "pool", 36)
    assert add["predecessors"] == ["pool", "conv"]
    assert add["edges"][1]["rows"] == {"source": "rows", "scale": 1, "low": 0, "high": 0, "divisor": 1}
    assert data["operators"] == {"folded": {"Relu": 1}, "supported": {"Add": 1, "Conv": 1, "MaxPool": 1}}
    assert data["outputs"] == ["add"]
    assert data["unsupported"] == []


def test_a_network_that_cannot_be_loaded_is_still_described(net: Any) -> None:
    n = net()
    n.op("Det", n.input([1, 3, 3]), name="determinant")
    data = describe(None, operator_report(n.model()))
    assert data["totals"]["layers"] == 0
    assert data["unsupported"] == [{"name": "determinant", "operator": "Det", "reason": "no parser for this operator"}]


def test_the_readme_s_example_runs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "stream_evo" / "workload" / "README.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(code) == 1
    (tmp_path / "example.py").write_text(code[0])
    found = runpy.run_path(str(tmp_path / "example.py"))["workload"]
    assert [layer.operator for layer in found.layers] == ["Conv", "lab::Smooth"]
    assert found.layers[1].edges[0].rows.interval(3, 5, 8) == (2, 6)


def test_public_names() -> None:
    names = stream_evo.workload.__all__
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    for name in names:
        assert getattr(stream_evo.workload, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = stream_evo.workload.absent
