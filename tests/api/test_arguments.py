"""What is no argument of a public function is refused by name, before anything is done."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import stream_evo
from stream_evo import registry
from stream_evo._arguments import ARGUMENTS, check_arguments
from stream_evo.errors import InputError
from stream_evo.workload import Bits

CHIP = "homogeneous_quad"

WHOLE = "a whole number"
FLAG = "True or False"
NAMES = "a list of names"


def _refused(function: Callable[..., object], *positional: object, **given: object) -> InputError:
    with pytest.raises(InputError) as caught:
        function(*positional, **given)
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "path", "expected", "found"),
    [
        ("seed", 1.5, "seed", WHOLE, "1.5"),
        ("seed", "a", "seed", WHOLE, "'a'"),
        ("seed", None, "seed", WHOLE, "None"),
        ("population", "10", "population", WHOLE, "'10'"),
        ("generations", 2.0, "generations", WHOLE, "2.0"),
        ("evaluations", True, "evaluations", WHOLE, "True"),
        ("evaluations", np.True_, "evaluations", WHOLE, ""),
        ("workers", 0, "workers", "at least 1", "0"),
        ("workers", 1.0, "workers", WHOLE, "1.0"),
        ("time_limit_s", "10 min", "time_limit_s", "a number", "'10 min'"),
        ("limits", {"latency": "a"}, "limits.latency", "a number", "'a'"),
        ("limits", {"latency": True}, "limits.latency", "a number", "True"),
        ("limits", {3: 1.0}, "limits[3]", "the name of an objective", "3"),
        ("limits", [("latency", 1.0)], "limits", "largest values by objective", "[("),
        ("objectives", "energy", "objectives", NAMES, "'energy'"),
        ("objectives", ["latency", len], "objectives[1]", "the name of an objective, or FILE.py:NAME", "<built-in function len>"),
        ("objectives", ["latency", 3], "objectives[1]", "the name of an objective, or FILE.py:NAME", "3"),
        ("objectives", None, "objectives", NAMES, "None"),
        ("objectives", {"energy": 1.0}, "objectives", NAMES, "{"),
        ("forbidden_cores", "core0", "forbidden_cores", NAMES, "'core0'"),
        ("operators", "mutation.step_tile", "operators", NAMES, "'mutation.step_tile'"),
        ("engine", 3, "engine", "the name of an engine, or FILE.py:NAME", "3"),
        ("pin", {"layers": {}}, "pin", "the path of a pin file", "{'layers': {}}"),
        ("split", "no", "split", FLAG, "'no'"),
        ("host_operators", 1, "host_operators", FLAG, "1"),
        ("bits", 8, "bits", "I=8 W=8", "8"),
        ("dims", {"n": "a"}, "dims.n", WHOLE, "'a'"),
        ("dims", ["n"], "dims", "{'NAME': SIZE}", "['n']"),
        ("out", 3, "out", "a path", "3"),
        ("reuse", "runs/one", "reuse", "a list of folders", "'runs/one'"),
        ("reuse", [3], "reuse[0]", "the path of a folder", "3"),
        ("on_progress", 3, "on_progress", "a function", "3"),
        ("network", 3, "network", "an ONNX model, or a Workload", "3"),
        ("hardware", None, "hardware", "an Accelerator", "None"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(name: str, value: object, path: str, expected: str, found: str) -> None:
    error = _refused(stream_evo.optimize, **{"network": "squeezenet", "hardware": CHIP, "generations": 1} | {name: value})
    (fault,) = error.faults
    assert fault.path == path
    assert expected in fault.expected
    assert fault.found.startswith(found)


def test_all_faults_are_told_at_once_in_the_order_of_the_arguments() -> None:
    error = _refused(
        stream_evo.optimize,
        "squeezenet",
        CHIP,
        limits={"latency": "a", "energy": -1.0},
        workers=0,
        seed=1.5,
        objectives=["latency", "latency", 3],
        population="10",
        generations=0,
    )
    paths = [fault.path for fault in error.faults]
    assert paths == ["objectives[2]", "objectives", "population", "generations", "seed", "workers", "limits.latency", "limits.energy"]


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [("objectives", "energy", "objectives=['energy']"), ("forbidden_cores", "core0", "['core0']"), ("reuse", Path("runs"), "reuse=[...]")],
)
def test_the_way_out_for_one_where_a_list_is_wanted_is_a_list(name: str, value: object, hint: str) -> None:
    error = _refused(stream_evo.optimize, "squeezenet", CHIP, **{name: value})
    assert error.faults[0].hint.endswith(hint)


def test_bad_arguments_leave_no_folder(tmp_path: Path) -> None:
    _refused(stream_evo.optimize, "squeezenet", CHIP, workers=0, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_values_of_numpy_are_taken_and_kept_as_plain_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_evo._run._save._pictures", lambda _: {})  # they take seconds
    result = stream_evo.optimize(
        "squeezenet",
        CHIP,
        objectives=np.array(["energy", "latency"]),  # type: ignore[arg-type]  # no Sequence for the type checker
        population=np.int64(4),  # type: ignore[arg-type]  # as above
        generations=np.int32(1),  # type: ignore[arg-type]  # as above
        seed=np.uint8(3),  # type: ignore[arg-type]  # as above
        workers=np.int64(1),  # type: ignore[arg-type]  # as above
        limits={"memory": np.float32(1e12)},  # type: ignore[dict-item]  # as above
        split=np.False_,  # type: ignore[arg-type]  # as above
        forbidden_cores={"core1", "core0"},  # type: ignore[arg-type]  # a set has its names sorted
        out=tmp_path / "run",
    )
    job = stream_evo.load_run(tmp_path / "run").job
    assert job == result.job
    assert (job.objectives, job.population, job.generations, job.seed) == (("energy", "latency"), 4, 1, 3)
    assert job.forbidden_cores == ("core0", "core1")
    assert {type(value) for value in (job.population, job.generations, job.seed)} == {int}


@pytest.mark.parametrize("function", [stream_evo.evaluate, stream_evo.explain, stream_evo.simulate])
def test_all_arguments_of_one_mapping_are_checked(function: Callable[..., object]) -> None:
    error = _refused(function, 1, 2, 3, bits=4, dims=5, host_operators="yes")
    assert [fault.path for fault in error.faults] == ["network", "hardware", "mapping", "bits", "dims", "host_operators"]
    assert error.source == function.__name__


@pytest.mark.parametrize(
    ("function", "given", "paths"),
    [
        (stream_evo.evaluate, {"network": "n", "hardware": "h", "mapping": "m", "objectives": "edp"}, ["objectives"]),
        (stream_evo.load_run, {"folder": 3, "network": 4, "hardware": 5, "pin": {}}, ["folder", "network", "hardware", "pin"]),
        (stream_evo.load_run, {"folder": None}, ["folder"]),
        (stream_evo.compare, {"runs": "runs/one"}, ["runs"]),
        (stream_evo.compare, {"runs": [3, "runs/one"], "objectives": "edp", "labels": ["a", 1]}, ["runs[0]", "objectives", "labels[1]"]),
        (stream_evo.diff, {"network": 1, "first": 2, "second": None, "hardware": 3}, ["network", "first", "second", "hardware"]),
        (stream_evo.diff, {"network": "n", "first": "a", "second": "b", "hardware": ("h", 3), "labels": "ab"}, ["hardware[1]", "labels"]),
        (stream_evo.diff, {"network": "n", "first": "a", "second": "b", "hardware": ("h",), "labels": ["a"]}, ["hardware", "labels"]),
        (stream_evo.export, {"run": 1, "format": 2, "out": 3, "point": "a"}, ["run", "format", "out", "point"]),
        (stream_evo.inspect, {"network": 1, "bits": 2, "dims": 3, "host_operators": 4}, ["network", "bits", "dims", "host_operators"]),
        (stream_evo.load_network, {"name_or_file": 1, "bits": "W=4", "dims": {1: 2}}, ["name_or_file", "bits", "dims[1]"]),
        (stream_evo.load_hardware, {"name_or_file": None}, ["name_or_file"]),
        (registry.load_core, {"name_or_file": 3}, ["name_or_file"]),
        (registry.load_problem, {"name_or_file": 3}, ["name_or_file"]),
    ],
)
def test_all_arguments_of_other_functions_are_checked(function: Callable[..., object], given: dict[str, object], paths: list[str]) -> None:
    assert [fault.path for fault in _refused(function, **given).faults] == paths


def test_long_values_are_shown_short_and_on_one_line() -> None:
    error = _refused(stream_evo.optimize, "squeezenet", CHIP, seed="a\n" * 1000)
    assert len(str(error)) < 200
    assert str(error).count("\n") == 1


@pytest.mark.parametrize("value", ["I=8 W=4", Bits(W=4), None])
def test_precisions_are_text_or_a_value(value: object) -> None:
    assert check_arguments("test", {"bits": value}) == {"bits": value}


@pytest.mark.parametrize("name", ["optimize", "evaluate", "explain", "simulate", "load_run", "compare", "export", "diff", "inspect"])
def test_every_argument_is_in_the_table(name: str) -> None:
    assert inspect.signature(getattr(stream_evo, name)).parameters.keys() <= ARGUMENTS.keys()
