"""Blocks: what they are worth, the pool that keeps the best, and mappings put together from them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo import registry
from stream_evo.errors import PluginError
from stream_evo.evaluation import METRICS, Evaluator
from stream_evo.mapping import GenomeSpec
from stream_evo.operators import SeedHints, UniformSampling, default_operators
from stream_evo.problems import PROBLEMS
from stream_evo.search import (
    BLOCK_METRICS,
    BatchEvaluation,
    BlockTable,
    Budget,
    KnowsBlocks,
    NsgaTwo,
    OperatorSet,
    SearchProblem,
    Spec,
    Variation,
    optimize,
)
from stream_evo.search._block_pool import BlockPool
from stream_evo.search._codec import pack_state, unpack_state
from stream_evo.search.testing import SyntheticEvaluator, SyntheticSpec, synthetic_problem
from stream_evo.typing import FloatArray, IntArray
from tests import strategies

_LAYERS = 6


@given(st.data())
def test_blocks_of_a_mapping_add_up_to_its_metrics(data: st.DataObject) -> None:
    spec = data.draw(strategies.specs(max_layers=5))
    genomes = spec.canonical(np.array(data.draw(st.lists(strategies.genomes(spec), min_size=1, max_size=4))))
    _check_sums(Evaluator(spec).evaluate(genomes))


def test_made_up_blocks_add_up_as_well() -> None:
    spec = SyntheticSpec(priority=True, split=True, dataflows=2)
    genomes = np.random.default_rng(0).integers(spec.lower, spec.upper + 1, size=(50, len(spec.lower)))
    _check_sums(SyntheticEvaluator(spec).evaluate(genomes))


def _check_sums(scored: object) -> None:
    assert isinstance(scored, KnowsBlocks)
    metrics, blocks = scored.metrics, scored.blocks  # type: ignore[attr-defined]  # a BatchEvaluation as well
    for column, name in enumerate(BLOCK_METRICS):
        figures = blocks[:, :, 1 + column]
        together = figures.max(axis=1) if name == "memory_bytes" else figures.sum(axis=1)
        assert together == pytest.approx(metrics[:, METRICS.index(name)])
    for genome in blocks[:, :, 0].astype(np.int64):
        first = np.flatnonzero(genome)
        assert [0, *genome[first]] == [*first, len(genome)], "blocks follow each other from the first layer to the last"


def _table(rows: FloatArray) -> BlockTable:
    """Return a table of sums and a peak (P, L, 1 + 3), all wanted."""
    genomes, first = np.nonzero(rows[:, :, 0])
    found = rows[genomes, first]
    return BlockTable(genomes, first, found[:, 0].astype(np.int64), found[:, 1:].astype(np.float32))


def _told(problem: SearchProblem, scored: BatchEvaluation) -> BlockTable:
    """Return the blocks of scores that fit, all three sums and the peak."""
    spec = problem.evaluator.spec
    table = BlockTable.of_evaluation(scored, scored.violation_bytes <= 0.0, spec.segments["allocation"].stop)
    assert table is not None
    return table


@st.composite
def _seen(draw: st.DrawFn) -> tuple[SyntheticSpec, IntArray, FloatArray]:
    """Draw a space, genomes of it, and figures of their stacks (P, L, 1 + 3), as if they were blocks; equal blocks have equal figures."""
    spec = SyntheticSpec(layers=_LAYERS, cores=2, priority=draw(st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    genomes = rng.integers(spec.lower, spec.upper + 1, size=(draw(st.integers(1, 8)), len(spec.lower)))
    rows = np.zeros((len(genomes), _LAYERS, 4))
    for genome, found in zip(genomes, rows, strict=True):
        for key in _slices(spec, genome):
            found[key[0]] = [key[1], *np.random.default_rng(key).integers(1, 9, size=3)]
    return spec, genomes, rows


def _chains(spec: SyntheticSpec, genomes: IntArray, rows: FloatArray, priority: IntArray) -> Iterator[list[tuple[int, int]]]:
    """Yield every way through the layers by blocks of genomes with the same priority, as (genome, first layer)."""

    def from_layer(first: int) -> Iterator[list[tuple[int, int]]]:
        if first == _LAYERS:
            yield []
            return
        for genome in range(len(genomes)):
            same = (genomes[genome, spec.segments.get("priority", slice(0, 0))] == priority).all()
            if rows[genome, first, 0] and same:
                yield from ([(genome, first), *rest] for rest in from_layer(int(rows[genome, first, 0])))

    yield from from_layer(0)


@given(_seen(), st.integers(0, 10**6), st.floats(0, 0.99))
def test_a_chain_is_the_best_of_all_there_are(case: tuple[SyntheticSpec, IntArray, FloatArray], seed: int, share: float) -> None:
    """Against enumeration, with figures that follow from the genes of the result."""
    spec, genomes, rows = case
    weights = np.random.default_rng(seed).random(2) + 0.01
    pool = BlockPool(spec, 2)
    pool.take_in(genomes, _table(rows))
    priority = genomes[0, spec.segments.get("priority", slice(0, 0))]
    chains = [np.array([rows[genome, first, 1:] for genome, first in chain]) for chain in _chains(spec, genomes, rows, priority)]
    sums, peaks = np.array([chain.sum(axis=0)[:2] for chain in chains]), np.array([chain.max(axis=0)[2] for chain in chains])
    least = sums.min(axis=0)
    total = (sums / least) @ weights
    child = pool.assembled(genomes[:1], weights[None, :], np.array([share]))[0]
    figures = np.array([np.random.default_rng(key).integers(1, 9, size=3) for key in _slices(spec, child)])
    mine, my_peak = (figures.sum(axis=0)[:2] / least) @ weights, figures.max(axis=0)[2]
    # Without a cap several chains may be as good, of different peaks; the cap follows that of one of them.
    caps = [max(peaks.min(), peaks.min() * (each / peaks.min()) ** share) for each in peaks[np.isclose(total, total.min())]]
    assert any(my_peak <= cap + 1e-6 and mine == pytest.approx(total[peaks <= cap + 1e-6].min()) for cap in caps)
    assert (spec.canonical(child[None]) == child).all()


def _slice(spec: SyntheticSpec, genome: IntArray, first: int, behind: int) -> tuple[int, ...]:
    """Return layers and genes of a block, and those of the whole mapping."""
    own = [genome[spec.segments[name]][first : behind - int(name == "cut")] for name in ("allocation", "cut", "tile")]
    return (first, behind, *np.concatenate([*own, genome[spec.segments.get("priority", slice(0, 0))]]).tolist())


def _slices(spec: SyntheticSpec, genome: IntArray) -> list[tuple[int, ...]]:
    limits = [0, *(np.flatnonzero(genome[spec.segments["cut"]]) + 1).tolist(), _LAYERS]
    return [_slice(spec, genome, first, behind) for first, behind in itertools.pairwise(limits)]


def test_a_block_counts_by_its_worst_figures_and_gives_way_to_a_better_one() -> None:
    spec = SyntheticSpec(layers=_LAYERS, cores=2)
    genomes = np.stack([spec.lower, spec.lower, spec.upper])
    genomes[:, spec.segments["cut"]] = 0
    rows = np.zeros((3, _LAYERS, 4))
    rows[:, 0] = [[_LAYERS, 5, 5, 5], [_LAYERS, 8, 4, 5], [_LAYERS, 7, 5, 5]]
    pool = BlockPool(spec, 2)

    def best_after(genome: int) -> IntArray:
        pool.take_in(genomes[[genome]], _table(rows[[genome]]))
        best: IntArray = pool.assembled(genomes[[2]], np.ones((1, 2)), np.ones(1))[0]
        return best

    assert (best_after(0) == genomes[0]).all()
    assert (best_after(1) == genomes[0]).all()
    assert (best_after(2) == genomes[2]).all(), "in other company the first took 8 cycles"


def test_what_a_mapping_can_be_put_together_from_beats_what_was_seen() -> None:
    """On the made-up chip: the best assembled latency is at most the best seen, and mostly below it."""
    problem = synthetic_problem()
    spec = problem.evaluator.spec
    genomes = np.random.default_rng(1).integers(spec.lower, spec.upper + 1, size=(200, len(spec.lower)))
    scored = problem.evaluator.evaluate(genomes)
    fits = scored.violation_bytes <= 0.0
    table = _told(problem, scored)
    pool = BlockPool(spec, 3)
    pool.take_in(genomes, table)
    built = pool.assembled(genomes[:5], np.tile([1.0, 1e-6, 1e-6], (5, 1)), np.ones(5))
    assert problem.evaluator.evaluate(built).metrics[:, 0].max() < 0.9 * scored.metrics[fits, 0].min()


@pytest.mark.parametrize("spec", [SyntheticSpec(), SyntheticSpec(split=True, dataflows=2, priority=True)], ids=["plain", "all_segments"])
def test_a_restored_pool_goes_on_as_the_first(spec: SyntheticSpec) -> None:
    """With so little room that blocks have to go."""
    evaluator = SyntheticEvaluator(spec)
    problem = SearchProblem(evaluator, METRICS, METRICS[:3])
    rng = np.random.default_rng(3)
    one, other = BlockPool(spec, 3, room=40), BlockPool(spec, 3, room=40)
    for generation in range(8):
        genomes = rng.integers(spec.lower, spec.upper + 1, size=(30, len(spec.lower)))
        table = _told(problem, evaluator.evaluate(genomes))
        asked = rng.random((10, 3)), rng.random(10)
        if generation:
            other.restore(unpack_state(pack_state(one.state())))
        one.take_in(genomes, table)
        other.take_in(genomes, table)
        np.testing.assert_array_equal(one.assembled(genomes[:10], *asked), other.assembled(genomes[:10], *asked))


def test_a_pool_is_not_restored_from_the_state_of_another_space() -> None:
    spec, other = SyntheticSpec(), SyntheticSpec(layers=9)
    genomes = np.random.default_rng(3).integers(spec.lower, spec.upper + 1, size=(30, len(spec.lower)))
    pool = BlockPool(spec, 3)
    pool.take_in(genomes, _told(synthetic_problem(), SyntheticEvaluator(spec).evaluate(genomes)))
    state = pool.state()
    with pytest.raises(ValueError, match="outside the network"):
        BlockPool(other, 3).restore(state)
    with pytest.raises(ValueError, match="another number of genes"):
        BlockPool(spec, 3).restore(state | {"blocks.genes": state["blocks.genes"][:-1]})


@pytest.mark.parametrize(
    ("objectives", "limits", "expected"),
    [
        (("energy_pj", "latency_cycles", "memory_bytes"), {}, ([0, 1], True)),
        (("latency_cycles",), {}, ([0], False)),
        (("latency_cycles",), {"memory_bytes": 5.0}, ([0], True)),
        (("energy_pj",), {"latency_cycles": 5.0}, ([0, 1], False)),
        (("dram_bytes",), {"edp_pj_cycles": 5.0}, ([0, 1, 2], False)),
        (("edp_pj_cycles", "dram_bytes"), {}, ([0, 1, 2], False)),
        (("memory_bytes",), {}, ([0, 1], True)),
    ],
)
def test_the_columns_that_objectives_and_limits_ask_for(
    objectives: tuple[str, ...], limits: dict[str, float], expected: tuple[list[int], bool]
) -> None:
    problem = SearchProblem(SyntheticEvaluator(), METRICS, objectives, limits)
    assert problem.block_columns == expected


def test_a_genome_varied_in_several_places_has_the_changes_of_all_its_mutants() -> None:
    """The second mutation of a genome looks at the genome, not at what the first one made of it."""
    spec = SyntheticSpec()
    first, last = np.flatnonzero(spec.upper > spec.lower)[[0, -1]]

    def set_one(spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        changed = genomes.copy()
        changed[np.arange(len(genomes)), rng.choice([first, last], size=len(genomes))] = 1
        return changed

    operators = OperatorSet(UniformSampling(), crossovers=(), mutations=(set_one,))
    varied = np.repeat(spec.lower[None, :], 3, axis=0)
    parents = np.repeat(spec.upper[None, :], 2, axis=0)
    brood = Variation(spec, operators, np.random.default_rng(0)).children(parents, parents, varied, np.array([1, 30, 0]))
    assert len(brood.genomes) == 5
    assert brood.mutations.tolist() == [0, 0, -1, -1, -1], "gains are told for the children of pairs only"
    changes = brood.genomes[2:] != varied
    assert changes.sum(axis=1).tolist() == [1, 2, 0]
    assert set(np.flatnonzero(changes[1])) == {first, last}


def test_children_put_together_from_blocks_are_worth_it() -> None:
    """On MobileNetV2 with its many stacks: 50 % of the best known hypervolume after 1,000 evaluations without them, 75 % with them."""
    problem = PROBLEMS["mobilenetv2_hetero_quad"]
    assert problem.best_known is not None
    spec = GenomeSpec(registry.load_network(problem.network), registry.load_hardware(problem.hardware))
    evaluator = Evaluator(spec)
    with_blocks, without = (
        optimize(
            SearchProblem(evaluator, METRICS, problem.metrics),
            operators=default_operators(SeedHints(*evaluator.layer_costs())),
            budget=Budget(evaluations=1_000),
            engine=partial(NsgaTwo, assembled=share),
            reference=np.array(problem.best_known.reference_point),
        ).hypervolume
        for share in (0.6, 0.0)
    )
    assert with_blocks > 1.2 * without


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_of_assembled_children_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="assembled must be between 0 and 1"):
        optimize(synthetic_problem(), operators=default_operators(), budget=Budget(generations=1), engine=partial(NsgaTwo, assembled=share))


def test_a_limit_is_searched_along() -> None:
    """With energy to minimise under a limit on latency, mappings are put together for both: without latency all would miss the limit."""
    base = synthetic_problem(layers=60)
    limit = 1.3 * float(_best(base, "latency_cycles", {}, 0.0)[0])
    limited = [np.mean([_best(base, "energy_pj", {"latency_cycles": limit}, share, seed)[0] for seed in range(3)]) for share in (0.6, 0.0)]
    assert limited[0] < limited[1]


def _best(base: SearchProblem, objective: str, limits: dict[str, float], share: float, seed: int = 0) -> FloatArray:
    problem = SearchProblem(base.evaluator, base.metrics, (objective,), limits)
    engine = partial(NsgaTwo, assembled=share)
    result = optimize(problem, operators=default_operators(), budget=Budget(evaluations=1_500), seed=seed, engine=engine)
    best: FloatArray = result.front.objectives[0]
    return best


class Silent(SyntheticEvaluator):
    """Knows no blocks."""

    def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
        scored = super().evaluate(genomes, workers)
        return SimpleNamespace(metrics=scored.metrics, violation_bytes=scored.violation_bytes)


def test_an_evaluator_need_not_know_blocks(tmp_path: Path) -> None:
    base = synthetic_problem()
    problem = SearchProblem(Silent(), base.metrics, base.objectives, fingerprint=base.fingerprint)
    settings = {"operators": default_operators(), "population": 20}
    whole = optimize(problem, budget=Budget(evaluations=210), **settings)  # type: ignore[arg-type]  # a dict of settings
    for evaluations in (90, 210):
        part = optimize(problem, budget=Budget(evaluations=evaluations), folder=tmp_path, resume=True, **settings)  # type: ignore[arg-type]
    np.testing.assert_array_equal(part.front.genomes, whole.front.genomes)


def test_scores_without_blocks_are_not_borrowed_by_a_search_that_uses_them(tmp_path: Path) -> None:
    base = synthetic_problem()
    silent = SearchProblem(Silent(), base.metrics, base.objectives, fingerprint=base.fingerprint)
    settings = {"operators": default_operators(), "population": 20, "budget": Budget(evaluations=200)}
    optimize(silent, folder=tmp_path, **settings)  # type: ignore[arg-type]  # a dict of settings
    alone, shared = (optimize(base, shared=folders, **settings) for folders in ((), (tmp_path,)))  # type: ignore[arg-type]
    np.testing.assert_array_equal(alone.front.genomes, shared.front.genomes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda blocks: blocks[:, :, :3], r"blocks of shape \(40, 12, 5\); it returned \(40, 12, 3\)"),
        (lambda blocks: np.where(blocks == 12, 13, blocks), "a block that ends before it begins or beyond the last layer"),
        (lambda blocks: np.where(np.arange(5) == 2, np.nan, blocks), "or without finite figures"),
    ],
)
def test_impossible_blocks_are_told(change: Callable[[FloatArray], FloatArray], said: str) -> None:
    class Wrong(SyntheticEvaluator):
        def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
            scored = super().evaluate(genomes, workers)
            return dataclasses.replace(scored, blocks=change(scored.blocks))

    base = synthetic_problem()
    with pytest.raises(PluginError, match=said):
        optimize(
            SearchProblem(Wrong(), base.metrics, base.objectives),
            operators=default_operators(),
            population=40,
            budget=Budget(generations=2),
        )


def test_a_generation_without_new_mappings_changes_nothing_for_the_next() -> None:
    """A space of a few mappings: when all are known the engine is told of batches without blocks, and goes on."""
    spec = SyntheticSpec(layers=2, cores=1, pins={3: 0, 4: 0})
    evaluator = SyntheticEvaluator(spec)
    metrics = synthetic_problem().metrics
    result = optimize(
        SearchProblem(evaluator, metrics, metrics[:2]), operators=default_operators(), budget=Budget(generations=5), population=4
    )
    assert result.evaluations == int(np.prod(spec.upper - spec.lower + 1))
