"""NSGA-II of DEAP behind the `Engine` interface, with this package's operators.

Fortin et al., "DEAP: evolutionary algorithms made easy", JMLR 2012. DEAP's operators draw from the global `random` module; this adapter
uses only its environmental selection ``selNSGA2``, which draws nothing, and runs tournaments and variation on the context's generator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from deap import base, tools

from stream_evo.search._contracts import EngineContext, EngineState
from stream_evo.search._rng import restore_rng, rng_state
from stream_evo.search._variation import Variation
from stream_evo.typing import FloatArray, IntArray

__all__ = ["DeapNsgaTwo"]


class _Individual:
    """What DEAP's selection needs: an object with a fitness. `row` points into the arrays of the batch."""

    __slots__ = ("fitness", "row")

    def __init__(self, row: int, fitness: Any) -> None:
        self.row = row
        self.fitness = fitness


class DeapNsgaTwo:
    """DEAP's NSGA-II: ``selNSGA2`` on parents and children, tournaments by its order.

    Feasible genomes always go before infeasible ones, which are ordered by violation. Genomes evaluated before are bred anew a few times.

    Args:
        context: Space, operators and source of chance.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._variation = Variation(context.spec, context.operators, context.rng)
        self._fitness = type("Fitness", (base.Fitness,), {"weights": (-1.0,) * context.objectives})
        width = len(context.spec.lower)
        self._genomes: IntArray = np.empty((0, width), dtype=np.int64)
        self._objectives: FloatArray = np.empty((0, context.objectives))
        self._violation: FloatArray = np.empty(0)

    def ask(self) -> IntArray:
        """Return the next genomes, see `Engine`."""
        context = self._context
        if not len(self._genomes):
            return context.operators.prepare(context.spec, context.operators.sampling(context.spec, context.population, context.rng))
        children = self._bred(context.population)
        for _ in range(4):
            known = np.flatnonzero(context.is_known(children))
            if not known.size:
                break
            children[known] = self._bred(known.size)
        return children

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Take the scores of the genomes asked for, see `Engine`."""
        genomes = np.concatenate([self._genomes, genomes])
        objectives = np.concatenate([self._objectives, objectives])
        violation = np.concatenate([self._violation, violation])
        feasible = np.flatnonzero(violation <= 0.0)
        infeasible = np.flatnonzero(violation > 0.0)
        individuals = [_Individual(int(row), self._fitness(objectives[row])) for row in feasible]
        order = [individual.row for individual in self._selected(individuals)]
        order += infeasible[np.argsort(violation[infeasible], kind="stable")].tolist()
        kept = np.array(order[: self._context.population], dtype=np.int64)
        self._genomes, self._objectives, self._violation = genomes[kept], objectives[kept], violation[kept]

    def state(self) -> EngineState:
        """Return the ordered population and the state of chance."""
        return {
            "rng": rng_state(self._context.rng),
            "genomes": self._genomes,
            "objectives": self._objectives,
            "violation": self._violation,
        }

    def restore(self, state: EngineState) -> None:
        """Continue from `state`."""
        restore_rng(self._context.rng, state["rng"])
        self._genomes, self._objectives, self._violation = state["genomes"], state["objectives"], state["violation"]

    def _selected(self, individuals: list[_Individual]) -> list[_Individual]:
        """Survivors, best first: by front, then by crowding distance (``selNSGA2`` leaves the order inside its fronts open)."""
        if not individuals:
            return []
        chosen = tools.selNSGA2(individuals, min(len(individuals), self._context.population))
        fronts = tools.sortNondominated(chosen, len(chosen))
        return [member for front in fronts for member in sorted(front, key=lambda member: -member.fitness.crowding_dist)]

    def _bred(self, count: int) -> IntArray:
        # The population is kept best first, so the smaller position wins a tournament.
        parents = self._context.rng.integers(len(self._genomes), size=(2, 2 * count)).min(axis=0)
        return self._variation.children(self._genomes[parents[:count]], self._genomes[parents[count:]]).genomes
