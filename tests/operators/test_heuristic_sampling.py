"""What the heuristic sampling starts from."""

from __future__ import annotations

import numpy as np
import pytest

from stream_evo.operators import HeuristicSampling, SeedHints, UniformSampling
from stream_evo.operators._genes import core_table
from stream_evo.search import hypervolume
from stream_evo.search.testing import SyntheticEvaluator, SyntheticSpec
from stream_evo.typing import FloatArray, IntArray

_SPEC = SyntheticSpec(layers=12, cores=4)
_PART = _SPEC.segments


def _sample(sampling: HeuristicSampling, count: int = 100) -> IntArray:
    return sampling(_SPEC, count, np.random.default_rng(0))


def _cores(genomes: IntArray) -> IntArray:
    return core_table(_SPEC)[np.arange(12), genomes[:, _PART["allocation"]]]


def _costs() -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(1)
    latency, energy = rng.uniform(1.0, 9.0, size=(2, 12, 4))
    for layer, cores in enumerate(_SPEC.capable):
        latency[layer, [core for core in range(4) if core not in cores]] = np.inf
        energy[layer, [core for core in range(4) if core not in cores]] = np.inf
    return latency, energy


def _plain(hints: SeedHints | None = None) -> IntArray:
    """All plain seeds."""
    return _sample(HeuristicSampling(hints, seed_share=1.0))


def test_layer_by_layer_and_deepest_fusion_are_among_the_seeds() -> None:
    genomes = _sample(HeuristicSampling())
    cut, tile = genomes[:, _PART["cut"]], genomes[:, _PART["tile"]]
    assert ((cut == 1).all(axis=1) & (tile == 0).all(axis=1)).sum() >= 4
    assert ((cut == 0).all(axis=1) & (tile == _SPEC.upper[_PART["tile"]]).all(axis=1)).sum() >= 4


def test_every_core_has_a_seed_with_all_it_can_run() -> None:
    cores = _cores(_plain())
    for core in range(4):
        able = (core_table(_SPEC) == core).any(axis=1)
        assert (cores[:, able] == core).all(axis=1).any()


def test_round_robin_and_blocks_use_all_cores_evenly() -> None:
    cores = _cores(_plain())
    assert any(len(set(row[:3])) == 3 and np.bincount(row, minlength=4).max() <= 4 for row in cores)
    assert any((np.diff(row) >= 0).all() and len(set(row)) >= 3 for row in cores)


def test_hints_seed_the_best_cores_and_the_earliest_finish() -> None:
    latency, energy = _costs()
    cores = {tuple(row) for row in _cores(_sample(HeuristicSampling(SeedHints(latency, energy)))).tolist()}
    assert tuple(latency.argmin(axis=1)) in cores
    assert tuple(energy.argmin(axis=1)) in cores
    assert tuple((latency * energy).argmin(axis=1)) in cores
    load, finish = np.zeros(4), []
    for layer in range(12):
        ends = load + latency[layer]
        finish.append(int(ends.argmin()))
        load[finish[-1]] = ends[finish[-1]]
    assert tuple(finish) in cores


def test_pinned_layers_and_many_cores_are_respected() -> None:
    spec = SyntheticSpec(layers=10, cores=30, pins={0: 7, 3: 2})
    genomes = HeuristicSampling(cores=5)(spec, 60, np.random.default_rng(0))
    assert set(genomes[:, 0].tolist()) == {7}
    assert set(genomes[:, 3].tolist()) == {2}
    assert np.array_equal(spec.canonical(genomes), genomes)


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_small_populations_take_the_plainest_seeds(count: int) -> None:
    genomes = _sample(HeuristicSampling(), count)
    assert len(genomes) == count
    assert (genomes[0, _PART["cut"]] == 1).all()


def test_mixtures_are_nearly_all_different() -> None:
    genomes = _sample(HeuristicSampling(), 400)
    assert len(np.unique(genomes, axis=0)) > 350


def test_a_seed_fuses_as_deep_as_weights_fit() -> None:
    latency, energy = _costs()
    share = np.random.default_rng(2).uniform(0.1, 0.6, size=(12, 4))
    genomes = {tuple(genome) for genome in _sample(HeuristicSampling(SeedHints(latency, energy, share))).tolist()}
    cores = latency.argmin(axis=1)
    held, cuts = np.zeros(4), []
    for layer, core in enumerate(cores):
        full = held[core] + share[layer, core] > 1.0
        cuts.append(int(full))
        held = held * (not full)
        held[core] += share[layer, core]
    allocation = (core_table(_SPEC) == cores[:, None]).argmax(axis=1)
    tiles = _SPEC.upper[_PART["tile"]] - 2
    assert 0 < sum(cuts) < 11
    assert (*allocation.tolist(), *cuts[1:], *tiles.tolist()) in genomes


def test_tiles_of_mixtures_are_equally_far_from_the_finest() -> None:
    genomes = _sample(HeuristicSampling(seed_share=0.01), 400)[1:, _PART["tile"]]
    steps = _SPEC.upper[_PART["tile"]] - genomes
    largest = steps.max(axis=1, keepdims=True)
    even = ((steps == largest) | (genomes == 0)).all(axis=1)
    assert even.mean() > 0.2, "half of them have no more steps for large layers, of those half have no layer off"
    assert len(np.unique(largest[even])) == _SPEC.upper[_PART["tile"]].max() + 1, "all sizes are tried"


def test_layers_with_more_weights_than_fit_are_cut_coarsely() -> None:
    share = np.full((12, 4), 0.1)
    share[[2, 7]] = 1.5
    genomes = _sample(HeuristicSampling(SeedHints(*_costs(), share), seed_share=0.01), 200)[1:]
    tiles = genomes[:, _PART["tile"]]
    assert (tiles[:, [2, 7]] == 0).mean() > 0.5
    assert (tiles[:, [6, 3]] == 0).mean() < 0.3, "layers with the same choice as these two, and light"
    cut = genomes[:, _PART["cut"]]
    assert cut[:, [1, 6]].mean() > 0.5 > 0.4 > cut[:, [4, 9]].mean(), "a stack ends before them"


def test_seeds_are_far_better_than_chance() -> None:
    spec = SyntheticSpec(layers=48, cores=8)
    reference = np.array([3000.0, 4000.0, 300.0])
    shares = []
    for sampling in (HeuristicSampling(), UniformSampling()):
        scores = SyntheticEvaluator(spec).evaluate(sampling(spec, 100, np.random.default_rng(0)))
        shares.append(hypervolume(scores.metrics[scores.violation_bytes == 0, :3], reference))
    assert shares[0] > 1.5 * shares[1]


def test_hints_are_checked_and_read_only() -> None:
    with pytest.raises(ValueError, match="equal shapes"):
        SeedHints(np.ones((3, 2)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="equal shapes"):
        SeedHints(np.ones((3, 2)), np.ones((3, 2)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="every layer needs a core"):
        SeedHints(np.full((1, 2), np.inf), np.ones((1, 2)))
    hints = SeedHints(np.ones((3, 2)), np.ones((3, 2)))
    assert not hints.latency_cycles.flags.writeable
