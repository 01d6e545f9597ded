"""The loop: budgets, determinism, one evaluation per genome, what it reports."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream_evo.errors import InputError, PluginError, RunFolderError, UnknownNameError
from stream_evo.operators import default_operators, generic_operators
from stream_evo.search import (
    ARCHIVE_NAME,
    Budget,
    EngineContext,
    EvaluationArchive,
    Progress,
    SearchProblem,
    SearchResult,
    StopReason,
    nondominated,
    optimize,
)
from stream_evo.search._codec import pack_state
from stream_evo.search.testing import SyntheticEvaluator, SyntheticSpec, synthetic_problem
from stream_evo.typing import IntArray

_Search = Callable[..., SearchResult]


def _bytes(result: SearchResult) -> tuple[bytes, bytes, bytes]:
    return result.front.genomes.tobytes(), result.front.objectives.tobytes(), result.front.metrics.tobytes()


def test_the_front_is_what_was_evaluated_and_not_dominated(search: _Search, tmp_path: Path) -> None:
    problem = synthetic_problem()
    result = search(problem, folder=tmp_path)
    with EvaluationArchive.read(tmp_path) as archive:
        batches = list(archive.batches())
    genomes, metrics, violation = (
        np.concatenate([getattr(batch, name) for batch in batches]) for name in ("genomes", "metrics", "violation")
    )
    scores = problem.evaluator.evaluate(genomes)
    np.testing.assert_array_equal(scores.metrics, metrics)
    np.testing.assert_array_equal(scores.violation_bytes, violation)
    assert 0 < (violation > 0).sum() < len(violation), "the problem should have feasible and infeasible genomes"
    feasible = metrics[violation == 0]
    objectives = problem.objective_values(feasible)
    expected = {tuple(row) for row in objectives[nondominated(objectives)]}
    assert {tuple(row) for row in result.front.objectives} == expected
    np.testing.assert_array_equal(problem.evaluator.evaluate(result.front.genomes).metrics, result.front.metrics)


def test_no_genome_is_scored_twice(search: _Search, counting_problem: SearchProblem) -> None:
    result = search(counting_problem, budget=Budget(evaluations=1000))
    scored = counting_problem.evaluator.scored  # type: ignore[attr-defined]  # the fixture's evaluator
    assert len(scored) == len(set(scored)) == result.evaluations == 1000


@pytest.mark.parametrize("evaluations", [1, 39, 40, 41, 333])
def test_the_budget_of_evaluations_is_kept_exactly(search: _Search, evaluations: int) -> None:
    result = search(budget=Budget(evaluations=evaluations))
    assert result.evaluations == evaluations
    assert result.stop is StopReason.EVALUATIONS
    assert result.history[-1].evaluations == evaluations


def test_the_budget_of_generations_is_kept(search: _Search) -> None:
    result = search(budget=Budget(generations=3))
    assert [row.generation for row in result.history] == [1, 2, 3]
    assert result.stop is StopReason.GENERATIONS


def test_the_time_limit_is_kept_by_the_given_clock(search: _Search) -> None:
    ticks = iter(range(10**6))
    result = search(budget=Budget(seconds=40), clock=lambda: float(next(ticks)))
    assert result.stop is StopReason.TIME
    assert 1 < len(result.history) <= 40


def test_a_small_space_is_exhausted_and_its_exact_front_is_found(search: _Search) -> None:
    spec = SyntheticSpec(layers=3, cores=2)
    problem = SearchProblem(SyntheticEvaluator(spec), synthetic_problem().metrics, ("latency_cycles", "energy_pj", "memory_bytes"))
    result = search(problem, budget=Budget(evaluations=10**6))
    assert result.stop is StopReason.EXHAUSTED
    space = np.stack(np.meshgrid(*(np.arange(high + 1) for high in spec.upper), indexing="ij"), axis=-1).reshape(-1, len(spec.upper))
    assert 0.95 * len(space) < result.evaluations <= len(space)
    scores = problem.evaluator.evaluate(space)
    objectives = problem.objective_values(scores.metrics[scores.violation_bytes == 0])
    exact = objectives[nondominated(objectives)]
    assert {tuple(row) for row in result.front.objectives} == {tuple(row) for row in exact}


@pytest.mark.parametrize("engine", ["nsga2", "pymoo:NSGA2", "deap:nsga2"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(search: _Search, engine: str) -> None:
    first, again, other = (search(engine=engine, seed=seed, workers=workers) for seed, workers in ((1, 1), (1, 2), (2, 1)))
    assert _bytes(first) == _bytes(again)
    assert first.history == again.history
    assert _bytes(first) != _bytes(other)


@pytest.mark.parametrize("engine", ["nsga2", "pymoo:NSGA2", "deap:nsga2"])
def test_a_fresh_process_with_another_hash_seed_gives_the_same_archive(search: _Search, tmp_path: Path, engine: str) -> None:
    script = f"""
