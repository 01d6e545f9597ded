"""The commands compare and diff, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import stream_evo
from stream_evo.cli import main
from tests.comparison.support import edit_manifest, variant


def _fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Return what a command says that must end with 2 and print nothing else."""
    assert main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


@pytest.fixture
def two(run: Path, tmp_path: Path) -> list[Path]:
    """Return two runs whose fronts cross."""
    return [variant(run, tmp_path / "fast", [(10.0, 90.0, 5.0), (20.0, 80.0, 4.0)]), variant(run, tmp_path / "frugal", [(50.0, 20.0, 4.5)])]


def test_compare_prints_tables_and_draws(two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "picture.png"
    assert main(["compare", *map(str, two), "-o", str(picture)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("squeezenet, compared by energy_pj, latency_cycles, memory_bytes\n")
    for words in ("hypervolume", "Least energy_pj within a budget of latency_cycles", "no other fits", "1,000 (0)"):
        assert words in out
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", ["svg", "pdf", "PNG"])
def test_equal_fronts_are_equal_pictures(two: list[Path], tmp_path: Path, suffix: str) -> None:
    pictures = [tmp_path / f"{name}.{suffix}" for name in ("one", "two")]
    for picture in pictures:
        assert main(["compare", *map(str, two), "--json", "-o", str(picture)]) == 0
    assert pictures[0].read_bytes() == pictures[1].read_bytes() != b""


def test_compare_as_json_is_the_value(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(two[1], settings={"limits": {"latency": 1e9}})
    assert main(["compare", *map(str, two), "--json", "--labels", "a, b", "--objectives", "latency,energy"]) == 0
    captured = capsys.readouterr()
    content = json.loads(captured.out)
    expected = stream_evo.compare(two, objectives=["latency", "energy"], labels=["a", "b"]).as_dict()
    assert content == json.loads(json.dumps(expected))
    assert "note: the runs were not free in the same way: limits differ" in captured.err


def test_compare_refuses_pictures_it_cannot_draw_before_it_reads(
    two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _fails(capsys, "compare", *two, "-o", tmp_path / "no" / "picture.doc")
    assert "expected .png, .svg, .pdf; found .doc" in said
    assert "is not a folder" in said
    assert "is a folder" in _fails(capsys, "compare", *two, "-o", two[0])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"state": "running"}, "still being written"),
        ({"format": 2}, "Update stream-evo"),
        ({"format": "one"}, "written in format one"),
        ({"network": None}, "damaged"),
        ({"settings": {"population": 0}}, "damaged settings"),
        ({"settings": {"colour": 1}}, "differ in colour"),
        ({"stopped": "the moon"}, "damaged"),
        ({"versions": "all"}, "damaged"),
    ],
)
def test_compare_refuses_runs_it_cannot_read(
    two: list[Path], capsys: pytest.CaptureFixture[str], damage: dict[str, object], words: str
) -> None:
    edit_manifest(two[1], **damage)
    said = _fails(capsys, "compare", *two)
    assert words in said
    assert str(two[1]) in said


def test_compare_refuses_what_is_no_run(two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no manifest.yaml" in _fails(capsys, "compare", two[0], tmp_path)
    assert "cannot look into" in _fails(capsys, "compare", two[0], "x" * 300)
    assert "Give the folder" in _fails(capsys, "compare", two[0], two[1] / "pareto.csv")
    (two[1] / "pareto.json").write_text("{", encoding="utf-8")
    assert "cannot read" in _fails(capsys, "compare", *two)
    (two[1] / "pareto.json").unlink()
    assert "cannot read" in _fails(capsys, "compare", *two)
    (two[0] / "pareto.json").write_text('{"points": []}', encoding="utf-8")
    assert "damaged" in _fails(capsys, "compare", *two)


def test_diff_prints_decisions_and_effects(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mappings = sorted((run / "mappings").iterdir())
    words = ["diff", str(mappings[0]), str(mappings[-1]), "--network", "squeezenet"]
    assert main(words) == 0
    plain = capsys.readouterr().out
    assert plain.startswith("squeezenet: ")
    assert "latency_cycles" not in plain
    assert main([*words, "--hardware", "homogeneous_quad"]) == 0
    full = capsys.readouterr().out
    assert full.startswith(plain)
    for title in ("latency_cycles by activity", "energy_pj by layer", "energy_pj by core", "relative"):
        assert title in full
    assert main([*words, "--hardware", "homogeneous_quad", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["labels"] == [mappings[0].name, mappings[-1].name]
    assert content["effects"]["metrics"][0] == stream_evo.evaluate("squeezenet", "homogeneous_quad", mappings[0]).as_dict()


def test_diff_of_equal_mappings_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = run / "mappings" / "point_000.yaml"
    assert main(["diff", str(mapping), str(mapping), "--network", "squeezenet"]) == 0
    assert capsys.readouterr().out == "squeezenet: 0 of 31 layers differ\n"


def test_diff_refuses_what_it_cannot_compare(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = run / "mappings" / "point_000.yaml"
    assert "another network" in _fails(capsys, "diff", mapping, mapping, "--network", "resnet18")
    assert "another accelerator" in _fails(capsys, "diff", mapping, mapping, "--network", "squeezenet", "--hardware", "single_core")
    assert "cannot" in _fails(capsys, "diff", mapping, tmp_path / "missing.yaml", "--network", "squeezenet")
    thrice = ["--hardware", "single_core"] * 3
    assert "once for each" in _fails(capsys, "diff", mapping, mapping, "--network", "squeezenet", *thrice)
    assert "single_core" in _fails(capsys, "diff", mapping, mapping, "--network", "squeezenet", "--hardware", "single_cores")
