"""Dominance, diversity and hypervolume against plain definitions."""

from __future__ import annotations

from itertools import pairwise

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stream_evo.search import hypervolume, nondominated, reference_point
from stream_evo.search._pareto import constrained_ranks, crowding_distances, hypervolume_contributions, repeated_rows
from stream_evo.typing import FloatArray, IntArray

# Few distinct values, so that ties and copies are common.
_POINTS = st.tuples(st.integers(1, 14), st.integers(1, 4)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(0, 6).map(float))
)


def _dominates(a: FloatArray, b: FloatArray) -> bool:
    return bool((a <= b).all() and (a < b).any())


@given(_POINTS)
def test_nondominated_is_the_definition_and_keeps_the_first_of_copies(points: FloatArray) -> None:
    expected = [
        not any(_dominates(other, point) for other in points) and not any((points[:row] == point).all(axis=1))
        for row, point in enumerate(points)
    ]
    assert nondominated(points).tolist() == expected


@given(_POINTS)
def test_repeated_rows_marks_all_but_the_first(points: FloatArray) -> None:
    assert repeated_rows(points).tolist() == [bool((points[:row] == point).all(axis=1).any()) for row, point in enumerate(points)]


@given(_POINTS, st.data())
def test_constrained_ranks_order_as_constrained_domination(points: FloatArray, data: st.DataObject) -> None:
    violation = data.draw(hnp.arrays(np.float64, len(points), elements=st.sampled_from([0.0, 0.0, 1.0, 2.5])))
    ranks = constrained_ranks(points, violation)
    copies = np.zeros(len(points), dtype=bool)
    copies[violation <= 0] = repeated_rows(points[violation <= 0])
    for a in range(len(points)):
        for b in range(len(points)):
            if violation[a] <= 0 and violation[b] <= 0:
                if _dominates(points[a], points[b]) and not copies[a]:
                    assert ranks[a] < ranks[b]
                if copies[b] and not copies[a]:
                    assert ranks[a] < ranks[b]
            elif violation[a] < violation[b]:
                assert ranks[a] < ranks[b]
            elif violation[a] == violation[b]:
                assert ranks[a] == ranks[b]
    assert ranks.min() == 0


def test_objectives_of_infeasible_points_are_not_looked_at() -> None:
    points = np.array([[1.0, 2.0], [np.nan, np.inf], [0.0, 0.0]])
    assert constrained_ranks(points, np.array([0.0, 5.0, 1.0])).tolist() == [0, 2, 1]


def _crowding(points: FloatArray) -> list[float]:
    """Crowding distance of one front, written as in the paper."""
    distance = [0.0] * len(points)
    for values in points.T:
        order = sorted(range(len(points)), key=lambda row: (values[row], row))
        span = values[order[-1]] - values[order[0]]
        distance[order[0]] = distance[order[-1]] = float("inf")
        for before, row, after in zip(order, order[1:], order[2:], strict=False):
            distance[row] += (values[after] - values[before]) / span if span > 0 else 0.0
    return distance


@given(_POINTS, st.data())
def test_crowding_distances_of_all_ranks_equal_those_of_each(points: FloatArray, data: st.DataObject) -> None:
    ranks = data.draw(hnp.arrays(np.int64, len(points), elements=st.integers(0, 3)))
    found = crowding_distances(points, ranks)
    for rank in np.unique(ranks):
        np.testing.assert_allclose(found[ranks == rank], _crowding(points[ranks == rank]))


def test_hypervolume_of_known_sets() -> None:
    reference = np.array([4.0, 8.0])
    assert hypervolume(np.empty((0, 2)), reference) == 0.0
    assert hypervolume(np.array([[2.0, 4.0]]), reference) == pytest.approx(0.25)
    assert hypervolume(np.array([[2.0, 4.0], [1.0, 6.0], [3.0, 5.0]]), reference) == pytest.approx(0.25 + 0.25 * 0.25)
    assert hypervolume(np.array([[5.0, 1.0]]), reference) == 0.0
    assert hypervolume(np.array([[3.0], [1.0]]), np.array([4.0])) == pytest.approx(0.75)


@given(_POINTS)
def test_hypervolume_is_a_share_that_more_points_never_lower(points: FloatArray) -> None:
    reference = np.full(points.shape[1], 5.0)
    shares = [hypervolume(points[: row + 1], reference) for row in range(len(points))]
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert all(after >= before - 1e-12 for before, after in pairwise(shares))


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(6, 8)), elements=st.integers(0, 48)), st.data())
def test_the_share_of_many_objectives_is_near_the_exact_one(eighths: IntArray, data: st.DataObject) -> None:
    thin = data.draw(hnp.arrays(np.float64, eighths.shape[1], elements=st.sampled_from([1e-9, 1e-3, 1.0])))
    points = 1.0 - thin * (1.0 - eighths / 40.0)  # some beyond the reference; boxes of any proportions
    exact = moocore.hypervolume(points, ref=np.ones(points.shape[1]))
    assert hypervolume(points, np.ones(points.shape[1])) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize("objectives", [6, 7])
def test_the_share_of_many_points_and_objectives_is_within_a_hundredth(objectives: int) -> None:
    points = np.abs(np.random.default_rng(objectives).normal(size=(120, objectives)))
    points = 1.0 - points / np.linalg.norm(points, axis=1, keepdims=True)
    exact = moocore.hypervolume(points, ref=np.ones(objectives))
    assert hypervolume(points, np.ones(objectives)) == pytest.approx(exact, rel=0.01)


@given(_POINTS)
def test_contributions_are_what_the_hypervolume_loses(points: FloatArray) -> None:
    points = points[nondominated(points)]
    reference = np.full(points.shape[1], 5.0)
    box = 5.0 ** points.shape[1]
    whole = hypervolume(points, reference) * box
    for row, contribution in enumerate(hypervolume_contributions(points, reference)):
        assert contribution == pytest.approx(whole - hypervolume(np.delete(points, row, axis=0), reference) * box)


@given(_POINTS)
def test_every_point_counts_against_the_reference_point(points: FloatArray) -> None:
    assert (reference_point(points) > points.max(axis=0)).all()
