"""Engines of pymoo behind the `Engine` interface, with this package's operators.

Blank and Deb, "pymoo: multi-objective optimization in Python", IEEE Access 2020. Whole batches are asked for and told; pymoo never
evaluates.
What had to be worked around in pymoo 0.6.2: constructors share their default arguments between instances (SPEA2's keeps state there), so
each algorithm is copied before use; C-TAEA never ends its first generation if that has fewer members than directions, so copies stay in it,
as a space may have no more to offer; AGE-MOEA-2 divides by zero where one point dominates all others; the tournament of NSGA-III draws from
a fresh, unseeded generator where constraints tie, so ours is passed; its own duplicate check compares floats pairwise, so ours looks
genomes up by key; MOEA/D takes no constraints, so infeasible genomes are told with penalties beyond the worst feasible values seen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from pymoo.algorithms.moo.age import AGEMOEA
from pymoo.algorithms.moo.age2 import AGEMOEA2, AGEMOEA2Survival
from pymoo.algorithms.moo.ctaea import CTAEA
from pymoo.algorithms.moo.moead import ParallelMOEAD
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.moo.nsga3 import NSGA3
from pymoo.algorithms.moo.sms import SMSEMOA
from pymoo.algorithms.moo.spea2 import SPEA2
from pymoo.algorithms.moo.unsga3 import UNSGA3
from pymoo.core.crossover import Crossover as PymooCrossover
from pymoo.core.duplicate import DuplicateElimination, NoDuplicateElimination
from pymoo.core.evaluator import Evaluator
from pymoo.core.mutation import Mutation as PymooMutation
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling as PymooSampling
from pymoo.core.termination import NoTermination
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.problems.static import StaticProblem
from pymoo.util.ref_dirs import get_reference_directions

from stream_evo.errors import Fault, InputError, UnknownNameError
from stream_evo.search._contracts import EngineContext, EngineState
from stream_evo.search._ledger import genome_keys
from stream_evo.search._variation import Variation
from stream_evo.typing import FloatArray, IntArray

__all__ = ["PYMOO_ALGORITHMS", "PymooEngine"]

_EMPTY_ROUNDS = 20


class PymooEngine:
    """One multi-objective algorithm of pymoo.

    Its state cannot be taken (pymoo keeps it in object graphs that only pickle can store), so a search resumes it by telling it
    everything again: 15 ms a generation at population 100.

    Args:
        context: Space, operators and source of chance.
        algorithm: One of `PYMOO_ALGORITHMS`.

    Raises:
        UnknownNameError: The algorithm is not one of them.
        InputError: There are fewer objectives than it needs.
    """

    def __init__(self, context: EngineContext, algorithm: str) -> None:
        if algorithm not in PYMOO_ALGORITHMS:
            raise UnknownNameError("pymoo algorithm", algorithm, sorted(PYMOO_ALGORITHMS))
        build, takes_constraints, least = PYMOO_ALGORITHMS[algorithm]
        if context.objectives < least:
            fault = Fault(
                f"pymoo:{algorithm} needs at least {least} objectives",
                found=str(context.objectives),
                hint="Name more objectives, or choose another engine: nsga2 takes any number",
            )
            raise InputError("engine", [fault])
        spec = context.spec
        self._context = context
        self._penalty = None if takes_constraints else _Penalty(context.objectives)
        self._variation = Variation(spec, context.operators, context.rng)
        self._constraints = int(takes_constraints)
        problem = Problem(n_var=len(spec.lower), n_obj=context.objectives, n_ieq_constr=self._constraints, xl=spec.lower, xu=spec.upper)
        parts = {
            "sampling": _Sampling(context),
            "crossover": _Crossover(self._variation),
            "mutation": _Mutation(self._variation),
        }
        self._algorithm = copy.deepcopy(build(context))
        self._install(parts)
        self._algorithm.setup(problem, seed=int(context.rng.integers(2**31)), termination=NoTermination())
        self._asked: Any = None

    def _install(self, parts: dict[str, Any]) -> None:
        """Put our operators in after the copy: they share the context's generator, and copies of it would run apart."""
        algorithm = self._algorithm
        algorithm.initialization.sampling = parts["sampling"]
        algorithm.initialization.eliminate_duplicates = NoDuplicateElimination()
        algorithm.mating.crossover, algorithm.mating.mutation = parts["crossover"], parts["mutation"]
        if self._constraints:  # MOEA/D relies on getting exactly one child per subproblem
            algorithm.mating.eliminate_duplicates = _Novel(self._context)
            algorithm.mating.n_max_iterations = 5

    def ask(self) -> IntArray:
        """Return the next genomes, see `Engine`."""
        for _ in range(_EMPTY_ROUNDS):
            self._asked = self._algorithm.ask()
            if self._asked is not None and len(self._asked):
                break
            # Nothing new was found: let duplicates through once, the search serves them from what it knows.
            self._algorithm.termination.force_termination = False
            self._algorithm.mating.eliminate_duplicates = _Novel(self._context, tolerant=True)
        self._algorithm.mating.eliminate_duplicates = (
            _Novel(self._context) if self._constraints else self._algorithm.mating.eliminate_duplicates
        )
        return _integers(self._asked.get("X"))

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Take the scores of the genomes asked for, see `Engine`."""
        if self._asked is None or len(genomes) != len(self._asked):
            raise RuntimeError("tell takes the scores of exactly the genomes that ask returned")
        feasible = violation <= 0.0
        # Objectives of infeasible genomes may be infinite; pymoo normalises over all, so they get finite stand-ins that rank last anyway.
        finite = np.where(np.isfinite(objectives), objectives, np.finfo(np.float64).max ** 0.25)
        values: dict[str, FloatArray] = {"F": finite if self._penalty is None else self._penalty.applied(finite, feasible, violation)}
        if self._constraints:
            values["G"] = violation[:, None]
        Evaluator().eval(StaticProblem(self._algorithm.problem, **values), self._asked)
        with np.errstate(invalid="ignore", divide="ignore"):  # normalisation of a batch without feasible genomes divides by zero
            self._algorithm.tell(infills=self._asked)
        self._asked = None

    def state(self) -> EngineState | None:
        """Return ``None``: see the class."""
        return None

    def restore(self, state: EngineState) -> None:
        """Refuse: there is no state to restore."""
        raise NotImplementedError("engines of pymoo are resumed by telling them everything again")


class _Penalty:
    """Objectives of infeasible genomes for algorithms without constraints: beyond the worst feasible value seen, further with violation."""

    def __init__(self, objectives: int) -> None:
        self._worst = np.full(objectives, -np.inf)
        self._best = np.full(objectives, np.inf)
        self._largest = 0.0

    def applied(self, objectives: FloatArray, feasible: np.ndarray[Any, np.dtype[np.bool_]], violation: FloatArray) -> FloatArray:
        if feasible.any():
            self._worst = np.maximum(self._worst, objectives[feasible].max(axis=0))
            self._best = np.minimum(self._best, objectives[feasible].min(axis=0))
        self._largest = max(self._largest, float(violation.max()))
        known = np.isfinite(self._worst)
        worst, span = np.where(known, self._worst, 1.0), np.where(known, self._worst - self._best, 1.0)
        share = violation / self._largest if self._largest > 0.0 else violation
        penalised = worst + (1.0 + share[:, None]) * np.maximum(span, 1e-9 * np.abs(worst))
        return np.where(feasible[:, None], objectives, penalised)


class _Sampling(PymooSampling):  # type: ignore[misc]  # pymoo ships no types
    def __init__(self, context: EngineContext) -> None:
        super().__init__()
        self._context = context

    def _do(self, problem: Problem, n_samples: int, *args: Any, random_state: Any = None, **kwargs: Any) -> IntArray:
        del problem, args, random_state, kwargs
        context = self._context
        return context.operators.prepare(context.spec, context.operators.sampling(context.spec, n_samples, context.rng))


class _Crossover(PymooCrossover):  # type: ignore[misc]  # as above
    def __init__(self, variation: Variation) -> None:
        super().__init__(2, 1, prob=1.0)
        self._variation = variation

    def _do(self, problem: Problem, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> IntArray:
        del problem, args, random_state, kwargs
        return self._variation.crossed(_integers(X[0]), _integers(X[1]))[None]


class _Mutation(PymooMutation):  # type: ignore[misc]  # as above
    def __init__(self, variation: Variation) -> None:
        super().__init__(prob=1.0)
        self._variation = variation

    def _do(self, problem: Problem, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> IntArray:
        del problem, args, random_state, kwargs
        return self._variation.mutated(_integers(X))


class _AgeTwoSurvival(AGEMOEA2Survival):  # type: ignore[misc]  # as above
    """Survival of AGE-MOEA-2 that knows that one point, in however many copies, has no geometry."""

    def survival_score(self, front: Any, ideal_point: Any) -> Any:
        """Return scores, exponent and scale of a front, as the algorithm gives them for fewer points than objectives."""
        if (front <= ideal_point).all(axis=1).any():
            return np.zeros(len(front)), 1.0, np.max(front, axis=0)
        return super().survival_score(front, ideal_point)


class _Novel(DuplicateElimination):  # type: ignore[misc]  # as above
    """Drops children that were evaluated before or repeat one of the same batch."""

    def __init__(self, context: EngineContext, *, tolerant: bool = False) -> None:
        super().__init__()
        self._context = context
        self._tolerant = tolerant

    def do(self, pop: Any, *args: Any, return_indices: bool = False, to_itself: bool = True) -> Any:
        """Return the new members of `pop`; `args` are the parents and the children accepted so far."""
        del to_itself, return_indices
        if len(pop) == 0 or self._tolerant:
            return pop
        genomes = _integers(pop.get("X"))
        accepted = {key for other in args[1:] if len(other) for key in genome_keys(_integers(other.get("X")))}
        keep = ~self._context.is_known(genomes)
        for index, key in enumerate(genome_keys(genomes)):
            keep[index] &= key not in accepted
            accepted.add(key)
        return pop[keep]


def _integers(values: Any) -> IntArray:
    return np.asarray(np.rint(np.asarray(values, dtype=np.float64)), dtype=np.int64)


def _directions(context: EngineContext) -> FloatArray:
    """Evenly spread reference directions: one per objective at least, no more than members of the population beyond that."""
    if context.objectives == 1:
        return np.ones((1, 1))
    best = np.eye(context.objectives)
    for partitions in range(1, context.population):
        directions = np.asarray(get_reference_directions("das-dennis", context.objectives, n_partitions=partitions))
        if len(directions) > context.population:
            break
        best = directions
    return best


def _constrained_then_random(pop: Any, P: Any, random_state: Any = None, **kwargs: Any) -> Any:
    """Binary tournament of NSGA-III: less violation wins, else chance; one seeded draw per pair."""
    del kwargs
    violation = pop.get("CV")[:, 0][P]
    coin = random_state.random(len(P)) < 0.5
    second = np.where(violation[:, 0] != violation[:, 1], violation[:, 1] < violation[:, 0], coin)
    return np.where(second, P[:, 1], P[:, 0])[:, None]


def _by_size(algorithm: type) -> Callable[[EngineContext], Any]:
    return lambda context: algorithm(pop_size=context.population, eliminate_duplicates=True)


def _age_two(context: EngineContext) -> Any:
    algorithm = _by_size(AGEMOEA2)(context)
    algorithm.survival = _AgeTwoSurvival()
    return algorithm


def _by_directions(algorithm: type) -> Callable[[EngineContext], Any]:
    return lambda context: algorithm(ref_dirs=_directions(context))


def _nsga3(algorithm: type, **settings: Any) -> Callable[[EngineContext], Any]:
    return lambda context: algorithm(ref_dirs=_directions(context), pop_size=context.population, **settings)


_SEEDED = {"selection": TournamentSelection(func_comp=_constrained_then_random)}
PYMOO_ALGORITHMS: Mapping[str, tuple[Callable[[EngineContext], Any], bool, int]] = MappingProxyType(
    {
        "AGEMOEA": (_by_size(AGEMOEA), True, 1),
        "AGEMOEA2": (_age_two, True, 1),
        "CTAEA": (_by_directions(CTAEA), True, 1),
        "MOEAD": (_by_directions(ParallelMOEAD), False, 2),
        "NSGA2": (_by_size(NSGA2), True, 1),
        "NSGA3": (_nsga3(NSGA3, **_SEEDED), True, 1),
        "SMSEMOA": (_by_size(SMSEMOA), True, 2),
        "SPEA2": (_by_size(SPEA2), True, 1),
        "UNSGA3": (_nsga3(UNSGA3), True, 1),
    }
)
"""Algorithms by name: how to build one, whether it takes constraints, and the least number of objectives that it works with.

Left out: those for real genes (GDE3, MOPSO, NSDE), for points of preference that have to be given (R-NSGA-II, R-NSGA-III), for changing
problems (D-NSGA-II, KGB), and RVEA, which must know the end of the run.
"""
