"""Runs side by side: what is compared, what is refused, what is said."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import stream_evo
from stream_evo.errors import InputError, RunFolderError, UnknownNameError
from tests.comparison.support import METRICS, edit_manifest, variant

FAST = [(10.0, 90.0, 5.0), (20.0, 80.0, 4.0)]
FRUGAL = [(50.0, 20.0, 4.5)]


@pytest.fixture
def two(run: Path, tmp_path: Path) -> list[Path]:
    """Return two runs, on a fast chip and on a frugal one, the second with another budget."""
    chip = {"name": "slow_chip", "cores": 2, "sha256": "0" * 64}
    return [
        variant(run, tmp_path / "fast", FAST),
        variant(run, tmp_path / "frugal", FRUGAL, hardware=chip, settings={"population": 50}),
    ]


def test_two_chips_side_by_side(two: list[Path]) -> None:
    comparison = stream_evo.compare(two)
    assert comparison.labels == ("fast", "frugal")
    assert comparison.differing_settings == {"hardware": ("homogeneous_quad", "slow_chip"), "population": (8, 50)}
    assert [(best.metric, best.values, best.winners) for best in comparison.best] == [
        ("energy_pj", (80.0, 20.0), (1,)),
        ("latency_cycles", (10.0, 50.0), (0,)),
        ("memory_bytes", (4.0, 4.5), (0,)),
        ("edp_pj_cycles", (900.0, 1000.0), (0,)),
    ]
    assert comparison.best[0].points == (1, 0)
    wins = {(region.budget, region.least): region.winners for region in comparison.regions if region.end is None}
    assert wins["latency_cycles", "energy_pj"] == (1,)
    assert wins["energy_pj", "latency_cycles"] == (0,)
    assert comparison.notes == ()
    assert comparison.table.loc["frugal", "least_energy_pj"] == 20.0
    assert comparison.table.attrs["units"]["least_energy_pj"] == "pJ"


def test_folders_and_results_compare_alike(run: Path, result: stream_evo.Result) -> None:
    comparison = stream_evo.compare([run, result])
    assert comparison.labels == ("run", "homogeneous_quad")
    assert comparison.indicators.coverage.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert comparison.indicators.alone.tolist() == [0.0, 0.0]
    assert comparison.differing_settings == {}
    assert comparison.notes == ()
    assert {region.winners for region in comparison.regions} == {(0, 1)}


def test_the_hypervolume_of_a_run_is_the_search_s_for_the_same_reference(run: Path, result: stream_evo.Result) -> None:
    comparison = stream_evo.compare([run, result])
    values = result.metrics[:, [METRICS.index(name) for name in comparison.objectives]]
    from stream_evo.search import hypervolume

    assert comparison.indicators.hypervolume[0] == hypervolume(values, comparison.indicators.reference)


def test_labels_are_made_unique_or_given(two: list[Path], tmp_path: Path, run: Path, result: stream_evo.Result) -> None:
    (tmp_path / "other").mkdir()
    twin = variant(run, tmp_path / "other" / "fast", FAST)
    assert stream_evo.compare([two[0], twin]).labels == (str(two[0]), str(twin))
    assert stream_evo.compare([result, result]).labels == ("homogeneous_quad (1)", "homogeneous_quad (2)")
    assert stream_evo.compare(two, labels=["a", "<b>"]).labels == ("a", "<b>")
    for wrong in (["a"], ["a", "a"]):
        with pytest.raises(InputError, match="one label each"):
            stream_evo.compare(two, labels=wrong)


def test_everything_is_json_and_html_and_a_picture(two: list[Path]) -> None:
    comparison = stream_evo.compare(two, labels=["a", "<script>"])
    content = json.loads(json.dumps(comparison.as_dict(), allow_nan=False))
    assert content["coverage"]["a"]["<script>"] == 0.0
    assert content["best"][0]["runs"]["<script>"] == {"value": 20.0, "point": 0}
    assert content["regions"][0]["winners"] in (["a"], ["<script>"])
    page = comparison._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    figure = comparison.plot()
    assert sum(axes.get_visible() for axes in figure.axes) == 3
    figure.canvas.draw()


@pytest.mark.parametrize("points", [[], [(10.0, 90.0, 5.0)]])
def test_fronts_of_no_or_one_point(two: list[Path], tmp_path: Path, run: Path, points: list[tuple[float, float, float]]) -> None:
    small = variant(run, tmp_path / "small", points)
    comparison = stream_evo.compare([small, two[0]])
    measured = comparison.indicators
    assert measured.coverage[1, 0] == (1.0 if points else pytest.approx(math.nan, nan_ok=True))
    assert measured.coverage[0, 1] == (0.5 if points else 0.0)
    assert measured.alone[0] == 0.0
    assert (len(comparison.notes) == 1) == (not points)
    assert comparison.best[0].points[0] == (0 if points else -1)
    assert all(region.winners for region in comparison.regions)
    json.dumps(comparison.as_dict(), allow_nan=False)
    comparison.plot().canvas.draw()
    assert comparison._repr_html_()


def test_runs_that_found_nothing_are_refused_together(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the runs found a feasible mapping"):
        stream_evo.compare([variant(run, tmp_path / name, []) for name in "ab"])


def test_different_networks_are_refused(two: list[Path]) -> None:
    edit_manifest(two[1], network={"name": "resnet18", "sha256": "1"})
    with pytest.raises(InputError, match=r"different networks.*squeezenet in fast, resnet18 in frugal"):
        stream_evo.compare(two)


def test_different_objectives_need_a_choice(two: list[Path]) -> None:
    edit_manifest(two[1], settings={"objectives": ["latency", "energy"]})
    with pytest.raises(InputError, match=r"fast: energy, latency, memory; frugal: latency, energy.*--objectives energy,latency"):
        stream_evo.compare(two)
    comparison = stream_evo.compare(two, objectives=["latency_cycles", "energy"])
    assert comparison.objectives == ("latency_cycles", "energy_pj")
    with pytest.raises(InputError, match="frugal did not minimise memory"):
        stream_evo.compare(two, objectives=["memory"])
    with pytest.raises(UnknownNameError, match="latency"):
        stream_evo.compare(two, objectives=["latancy"])
    with pytest.raises(InputError, match="nothing to compare by"):
        stream_evo.compare(two, objectives=[])
    edit_manifest(two[1], settings={"objectives": ["dram"]})
    with pytest.raises(InputError, match="fast did not minimise dram; expected an objective of all of them; there is none"):
        stream_evo.compare(two, objectives=["dram"])
    with pytest.raises(InputError, match="no objective in common"):
        stream_evo.compare(two)


def test_the_same_objectives_in_another_order_compare(two: list[Path]) -> None:
    edit_manifest(two[1], settings={"objectives": ["memory", "latency", "energy"]})
    assert stream_evo.compare(two).objectives == ("energy_pj", "latency_cycles", "memory_bytes")


def test_points_that_only_another_objective_saves_do_not_count(run: Path, tmp_path: Path, two: list[Path]) -> None:
    padded = variant(run, tmp_path / "padded", [*FAST, (30.0, 95.0, 1.0)])
    comparison = stream_evo.compare([padded, two[0]], objectives=["latency", "energy"])
    assert comparison.indicators.unbeaten.tolist() == [2, 2]


def test_what_should_be_known_is_noted(two: list[Path]) -> None:
    network = {"name": "squeezenet", "sha256": "1"}
    chip = {"name": "homogeneous_quad", "sha256": "2"}
    edit_manifest(two[1], network=network, hardware=chip, stopped="interrupted; what was found so far is kept", state="interrupted")
    edit_manifest(two[1], settings={"limits": {"latency": 1e9}}, versions={"stream-evo": "9.9"})
    notes = "\n".join(stream_evo.compare(two).notes)
    for words in ("not the same network", "not the same chip", "limits differ", "frugal was interrupted", "9.9 in frugal"):
        assert words in notes


def test_runs_that_cannot_be_read_are_named_together(two: list[Path], tmp_path: Path) -> None:
    edit_manifest(two[0], state="running")
    edit_manifest(two[1], format=2)
    with pytest.raises(RunFolderError) as error:
        stream_evo.compare([*two, tmp_path / "missing"])
    for words in ("still being written", "stream-evo resume", "format 2; this version reads format 1", "not the folder of a run"):
        assert words in str(error.value)


def test_too_few_runs_and_twice_the_same(two: list[Path]) -> None:
    with pytest.raises(InputError, match="at least two runs"):
        stream_evo.compare(two[:1])
    with pytest.raises(InputError, match="given twice"):
        stream_evo.compare([two[0], two[0] / ".." / "fast"])


def test_many_runs_have_their_own_colours_or_markers(run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    folders = [variant(run, tmp_path / f"run{number}", (100 * rng.random((5, 3)) + 1).tolist()) for number in range(12)]
    figure = stream_evo.compare(folders).plot()
    drawn = figure.axes[0].collections
    looks = {(tuple(np.asarray(points.get_facecolor())[0]), np.asarray(points.get_paths()[0].vertices).tobytes()) for points in drawn}
    assert len(looks) == 12