from pathlib import Path
from stream_evo.operators import default_operators
from stream_evo.search import Budget, optimize
from stream_evo.search.testing import synthetic_problem
optimize(synthetic_problem(), operators=default_operators(), budget=Budget(evaluations=400), population=40, engine={engine!r},
         folder=Path({str(tmp_path / "fresh")!r}))
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONHASHSEED": "4242"})
    search(engine=engine, folder=tmp_path / "here")
    with EvaluationArchive.read(tmp_path / "fresh") as fresh, EvaluationArchive.read(tmp_path / "here") as here:
        assert fresh.digest() == here.digest()


@pytest.mark.parametrize("engine", ["nsga2", "nsga2:crowding", "random", "deap:nsga2", "pymoo:NSGA2", "pymoo:SPEA2", "pymoo:MOEAD"])
def test_a_resumed_run_is_the_unbroken_one(search: _Search, tmp_path: Path, engine: str) -> None:
    whole = search(engine=engine, folder=tmp_path / "whole", budget=Budget(evaluations=330))
    # Budgets that end inside a generation and between two, several times over.
    for evaluations in (25, 40, 57, 58, 200, 330):
        parts = search(engine=engine, folder=tmp_path / "parts", budget=Budget(evaluations=evaluations), resume=True)
        assert parts.evaluations == evaluations
    assert _bytes(whole) == _bytes(parts)
    assert whole.history == parts.history
    assert whole.reference is not None
    assert parts.reference is not None
    assert whole.reference.tobytes() == parts.reference.tobytes()
    with EvaluationArchive.read(tmp_path / "whole") as one, EvaluationArchive.read(tmp_path / "parts") as other:
        assert one.digest() == other.digest()


@pytest.mark.parametrize("engine", ["nsga2", "pymoo:NSGA2"])
@pytest.mark.parametrize("budget", [Budget(evaluations=1), Budget(evaluations=95), Budget(generations=1), Budget(seconds=1e-9)], ids=str)
def test_a_session_without_budget_tells_all_that_is_on_disk(search: _Search, tmp_path: Path, engine: str, budget: Budget) -> None:
    before = search(engine=engine, folder=tmp_path, budget=Budget(evaluations=110))  # ends inside the third generation
    with EvaluationArchive.read(tmp_path) as archive:
        held = archive.digest()
    again = search(engine=engine, folder=tmp_path, budget=budget, resume=True)
    assert again.evaluations == 110
    assert again.history == before.history
    assert _bytes(again) == _bytes(before)
    with EvaluationArchive.read(tmp_path) as archive:
        assert archive.digest() == held, "nothing is taken from disk"


