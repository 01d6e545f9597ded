"""``stream-evo report``: a page for every run that has one, a message for everything else, nothing half-written."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_evo._run._html_report import RunSource, html_report, points_to_detail
from stream_evo._run._load import load_run
from stream_evo.cli import main
from stream_evo.report.html import unpacked

Edit = Callable[[dict[str, Any]], None]


def _copy(run_folder: Path, target: Path, manifest: Edit | None = None, front: Edit | None = None) -> Path:
    shutil.copytree(run_folder, target, ignore=shutil.ignore_patterns("*.png", "report.html"))
    if manifest is not None:
        content = yaml.safe_load((target / "manifest.yaml").read_text("utf-8"))
        manifest(content)
        (target / "manifest.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    if front is not None:
        content = json.loads((target / "pareto.json").read_text("utf-8"))
        front(content)
        (target / "pareto.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return target


def _data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="run">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def _points(page: str) -> dict[int, list[dict[str, Any]]]:
    found = re.findall(r'<script type="text/plain" id="point-(\d+)">(\S+) (\S+)</script>', page)
    return {int(point): [unpacked(facts), unpacked(times)] for point, facts, times in found}


@pytest.fixture(scope="module")
def page(run_folder: Path) -> str:
    assert main(["report", str(run_folder), "--workers", "1", "--quiet"]) == 0
    return (run_folder / "report.html").read_text("utf-8")


def test_the_page_holds_the_numbers_of_the_run(page: str, run_folder: Path) -> None:
    record = json.loads((run_folder / "pareto.json").read_text("utf-8"))
    front = _data(page)["front"]
    names = [name for name, _ in front["metrics"]]
    assert front["points"] == [[point[name] for name in names] for point in record["points"]]
    assert front["bounds"] == [record["lower_bounds"][name] for name in names]
    assert front["baseline"] == [record["layer_by_layer"][name] for name in names]
    assert front["history"]["hypervolume"][-1] == record["hypervolume"]
    assert len(front["history"]["evaluations"]) == 4


def test_details_add_up_to_the_numbers_of_each_point(page: str, run_folder: Path) -> None:
    data = _data(page)
    details = _points(page)
    assert sorted(details) == data["detailed"] == list(range(len(data["front"]["points"])))
    for point, (facts, times) in details.items():
        latency, energy, memory, *_ = data["front"]["points"][point]
        assert facts["path"]["cycles"] == times["end"] == latency
        assert sum(facts["path"]["activities"].values()) == latency
        assert sum(facts["energy"]["levels"]) == pytest.approx(energy)
        assert sum(sum(levels) for _, *levels in facts["energy"]["cores"]) == pytest.approx(energy)
        assert sum(sum(levels) for _, *levels in facts["energy"]["layers"]) == pytest.approx(energy, rel=1e-4)
        assert facts["peak"]["bytes"] == memory
        assert facts["yaml"] == (run_folder / "mappings" / data["front"]["mapping_files"][point]).read_text("utf-8")
        assert times["resolution"] == 0
        assert sum(facts["layers"]["busy_cycles"]) == sum(busy for _, _, busy in facts["path"]["cores"])
        critical = sum(sum(columns[-1]) for columns in times["cores"]) + sum(sum(columns[6]) for _, _, *columns in times["routes"])
        assert critical == facts["path"]["steps"]


def test_nothing_of_a_name_is_markup(page: str) -> None:
    # As many scripts as the page itself has: those of its parts, the data, the library, the points.
    assert page.count("</script>") == 13 + len(_points(page))
    assert "document.title='broken'</script>" not in page
    layers = [layer[0] for layer in _data(page)["subject"]["layers"]]
    assert layers[0] == "</script><script>document.title='broken'</script>"


def test_the_same_run_is_the_same_page_from_several_processes(page: str, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_evo._run._html_report._MEASURED", 2)
    monkeypatch.setattr("stream_evo._run._html_report._WORTH_A_POOL_S", 0.0)
    assert html_report(RunSource(run_folder), workers=2) == page


def test_a_limit_on_details_keeps_the_best_points(run_folder: Path) -> None:
    result = load_run(run_folder)
    assert len(result) > 6
    chosen = points_to_detail(result, 6)
    assert len(chosen) == 6
    assert {int(point) for point in result.metrics.argmin(axis=0)} <= set(chosen)
    assert points_to_detail(result, 0) == []
    assert points_to_detail(result, 10**6) == list(range(len(result)))
    page = html_report(RunSource(run_folder), detailed=2)
    assert len(_points(page)) == 2
    assert len(_data(page)["front"]["points"]) == len(result)


def test_a_front_of_one_point_is_a_page(run_folder: Path, tmp_path: Path) -> None:
    folder = _copy(run_folder, tmp_path / "one", front=lambda content: content.update(points=content["points"][:1]))
    assert len(_data(html_report(RunSource(folder)))["front"]["points"]) == 1


def test_an_empty_front_is_a_page_that_says_why(run_folder: Path, tmp_path: Path) -> None:
    def empty(content: dict[str, Any]) -> None:
        content.update(points=[], layer_by_layer=None, hypervolume=0.0, hypervolume_reference=None)

    page = html_report(RunSource(_copy(run_folder, tmp_path / "none", front=empty)))
    front = _data(page)["front"]
    assert front["points"] == []
    assert any(notice.startswith("No feasible mapping was found") and notice.endswith(".") for notice in front["notices"])


def test_a_folder_without_its_archive_has_no_history(run_folder: Path, tmp_path: Path) -> None:
    folder = _copy(run_folder, tmp_path / "light")
    (folder / "evaluations.sqlite").unlink()
    assert _data(html_report(RunSource(folder), detailed=0))["front"]["history"]["evaluations"] == []


def test_other_numbers_than_the_runs_are_said(run_folder: Path, tmp_path: Path) -> None:
    def slower(content: dict[str, Any]) -> None:
        content["points"][0]["latency_cycles"] += 1

    page = html_report(RunSource(_copy(run_folder, tmp_path / "old", front=slower)))
    assert any("1 of the points have another latency" in notice for notice in _data(page)["front"]["notices"])


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (lambda content: content.update(state="running"), "still being written"),
        (lambda content: content.update(format=99), "written in format 99; this version reads format 1. Update"),
        (lambda content: content["network"].update(sha256="0"), "is not the one of the run"),
        (lambda content: content["settings"].update(network="no such network"), "no such network"),
    ],
)
def test_runs_that_cannot_be_shown_are_explained(
    manifest: Edit, message: str, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _copy(run_folder, tmp_path / "run", manifest=manifest)
    assert main(["report", str(folder)]) == 2
    assert message in capsys.readouterr().err
    assert not list(folder.glob("*.html"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "is not the folder of a run"),
        (lambda path: path.mkdir(), "is not the folder of a run"),
        (lambda path: path.write_text("x"), "is a file, not the folder of a run"),
    ],
)
def test_what_is_no_run_is_refused(make: Callable[[Path], None], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "place")
    assert main(["report", str(tmp_path / "place")]) == 2
    assert message in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named_before_the_work(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run_folder), "-o", str(tmp_path / "missing" / "page.html")]) == 2
    assert "missing" in capsys.readouterr().err
    assert main(["report", str(run_folder), "-o", str(tmp_path)]) == 2
    assert "it is a folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stream_evo._cli._report.os.access", lambda _, mode, **__: mode != os.W_OK)
    monkeypatch.setattr("stream_evo._run._html_report.html_report", lambda *_, **__: pytest.fail("the page was made"))
    assert main(["report", str(run_folder)]) == 2
    assert "it is read-only for you. Choose another file: -o FILE" in capsys.readouterr().err
