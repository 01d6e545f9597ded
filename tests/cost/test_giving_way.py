"""Inner memories give way to a memory above that must hold all of what they keep."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.cost import OFFCHIP, Goal, TileRequest, evaluate_tiles
from stream_evo.cost._allocation import Shortage, allocate, level_in
from stream_evo.cost._loops import OPERANDS, loop_factors
from stream_evo.cost._prepared import PreparedTile, prefix_products, prepare, total
from stream_evo.cost._reference import evaluate_order
from stream_evo.cost._search import search_order
from stream_evo.hardware import ArrayDimension, Core, Dataflow, Direction, Memory, Port, PortKind, load_core
from stream_evo.hw_library import CORES
from stream_evo.workload import LoopSizes, Operand, OperatorKind

MANY = settings(max_examples=150)
Requests = st.SearchStrategy[TileRequest]
ALL = frozenset(Operand)
K, C = 2, 3


def _memory(name: str, size_bits: int, operands: tuple[Operand, ...], shared_over: tuple[str, ...]) -> Memory:
    outputs = operands if Operand.O in operands else ()
    reads = [(o, Direction.TO_LOW) for o in operands] + [(Operand.O, Direction.TO_HIGH) for _ in outputs[:1]]
    writes = [(o, Direction.FROM_HIGH) for o in operands] + [(Operand.O, Direction.FROM_LOW) for _ in outputs[:1]]
    ports = (Port("r", PortKind.READ, 8, 64, tuple(reads)), Port("w", PortKind.WRITE, 8, 64, tuple(writes)))
    return Memory(name, size_bits, operands, shared_over, ports, 1.0, 1.0)


def _hand_tile(size_bits: int) -> TileRequest:
    """K 4 x C 4 on two multipliers along K, each with 64 bits of weights of its own, under one memory of `size_bits` for everything."""
    memories = (_memory("weights", 64, (Operand.W,), ()), _memory("sram", size_bits, tuple(Operand), ("D1",)))
    flow = Dataflow("K2", (("D1", (("K", 2),)),))
    core = Core("hand", (ArrayDimension("D1", 2),), memories, (flow,), (OperatorKind.CONV,), 1.0)
    return TileRequest(OperatorKind.CONV, LoopSizes(K=4, C=4), core, "K2", streamed=ALL, dram=OFFCHIP)


@pytest.mark.parametrize(
    ("size_bits", "bounds"),
    [
        (168, [[1, 2], [2, 2, 2], [0, 2]]),
        (120, [[1, 2], [1, 1, 2], [0, 2]]),
        (103, [[1, 2], [0, 0, 2], [2, 2]]),
        (56, [[1, 2], [0, 0, 2], [0, 2]]),
    ],
)
def test_outermost_loops_are_dropped_until_it_fits(size_bits: int, bounds: list[list[int]]) -> None:
    """Order C 4, K 2 (inner first). The weight memories keep both loops, 8 weights = 64 b each, 128 b in the memory above.

    Beside them it must hold at least one input (8 b) and two unfinished outputs (32 b): 168 b. With 120 b the weight memories drop K and
    keep 4 weights, 64 b above: 104 b. With 103 b they drop C too, 16 b above, and keep nothing but the weight in use; of the room that is
    left, all inputs take 32 b, as that saves most traffic: 32 + 16 + 32 = 80 b. With 56 b there is one of each. Outputs always
    stay while C runs.
    """
    assert allocate(prepare(_hand_tile(size_bits)), [(C, 4), (K, 2)]) == bounds


def test_less_than_one_step_fits_nowhere() -> None:
    """One input, two weights and two unfinished outputs are 8 + 16 + 32 = 56 b: in 55 b one bit is missing, outputs take most."""
    assert allocate(prepare(_hand_tile(55)), [(C, 4), (K, 2)]) == Shortage(0, 0, 56, 55)


@pytest.mark.parametrize("goal", Goal)
@pytest.mark.parametrize("taps", [1, 3])
@pytest.mark.parametrize(("k", "c", "extent"), [(128, 320, 28), (512, 512, 28), (96, 576, 28), (512, 25088, 1), (64, 64, 512)])
def test_big_tiles_run_on_a_chiplet_of_many_buffers(goal: Goal, taps: int, k: int, c: int, extent: int) -> None:
    """The 16 weight and input buffers of a Simba chiplet take up to 320 KiB, its global buffer has 256 KiB: they are filled less."""
    core = load_core(CORES["simba_chiplet"])
    sizes = LoopSizes(K=k, C=c, OY=extent, OX=extent, FY=taps, FX=taps)
    request = TileRequest(OperatorKind.CONV, sizes, core, core.dataflows[0].name, streamed=ALL, dram=OFFCHIP)
    costs = evaluate_tiles([request], goal)
    assert costs.feasible[0]
    assert costs.held_bits[0].sum() <= core.memories[-1].size_bits


@st.composite
def _buffered_requests(draw: st.DrawFn, drawn: Requests) -> TileRequest:
    """Tiles on a core of many buffers, resized one by one, under a memory that is often too small for what they could keep."""
    core = load_core(CORES["simba_chiplet"])
    factors = [draw(st.sampled_from([0.25, 1.0, 4.0])) for _ in core.memories[:-1]] + [draw(st.sampled_from([0.02, 0.1, 1.0]))]
    memories = tuple(replace(m, size_bits=int(m.size_bits * factor)) for m, factor in zip(core.memories, factors, strict=True))
    core = replace(core, memories=memories, operators=tuple(OperatorKind))
    streamed = draw(st.just(ALL) | st.frozensets(st.sampled_from(tuple(Operand))))
    return replace(draw(drawn), core=core, dataflow=core.dataflows[0].name, streamed=streamed, dram=OFFCHIP if streamed else None)


def _any(data: st.DataObject, drawn: Requests) -> TileRequest:
    return data.draw(st.one_of(drawn, _buffered_requests(drawn)))


def _orders(tile: PreparedTile) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.permutations([(loop, size) for loop, sizes in enumerate(loop_factors(tile.spatial.temporal, 6)) for size in sizes])


def _least_fits(tile: PreparedTile, order: list[tuple[int, int]]) -> bool:
    """Return whether every memory holds one step's data of what passes it and the whole of what must stay in it."""
    products = prefix_products(order)
    for store, memory in enumerate(tile.hierarchy.stores):
        held = []
        for o in reversed(tile.active):
            level = level_in(tile.hierarchy, o, store)
            if level is not None:
                held.append(tile.bits[o] * tile.elements(o, level, products[-1 if level == tile.levels(o) - 1 else 0]))
        if total(held) > memory.capacity_bits * (1.0 + 1e-9):
            return False
    return all(tile.levels(o) > 0 for o in tile.active)


