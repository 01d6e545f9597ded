"""The contract suite on every engine, and what is particular to some."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stream_evo.errors import InputError, PluginError, UnknownNameError
from stream_evo.operators import HeuristicSampling, RandomReset, UniformSampling, default_operators, generic_operators
from stream_evo.search import (
    ENGINES,
    Budget,
    Diversity,
    EngineContext,
    NsgaTwo,
    OperatorSet,
    RandomSearch,
    SearchProblem,
    SearchResult,
    Variation,
    find_engine,
)
from stream_evo.search._pymoo import PYMOO_ALGORITHMS
from stream_evo.search._synthetic import SyntheticScores
from stream_evo.search.testing import SyntheticEvaluator, SyntheticSpec, check_engine, synthetic_problem
from stream_evo.typing import FloatArray, IntArray


def _context(objectives: int = 3, population: int = 40, operators: OperatorSet | None = None) -> EngineContext:
    spec = SyntheticSpec()
    return EngineContext(
        spec,
        objectives,
        population,
        operators or default_operators(),
        np.random.default_rng(0),
        lambda genomes: np.zeros(len(genomes), dtype=bool),
    )


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("operators", [default_operators(), generic_operators()], ids=["default", "generic"])
def test_engine_keeps_the_contract(name: str, operators: OperatorSet) -> None:
    check_engine(ENGINES[name], operators)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "random"])
def test_engine_beats_random_search_and_finds_feasible_fronts(search: Callable[..., SearchResult], name: str) -> None:
    settings = {"operators": generic_operators(), "budget": Budget(evaluations=1200), "reference": np.array([600.0, 1200.0, 300.0])}
    assert search(engine=name, **settings).hypervolume > search(engine="random", **settings).hypervolume


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("objectives", [1, 2, 4, 5])
def test_engine_takes_any_number_of_objectives(search: Callable[..., SearchResult], name: str, objectives: int) -> None:
    problem, budget = synthetic_problem(objectives=objectives), Budget(evaluations=200)
    if objectives == 1 and name in {"pymoo:MOEAD", "pymoo:SMSEMOA"}:
        with pytest.raises(InputError, match=rf"{name} needs at least 2 objectives; found 1\. .*nsga2"):
            search(problem, engine=name, budget=budget)
        return
    result = search(problem, engine=name, budget=budget)
    assert result.front.objectives.shape[1] == objectives
    assert len(result.front) == 1 if objectives == 1 else len(result.front) > 1


@pytest.mark.parametrize("name", ENGINES)
def test_engine_ends_on_a_space_smaller_than_its_population(search: Callable[..., SearchResult], name: str) -> None:
    problem = synthetic_problem(layers=1)
    spec = problem.evaluator.spec
    mappings = int(np.prod(spec.upper - spec.lower + 1))
    assert mappings < 20
    result = search(problem, engine=name, budget=Budget(generations=4))
    assert 1 <= result.evaluations <= mappings
    assert len(result.front)


@pytest.mark.parametrize("name", ENGINES)
def test_engine_goes_on_where_one_point_dominates_all(search: Callable[..., SearchResult], name: str) -> None:
    class OneGoal(SyntheticEvaluator):
        def evaluate(self, genomes: IntArray, workers: int = 1) -> SyntheticScores:
            scored = super().evaluate(genomes, workers)
            coarse = np.ceil(scored.metrics[:, :1] / 100.0)  # many mappings are equally good
            return replace(scored, metrics=np.repeat(coarse, scored.metrics.shape[1], axis=1))

    base = synthetic_problem()
    result = search(SearchProblem(OneGoal(), base.metrics, base.objectives), engine=name)
    assert result.evaluations == 400
    assert len(result.front) == 1


# C-TAEA keeps an archive that ignores constraints for diversity, and needs far longer.
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "pymoo:CTAEA"])
def test_engine_finds_its_way_into_a_small_feasible_region(search: Callable[..., SearchResult], name: str) -> None:
    base = synthetic_problem()
    free = search(base, budget=Budget(evaluations=2000))
    limit = float(np.quantile(free.front.metrics[:, 1], 0.3))
    problem = SearchProblem(base.evaluator, base.metrics, base.objectives, limits={"energy_pj": limit})
    result = search(problem, engine=name, budget=Budget(evaluations=2000), operators=generic_operators())
    if name == "random":
        assert not len(result.front), "the region is too easy to find for the test to mean anything"
    else:
        assert len(result.front)


def test_engines_have_names_that_are_found_or_told() -> None:
    assert set(ENGINES) == {
        "nsga2",
        "nsga2:crowding",
        "nsga2:local",
        "random",
        "deap:nsga2",
        *(f"pymoo:{name}" for name in PYMOO_ALGORITHMS),
    }
    assert find_engine("nsga2") is NsgaTwo
    with pytest.raises(UnknownNameError, match=r"Did you mean .*pymoo:NSGA2"):
        find_engine("pymoo:NSGA")


def test_pymoo_and_deap_are_imported_by_their_users_only() -> None:
    script = "import sys, stream_evo.search, stream_evo.operators; assert not {'pymoo', 'deap'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_tell_without_ask_is_an_error() -> None:
    for engine in (NsgaTwo(_context()), find_engine("pymoo:NSGA2")(_context())):
        with pytest.raises(RuntimeError, match="exactly the genomes that ask returned"):
            engine.tell(np.zeros((1, 35), dtype=np.int64), np.zeros((1, 3)), np.zeros(1))


def test_broken_engines_are_found_out() -> None:
    class Unseeded(RandomSearch):
        def ask(self) -> IntArray:
            return SyntheticSpec().canonical(np.random.default_rng().integers(0, 2, size=(20, 35)))

    class Forgetful(RandomSearch):
        def restore(self, state: Any) -> None: ...

    class Outside(RandomSearch):
        def ask(self) -> IntArray:
            return super().ask() + 9

    class Scribbling(RandomSearch):
        def __init__(self, context: EngineContext) -> None:
            super().__init__(context)
            self._front = context.best_found

        def ask(self) -> IntArray:
            assert self._front is not None
            self._front()[:] = 0
            return super().ask()

    with pytest.raises(PluginError, match="read-only"):
        check_engine(Scribbling, generic_operators())
    with pytest.raises(PluginError, match="the same seed asks for other genomes"):
        check_engine(Unseeded, generic_operators())
    with pytest.raises(PluginError, match="restored from its state it continues differently"):
        check_engine(Forgetful, generic_operators())
    with pytest.raises(PluginError, match="outside the bounds"):
        check_engine(Outside, generic_operators())


def _front(count: int, rng: np.random.Generator) -> FloatArray:
    points = np.abs(rng.normal(size=(count, 3)))
    return np.asarray(1.0 - points / np.linalg.norm(points, axis=1, keepdims=True))


@pytest.mark.parametrize("diversity", Diversity)
def test_survivors_are_the_better_half(diversity: Diversity) -> None:
    engine = NsgaTwo(_context(population=10), diversity, survivors=1.0)
    genomes = engine.ask()
    objectives = np.concatenate([_front(4, np.random.default_rng(0)), _front(6, np.random.default_rng(1)) + 5.0])
    engine.tell(genomes, objectives, np.zeros(10))
    children = engine.ask()
    violation = np.array([0.0] * 6 + [1.0, 2.0, 3.0, 4.0])
    engine.tell(children, np.concatenate([_front(3, np.random.default_rng(2)) - 5.0, np.zeros((7, 3)) + 9.0]), violation)
    state = engine.state()
    assert state is not None
    kept = {tuple(row) for row in state["genomes"]}
    assert {tuple(row) for row in children[:3]} <= kept, "what dominates all survives"
    assert {tuple(row) for row in genomes[:4]} <= kept, "as does the next front"
    assert state["violation"].max() == 0.0, "infeasible ones go first"
    assert len(state["ranks"]) == 10
    assert (np.diff(state["ranks"]) >= 0).all()


@pytest.mark.parametrize(("survivors", "expected"), [(1.0, 10), (0.5, 5), (0.0, 2)])
def test_as_many_survive_as_asked_for(survivors: float, expected: int) -> None:
    engine = NsgaTwo(_context(population=10), survivors=survivors)
    for seed in range(2):
        genomes = engine.ask()
        assert len(genomes) == 10
        engine.tell(genomes, _front(10, np.random.default_rng(seed)), np.zeros(10))
        assert len(engine.state()["genomes"]) == expected
    with pytest.raises(ValueError, match="survivors"):
        NsgaTwo(_context(), survivors=1.1)


def test_truncation_by_hypervolume_keeps_more_of_it_than_by_crowding() -> None:
    from stream_evo.search import hypervolume

    kept = {}
    for diversity in Diversity:
        total = 0.0
        for seed in range(20):
            rng = np.random.default_rng(seed)
            engine = NsgaTwo(_context(population=20), diversity)
            engine.tell(engine.ask(), _front(20, rng), np.zeros(20))
            engine.tell(engine.ask(), _front(20, rng), np.zeros(20))
            state = engine.state()
            assert state is not None
            total += hypervolume(state["objectives"], np.full(3, 1.1))
        kept[diversity] = total
    assert kept[Diversity.HYPERVOLUME] > kept[Diversity.CROWDING]


def test_large_tournaments_choose_the_best_parents() -> None:
    operators = OperatorSet(UniformSampling(), (), (RandomReset(genes=1.0),))
    for members, least in ((1, 0), (300, 20)):
        engine = NsgaTwo(_context(population=20, operators=operators), tournament=members)
        genomes = engine.ask()
        objectives = 5.0 + _front(20, np.random.default_rng(0))
        objectives[7] = 0.0  # dominates all
        engine.tell(genomes, objectives, np.zeros(20))
        near = (engine.ask() != genomes[7]).sum(axis=1) == 1
        assert least <= near.sum()
        assert near.all() == (members == 300)
    with pytest.raises(ValueError, match="at least one member"):
        NsgaTwo(_context(), tournament=0)


def test_odds_follow_the_gain_of_operators() -> None:
    class Idle(RandomReset):
        pass

    variation = Variation(SyntheticSpec(), OperatorSet(UniformSampling(), (), (RandomReset(), Idle())), np.random.default_rng(0))
    parents = UniformSampling()(SyntheticSpec(), 400, np.random.default_rng(1))
    for _ in range(60):
        brood = variation.children(parents, parents)
        assert set(brood.crossovers.tolist()) == {-1}
        variation.learn(brood, (brood.mutations == 0).astype(float))
    share = float(np.mean(variation.children(parents, parents).mutations == 0))
    assert 0.8 < share < 0.9, "0.85 in the limit: 0.7 + 0.3 / 2"
    fixed = Variation(
        SyntheticSpec(), OperatorSet(UniformSampling(), (), (RandomReset(), Idle()), adaptive=False), np.random.default_rng(0)
    )
    fixed.learn(brood, np.ones(400))
    assert 0.4 < float(np.mean(fixed.children(parents, parents).mutations == 0)) < 0.6


def test_operators_that_do_not_apply_are_left_out() -> None:
    single = SyntheticSpec(layers=3, cores=1)
    variation = Variation(single, default_operators(), np.random.default_rng(0))
    parents = UniformSampling()(single, 300, np.random.default_rng(0))
    batches = [variation.children(parents, parents).mutations for _ in range(10)]
    assert all(len(np.unique(batch)) <= 1 + 5 for batch in batches), "a batch takes five, beside none"
    drawn = set(np.concatenate(batches).tolist())
    assert drawn == {-1, *range(7)}, "random reset and what moves cuts and tiles"


def test_an_operator_set_needs_a_mutation_and_sound_rates() -> None:
    with pytest.raises(ValueError, match="at least one mutation"):
        OperatorSet(UniformSampling(), (), ())
    with pytest.raises(ValueError, match="crossover_rate must be between 0 and 1"):
        OperatorSet(UniformSampling(), (), (RandomReset(),), crossover_rate=1.5)
    with pytest.raises(ValueError, match="population must be at least 2"):
        _context(population=1)


def test_heuristic_sampling_is_used_by_all_engines() -> None:
    expected = {tuple(row) for row in HeuristicSampling()(SyntheticSpec(), 40, np.random.default_rng(0))[:6]}
    for name in ("nsga2", "deap:nsga2", "pymoo:NSGA2", "pymoo:NSGA3"):
        assert expected <= {tuple(row) for row in find_engine(name)(_context()).ask()}
