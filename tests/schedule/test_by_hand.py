"""Schedules small enough to be worked out by hand; the working stands in the docstrings.

Unless said otherwise a tile runs for 10 cycles, the DRAM and every link carry 8 bits a cycle, each core has its own way to the DRAM, every
layer is a 1 x 1 convolution of one channel on a map of one column, so that a row, a tile and the weights of a layer are 8 bits each.
``[a, b)`` is a transfer from cycle a to b, ``a-b`` a tile. ``L1.0`` is the first tile of layer 1, ``w1`` its weights, ``x0`` the first
piece of the input.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stream_evo.hardware import (
    Accelerator,
    ArrayDimension,
    Core,
    CoreSlot,
    Dataflow,
    Direction,
    Dram,
    Link,
    Memory,
    Port,
    PortKind,
    SharedMemory,
    WeightLoad,
)
from stream_evo.mapping import LayerMapping, Mapping, Priority
from stream_evo.schedule import Cause, Chip, Schedule, build_plan, schedule_plan
from stream_evo.workload import WHOLE, Axis, AxisMap, Bits, Edge, Layer, LoopSizes, NetworkInput, Operand, OperatorKind, Padding, Workload
from tests.schedule.support import FixedBook, held_over_time, same_schedule, trace_mapping

I, W, O = Operand.I, Operand.W, Operand.O  # noqa: E741  # the field's own letters
SAME = AxisMap(Axis.ROWS), AxisMap(Axis.COLUMNS), AxisMap(Axis.CHANNELS)
READS, WRITES = (Direction.TO_LOW, Direction.TO_HIGH), (Direction.FROM_HIGH, Direction.FROM_LOW)
PLENTY = 1024


def memory(name: str, size_bits: int, *operands: Operand) -> Memory:
    """A memory with one port for reading and one for writing, wide enough never to be the narrowest part of a way."""
    served = [(operand, way) for operand in operands for way in READS if operand is O or way is Direction.TO_LOW]
    filled = [(operand, way) for operand in operands for way in WRITES if operand is O or way is Direction.FROM_HIGH]
    ports = Port("r", PortKind.READ, 8, 64, tuple(served)), Port("w", PortKind.WRITE, 8, 64, tuple(filled))
    return Memory(name, size_bits, operands, ("D1",), ports, 8.0, 16.0)


def core(weights: int = PLENTY, maps: int = PLENTY) -> Core:
    """A core that holds `weights` bits of weights and `maps` bits of inputs and outputs."""
    memories = memory("weights", weights, W), memory("maps", maps, I, O)
    return Core("core", (ArrayDimension("D1", 1),), memories, (Dataflow("K", (("D1", (("K", 1),)),)),), tuple(OperatorKind), 1.0)


def joint_core() -> Core:
    """A core with everything in one memory."""
    flow = Dataflow("K", (("D1", (("K", 1),)),))
    return Core("joint", (ArrayDimension("D1", 1),), (memory("all", PLENTY, I, W, O),), (flow,), tuple(OperatorKind), 1.0)


def chip(
    *cores: Core,
    width: int = 8,
    dma_channels: int = 1,
    weight_load: WeightLoad = WeightLoad.ON_DEMAND,
    shared: tuple[SharedMemory, ...] = (),
    linked: bool = True,
) -> Accelerator:
    """Cores joined by one bus of `width` bits a cycle."""
    dram = len(cores)
    links = [Link(f"dram{index}", 8, 2.0, ((index, dram), (dram, index))) for index in range(dram)]
    if linked and dram > 1:
        links.append(Link("bus", width, 0.5, tuple((a, b) for a in range(dram) for b in range(dram) if a != b)))
    slots = tuple(CoreSlot(f"core{index}", kind) for index, kind in enumerate(cores))
    return Accelerator("chip", slots, Dram("dram", 2**30, 8, 100.0, 200.0), tuple(links), shared, dma_channels, weight_load)


def conv(
    index: int, rows: int, *, channels: tuple[int, int] = (1, 1), taps: int = 1, bits: Bits | None = None, producer: int | None = None
) -> Layer:
    """A convolution with (outputs, inputs) channels and `taps` rows of filter that keeps the number of rows."""
    pad = taps // 2
    relation = AxisMap(Axis.ROWS, 1, -pad, taps - 1 - pad)
    edge = Edge(index - 1 if producer is None else producer, I, relation, AxisMap(Axis.COLUMNS), WHOLE)
    sizes = LoopSizes(K=channels[0], C=channels[1], OY=rows, FY=taps)
    return Layer(
        f"L{index}",
        OperatorKind.CONV,
        "Conv",
        sizes,
        padding=Padding(top=pad, bottom=pad),
        bits=bits or Bits(),
        constant_weights=True,
        edges=(edge,),
    )


def run(
    layers: Sequence[Layer],
    accelerator: Accelerator,
    cores: Sequence[Sequence[int]],
    *,
    tile_rows: int = 1,
    stacks: Sequence[int] | None = None,
    cycles: int = 10,
    streamed_bits: tuple[int, int, int] = (0, 0, 0),
    outputs: tuple[int, ...] = (),
    priority: Priority = Priority.MEMORY,
    inputs: tuple[NetworkInput, ...] = (),
    parts: int = 1,
) -> Schedule:
    """Schedule in plain Python and compiled; `cores` names those of each layer, with `parts` K-parts on each."""
    channels = next(layer.sizes.C for layer in layers)
    workload = Workload("net", tuple(layers), inputs or (NetworkInput("x", channels, layers[0].rows),), outputs)
    entries = tuple(
        LayerMapping(layer.name, tuple(f"core{index}" for index in places), tile_rows, 1, parts * len(places), stack)
        for layer, places, stack in zip(layers, cores, stacks or [0] * len(layers), strict=True)
    )
    mapping = Mapping("net", "chip", entries, priority=priority)
    book = FixedBook(workload, accelerator, cycles=[cycles] * len(layers), streamed_bits=streamed_bits)
    plain = schedule_plan(build_plan(workload, accelerator, mapping, book), Chip(accelerator))
    same_schedule(plain, trace_mapping(workload, accelerator, mapping, book))
    return plain


def spans(schedule: Schedule, layer: int) -> list[tuple[int, int]]:
    """Return start and end of the tiles of a layer."""
    return [(tile.start_cycles, tile.end_cycles) for tile in schedule.tiles if tile.layer == layer]


def moves(schedule: Schedule, cause: Cause) -> list[tuple[int, int]]:
    """Return start and end of the transfers of a kind."""
    return [(move.start_cycles, move.end_cycles) for move in schedule.transfers if move.cause is cause]


def test_two_fused_layers_on_two_cores() -> None:
    """Rows flow from core 0 to core 1 over a bus of 4 bits a cycle: 2 cycles a row.

    Core 0: x0 [0, 1), w0 [1, 2), L0.0 2-12. Core 1: w1 [0, 1), row [12, 14), L1.0 14-24, written [24, 25).
    Core 0: x1 not before L0.0 starts: [2, 3), L0.1 12-22. Core 1: row [22, 24), L1.1 24-34, written [34, 35).
    Core 0: x2 not before L0.1 starts: [12, 13), L0.2 22-32. Core 1: row [32, 34), L1.2 34-44, written [44, 45).

    The chip is fullest at 22-24: on core 0 L0.1 (leaving until 24), x2 and L0.2, on core 1 L0.0, L1.0 (leaving until 25) and L0.1: 6 bytes.
    Off-chip: 3 rows in, 2 weights, 3 rows out: 8 bytes.
    """
    schedule = run([conv(0, 3), conv(1, 3)], chip(core(), core(), width=4), [[0], [1]])
    assert spans(schedule, 0) == [(2, 12), (12, 22), (22, 32)]
    assert spans(schedule, 1) == [(14, 24), (24, 34), (34, 44)]
    assert moves(schedule, Cause.NETWORK_INPUT) == [(0, 1), (2, 3), (12, 13)]
    assert moves(schedule, Cause.ACTIVATION) == [(12, 14), (22, 24), (32, 34)]
    assert moves(schedule, Cause.OUTPUT) == [(24, 25), (34, 35), (44, 45)]
    assert schedule.totals.latency_cycles == 45
    assert schedule.totals.memory_bytes == 6
    assert schedule.totals.dram_bytes == 8


def test_energy_of_that_pipeline() -> None:
    """Of the transfers above: bits x energy of the links, words of 8 bits x energy of the DRAM and of the memories.

    Ways to the DRAM: 8 tensors x 8 bits x 2 pJ; bus: 3 x 8 bits x 0.5 pJ. DRAM: 5 words read at 100 pJ, 3 written at 200 pJ. On chip, a
    word of 64 bits costs 8 pJ to read and 16 pJ to write, accesses are a multiple of 8 bits: 3 outputs and 3 rows on the bus are read at 1
    pJ, 3 rows, 2 weights and 3 rows on the bus are written at 2 pJ.
    """
    totals = run([conv(0, 3), conv(1, 3)], chip(core(), core(), width=4), [[0], [1]]).totals
    assert totals.link_pj == 8 * 8 * 2.0 + 3 * 8 * 0.5
    assert totals.dram_pj == 5 * 100.0 + 3 * 200.0
    assert totals.transfer_pj == 6 * 1.0 + 8 * 2.0
    assert totals.energy_pj == 128 + 12 + 1100 + 22


def test_layer_by_layer_waits_for_the_whole_producer() -> None:
    """The same network with a cut: L1.0 is ready when L0.2 has ended, at 32, although its row came before: [12, 14).

    L1.0 32-42; the next row not before L1.0 starts: [32, 34), L1.1 42-52; then [42, 44), L1.2 52-62, written [62, 63).
    """
    schedule = run([conv(0, 3), conv(1, 3)], chip(core(), core(), width=4), [[0], [1]], stacks=[0, 1])
    assert spans(schedule, 0) == [(2, 12), (12, 22), (22, 32)]
    assert [tile.ready_cycles for tile in schedule.tiles if tile.layer == 1] == [32, 42, 52]
    assert moves(schedule, Cause.ACTIVATION) == [(12, 14), (32, 34), (42, 44)]
    assert schedule.totals.latency_cycles == 63


def test_weights_that_do_not_fit_together_are_loaded_again() -> None:
    """One core, room for the weights of one layer, two fused layers of two rows.

    x0 [0, 1), w0 [1, 2), L0.0 2-12. w1 waits for w0, which is in use until 12 and then evicted: [12, 13), L1.0 13-23, written [23, 24).
    x1 [24, 25) behind that write, w0 again [25, 26) after evicting w1, L0.1 26-36. w0 has done its work: w1 again [36, 37), L1.1 37-47,
    written [47, 48).
    """
    schedule = run([conv(0, 2), conv(1, 2)], chip(core(weights=8)), [[0], [0]])
    assert spans(schedule, 0) == [(2, 12), (26, 36)]
    assert spans(schedule, 1) == [(13, 23), (37, 47)]
    assert moves(schedule, Cause.WEIGHTS) == [(1, 2), (12, 13), (25, 26), (36, 37)]
    assert schedule.totals.evictions == 2
    assert schedule.totals.latency_cycles == 48
    assert schedule.totals.violation_bytes == 0


@pytest.mark.parametrize(
    ("room", "tiles", "weights", "latency"),
    [
        (8, [(2, 12), (14, 24), (27, 37), (39, 49)], [(1, 2), (13, 14), (26, 27), (38, 39)], 50),
        (16, [(2, 12), (14, 24), (26, 36), (36, 46)], [(1, 2), (13, 14)], 47),
    ],
)
def test_a_layer_whose_weights_exceed_the_memory_runs_in_parts(
    room: int, tiles: list[tuple[int, int]], weights: list[tuple[int, int]], latency: int
) -> None:
    """Two output channels in two parts on one core, two rows; parts take turns on a row, and each writes its channel of it.

    Room for one part: x0 [0, 1), w0 [1, 2), part 0 2-12, written [12, 13), w1 in place of w0 [13, 14), part 1 14-24, written [24, 25), x1
    [25, 26), w0 in place of w1 [26, 27), part 0 27-37, written [37, 38); w0 has done its work, w1 [38, 39), part 1 39-49, written [49, 50).
    Room for both: as before up to x1 [25, 26), then part 0 26-36, written [36, 37), part 1 36-46, written [46, 47).
    """
    schedule = run([conv(0, 2, channels=(2, 1))], chip(core(weights=room)), [[0]], parts=2)
    assert spans(schedule, 0) == tiles
    assert moves(schedule, Cause.WEIGHTS) == weights
    assert schedule.totals.latency_cycles == latency
    assert schedule.totals.evictions == (2 if room == 8 else 0)
    assert schedule.totals.dram_bytes == 2 + len(weights) + 4


def test_a_row_is_spilled_and_fetched_again() -> None:
    """One core, room for three rows, two layers of three rows with a cut between them.

    x0 [0, 1), w0 [1, 2), L0.0 2-12. x1 [2, 3) fills the memory until x0 goes, L0.1 12-22. x2 finds room when x1 goes: [22, 23). The output
    of L0.2 finds none: L0.1, the last of what is not in use, is written back [23, 24), L0.2 24-34. w1 [24, 25), L1.0 34-44, written [44,
    45). L0.1 is fetched again [45, 46), L1.1 46-56, written [56, 57). L1.2 56-66, written [66, 67). Off-chip: 3 rows in, 2 weights, a row
    out and in again, 3 rows out: 10 bytes.
    """
    schedule = run([conv(0, 3), conv(1, 3)], chip(core(maps=24)), [[0], [0]], stacks=[0, 1])
    assert spans(schedule, 0) == [(2, 12), (12, 22), (24, 34)]
    assert spans(schedule, 1) == [(34, 44), (46, 56), (56, 66)]
    assert moves(schedule, Cause.EVICTION) == [(23, 24)]
    assert moves(schedule, Cause.REFETCH) == [(45, 46)]
    assert schedule.totals.evictions == 1
    assert schedule.totals.memory_bytes == 3
    assert schedule.totals.dram_bytes == 10
    assert schedule.totals.latency_cycles == 67
    assert schedule.totals.violation_bytes == 0


def test_a_residual_stays_until_it_is_added() -> None:
    """L2 adds L1 and L0; one core with one memory; rows flow depth first.

    x0 [0, 1), w0 [1, 2), L0.0 2-12, w1 [2, 3), L1.0 12-22, L2.0 22-32, written [32, 33). x1 [33, 34), L0.1 34-44, L1.1 44-54, L2.1 54-64,
    written [64, 65). L0.0 is held from 2 to 32: bytes of activations change as listed.
    """
    add = Layer("L2", OperatorKind.ELEMENTWISE, "Add", LoopSizes(OY=2), edges=(Edge(1, I, *SAME), Edge(0, W, *SAME)))
    schedule = run([conv(0, 2), conv(1, 2), add], chip(joint_core()), [[0], [0], [0]])
    assert spans(schedule, 2) == [(22, 32), (54, 64)]
    (held,) = held_over_time(schedule)
    bytes_held = [(time, activation // 8) for time, _, activation in held]
    # x0 0-12, L0.0 2-32, L1.0 12-32, L2.0 22-33, x1 33-44, L0.1 34-64, L1.1 44-64, L2.1 54-65; weights change the total only
    changes = {0: 1, 2: 2, 12: 2, 22: 3, 32: 1, 33: 1, 34: 2, 44: 2, 54: 3, 64: 1, 65: 0}
    assert all(changes[time] == count for time, count in bytes_held if time in changes)
    assert {time for time, _ in bytes_held} >= {0, 2, 22, 32, 34, 54, 64, 65}
    assert schedule.totals.memory_bytes == 3
    assert schedule.totals.latency_cycles == 65


def test_an_output_that_is_read_again_is_written_once_and_stays() -> None:
    """L0 leaves the network and feeds L1 on the same core: x0 [0, 1), w0 [1, 2), L0.0 2-12, written [12, 13); w1 [13, 14) behind it,
    L1.0 14-24, written [24, 25). L0.0 is held until L1.0 has ended.
    """  # the working is one paragraph
    schedule = run([conv(0, 1), conv(1, 1)], chip(core()), [[0], [0]], outputs=(0,))
    assert moves(schedule, Cause.OUTPUT) == [(12, 13), (24, 25)]
    assert spans(schedule, 1) == [(14, 24)]
    maps = held_over_time(schedule)[0]
    assert maps == [(0, 8, 8), (2, 16, 16), (12, 8, 8), (14, 16, 16), (24, 8, 8), (25, 0, 0)]


def test_parts_of_a_layer_run_on_two_cores() -> None:
    """L0 has two channels, one on each core; L1 on core 0 reads both.

    Both cores fetch x0 [0, 1) and their weights [1, 2), and run 2-12. L1: the other half comes over the bus [12, 13), w1 (16 bits) came
    [2, 4); L1.0 13-23, written [23, 24). Off-chip: x0 twice, 2 x 8 bits and 16 bits of weights, 8 bits out: 7 bytes.
    """
    schedule = run([conv(0, 1, channels=(2, 1)), conv(1, 1, channels=(1, 2))], chip(core(), core()), [[0, 1], [0]])
    assert spans(schedule, 0) == [(2, 12), (2, 12)]
    assert [tile.core for tile in schedule.tiles] == [0, 1, 0]
    assert moves(schedule, Cause.ACTIVATION) == [(12, 13)]
    assert (2, 4) in moves(schedule, Cause.WEIGHTS)
    assert spans(schedule, 1) == [(13, 23)]
    assert schedule.totals.latency_cycles == 24
    assert schedule.totals.dram_bytes == 7


@pytest.mark.parametrize(("moved_bits", "ends"), [(24, [13, 23]), (160, [23, 44])])
def test_an_input_that_does_not_fit_streams_through(moved_bits: int, ends: list[int]) -> None:
    """Rows of 24 bits in, of 8 bits out, room for 16: the input passes through from the DRAM while a tile runs.

    w0 (24 bits) [0, 3). 24 bits a tile hide behind the computation: L0.0 3-13 with its input [3, 6), written [13, 14); L0.1 13-23 with its
    input [14, 17). 160 bits do not: L0.0 3-23 with [3, 23), written [23, 24); L0.1 23-44 with [24, 44).
    """
    schedule = run([conv(0, 2, channels=(1, 3))], chip(core(maps=16)), [[0]], streamed_bits=(moved_bits, 0, 0))
    assert [tile.end_cycles for tile in schedule.tiles] == ends
    assert len(moves(schedule, Cause.STREAMED_READ)) == 2
    assert moves(schedule, Cause.NETWORK_INPUT) == []
    assert schedule.totals.latency_cycles == ends[-1] + 1
    assert schedule.totals.dram_bytes == 3 + 2 * moved_bits // 8 + 2
    assert schedule.totals.memory_bytes == 2  # two outputs, when one is being written and the other computed


def test_an_output_that_does_not_fit_streams_out_and_in_again() -> None:
    """L0 has 24 bits of output and room for 16; L1 reads them from the DRAM.

    x0 [0, 1), w0 (24 bits) [1, 4), L0.0 4-14 with its output [4, 7). w1 (24 bits) [7, 10). What L0.0 wrote exists when it ends: L1.0 14-24
    with its input [14, 17), written [24, 25).
    """
    layers = [conv(0, 1, channels=(3, 1)), conv(1, 1, channels=(1, 3))]
    schedule = run(layers, chip(core(maps=16)), [[0], [0]], streamed_bits=(24, 0, 24))
    assert moves(schedule, Cause.STREAMED_WRITE) == [(4, 7)]
    assert moves(schedule, Cause.STREAMED_READ) == [(14, 17)]
    assert spans(schedule, 1) == [(14, 24)]
    assert schedule.totals.latency_cycles == 25
    assert schedule.totals.memory_bytes == 1


@pytest.mark.parametrize(
    ("channels", "last_read", "latency"),
    [pytest.param(1, (18, 19), 31, id="one queue"), pytest.param(2, (6, 7), 28, id="reads beside writes")],
)
def test_an_input_is_cut_where_windows_begin_and_each_piece_fetched_once(channels: int, last_read: tuple[int, int], latency: int) -> None:
    """Four rows under a filter of three, two rows a tile: windows 0-3 and 1-4 cut the input into rows 0, 1-2 and 3.

    The smallest first: row 0 [0, 1), rows 1-2 [1, 3), w0 (24 bits) [3, 6), L0.0 6-16, written (16 bits) [16, 18). Only row 3 is new. With
    one DMA channel it queues behind that write: [18, 19), L0.1 19-29, written [29, 31). With two it comes when L0.0 has started: [6, 7),
    L0.1 16-26, written [26, 28).
    """
    schedule = run([conv(0, 4, taps=3)], chip(core(), dma_channels=channels), [[0]], tile_rows=2)
    reads = [move for move in schedule.transfers if move.cause is Cause.NETWORK_INPUT]
    assert [(move.tile, move.bits) for move in reads] == [(0, 8), (1, 16), (2, 8)]
    assert moves(schedule, Cause.NETWORK_INPUT) == [(0, 1), (1, 3), last_read]
    assert schedule.totals.latency_cycles == latency


@pytest.mark.parametrize(("when", "first", "latency"), [(WeightLoad.ON_DEMAND, (2, 12), 24), (WeightLoad.BEFORE_START, (8, 18), 30)])
def test_weights_before_the_start(when: WeightLoad, first: tuple[int, int], latency: int) -> None:
    """L1, on core 1, has 64 bits of weights: [0, 8).

    On demand L0 does not wait for them: x0 [0, 1), w0 [1, 2), L0.0 2-12, row [12, 13), L1.0 13-23, written [23, 24).
    Before the start: w0 [0, 1), x0 [1, 2), L0.0 8-18, row [18, 19), L1.0 19-29, written [29, 30).
    """
    schedule = run([conv(0, 1), conv(1, 1, bits=Bits(W=64))], chip(core(), core(), weight_load=when), [[0], [1]])
    assert spans(schedule, 0) == [first]
    assert (0, 8) in moves(schedule, Cause.WEIGHTS)
    assert schedule.totals.latency_cycles == latency


def test_weights_that_do_not_all_fit_load_on_demand() -> None:
    """The weights of both layers exceed the memory by a bit, so that L0 does not wait for those of L1: x0 [0, 1), w0 [1, 2), L0.0 2-12."""
    schedule = run([conv(0, 1), conv(1, 1)], chip(core(weights=15), weight_load=WeightLoad.BEFORE_START), [[0], [0]])
    assert spans(schedule, 0) == [(2, 12)]
    together = run([conv(0, 1), conv(1, 1)], chip(core(weights=16), weight_load=WeightLoad.BEFORE_START), [[0], [0]])
    assert spans(together, 0) == [(3, 13)]  # w0 [0, 1), w1 [1, 2), x0 [2, 3)


def test_cores_without_a_link_pass_rows_through_the_dram() -> None:
    """x0 [0, 1), w0 [1, 2), L0.0 2-12, written [12, 13); core 1: w1 [0, 1), but rows go first, ties in size by id: row [13, 14), then w1
    [14, 15); L1.0 15-25, written [25, 26).
    """  # the working is one paragraph
    schedule = run([conv(0, 1), conv(1, 1)], chip(core(), core(), linked=False), [[0], [1]])
    assert moves(schedule, Cause.REFETCH) == [(13, 14)]
    assert moves(schedule, Cause.OUTPUT) == [(12, 13), (25, 26)]
    assert moves(schedule, Cause.WEIGHTS) == [(1, 2), (14, 15)]
    assert spans(schedule, 1) == [(15, 25)]
    assert schedule.totals.dram_bytes == 1 + 2 + 2 + 1


def test_cores_that_share_a_memory_transfer_nothing() -> None:
    """x0 [0, 1), w0 [1, 2), L0.0 2-12; core 1: w1 [0, 1), L1.0 12-22, written [22, 23)."""
    shared = (SharedMemory("maps", ((0, "maps"), (1, "maps"))),)
    schedule = run([conv(0, 1), conv(1, 1)], chip(core(), core(), shared=shared), [[0], [1]])
    assert moves(schedule, Cause.ACTIVATION) == []
    assert spans(schedule, 1) == [(12, 22)]
    assert schedule.totals.latency_cycles == 23


@pytest.mark.parametrize("maker", [0, 1])
def test_a_core_passes_its_own_rows_into_a_memory_it_shares_without_the_bus(maker: int) -> None:
    """Both cores read their inputs in one memory and keep their outputs in memories of their own; either makes the row.

    x0 [0, 1), w0 [1, 2), L0.0 2-12, the row passes inside the core [12, 13), w1 [1, 2) or [2, 3), L1.0 13-23, written [23, 24). Links carry
    x0, w0, w1 and the written row, 8 bits each, to and from the DRAM at 2 pJ a bit, and nothing else: 64 pJ.
    """
    own = Core(
        "own",
        (ArrayDimension("D1", 1),),
        (memory("weights", PLENTY, W), memory("in", PLENTY, I), memory("out", PLENTY, O)),
        (Dataflow("K", (("D1", (("K", 1),)),)),),
        tuple(OperatorKind),
        1.0,
    )
    accelerator = chip(own, own, shared=(SharedMemory("in", ((0, "in"), (1, "in"))),))
    schedule = run([conv(0, 1), conv(1, 1)], accelerator, [[maker], [1 - maker]])
    assert moves(schedule, Cause.ACTIVATION) == [(12, 13)]
    assert [move.links for move in schedule.transfers if move.cause is Cause.ACTIVATION] == [()]
    assert schedule.totals.link_pj == 64
    assert schedule.totals.latency_cycles == 24


def test_a_row_read_as_two_operands_goes_to_two_memories() -> None:
    """L0 adds x to itself: x for I [0, 1), x for W [1, 2), in the order of the edges, L0.0 2-12."""
    double = Layer("L0", OperatorKind.ELEMENTWISE, "Add", LoopSizes(), edges=(Edge(-1, I, *SAME), Edge(-1, W, *SAME)))
    accelerator = chip(core())
    schedule = run([double], accelerator, [[0]])
    names = Chip(accelerator).names
    fetched = [(names[move.receiver], move.start_cycles) for move in schedule.transfers if move.cause is Cause.NETWORK_INPUT]
    assert fetched == [("core0.maps", 0), ("core0.weights", 1)]
    assert spans(schedule, 0) == [(2, 12)]


def test_an_input_whose_rows_follow_the_channels_is_not_cut() -> None:
    """x times the transpose of y, 1 x 1 by 1 x 3: x [0, 1), all of y [1, 4), L0.0 4-14."""
    edges = Edge(-1, I, AxisMap(Axis.ROWS), AxisMap(Axis.COLUMNS), WHOLE), Edge(-2, W, AxisMap(Axis.CHANNELS), WHOLE, WHOLE)
    product = Layer("L0", OperatorKind.GEMM, "MatMul", LoopSizes(K=3), edges=edges)
    schedule = run([product], chip(core()), [[0]], inputs=(NetworkInput("x", 1), NetworkInput("y", 1, 3)))
    assert moves(schedule, Cause.NETWORK_INPUT) == [(0, 1), (1, 4)]
    assert spans(schedule, 0) == [(4, 14)]


def test_a_part_may_read_nothing_of_an_input() -> None:
    """Two groups, one on each core, of x and y stacked: core 0 fetches x and core 1 fetches y, each [0, 1), and fits a row in and one out.

    Weights [1, 2), both parts 2-12.
    """
    first, second = (Edge(-1 - n, I, *SAME[:2], AxisMap(Axis.CHANNELS, low=-n, high=-n)) for n in range(2))
    stacked = Layer("L0", OperatorKind.CONV, "Conv", LoopSizes(G=2), constant_weights=True, edges=(first, second))
    inputs = NetworkInput("x", 1), NetworkInput("y", 1)
    schedule = run([stacked], chip(core(maps=16), core(maps=16)), [[0, 1]], inputs=inputs)
    fetched = [(move.stream, move.target, move.start_cycles) for move in schedule.transfers if move.cause is Cause.NETWORK_INPUT]
    assert fetched == [(0, 0, 0), (1, 1, 0)]
    assert spans(schedule, 0) == [(2, 12), (2, 12)]


@pytest.mark.parametrize(("priority", "order"), [(Priority.MEMORY, [0, 1, 0, 1, 0, 1]), (Priority.LATENCY, [0, 0, 1, 0, 1, 1])])
def test_priorities(priority: Priority, order: list[int]) -> None:
    """Three rows of two layers on one core, by depth or by readiness.

    By depth each row goes through both layers. By readiness: L0.0 2-12; L0.1 and L1.0 are both ready at 12, the lower layer wins: L0.1
    12-22; L1.0 (12) before L0.2 (22): L1.0 22-32; L0.2 and L1.1 are ready at 22 and 32: L0.2, then L1.1 and L1.2.
    """
    schedule = run([conv(0, 3), conv(1, 3)], chip(core()), [[0], [0]], priority=priority)
    assert [tile.layer for tile in schedule.tiles] == order


def test_a_tile_without_a_legal_loop_order_is_a_violation_in_bytes() -> None:
    """It is scheduled all the same: a search can walk through what cannot run."""

    class Short(FixedBook):
        def figures(self, key):  # type: ignore[no-untyped-def]  # as its base
            found = super().figures(key)
            return type(found)(found.latency_cycles, 0.0, 0.0, missing_bits=80, streamed=found.streamed)

    accelerator = chip(core())
    workload = Workload("net", (conv(0, 1), conv(1, 1)), (NetworkInput("x", 1),))
    mapping = Mapping("net", "chip", tuple(LayerMapping(f"L{index}", ("core0",), 1, 1) for index in range(2)))
    book = Short(workload, accelerator, cycles=(10, 10))
    plain = schedule_plan(build_plan(workload, accelerator, mapping, book), Chip(accelerator))
    same_schedule(plain, trace_mapping(workload, accelerator, mapping, book))
    assert plain.totals.violation_bytes == 2 * 80 / 8
    assert plain.totals.latency_cycles == 23
