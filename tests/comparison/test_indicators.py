"""Indicators against their definitions, and the laws they must obey."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo.comparison import indicators
from stream_evo.search import nondominated
from stream_evo.typing import FloatArray


@st.composite
def front_lists(draw: st.DrawFn, least_points: int = 0) -> list[FloatArray]:
    """Two to four fronts of one to four objectives on a coarse grid, where equal values are common; at least one is not empty."""
    objectives, count = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    point = st.lists(st.integers(1, 6).map(float), min_size=objectives, max_size=objectives)
    sizes = [(1 if place == 0 else least_points) for place in range(count)]
    drawn = [np.array(draw(st.lists(point, min_size=size, max_size=8))).reshape(-1, objectives) for size in sizes]
    return [front[nondominated(front)] for front in drawn]


def _beats(one: FloatArray, other: FloatArray) -> bool:
    return bool((one <= other).all() and (one < other).any())


def _volume(fronts: list[FloatArray], reference: FloatArray) -> float:
    """Share of the box that is dominated, by counting the cells of the grid that all values lie on; the last cells end at `reference`."""
    points = np.concatenate(fronts)
    edges = [np.array([0.0, *np.unique(points[:, axis]), limit]) for axis, limit in enumerate(reference)]
    total = 0.0
    for cell in itertools.product(*(range(len(edge) - 1) for edge in edges)):
        corner = np.array([edge[at] for edge, at in zip(edges, cell, strict=True)])
        if (points <= corner).all(axis=1).any():
            total += float(np.prod([edge[at + 1] - edge[at] for edge, at in zip(edges, cell, strict=True)]))
    return total / float(np.prod(reference))


@given(front_lists())
def test_every_indicator_is_what_its_definition_says(fronts: list[FloatArray]) -> None:
    found = indicators(fronts)
    everything = np.concatenate(fronts)
    assert found.joint_hypervolume == pytest.approx(_volume(fronts, found.reference))
    assert (found.reference > everything.max(axis=0)).all()
    range_ = np.where(np.ptp(everything, axis=0) > 0, np.ptp(everything, axis=0), 1.0)
    for a, one in enumerate(fronts):
        assert found.hypervolume[a] == pytest.approx(_volume([one], found.reference))
        rest = [front for place, front in enumerate(fronts) if place != a]
        without = _volume(rest, found.reference)
        assert found.alone[a] * found.joint_hypervolume == pytest.approx(found.joint_hypervolume - without, abs=1e-12)
        assert found.unbeaten[a] == sum(not any(_beats(other, point) for other in everything) for point in one)
        for b, two in enumerate(fronts):
            covered = [any((point <= target).all() for point in one) for target in two]
            assert found.coverage[a, b] == pytest.approx(np.mean(covered) if covered else np.nan, nan_ok=True)
            if len(one) and len(two):
                factor = max(min((point / target).max() for point in one) for target in two)
                shift = max(min(((point - target) / range_).max() for point in one) for target in two)
                assert found.epsilon_factor[a, b] == pytest.approx(factor)
                assert found.epsilon_range[a, b] == pytest.approx(shift)
            else:
                assert np.isnan(found.epsilon_factor[a, b])
                assert np.isnan(found.epsilon_range[a, b])


@given(front_lists(least_points=1))
def test_a_front_that_covers_another_is_never_behind_it(fronts: list[FloatArray]) -> None:
    found = indicators(fronts)
    for a, b in itertools.permutations(range(len(fronts)), 2):
        assert (found.coverage[a, b] == 1.0) == (found.epsilon_factor[a, b] <= 1.0) == (found.epsilon_range[a, b] <= 0.0)
        if found.coverage[a, b] == 1.0:
            assert found.hypervolume[a] >= found.hypervolume[b] - 1e-12
            assert found.alone[b] == 0.0


@given(front_lists(least_points=1))
def test_units_decide_nothing_but_the_reference(fronts: list[FloatArray]) -> None:
    scale = np.array([1e9, 1e3, 7.0, 1.0])[: fronts[0].shape[1]]
    plain, scaled = indicators(fronts), indicators([front * scale for front in fronts])
    assert scaled.reference == pytest.approx(plain.reference * scale)
    for name in ("hypervolume", "alone", "coverage", "epsilon_factor", "epsilon_range"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name), abs=1e-9), name


def test_a_value_of_zero_has_no_factor() -> None:
    found = indicators([np.array([[0.0, 2.0]]), np.array([[1.0, 1.0]])])
    assert np.isnan(found.epsilon_factor).tolist() == [[True, True], [True, False]]
    assert found.epsilon_range.tolist() == [[0.0, 1.0], [1.0, 0.0]]