def test_ctrl_c_while_a_run_is_repeated_loses_nothing(search: _Search, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.generation == 3:
            raise KeyboardInterrupt

    before = search(engine="pymoo:NSGA2", folder=tmp_path)
    again = search(engine="pymoo:NSGA2", folder=tmp_path, budget=Budget(evaluations=600), resume=True, callbacks=[interrupt])
    assert again.interrupted
    assert again.evaluations == before.evaluations
    assert again.history == before.history
    assert _bytes(again) == _bytes(before)


@pytest.mark.parametrize("settings", [{"population": 1}, {"shared": ["nowhere"]}, {"engine": "pymoo:MOEAD", "objectives": 1}], ids=str)
def test_a_search_that_does_not_start_leaves_its_folder_free(search: _Search, tmp_path: Path, settings: dict[str, Any]) -> None:
    problem = synthetic_problem(objectives=settings.get("objectives", 3))
    shared = [tmp_path / name for name in settings.get("shared", [])]
    settings = {name: value for name, value in settings.items() if name not in {"objectives", "shared"}}
    with pytest.raises((ValueError, RunFolderError, InputError)):
        search(problem, folder=tmp_path / "run", shared=shared, **settings)
    assert search(folder=tmp_path / "run").evaluations == 400


@pytest.mark.parametrize("engine", ["nsga2", "pymoo:NSGA2"])
def test_resuming_scores_nothing_again(search: _Search, counting_problem: SearchProblem, tmp_path: Path, engine: str) -> None:
    for evaluations in (130, 230, 230):
        search(counting_problem, engine=engine, folder=tmp_path, budget=Budget(evaluations=evaluations), resume=True)
    scored = counting_problem.evaluator.scored  # type: ignore[attr-defined]  # the fixture's evaluator
    assert len(scored) == len(set(scored)) == 230


def test_a_run_is_not_continued_with_other_settings(search: _Search, tmp_path: Path) -> None:
    search(folder=tmp_path)
    for change, named in (
        ({"seed": 1}, "search.seed"),
        ({"population": 50}, "search.population"),
        ({"engine": "nsga2:crowding"}, "search.engine"),
        ({"operators": generic_operators()}, "search.operators"),
        ({"problem": synthetic_problem(objectives=2)}, "goal.objectives"),
        ({"problem": synthetic_problem(seed=3)}, "problem.synthetic"),
    ):
        with pytest.raises(RunFolderError, match=named):
            search(folder=tmp_path, resume=True, **change)
    with pytest.raises(RunFolderError, match="holds another run"):
        search(folder=tmp_path)


def test_evaluations_of_another_run_are_taken_without_changing_the_result(
    search: _Search, counting_problem: SearchProblem, tmp_path: Path
) -> None:
    search(seed=1, folder=tmp_path / "lender")
    alone = search(seed=2)
    scored = counting_problem.evaluator.scored  # type: ignore[attr-defined]  # the fixture's evaluator
    shared = search(counting_problem, seed=2, shared=[tmp_path / "lender"])
    assert _bytes(alone) == _bytes(shared)
    assert 0 < len(scored) < 400, "the two runs share their heuristic seeds"
    with pytest.raises(RunFolderError, match=r"differs in: .*problem\.synthetic"):
        search(synthetic_problem(seed=5), shared=[tmp_path / "lender"])


def test_evaluations_that_this_version_does_not_confirm_are_not_taken(search: _Search, tmp_path: Path) -> None:
    class Renewed(SyntheticEvaluator):
        def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
            scored = super().evaluate(genomes, workers)
            return dataclasses.replace(scored, metrics=1.5 * scored.metrics)

    base = synthetic_problem()
    search(folder=tmp_path)
    with pytest.raises(RunFolderError, match="cannot lend its evaluations: this version scores the same genomes differently"):
        search(SearchProblem(Renewed(), base.metrics, base.objectives, fingerprint=base.fingerprint), shared=[tmp_path])


def test_evaluations_with_undefined_metrics_are_lent(search: _Search, tmp_path: Path) -> None:
    class Undefined(SyntheticEvaluator):
        def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
            scored = super().evaluate(genomes, workers)
            scored.violation_bytes[genomes[:, 0] == 1] += 1.0
            scored.metrics[scored.violation_bytes > 0.0] = np.nan
            return scored

    base = synthetic_problem()
    problem = SearchProblem(Undefined(), base.metrics, base.objectives, fingerprint=base.fingerprint)
    lender = search(problem, folder=tmp_path)
    with EvaluationArchive.read(tmp_path) as archive:
        assert np.isnan(next(iter(archive.batches())).metrics[:4]).any(), "one of those that are tried should be undefined"
    assert _bytes(search(problem, shared=[tmp_path])) == _bytes(lender)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"a": 1}, "it was written by another version, or is damaged: KeyError 'restorable'"),
        ({"reference": "far", "idle": 0, "restorable": True}, "it was written by another version, or is damaged: ValueError"),
        ({"reference": None, "idle": 0, "restorable": True, "engine.x": 1}, "its engine cannot read the stored state"),
    ],
)
def test_a_state_of_another_version_is_told(search: _Search, tmp_path: Path, state: dict[str, Any], said: str) -> None:
    search(folder=tmp_path)
    connection = sqlite3.connect(tmp_path / ARCHIVE_NAME)
    connection.execute("UPDATE checkpoint SET state = ?", (pack_state(state),))
    connection.commit()
    connection.close()
    with pytest.raises(RunFolderError, match=said):
        search(folder=tmp_path, resume=True)


