"""What cannot be exported is refused with a message that says what to do, and nothing is written."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import stream_evo
from stream_evo.cli import main
from stream_evo.errors import InputError, RunFolderError, UnknownNameError
from stream_evo.exports import FORMATS, export
from tests.exports.conftest import save_network


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """Return a copy of the run that a test may damage."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


def _manifest(folder: Path, **entries: object) -> None:
    path = folder / "manifest.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(content | entries), encoding="utf-8")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no run": (lambda folder: (folder / "manifest.yaml").unlink(), "is not the folder of a run"),
    "still written": (lambda folder: _manifest(folder, state="running"), "still being written"),
    "newer": (lambda folder: _manifest(folder, format=99), "Update stream-evo"),
    "no front": (lambda folder: (folder / "pareto.json").unlink(), "cannot read"),
    "half a front": (lambda folder: (folder / "pareto.json").write_text("{"), "cannot read"),
    "other content": (lambda folder: (folder / "pareto.json").write_text("[]"), "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_folders_that_hold_no_finished_run(copy: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    change, phrase = DAMAGE[damage]
    change(copy)
    before = sorted(copy.rglob("*"))
    assert main(["export", str(copy), "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    assert phrase in err
    assert "Traceback" not in err
    assert out == ""
    assert sorted(copy.rglob("*")) == before


@pytest.mark.parametrize("words", [("missing",), ("missing", "-f", "csv")])
def test_folders_that_do_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert main(["export", str(tmp_path / words[0]), *words[1:]]) == 2
    assert capsys.readouterr().err


def test_unknown_formats_name_the_near_ones(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "-f", "perfeto"]) == 2
    assert "Did you mean perfetto" in capsys.readouterr().err
    with pytest.raises(UnknownNameError, match="markdown"):
        export(run, "Markdown")


@pytest.mark.parametrize("point", [-1, 10**6])
@pytest.mark.parametrize("name", FORMATS)
def test_points_that_do_not_exist(run: Path, name: str, point: int) -> None:
    with pytest.raises(InputError, match=f"no such point; expected a number from 0 to [0-9]+; found {point}"):
        export(run, name, point=point)


def test_an_empty_front(copy: Path) -> None:
    record = json.loads((copy / "pareto.json").read_text(encoding="utf-8"))
    (copy / "pareto.json").write_text(json.dumps(record | {"points": [], "hypervolume_reference": None}), encoding="utf-8")
    for name, kind in FORMATS.items():
        if kind.of_front is None:
            with pytest.raises(InputError, match="the front has no point"):
                export(copy, name)
        else:
            assert export(copy, name)
    assert export(copy, "csv").decode().count("\n") == 1
    assert json.loads(export(copy, "json"))["points"] == []
    assert "no feasible mapping was found" in export(copy, "markdown").decode()


def test_a_front_of_one_point(tmp_path: Path) -> None:
    network = save_network(tmp_path / "small.onnx", ["a", "b", "c"])
    result = stream_evo.optimize(network, "heterogeneous_quad", objectives=["energy"], population=4, generations=1)
    assert len(result) == 1
    assert all(export(result, name) for name in FORMATS)
    with pytest.raises(InputError, match="expected 0, the only one; found 1"):
        export(result, "yaml", point=1)


def test_a_network_that_changed_is_not_exported_under_the_old_numbers(tmp_path: Path) -> None:
    network = save_network(tmp_path / "small.onnx", ["a", "b", "c"])
    out = tmp_path / "run"
    stream_evo.optimize(network, "heterogeneous_quad", population=4, generations=1, out=out)
    save_network(network, ["a", "b", "d"])
    assert export(out, "csv")  # the numbers are in the folder
    with pytest.raises(RunFolderError, match="is not the one of the run"):
        export(out, "perfetto")


def test_targets_that_cannot_be_written(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is a folder"):
        export(run, "csv", tmp_path)
    with pytest.raises(RunFolderError, match="cannot write"):
        export(run, "csv", tmp_path / "missing" / "front.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(run: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match="cannot write"):
        export(run, "csv", tmp_path / "front.csv")


def test_a_file_is_replaced_whole(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "Datei mit Größe.csv"
    path.write_text("something longer than the front, " * 1000, encoding="utf-8")
    content = export(run, "csv", path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", FORMATS)
def test_the_command_writes_into_the_folder_of_the_run(copy: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["export", str(copy), "--format", name]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.parent == copy / "export"
    assert path.name.endswith(FORMATS[name].suffix)
    assert path.read_bytes() == export(copy, name)


def test_the_command_writes_where_it_is_told(run: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["export", str(run), "-f", "parquet", "-p", "0", "-o", str(tmp_path / "x.parquet")]) == 0
    assert (tmp_path / "x.parquet").read_bytes() == export(run, "parquet", point=0)
    capfdbinary.readouterr()
    assert main(["export", str(run), "-f", "markdown", "-o", "-"]) == 0
    assert capfdbinary.readouterr().out == export(run, "markdown")


def test_a_newer_run_is_not_continued(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _manifest(copy, format=99)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert main(["resume", str(copy)]) == 2
    assert "Update stream-evo" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_network_that_was_moved_is_said_where_it_is(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = yaml.safe_load((copy / "manifest.yaml").read_text(encoding="utf-8"))["settings"]
    (tmp_path / "moved").mkdir()
    moved = Path(shutil.copy(settings["network"], tmp_path / "moved"))
    _manifest(copy, settings=settings | {"network": str(tmp_path / "gone.onnx")})
    assert main(["export", str(copy), "-f", "csv"]) == 0  # a table needs no network
    for command in (["export", str(copy), "-f", "perfetto"], ["report", str(copy)]):
        capsys.readouterr()
        assert main(command) == 2
        assert "gone.onnx, is not there, seen from this folder. Say where it is: --network FILE" in capsys.readouterr().err
        assert main([*command, "--network", str(moved)]) == 0
        assert main([*command, "--network", "squeezenet"]) == 2
        assert "is not the one of the run" in capsys.readouterr().err


def test_a_file_in_a_folder_that_is_not_there(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "-f", "csv", "-o", str(tmp_path / "none" / "x.csv")]) == 2
    assert f"there is no folder {tmp_path / 'none'}" in capsys.readouterr().err
