"""Lower bounds against figures worked out by hand."""

from __future__ import annotations

import dataclasses

import pytest

from stream_evo.bounds import Bounds, lower_bounds
from stream_evo.errors import InputError
from stream_evo.hardware import (
    Accelerator,
    ArrayDimension,
    ArrayTiming,
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
    load_accelerator,
)
from stream_evo.hw_library import ACCELERATORS
from stream_evo.mapping import GenomeOptions
from stream_evo.problems.networks import NETWORKS
from stream_evo.workload import (
    WHOLE,
    Axis,
    AxisMap,
    Edge,
    Layer,
    LoopSizes,
    NetworkInput,
    Operand,
    OperatorKind,
    Padding,
    Workload,
    load_onnx,
)

ROWS, COLUMNS, CHANNELS = AxisMap(Axis.ROWS), AxisMap(Axis.COLUMNS), AxisMap(Axis.CHANNELS)
KC = Dataflow("KC", (("D1", (("K", 4),)), ("D2", (("C", 4),))))
OXC = Dataflow("OXC", (("D1", (("OX", 4),)), ("D2", (("C", 4),))))
WIDE = 10**6


def memory(name: str, size_bits: int, *operands: Operand) -> Memory:
    serves = tuple((operand, direction) for operand in operands for direction in Direction)
    return Memory(name, size_bits, operands, ("D1", "D2"), (Port("rw", PortKind.READ_WRITE, 64, 64, serves),), 10.0, 12.0)


def core(
    *flows: Dataflow, maps_bits: int = WIDE, operation_pj: float = 0.5, operators: tuple[OperatorKind, ...] = tuple(OperatorKind)
) -> Core:
    memories = memory("weights", WIDE, Operand.W), memory("maps", maps_bits, Operand.I, Operand.O)
    return Core("core", (ArrayDimension("D1", 4), ArrayDimension("D2", 4)), memories, flows or (KC,), operators, operation_pj)


def chip(*cores: Core, width: int = WIDE, pj_per_bit: float = 0.0, private: bool = False, dma_channels: int = 1) -> Accelerator:
    count = len(cores)
    pairs = [((count, at), (at, count)) for at in range(count)]
    groups = pairs if private else [tuple(pair for both in pairs for pair in both)]
    links = tuple(Link(f"link{at}", width, pj_per_bit, group) for at, group in enumerate(groups))
    slots = tuple(CoreSlot(f"core{at}", kind) for at, kind in enumerate(cores))
    return Accelerator("chip", slots, Dram("dram", 2**40, 64 if width == WIDE else width, 100.0, 120.0), links, dma_channels=dma_channels)


def pointwise(name: str, producer: int, sizes: LoopSizes) -> Layer:
    edge = Edge(producer, Operand.I, ROWS, COLUMNS, WHOLE)
    return Layer(name, OperatorKind.CONV, "Conv", sizes, constant_weights=True, edges=(edge,))


def network(*layers: Layer, inputs: tuple[NetworkInput, ...] = (NetworkInput("image", 4, 4, 4),)) -> Workload:
    return Workload("net", layers, inputs)


ONE = network(pointwise("one", -1, LoopSizes(K=8, C=4, OY=4, OX=4)))
"""512 MACs; 256 bits of weights, 512 of input, 1024 of output."""


def test_one_layer_on_one_core() -> None:
    bounds = lower_bounds(ONE, chip(core()))
    words = 4 + 8, 16  # of 64 bits, read and written
    energy = 512 * 0.5 + words[0] * 100.0 + words[1] * 120.0
    assert bounds.latency_cycles == 32  # 2 steps of 4 outputs x 16 positions; the DRAM needs 28
    assert bounds.energy_pj == pytest.approx(energy)
    assert bounds.energy_pj <= energy
    assert bounds.dram_bytes == 224
    assert bounds.memory_bytes == 4 * 4 + 4 * 8  # with the finest tiles, one row of inputs and one of outputs
    assert bounds.edp_pj_cycles == bounds.energy_pj * 32