@pytest.mark.parametrize("engine", ["nsga2", "pymoo:NSGA2"])
def test_ctrl_c_keeps_what_was_found_and_the_run_goes_on_later(search: _Search, tmp_path: Path, engine: str) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.generation == 4:
            raise KeyboardInterrupt

    broken = search(engine=engine, folder=tmp_path / "run", callbacks=[interrupt])
    assert broken.interrupted
    assert broken.stop is StopReason.INTERRUPTED
    assert len(broken.front) > 0
    assert len(broken.history) == 4
    resumed = search(engine=engine, folder=tmp_path / "run", resume=True)
    assert _bytes(resumed) == _bytes(search(engine=engine))
    assert not resumed.interrupted


def test_ctrl_c_in_the_evaluator_loses_the_batch_only(tmp_path: Path, search: _Search) -> None:
    class Impatient(SyntheticEvaluator):
        def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
            calls.append(len(genomes))
            if len(calls) == 3:
                raise KeyboardInterrupt
            return super().evaluate(genomes, workers)

    calls: list[int] = []
    base = synthetic_problem()
    problem = SearchProblem(Impatient(), base.metrics, base.objectives, fingerprint=base.fingerprint)
    broken = search(problem, folder=tmp_path)
    assert broken.interrupted
    assert broken.evaluations == sum(calls[:2])
    assert _bytes(search(folder=tmp_path, resume=True)) == _bytes(search())


def test_the_reported_hypervolume_never_falls(search: _Search) -> None:
    for engine in ("nsga2", "random"):
        shares = [row.hypervolume for row in search(engine=engine).history]
        assert all(0.0 <= share <= 1.0 for share in shares)
        assert shares == sorted(shares)
        assert shares[-1] > shares[0]


def test_many_objectives_have_a_hypervolume_that_never_falls_and_resumes(search: _Search, tmp_path: Path) -> None:
    class SixGoals(SyntheticEvaluator):
        def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
            scored = super().evaluate(genomes, workers)
            more = 1.0 + genomes[:, :6] @ np.array([[1, 0], [2, 1], [0, 3], [1, 1], [3, 0], [0, 1]])
            return dataclasses.replace(scored, metrics=np.hstack([scored.metrics, more]))

    base = synthetic_problem()
    names = (*base.metrics, "one", "two")
    problem = SearchProblem(SixGoals(), names, names[:3] + names[4:], fingerprint=base.fingerprint)
    whole = search(problem, folder=tmp_path / "whole")
    shares = [row.hypervolume for row in whole.history]
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[-1] < 1.0
    for evaluations in (110, 230, 400):
        parts = search(problem, folder=tmp_path / "parts", budget=Budget(evaluations=evaluations), resume=True)
    assert parts.history == whole.history


