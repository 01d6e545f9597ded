"""The exploration study in small, by its own commands: it runs, continues, repeats itself to the byte, and makes tables and figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stream_evo.evaluation import METRICS, evaluate_mapping
from stream_evo.mapping import load_mapping
from stream_evo.registry import load_hardware, load_network

FOLDER = Path(__file__).parents[2] / "experiments" / "exploration"
NAMES = ("squeezenet", "homogeneous_quad_mesh_dual_port")
PAIR = ("--network", NAMES[0], "--chip", NAMES[1], "--share", "0.01", "--workers", "1")
FILE = f"{'-'.join(NAMES)}.npz"


def _run(script: str, *arguments: str | Path) -> str:
    run = subprocess.run([sys.executable, FOLDER / script, *arguments], capture_output=True, text=True, check=True)
    return run.stdout


@pytest.fixture(scope="module", name="results")
def results_of_a_small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exploration")
    _run("run.py", *PAIR, "--seeds", "1", "--results", folder)
    return folder


def test_every_method_finds_a_front(results: Path) -> None:
    with np.load(results / FILE) as stored:
        for method in ("layer_by_layer", "layer_by_layer_split", "layer_by_layer_tiled", "rows", "rows_4", "full"):
            metrics = stored[f"{method}/0/metrics"]
            assert len(metrics) > 0
            best = metrics[np.argmin(metrics[:, 3])]
            assert stored[f"{method}/0/energy"].sum() == pytest.approx(best[1], rel=1e-12)


def test_a_longer_study_continues_and_repeats_itself_to_the_byte(results: Path, tmp_path: Path) -> None:
    methods = ("--method", "layer_by_layer", "full")
    _run("run.py", *PAIR, *methods, "--seeds", "1", "--results", tmp_path)
    assert "0 min left" in _run("run.py", *PAIR, "--seeds", "1", "--results", tmp_path)  # the methods that were left out
    assert (tmp_path / FILE).read_bytes() == (results / FILE).read_bytes()
    assert "everything has been run" in _run("run.py", *PAIR, "--seeds", "1", "--results", tmp_path)
    _run("run.py", *PAIR, "--method", "rows", "--anew", "--seeds", "1", "--results", tmp_path)  # the others are kept
    assert (tmp_path / FILE).read_bytes() == (results / FILE).read_bytes()


def test_tables_and_figures_come_from_what_is_there(results: Path, tmp_path: Path) -> None:
    tables = _run("tables.py", "--results", results)
    assert tables.count("| homogeneous_quad_mesh_dual_port | squeezenet |") == 3
    drawn = _run("figures.py", "--results", results, "--out", tmp_path).split()
    assert sorted(Path(name).name for name in drawn) == ["energy.png", "fronts.png", "gains.png", "scaling.png", "tables.md"]
    assert (results / "tables.md").read_text() == tables
    assert all(Path(name).stat().st_size > 10_000 for name in drawn if name.endswith("png"))


def test_the_best_mapping_gives_the_numbers_of_the_study(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    with np.load(results / FILE) as stored:
        least = {method: stored[f"{method}/0/metrics"][:, 3].min() for method in ("layer_by_layer", "rows_4", "full")}
    network, chip = load_network(NAMES[0]), load_hardware(NAMES[1])
    for method, edp in least.items():
        file.write_text(_run("best_mapping.py", *NAMES, method, "--results", results))
        evaluation = evaluate_mapping(network, chip, load_mapping(file, network, chip))
        assert evaluation.metrics[0, METRICS.index("edp_pj_cycles")] == edp


def test_unfused_mappings_are_cut_everywhere(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(_run("best_mapping.py", *NAMES, "layer_by_layer_tiled", "--results", results))
    layers = load_mapping(file, load_network(NAMES[0]), load_hardware(NAMES[1])).layers
    assert len({layer.stack for layer in layers}) == len(layers)


@pytest.mark.parametrize("script", ["tables.py", "figures.py"])
def test_without_results_it_says_what_makes_them(script: str, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, FOLDER / script, "--results", tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "run.py makes them" in run.stderr


def test_a_share_of_the_budget_is_not_taken_for_a_result() -> None:
    run = subprocess.run([sys.executable, FOLDER / "run.py", "--share", "0.5"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "--results" in run.stderr