@pytest.mark.parametrize(
    ("sizes", "cycles"),
    [
        (LoopSizes(K=5, C=4, OY=4, OX=4), 2 * 16),  # 5 outputs need two steps of 4
        (LoopSizes(K=8, C=9, OY=4, OX=4), 2 * 3 * 16),
        (LoopSizes(K=4, C=4, OY=4, OX=4, FY=3, FX=2), 16 * 6),
        (LoopSizes(G=4, OY=4, OX=4), 4 * 16),  # nothing of a depthwise layer is unrolled
        (LoopSizes(B=3, K=4, C=4, OY=4, OX=4), 3 * 16),
    ],
)
def test_steps_are_rounded_up_per_loop(sizes: LoopSizes, cycles: int) -> None:
    layer = pointwise("one", -1, sizes)
    wide = chip(core(), width=WIDE)
    fast = dataclasses.replace(wide, dram=dataclasses.replace(wide.dram, bits_per_cycle=WIDE))
    assert lower_bounds(network(layer), fast).latency_cycles == cycles
    slow = dataclasses.replace(layer, cycles_per_operation=4)
    assert lower_bounds(network(slow), fast).latency_cycles == 4 * cycles


@pytest.mark.parametrize(
    ("timing", "cycles"),
    [
        (ArrayTiming(step_cycles=7), 7 * 2 * 3 * 6 * 16),
        (ArrayTiming(input_bit_cycles=10), 80 * 2 * 3 * 6 * 16),
        (ArrayTiming(output_tile_cycles=23), 2 * 3 * 6 * 16 + 23 * 2 * 16),
        (ArrayTiming(input_row_cycles=5), 2 * 3 * 6 * 16 + 5 * 2 * 3 * 3 * 16),
    ],
)
def test_steps_and_rests_of_the_array(timing: ArrayTiming, cycles: int) -> None:
    """K 8 in 2 steps of 4, C 9 in 3, a filter of 3 x 2, 16 positions; rests for 2 x 16 sets of outputs, or 3 x 3 times as many rows."""
    layer = pointwise("one", -1, LoopSizes(K=8, C=9, OY=4, OX=4, FY=3, FX=2))
    assert lower_bounds(network(layer), fast(chip(dataclasses.replace(core(), timing=timing)))).latency_cycles == cycles


def test_the_best_dataflow_counts() -> None:
    layer = pointwise("one", -1, LoopSizes(K=1, C=4, OY=8, OX=8))
    fast = chip(core(KC, OXC))
    fast = dataclasses.replace(fast, dram=dataclasses.replace(fast.dram, bits_per_cycle=WIDE))
    assert lower_bounds(network(layer), fast).latency_cycles == 16  # 64 with KC alone


def test_no_unrolling_uses_more_elements_than_there_are() -> None:
    greedy = Dataflow("both", (("D1", (("K", 4), ("OX", 4))), ("D2", (("C", 4),))))
    fast = chip(core(greedy))
    fast = dataclasses.replace(fast, dram=dataclasses.replace(fast.dram, bits_per_cycle=WIDE))
    assert lower_bounds(ONE, fast).latency_cycles == 512 / 16


def test_an_unrolling_is_not_wider_than_the_array() -> None:
    wish = Dataflow("K", (("D1", (("K", 64),)),))
    layer = pointwise("one", -1, LoopSizes(K=64, OY=4, OX=4))
    assert lower_bounds(network(layer), fast(chip(core(wish)))).latency_cycles == 64 / 4 * 16


