"""Which front wins where: for every budget on one objective, who reaches least of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np

from stream_evo.typing import FloatArray

__all__ = ["Region", "regions"]


@dataclass(frozen=True, slots=True)
class Region:
    """A range of budgets over which the same fronts win.

    Attributes:
        budget: Objective whose budget grows.
        least: Objective that is then made as small as possible.
        begin: First budget of the range, inclusive.
        end: First budget beyond it; ``None`` for the last range, which has no end.
        winners: Places of the fronts that reach the least value; several if they are equal.
        at_begin: What they reach with budget `begin`.
        at_end: What they reach with the largest budget of the range.
        lead: Least factor between what the next best front reaches and what they do, over the range; infinite where no other front has a
            point within the budget, and 1 or more.
    """

    budget: str
    least: str
    begin: float
    end: float | None
    winners: tuple[int, ...]
    at_begin: float
    at_end: float
    lead: float


def regions(fronts: Sequence[FloatArray], objectives: Sequence[str]) -> tuple[Region, ...]:
    """Return who wins where, for every ordered pair of objectives; the other objectives are left free.

    Args:
        fronts: Objective values, shapes ``(P, F)``; some may be empty.
        objectives: Names of the ``F`` columns.
    """
    found: list[Region] = []
    for x, y in permutations(range(len(objectives)), 2):
        found += _of_pair([front[:, [x, y]] for front in fronts], objectives[x], objectives[y])
    return tuple(found)


def _of_pair(fronts: Sequence[FloatArray], budget: str, least: str) -> list[Region]:
    budgets = np.unique(np.concatenate([front[:, 0] for front in fronts]))
    reached = np.stack([_reached(front, budgets) for front in fronts])  # (R, budgets)
    best = reached.min(axis=0)
    ahead = reached == best
    others = np.where(ahead, np.inf, reached).min(axis=0)
    starts = [0, *(np.flatnonzero((ahead[:, 1:] != ahead[:, :-1]).any(axis=0)) + 1).tolist(), len(budgets)]
    found = []
    for first, stop in pairwise(starts):
        span = slice(first, stop)
        with np.errstate(divide="ignore", invalid="ignore"):
            lead = np.where(best[span] > 0.0, others[span] / best[span], np.inf).min()
        end = float(budgets[stop]) if stop < len(budgets) else None
        winners = tuple(np.flatnonzero(ahead[:, first]).tolist())
        found.append(Region(budget, least, float(budgets[first]), end, winners, float(best[first]), float(best[stop - 1]), float(lead)))
    return found


def _reached(front: FloatArray, budgets: FloatArray) -> FloatArray:
    """Return the least second value among the points whose first is within each budget; infinite if there is none."""
    order = np.argsort(front[:, 0], kind="stable")
    least = np.concatenate(([np.inf], np.minimum.accumulate(front[order, 1])))
    return np.asarray(least[np.searchsorted(front[order, 0], budgets, side="right")])
