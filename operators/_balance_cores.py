"""Taking work off the busiest core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import core_table, free, one_of, segment
from stream_evo.operators._hints import LayerCosts
from stream_evo.search import Spec
from stream_evo.typing import FloatArray, IntArray

__all__ = ["BalanceCores"]


@dataclass(frozen=True, slots=True)
class BalanceCores:
    """Moves one layer from the most loaded core to the least loaded one that can run it.

    The busiest core bounds the latency of everything that runs in parallel with it, so work taken off it is the likeliest to pay.

    Attributes:
        hints: What each layer costs on each core; without, all layers weigh the same.
    """

    hints: LayerCosts | None = None

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "allocation")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`; genomes whose busiest core can give nothing away stay as they are."""
        part = segment(spec, "allocation")
        table = core_table(spec)
        count, layers = len(genomes), len(table)
        rows = np.arange(count)
        cores = table[np.arange(layers), genomes[:, part]]
        load = self._load(table, cores)
        # A core counts as busiest only if it has a layer to give: free, and with another core to go to.
        givable = np.broadcast_to(free(spec, part), cores.shape)
        busiest = np.where(givable, load[rows[:, None], cores], -np.inf).argmax(axis=1)
        layer, found = one_of(givable & (cores == cores[rows, busiest][:, None]), rng)
        options = table[layer]
        load_there = np.where(options >= 0, load[rows[:, None], np.maximum(options, 0)], np.inf)
        load_there[rows, genomes[rows, part.start + layer]] = np.inf
        target = load_there.argmin(axis=1)
        found &= np.isfinite(load_there[rows, target])
        moved = genomes.copy()
        moved[rows[found], part.start + layer[found]] = target[found]
        return moved

    def _load(self, table: IntArray, cores: IntArray) -> FloatArray:
        """Load of each core, (P, cores)."""
        count, layers = cores.shape
        width = int(table.max(initial=0)) + 1
        cost = np.ones((layers, width)) if self.hints is None else self.hints.latency_cycles
        work = cost[np.arange(layers), cores]
        flat = (np.arange(count)[:, None] * width + cores).ravel()
        return np.bincount(flat, weights=work.ravel(), minlength=count * width).astype(np.float64).reshape(count, width)