@pytest.mark.parametrize(
    ("private", "dma_channels", "cores", "cycles"),
    [
        (False, 1, 1, 1792 / 8),  # all on one port
        (False, 1, 2, 1792 / 8),
        (True, 1, 1, 1792 / 8),
        (True, 1, 2, 1280 / 8),  # the layer's weights and outputs on one core, the input through the other
    ],
)
def test_dram_roofline(private: bool, dma_channels: int, cores: int, cycles: float) -> None:
    slow = chip(*[core()] * cores, width=8, private=private, dma_channels=dma_channels)
    spread = lower_bounds(ONE, slow, GenomeOptions(split=True)).latency_cycles
    assert spread == (1792 / 8 / 2 if private and cores == 2 else cycles)


def test_reads_and_writes_overlap_on_separate_links_and_engines() -> None:
    one = chip(core(), width=8)
    links = Link("read", 8, 0.0, ((1, 0),)), Link("write", 8, 0.0, ((0, 1),))
    both = dataclasses.replace(one, links=links, dma_channels=2)
    assert lower_bounds(ONE, both).latency_cycles == 1024 / 8
    single_engine = dataclasses.replace(both, dma_channels=1)
    assert lower_bounds(ONE, single_engine).latency_cycles == 1792 / 8


def test_a_link_that_a_path_takes_twice_is_busy_once() -> None:
    cores = core(operators=(OperatorKind.POOL,)), core(operators=(OperatorKind.CONV,))
    pairs = tuple((a, b) for a, b in ((2, 0), (0, 2), (0, 1), (1, 0)))
    relay = dataclasses.replace(chip(*cores, width=8), links=(Link("bus", 8, 1.0, pairs),))
    bounds = lower_bounds(ONE, relay)
    assert bounds.latency_cycles == 1792 / 8
    assert bounds.energy_pj == pytest.approx(512 * 0.5 + 96 * 100.0 + 128 * 120.0 + 2 * 1792 * 1.0)  # but each way costs


def two_layers() -> Workload:
    first = pointwise("first", -1, LoopSizes(K=4, C=4, OY=8, OX=8))
    second = pointwise("second", -1, LoopSizes(K=8, C=4, OY=8, OX=8))
    return network(first, second, inputs=(NetworkInput("image", 4, 8, 8),))


def fast(accelerator: Accelerator) -> Accelerator:
    return dataclasses.replace(accelerator, dram=dataclasses.replace(accelerator.dram, bits_per_cycle=WIDE))


def test_work_is_spread_over_cores() -> None:
    """64 and 128 cycles on two cores: 96 if a layer can be split, 128 if not."""
    assert lower_bounds(two_layers(), fast(chip(core(), core())), GenomeOptions(split=True)).latency_cycles == 96
    assert lower_bounds(two_layers(), fast(chip(core(), core()))).latency_cycles == 128


def test_cores_that_differ_share_out_by_what_they_are_good_at() -> None:
    """Of 64 + 128 cycles the second core, at a quarter of the speed, takes so much that both end together: 192 / (1 + 1/4)."""
    slow = core(Dataflow("C", (("D2", (("C", 4),)),)))
    assert lower_bounds(two_layers(), fast(chip(core(), slow)), GenomeOptions(split=True)).latency_cycles == 154  # 153.6
    conv_only = core(operators=(OperatorKind.CONV,))
    vector_only = core(operators=(OperatorKind.POOL, OperatorKind.ELEMENTWISE))
    assert lower_bounds(two_layers(), fast(chip(conv_only, vector_only)), GenomeOptions(split=True)).latency_cycles == 192


def test_forbidden_cores_do_not_help() -> None:
    options = GenomeOptions(split=True, forbidden_cores=("core1",))
    assert lower_bounds(two_layers(), fast(chip(core(), core())), options).latency_cycles == 192


