"""Budget, progress and result of a search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from stream_evo.errors import Fault, InputError
from stream_evo.search._archive import ProgressRow
from stream_evo.search._front import ParetoFront
from stream_evo.typing import FloatArray, IntArray

__all__ = ["Budget", "Callback", "LeastInfeasible", "Progress", "SearchResult", "StopReason"]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a search may spend; it ends with whatever is used up first.

    Attributes:
        evaluations: Distinct genomes evaluated, over all sessions of a resumed run; kept exactly.
        generations: Generations, over all sessions of a resumed run.
        seconds: Time of this session, from its first generation on that is new; checked between generations.

    Raises:
        InputError: There is no budget at all, or one is not positive.
    """

    evaluations: int | None = None
    generations: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        given = {"evaluations": self.evaluations, "generations": self.generations, "seconds": self.seconds}
        faults = [
            Fault("a budget must be positive", path=name, found=repr(value))
            for name, value in given.items()
            if value is not None and not value > 0
        ]
        if all(value is None for value in given.values()):
            faults.append(Fault("a search needs a budget", expected="evaluations, generations or seconds"))
        if faults:
            raise InputError("budget", faults)


class StopReason(StrEnum):
    """Why a search ended."""

    EVALUATIONS = "the budget of evaluations is used up"
    GENERATIONS = "the budget of generations is used up"
    TIME = "the time limit is reached"
    EXHAUSTED = "the engine finds no genome that was not evaluated before"
    INTERRUPTED = "interrupted; what was found so far is kept"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running search stands.

    Attributes:
        generation: Generations done.
        evaluations: Distinct genomes evaluated.
        evaluations_per_second: Rate of this session.
        front_size: Points on the front.
        hypervolume: Share of the reference box that the front dominates.
        elapsed_seconds: Time of this session, from its first generation on that is new.
        remaining_seconds: Time until the first budget is used up, at the present rate.
        seconds_since_gain: Time since the front last changed.
        evaluations_since_gain: Evaluations since the front last changed.
        feasible_share: Part of the last generation's genomes that is feasible.
    """

    generation: int
    evaluations: int
    evaluations_per_second: float
    front_size: int
    hypervolume: float
    elapsed_seconds: float
    remaining_seconds: float
    seconds_since_gain: float
    evaluations_since_gain: int
    feasible_share: float


Callback: TypeAlias = Callable[[Progress], None]
"""Called after each generation; must not change anything."""


@dataclass(frozen=True, slots=True)
class LeastInfeasible:
    """The infeasible genome that misses by the least.

    Attributes:
        genome: Canonical genome, int64 (V,).
        metrics: Its metrics, float64 (M,).
        violation_bytes: Bytes that do not fit.
        missed: What it misses: the memory capacity of the chip, or names of limits.
    """

    genome: IntArray
    metrics: FloatArray
    violation_bytes: float
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    Attributes:
        front: All non-dominated feasible points found.
        objectives: Names of the objectives, in the order of ``front.objectives``.
        metrics: Names of the metrics, in the order of ``front.metrics``.
        history: One row per generation, over all sessions.
        stop: Why the search ended.
        evaluations: Distinct genomes evaluated, over all sessions.
        reference: Reference point of the hypervolume, (F,); ``None`` if nothing feasible was found.
        least_infeasible: Where nothing feasible was found, the best that was; else ``None``.
        elapsed_seconds: Time of this session, from its first generation on that is new.
    """

    front: ParetoFront
    objectives: tuple[str, ...]
    metrics: tuple[str, ...]
    history: tuple[ProgressRow, ...]
    stop: StopReason
    evaluations: int
    reference: FloatArray | None
    least_infeasible: LeastInfeasible | None
    elapsed_seconds: float

    @property
    def interrupted(self) -> bool:
        """True if the user stopped the search."""
        return self.stop is StopReason.INTERRUPTED

    @property
    def hypervolume(self) -> float:
        """Share of the reference box that the front dominates."""
        return self.history[-1].hypervolume if self.history else 0.0
