"""How fast a session is, and how long it will take."""

from __future__ import annotations

from collections.abc import Callable

from stream_evo.search._archive import ProgressRow
from stream_evo.search._result import Budget, Progress

__all__ = ["Pace"]


class Pace:
    """The time of one session, from its first own generation on: recovering and repeating what is on disk do not count.

    Args:
        budget: What the session may spend.
        clock: Time in seconds.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float]) -> None:
        self._budget, self._clock = budget, clock
        self.begin(0, 0)

    @property
    def elapsed_seconds(self) -> float:
        """Time since the beginning."""
        return self._clock() - self._began

    def begin(self, generation: int, evaluations: int) -> None:
        """Count from here on, with so many generations and evaluations done by earlier sessions."""
        self._began = self._gained = self._clock()
        self._generation = generation
        self._evaluations = self._evaluations_at_gain = evaluations

    def gain(self, evaluations: int) -> None:
        """Note that the front has changed."""
        self._gained, self._evaluations_at_gain = self._clock(), evaluations

    def progress(self, row: ProgressRow, generation: int, feasible_share: float) -> Progress:
        """Return where the search stands after `generation` complete generations, the last row being `row`."""
        now = self._clock()
        elapsed = now - self._began
        rate = max(0, row.evaluations - self._evaluations) / elapsed if elapsed > 0.0 else 0.0
        return Progress(
            generation=generation,
            evaluations=row.evaluations,
            evaluations_per_second=rate,
            front_size=row.front_size,
            hypervolume=row.hypervolume,
            elapsed_seconds=elapsed,
            remaining_seconds=self._remaining(row.evaluations, generation, elapsed, rate),
            seconds_since_gain=now - self._gained,
            evaluations_since_gain=row.evaluations - self._evaluations_at_gain,
            feasible_share=feasible_share,
        )

    def _remaining(self, evaluations: int, generation: int, elapsed: float, rate: float) -> float:
        budget, left = self._budget, []
        if budget.seconds is not None:
            left.append(budget.seconds - elapsed)
        if budget.evaluations is not None and rate > 0.0:
            left.append((budget.evaluations - evaluations) / rate)
        if budget.generations is not None and generation > self._generation:
            left.append((budget.generations - generation) * elapsed / (generation - self._generation))
        return max(0.0, min(left, default=float("inf")))
