"""The compiled kernel equals the plain-Python reference to the last bit, and a batch is no more than its tiles."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.cost import Goal, TileRequest, evaluate_tiles, tile_cost
from stream_evo.cost import _kernel as kernel
from stream_evo.cost._allocation import Shortage
from stream_evo.cost._loops import BASE_FACTORS, GROUP_ORDERS, IRRELEVANT, OPERANDS, PARTIAL, RELEVANT
from stream_evo.cost._prepared import prepare
from stream_evo.cost._reference import evaluate_order
from stream_evo.cost._search import BUDGET, search_order
from stream_evo.cost._spatial import REL_TOL
from stream_evo.workload import Operand
from tests.cost.conftest import Row

FEW = settings(max_examples=60)


def _compare(request: TileRequest, goal: Goal, max_factors: int) -> None:
    found = evaluate_tiles([request], goal, max_factors=max_factors)
    tile = prepare(request)
    cost = evaluate_order(tile, search_order(tile, goal, max_factors))
    if isinstance(cost, Shortage):
        assert not found.feasible[0]
        assert (found.needed_bits[0], found.available_bits[0]) == (cost.needed_bits, cost.available_bits)
        assert tuple(Operand)[found.blamed_operand[0]] is OPERANDS[cost.operand]
        assert found.blamed_level[0] == cost.level
        assert found.missing_bits[0] == cost.needed_bits - cost.available_bits > 0
        return
    assert found.feasible[0]
    assert found.missing_bits[0] == 0
    cycles = (cost.temporal_cycles, cost.stall_cycles, cost.onload_cycles, cost.offload_cycles)
    assert (found.temporal_cycles[0], found.stall_cycles[0], found.onload_cycles[0], found.offload_cycles[0]) == cycles
    assert (found.mac_pj[0], found.memory_pj[0], found.dram_pj[0]) == (cost.mac_pj, cost.core_pj, cost.dram_pj)
    assert (found.dram_read_bits[0], found.dram_write_bits[0]) == cost.dram_bits
    assert tuple(found.held_bits[0]) == tuple(cost.held_bits[OPERANDS.index(operand)] for operand in Operand)


@FEW
@given(st.data(), st.sampled_from(Goal))
def test_kernel_equals_reference_on_any_core(drawn_requests: st.SearchStrategy[TileRequest], data: st.DataObject, goal: Goal) -> None:
    _compare(data.draw(drawn_requests), goal, 6)


@settings(FEW, max_examples=40)
@given(st.data(), st.sampled_from(Goal), st.sampled_from([1, 4, 6, 7, 8]))
def test_kernel_equals_reference_on_library_cores(
    library_requests: st.SearchStrategy[TileRequest], data: st.DataObject, goal: Goal, max_factors: int
) -> None:
    _compare(data.draw(library_requests), goal, max_factors)


def test_constants_of_kernel_and_reference_agree() -> None:
    assert np.array_equal(kernel.GROUP_ORDERS, np.array(GROUP_ORDERS))
    assert (kernel.IRRELEVANT, kernel.RELEVANT, kernel.PARTIAL) == (IRRELEVANT, RELEVANT, PARTIAL)
    assert (kernel.TOLERANCE, kernel.BUDGET, kernel.BASE_FACTORS) == (REL_TOL, BUDGET, BASE_FACTORS)


@settings(FEW, max_examples=20)
@given(st.data())
def test_a_batch_is_its_tiles(drawn_requests: st.SearchStrategy[TileRequest], data: st.DataObject) -> None:
    """Order, repetition and company of requests change nothing."""
    requests = data.draw(st.lists(drawn_requests, min_size=1, max_size=5))
    picks = data.draw(st.lists(st.integers(0, len(requests) - 1), min_size=1, max_size=10))
    batch = evaluate_tiles([requests[i] for i in picks])
    for row, i in enumerate(picks):
        alone = evaluate_tiles([requests[i]])
        for name in type(batch).__dataclass_fields__:
            assert np.array_equal(getattr(batch, name)[row], getattr(alone, name)[0]), name


def test_no_requests_no_rows() -> None:
    costs = evaluate_tiles([])
    assert len(costs) == 0
    assert costs.held_bits.shape == (0, 3)


@settings(FEW, max_examples=25)
@given(st.data())
def test_detail_agrees_with_the_batch(drawn_requests: st.SearchStrategy[TileRequest], data: st.DataObject) -> None:
    request = data.draw(drawn_requests)
    batch, detail = evaluate_tiles([request]), tile_cost(request)
    assert detail.feasible == batch.feasible[0]
    assert detail.latency_cycles == batch.latency_cycles[0]
    assert detail.energy_pj == batch.energy_pj[0]
    assert detail.ideal_cycles == batch.ideal_cycles[0]


def test_results_are_read_only(rows: list[Row]) -> None:
    costs = evaluate_tiles([rows[0].request])
    assert not costs.latency_cycles.flags.writeable
    assert not costs.held_bits.flags.writeable