def test_a_given_reference_point_is_used(search: _Search) -> None:
    reference = np.array([1e6, 1e6, 1e6])
    result = search(reference=reference)
    assert result.reference is not None
    assert result.reference.tolist() == reference.tolist()
    assert result.hypervolume > 0.9


def test_progress_is_told_after_each_generation(search: _Search) -> None:
    ticks = iter(range(10**6))
    told: list[Progress] = []
    result = search(callbacks=[told.append], clock=lambda: float(next(ticks)))
    assert [progress.generation for progress in told] == list(range(1, len(told) + 1))
    assert [progress.evaluations for progress in told] == [row.evaluations for row in result.history]
    assert [progress.hypervolume for progress in told] == [row.hypervolume for row in result.history]
    assert all(progress.evaluations_per_second == progress.evaluations / progress.elapsed_seconds for progress in told)
    assert told[-1].remaining_seconds == 0.0
    assert told[0].remaining_seconds > told[-2].remaining_seconds
    assert all(0.0 <= progress.feasible_share <= 1.0 and progress.seconds_since_gain >= 0.0 for progress in told)


@pytest.mark.parametrize("engine", ["nsga2", "pymoo:NSGA2"])
def test_progress_of_a_resumed_run_goes_by_its_own_pace(search: _Search, tmp_path: Path, engine: str) -> None:
    def steady(session: list[Progress]) -> Callable[[], float]:
        """A second for each generation of the session, none for what it repeats."""
        return lambda: float(sum(progress.generation > repeated for progress in session))

    repeated = 0
    first: list[Progress] = []
    search(engine=engine, folder=tmp_path, budget=Budget(generations=8), callbacks=[first.append], clock=steady(first))
    assert [progress.remaining_seconds for progress in first[1:]] == pytest.approx(
        [6 * 1 / 2, 5 * 2 / 3, 4 * 3 / 4, 3 * 4 / 5, 2 * 5 / 6, 6 / 7, 0]
    )
    repeated = 8
    told: list[Progress] = []
    search(engine=engine, folder=tmp_path, budget=Budget(generations=18), callbacks=[told.append], clock=steady(told), resume=True)
    own = [progress for progress in told if progress.generation > 8]
    assert [progress.elapsed_seconds for progress in own] == list(range(10))
    assert [progress.remaining_seconds for progress in own[1:]] == pytest.approx([(18 - 8 - n) * (n - 1) / n for n in range(2, 11)])
    assert own[-1].evaluations_per_second == pytest.approx((own[-1].evaluations - first[-1].evaluations) / 9)


def test_the_evaluator_gets_the_workers(search: _Search, counting_problem: SearchProblem) -> None:
    search(counting_problem, workers=3)
    assert set(counting_problem.evaluator.workers) == {3}  # type: ignore[attr-defined]  # the fixture's evaluator


def test_limits_make_what_exceeds_them_infeasible(search: _Search) -> None:
    base = synthetic_problem()
    free = search(base)
    limit = float(np.median(free.front.metrics[:, 0]))
    limited = search(SearchProblem(base.evaluator, base.metrics, base.objectives, limits={"latency_cycles": limit}))
    assert len(limited.front)
    assert limited.front.metrics[:, 0].max() <= limit < free.front.metrics[:, 0].max()
    assert limited.least_infeasible is None


