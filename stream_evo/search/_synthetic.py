"""A search problem with the structure of the real one and a cost of microseconds, for tests of engines and operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from stream_evo.search._problem import SearchProblem
from stream_evo.typing import FloatArray, IntArray

__all__ = ["SyntheticEvaluator", "SyntheticScores", "SyntheticSpec", "synthetic_problem"]

_METRICS = ("latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes")


@dataclass(frozen=True)
class SyntheticSpec:
    """A space with allocation, cuts, tile sizes, and on demand splits, dataflows and a priority.

    Not every core can run every layer, tile choices differ from layer to layer, and genes can be pinned, as in the real space.

    Attributes:
        layers: Number of layers L.
        cores: Number of cores N.
        split: Whether layers can be split over several cores; the made-up chip gains half of the work and pays a tensor more.
        dataflows: Dataflows per core; 1 leaves the segment out.
        priority: Whether there is a priority gene.
        pins: Value of each pinned gene by its index.
    """

    layers: int = 12
    cores: int = 4
    split: bool = False
    dataflows: int = 1
    priority: bool = False
    pins: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def capable(self) -> tuple[tuple[int, ...], ...]:
        """Cores that can run each layer: every third layer cannot run on the last core."""
        return tuple(tuple(range(self.cores - int(layer % 3 == 0 and self.cores > 1))) for layer in range(self.layers))

    @cached_property
    def segments(self) -> Mapping[str, slice]:
        """Where each segment lies."""
        lengths = {"allocation": self.layers, "cut": self.layers - 1, "tile": self.layers}
        if self.split:
            lengths["split"] = self.layers
        if self.dataflows > 1:
            lengths["dataflow"] = self.cores
        if self.priority:
            lengths["priority"] = 1
        ends = np.cumsum(list(lengths.values())).tolist()
        return MappingProxyType({name: slice(end - length, end) for (name, length), end in zip(lengths.items(), ends, strict=True)})

    @cached_property
    def lower(self) -> IntArray:
        """Smallest value of each gene, (V,)."""
        return self._bounds[0]

    @cached_property
    def upper(self) -> IntArray:
        """Largest value of each gene, (V,)."""
        return self._bounds[1]

    def canonical(self, genomes: IntArray) -> IntArray:
        """Genomes (P, V) clipped to the bounds."""
        return np.clip(np.asarray(genomes, dtype=np.int64), self.lower, self.upper)

    @cached_property
    def _bounds(self) -> tuple[IntArray, IntArray]:
        upper = np.ones(max(part.stop for part in self.segments.values()), dtype=np.int64)
        lower = np.zeros_like(upper)
        upper[self.segments["allocation"]] = [len(cores) - 1 for cores in self.capable]
        upper[self.segments["tile"]] = 2 + np.arange(self.layers) % 4
        if "split" in self.segments:
            upper[self.segments["split"]] = [len(cores).bit_length() - 1 for cores in self.capable]
        if "dataflow" in self.segments:
            upper[self.segments["dataflow"]] = self.dataflows - 1
        for gene, value in self.pins.items():
            lower[gene] = upper[gene] = value
        lower.setflags(write=False)
        upper.setflags(write=False)
        return lower, upper


@dataclass(frozen=True, slots=True)
class SyntheticScores:
    """Metrics (P, 5), violation in bytes (P,), and what stacks contribute (P, L, 5), see `KnowsBlocks`."""

    metrics: FloatArray
    violation_bytes: FloatArray
    blocks: FloatArray


@dataclass(frozen=True)
class SyntheticEvaluator:
    """Scores of a made-up chip, in closed form over the batch.

    Latency: stacks run one after the other; inside a stack the cores run in parallel, better so with finer tiles. Energy: work on cores
    that differ in efficiency, tensors that change cores, and twice as much for tensors that leave the chip at cuts. Memory: whole tensors
    at cuts, tiles inside stacks. A stack whose weights exceed what a core holds misses by the excess.

    Attributes:
        spec: The space.
        seed: Chooses the numbers of layers and cores.
    """

    spec: SyntheticSpec = field(default_factory=SyntheticSpec)
    seed: int = 0

    def evaluate(self, genomes: IntArray, workers: int = 1) -> SyntheticScores:
        """Score genomes (P, V); `workers` changes nothing."""
        del workers
        work, speed, efficiency, tensor, weights = self._chip
        spec = self.spec
        core, cut, tile = (genomes[:, spec.segments[name]] for name in ("allocation", "cut", "tile"))
        count, layers = core.shape
        stack = np.zeros((count, layers), dtype=np.int64)
        np.cumsum(cut, axis=1, out=stack[:, 1:])
        time, energy = work / speed[core], work * efficiency[core] / speed[core] ** 0.5
        flow = genomes[:, spec.segments["dataflow"]] if "dataflow" in spec.segments else np.zeros((count, spec.cores), dtype=np.int64)
        time = time * (1.0 + 0.3 * (np.take_along_axis(flow, core, axis=1) != np.arange(layers) % spec.dataflows))
        time, energy = time * (1.0 + 0.02 * tile**2), energy * (1.0 + 0.03 * tile**2)
        if "split" in spec.segments:
            parts = genomes[:, spec.segments["split"]]
            time, energy = time / 2.0 ** (0.8 * parts), energy + 0.4 * parts * tensor
        busy, held = (self._by_stack(values, stack, core) for values in (time, np.broadcast_to(weights, core.shape)))
        alone = self._by_stack(time / 2.0**tile, stack, np.zeros_like(core)).max(axis=2)
        latency = busy.max(axis=2) + alone
        boundary = tensor[:-1]
        energy = energy.copy()
        energy[:, 1:] += 0.4 * boundary * (core[:, 1:] != core[:, :-1]) + 2.0 * boundary * cut
        kept = np.where(np.pad(cut, ((0, 0), (0, 1)), constant_values=1) == 1, tensor, tensor / 2.0**tile)
        memory = self._by_stack(kept, stack, np.zeros_like(core))[:, :, 0]
        if "priority" in spec.segments:
            late = genomes[:, spec.segments["priority"]] == 1
            latency, memory = np.where(late, 0.95 * latency, latency), np.where(late, 1.2 * memory, memory)
        dram = np.zeros((count, layers))
        dram[:, 1:] = boundary * cut
        dram[:, -1] += tensor[-1]
        energy, dram = (self._by_stack(values, stack, np.zeros_like(core))[:, :, 0] for values in (energy, dram))
        violation = np.maximum(held - 2.5 * weights.mean() * np.sqrt(layers), 0.0).sum(axis=(1, 2))
        totals = latency.sum(axis=1), energy.sum(axis=1)
        metrics = np.stack([*totals, memory.max(axis=1), totals[0] * totals[1], dram.sum(axis=1)], axis=1)
        return SyntheticScores(metrics, violation, _blocks(stack, np.stack([latency, energy, dram, memory], axis=2)))

    @cached_property
    def _chip(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        rng = np.random.default_rng(self.seed)
        layers, cores = self.spec.layers, self.spec.cores
        work, tensor, weights = (rng.lognormal(3.0, 0.8, size=layers) for _ in range(3))
        return work, rng.uniform(0.5, 3.0, size=cores), rng.uniform(0.5, 2.0, size=cores), tensor, weights

    def _by_stack(self, values: FloatArray, stack: IntArray, core: IntArray) -> FloatArray:
        """Sum values (P, L) per stack and core, (P, L, N)."""
        count, layers = stack.shape
        flat = ((np.arange(count)[:, None] * layers + stack) * self.spec.cores + core).ravel()
        size = count * layers * self.spec.cores
        sums = np.bincount(flat, weights=values.ravel(), minlength=size).astype(np.float64)
        return sums.reshape(count, layers, self.spec.cores)


def _blocks(stack: IntArray, figures: FloatArray) -> FloatArray:
    """Return figures by stack (P, L, C) in the rows of their first layers, see `KnowsBlocks`."""
    count, layers = stack.shape
    found = np.zeros((count, layers, 1 + figures.shape[2]))
    genome, first = np.nonzero(np.diff(stack, axis=1, prepend=-1))
    number = stack[genome, first]
    found[genome, first, 0] = np.where(np.append(genome[1:], -1) == genome, np.append(first[1:], layers), layers)
    found[genome, first, 1:] = figures[genome, number]
    return found


def synthetic_problem(layers: int = 12, cores: int = 4, seed: int = 0, objectives: int = 3) -> SearchProblem:
    """Return a synthetic search problem over the first `objectives` of latency, energy, memory, their product, and off-chip traffic."""
    evaluator = SyntheticEvaluator(SyntheticSpec(layers, cores), seed)
    return SearchProblem(
        evaluator, _METRICS, _METRICS[:objectives], fingerprint={"synthetic": f"{layers} layers, {cores} cores, seed {seed}"}
    )
