"""Small cases whose every number is derived in the docstring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_evo.cost import DramLevel, TileRequest, evaluate_tiles, tile_cost
from stream_evo.cost._prepared import prepare
from stream_evo.cost._reference import MappingCost, evaluate_order
from stream_evo.hardware import ArrayDimension, ArrayTiming, Core, Dataflow, Direction, Memory, Port, PortKind
from stream_evo.workload import Bits, LoopSizes, Operand, OperatorKind

ALL = tuple(Operand)
READS = (*tuple((o, Direction.TO_LOW) for o in ALL), (Operand.O, Direction.TO_HIGH))
WRITES = (*tuple((o, Direction.FROM_HIGH) for o in ALL), (Operand.O, Direction.FROM_LOW))
K, C, OX = 2, 3, 5


def _core(size_bits: int = 4096, width: int = 64) -> Core:
    """Four multipliers along K above one memory with a read and a write port; 2 pJ a read word, 3 pJ a write word, 1 pJ a MAC."""
    ports = (Port("r", PortKind.READ, 8, width, READS), Port("w", PortKind.WRITE, 8, width, WRITES))
    memory = Memory("sram", size_bits, ALL, ("D1",), ports, 2.0, 3.0)
    flow = Dataflow("K4", (("D1", (("K", 4),)),))
    return Core("hand", (ArrayDimension("D1", 4),), (memory,), (flow,), (OperatorKind.CONV, OperatorKind.POOL), 1.0)


def _tile(core: Core, **more: object) -> TileRequest:
    return TileRequest(OperatorKind.CONV, LoopSizes(K=4, C=2, OX=3), core, "K4", **more)  # type: ignore[arg-type]  # several types


def _evaluate(request: TileRequest, order: list[tuple[int, int]]) -> MappingCost:
    cost = evaluate_order(prepare(request), order)
    assert isinstance(cost, MappingCost)
    return cost


def test_one_memory_output_stationary() -> None:
    """K 4 in parallel, order C 2, OX 3 (inner first): 6 steps.

    W: 4 weights x 8 b = 32 b every step, half a word: 3 words in 6 steps. I: one element of 8 b every step, 6/8 of a word: none whole.
    O: sums are unfinished, as C runs in time: 4 x 16 b = one word written and one read each step. Energy: 24 MACs; W 3 x 2 = 6; O 6 x 3 +
    6 x 2 = 30. Stall: on the read port W, I and O each take the one cycle of their window, 5 times after the first: they want 15 cycles,
    and the windows cover 6 cycles of the run: 9 too many. The write port carries O alone and keeps up.
    """
    cost = _evaluate(_tile(_core()), [(C, 2), (OX, 3)])
    assert cost.temporal_cycles == 6
    assert cost.accesses == (((6, 6, 0, 0),), ((3, 0, 0, 0),), ((0, 0, 0, 0),))
    assert cost.memory_pj == ((30.0,), (6.0,), (0.0,))
    assert cost.energy_pj == 24 + 36
    assert (cost.stall_cycles, cost.onload_cycles, cost.offload_cycles) == (9, 0, 0)


def test_an_array_that_rests_waits_for_nothing_else_meanwhile() -> None:
    """K 4 in parallel, C 2, OX 3: three sets of outputs, 23 cycles each, and two rows of inputs for each, 5 cycles each: 69 + 30 more."""
    core = replace(_core(), timing=ArrayTiming(output_tile_cycles=23, input_row_cycles=5))
    cost = _evaluate(_tile(core), [(C, 2), (OX, 3)])
    assert (cost.temporal_cycles, cost.stall_cycles) == (6, 9 + 69 + 30)
    assert cost.energy_pj == _evaluate(_tile(_core()), [(C, 2), (OX, 3)]).energy_pj


def test_an_array_with_bit_serial_inputs() -> None:
    """Six steps of 10 cycles for each of 8 bits; in windows of 80 cycles, every transfer of one cycle fits."""
    core = replace(_core(), timing=ArrayTiming(input_bit_cycles=10))
    cost = _evaluate(_tile(core), [(C, 2), (OX, 3)])
    assert (cost.temporal_cycles, cost.stall_cycles) == (6 * 80, 0)
    assert evaluate_tiles([_tile(core)]).ideal_cycles[0] == 6 * 80
    halved = replace(_tile(core), bits=Bits(I=4))
    assert _evaluate(halved, [(C, 2), (OX, 3)]).temporal_cycles == 6 * 40


def test_a_slow_step_leaves_time_to_feed_more_of_the_array() -> None:
    """One memory that passes 8 bits a cycle feeds one multiplier with weights of 8 bits in one cycle, and all four in a step of four."""
    narrow = _core(width=8)
    assert prepare(_tile(narrow)).spatial.temporal[K] == 4
    slow = replace(narrow, timing=ArrayTiming(step_cycles=8))
    assert prepare(_tile(slow)).spatial.temporal[K] == 1


def test_weights_stay_while_columns_run() -> None:
    """Order OX 3, C 2: the weights are read at 2 of 6 steps: 2 half words make 1.

    O is written and read as partial sums at every step, as before.
    """
    cost = _evaluate(_tile(_core()), [(OX, 3), (C, 2)])
    assert cost.accesses == (((6, 6, 0, 0),), ((1, 0, 0, 0),), ((0, 0, 0, 0),))


def test_reduction_in_one_step_needs_no_partial_sums() -> None:
    """Without C there is nothing to add up: outputs are written once, final, 4 x 8 b = half a word x 3 steps = 1 word, never read back."""
    request = TileRequest(OperatorKind.CONV, LoopSizes(K=4, OX=3), _core(), "K4")
    assert _evaluate(request, [(OX, 3)]).accesses[0] == ((0, 1, 0, 0),)


def test_held_bits_are_the_whole_tile_with_sums_unfinished() -> None:
    """I 2 x 3 x 8 b, W 8 x 8 b, O 4 x 3 x 16 b, since the only memory adds up in place."""
    held = evaluate_tiles([_tile(_core())]).held_bits[0]
    assert held.tolist() == [48, 64, 192]


def test_what_does_not_fit_is_told_in_bits() -> None:
    """48 + 64 + 192 = 304 bits in a memory of 300: 4 are missing, O takes most."""
    costs = evaluate_tiles([_tile(_core(size_bits=300))])
    assert not costs.feasible[0]
    assert (costs.needed_bits[0], costs.available_bits[0], costs.missing_bits[0]) == (304, 300, 4)
    assert costs.latency_cycles[0] == costs.temporal_cycles[0] == 6
    shortage = tile_cost(_tile(_core(size_bits=300))).shortage
    assert shortage is not None
    assert (shortage.operand, shortage.memory) == (Operand.O, "sram")


def test_an_operand_without_a_memory_is_told() -> None:
    """A core whose memory holds no weights cannot run a convolution, unless weights come from outside at every step."""
    core = _core()
    ports = tuple(replace(port, serves=tuple((o, d) for o, d in port.serves if o is not Operand.W)) for port in core.memories[0].ports)
    core = replace(core, memories=(replace(core.memories[0], operands=(Operand.I, Operand.O), ports=ports),))
    short = tile_cost(_tile(core)).shortage
    assert short is not None
    assert (short.operand, short.memory, short.needed_bits, short.available_bits) == (Operand.W, None, 64, 0)
    dram = DramLevel(64, 64, 64, 100.0, 100.0)
    streamed = tile_cost(_tile(core, streamed=frozenset({Operand.W}), dram=dram))
    assert streamed.feasible
    assert streamed.memories[Operand.W] == ("dram",)


def test_streamed_weights_come_from_dram_once() -> None:
    """The 64 bits of weights fit: they are read once, one 64-bit word of 100 pJ, and wait in the memory."""
    dram = DramLevel(read_bits_per_cycle=64, write_bits_per_cycle=64, word_bits=64, read_pj=100.0, write_pj=100.0)
    costs = evaluate_tiles([_tile(_core(), streamed=frozenset({Operand.W}), dram=dram)])
    assert costs.dram_pj[0] == 100.0
    assert (costs.dram_read_bits[0], costs.dram_write_bits[0]) == (64, 0)


def test_streamed_outputs_leave_final() -> None:
    """12 outputs of 8 bits leave for the DRAM: 96 bits in two 64-bit words; nothing is read."""
    dram = DramLevel(64, 64, 64, 100.0, 7.0)
    costs = evaluate_tiles([_tile(_core(), streamed=frozenset({Operand.O}), dram=dram)], goal="energy")
    assert (costs.dram_read_bits[0], costs.dram_write_bits[0]) == (0, 96)
    assert costs.dram_pj[0] == 14.0


def test_slow_operations_stretch_computation() -> None:
    """At 4 cycles an operation 6 steps take 24 cycles, and the shared read port no longer stalls: 15 transfers of 1 cycle fit.

    Windows are 4 cycles each: union 24, sum 3 x 4 x 5 = 60, slack 3 x (1 - 4) x 5 = -45; -45 + 60 - 24 < 0.
    """
    cost = _evaluate(_tile(_core(), cycles_per_operation=4), [(C, 2), (OX, 3)])
    assert (cost.temporal_cycles, cost.stall_cycles) == (24, 0)
    assert cost.energy_pj == 60.0


@pytest.mark.parametrize(("extent", "bits"), [(None, 5 * 8), ((1, 3), 3 * 8)])
def test_padding_is_not_fetched(extent: tuple[int, int] | None, bits: int) -> None:
    """Three outputs of a 3-tap window touch 5 inputs; if only 3 exist, the others are padding."""
    request = TileRequest(OperatorKind.CONV, LoopSizes(OX=3, FX=3), _core(), "K4", input_extent=extent)
    assert evaluate_tiles([request]).held_bits[0, 0] == bits


def test_pooling_has_no_weights_and_no_wide_sums() -> None:
    """Sums of a pool have the final precision: 4 outputs x 8 b beside 4 x 4 inputs; W holds nothing and costs nothing."""
    request = TileRequest(OperatorKind.POOL, LoopSizes(K=4, FX=4), _core(), "K4", bits=Bits(O=32))
    costs, detail = evaluate_tiles([request]), tile_cost(request)
    assert costs.held_bits[0].tolist() == [128, 0, 32]
    assert Operand.W not in detail.memory_energy_pj