def test_without_a_feasible_genome_the_nearest_and_what_it_misses_are_told(search: _Search, tmp_path: Path) -> None:
    base = synthetic_problem()
    limits = {"latency_cycles": 1.0, "memory_bytes": 1e9}
    problem = SearchProblem(base.evaluator, base.metrics, base.objectives, limits=limits)
    result = search(problem, folder=tmp_path)
    assert len(result.front) == 0
    assert result.hypervolume == 0.0
    assert result.reference is None
    assert result.least_infeasible is not None
    assert result.least_infeasible.missed == ("latency_cycles",)
    assert result.least_infeasible.violation_bytes == 0.0
    with EvaluationArchive.read(tmp_path) as archive:
        batches = list(archive.batches())
    fitting = np.concatenate([batch.metrics[batch.violation == 0, 0] for batch in batches])
    assert result.least_infeasible.metrics[0] == fitting.min()
    again = search(problem, folder=tmp_path, resume=True)
    assert again.least_infeasible is not None
    assert again.least_infeasible.genome.tobytes() == result.least_infeasible.genome.tobytes()


def test_bytes_that_do_not_fit_outweigh_any_limit() -> None:
    base = synthetic_problem()
    problem = SearchProblem(base.evaluator, base.metrics, base.objectives, limits={"latency_cycles": 1.0, "energy_pj": 1.0})
    metrics = np.array([[1e12, 1e12, 1, 1, 1], [0.5, 0.5, 1, 1, 1], [np.inf, np.nan, 1, 1, 1], [2.0, 0.5, 1, 1, 1]])
    violation = problem.violation(metrics, np.array([0.0, 1.0, 3.0, 0.0]))
    assert violation[3] < violation[0] < 1 / 8, "one bit that does not fit is more"
    assert violation[0] < violation[1] == 1.0 < violation[2]
    assert problem.missed(metrics[2], 3.0) == ("memory capacity of the chip", "latency_cycles", "energy_pj")


def test_bad_problems_and_budgets_are_told_with_all_faults() -> None:
    base = synthetic_problem()
    with pytest.raises(UnknownNameError, match="latency_cycles"):
        SearchProblem(base.evaluator, base.metrics, ("latency",))
    with pytest.raises(UnknownNameError):
        SearchProblem(base.evaluator, base.metrics, base.objectives, limits={"area": 1.0})
    with pytest.raises(InputError) as caught:
        SearchProblem(base.evaluator, base.metrics, ("energy_pj", "energy_pj"), limits={"energy_pj": -1.0, "latency_cycles": np.nan})
    assert len(caught.value.faults) == 3

    class BelowZero(SyntheticSpec):
        @property
        def lower(self) -> IntArray:
            return super().lower - 3

    with pytest.raises(InputError, match="a gene can be negative; expected values from 0 on"):
        SearchProblem(SyntheticEvaluator(BelowZero()), base.metrics, base.objectives)
    with pytest.raises(InputError, match="no objective"):
        SearchProblem(base.evaluator, base.metrics, ())
    with pytest.raises(InputError, match="needs a budget"):
        Budget()
    with pytest.raises(InputError) as caught:
        Budget(evaluations=0, seconds=-1.0)
    assert len(caught.value.faults) == 2
    with pytest.raises(UnknownNameError, match="nsga2"):
        optimize(base, operators=default_operators(), budget=Budget(generations=1), engine="nsga")


def test_an_engine_that_asks_nonsense_is_told(search: _Search) -> None:
    class Nonsense:
        def __init__(self, context: EngineContext) -> None:
            self._genes = len(context.spec.lower)

        def ask(self) -> Any:
            return np.zeros((3, self._genes + 1), dtype=np.int64)

        def tell(self, genomes: Any, objectives: Any, violation: Any) -> None: ...

        def state(self) -> None: ...

        def restore(self, state: Any) -> None: ...

    with pytest.raises(PluginError, match="the engine must ask for integers of shape"):
        search(engine=Nonsense)


def test_an_evaluator_that_returns_nonsense_is_told(search: _Search) -> None:
    class Nonsense(SyntheticEvaluator):
        def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
            scores = super().evaluate(genomes, workers)
            scores.metrics[0], scores.violation_bytes[0] = np.nan, 0.0
            return scores

    base = synthetic_problem()
    with pytest.raises(PluginError, match="feasible genome with an infinite or undefined metric"):
        search(SearchProblem(Nonsense(), base.metrics, base.objectives))
