"""Overhead of the search: one generation of an engine, one of the whole loop, one transaction of the archive.

Run with ``pytest tests/benchmarks/bench_search.py --benchmark-only``. Aims: `nsga2` at population 100 at most 2 ms a generation (ask, tell
and state).
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from stream_evo import registry
from stream_evo.evaluation import METRICS, Evaluation, Evaluator
from stream_evo.mapping import GenomeSpec
from stream_evo.operators import default_operators, generic_operators
from stream_evo.search import (
    Batch,
    BlockTable,
    Budget,
    EngineContext,
    EvaluationArchive,
    ProgressRow,
    SearchProblem,
    find_engine,
    optimize,
)
from stream_evo.search.testing import synthetic_problem
from stream_evo.typing import IntArray

_LAYERS, _CORES = 48, 8


@pytest.mark.parametrize("population", [100, 1000])
@pytest.mark.parametrize("operators", ["default", "generic"])
@pytest.mark.parametrize("name", ["nsga2", "nsga2:crowding", "deap:nsga2", "pymoo:NSGA2"])
def test_generation(benchmark: BenchmarkFixture, name: str, operators: str, population: int) -> None:
    if population == 1000 and name not in ("nsga2", "nsga2:crowding"):
        pytest.skip("too slow to be of interest")
    problem = synthetic_problem(_LAYERS, _CORES)
    chosen = default_operators() if operators == "default" else generic_operators()
    rng = np.random.default_rng(0)
    told: list[BlockTable] = []
    context = EngineContext(
        problem.evaluator.spec,
        3,
        population,
        chosen,
        rng,
        lambda genomes: np.zeros(len(genomes), dtype=bool),
        blocks=lambda: told[-1],
        sums=2,
    )
    engine = find_engine(name)(context)

    def scored() -> tuple[tuple[object, ...], dict[str, object]]:
        """Evaluate outside the clock; what is timed is a tell, the state after it that a run stores, and the next ask."""
        genomes = state["genomes"]
        scores = problem.evaluator.evaluate(genomes)
        table = BlockTable.of_evaluation(scores, scores.violation_bytes <= 0.0, _LAYERS)
        assert table is not None
        told[:] = [table.chosen(*problem.block_columns)]
        return (genomes, problem.objective_values(scores.metrics), scores.violation_bytes), {}

    def generation(genomes: object, objectives: object, violation: object) -> None:
        engine.tell(genomes, objectives, violation)  # type: ignore[arg-type]  # arrays, as scored gives them
        engine.state()
        state["genomes"] = engine.ask()

    state = {"genomes": engine.ask()}
    benchmark.pedantic(generation, setup=scored, rounds=40, warmup_rounds=5)


def test_loop(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """A whole search of 50 generations with archive; the evaluator itself takes about 2 ms of each."""
    rounds = iter(range(100))

    def run() -> None:
        optimize(
            synthetic_problem(_LAYERS, _CORES),
            operators=default_operators(),
            budget=Budget(generations=50),
            folder=tmp_path / str(next(rounds)),
        )

    benchmark.pedantic(run, rounds=3, warmup_rounds=1)


def test_share_of_the_evaluator(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """A search of ResNet-18 on the heterogeneous quad with archive, on two threads; aim: the evaluator has 80 % of its time."""
    evaluator = Evaluator(GenomeSpec(registry.load_network("resnet18"), registry.load_hardware("heterogeneous_quad")))
    evaluator.evaluate(evaluator.spec.lower[np.newaxis])  # compiles and makes tables
    timed = _Timed(evaluator)
    rounds = iter(range(100))

    def run() -> None:
        timed.seconds = 0.0
        begun = time.perf_counter()
        optimize(
            SearchProblem(timed, metrics=METRICS, objectives=METRICS[:3]),
            operators=default_operators(),
            budget=Budget(generations=20),
            workers=2,
            folder=tmp_path / str(next(rounds)),
        )
        benchmark.extra_info["evaluator_share"] = timed.seconds / (time.perf_counter() - begun)

    benchmark.pedantic(run, rounds=2)
    assert benchmark.extra_info["evaluator_share"] >= 0.8


class _Timed:
    """An evaluator that knows how long it worked."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.spec = evaluator.spec
        self.seconds = 0.0

    def evaluate(self, genomes: IntArray, workers: int = 1) -> Evaluation:
        begun = time.perf_counter()
        result = self._evaluator.evaluate(genomes, workers)
        self.seconds += time.perf_counter() - begun
        return result


def test_transaction(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Two hundred evaluations into the archive."""
    upper = np.full(150, 7)
    rng = np.random.default_rng(0)
    genomes, metrics = rng.integers(0, 8, size=(200, 150)), rng.random((200, 5))
    with EvaluationArchive.create(tmp_path, upper=upper, metrics=tuple("abcde"), fingerprint={}) as archive:
        generations = iter(range(1, 10_000))

        def append() -> None:
            generation = next(generations)
            archive.append(
                Batch(ProgressRow(generation, 200 * generation, 1, 0.5), True, genomes, metrics, metrics[:, 0]), {"genomes": genomes}
            )

        benchmark.pedantic(append, rounds=100, warmup_rounds=5)
