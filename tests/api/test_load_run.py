"""A run back from its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import numpy as np
import onnx
import pytest
import yaml

import stream_evo
from stream_evo.cost import parse_bits
from stream_evo.errors import InputError, RunFolderError
from tests.comparison.support import edit_manifest, variant


class _Settings(TypedDict):
    population: int
    generations: int
    seed: int


SMALL: _Settings = {"population": 8, "generations": 3, "seed": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[stream_evo.Result, Path]:
    """Return a search with its folder, every evaluation kept."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return stream_evo.optimize("squeezenet", "homogeneous_quad", split=True, out=folder, **SMALL), folder


@pytest.fixture(autouse=True)
def _without_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save no pictures where nothing looks at them: they take seconds."""
    if request.node.name != "test_a_run_comes_back_whole":
        monkeypatch.setattr("stream_evo._run._save._pictures", lambda _: {})


def _assert_equal(loaded: stream_evo.Result, result: stream_evo.Result) -> None:
    assert loaded.job == result.job
    assert loaded.metrics.tolist() == result.metrics.tolist()
    assert loaded.genomes.tolist() == result.genomes.tolist()
    assert [point.mapping for point in loaded] == [point.mapping for point in result]
    assert loaded.highlights() == result.highlights()
    assert loaded.lower_bounds == result.lower_bounds
    assert loaded.layer_by_layer == result.layer_by_layer


def test_a_run_comes_back_whole(run: tuple[stream_evo.Result, Path], tmp_path: Path) -> None:
    result, folder = run
    loaded = stream_evo.load_run(folder)
    _assert_equal(loaded, result)
    assert loaded.search.history == result.search.history
    assert loaded.search.hypervolume == result.search.hypervolume
    assert loaded.search.reference is not None
    assert result.search.reference is not None
    assert loaded.search.reference.tolist() == result.search.reference.tolist()
    assert loaded.best_history is not None
    assert result.best_history is not None
    assert loaded.best_history.tolist() == result.best_history.tolist()
    assert loaded.summary() == result.summary()
    assert loaded[0].schedule.record == result[0].schedule.record
    loaded.save(tmp_path / "again")
    for name in ("pareto.csv", "pareto.json", "pareto.png", "convergence.png", "schedule.png", "mappings/point_000.yaml"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_folder_without_its_archive_still_has_its_front(run: tuple[stream_evo.Result, Path], tmp_path: Path) -> None:
    result, folder = run
    loaded = stream_evo.load_run(variant(folder, tmp_path / "copy"))
    _assert_equal(loaded, result)
    assert loaded.search.hypervolume == result.search.hypervolume
    assert loaded.search.evaluations == result.search.evaluations
    assert loaded.best_history is None
    loaded.plot_convergence().canvas.draw()


def test_what_was_found_nothing_for_still_says_what_it_misses(tmp_path: Path) -> None:
    result = stream_evo.optimize("squeezenet", "homogeneous_quad", limits={"latency": 1.0}, out=tmp_path / "run", **SMALL)
    loaded = stream_evo.load_run(tmp_path / "run")
    assert len(loaded) == len(loaded.front) == 0
    assert loaded.why_empty() == result.why_empty()
    assert "latency_cycles" in loaded.why_empty()
    assert loaded.why_empty().endswith(". Loosen the limits, search longer or allow --split"), "what was not given is not to be loosened"
    assert loaded._repr_html_()
    assert list(loaded) == []
    assert loaded[:] == ()
    for empty in (result, loaded):
        with pytest.raises(IndexError, match=r"no best point: the front is empty, .*result\.why_empty\(\)"):
            _ = empty.best_edp
        with pytest.raises(IndexError, match=r"no point 0: the front is empty, .*result\.why_empty\(\)"):
            _ = empty[0]
    loaded.plot().canvas.draw()


def test_a_front_of_one_point(tmp_path: Path) -> None:
    result = stream_evo.optimize("squeezenet", "homogeneous_quad", objectives=["edp"], out=tmp_path / "run", **SMALL)
    loaded = stream_evo.load_run(tmp_path / "run")
    assert len(loaded) == 1
    assert loaded[0].metrics == result[0].metrics
    loaded.plot().canvas.draw()


def test_values_in_memory_are_given_again(tmp_path: Path) -> None:
    workload = stream_evo.load_network("squeezenet")
    chip = stream_evo.load_hardware("homogeneous_quad")
    result = stream_evo.optimize(workload, chip, out=tmp_path / "run", **SMALL)
    with pytest.raises(RunFolderError, match=r"network of .* was a value in memory, <squeezenet>. .*load_run\(\.\.\., network"):
        stream_evo.load_run(tmp_path / "run")
    with pytest.raises(RunFolderError, match="hardware of"):
        stream_evo.load_run(tmp_path / "run", network=workload)
    _assert_equal(stream_evo.load_run(tmp_path / "run", network=workload, hardware=chip), result)
    with pytest.raises(RunFolderError, match=r"the hardware <homogeneous_quad> is not the one of the run"):
        stream_evo.load_run(tmp_path / "run", network=workload, hardware="single_core")


def test_precisions_given_as_a_value_are_read_back(tmp_path: Path) -> None:
    bits = parse_bits("I=4 W=4 O=12 O_final=4")
    result = stream_evo.optimize("squeezenet", "homogeneous_quad", bits=bits, out=tmp_path / "run", **SMALL)
    assert result.job.bits == "I=4 W=4 O=12 O_final=4"
    _assert_equal(stream_evo.load_run(tmp_path / "run"), result)


def test_files_that_moved_are_given_again(tmp_path: Path) -> None:
    from stream_evo.registry import network_source

    model = network_source("squeezenet")
    assert isinstance(model, onnx.ModelProto)
    onnx.save(model, tmp_path / "mine.onnx")
    (tmp_path / "pins.yaml").write_text("layers: {conv1: {core: core1}}\n", encoding="utf-8")
    arguments = (tmp_path / "mine.onnx", "homogeneous_quad")
    result = stream_evo.optimize(*arguments, pin=tmp_path / "pins.yaml", out=tmp_path / "run", **SMALL)
    (tmp_path / "elsewhere").mkdir()
    for name in ("mine.onnx", "pins.yaml"):
        shutil.move(tmp_path / name, tmp_path / "elsewhere" / name)
    with pytest.raises(RunFolderError, match=r"mine.onnx, is not there, .* Say where it is"):
        stream_evo.load_run(tmp_path / "run")
    with pytest.raises(InputError, match=r"pins.yaml"):
        stream_evo.load_run(tmp_path / "run", network=tmp_path / "elsewhere" / "mine.onnx")
    moved = tmp_path / "elsewhere"
    _assert_equal(stream_evo.load_run(tmp_path / "run", network=moved / "mine.onnx", pin=moved / "pins.yaml"), result)


def test_another_network_or_space_is_refused(run: tuple[stream_evo.Result, Path], tmp_path: Path) -> None:
    _, folder = run
    with pytest.raises(RunFolderError, match="the network squeezenet is not the one of the run"):
        stream_evo.load_run(folder, network="resnet18")
    changed = variant(folder, tmp_path / "changed")
    record = json.loads((changed / "pareto.json").read_text(encoding="utf-8"))
    spoils: tuple[Callable[[list[int]], list[int]], ...] = (lambda genome: [*genome, 0], lambda genome: [10**6, *genome[1:]])
    for spoil in spoils:
        points = [point | {"genome": spoil(point["genome"])} for point in record["points"]]
        (changed / "pareto.json").write_text(json.dumps(record | {"points": points}), encoding="utf-8")
        with pytest.raises(RunFolderError, match="outside the space"):
            stream_evo.load_run(changed)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"state": "running"}, r"still being written, or was killed \(state: running\).*stream-evo resume"),
        ({"format": 2}, "format 2; this version reads format 1. Update stream-evo"),
        ({"format": 0}, "format 0; this version reads format 1$"),
        ({"evaluations": "many"}, "damaged"),
        ({"settings": None}, "no settings"),
    ],
)
def test_runs_that_cannot_be_read(run: tuple[stream_evo.Result, Path], tmp_path: Path, damage: dict[str, object], words: str) -> None:
    folder = variant(run[1], tmp_path / "copy")
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8")) | damage
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    with pytest.raises(RunFolderError, match=words):
        stream_evo.load_run(folder)


def test_names_that_are_no_run(run: tuple[stream_evo.Result, Path], tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no manifest"):
        stream_evo.load_run(tmp_path)
    with pytest.raises(RunFolderError, match="is a file"):
        stream_evo.load_run(run[1] / "pareto.json")
    with pytest.raises(RunFolderError, match="no manifest"):
        stream_evo.load_run("no\nsuch/Ordner")


def test_an_interrupted_run_is_read(run: tuple[stream_evo.Result, Path], tmp_path: Path) -> None:
    folder = edit_manifest(variant(run[1], tmp_path / "copy"), state="interrupted", stopped="interrupted; what was found so far is kept")
    loaded = stream_evo.load_run(folder)
    assert loaded.search.interrupted
    assert np.array_equal(loaded.metrics, run[0].metrics)


def test_a_folder_that_cannot_be_written_is_read(run: tuple[stream_evo.Result, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Others' runs may lie in a read-only place; root may write there, so here it is only said to be one."""
    result, folder = run
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    monkeypatch.setattr("stream_evo._run._history.os.access", lambda *_: False)
    loaded = stream_evo.load_run(folder)
    assert [row.hypervolume for row in loaded.search.history] == [row.hypervolume for row in result.search.history]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
