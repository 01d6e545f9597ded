"""How a run came about, from the archive in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream_evo.search import EvaluationArchive, LeastInfeasible, ProgressRow, SearchProblem
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


def read_history(folder: Path, problem: SearchProblem) -> RunHistory:
    """Read the archive of `folder`, a run of `problem`.

    Raises:
        RunFolderError: there is no archive, or it is damaged or of another version.
    """
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
