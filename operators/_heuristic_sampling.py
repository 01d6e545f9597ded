"""Sampling that starts from mappings an architect would try."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from stream_evo.operators._genes import core_table, redraw, segment
from stream_evo.operators._hints import LayerCosts
from stream_evo.search import Spec
from stream_evo.typing import FloatArray, IntArray

__all__ = ["HeuristicSampling"]

_STACK_LENGTHS = (1, 2, 4, 8, 16)
_TILE_SHARES = (0.0, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class HeuristicSampling:
    """Seeds the population with sound mappings, then with random mixtures of their parts.

    Seeds combine an allocation with a way of fusing:

    * allocations: all layers on one core (as far as they can run there; up to `cores` cores, evenly chosen), round-robin, consecutive
      blocks of layers on consecutive cores; and with `hints` the best core of each layer for latency, for energy and for their product, and
      the earliest finish by a greedy list schedule;
    * fusing: layer by layer (all boundaries cut, coarsest tiles), and deepest fusion (nothing cut) with fine tiles.

    Good mappings are rare: on large problems random genomes never get near them in a hundred thousand evaluations, and seeds are worth
    more than any other part of the search. The rest of the population are mixtures: a seed allocation with a random share of layers moved,
    stacks of random length, tiles of one share of their range with some steps off, so crossover finds all parts at many grades.

    Attributes:
        hints: Rough costs, if known.
        cores: Most cores that get an everything-here seed.
        seed_share: Part of the population that are plain seeds, at most.
    """

    hints: LayerCosts | None = None
    cores: int = 8
    seed_share: float = 0.5

    def __call__(self, spec: Spec, count: int, rng: np.random.Generator) -> IntArray:
        """Return `count` genomes, see `Sampling`; the seeds first."""
        allocations = self._allocations(spec)
        seeds = self._seeds(spec, allocations)[: max(1, round(self.seed_share * count))]
        return np.concatenate([seeds, _mixtures(spec, allocations, max(count - len(seeds), 0), rng)])[:count]

    def _allocations(self, spec: Spec) -> IntArray:
        """Distinct allocations, best guesses first, (A, L)."""
        table = core_table(spec)
        layers = np.arange(len(table))
        found = []
        if self.hints is not None:
            latency, energy = (_by_value(costs, table) for costs in (self.hints.latency_cycles, self.hints.energy_pj))
            found += [latency.argmin(axis=1), energy.argmin(axis=1), (latency * energy).argmin(axis=1), _earliest_finish(latency, table)]
        fallback = found[0] if found else np.argmax(table >= 0, axis=1)
        counts = np.maximum((table >= 0).sum(axis=1), 1)
        values = np.argsort(table < 0, axis=1, kind="stable")  # the legal values of each gene first
        found.append(values[layers, layers % counts])
        cores = np.unique(table[table >= 0])
        found.append(values[layers, layers * counts // max(len(layers), 1)])
        chosen = cores[np.unique(np.linspace(0, len(cores) - 1, min(self.cores, len(cores))).astype(np.int64))]
        found += [np.where((table == core).any(axis=1), (table == core).argmax(axis=1), fallback) for core in chosen]
        stacked = np.array(found, dtype=np.int64)
        return stacked[np.sort(np.unique(stacked, axis=0, return_index=True)[1])]

    def _seeds(self, spec: Spec, allocations: IntArray) -> IntArray:
        """Distinct canonical seeds, the plainest first, (S, V)."""
        styles = ((1, 0.0), (0, 1.0), (0, 0.75), (0, 0.5))
        seeds = []
        for (cut, share), allocation in product(styles, allocations):
            genome = spec.lower.copy()
            genome[segment(spec, "allocation")] = allocation
            genome[segment(spec, "cut")] = cut
            tile = segment(spec, "tile")
            genome[tile] = _at_share(spec, tile, np.array([[share]]))[0]
            seeds.append(genome)
        canonical = spec.canonical(np.array(seeds))
        return canonical[np.sort(np.unique(canonical, axis=0, return_index=True)[1])]


def _mixtures(spec: Spec, allocations: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Random mixtures of allocations, fusing and tile sizes, (count, V)."""
    genomes = np.repeat(spec.lower[None, :], count, axis=0)
    allocation, cut, tile = (segment(spec, name) for name in ("allocation", "cut", "tile"))
    genomes[:, allocation] = allocations[rng.integers(len(allocations), size=count)]
    lengths = rng.choice(_STACK_LENGTHS, size=(count, 1))
    genomes[:, cut] = rng.random((count, cut.stop - cut.start)) < 1.0 / lengths
    # Long stacks need fine tiles to fit, single layers need none.
    shares = np.where(lengths == 1, 0.0, rng.choice(_TILE_SHARES, size=(count, 1)))
    genomes[:, tile] = _at_share(spec, tile, shares)
    where = np.zeros(genomes.shape, dtype=np.bool_)
    where[:, allocation] = rng.random((count, allocation.stop - allocation.start)) < rng.choice((0.0, 0.05, 0.2), size=(count, 1))
    where[:, tile] = rng.random((count, tile.stop - tile.start)) < rng.choice((0.0, 0.1), size=(count, 1))
    for name, odds in (("split", 0.1), ("dataflow", 0.2), ("priority", 0.5)):
        part = segment(spec, name)
        where[:, part] = rng.random((count, part.stop - part.start)) < odds
    return spec.canonical(redraw(spec, spec.canonical(genomes), where, rng))


def _at_share(spec: Spec, part: slice, shares: FloatArray) -> IntArray:
    """Values at shares (P, 1) of the range of each gene of a segment, (P, genes)."""
    lower, upper = spec.lower[part], spec.upper[part]
    return np.asarray(np.rint(lower + shares * (upper - lower)), dtype=np.int64)


def _by_value(costs: FloatArray, table: IntArray) -> FloatArray:
    """Costs by allocation value (L, A) from costs by core (L, N); infinite where there is no such value."""
    layers = np.arange(len(table))[:, None]
    return np.where(table >= 0, costs[layers, np.maximum(table, 0)], np.inf)


def _earliest_finish(latency: FloatArray, table: IntArray) -> IntArray:
    """Greedy list schedule: each layer in turn goes where it ends first if all layers could run at once, (L,)."""
    load = np.zeros(int(table.max(initial=0)) + 1)
    chosen = np.zeros(len(table), dtype=np.int64)
    for layer, costs in enumerate(latency):
        ends = np.where(table[layer] >= 0, load[np.maximum(table[layer], 0)] + costs, np.inf)
        chosen[layer] = int(ends.argmin())
        load[table[layer, chosen[layer]]] = ends[chosen[layer]]
    return chosen
