"""Problems, runs and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import moocore
import numpy as np
from baselines import agemoea2, annealing, default, generic_nsga2, layer_core_ga, random_search, smsemoa
from contender import Contender

from stream_evo import registry
from stream_evo.evaluation import METRICS, Evaluator
from stream_evo.mapping import GenomeSpec
from stream_evo.problems import PROBLEMS, Problem
from stream_evo.report import write_atomic
from stream_evo.search import Budget, EvaluationArchive, SearchProblem, hypervolume, nondominated, optimize
from stream_evo.typing import FloatArray, IntArray

__all__ = ["CONTENDERS", "RESULTS", "TIERS", "Bench", "Trace", "keep", "objectives_of", "read_results"]

CONTENDERS: Final = {
    contender.name: contender
    for contender in (module.CONTENDER for module in (default, generic_nsga2, smsemoa, agemoea2, layer_core_ga, annealing, random_search))
}
TIERS: Final = (1_000, 5_000, 20_000, 100_000)
RESULTS: Final = Path(__file__).parent / "results"
_MARKS_PER_DECADE = 40


@dataclass(frozen=True)
class Bench:
    """One problem, ready to be searched."""

    problem: Problem

    @cached_property
    def search_problem(self) -> SearchProblem:
        """The problem as the search takes it; tables of costs are made on first use."""
        spec = GenomeSpec(registry.load_network(self.problem.network), registry.load_hardware(self.problem.hardware))
        return SearchProblem(Evaluator(spec), metrics=METRICS, objectives=self.problem.metrics)

    def search(self, contender: Contender, seed: int, evaluations: int, folder: Path) -> None:
        """Search until `evaluations` are in the folder's archive; continues what is there, to what an unbroken search would hold.

        Raises:
            RunFolderError: the archive belongs to another study, or the disk is full.
        """
        if folder.is_dir() and _held(folder) >= evaluations:
            return
        folder.mkdir(parents=True, exist_ok=True)
        problem = self.search_problem
        optimize(
            problem,
            operators=contender.operators(problem.evaluator),  # type: ignore[arg-type]  # the evaluator is the one made above
            budget=Budget(evaluations=evaluations),
            engine=contender.engine,
            population=contender.population,
            seed=seed,
            folder=folder,
            resume=True,
        )


def _held(folder: Path) -> int:
    """Return how many evaluations the archive in a folder holds."""
    if not EvaluationArchive.exists(folder):
        return 0
    with EvaluationArchive.read(folder) as archive:
        return max((batch.row.evaluations for batch in archive.batches()), default=0)


def objectives_of(folder: Path, metrics: tuple[str, ...]) -> tuple[IntArray, FloatArray]:
    """Return genomes (N, V) and objectives (N, F) of a run in their order; objectives of infeasible genomes are infinite."""
    with EvaluationArchive.read(folder) as archive:
        columns = [archive.metrics.index(name) for name in metrics]
        batches = [
            (batch.genomes, np.where(batch.violation[:, None] > 0.0, np.inf, batch.metrics[:, columns])) for batch in archive.batches()
        ]
    if not batches:
        return np.empty((0, 0), dtype=np.int64), np.empty((0, len(metrics)))
    genomes, objectives = zip(*batches, strict=True)
    return np.concatenate(genomes), np.concatenate(objectives)


@dataclass(frozen=True, eq=False)
class Trace:
    """What is kept of one run.

    Attributes:
        evaluations: Numbers of evaluations, ascending, 40 a decade, (M,).
        hypervolume: Hypervolume of the front after each, as share of the box between the origin and the problem's reference point, (M,).
        fronts: Tier -> objectives of the front after it, (P, F); stored in single precision.
    """

    evaluations: IntArray
    hypervolume: FloatArray
    fronts: dict[int, FloatArray]

    @classmethod
    def of(cls, objectives: FloatArray, reference: FloatArray) -> Trace:
        """Return the trace of all evaluations (N, F) of a run, in their order."""
        marks = sorted({*_marks(len(objectives)), *(tier for tier in TIERS if tier <= len(objectives)), len(objectives)})
        front = objectives[:0]
        values: list[float] = []
        fronts: dict[int, FloatArray] = {}
        start = 0
        for mark in marks:
            new = objectives[start:mark]
            united = np.concatenate([front, new[np.isfinite(new).all(axis=1)]])
            front, start = united[nondominated(united)], mark
            values.append(hypervolume(front, reference))
            if mark in TIERS:
                fronts[mark] = front
        return cls(np.array(marks, dtype=np.int64), np.array(values), fronts)

    def at(self, evaluations: int) -> float:
        """Hypervolume after so many evaluations; not a number where the run did not get there."""
        found = np.flatnonzero(self.evaluations == evaluations)
        return float(self.hypervolume[found[0]]) if found.size else float("nan")

    def needed(self, target: float) -> float:
        """Evaluations until the hypervolume was at least `target`; infinite if it never was."""
        reached = np.flatnonzero(self.hypervolume >= target)
        return float(self.evaluations[reached[0]]) if reached.size else float("inf")


def _marks(evaluations: int) -> Iterator[int]:
    power = 2 * _MARKS_PER_DECADE
    while (mark := round(10 ** (power / _MARKS_PER_DECADE))) <= evaluations:
        yield mark
        power += 1


def _file(results: Path, problem: str, contender: str) -> Path:
    return results / problem / f"{contender}.npz"


def keep(results: Path, problem: str, contender: str, seed: int, trace: Trace) -> None:
    """Store a trace beside those of other seeds."""
    traces = {**read_results(results, problem, contender), seed: trace}
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
    for number, each in sorted(traces.items()):
        arrays |= {f"{number}.evaluations": each.evaluations.astype(np.int32), f"{number}.hypervolume": each.hypervolume}
        arrays |= {f"{number}.front.{tier}": front.astype(np.float32) for tier, front in each.fronts.items()}
    path = _file(results, problem, contender)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, _npz(arrays), durable=False)


def _npz(arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> bytes:
    import io  # noqa: PLC0415  # used here only

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # NumPy's stubs take allow_pickle for one of the arrays
    return buffer.getvalue()


def read_results(results: Path, problem: str, contender: str) -> dict[int, Trace]:
    """Return the stored traces by seed."""
    path = _file(results, problem, contender)
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    seeds = sorted({int(name.partition(".")[0]) for name in arrays})
    return {
        seed: Trace(
            arrays[f"{seed}.evaluations"].astype(np.int64),
            arrays[f"{seed}.hypervolume"],
            {int(name.rpartition(".")[2]): array.astype(np.float64) for name, array in arrays.items() if name.startswith(f"{seed}.front.")},
        )
        for seed in seeds
    }


def bench(name: str) -> Bench:
    """Return the problem called `name`."""
    return Bench(PROBLEMS[name])


def volume(points: FloatArray, reference: FloatArray) -> float:
    """Hypervolume in the product of the objectives' units."""
    return float(moocore.hypervolume(points, ref=reference))
