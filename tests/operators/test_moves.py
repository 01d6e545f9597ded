"""What each operator changes, and what it leaves."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from stream_evo.operators import (
    BalanceCores,
    ExchangeLayers,
    JoinNeighbour,
    MergeStacks,
    MoveStack,
    PipelineStack,
    RandomReset,
    ResetAllocation,
    ResetTile,
    SeedHints,
    ShiftCut,
    SplitStack,
    StackCrossover,
    StepSplit,
    StepStackTiles,
    StepTile,
    SwapDataflow,
    TwoPointCrossover,
    UniformCrossover,
)
from stream_evo.operators._genes import core_table, one_of, stack_numbers
from stream_evo.operators._pipelines import pipelined
from stream_evo.search import Mutation
from stream_evo.search.testing import SyntheticSpec
from stream_evo.typing import BoolArray, IntArray

_SPEC = SyntheticSpec(layers=12, cores=4, split=True, dataflows=3, priority=True)
_PART = _SPEC.segments


def _genomes(count: int = 300, seed: int = 0) -> IntArray:
    return np.random.default_rng(seed).integers(_SPEC.lower, _SPEC.upper + 1, size=(count, len(_SPEC.lower)))


def _cores(genomes: IntArray, spec: SyntheticSpec = _SPEC) -> IntArray:
    return core_table(spec)[np.arange(spec.layers), genomes[:, spec.segments["allocation"]]]


def _mutated(mutation: Mutation, *segments: str) -> tuple[IntArray, IntArray, BoolArray]:
    """Genomes, their mutants, and where they differ, which may be in the given segments only."""
    genomes = _genomes()
    mutants = mutation(_SPEC, genomes, np.random.default_rng(1))
    changed = mutants != genomes
    elsewhere = np.ones(genomes.shape[1], dtype=bool)
    for name in segments:
        elsewhere[_PART[name]] = False
    assert not changed[:, elsewhere].any()
    return genomes, mutants, changed


def test_core_table_follows_what_layers_can_run_on_and_pins() -> None:
    spec = SyntheticSpec(layers=3, cores=3, pins={1: 2})
    assert core_table(spec).tolist() == [[0, 1, -1], [-1, -1, 2], [0, 1, 2]]


def test_one_of_draws_marks_evenly() -> None:
    marks = np.tile([True, False, True, True], (6000, 1))
    marks[0] = False
    drawn, found = one_of(marks, np.random.default_rng(0))
    assert not found[0]
    assert found[1:].all()
    counts = np.bincount(drawn[1:], minlength=4)
    assert counts[1] == 0
    assert counts[[0, 2, 3]].min() > 1850


def test_reset_allocation_moves_at_least_one_layer() -> None:
    _, _, changed = _mutated(ResetAllocation(layers=1.5), "allocation")
    moved = changed.sum(axis=1)
    assert moved.min() == 1
    assert 1.3 < moved.mean() < 1.7
    assert changed[:, _PART["allocation"]].any(axis=0).all()


def test_reset_tile_changes_at_least_one_layer() -> None:
    _, _, changed = _mutated(ResetTile(), "tile")
    assert (changed.sum(axis=1) >= 1).all()
    assert 1.2 < changed.sum(axis=1).mean() < 1.8


def test_random_reset_changes_at_least_one_gene_anywhere() -> None:
    _, _, changed = _mutated(RandomReset(genes=3.0), *_PART)
    assert changed.sum(axis=1).min() == 1
    assert 2.5 < changed.sum(axis=1).mean() < 3.5
    assert changed[:, _SPEC.upper > _SPEC.lower].any(axis=0).all()


def test_move_stack_puts_a_stack_on_one_core() -> None:
    genomes, mutants, changed = _mutated(MoveStack(partly=0.0), "allocation")
    stacks, before, after = stack_numbers(_SPEC, genomes), _cores(genomes), _cores(mutants)
    for row in range(len(genomes)):
        moved = np.flatnonzero(changed[row, _PART["allocation"]])
        assert len(set(stacks[row, moved])) == 1
        (core,) = set(after[row, moved])
        members = stacks[row] == stacks[row, moved[0]]
        able = (core_table(_SPEC) == core).any(axis=1)
        assert (after[row, members & able] == core).all()
        assert (before[row, members & ~able] == after[row, members & ~able]).all()


def test_move_stack_can_move_a_rest() -> None:
    spec = SyntheticSpec(layers=8, cores=3)
    genomes = np.repeat(spec.lower[None], 200, axis=0)  # one stack, all on core 0
    cores = _cores(MoveStack(partly=1.0)(spec, genomes, np.random.default_rng(0)), spec)
    first = (cores != 0).argmax(axis=1)
    assert set(first.tolist()) == set(range(8))
    assert all((row[:start] == 0).all() and len(set(row[start:]) - {0}) == 1 for row, start in zip(cores, first, strict=True))


def test_shift_cut_keeps_the_number_of_stacks_but_where_cuts_meet() -> None:
    genomes, mutants, changed = _mutated(ShiftCut(reach=2, follow=0.0), "cut")
    before, after = genomes[:, _PART["cut"]].sum(axis=1), mutants[:, _PART["cut"]].sum(axis=1)
    assert set((before - after).tolist()) == {0, 1}
    one = changed.sum(axis=1) == 2
    places = np.array([np.flatnonzero(row) for row in changed[one]])
    assert set((places[:, 1] - places[:, 0]).tolist()) == {1, 2}
    assert (before == after)[one].all()
    with pytest.raises(ValueError, match="reach must be at least 1"):
        ShiftCut(reach=0)


def test_layers_that_change_over_take_the_tiles_of_their_new_stack() -> None:
    genomes, mutants, changed = _mutated(ShiftCut(reach=2, follow=1.0), "cut", "tile")
    lower, upper = _SPEC.lower[_PART["tile"]], _SPEC.upper[_PART["tile"]]
    followed = 0
    for row in np.flatnonzero(changed[:, _PART["cut"]].sum(axis=1) == 2):
        low, high = np.flatnonzero(changed[row, _PART["cut"]])
        before, tiles = genomes[row, _PART["tile"]], mutants[row, _PART["tile"]]
        went_down = bool(genomes[row, _PART["cut"]][low])
        model = low if went_down else high + 1
        over = slice(low + 1, high + 1)
        steps = upper[model] - before[model]
        assert tiles[over].tolist() == np.clip(upper[over] - steps, lower[over], upper[over]).tolist()
        others = np.ones(len(tiles), dtype=bool)
        others[over] = False
        assert (tiles[others] == before[others]).all()
        followed += 1
    assert followed > 100
    with pytest.raises(ValueError, match="follow must be between 0 and 1"):
        ShiftCut(follow=1.5)


def test_a_merged_stack_takes_the_tiles_of_the_other() -> None:
    genomes, mutants, changed = _mutated(MergeStacks(follow=1.0), "cut", "tile")
    lower, upper = _SPEC.lower[_PART["tile"]], _SPEC.upper[_PART["tile"]]
    stacks = stack_numbers(_SPEC, genomes)
    sides = set()
    for row in np.flatnonzero(changed[:, _PART["cut"]].any(axis=1)):
        boundary = int(np.flatnonzero(changed[row, _PART["cut"]])[0])
        before, tiles = genomes[row, _PART["tile"]], mutants[row, _PART["tile"]]
        expected = []
        for leader, follower in ((boundary, boundary + 1), (boundary + 1, boundary)):
            aligned = np.clip(upper - (upper[leader] - before[leader]), lower, upper)
            expected.append(np.where(stacks[row] == stacks[row, follower], aligned, before).tolist())
        assert tiles.tolist() in expected
        sides.add(expected.index(tiles.tolist()))
    assert sides == {0, 1}
    with pytest.raises(ValueError, match="follow must be between 0 and 1"):
        MergeStacks(follow=-0.1)


class _OnlyCuts:
    """A space whose tile sizes are not searched."""

    segments: ClassVar[dict[str, slice]] = {"allocation": slice(0, 12), "cut": slice(12, 23)}
    lower = np.zeros(23, dtype=np.int64)
    upper = np.ones(23, dtype=np.int64)

    def canonical(self, genomes: IntArray) -> IntArray:
        return genomes.copy()


@pytest.mark.parametrize("mutation", [ShiftCut(follow=1.0), MergeStacks(follow=1.0)], ids=["shift", "merge"])
def test_spaces_without_tiles_still_lose_and_move_cuts(mutation: Mutation) -> None:
    spec = _OnlyCuts()
    genomes = np.random.default_rng(0).integers(spec.lower, spec.upper + 1, size=(50, len(spec.lower)))
    changed = (mutation(spec, genomes, np.random.default_rng(1)) != genomes).any(axis=0)
    assert changed[spec.segments["cut"]].any()
    assert not changed[spec.segments["allocation"]].any()


def test_merge_and_split_change_one_cut() -> None:
    for mutation, step in ((MergeStacks(follow=0.0), -1), (SplitStack(), 1)):
        genomes, mutants, changed = _mutated(mutation, "cut")
        cuts = genomes[:, _PART["cut"]]
        possible = (cuts == max(-step, 0)).any(axis=1)
        assert (changed.sum(axis=1) == possible).all()
        assert (mutants[:, _PART["cut"]].sum(axis=1) - cuts.sum(axis=1) == step * possible).all()


def test_step_tile_goes_one_step() -> None:
    genomes, mutants, changed = _mutated(StepTile(layers=1.5), "tile")
    assert changed.sum(axis=1).min() == 1
    assert 1.3 < changed.sum(axis=1).mean() < 1.7
    assert set(np.abs(mutants - genomes)[changed].tolist()) == {1}


def test_step_stack_tiles_changes_one_stack_and_levels_it() -> None:
    genomes, mutants, changed = _mutated(StepStackTiles(), "tile")
    stacks = stack_numbers(_SPEC, genomes)
    steps = set()
    for row in np.flatnonzero(changed.any(axis=1)):
        layers = np.flatnonzero(changed[row, _PART["tile"]])
        assert len(set(stacks[row, layers])) == 1
        difference = (mutants[row] - genomes[row])[_PART["tile"]][layers]
        steps.add(tuple(sorted(set(difference.tolist()))))
    assert {(-1,), (1,)} < steps, "some go up, some down, some are levelled"


def test_balance_cores_takes_from_the_most_loaded() -> None:
    genomes, mutants, changed = _mutated(BalanceCores(), "allocation")
    before, after = (np.array([np.bincount(row, minlength=4) for row in _cores(part)]) for part in (genomes, mutants))
    assert (changed.sum(axis=1) == 1).all()
    lost = (after - before).argmin(axis=1)
    assert (before[np.arange(len(before)), lost] == before.max(axis=1)).all()
    grown = (after - before).argmax(axis=1)
    assert (before[np.arange(len(before)), grown] <= np.sort(before, axis=1)[:, 1]).all(), (
        "the least loaded, or the next where it cannot run"
    )


def test_balance_cores_weighs_layers_by_hints() -> None:
    spec = SyntheticSpec(layers=5, cores=2)
    cost = np.ones((5, 2))
    cost[1] = 100.0  # one heavy layer alone outweighs the four others
    genomes = spec.lower[None].copy()
    genomes[0, spec.segments["allocation"]] = [0, 1, 0, 0, 0]
    moved = BalanceCores(SeedHints(cost, cost))(spec, genomes, np.random.default_rng(0))
    assert _cores(moved, spec).tolist() == [[0, 0, 0, 0, 0]]
    assert _cores(BalanceCores()(spec, genomes, np.random.default_rng(0)), spec).sum() == 2


def test_exchange_layers_swaps_two_cores_and_flips_a_cut() -> None:
    genomes, mutants, changed = _mutated(ExchangeLayers(), "allocation", "cut", "tile")
    before, after = _cores(genomes), _cores(mutants)
    assert (np.sort(before, axis=1) == np.sort(after, axis=1)).all(), "the same layers per core"
    assert set((before != after).sum(axis=1).tolist()) == {0, 2}
    places = [np.flatnonzero(row) for row in before != after if row.any()]
    assert max(last - first for first, last in places) == 3
    assert 0.4 < changed[:, _PART["cut"]].sum(axis=1).mean() < 0.6
    assert changed[:, _PART["cut"]].sum(axis=1).max() == 1
    assert changed[:, _PART["tile"]].sum(axis=1).max() == 2
    _, _, only_cores = _mutated(ExchangeLayers(tiles=0.0, cuts=0.0), "allocation")
    assert only_cores.any(axis=1).mean() > 0.4


def test_join_neighbour_brings_layers_together() -> None:
    genomes, mutants, changed = _mutated(JoinNeighbour(), "allocation")
    assert (changed.sum(axis=1) <= 1).all()
    assert changed.any(axis=1).mean() > 0.9
    before, after = _cores(genomes), _cores(mutants)
    for row, layer in np.argwhere(changed[:, _PART["allocation"]]):
        neighbours = before[row, [place for place in (layer - 1, layer + 1) if 0 <= place < 12]]
        assert after[row, layer] in neighbours
        assert before[row, layer] != after[row, layer]


def test_pipeline_stack_spreads_one_stack_and_leaves_the_others() -> None:
    genomes, mutants, changed = _mutated(PipelineStack(), "allocation")
    assert (genomes[:, _PART["cut"]] == mutants[:, _PART["cut"]]).all()
    stacks = stack_numbers(_SPEC, genomes)
    assert all(len(set(stack[row])) <= 1 for stack, row in zip(stacks, changed[:, _PART["allocation"]], strict=True))
    assert changed.any(axis=1).mean() > 0.5, "a stack of one layer may stay where it is"


def test_pipelines_are_runs_of_equal_work() -> None:
    spec = SyntheticSpec(layers=24, cores=4)
    work = np.random.default_rng(2).uniform(1.0, 4.0, size=24)
    latency = np.repeat(work[:, None], 4, axis=1)
    values = pipelined(spec, latency, np.zeros((400, 24), dtype=np.int64), np.full(400, 4), np.random.default_rng(0))
    cores = core_table(spec)[np.arange(24), values]
    assert np.median((np.diff(cores, axis=1) != 0).sum(axis=1)) <= 9, "layers of a run share a core, but for those that cannot run there"
    by_chance = np.random.default_rng(0).integers([len(able) for able in spec.capable], size=cores.shape)
    busiest, busiest_by_chance = (
        np.median([np.bincount(row, weights=work, minlength=4).max() for row in allocation]) for allocation in (cores, by_chance)
    )
    assert busiest < 0.9 * busiest_by_chance


def test_pipelines_avoid_cores_that_are_much_slower() -> None:
    latency = np.ones((12, 4))
    latency[:, 0] = 10.0
    stacks = np.zeros((300, 12), dtype=np.int64)
    values = pipelined(_SPEC, latency, stacks, np.full(300, 4), np.random.default_rng(0))
    on_slow = (core_table(_SPEC)[np.arange(12), values] == 0).mean()
    assert 0.02 < on_slow < 0.15, "a third of the genomes tolerate any core, the others none that is ten times slower"


def test_step_split_doubles_or_halves_one() -> None:
    genomes, mutants, changed = _mutated(StepSplit(), "split")
    assert (changed.sum(axis=1) == 1).all()
    assert set((mutants - genomes)[changed].tolist()) == {-1, 1}
    assert not StepSplit().applies(SyntheticSpec())


def test_swap_dataflow_changes_one() -> None:
    _, _, changed = _mutated(SwapDataflow(), "dataflow")
    assert (changed.sum(axis=1) == 1).all()
    assert not SwapDataflow().applies(SyntheticSpec())


def test_stack_crossover_transplants_whole_stacks() -> None:
    first, second = _genomes(seed=2), _genomes(seed=3)
    child = StackCrossover(go_on=0.5)(_SPEC, first, second, np.random.default_rng(0))
    theirs, ours = stack_numbers(_SPEC, second), stack_numbers(_SPEC, child)
    sizes = set()
    for row in range(len(child)):
        # The layers that certainly came from the second parent, and their stacks there.
        differ = (first[row, _PART["tile"]] != second[row, _PART["tile"]]) | (
            first[row, _PART["allocation"]] != second[row, _PART["allocation"]]
        )
        same = (child[row, _PART["tile"]] == second[row, _PART["tile"]]) & (
            child[row, _PART["allocation"]] == second[row, _PART["allocation"]]
        )
        taken = np.unique(theirs[row, differ & same])
        for stack in taken:
            members = np.flatnonzero(theirs[row] == stack)
            assert same[members].all()
            assert np.array_equal(np.flatnonzero(ours[row] == ours[row, members[0]]), members), "same members, none added"
        sizes.add(len(taken))
    assert {1, 2, 3} <= sizes
    with pytest.raises(ValueError, match="go_on"):
        StackCrossover(go_on=1.0)


def test_two_point_crossover_takes_a_run_of_layers() -> None:
    first = np.repeat(_SPEC.lower[None], 400, axis=0)
    second = np.repeat(_SPEC.upper[None], 400, axis=0)
    child = TwoPointCrossover()(_SPEC, first, second, np.random.default_rng(0))
    taken = child == _SPEC.upper
    by_layer = taken[:, _PART["tile"]]
    np.testing.assert_array_equal(by_layer, taken[:, _PART["allocation"]])
    np.testing.assert_array_equal(by_layer[:, :-1], taken[:, _PART["cut"]])
    assert (np.abs(np.diff(np.pad(by_layer, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1) <= 2).all(), "one run"
    assert by_layer.any(axis=0).all()
    assert set(taken[:, _PART["priority"]].ravel().tolist()) == {True, False}


def test_uniform_crossover_takes_genes_at_its_rate() -> None:
    first, second = np.repeat(_SPEC.lower[None], 400, axis=0), np.repeat(_SPEC.upper[None], 400, axis=0)
    child = UniformCrossover(rate=0.2)(_SPEC, first, second, np.random.default_rng(0))
    assert 0.18 < float((child == second).mean()) < 0.22
