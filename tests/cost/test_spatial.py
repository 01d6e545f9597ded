"""Unrolling and footprints against counting by hand or by brute force."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.cost import TileRequest
from stream_evo.cost._loops import GROUP_ORDERS, LOOPS, factorise, loop_factors
from stream_evo.cost._spatial import input_window, spread
from stream_evo.hardware import Core, Dataflow
from stream_evo.workload import LoopSizes, OperatorKind

Unrolling = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 6), st.integers(1, 5), st.integers(0, 40))
def test_window_counts_distinct_positions(outputs: int, taps: int, stride: int, dilation: int, extent: int) -> None:
    touched = len({stride * i + dilation * j for i in range(outputs) for j in range(taps)})
    assert input_window(outputs, taps, stride, dilation, extent) == (min(touched, extent) if extent else touched)


def _unroll(core: Core, unrolling: Unrolling, **sizes: int) -> tuple[dict[str, float], dict[str, int]]:
    core = replace(core, dataflows=(Dataflow("X", unrolling),))
    found = spread(TileRequest(OperatorKind.CONV, LoopSizes(**sizes), core, "X"))
    mean = dict.fromkeys(LOOPS, 1.0)
    for unrolled in found.unrolled:
        mean[LOOPS[unrolled.loop]] *= unrolled.mean
    return mean, dict(zip(LOOPS, found.temporal, strict=True))


def test_a_loop_that_does_not_divide_is_spread_evenly(cores: dict[str, Core]) -> None:
    """250 channels on 32 columns take 8 steps of 31.25 on average."""
    mean, temporal = _unroll(cores["tpu_like"], (("D1", (("K", 32),)),), K=250, C=16)
    assert (mean["K"], temporal["K"]) == (31.25, 8)


def test_two_loops_share_one_dimension(cores: dict[str, Core]) -> None:
    """FY 3 leaves 12 // 3 = 4 processing elements of a row of 12 for K."""
    mean, temporal = _unroll(cores["eyeriss_like"], (("D2", (("FY", 3), ("K", 9))),), K=8, C=4, FY=3, FX=3)
    assert (mean["FY"], mean["K"], temporal["K"]) == (3.0, 4.0, 2)


def test_one_loop_on_two_dimensions_multiplies(cores: dict[str, Core]) -> None:
    """K 100 over 4 x 8: 25 steps on the first dimension, ceil(25 / 8) = 4 with the second, so 25 at a time on average."""
    mean, temporal = _unroll(cores["eyeriss_like"], (("D2", (("K", 4),)), ("D1", (("K", 8),))), K=100)
    assert mean["K"] == pytest.approx(25.0)
    assert temporal["K"] == 4


def test_a_register_of_one_sum_forbids_unrolling_outputs(cores: dict[str, Core]) -> None:
    """The 16-bit register of a column of tpu_like holds one partial sum, so OX along the column comes out as 1."""
    mean, temporal = _unroll(cores["tpu_like"], (("D1", (("K", 32),)), ("D2", (("OX", 32),))), K=64, C=8, OX=56)
    assert (mean["OX"], temporal["OX"]) == (1.0, 56)


@settings(max_examples=60)
@given(st.data())
def test_unrolling_stays_inside_array_and_tile(drawn_requests: st.SearchStrategy[TileRequest], data: st.DataObject) -> None:
    request = data.draw(drawn_requests)
    found = spread(request)
    for index, dimension in enumerate(request.core.array):
        assert math.prod(u.mean for u in found.unrolled if u.dimension == index) <= dimension.size * (1 + 1e-12)
    for position, loop in enumerate(LOOPS):
        mean = math.prod(u.mean for u in found.unrolled if u.loop == position)
        assert mean * found.temporal[position] == pytest.approx(getattr(request.sizes, loop), rel=1e-12)


@given(st.integers(1, 100_000))
def test_factors_are_primes_of_the_number(number: int) -> None:
    factors = factorise(number)
    assert math.prod(factors) == number
    assert all(all(f % d for d in range(2, math.isqrt(f) + 1)) for f in factors)


@given(st.tuples(*[st.sampled_from([1, 1, 2, 7, 12, 56, 64, 96, 360])] * 8), st.integers(1, 8))
def test_loop_factors_keep_products_and_limit(temporal: tuple[int, ...], limit: int) -> None:
    factors = loop_factors(temporal, limit)
    assert tuple(math.prod(found) for found in factors) == temporal
    assert sum(map(len, factors)) <= max(limit, sum(size > 1 for size in temporal))
    assert all(list(found) == sorted(found) for found in factors)


def test_group_orders_are_all_six_with_groups_outermost() -> None:
    assert len(set(GROUP_ORDERS)) == 6
    for order in GROUP_ORDERS:
        assert sorted(order) == list(range(8))
        assert LOOPS[order[-1]] == "G"
    groups = {tuple(LOOPS[d] for d in order if LOOPS[d] in ("OX", "C", "K")) for order in GROUP_ORDERS}
    assert groups == set(itertools.permutations(("OX", "C", "K")))
