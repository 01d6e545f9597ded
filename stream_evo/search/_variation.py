"""How parents become children: drawing operators, and learning which ones pay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from stream_evo.search._contracts import Conditional, Crossover, EngineState, Mutation, OperatorSet, Spec
from stream_evo.typing import FloatArray, IntArray

__all__ = ["Brood", "Variation"]

_LEARNING_RATE = 0.1
_FLOOR = 0.3
_AT_ONCE = 3
_NOTHING = -1
_Operator = TypeVar("_Operator", Crossover, Mutation)


@dataclass(frozen=True, slots=True)
class Brood:
    """Children and the operators that made them.

    Attributes:
        genomes: Canonical children, int64 (P, V).
        crossovers: Index of each child's crossover, -1 for none, (P,).
        mutations: Index of each child's mutation, -1 for none, (P,).
    """

    genomes: IntArray
    crossovers: IntArray
    mutations: IntArray

    def replaced(self, where: IntArray, other: Brood) -> Brood:
        """Return the brood with the children at `where` (K,) replaced by those of `other` (K children)."""
        genomes, crossovers, mutations = self.genomes.copy(), self.crossovers.copy(), self.mutations.copy()
        genomes[where], crossovers[where], mutations[where] = other.genomes, other.crossovers, other.mutations
        return Brood(genomes, crossovers, mutations)

    def joined(self, other: Brood) -> Brood:
        """Return the children of both, these first."""
        return Brood(
            np.concatenate([self.genomes, other.genomes]),
            np.concatenate([self.crossovers, other.crossovers]),
            np.concatenate([self.mutations, other.mutations]),
        )


class Variation:
    """Makes children with operators drawn by their past gain.

    The odds follow probability matching with a floor (Thierens 2005, "An adaptive pursuit strategy for allocating operator probabilities",
    section 2): quality ``q <- q + a (gain - q)`` with ``a = 0.1`` and ``p = floor / K + (1 - floor) q / sum(q)``, so that each of K
    operators keeps 0.3 / K of the draws and can come back when the search has moved to where it pays. Without adaptation all odds are
    equal. Of more than three operators each batch takes three, drawn by their odds: an operator works on a whole batch of children at
    little more than the cost of one, and fronts were as good as with all at once.

    Args:
        spec: The search space; operators that do not apply to it are left out.
        operators: The operators.
        rng: The only source of chance.

    Raises:
        ValueError: If no mutation applies to the space.
    """

    def __init__(self, spec: Spec, operators: OperatorSet, rng: np.random.Generator) -> None:
        self._spec = spec
        self._operators = operators
        self._rng = rng
        self._crossovers = _applicable(operators.crossovers, spec)
        self._mutations = _applicable(operators.mutations, spec)
        if not self._mutations:
            raise ValueError("none of the mutations applies to this space")
        self._crossover_quality = np.ones(len(self._crossovers))
        self._mutation_quality = np.ones(len(self._mutations))

    def children(self, parents_a: IntArray, parents_b: IntArray, varied: IntArray | None = None, changes: IntArray | None = None) -> Brood:
        """Return one canonical child per pair of parents (P, V), and behind them children of single genomes.

        Args:
            parents_a: First parents, (P, V).
            parents_b: Second parents, (P, V).
            varied: Genomes that have a child each, with all that some mutants of it changed, (Q, V).
            changes: How many mutants, (Q,).
        """
        count, single = len(parents_a), parents_a[:0] if varied is None else varied
        times = np.ones(len(single), dtype=np.int64) if changes is None else changes
        crossed = self._rng.random(count) < self._operators.crossover_rate if self._crossovers else np.zeros(count, dtype=np.bool_)
        mutated = (self._rng.random(count) < self._operators.mutation_rate) | ~crossed
        crossovers = self._draw(self._crossover_quality, crossed)
        genomes = self._mixed(parents_a, parents_b, crossovers)
        # All mutants at once: an operator takes little longer for many.
        drawn = self._draw(self._mutation_quality, np.append(mutated, np.ones(times.sum(), dtype=np.bool_)))
        mutants = self._mutants(np.concatenate([genomes, np.repeat(single, times, axis=0)]), drawn)
        children = np.concatenate([mutants[:count], _merged(single, mutants[count:], times)])
        nothing = np.full(len(single), _NOTHING, dtype=np.int64)
        prepared = self._operators.prepare(self._spec, children)
        return Brood(prepared, np.append(crossovers, nothing), np.append(drawn[:count], nothing))

    def crossed(self, parents_a: IntArray, parents_b: IntArray) -> IntArray:
        """Return children (P, V) by crossover alone, drawn at equal odds; for engines that run crossover and mutation apart."""
        where = np.full(len(parents_a), bool(self._crossovers)) & (self._rng.random(len(parents_a)) < self._operators.crossover_rate)
        return self._mixed(parents_a, parents_b, self._draw(np.ones(len(self._crossovers)), where))

    def mutated(self, genomes: IntArray) -> IntArray:
        """Return canonical mutants (P, V), mutations drawn at equal odds; for engines that run crossover and mutation apart."""
        drawn = self._draw(np.ones(len(self._mutations)), self._rng.random(len(genomes)) < self._operators.mutation_rate)
        return self._operators.prepare(self._spec, self._mutants(genomes, drawn))

    def learn(self, brood: Brood, gains: FloatArray) -> None:
        """Take the gain of each child, (P,), in [0, 1]."""
        if self._operators.adaptive:
            _update(self._crossover_quality, brood.crossovers, gains)
            _update(self._mutation_quality, brood.mutations, gains)

    def state(self) -> EngineState:
        """Return what was learnt."""
        return {"crossover_quality": self._crossover_quality.copy(), "mutation_quality": self._mutation_quality.copy()}

    def restore(self, state: EngineState) -> None:
        """Continue from `state`."""
        self._crossover_quality = np.array(state["crossover_quality"], dtype=np.float64)
        self._mutation_quality = np.array(state["mutation_quality"], dtype=np.float64)

    def _mixed(self, parents_a: IntArray, parents_b: IntArray, drawn: IntArray) -> IntArray:
        genomes = parents_a.copy()
        for index, rows in _rows_by_operator(drawn):
            genomes[rows] = self._crossovers[index](self._spec, parents_a[rows], parents_b[rows], self._rng)
        return genomes

    def _mutants(self, genomes: IntArray, drawn: IntArray) -> IntArray:
        mutants = genomes.copy()
        for index, rows in _rows_by_operator(drawn):
            mutants[rows] = self._mutations[index](self._spec, genomes[rows], self._rng)
        return mutants

    def _draw(self, quality: FloatArray, where: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> IntArray:
        drawn = np.full(len(where), _NOTHING, dtype=np.int64)
        total = quality.sum()
        if len(quality) and total > 0.0:
            odds = _FLOOR / len(quality) + (1.0 - _FLOOR) * quality / total
            if len(odds) > _AT_ONCE:
                # The largest of odds / exponential are a draw without replacement (Efraimidis and Spirakis 2006).
                rank = np.argsort(odds / self._rng.standard_exponential(len(odds)))
                odds[rank[:-_AT_ONCE]] = 0.0
                odds /= odds.sum()
            # searchsorted on one batch of uniforms: Generator.choice with odds costs ten times as much for a hundred draws.
            picks = np.searchsorted(np.cumsum(odds), self._rng.random(len(where)), side="right")
            drawn[where] = np.minimum(picks, len(quality) - 1)[where]
        return drawn


def _rows_by_operator(drawn: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Yield each operator that was drawn (P,), by its index, with the rows that it works on."""
    for index in np.flatnonzero(np.bincount(drawn[drawn != _NOTHING])).tolist():
        yield index, np.flatnonzero(drawn == index)


def _merged(genomes: IntArray, mutants: IntArray, times: IntArray) -> IntArray:
    """Return genomes (P, V) with all that any of their mutants changed, `times` (P,) of each in turn; the last change counts."""
    merged = genomes.copy()
    first = np.cumsum(times) - times
    for number in range(int(times.max(initial=0))):
        rows = np.flatnonzero(times > number)
        mutant = mutants[first[rows] + number]
        merged[rows] = np.where(mutant != genomes[rows], mutant, merged[rows])
    return merged


def _applicable(operators: Sequence[_Operator], spec: Spec) -> tuple[_Operator, ...]:
    return tuple(operator for operator in operators if not isinstance(operator, Conditional) or operator.applies(spec))


def _update(quality: FloatArray, drawn: IntArray, gains: FloatArray) -> None:
    used = drawn != _NOTHING
    counts = np.bincount(drawn[used], minlength=len(quality))
    means = np.bincount(drawn[used], weights=gains[used], minlength=len(quality)) / np.maximum(counts, 1)
    # The tiny lower end keeps the odds defined when nothing has gained for long.
    quality[:] = np.where(counts > 0, np.maximum(quality + _LEARNING_RATE * (means - quality), 1e-12), quality)