@pytest.mark.parametrize(("edge", "cycles"), [(Edge(0, Operand.I), 64 + 64), (Edge(0, Operand.I, ROWS, COLUMNS, WHOLE), 64)])
def test_layers_that_read_the_whole_producer_wait_for_it(edge: Edge, cycles: int) -> None:
    first = pointwise("first", -1, LoopSizes(K=4, C=4, OY=8, OX=8))
    second = Layer("second", OperatorKind.POOL, "Pool", LoopSizes(K=4, OY=8, OX=8, C=4), edges=(edge,))
    cores = core(operators=(OperatorKind.CONV,)), core(operators=(OperatorKind.POOL,))
    assert lower_bounds(network(first, second), fast(chip(*cores))).latency_cycles == cycles


def test_a_layer_may_start_before_a_producer_that_its_first_rows_do_not_read() -> None:
    """Two maps stacked along the rows: the upper half is there long before the lower one has started."""
    upper = pointwise("upper", -1, LoopSizes(K=4, C=4, OY=4, OX=4))
    pooled = Layer("pooled", OperatorKind.POOL, "Pool", LoopSizes(K=4, FY=4, FX=4), edges=(Edge(0, Operand.I, WHOLE, WHOLE, CHANNELS),))
    lower = dataclasses.replace(pointwise("lower", 1, LoopSizes(K=4, C=4, OY=4, OX=4)), edges=(Edge(1, Operand.I),))
    stack = Layer(
        "stack",
        OperatorKind.ELEMENTWISE,
        "Relu",
        LoopSizes(K=4, OY=8, OX=4),
        edges=(
            Edge(0, Operand.I, ROWS, COLUMNS, CHANNELS),
            Edge(2, Operand.I, AxisMap(Axis.ROWS, low=-4, high=-4), COLUMNS, CHANNELS),
        ),
    )
    cores = (
        core(operators=(OperatorKind.CONV,)),
        core(operators=(OperatorKind.POOL,)),
        core(Dataflow("none", ()), operators=(OperatorKind.ELEMENTWISE,)),
    )
    # upper 16, pooled 16 on 16; stack takes 128 of its own from 0 on, not from 32 on
    assert lower_bounds(network(upper, pooled, lower, stack), fast(chip(*cores))).latency_cycles == 128


def test_dram_counts_what_is_touched() -> None:
    sizes = LoopSizes(K=1, C=4, OY=2, OX=4)
    relation = AxisMap(Axis.ROWS, scale=3)
    every_third_row = dataclasses.replace(
        pointwise("one", -1, sizes), stride=(3, 1), edges=(Edge(-1, Operand.I, relation, COLUMNS, WHOLE),)
    )
    weights, outputs = 4, 8
    assert lower_bounds(network(every_third_row), chip(core())).dram_bytes == weights + outputs + 4 * 2 * 4


def test_padding_is_not_fetched() -> None:
    relation = AxisMap(Axis.ROWS, low=-1, high=1)
    layer = dataclasses.replace(
        pointwise("one", -1, LoopSizes(K=1, C=4, OY=4, OX=4, FY=3)),
        padding=Padding(top=1, bottom=1),
        edges=(Edge(-1, Operand.I, relation, COLUMNS, WHOLE),),
    )
    assert lower_bounds(network(layer), chip(core())).dram_bytes == 12 + 64 + 16


def test_what_the_loops_do_not_touch_is_not_compulsory() -> None:
    """A view too involved to follow reads the whole input as far as the scheduler knows; streamed, only four of its rows are."""
    layer = dataclasses.replace(
        pointwise("one", -1, LoopSizes(K=1, C=4, OY=4, OX=4, FY=3)), padding=Padding(top=1, bottom=1), edges=(Edge(-1, Operand.I),)
    )
    tall = network(layer, inputs=(NetworkInput("image", 4, 100, 4),))
    assert lower_bounds(tall, chip(core())).dram_bytes == 12 + 4 * 4 * 4 + 16


