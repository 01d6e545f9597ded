"""Simulated annealing on weighted sums: twenty chains, each with weights of its own.

Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220, 1983; the temperature falls with one over the number of
steps (Szu and Hartley, "Fast simulated annealing", Physics Letters A 122, 1987), so that the schedule does not have to know the budget.
"""

from __future__ import annotations

import numpy as np
from contender import Contender

from stream_evo.search import EngineContext
from stream_evo.typing import FloatArray, IntArray

_CHAINS = 20
_START = 0.3
"""First temperature, in units of the range of the weighted sum of what was seen."""


class Annealing:
    """Chains of single genomes; each keeps a mutant if its weighted sum is less, or by chance.

    Weights lie evenly on the simplex of all objectives. Objectives are normalised by the least and the largest value seen.
    Infeasible mutants are taken while the chain itself is infeasible and they are nearer to feasible.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        # Exponential numbers, normalised, lie uniformly on the simplex; one of them per chain, the same in every run.
        draws = np.random.default_rng(0).exponential(size=(context.population, context.objectives))
        self._weights = draws / draws.sum(axis=1, keepdims=True)
        self._genomes: IntArray | None = None
        self._objectives = np.empty((context.population, context.objectives))
        self._violation = np.empty(context.population)
        self._low = np.full(context.objectives, np.inf)
        self._high = np.full(context.objectives, -np.inf)
        self._steps = 0

    def ask(self) -> IntArray:
        """Return one mutant per chain, see `Engine`."""
        context = self._context
        if self._genomes is None:
            return context.operators.prepare(context.spec, context.operators.sampling(context.spec, context.population, context.rng))
        mutants = context.operators.mutations[0](context.spec, self._genomes, context.rng)
        return context.operators.prepare(context.spec, mutants)

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Keep mutants or not, see `Engine`."""
        feasible = violation <= 0.0
        if feasible.any():
            self._low = np.minimum(self._low, objectives[feasible].min(axis=0))
            self._high = np.maximum(self._high, objectives[feasible].max(axis=0))
        if self._genomes is None:
            self._genomes, self._objectives, self._violation = genomes.copy(), objectives.copy(), violation.copy()
            return
        self._steps += 1
        rise = self._sums(objectives) - self._sums(self._objectives)
        # Both draws are made for every chain, so that chance does not depend on who is feasible.
        by_chance = self._context.rng.random(len(genomes)) < np.exp(-np.maximum(rise, 0.0) * self._steps / _START)
        both = feasible & (self._violation <= 0.0)
        taken = np.where(both, by_chance, violation <= self._violation)
        self._genomes = np.where(taken[:, None], genomes, self._genomes)
        self._objectives = np.where(taken[:, None], objectives, self._objectives)
        self._violation = np.where(taken, violation, self._violation)

    def state(self) -> None:
        """Return nothing: a search is resumed by telling everything again."""

    def restore(self, state: object) -> None:
        """Refuse: there is no state to restore."""
        raise NotImplementedError("annealing is resumed by telling it everything again")

    def _sums(self, objectives: FloatArray) -> FloatArray:
        span = np.where(self._high > self._low, self._high - self._low, 1.0)
        low = np.where(np.isfinite(self._low), self._low, 0.0)
        share = np.where(np.isfinite(objectives), (objectives - low) / np.where(np.isfinite(span), span, 1.0), 1.0)
        return np.asarray((share * self._weights).sum(axis=1))


CONTENDER = Contender("annealing", "weighted-sum annealing", Annealing, population=_CHAINS)
