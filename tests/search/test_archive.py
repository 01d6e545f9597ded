"""The archive on disk: what it keeps, what it refuses, what it survives."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream_evo.errors import RunFolderError
from stream_evo.search import ARCHIVE_NAME, Batch, EvaluationArchive, ProgressRow

_UPPER = np.array([3, 300, 1])
_FACTS = {"network": "n1", "hardware": "h1"}


def _create(folder: Path, **changes: Any) -> EvaluationArchive:
    given: dict[str, Any] = {"upper": _UPPER, "metrics": ("a", "b"), "fingerprint": _FACTS} | changes
    return EvaluationArchive.create(folder, **given)


def _batch(generation: int, count: int = 5, *, complete: bool = True) -> Batch:
    rng = np.random.default_rng(generation)
    row = ProgressRow(generation, generation * count, 2, generation / 10)
    return Batch(row, complete, rng.integers(0, _UPPER + 1, size=(count, 3)), rng.random((count, 2)), rng.random(count))


def _same(a: Batch, b: Batch) -> bool:
    return (
        a.row == b.row
        and a.complete == b.complete
        and np.array_equal(a.genomes, b.genomes)
        and np.array_equal(a.metrics, b.metrics)
        and np.array_equal(a.violation, b.violation)
    )


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    with _create(tmp_path / "new" / "run") as archive:
        assert archive.checkpoint() is None
        for generation in (1, 2):
            archive.append(_batch(generation), {"generation": generation, "numbers": np.arange(generation)})
    with EvaluationArchive.resume(tmp_path / "new" / "run", _FACTS) as archive:
        assert archive.metrics == ("a", "b")
        assert all(_same(found, _batch(found.row.generation)) for found in archive.batches())
        state = archive.checkpoint()
        assert state is not None
        assert state["generation"] == 2
        assert state["numbers"].tolist() == [0, 1]
    # One file: the log is folded in when the archive is closed.
    assert [path.name for path in (tmp_path / "new" / "run").iterdir()] == [ARCHIVE_NAME]


def test_an_incomplete_batch_is_replaced_and_keeps_the_state_before(tmp_path: Path) -> None:
    with _create(tmp_path) as archive:
        archive.append(_batch(1), {"generation": 1})
        archive.append(_batch(2, 3, complete=False), None)
        assert archive.checkpoint() == {"generation": 1}
        archive.append(_batch(2), {"generation": 2})
        assert [(found.row.generation, found.complete, len(found.genomes)) for found in archive.batches()] == [(1, True, 5), (2, True, 5)]


def test_equal_contents_have_equal_digests(tmp_path: Path) -> None:
    digests = []
    for name, sessions in (("one", [[1, 2, 3]]), ("many", [[1], [2], [3]])):
        _create(tmp_path / name).close()
        for session in sessions:
            with EvaluationArchive.read(tmp_path / name) as archive:
                for generation in session:
                    archive.append(_batch(generation), {"generation": generation})
                digest = archive.digest()
        digests.append(digest)
    assert digests[0] == digests[1]
    with EvaluationArchive.read(tmp_path / "one") as archive:
        archive.append(_batch(4), None)
        assert archive.digest() != digests[0]


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path: Path) -> None:
    _create(tmp_path).close()
    with pytest.raises(RunFolderError, match="holds another run"):
        _create(tmp_path)


def test_a_changed_setting_is_named(tmp_path: Path) -> None:
    _create(tmp_path).close()
    with pytest.raises(RunFolderError, match=r"these changed since: hardware \(was h1, now h2\)\. Put them back as they were"):
        EvaluationArchive.resume(tmp_path, _FACTS | {"hardware": "h2"})
    with pytest.raises(RunFolderError, match=r"network \(was n1, now absent\)"):
        EvaluationArchive.resume(tmp_path, {"hardware": "h1"})


def test_a_missing_or_empty_archive_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds no run"):
        EvaluationArchive.read(tmp_path)
    (tmp_path / ARCHIVE_NAME).touch()  # a run that was killed before its first transaction
    assert not EvaluationArchive.exists(tmp_path)
    with pytest.raises(RunFolderError, match="holds no run"):
        EvaluationArchive.read(tmp_path)
    _create(tmp_path).close()
    assert EvaluationArchive.exists(tmp_path)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / ARCHIVE_NAME).write_bytes(b"point,latency_cycles\n" * 100)
    with pytest.raises(RunFolderError, match="not a database"):
        EvaluationArchive.read(tmp_path)
    with pytest.raises(RunFolderError, match="not a database"):
        _create(tmp_path)


def test_a_foreign_database_is_told(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / ARCHIVE_NAME)
    connection.execute("CREATE TABLE other (x)")
    connection.commit()
    connection.close()
    with pytest.raises(RunFolderError, match="not an archive of evaluations"):
        EvaluationArchive.read(tmp_path)


def test_another_format_is_told(tmp_path: Path) -> None:
    _create(tmp_path).close()
    connection = sqlite3.connect(tmp_path / ARCHIVE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RunFolderError, match="format 99; this version reads format 3"):
        EvaluationArchive.read(tmp_path)


def test_a_truncated_file_is_told(tmp_path: Path) -> None:
    with _create(tmp_path) as archive:
        for generation in range(1, 30):
            archive.append(_batch(generation, 200), {"generation": generation})
    path = tmp_path / ARCHIVE_NAME
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(RunFolderError, match=r"damaged|malformed"):
        EvaluationArchive.read(tmp_path)


def test_a_damaged_batch_is_told(tmp_path: Path) -> None:
    with _create(tmp_path) as archive:
        archive.append(_batch(1), None)
    connection = sqlite3.connect(tmp_path / ARCHIVE_NAME)
    connection.execute("UPDATE generations SET batch = x'00'")
    connection.commit()
    connection.close()
    with EvaluationArchive.read(tmp_path) as archive, pytest.raises(RunFolderError, match="damaged batch"):
        list(archive.batches())


def _change(folder: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(folder / ARCHIVE_NAME)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM facts WHERE name = 'genes'", "is damaged: 'genes'"),
        ("UPDATE facts SET value = 'many' WHERE name = 'genes'", "is damaged: invalid literal"),
        ("UPDATE facts SET value = '[1' WHERE name = 'fingerprint'", "is damaged: Expecting"),
        ("UPDATE facts SET value = '[1]' WHERE name = 'fingerprint'", "is damaged: its fingerprint is no mapping"),
        ("UPDATE facts SET value = '[\"a\"]' WHERE name = 'metrics'", "is damaged: a batch of 5 genomes needs"),
        ("UPDATE generations SET batch = 'text'", "is damaged: a bytes-like object is required"),
        ("UPDATE generations SET count = 9999999999", "is damaged: a batch of 9999999999 genomes needs"),
        ("DELETE FROM generations WHERE generation = 2", "is damaged: generation 2 is missing"),
        (
            "DELETE FROM generations WHERE generation = 3",
            "is damaged: the stored state is that after generation 3, the last one stored is 2",
        ),
        ("UPDATE checkpoint SET state = x'00'", "is damaged: damaged checkpoint"),
        ("DROP TABLE checkpoint", "is damaged or no archive of evaluations: no such table"),
    ],
)
def test_a_damaged_archive_is_told_with_the_way_out(tmp_path: Path, statement: str, said: str) -> None:
    with _create(tmp_path) as archive:
        for generation in (1, 2, 3):
            archive.append(_batch(generation), {"generation": generation})
    _change(tmp_path, statement)
    with pytest.raises(RunFolderError, match=said) as caught:  # noqa: PT012, SIM117  # opening may tell it already
        with EvaluationArchive.read(tmp_path) as archive:
            list(archive.batches())
            archive.checkpoint()
    assert "Restore it from a copy, or do the run again in another folder" in str(caught.value)


@pytest.mark.parametrize("size", [15, 50, 100, 1024, 4096, 8192])
def test_a_file_cut_anywhere_is_told(tmp_path: Path, size: int) -> None:
    with _create(tmp_path) as archive:
        archive.append(_batch(1), {"generation": 1})
    path = tmp_path / ARCHIVE_NAME
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(RunFolderError, match="is damaged or no archive of evaluations"):
        EvaluationArchive.read(tmp_path)


def test_flipped_bytes_are_told_or_do_no_harm(tmp_path: Path) -> None:
    with _create(tmp_path) as archive:
        for generation in (1, 2, 3):
            archive.append(_batch(generation), {"generation": generation})
        facts = archive.fingerprint
    path = tmp_path / ARCHIVE_NAME
    sound = path.read_bytes()
    rng = np.random.default_rng(8)
    told = 0
    for _ in range(150):
        damaged = np.frombuffer(sound, dtype=np.uint8).copy()
        places = rng.integers(0, len(sound), size=rng.choice([1, 8, 64]))
        damaged[places] ^= rng.integers(1, 256, size=len(places), dtype=np.uint8)
        path.write_bytes(damaged.tobytes())
        try:
            with EvaluationArchive.resume(tmp_path, facts) as archive:
                found = list(archive.batches())
                state = archive.checkpoint()
        except RunFolderError:
            told += 1
            continue
        for batch in found:  # numbers of the progress alone are not secured
            whole = _batch(batch.row.generation)
            assert np.array_equal(batch.genomes, whole.genomes)
            assert np.array_equal(batch.metrics, whole.metrics)
        assert state is None or state == {"generation": 3}
    assert told > 50


def test_a_folder_that_nobody_may_write_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _create(tmp_path) as archive:
        archive.append(_batch(1), {"generation": 1})
    monkeypatch.setattr("stream_evo.search._archive.os.access", lambda *_: False)
    with EvaluationArchive.read(tmp_path) as archive:
        assert _same(next(iter(archive.batches())), _batch(1))
        with pytest.raises(RunFolderError, match="make the folder writable, then resume"):
            archive.append(_batch(2), {"generation": 2})
    assert [path.name for path in tmp_path.iterdir()] == [ARCHIVE_NAME]


def test_only_the_different_part_of_a_long_setting_is_shown(tmp_path: Path) -> None:
    long = "x" * 500
    _create(tmp_path, fingerprint={"operators": f"{long}(rate=0.2){long}"}).close()
    with pytest.raises(RunFolderError, match=r"operators \(was \.\.\.x+\(rate=0\.2\)x+\.\.\., now \.\.\.x+\(rate=0\.3\)x+\.\.\.\)\."):
        EvaluationArchive.resume(tmp_path, {"operators": f"{long}(rate=0.3){long}"})


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunFolderError, match="cannot be used as a run folder"):
        _create(tmp_path / "file" / "run")


def test_two_processes_cannot_continue_one_run(tmp_path: Path) -> None:
    _create(tmp_path).close()
    with EvaluationArchive.read(tmp_path) as one, EvaluationArchive.read(tmp_path) as other:
        one.append(_batch(1), None)
        with pytest.raises(RunFolderError, match="another process continues the run"):
            other.append(_batch(1), None)
        one.append(_batch(2), None)


def test_a_full_disk_loses_nothing_stored_before(tmp_path: Path) -> None:
    # A process whose files may not grow beyond 600 kB meets the limit in the middle of a transaction.
    script = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_archive import _batch, _create
from stream_evo.errors import RunFolderError
from pathlib import Path
archive = _create(Path({str(tmp_path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
try:
    for generation in range(1, 1000):
        archive.append(_batch(generation, 100), {{"generation": generation}})
except RunFolderError as error:
    assert "What was stored before is safe" in str(error)
    sys.exit(generation)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    failed = done.returncode
    assert failed > 20, done.stderr
    with EvaluationArchive.resume(tmp_path, _FACTS) as archive:
        stored = list(archive.batches())
        assert [batch.row.generation for batch in stored] == list(range(1, failed))
        assert all(_same(batch, _batch(batch.row.generation, 100)) for batch in stored)
        assert archive.checkpoint() == {"generation": failed - 1}
        archive.append(_batch(failed, 100), {"generation": failed})
