"""Open dimensions of ONNX files get the size they are given, by symbol or by place; what is not open is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml

import stream_evo
from stream_evo.cli import main
from stream_evo.errors import InputError
from stream_evo.workload import load_onnx, operator_report
from tests.workload.conftest import Net


def _model(rows: Any, mask_rows: Any, batch: Any = "batch") -> onnx.ModelProto:
    """A sequence of 64 channels plus another input, times a matrix; with a Reshape whose shape is computed from the sequence's."""
    n = Net()
    x = n.input([batch, rows, 64], "x")
    shape = n.op("Shape", x)
    summed = n.op("Reshape", n.op("Add", x, n.input([batch, mask_rows, 64], "mask")), shape)
    n.op("MatMul", summed, n.weights(64, 32))
    return n.model()


DIMS = {"length": 16, "mask[1]": 16}


def test_a_file_with_open_dimensions_is_the_file_with_fixed_ones() -> None:
    found = load_onnx(_model("length", None), dims=DIMS)
    fixed = load_onnx(_model(16, 16))
    assert (found.layers, found.inputs) == (fixed.layers, fixed.inputs)
    assert operator_report(_model("length", None), dims=DIMS) == operator_report(_model(16, 16))


def test_a_batch_that_is_named_is_not_one() -> None:
    assert load_onnx(_model(16, 16), dims={"batch": 3}).inputs == load_onnx(_model(16, 16, batch=3)).inputs


def test_what_is_not_open_is_refused_with_the_names_that_are() -> None:
    with pytest.raises(InputError) as caught:
        load_onnx(_model("length", None), dims={"lenght": 3, "x[1]": 4, "length": 0, "mask[1]": 2**31})
    assert [(fault.path, fault.expected) for fault in caught.value.faults] == [
        ("dims", "one of batch, length, mask[1]"),
        ("dims", "one of batch, length, mask[1]"),
        ("dims.length", "1 to 2,147,483,647"),
        ("dims.mask[1]", "1 to 2,147,483,647"),
    ]
    with pytest.raises(InputError, match="there is no open dimension 'a'; expected none: the file leaves no dimension open"):
        load_onnx(_model(16, 16, batch=1), dims={"a": 1})
    with pytest.raises(InputError, match="a workload has no open dimensions"):
        stream_evo.optimize(load_onnx(_model(16, 16)), "single_core", dims={"length": 16})


def test_what_is_still_open_is_told_by_the_name_to_give() -> None:
    with pytest.raises(InputError) as caught:
        load_onnx(_model("length", None))
    assert [fault.hint.rpartition(": ")[2] for fault in caught.value.faults] == ["length", "mask[1]"]


def test_a_run_keeps_the_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "net.onnx", tmp_path / "run"
    onnx.save(_model("length", None), file)
    small = ("--population", "2", "--generations", "1", "--quiet")
    named = ("--network", str(file), "--hardware", "single_core")
    given = ("--dim", "length=16", "--dim", "mask[1]=16")
    assert main(["run", *named, *given, "--out", str(out), *small]) == 0
    assert yaml.safe_load((out / "manifest.yaml").read_text())["settings"]["dims"] == DIMS
    assert main(["resume", str(out), "--quiet"]) == 0
    point = stream_evo.load_run(out)[0]
    assert stream_evo.evaluate(file, "single_core", point.mapping, dims=DIMS).latency_cycles == point.metrics.latency_cycles
    assert main(["evaluate", *named, "--mapping", str(out / "mappings/point_000.yaml")]) == 2
    capsys.readouterr()
    assert main(["inspect", str(file), "--dim", "length", "--dim", "a=1", "--dim", "a=2"]) == 2
    assert "found length" in (said := capsys.readouterr().err)
    assert "'a' is given twice" in said
    problem = tmp_path / "problem.yaml"
    problem.write_text("network: net.onnx\nhardware: single_core\ndims: {length: 16, 'mask[1]': 16}\n", encoding="utf-8")
    assert main(["run", str(problem), "--out", str(tmp_path / "again"), *small]) == 0
    assert (tmp_path / "again/pareto.csv").read_bytes() == (out / "pareto.csv").read_bytes()
