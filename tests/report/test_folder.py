"""The run folder: claimed once, written whole, left clean."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream_evo.errors import RunFolderError
from stream_evo.report import MANIFEST, RunFolder, write_atomic


def test_claim_writes_a_manifest_that_reads_back(tmp_path: Path) -> None:
    manifest = {"state": "running", "settings": {"seed": 3, "network": "größe"}}
    folder = RunFolder.claim(tmp_path / "a" / "b", manifest)
    assert folder.manifest() == manifest
    assert RunFolder.open(folder.path).manifest() == manifest


@pytest.mark.parametrize("name", ["manifest.yaml", "pareto.csv", "evaluations.sqlite", "mappings"])
def test_a_folder_with_another_run_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir() if name == "mappings" else (tmp_path / name).write_text("kept")
    with pytest.raises(RunFolderError, match=f"holds another run \\({name}\\)"):
        RunFolder.claim(tmp_path, {})
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_foreign_files_are_no_obstacle_and_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    folder = RunFolder.claim(tmp_path, {})
    folder.write("mappings/point_000.yaml", "x: 1\n")
    folder.discard()
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_discard_removes_the_folder_it_made(tmp_path: Path) -> None:
    folder = RunFolder.claim(tmp_path / "run", {})
    folder.write("pareto.csv", "point\n")
    folder.discard()
    assert not (tmp_path / "run").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RunFolderError, match="is a file, not a folder"):
        RunFolder.check_free(tmp_path / "out")


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(RunFolderError, match="Choose another --out"):
        RunFolder.claim(tmp_path / "file" / "run", {})


def test_atomic_write_replaces_whole_and_leaves_no_temporary(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    write_atomic(target, "old")
    write_atomic(target, b"new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_failed_write_keeps_the_old_file_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "table.csv"
    write_atomic(target, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stream_evo.report._folder.os.fsync", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        write_atomic(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("content", ["- a list\n", "[unclosed", "text"])
def test_a_foreign_manifest_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(RunFolderError, match="manifest"):
        RunFolder.open(tmp_path).manifest()


def test_open_refuses_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not the folder of a run"):
        RunFolder.open(tmp_path)


def test_what_is_no_file_is_written_to_and_a_link_stays_one(tmp_path: Path) -> None:
    """``-o /dev/stdout`` must not put a file in the place of the device."""
    pipe, link, target = (tmp_path / name for name in ("pipe", "link", "target"))
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomic(pipe, "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert pipe.is_fifo()
    code = "from pathlib import Path; from stream_evo.report import write_atomic; write_atomic(Path('/dev/stdout'), 'out')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"out"
    link.symlink_to(target)
    write_atomic(link, "behind")
    assert link.is_symlink()
    assert target.read_text() == "behind"
