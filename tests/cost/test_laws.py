"""What holds for every tile on every core."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stream_evo.cost import OFFCHIP, Goal, TileRequest, evaluate_tiles, tile_cost
from stream_evo.cost._allocation import Shortage, level_in
from stream_evo.cost._loops import GROUP_ORDERS, LOOPS, OPERANDS, loop_factors
from stream_evo.cost._prepared import PreparedTile, prefix_products, prepare
from stream_evo.cost._reference import MappingCost, evaluate_order
from stream_evo.cost._search import search_order
from stream_evo.hardware import Core
from stream_evo.workload import LoopSizes, Operand, OperatorKind

MANY = settings(max_examples=80)
Requests = st.SearchStrategy[TileRequest]


@MANY
@given(st.data(), st.sampled_from(Goal))
def test_parts_are_not_negative_and_add_up(drawn_requests: Requests, data: st.DataObject, goal: Goal) -> None:
    request = data.draw(drawn_requests)
    costs, detail = evaluate_tiles([request], goal), tile_cost(request, goal)
    parts = [costs.temporal_cycles[0], costs.stall_cycles[0], costs.onload_cycles[0], costs.offload_cycles[0]]
    assert min(parts) >= 0
    assert costs.latency_cycles[0] == sum(parts)
    energies = [costs.mac_pj[0], costs.memory_pj[0], costs.dram_pj[0]]
    assert min(energies) >= 0
    assert costs.energy_pj[0] == pytest.approx(sum(energies), rel=1e-12)
    assert costs.energy_pj[0] == pytest.approx(detail.mac_pj + sum(map(sum, detail.memory_energy_pj.values())), rel=1e-9)
    assert min(costs.dram_read_bits[0], costs.dram_write_bits[0], costs.held_bits[0].min()) >= 0


@MANY
@given(st.data())
def test_latency_is_at_least_ideal(drawn_requests: Requests, data: st.DataObject) -> None:
    request = data.draw(drawn_requests)
    costs = evaluate_tiles([request])
    operations = request.sizes.product
    assert costs.ideal_cycles[0] == -(-operations // request.core.processing_elements) * request.step_cycles
    assert costs.latency_cycles[0] >= costs.temporal_cycles[0] >= costs.ideal_cycles[0]
    assert 0 < costs.utilisation[0] <= 1


def _random_order(tile: PreparedTile, shuffle: st.DataObject) -> list[tuple[int, int]]:
    factors = [(loop, size) for loop, sizes in enumerate(loop_factors(tile.spatial.temporal, 6)) for size in sizes]
    return shuffle.draw(st.permutations(factors))


@MANY
@given(st.data())
def test_any_legal_order_respects_every_capacity(drawn_requests: Requests, data: st.DataObject) -> None:
    """Counted anew from the boundaries: what the operands of a memory keep there fits, final outputs at their final precision."""
    tile = prepare(data.draw(drawn_requests))
    order = _random_order(tile, data)
    cost = evaluate_order(tile, order)
    if isinstance(cost, Shortage):
        assert cost.needed_bits > cost.available_bits
        return
    products = prefix_products(order)
    for store, memory in enumerate(tile.hierarchy.stores):
        held = 0.0
        for o in tile.active:
            level = level_in(tile.hierarchy, o, store)
            if level is not None:
                bits = min(tile.bits[o], tile.request.bits.O_final) if OPERANDS[o] is Operand.O else tile.bits[o]
                held += bits * tile.elements(o, level, products[cost.bounds[o][level]])
        assert held <= memory.capacity_bits * (1 + 1e-9)


@settings(MANY, suppress_health_check=[*MANY.suppress_health_check, HealthCheck.filter_too_much])
@given(st.data())
def test_a_tile_lacks_exactly_what_is_told(drawn_requests: Requests, data: st.DataObject) -> None:
    """Under the same order the memory blamed is short until it has so many bits more; then the order fits, or another memory is short."""
    request = data.draw(drawn_requests)
    small = tuple(replace(memory, size_bits=max(8, memory.size_bits // 256)) for memory in request.core.memories)
    request = replace(request, core=replace(request.core, memories=small))
    tile = prepare(request)
    order = _random_order(tile, data)
    short = evaluate_order(tile, order)
    assume(isinstance(short, Shortage) and short.level >= 0)
    assert isinstance(short, Shortage)
    store = tile.hierarchy.levels[short.operand][short.level].store
    lacking = short.needed_bits - short.available_bits
    for extra in (lacking - 1, lacking):
        memories = list(request.core.memories)
        memories[store] = replace(memories[store], size_bits=memories[store].size_bits + extra)
        grown = prepare(replace(request, core=replace(request.core, memories=tuple(memories))))
        assume(grown.spatial == tile.spatial)
        found = evaluate_order(grown, order)
        levels = grown.hierarchy.levels[found.operand] if isinstance(found, Shortage) else ()
        still = isinstance(found, Shortage) and found.level >= 0 and levels[found.level].store == store
        assert still == (extra < lacking)


@MANY
@given(st.data())
def test_the_levels_of_every_operand_keep_all_loops(drawn_requests: Requests, data: st.DataObject) -> None:
    request = data.draw(drawn_requests)
    detail = tile_cost(request)
    for levels in detail.temporal_mapping.values():
        loops = [loop for level in levels for loop in level]
        assert math.prod(size for _, size in loops) * request.step_cycles == detail.temporal_cycles
        assert loops == [loop for level in detail.temporal_mapping[Operand.O] for loop in level]


@MANY
@given(st.data())
def test_dram_moves_at_least_what_must_move(drawn_requests: Requests, data: st.DataObject) -> None:
    """Every streamed operand crosses at least once: inputs are read, outputs are written, at mean sizes that rounding may lower."""
    request = data.draw(drawn_requests)
    costs = evaluate_tiles([request])
    assume(bool(costs.feasible[0]))
    if Operand.O in request.streamed:
        outputs = math.prod(getattr(request.sizes, loop) for loop in ("B", "G", "K", "OY", "OX"))
        assert costs.dram_write_bits[0] >= outputs * min(request.bits.O, request.bits.O_final) * 0.9 - 64
    else:
        assert costs.dram_write_bits[0] == 0
    if not request.streamed & set(request.operands):
        assert costs.dram_pj[0] == 0


@MANY
@given(st.data(), st.sampled_from(Goal))
def test_more_factors_are_never_worse(library_requests: Requests, data: st.DataObject, goal: Goal) -> None:
    request = data.draw(library_requests)
    six, eight = evaluate_tiles([request], goal), evaluate_tiles([request], goal, max_factors=8)
    cost = {Goal.LATENCY: "latency_cycles", Goal.ENERGY: "energy_pj"}
    if goal in cost:
        assert getattr(eight, cost[goal])[0] <= getattr(six, cost[goal])[0] * (1 + 1e-9)
    else:
        before = six.latency_cycles[0] * six.energy_pj[0]
        assert eight.latency_cycles[0] * eight.energy_pj[0] <= before * (1 + 1e-9)


@MANY
@given(st.data())
def test_the_search_is_no_worse_than_its_starts(library_requests: Requests, data: st.DataObject) -> None:
    tile = prepare(data.draw(library_requests))
    factors = loop_factors(tile.spatial.temporal, 6)
    group = data.draw(st.sampled_from(GROUP_ORDERS))
    start = evaluate_order(tile, [(loop, size) for loop in group for size in factors[loop]])
    found = evaluate_order(tile, search_order(tile, Goal.ENERGY, 6))
    if isinstance(start, MappingCost):
        assert isinstance(found, MappingCost)
        assert found.energy_pj <= start.energy_pj * (1 + 1e-9)


@settings(max_examples=40)
@given(st.sampled_from(["tpu_like", "meta_prototype", "eyeriss_like"]), st.integers(1, 300), st.integers(1, 300), st.integers(1, 60))
def test_transposed_maps_cost_the_same(cores: dict[str, Core], name: str, k: int, c: int, extent: int) -> None:
    """Rows and columns are alike where the dataflow treats them alike: swapping OY with OX and FY with FX changes no total of one order."""
    request = TileRequest(
        OperatorKind.CONV, LoopSizes(K=k, C=c, OX=extent, FX=3), cores[name], cores[name].dataflows[0].name, stride=(1, 2)
    )
    sizes = LoopSizes(K=k, C=c, OY=extent, FY=3)
    turned = replace(request, sizes=sizes, stride=(2, 1))
    tile, other = prepare(request), prepare(turned)
    names = {"OX": "OY", "OY": "OX", "FX": "FY", "FY": "FX"}
    order = search_order(tile, Goal.EDP, 6)
    swapped = [(LOOPS.index(names.get(LOOPS[loop], LOOPS[loop])), size) for loop, size in order]
    cost, same = evaluate_order(tile, order), evaluate_order(other, swapped)
    if isinstance(cost, MappingCost) and isinstance(same, MappingCost):
        assert cost.latency_cycles == same.latency_cycles
        assert cost.energy_pj == pytest.approx(same.energy_pj, rel=1e-12)
    else:
        assert isinstance(cost, Shortage)
        assert isinstance(same, Shortage)


def test_everything_off_chip_is_never_infeasible_for_lack_of_room(cores: dict[str, Core]) -> None:
    """Streaming all operands leaves only buffers on the core, so even a huge layer has a mapping."""
    sizes = LoopSizes(B=4, K=4096, C=4096, OY=512, OX=512, FY=7, FX=7)
    everything = frozenset(Operand)
    requests = [
        TileRequest(OperatorKind.CONV, sizes, cores[name], flow.name, streamed=everything, dram=OFFCHIP)
        for name in ("tpu_like", "meta_prototype", "eyeriss_like")
        for flow in cores[name].dataflows
    ]
    costs = evaluate_tiles(requests)
    assert costs.feasible.all()
    assert (costs.latency_cycles >= costs.ideal_cycles).all()
    assert (costs.energy_pj > costs.mac_pj).all()
