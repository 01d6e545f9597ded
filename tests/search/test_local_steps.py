"""Steps of Pareto local search."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo.operators import default_operators, generic_operators
from stream_evo.search import Budget, EngineContext, NsgaTwo, StopReason, nondominated, optimize
from stream_evo.search._local_steps import local_steps
from stream_evo.search.testing import SyntheticSpec, synthetic_problem
from stream_evo.typing import BoolArray, IntArray


def _nothing(genomes: IntArray) -> BoolArray:
    return np.zeros(len(genomes), dtype=np.bool_)


@given(st.integers(1, 6), st.integers(1, 4), st.booleans(), st.integers(0, 2**32))
def test_steps_change_one_decision_and_ordered_ones_by_one(layers: int, cores: int, split: bool, seed: int) -> None:
    spec = SyntheticSpec(layers=layers, cores=cores, split=split)
    rng = np.random.default_rng(seed)
    origin = spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(1, len(spec.lower))))
    steps = local_steps(spec, origin, 12, _nothing, rng)
    assert len(np.unique(steps, axis=0)) == len(steps)
    np.testing.assert_array_equal(spec.canonical(steps), steps)
    change = np.abs(steps - origin)
    assert ((change > 0).sum(axis=1) == 1).all()
    for name in ("tile", "split"):
        assert change[:, spec.segments.get(name, slice(0, 0))].max(initial=0) <= 1


def test_all_neighbours_are_found_then_what_lies_behind_them() -> None:
    spec = SyntheticSpec(layers=2, cores=3)
    rng = np.random.default_rng(0)
    origin = spec.canonical(spec.lower[None, :])
    seen = {origin.tobytes()}

    def is_known(genomes: IntArray) -> BoolArray:
        return np.array([row.tobytes() in seen for row in genomes])

    distances = []
    for _ in range(200):
        for row in local_steps(spec, origin, 1, is_known, rng):
            seen.add(row.tobytes())
            distances.append(int(np.count_nonzero(row - origin[0])))
    tile = spec.segments["tile"]
    expected = [
        np.where(np.arange(len(spec.upper)) == gene, value, origin[0])
        for gene in range(len(spec.upper))
        for value in range(1, int(spec.upper[gene]) + 1)  # the origin is the lower bound, so tiles have one neighbour
        if value == 1 or not tile.start <= gene < tile.stop
    ]
    assert is_known(np.array(expected)).all()
    assert distances[: len(expected) // 2] == [1] * (len(expected) // 2)
    assert max(distances) >= 2


def test_a_space_of_one_genome_has_no_steps() -> None:
    genes = len(SyntheticSpec(layers=1, cores=1).lower)
    pinned = SyntheticSpec(layers=1, cores=1, pins=dict.fromkeys(range(genes), 0))
    assert local_steps(pinned, pinned.lower[None, :], 5, _nothing, np.random.default_rng(0)).shape == (0, len(pinned.lower))


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_the_share_of_local_search_is_a_share(share: float) -> None:
    context = EngineContext(SyntheticSpec(), 3, 40, generic_operators(), np.random.default_rng(0), _nothing)
    with pytest.raises(ValueError, match="local_share"):
        NsgaTwo(context, local_share=share)


@pytest.mark.parametrize("seed", range(3))
def test_a_small_space_is_searched_to_its_whole_front(seed: int) -> None:
    """The exact front, by evaluating everything, of a space in which most children repeat what is known."""
    problem = synthetic_problem(2, 3)
    spec = problem.evaluator.spec
    everything = np.array(list(product(*(range(low, high + 1) for low, high in zip(spec.lower, spec.upper, strict=True)))))
    scored = problem.evaluator.evaluate(np.unique(spec.canonical(everything), axis=0))
    values = np.unique(problem.objective_values(scored.metrics)[scored.violation_bytes <= 0.0], axis=0)
    budget = max(200, len(everything) // 10)
    found = optimize(problem, operators=default_operators(), budget=Budget(evaluations=budget), population=20, seed=seed)
    assert found.stop in (StopReason.EVALUATIONS, StopReason.EXHAUSTED)
    assert set(map(tuple, found.front.objectives)) == set(map(tuple, values[nondominated(values)]))
