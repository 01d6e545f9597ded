"""Problems as values, and the shipped ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from stream_evo import problems, registry
from stream_evo._run._job import Job
from stream_evo.errors import InputError, UnknownNameError
from stream_evo.mapping import GenomeSpec
from stream_evo.problems import OBJECTIVES, PROBLEMS, BestKnown, Problem, RunSettings, best_front
from stream_evo.problems.networks import NETWORKS


def test_shipped_problems_pair_known_networks_with_both_quads() -> None:
    assert len(PROBLEMS) == 12
    assert "resnet18_hetero_quad" in PROBLEMS
    for name, problem in PROBLEMS.items():
        assert problem.name == name
        assert problem.network in NETWORKS
        assert problem.hardware in {"homogeneous_quad", "heterogeneous_quad"}
        assert name == f"{problem.network}_{problem.hardware.replace('erogeneous', 'ero').replace('ogeneous', 'o')}"
        assert problem.description


def test_metrics_follow_the_objectives() -> None:
    problem = Problem("p", "resnet18", "homogeneous_quad", objectives=("dram", "edp", "latency"))
    assert problem.metrics == ("dram_bytes", "edp_pj_cycles", "latency_cycles")
    assert set(OBJECTIVES) == {"latency", "energy", "memory", "edp", "dram"}


def test_a_problem_is_frozen_and_hashable() -> None:
    problem = PROBLEMS["resnet18_hetero_quad"]
    assert hash(problem) == hash(dataclasses.replace(problem))
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.network = "vgg19"  # type: ignore[misc]  # it is frozen, which is what is tested


def test_unknown_objective_is_refused_with_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean latency"):
        Problem("p", "resnet18", "homogeneous_quad", objectives=("latncy",))


@pytest.mark.parametrize(
    ("kind", "wrong", "paths"),
    [
        (Problem, {"objectives": "energy", "name": 3}, ["name", "objectives"]),
        (Problem, {"objectives": ("energy", print)}, ["objectives[1]"]),
        (Problem, {"network": None, "hardware": 4, "description": 5, "settings": {}, "best_known": 1.0}, None),
        (RunSettings, {"population": "10", "seed": 1.5, "evaluations": True, "operators": "mutation.step_tile", "split": "no"}, None),
        (RunSettings, {"population": "10", "generations": 0, "limits": {"energy": "a", "latency": -1.0}}, None),
        (RunSettings, {"engine": 3, "pin": {}, "bits": 8, "dims": {"n": "a"}}, ["engine", "pin", "bits", "dims.n"]),
        (BestKnown, {"reference_point": ("a", 1.0), "hypervolume": "2", "provenance": None}, None),
    ],
)
def test_values_of_wrong_types_are_refused_together(kind: type, wrong: dict[str, object], paths: list[str] | None) -> None:
    right: dict[type, dict[str, object]] = {
        Problem: {"name": "p", "network": "resnet18", "hardware": "homogeneous_quad"},
        BestKnown: {"reference_point": (1.0,), "hypervolume": 1.0, "provenance": "by hand"},
    }
    with pytest.raises(InputError) as caught:
        kind(**right.get(kind, {}) | wrong)
    found = [fault.path for fault in caught.value.faults]
    if paths is None:
        assert list(dict.fromkeys(path.partition(".")[0].partition("[")[0] for path in found)) == sorted(wrong, key=_fields(kind).index)
    else:
        assert found == paths
    assert all(fault.expected and fault.found for fault in caught.value.faults)


def _fields(kind: type) -> list[str]:
    return [item.name for item in dataclasses.fields(kind)]


def test_numbers_of_numpy_and_lists_become_plain_values() -> None:
    given: dict[str, Any] = {
        "population": np.int64(8),
        "dims": {"n": np.int32(3)},
        "limits": {"energy": np.float32(2.0)},
        "split": np.True_,
    }
    settings = RunSettings(**given)
    assert settings == RunSettings(population=8, dims={"n": 3}, limits={"energy": 2.0}, split=True)
    assert [type(settings.population), type(settings.dims["n"]), type(settings.split)] == [int, int, bool]
    problem = Problem("p", "resnet18", "homogeneous_quad", objectives=["energy"])  # type: ignore[arg-type]  # as above
    assert problem.objectives == ("energy",)


@pytest.mark.parametrize("name", ["nope", "resnet18_hetero_qad", "../best_known/resnet18_hetero_quad", ""])
def test_a_best_front_of_no_shipped_problem_is_refused(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown problem .* Known: .*resnet18_hetero_quad"):
        best_front(name)


def test_a_shipped_problem_without_stored_front_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("stream_evo.problems._best_known.FOLDER", tmp_path)
    assert best_front("resnet18_hetero_quad") is None


def test_a_problem_reports_all_its_faults() -> None:
    with pytest.raises(InputError) as caught:
        Problem("p", "", "", objectives=("energy", "energy"), best_known=BestKnown((1.0, 2.0, 3.0), 1.0, "by hand"))
    assert [fault.path for fault in caught.value.faults] == ["network", "hardware", "objectives", "best_known.reference_point"]


def test_run_settings_report_all_numbers_out_of_range() -> None:
    with pytest.raises(InputError) as caught:
        RunSettings(population=1, generations=0, evaluations=0, seed=-1, time_limit_s=float("inf"), limits={"energy": 0.0})
    assert [fault.path for fault in caught.value.faults] == [
        "population",
        "generations",
        "evaluations",
        "seed",
        "time_limit_s",
        "limits.energy",
    ]


@pytest.mark.parametrize(
    ("point", "hypervolume", "provenance", "path"),
    [((1.0, 0.0), 1.0, "x", "reference_point[1]"), ((1.0,), float("nan"), "x", "hypervolume"), ((1.0,), 1.0, "", "provenance")],
)
def test_best_known_needs_positive_numbers_and_provenance(point: tuple[float, ...], hypervolume: float, provenance: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        BestKnown(point, hypervolume, provenance)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_run_settings_are_those_of_a_run() -> None:
    """What the command line does with them: every setting of a problem is one of a job, with the same default."""
    names = [item.name for item in dataclasses.fields(RunSettings)]
    settings, job = RunSettings(evaluations=1), Job(network="n", hardware="h", evaluations=1)
    assert {name: getattr(settings, name) for name in names} == {name: getattr(job, name) for name in names}


def test_a_limit_on_something_else_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="latency"):
        RunSettings(limits={"latenzy": 1.0})


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_layer_of_a_shipped_problem_has_a_core(name: str) -> None:
    """And most have a choice: convolutions and products run on four cores."""
    problem = PROBLEMS[name]
    spec = GenomeSpec(registry.load_network(problem.network), registry.load_hardware(problem.hardware))
    allocation = spec.segments["allocation"]
    choices = spec.upper[allocation] - spec.lower[allocation] + 1
    for layer, count in zip(spec.workload.layers, choices, strict=True):
        assert count == (4 if layer.kind in ("conv", "gemm") else 1), layer.name


def test_exported_names_are_the_visible_ones() -> None:
    visible = {name for name, value in vars(problems).items() if not name.startswith("_") and not isinstance(value, ModuleType)}
    assert visible == set(problems.__all__)