def test_what_another_producer_may_deliver_is_not_compulsory() -> None:
    first = pointwise("first", -1, LoopSizes(K=4, C=4, OY=4, OX=4))
    either = Layer("either", OperatorKind.ELEMENTWISE, "Relu", LoopSizes(K=4, OY=4, OX=4), edges=(Edge(0, Operand.I), Edge(-2, Operand.I)))
    inputs = NetworkInput("image", 4, 4, 4), NetworkInput("other", 4, 4, 4)
    assert lower_bounds(network(first, either, inputs=inputs), chip(core())).dram_bytes == 64 + 16 + 64
    half = dataclasses.replace(first, sizes=LoopSizes(K=2, C=4, OY=4, OX=4))
    assert lower_bounds(network(half, either, inputs=inputs), chip(core())).dram_bytes == 64 + 8 + 64 + 32


def test_inputs_count_once_and_only_if_read() -> None:
    inputs = NetworkInput("image", 4, 8, 8), NetworkInput("unused", 100, 100, 100)
    both = dataclasses.replace(two_layers(), inputs=inputs)
    assert lower_bounds(both, chip(core())).dram_bytes == 256 + (16 + 256) + (32 + 512)


def test_outputs_that_are_read_again_leave_the_chip_too() -> None:
    first = pointwise("first", -1, LoopSizes(K=4, C=4, OY=4, OX=4))
    second = pointwise("second", 0, LoopSizes(K=4, C=4, OY=4, OX=4))
    plain = network(first, second)
    assert lower_bounds(plain, chip(core())).dram_bytes == 64 + 16 + 16 + 64
    assert lower_bounds(dataclasses.replace(plain, outputs=(0,)), chip(core())).dram_bytes == 64 + 16 + 16 + 64 + 64


def test_stacked_inputs_count_in_full() -> None:
    """A pooling over two inputs one after the other along the channels."""
    inputs = NetworkInput("a", 4, 4, 4), NetworkInput("b", 2, 4, 4)
    edges = Edge(-1, Operand.I, WHOLE, WHOLE, CHANNELS), Edge(-2, Operand.I, WHOLE, WHOLE, AxisMap(Axis.CHANNELS, low=-4, high=-4))
    pool = Layer("pool", OperatorKind.POOL, "Pool", LoopSizes(K=6, FY=4, FX=4), edges=edges)
    assert lower_bounds(network(pool, inputs=inputs), chip(core())).dram_bytes == 64 + 32 + 6


def test_energy_takes_the_cheapest_core_and_way() -> None:
    cheap, dear = core(operation_pj=0.25), core(operation_pj=2.0)
    links = Link("cheap", 64, 1.0, ((2, 1), (1, 2))), Link("dear", 64, 3.0, ((2, 0), (0, 2)))
    both = dataclasses.replace(chip(cheap, dear), links=links)
    expected = 512 * 0.25 + 12 * 100.0 + 16 * 120.0 + 1792 * 1.0
    assert lower_bounds(ONE, both).energy_pj == pytest.approx(expected)


def test_energy_counts_whole_words() -> None:
    odd = network(pointwise("one", -1, LoopSizes(K=1, C=3)), inputs=(NetworkInput("image", 3),))
    assert lower_bounds(odd, chip(core())).energy_pj == pytest.approx(3 * 0.5 + 2 * 100.0 + 120.0)


def pool_after_conv() -> Workload:
    first = pointwise("first", -1, LoopSizes(K=4, C=4, OY=4, OX=4))
    pool = Layer("pool", OperatorKind.POOL, "Pool", LoopSizes(K=4, FY=4, FX=4), edges=(Edge(0, Operand.I, WHOLE, WHOLE, CHANNELS),))
    return network(first, pool)


def test_memory_of_a_global_pooling_is_its_whole_input() -> None:
    assert lower_bounds(pool_after_conv(), chip(core())).memory_bytes == 64 + 4


