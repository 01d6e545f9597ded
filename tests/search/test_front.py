"""The unbounded archive against brute force."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stream_evo.search import ParetoFront, nondominated
from stream_evo.typing import FloatArray

_POINTS = st.tuples(st.integers(1, 30), st.integers(1, 3)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(0, 8).map(float))
)


def _front(points: FloatArray, cuts: list[int]) -> ParetoFront:
    """Extend an empty front batch by batch; the genome and the metric of a point are its row."""
    front = ParetoFront.empty(1, points.shape[1], 1)
    rows = np.arange(len(points))[:, None]
    for part in np.split(np.arange(len(points)), cuts):
        if len(part):
            front = front.extended(rows[part], points[part], rows[part].astype(float))
    return front


@given(_POINTS, st.lists(st.integers(0, 30), max_size=5).map(sorted))
def test_batches_give_what_all_at_once_gives(points: FloatArray, cuts: list[int]) -> None:
    front = _front(points, cuts)
    expected = np.flatnonzero(nondominated(points))
    assert sorted(front.genomes[:, 0].tolist()) == expected.tolist()
    np.testing.assert_array_equal(front.objectives, points[front.genomes[:, 0]])
    np.testing.assert_array_equal(front.metrics, front.genomes)


@given(_POINTS, st.lists(st.integers(0, 30), max_size=5).map(sorted))
def test_equal_sets_are_equal_arrays(points: FloatArray, cuts: list[int]) -> None:
    once, parts = _front(points, []), _front(points, cuts)
    np.testing.assert_array_equal(once.objectives, parts.objectives)
    np.testing.assert_array_equal(once.genomes, parts.genomes)
    assert [tuple(row) for row in once.objectives] == sorted(tuple(row) for row in once.objectives)


def test_a_front_that_gains_nothing_is_the_same_object() -> None:
    front = _front(np.array([[1.0, 2.0], [2.0, 1.0]]), [])
    assert front.extended(np.array([[9], [8]]), np.array([[1.0, 2.0], [3.0, 3.0]]), np.zeros((2, 1))) is front
