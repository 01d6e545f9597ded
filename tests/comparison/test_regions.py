"""Who wins for which budget, against looking at every budget."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given

from stream_evo.comparison import Region, regions
from stream_evo.typing import FloatArray
from tests.comparison.test_indicators import front_lists

NAMES = ("a", "b", "c", "d")


def _winners(fronts: list[FloatArray], x: int, y: int, budget: float) -> tuple[tuple[int, ...], float, float]:
    """Return who reaches least of `y` with at most `budget` of `x`, what they reach, and what the others reach at best."""
    reached = [min((point[y] for point in front if point[x] <= budget), default=np.inf) for front in fronts]
    best = min(reached)
    return tuple(np.flatnonzero(np.array(reached) == best).tolist()), best, min((r for r in reached if r > best), default=np.inf)


@given(front_lists())
def test_regions_say_who_wins_for_every_budget(fronts: list[FloatArray]) -> None:
    names = NAMES[: fronts[0].shape[1]]
    found = regions(fronts, names)
    for x, y in itertools.permutations(range(len(names)), 2):
        own = [region for region in found if (region.budget, region.least) == (names[x], names[y])]
        values = np.unique(np.concatenate(fronts)[:, x])
        for budget in (*values, *(values + 0.5)):
            (region,) = (r for r in own if r.begin <= budget and (r.end is None or budget < r.end))
            winners, best, second = _winners(fronts, x, y, budget)
            assert region.winners == winners
            assert region.at_end <= best <= region.at_begin
            assert second / best >= region.lead
        assert own[0].begin == values[0]
        assert own[-1].end is None
        assert [region.end for region in own[:-1]] == [region.begin for region in own[1:]]
        assert all(one.winners != other.winners for one, other in itertools.pairwise(own))
        for region in own:
            inside = [v for v in values if region.begin <= v and (region.end is None or v < region.end)]
            assert region.lead == min(second / best for _, best, second in (_winners(fronts, x, y, v) for v in inside))


def test_a_chip_wins_where_it_alone_can_go() -> None:
    fast, frugal = np.array([[1.0, 9.0], [2.0, 8.0]]), np.array([[5.0, 2.0]])
    assert regions([fast, frugal], ("time", "power")) == (
        Region("time", "power", 1.0, 5.0, (0,), 9.0, 8.0, np.inf),
        Region("time", "power", 5.0, None, (1,), 2.0, 2.0, 4.0),
        Region("power", "time", 2.0, 8.0, (1,), 5.0, 5.0, np.inf),
        Region("power", "time", 8.0, None, (0,), 2.0, 1.0, 2.5),
    )


def test_a_single_objective_has_no_budgets() -> None:
    assert regions([np.array([[1.0]]), np.array([[2.0]])], ("time",)) == ()