def test_inner_tiles_see_more_than_those_at_the_border() -> None:
    relation = AxisMap(Axis.ROWS, low=-1, high=1)
    layer = dataclasses.replace(
        pointwise("one", -1, LoopSizes(K=1, C=4, OY=4, OX=4, FY=3)),
        padding=Padding(top=1, bottom=1),
        edges=(Edge(-1, Operand.I, relation, COLUMNS, WHOLE),),
    )
    assert lower_bounds(network(layer), chip(core())).memory_bytes == 3 * 4 * 4 + 4


def test_what_may_be_streamed_is_not_held() -> None:
    small = core(maps_bits=(64 + 4 + 3) * 8)  # the pooling's outputs are held at 8 bits, but judged at 16
    assert lower_bounds(pool_after_conv(), chip(small)).memory_bytes == 0
    enough = core(maps_bits=(64 + 8) * 8)
    assert lower_bounds(pool_after_conv(), chip(enough)).memory_bytes == 68
    assert lower_bounds(pool_after_conv(), chip(small, enough)).memory_bytes == 0  # the small core may be taken


def test_a_producer_read_twice_is_held_once() -> None:
    first = pointwise("first", -1, LoopSizes(K=4, C=4, OY=4, OX=4))
    edges = Edge(0, Operand.I, WHOLE, WHOLE, CHANNELS), Edge(0, Operand.W, WHOLE, WHOLE, CHANNELS)
    double = Layer("double", OperatorKind.ELEMENTWISE, "Mul", LoopSizes(K=4), edges=edges)
    joint = dataclasses.replace(core(), memories=(memory("all", WIDE, Operand.I, Operand.W, Operand.O),))
    assert lower_bounds(network(first, double), chip(joint)).memory_bytes == 64 + 4
    assert lower_bounds(network(first, double), chip(core())).memory_bytes == 64 + 64 + 4  # I and W live in two memories


def test_a_shared_memory_is_one_memory() -> None:
    together = dataclasses.replace(chip(core(), core()), shared_memories=(SharedMemory("both", ((0, "maps"), (1, "maps"))),))
    assert lower_bounds(pool_after_conv(), together).memory_bytes == 68


def test_resnet18_on_the_heterogeneous_quad() -> None:
    """Published: 11.68 M weights, 1814 MMAC; image 3 x 224 x 224, 1000 classes; 650 pJ per 64-bit word, 0.04 pJ per MAC."""
    bounds = lower_bounds(load_onnx(NETWORKS["resnet18"]()), load_accelerator(ACCELERATORS["heterogeneous_quad"]))
    assert bounds.dram_bytes == 11_678_912 + 3 * 224 * 224 + 1000
    assert bounds.energy_pj == pytest.approx(bounds.dram_bytes / 8 * 650 + 1_814_073_344 * 0.04, rel=2e-3)
    assert bounds.energy_pj >= bounds.dram_bytes / 8 * 650 + 1_814_073_344 * 0.04  # pooling and additions come on top
    assert bounds.latency_cycles >= 1_814_073_344 / 1020  # the processing elements of the four cores
    assert bounds.latency_cycles <= 1.05 * 1_814_073_344 / 1020
    assert bounds.memory_bytes == 512 * 7 * 7 + 512  # the last pooling


def test_fully_connected_networks_are_bound_by_dram() -> None:
    bounds = lower_bounds(load_onnx(NETWORKS["vgg19"]()), load_accelerator(ACCELERATORS["homogeneous_64"]))
    assert bounds.latency_cycles >= (bounds.dram_bytes - 1000) / 8  # all but the classes come through one port, 64 bits a cycle


def test_a_layer_no_core_can_run_is_told() -> None:
    with pytest.raises(InputError, match="needs a core"):
        lower_bounds(ONE, chip(core(operators=(OperatorKind.POOL,))))


def test_bounds_are_a_value() -> None:
    bounds = lower_bounds(ONE, chip(core()))
    assert bounds == Bounds(**dataclasses.asdict(bounds))
    with pytest.raises(dataclasses.FrozenInstanceError):
        bounds.latency_cycles = 0.0  # type: ignore[misc]  # that is the point
