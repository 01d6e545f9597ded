"""Everything a run has evaluated, on disk as it comes, and the engine's last state.

One SQLite file per run. Each generation is one transaction: its evaluations as one compressed blob, its line of progress, and the state
from which the engine continues. Write-ahead logging makes that atomic at any moment of a kill and costs 1 ms per hundred evaluations.
The file holds no times of day and no durations, so equal runs hold equal contents (`EvaluationArchive.digest`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from stream_evo.errors import RunFolderError
from stream_evo.search._blocks import BlockTable
from stream_evo.search._codec import pack_batch, pack_state, unpack_batch, unpack_state
from stream_evo.search._contracts import EngineState
from stream_evo.typing import FloatArray, IntArray

__all__ = ["ARCHIVE_NAME", "Batch", "EvaluationArchive", "ProgressRow"]

ARCHIVE_NAME = "evaluations.sqlite"
_APPLICATION = 0x5EA0E701  # marks the file as ours, see PRAGMA application_id
_SCHEMA = 3
_DAMAGED = "Restore it from a copy, or do the run again in another folder"
_TABLES = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE generations (generation INTEGER PRIMARY KEY, complete INTEGER NOT NULL, evaluations INTEGER NOT NULL,
    front_size INTEGER NOT NULL, hypervolume REAL NOT NULL, count INTEGER NOT NULL, batch BLOB NOT NULL)""",
    "CREATE TABLE checkpoint (only INTEGER PRIMARY KEY CHECK (only = 1), generation INTEGER NOT NULL, state BLOB NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """Where the search stood after one generation.

    Attributes:
        generation: From 1.
        evaluations: Genomes evaluated so far.
        front_size: Points on the front.
        hypervolume: Share of the reference box that the front dominates; 0 as long as nothing feasible is known.
    """

    generation: int
    evaluations: int
    front_size: int
    hypervolume: float


@dataclass(frozen=True, slots=True)
class Batch:
    """What one generation evaluated.

    Attributes:
        row: Where the search stood then.
        complete: False for the last batch of a budget that ended inside a generation: the engine was not told.
        genomes: Canonical genomes, int64 (P, V).
        metrics: All metrics, float64 (P, M).
        violation: Violation in bytes, float64 (P,).
        blocks: Blocks of the genomes that fit the chip; ``None`` if the evaluator does not know them.
    """

    row: ProgressRow
    complete: bool
    genomes: IntArray
    metrics: FloatArray
    violation: FloatArray
    blocks: BlockTable | None = None


class EvaluationArchive:
    """The archive of one run, open for reading and appending; a context manager.

    Made by `create`, `resume` or `read`.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, facts: Mapping[str, str]) -> None:
        self._path = path
        self._connection = connection
        self._facts = dict(facts)
        self._genes = int(facts["genes"])
        self._columns = len(json.loads(facts["metrics"]))
        self._gene_type = np.dtype(facts["gene_type"])

    @classmethod
    def create(cls, folder: Path, *, upper: IntArray, metrics: tuple[str, ...], fingerprint: Mapping[str, str]) -> Self:
        """Start an archive in `folder`, which is made if it is missing.

        Args:
            folder: The run folder.
            upper: Largest value of each gene (V,); decides how narrowly genes are stored.
            metrics: Names of the metrics.
            fingerprint: What must be equal for the run to be continued.

        Raises:
            RunFolderError: The folder holds a run already, or cannot be written.
        """
        path = folder / ARCHIVE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held = path.exists() and path.stat().st_size > 0
        except OSError as error:
            raise RunFolderError(f"{folder} cannot be used as a run folder: {error.strerror}") from error
        gene_type = np.result_type(np.min_scalar_type(int(upper.max(initial=0))), np.uint8)
        facts = {
            "genes": str(len(upper)),
            "gene_type": gene_type.newbyteorder("<").str,
            "metrics": json.dumps(list(metrics)),
            "fingerprint": json.dumps(dict(fingerprint), sort_keys=True),
        }
        if held and _started(path):
            raise RunFolderError(f"{folder} holds another run ({ARCHIVE_NAME}); resume it or choose another folder")
        with _disk(path):
            connection = _connect(path)
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                connection.execute(statement)
            connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_SCHEMA}")
            connection.execute("COMMIT")
        return cls(path, connection, facts)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Open the archive of `folder`, whatever run it belongs to.

        Raises:
            RunFolderError: There is none, it is damaged or not one of ours, or it was written by another version.
        """
        path = folder / ARCHIVE_NAME
        if not path.is_file() or not _started(path):
            raise RunFolderError(f"{folder} holds no run ({ARCHIVE_NAME} is missing or empty)")
        with _disk(path), ExitStack() as on_failure:
            connection = _connect(path)
            on_failure.callback(connection.close)
            archive = cls(path, connection, _facts(connection))
            on_failure.pop_all()
        return archive

    @classmethod
    def resume(cls, folder: Path, fingerprint: Mapping[str, str]) -> Self:
        """Open the archive of `folder` to continue its run.

        Raises:
            RunFolderError: As `read`, or the run was about something else; the error says what changed.
        """
        archive = cls.read(folder)
        held = archive.fingerprint
        changed = [
            "{} (was {}, now {})".format(name, *_different(held.get(name, "absent"), fingerprint.get(name, "absent")))
            for name in sorted({*held, *fingerprint})
            if held.get(name) != fingerprint.get(name)
        ]
        if changed:
            archive.close()
            raise RunFolderError(
                f"{folder} cannot be continued, these changed since: {'; '.join(changed)}. "
                "Put them back as they were, or start another run in another folder"
            )
        return archive

    @staticmethod
    def exists(folder: Path) -> bool:
        """Return whether `folder` holds a run; a file whose making was interrupted does not count."""
        path = folder / ARCHIVE_NAME
        return path.is_file() and _started(path)

    @property
    def fingerprint(self) -> dict[str, str]:
        """What the run is about."""
        return dict(json.loads(self._facts["fingerprint"]))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, in column order."""
        return tuple(json.loads(self._facts["metrics"]))

    def append(self, batch: Batch, state: EngineState | None) -> None:
        """Store one generation and the state after it, all or nothing.

        Args:
            batch: The generation; an incomplete one is replaced when it is stored again.
            state: What the search continues from; ``None`` leaves the last state in place.

        Raises:
            RunFolderError: The disk is full or gone, or another process continues the same run. All earlier generations are safe.
        """
        row = batch.row
        blob = pack_batch(batch.genomes, batch.metrics, batch.violation, batch.blocks, self._gene_type)
        packed = None if state is None else pack_state(state)
        with _disk(self._path), self._transaction():
            last, complete = self._connection.execute(
                "SELECT generation, complete FROM generations ORDER BY generation DESC LIMIT 1"
            ).fetchone() or (0, 1)
            if row.generation != last + complete:
                raise RunFolderError(
                    f"another process continues the run in {self._path.parent}; its generation {last} is stored already. "
                    "Wait until it has ended"
                )
            self._connection.execute(
                "INSERT OR REPLACE INTO generations VALUES (?, ?, ?, ?, ?, ?, ?)",
                (row.generation, int(batch.complete), row.evaluations, row.front_size, row.hypervolume, len(batch.genomes), blob),
            )
            if packed is not None:
                self._connection.execute("INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?)", (row.generation, packed))

    def batches(self, after: int = 0) -> Iterator[Batch]:
        """Yield all generations in order, or those after one of them.

        Raises:
            RunFolderError: A batch is damaged or missing.
        """
        columns = "generation, evaluations, front_size, hypervolume, complete, count, batch"
        query = f"SELECT {columns} FROM generations WHERE generation > ? ORDER BY generation"  # noqa: S608  # columns from the line above
        with _disk(self._path):
            for number, (*row, complete, count, blob) in enumerate(self._connection.execute(query, (after,)), start=after + 1):
                if row[0] != number:
                    raise ValueError(f"generation {number} is missing")
                yield Batch(ProgressRow(*row), bool(complete), *unpack_batch(blob, count, self._genes, self._columns, self._gene_type))

    def checkpoint(self) -> EngineState | None:
        """Return the last stored state, ``None`` before the first.

        Raises:
            RunFolderError: It is damaged, or belongs to a generation whose successors or whose own evaluations are missing.
        """
        with _disk(self._path):
            found = self._connection.execute("SELECT generation, state FROM checkpoint").fetchone()
            if found is None:
                return None
            (last,) = self._connection.execute("SELECT max(generation) FROM generations WHERE complete").fetchone()
            if found[0] != last:
                raise ValueError(f"the stored state is that after generation {found[0]}, the last one stored is {last}")
            return unpack_state(found[1])

    def digest(self) -> str:
        """Return the SHA-256 of all contents, as hexadecimal digits; equal for equal runs, however often they were interrupted."""
        digest = hashlib.sha256()
        with _disk(self._path):
            for table, order in (("facts", "name"), ("generations", "generation"), ("checkpoint", "only")):
                for row in self._connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608  # names from the line above
                    for value in row:
                        data = value if isinstance(value, bytes) else repr(value).encode()
                        digest.update(len(data).to_bytes(8, "little") + data)
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            # Also after Ctrl-C: whatever was not committed is undone.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _different(was: str, now: str, width: int = 60) -> tuple[str, str]:
    """Return both texts, cut to where they begin to differ: settings of operators fill a page."""
    if max(len(was), len(now)) <= width:
        return was, now
    same = next((place for place, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    begin = max(0, same - width // 2)
    parts = [("..." if begin else "") + text[begin : begin + width] + ("..." if len(text) > begin + width else "") for text in (was, now)]
    return parts[0], parts[1]


def _connect(path: Path) -> sqlite3.Connection:
    connection = _opened(path)
    if _frozen(path):
        return connection
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    if _frozen(path):
        return sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, isolation_level=None)
    return sqlite3.connect(path, isolation_level=None, timeout=10.0)


def _frozen(path: Path) -> bool:
    """Return True for a file that nobody can write to: SQLite would ask for a log beside it, which cannot be made and is not needed."""
    log = path.with_name(f"{path.name}-wal")
    return path.exists() and not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)


def _facts(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what is written about the run.

    Raises:
        ValueError: The file is damaged.
        TypeError: What is written is not of its form.
    """
    (healthy,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if healthy != "ok":
        raise ValueError(healthy)
    facts = dict(connection.execute("SELECT name, value FROM facts"))
    if not isinstance(json.loads(facts["fingerprint"]), dict):
        raise TypeError("its fingerprint is no mapping")
    return facts


def _started(path: Path) -> bool:
    """Return whether the file holds an archive.

    Raises:
        RunFolderError: It holds something else, or an archive of another version.
    """
    with _disk(path):
        connection = _opened(path)
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    if tables == 0:
        return False
    if application != _APPLICATION:
        raise RunFolderError(f"{path} is not an archive of evaluations")
    if version != _SCHEMA:
        raise RunFolderError(f"{path} was written in format {version}; this version reads format {_SCHEMA}")
    return True


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn what can go wrong with the file into one kind of error."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Without a code, the text itself could not be read.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # the rest says where in SQLite
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            raise RunFolderError(f"{path} is damaged or no archive of evaluations: {error}. {_DAMAGED}") from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise RunFolderError(f"{path} is in use by another process: {error}. Wait until it has ended, then resume") from error
        raise RunFolderError(
            f"{path} cannot be used: {error}. What was stored before is safe: free space or make the folder writable, then resume"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise RunFolderError(f"{path} is damaged: {what}. {_DAMAGED}") from error
