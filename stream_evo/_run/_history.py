"""How a run came about, from the archive in its folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream_evo.search import ARCHIVE_NAME, EvaluationArchive, LeastInfeasible, ProgressRow, SearchProblem
from stream_evo.typing import FloatArray

__all__ = ["RunHistory", "read_history"]


@dataclass(frozen=True, slots=True, eq=False)
class RunHistory:
    """What the archive of a run tells.

    Attributes:
        rows: Where the search stood after each generation.
        best: Least value of each objective among feasible genomes after each generation, shape ``(generations, F)``; infinite before the
            first.
        least_infeasible: The infeasible genome that misses by the least; ``None`` if there is none.
    """

    rows: tuple[ProgressRow, ...]
    best: FloatArray
    least_infeasible: LeastInfeasible | None


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """Yield `folder`, or a copy of its archive where nothing can be written, as in a share of others' runs: SQLite writes even to read."""
    if os.access(folder, os.W_OK):
        yield folder
        return
    with tempfile.TemporaryDirectory() as copy:
        for file in folder.glob(f"{ARCHIVE_NAME}*"):
            shutil.copyfile(file, Path(copy) / file.name)
        yield Path(copy)


def read_history(folder: Path, problem: SearchProblem) -> RunHistory | None:
    """Return what the archive of `folder` tells, a run of `problem`; ``None`` if there is no archive.

    Raises:
        RunFolderError: it is damaged or of another version.
    """
    with _place(folder) as place:
        return _history(place, problem) if EvaluationArchive.exists(place) else None


def _history(folder: Path, problem: SearchProblem) -> RunHistory:
    rows, best = [], []
    least, missing = None, np.inf
    with EvaluationArchive.read(folder) as archive:
        for batch in archive.batches():
            rows.append(batch.row)
            violation = problem.violation(batch.metrics, batch.violation)
            values = problem.objective_values(batch.metrics)[violation <= 0.0]
            best.append(values.min(axis=0, initial=np.inf))
            misses = np.where(violation > 0.0, violation, np.inf)
            if misses.size and misses.min() < missing:
                at = int(misses.argmin())
                missing, bytes_over = float(misses[at]), float(batch.violation[at])
                least = LeastInfeasible(batch.genomes[at], batch.metrics[at], bytes_over, problem.missed(batch.metrics[at], bytes_over))
    series = np.minimum.accumulate(np.array(best).reshape(len(best), len(problem.objectives)), axis=0)
    return RunHistory(tuple(rows), series, least)
