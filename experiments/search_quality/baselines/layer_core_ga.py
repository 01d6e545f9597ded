"""The genetic algorithm of the reference framework, with its settings.

KULeuven-MICAS/stream, branch Exploration @4b73270a (MIT): DEAP's mu + lambda with ``selNSGA2``, 64 individuals, mu = 32, a child comes from
crossover (0.3) or mutation (0.7), parents are drawn uniformly. Mutation: in three of four cases every gene is drawn anew with odds 1 /
V, else two genes are exchanged. Its crossover is ordered for more than ten genes and two-point otherwise; ordered crossover is made for
permutations and has no meaning for genes that are choices, so two-point is used for all, which is in its favour. Its genome holds cores
only; here all genes take part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from contender import Contender
from deap import base, tools

from stream_evo.operators import RandomReset
from stream_evo.search import EngineContext
from stream_evo.typing import FloatArray, IntArray

_INDIVIDUALS = 64
_CROSSOVER = 0.3
_REDRAW = 0.75


class _Individual:
    def __init__(self, row: int, fitness: Any) -> None:
        self.row, self.fitness = row, fitness


class LayerCoreGa:
    """Mu + lambda with lambda = the population and mu = half of it."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._fitness = type("Fitness", (base.Fitness,), {"weights": (-1.0,) * context.objectives})
        self._genomes: IntArray = np.empty((0, len(context.spec.lower)), dtype=np.int64)
        self._objectives: FloatArray = np.empty((0, context.objectives))
        self._violation: FloatArray = np.empty(0)

    def ask(self) -> IntArray:
        """Return the first population or children, see `Engine`."""
        context, rng = self._context, self._context.rng
        if not len(self._genomes):
            return context.operators.prepare(context.spec, context.operators.sampling(context.spec, context.population, rng))
        parents = self._genomes[rng.integers(len(self._genomes), size=(2, context.population))]
        crossed = _two_point(parents[0], parents[1], rng)
        redrawn = RandomReset(genes=1.0)(context.spec, parents[0], rng)
        exchanged = self._exchanged(parents[0], rng)
        chance, kind = rng.random((2, context.population, 1))
        mutated = np.where(kind < _REDRAW, redrawn, exchanged)
        return context.operators.prepare(context.spec, np.where(chance < _CROSSOVER, crossed, mutated))

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Keep the better half, see `Engine`."""
        genomes = np.concatenate([self._genomes, genomes])
        objectives = np.concatenate([self._objectives, objectives])
        violation = np.concatenate([self._violation, violation])
        feasible = np.flatnonzero(violation <= 0.0)
        count = self._context.population // 2
        kept = feasible
        if len(feasible) > count:
            kept = np.array([individual.row for individual in tools.selNSGA2(self._individuals(objectives, feasible), count)])
        rest = np.argsort(violation, kind="stable")
        kept = np.concatenate([kept, rest[violation[rest] > 0.0][: count - len(kept)]])
        self._genomes, self._objectives, self._violation = genomes[kept], objectives[kept], violation[kept]

    def state(self) -> None:
        """Return nothing: a search is resumed by telling everything again."""

    def restore(self, state: object) -> None:
        """Refuse: there is no state to restore."""
        raise NotImplementedError("this engine is resumed by telling it everything again")

    def _individuals(self, objectives: FloatArray, rows: IntArray) -> list[_Individual]:
        return [_Individual(row, self._fitness(tuple(objectives[row]))) for row in rows.tolist()]

    def _exchanged(self, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return genomes with the values of two genes of one segment exchanged; what is out of bounds then is clipped by the space."""
        changed = genomes.copy()
        parts = [part for part in self._context.spec.segments.values() if part.stop - part.start > 1]
        for row in changed:
            part = parts[rng.integers(len(parts))]
            first, second = rng.integers(part.start, part.stop, size=2)
            row[[first, second]] = row[[second, first]]
        return changed


def _two_point(parents_a: IntArray, parents_b: IntArray, rng: np.random.Generator) -> IntArray:
    """Return children (P, V) with all genes between two points from the second parent."""
    ends = np.sort(rng.integers(parents_a.shape[1] + 1, size=(len(parents_a), 2)), axis=1)
    genes = np.arange(parents_a.shape[1])
    return np.asarray(np.where((genes >= ends[:, :1]) & (genes < ends[:, 1:]), parents_b, parents_a))


CONTENDER = Contender("layer_core_ga", "GA of the reference framework", LayerCoreGa, population=_INDIVIDUALS)