@MANY
@given(st.data())
def test_an_order_is_legal_if_and_only_if_the_least_fits(drawn_requests: Requests, data: st.DataObject) -> None:
    """With outputs of one precision: those of two may need less room where their reduction is over."""
    request = _any(data, drawn_requests)
    tile = prepare(replace(request, bits=replace(request.bits, O_final=request.bits.O)))
    order = data.draw(_orders(tile))
    assert isinstance(allocate(tile, order), Shortage) != _least_fits(tile, order)


@MANY
@given(st.data())
def test_a_step_that_fits_makes_a_tile_feasible_with_everything_streamed(drawn_requests: Requests, data: st.DataObject) -> None:
    request = _any(data, drawn_requests)
    request = replace(request, streamed=ALL, dram=OFFCHIP)
    wide = max(request.bits.O, request.bits.O_final)
    tile = prepare(replace(request, bits=replace(request.bits, O=wide, O_final=wide)))
    if _least_fits(tile, []) and tile.spatial == prepare(request).spatial:
        assert evaluate_tiles([request]).feasible[0]


@MANY
@given(st.data())
def test_levels_keep_ever_more_within_their_capacity(drawn_requests: Requests, data: st.DataObject) -> None:
    tile = prepare(_any(data, drawn_requests))
    order = data.draw(_orders(tile))
    bounds = allocate(tile, order)
    if isinstance(bounds, Shortage):
        assert bounds.needed_bits > bounds.available_bits
        return
    products = prefix_products(order)
    for o in tile.active:
        assert all(inner <= outer for inner, outer in itertools.pairwise(bounds[o]))
        assert bounds[o][-1] == len(order)
    for store, memory in enumerate(tile.hierarchy.stores):
        held = 0.0
        for o in tile.active:
            level = level_in(tile.hierarchy, o, store)
            if level is not None:
                bits = min(tile.bits[o], tile.request.bits.O_final) if OPERANDS[o] is Operand.O else tile.bits[o]
                held += bits * tile.elements(o, level, products[bounds[o][level]])
        assert held <= memory.capacity_bits * (1 + 1e-9)


@settings(MANY, max_examples=60)
@given(st.data(), st.sampled_from(Goal))
def test_kernel_equals_reference_where_buffers_give_way(drawn_requests: Requests, data: st.DataObject, goal: Goal) -> None:
    request = data.draw(_buffered_requests(drawn_requests))
    found = evaluate_tiles([request], goal)
    tile = prepare(request)
    cost = evaluate_order(tile, search_order(tile, goal, 6))
    if isinstance(cost, Shortage):
        assert (found.needed_bits[0], found.available_bits[0], found.blamed_level[0]) == (cost.needed_bits, cost.available_bits, cost.level)
        return
    assert (found.latency_cycles[0], found.memory_pj[0], found.dram_pj[0]) == (cost.latency_cycles, cost.core_pj, cost.dram_pj)
