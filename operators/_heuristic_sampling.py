"""Sampling that starts from mappings an architect would try."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import by_value, core_table, redraw, segment
from stream_evo.operators._hints import LayerCosts
from stream_evo.operators._pipelines import drawn_runs, open_cores, pipelined
from stream_evo.search import Spec
from stream_evo.typing import BoolArray, FloatArray, IntArray

__all__ = ["HeuristicSampling"]

_ENDLESS = np.inf
_BEST = 4
# What mixtures are drawn from. Of 1,500 mixtures each on five problems, those in the best tenth by non-dominated sorting had these
# values more often than others left out: stacks of two to four layers, twice the weights that fit, no growth of tiles along the network.
_STACK_LENGTHS = (3, 6, 10, 20, _ENDLESS)
_FILLS = (0.25, 0.5, 1.0, _ENDLESS)
_RAMPS = (0.0, 0.5)
_LOAD_WEIGHTS = (0.0, 0.3, 1.0)
_LOAD_DECAYS = (0.7, 0.9, 1.0)
_ENERGY_POWERS = (0.0, 0.5, 1.0, 2.0)
_NOISES = (0.0, 0.15, 0.4)
_COARSEST = (0, 0, 0, 1, 2)
_HEAVY_ODDS = 0.85


@dataclass(frozen=True, slots=True)
class HeuristicSampling:
    """Seeds the population with sound mappings, then with random mixtures of what makes mappings sound.

    Plain seeds combine an allocation with a way of fusing:

    * allocations: all layers on one core (as far as they can run there; up to `cores` cores, evenly chosen), round-robin, consecutive
      blocks of layers on consecutive cores; and with `hints` the best core of each layer for latency, for energy and for their product, and
      the earliest finish by a greedy list schedule;
    * fusing: layer by layer (all boundaries cut, coarsest tiles), deepest fusion (nothing cut, finest tiles), and deepest fusion that
      fits (a stack grows until the weights of one of its cores exceed the memory) with tiles two steps above the finest.

    The rest of the population are mixtures, each with random settings of its own:

    * some (`pipelines`) make each stack a pipeline: runs of consecutive layers of about equal work, each on a core of its own;
    * of the others two thirds get their cores from a greedy list schedule by latency, energy, load so far and some noise, one third from a
      plain allocation with a random share of layers moved;
    * a stack ends where the weights of a core exceed a share of its memory, or after some layers;
    * tiles are about equally large in all layers, so that large maps at the start of a network are cut into many and small ones at its
      end into few: what is fused there is bound by weights, not by maps. Where the weights of a layer alone exceed the memory, every tile
      loads them anew, so most mixtures have the coarsest tiles there.

    Good mappings are rare: on large problems random genomes never get near them in a hundred thousand evaluations, and seeds are worth
    more than any other part of the search.

    Attributes:
        hints: Rough costs, if known.
        cores: Most cores that get an everything-here seed.
        seed_share: Part of the population that are plain seeds, at most.
        pipelines: Part of the mixtures that are pipelines.
    """

    hints: LayerCosts | None = None
    cores: int = 8
    seed_share: float = 0.15
    pipelines: float = 0.3

    def __call__(self, spec: Spec, count: int, rng: np.random.Generator) -> IntArray:
        """Return `count` genomes, see `Sampling`; the seeds first."""
        allocations = self._allocations(spec)
        seeds = self._seeds(spec, allocations)[: max(1, round(self.seed_share * count))]
        return np.concatenate([seeds, self._mixtures(spec, allocations, max(count - len(seeds), 0), rng)])[:count]

    def _allocations(self, spec: Spec) -> IntArray:
        """Distinct allocations, best guesses first, (A, L)."""
        table = core_table(spec)
        layers = np.arange(len(table))
        found = []
        if self.hints is not None:
            latency, energy = (by_value(costs, table) for costs in (self.hints.latency_cycles, self.hints.energy_pj))
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
        cut, tile = segment(spec, "cut"), segment(spec, "tile")
        fitting = self._fitting_cuts(spec, allocations, np.ones(len(allocations)), np.full(len(allocations), _ENDLESS))
        layer_by_layer = (np.ones_like(fitting), spec.lower[tile])
        deepest = (np.zeros_like(fitting), spec.upper[tile])
        deepest_fitting = (fitting, np.maximum(spec.upper[tile] - 2, spec.lower[tile]))
        seeds = []
        # The first allocations are the best guesses; only what fits is worth a try on all.
        for (cuts, tiles), first, last in (
            (layer_by_layer, 0, _BEST),
            (deepest_fitting, 0, None),
            (deepest, 0, _BEST),
            (layer_by_layer, _BEST, None),
            (deepest, _BEST, None),
        ):
            for row in range(len(allocations))[first:last]:
                genome = spec.lower.copy()
                genome[segment(spec, "allocation")] = allocations[row]
                genome[cut] = cuts[row]
                genome[tile] = tiles
                seeds.append(genome)
        canonical = spec.canonical(np.array(seeds))
        return canonical[np.sort(np.unique(canonical, axis=0, return_index=True)[1])]

    def _mixtures(self, spec: Spec, allocations: IntArray, count: int, rng: np.random.Generator) -> IntArray:
        """Random mixtures of allocations, fusing and tile sizes, (count, V)."""
        genomes = np.repeat(spec.lower[None, :], count, axis=0)
        allocation, cut, tile = (segment(spec, name) for name in ("allocation", "cut", "tile"))
        plain = rng.random((count, 1)) < 1 / 3
        fills, lengths = rng.choice(_FILLS, size=count), rng.choice(_STACK_LENGTHS, size=count)
        chosen = np.where(plain, allocations[rng.integers(len(allocations), size=count)], self._greedy(spec, fills, lengths, rng))
        cuts = self._fitting_cuts(spec, chosen, fills, lengths)
        piped = rng.random(count) < self.pipelines
        if piped.any():
            chosen[piped], cuts[piped] = self._pipelined(spec, fills[piped], lengths[piped], rng)
        genomes[:, allocation], genomes[:, cut] = chosen, cuts
        genomes[:, tile] = self._coarse_where_heavy(spec, chosen, _even_tiles(spec, count, rng), rng)
        where = np.zeros(genomes.shape, dtype=np.bool_)
        where[:, allocation] = plain & (rng.random(chosen.shape) < rng.choice((0.0, 0.05, 0.2), size=(count, 1)))
        for name, odds in (("split", 0.1), ("dataflow", 0.2), ("priority", 0.5)):
            part = segment(spec, name)
            where[:, part] = rng.random((count, part.stop - part.start)) < odds
        return spec.canonical(redraw(spec, spec.canonical(genomes), where, rng))

    def _greedy(self, spec: Spec, fills: FloatArray, lengths: FloatArray, rng: np.random.Generator) -> IntArray:
        """Allocations by greedy list schedules, each with its own regard for load and energy, (count, L).

        In every second genome load counts within a stack only, as stacks follow each other.
        """
        table, count = core_table(spec), len(fills)
        latency, energy = np.where(table >= 0, 1.0, np.inf), np.where(table >= 0, 1.0, np.inf)
        if self.hints is not None:
            latency, energy = (by_value(costs, table) for costs in (self.hints.latency_cycles, self.hints.energy_pj))
        settings = (_LOAD_WEIGHTS, _LOAD_DECAYS, _ENERGY_POWERS, _NOISES)
        load_weight, decay, power, noise = (rng.choice(values, size=(count, 1)) for values in settings)
        within = rng.random(count) < 0.5
        rows = np.arange(count)
        load = np.zeros((count, int(table.max(initial=0)) + 1))
        ends = _StackEnds(self._weight_share(table), load.shape, fills, lengths)
        chosen = np.zeros((count, len(table)), dtype=np.int64)
        for layer, cores in enumerate(table):
            able = np.flatnonzero(np.isfinite(latency[layer]) & np.isfinite(energy[layer]))
            work, cost = latency[layer, able], energy[layer, able] / max(energy[layer, able].min(), 1e-300)
            finish = (work + load_weight * load[:, cores[able]]) * cost**power * np.exp(noise * rng.standard_normal((count, len(able))))
            best = able[finish.argmin(axis=1)]
            chosen[:, layer] = best
            load[ends.before(layer, best, cores[best]) & within] = 0.0
            load[rows, cores[best]] += latency[layer, best]
            load[~within] *= decay[~within]
        return chosen

    def _pipelined(self, spec: Spec, fills: FloatArray, lengths: FloatArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        """Pipelines in stacks that end before their weights exceed `fills` (P,) of all cores together: allocations and cuts."""
        table = core_table(spec)
        cores = max(len(open_cores(table)), 1)
        share = self._weight_share(table).min(axis=1) / cores
        # To the weights that all cores hold together, they are one core.
        together = np.zeros(len(fills), dtype=np.int64)
        ends = _StackEnds(share[:, None], (len(fills), 1), fills, lengths)
        stacks = np.zeros((len(fills), len(table)), dtype=np.int64)
        for layer in range(len(table)):
            stacks[:, layer] = ends.before(layer, together, together)
        stacks[:, 0] = 0
        runs = drawn_runs(table, len(fills), rng)
        latency = None if self.hints is None else self.hints.latency_cycles
        return pipelined(spec, latency, np.cumsum(stacks, axis=1), runs, rng), stacks[:, 1:]

    def _coarse_where_heavy(self, spec: Spec, allocations: IntArray, tiles: IntArray, rng: np.random.Generator) -> IntArray:
        """Give layers whose weights alone exceed the memory of their core one of the coarsest tiles, in most genomes (P, L)."""
        if self.hints is None or self.hints.weight_share is None:
            return tiles
        cores = np.maximum(core_table(spec)[np.arange(allocations.shape[1]), allocations], 0)
        heavy = self.hints.weight_share[np.arange(allocations.shape[1]), cores] > 1.0
        most = rng.choice(_COARSEST, size=(len(tiles), 1))
        coarse = spec.lower[segment(spec, "tile")] + rng.integers(0, most + 1, size=tiles.shape)
        where = heavy & (rng.random((len(tiles), 1)) < _HEAVY_ODDS)
        return np.where(where, np.minimum(coarse, spec.upper[segment(spec, "tile")]), tiles)

    def _fitting_cuts(self, spec: Spec, allocations: IntArray, fills: FloatArray, lengths: FloatArray) -> IntArray:
        """Cuts (P, L - 1) that end a stack before weights of a core exceed `fills` (P,) of its memory, or after `lengths` (P,) layers."""
        table = core_table(spec)
        ends = _StackEnds(self._weight_share(table), (len(allocations), int(table.max(initial=0)) + 1), fills, lengths)
        cuts = np.zeros(allocations.shape, dtype=np.int64)
        for layer in range(len(table)):
            values = allocations[:, layer]
            cuts[:, layer] = ends.before(layer, values, np.maximum(table[layer, values], 0))
        return cuts[:, 1:]

    def _weight_share(self, table: IntArray) -> FloatArray:
        """Weights of each layer as share of what the core of each value holds, (L, A); nothing where that is not known."""
        if self.hints is None or self.hints.weight_share is None:
            return np.zeros(table.shape)
        return by_value(self.hints.weight_share, table)


class _StackEnds:
    """Where stacks end, layer by layer: before weights of a core exceed `fills` (P,) of its memory, or after `lengths` (P,) layers."""

    def __init__(self, share: FloatArray, shape: tuple[int, int], fills: FloatArray, lengths: FloatArray) -> None:
        self._share, self._fills, self._lengths = share, fills, lengths
        self._held, self._length = np.zeros(shape), np.zeros(shape[0])
        self._rows = np.arange(shape[0])

    def before(self, layer: int, values: IntArray, cores: IntArray) -> BoolArray:
        """Return whether a stack ends before this layer, put on the core of each allocation value, (P,)."""
        share = self._share[layer, values]
        full = (self._held[self._rows, cores] + share > self._fills) | (self._length >= self._lengths)
        self._held[full], self._length[full] = 0.0, 0.0
        self._held[self._rows, cores] += share
        self._length += 1.0
        return np.asarray(full)


def _even_tiles(spec: Spec, count: int, rng: np.random.Generator) -> IntArray:
    """Tiles some steps above each layer's finest, (count, L); in half of them more steps for large maps, in half single layers off."""
    tile = segment(spec, "tile")
    lower, upper = spec.lower[tile], spec.upper[tile]
    if not len(upper):
        return np.zeros((count, 0), dtype=np.int64)
    # Squared, as few steps are good for most networks and many for some.
    steps = np.floor((upper.max() + 1) * rng.random((count, 1)) ** 2)
    ramp = rng.choice(_RAMPS, size=(count, 1)) * (upper - upper.mean())
    off = rng.integers(-1, 2, size=(count, len(upper))) * (rng.random((count, len(upper))) < rng.choice((0.0, 0.1), size=(count, 1)))
    return np.asarray(np.clip(np.rint(upper - steps + ramp) + off, lower, upper), dtype=np.int64)


def _earliest_finish(latency: FloatArray, table: IntArray) -> IntArray:
    """Greedy list schedule: each layer in turn goes where it ends first if all layers could run at once, (L,)."""
    load = np.zeros(int(table.max(initial=0)) + 1)
    chosen = np.zeros(len(table), dtype=np.int64)
    for layer, costs in enumerate(latency):
        ends = np.where(table[layer] >= 0, load[np.maximum(table[layer], 0)] + costs, np.inf)
        chosen[layer] = int(ends.argmin())
        load[table[layer, chosen[layer]]] = ends[chosen[layer]]
    return chosen
