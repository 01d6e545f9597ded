"""What must stay the same, or change in one direction only, when the chip or the mapping of a random case is changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

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
)
from stream_evo.mapping import LayerMapping, Mapping, Priority
from stream_evo.schedule import Cause, Chip, Schedule, TileBook, TileFigures, build_plan
from stream_evo.schedule._costs import TileKey
from stream_evo.workload import Edge, Layer, LoopSizes, NetworkInput, Operand, OperatorKind, Workload
from tests import strategies
from tests.schedule.support import FixedBook, RandomBook, trace_mapping

some = settings(max_examples=40)
UNLIMITED = 1 << 40

# ------------------------------------------------------------------------------------------------------------- other names for cores


def _rewired(links: Sequence[Link], order: Sequence[int]) -> tuple[Link, ...]:
    """Core ``order[i]`` of `links` becomes core ``i``; the DRAM keeps its number."""
    at = {old: new for new, old in enumerate(order)}
    return tuple(replace(link, connects=tuple((at.get(a, a), at.get(b, b)) for a, b in link.connects)) for link in links)


def _reordered(chip: Accelerator, order: Sequence[int]) -> Accelerator:
    """The same chip with its cores listed in another order, under their old names."""
    shared = tuple(
        replace(group, members=tuple((order.index(core), name) for core, name in group.members)) for group in chip.shared_memories
    )
    cores = tuple(chip.cores[old] for old in order)
    return replace(chip, cores=cores, links=_rewired(chip.links, order), shared_memories=shared)


def _wiring(chip: Accelerator) -> Counter[object]:
    """What a chip's links and shared memories are, whatever they are called."""
    links = [(link.bits_per_cycle, link.pj_per_bit, frozenset(link.connects)) for link in chip.links]
    return Counter([*links, *(frozenset(group.members) for group in chip.shared_memories)])


def _same_numbers(one: Schedule, two: Schedule) -> None:
    """Equal in all totals; energies may have been added up in another order."""
    for name in ("latency_cycles", "memory_bytes", "dram_bytes", "violation_bytes", "evictions"):
        assert getattr(one.totals, name) == getattr(two.totals, name), name
    assert one.totals.energy_pj == pytest.approx(two.totals.energy_pj, rel=1e-12)


@settings(some, max_examples=50)
@given(st.data(), st.integers(0, 1000))
def test_the_order_in_which_cores_are_listed_changes_nothing(data: st.DataObject, seed: int) -> None:
    spec = data.draw(strategies.specs())
    mapping = data.draw(strategies.mappings(spec))
    order = data.draw(st.permutations(range(len(spec.accelerator.cores))))
    other = _reordered(spec.accelerator, order)
    one = trace_mapping(spec.workload, spec.accelerator, mapping, _ByName(spec.workload, spec.accelerator, seed=seed))
    _same_numbers(one, trace_mapping(spec.workload, other, mapping, _ByName(spec.workload, other, seed=seed)))


@dataclass
class _ByName(RandomBook):
    """Costs of a tile that depend on the kind of core, not on its number."""

    def figures(self, key: TileKey) -> TileFigures:
        kind: Core = self.accelerator.cores[self.core_classes.index(key.core_class)].core
        kinds = sorted({repr(slot.core) for slot in self.accelerator.cores})
        return super().figures(replace(key, core_class=kinds.index(repr(kind))))


@settings(some, max_examples=50, suppress_health_check=[*some.suppress_health_check, HealthCheck.filter_too_much])
@given(st.data(), st.integers(0, 1000))
def test_equal_cores_at_equal_places_can_change_places(data: st.DataObject, seed: int) -> None:
    spec = data.draw(strategies.specs())
    chip = spec.accelerator
    chip = replace(chip, cores=tuple(replace(slot, core=chip.cores[0].core) for slot in chip.cores))
    order = data.draw(st.permutations(range(len(chip.cores))))
    assume(list(order) != sorted(order))
    assume(_wiring(_reordered(chip, order)) == _wiring(chip))
    mapping = data.draw(strategies.mappings(replace(spec, accelerator=chip)))
    names = [slot.name for slot in chip.cores]
    other = {names[old]: names[new] for new, old in enumerate(order)}
    moved = replace(
        mapping,
        layers=tuple(replace(entry, cores=tuple(other[name] for name in entry.cores)) for entry in mapping.layers),
        dataflows={other[name]: flow for name, flow in mapping.dataflows.items()},
    )
    book = RandomBook(spec.workload, chip, seed=seed)
    _same_numbers(trace_mapping(spec.workload, chip, mapping, book), trace_mapping(spec.workload, chip, moved, book))


# ------------------------------------------------------------------------------------------------------------- a wider way to the DRAM


def _bound_by_the_dram_alone(chip: Accelerator, width: int) -> Accelerator:
    """The chip with room for everything, ports of any width, and for each core its own way to a DRAM of `width` bits a cycle.

    Cores reach each other through the DRAM, or through memories they share.
    """
    off_chip = chip.dram_node

    def roomy(core: Core) -> Core:
        wide = [replace(m, ports=tuple(replace(port, max_bits_per_cycle=UNLIMITED) for port in m.ports)) for m in core.memories]
        return replace(core, memories=tuple(replace(m, size_bits=UNLIMITED) for m in wide))

    return replace(
        chip,
        cores=tuple(replace(slot, core=roomy(slot.core)) for slot in chip.cores),
        links=tuple(Link(f"dram{core}", width, 0.5, ((off_chip, core), (core, off_chip))) for core in range(off_chip)),
        dram=replace(chip.dram, bits_per_cycle=width),
        dma_channels=1,
    )


@settings(some, max_examples=80)
@given(st.data(), st.integers(0, 1000), st.sampled_from((1, 4, 8, 24)), st.sampled_from((1, 3, 17)))
def test_a_wider_dram_never_slows_what_waits_for_nothing_else(data: st.DataObject, seed: int, width: int, more: int) -> None:
    """Priority ``memory`` orders tiles without looking at time, each engine works in that order, and no other resource has a second user.

    So every start is the latest of ends of things that were issued before, in both schedules the same things, and no duration grows: by
    induction nothing ends later. The next test shows what else it takes.
    """
    spec = data.draw(strategies.specs())
    mapping = replace(data.draw(strategies.mappings(spec)), priority=Priority.MEMORY)
    slow, fast = (_bound_by_the_dram_alone(spec.accelerator, bits) for bits in (width, width + more))
    one, two = (trace_mapping(spec.workload, chip, mapping, RandomBook(spec.workload, chip, seed=seed, illegal=0)) for chip in (slow, fast))
    assert one.totals.violation_bytes == one.totals.evictions == 0
    assert two.totals.latency_cycles <= one.totals.latency_cycles
    assert all(late.end_cycles <= early.end_cycles for early, late in zip(one.tiles, two.tiles, strict=True))


def _roomy_memory() -> Memory:
    """A memory for inputs and outputs that nothing waits for."""
    reads = (Operand.I, Direction.TO_LOW), (Operand.O, Direction.TO_LOW), (Operand.O, Direction.TO_HIGH)
    writes = (Operand.I, Direction.FROM_HIGH), (Operand.O, Direction.FROM_HIGH), (Operand.O, Direction.FROM_LOW)
    ports = Port("r", PortKind.READ, 8, UNLIMITED, reads), Port("w", PortKind.WRITE, 8, UNLIMITED, writes)
    return Memory("maps", UNLIMITED, (Operand.I, Operand.O), ("D1",), ports, 1.0, 1.0)


@pytest.mark.parametrize(("width", "latency"), [(8, 55), (16, 62)])
def test_a_wider_dram_may_slow_cores_that_share_its_port(width: int, latency: int) -> None:
    """The anomaly of list scheduling: twice the bandwidth, 13 % more cycles. Three pools on three cores, decided L2, L1, L0; one DRAM link.

    8 bits a cycle: z [0, 2), L2 2-12, written [12, 13); y, 18 cycles, does not fit in between: [13, 31), L1 31-41; x does: [2, 4), L0 4-54,
    written [54, 55). 16 bits: z [0, 1), L2 1-11, written [11, 12); now y fits: [1, 10), and x follows: [10, 11), L0 11-61, [61, 62).
    """
    rows = {0: 2, 1: 18, 2: 2}
    layers = tuple(
        Layer(f"L{index}", OperatorKind.POOL, "GlobalPool", LoopSizes(FY=count), edges=(Edge(-1 - index, Operand.I),))
        for index, count in rows.items()
    )
    inputs = tuple(NetworkInput(name, 1, rows[index]) for index, name in enumerate("xyz"))
    workload = Workload("net", layers, inputs)
    core = Core("core", (ArrayDimension("D1", 1),), (_roomy_memory(),), (Dataflow("K", (("D1", (("K", 1),)),)),), (OperatorKind.POOL,), 1.0)
    ways = tuple(way for index in range(3) for way in ((index, 3), (3, index)))
    slots = tuple(CoreSlot(f"core{index}", core) for index in range(3))
    chip = Accelerator("chip", slots, Dram("dram", 2**30, width, 1.0, 1.0), (Link("dram", width, 0.5, ways),))
    mapping = Mapping("net", "chip", tuple(LayerMapping(f"L{index}", (f"core{index}",), 1, 1) for index in range(3)))
    schedule = trace_mapping(workload, chip, mapping, FixedBook(workload, chip, cycles=(50, 10, 10)))
    assert schedule.totals.latency_cycles == latency


# ------------------------------------------------------------------------------------------------------------- smaller tiles


@dataclass
class _CountingBook(TileBook):
    """Counts the multiply-accumulates of a tile as its energy, and what streamed outputs it writes."""

    def figures(self, key: TileKey) -> TileFigures:
        request = self._request(key)
        sizes = request.sizes
        written = sizes.B * sizes.G * sizes.K * sizes.OY * sizes.OX * request.bits.O_final
        return TileFigures(
            1, float(sizes.product), 0.0, dram_write_bits=written * (Operand.O in request.streamed), streamed=request.streamed
        )


def _outputs(workload: Workload, schedule: Schedule) -> dict[int, int]:
    """Return the bits that each output of the network sends to the DRAM once, copies written to make room left out."""
    found: dict[int, int] = defaultdict(int)
    layer_of = {run.stream: run.layer for run in schedule.tiles}
    for move in schedule.transfers:
        if move.cause in (Cause.OUTPUT, Cause.STREAMED_WRITE) and layer_of.get(move.stream) in workload.outputs:
            found[layer_of[move.stream]] += move.bits
    return found


@some
@given(st.data())
def test_halving_every_tile_changes_neither_macs_nor_outputs(data: st.DataObject) -> None:
    spec = data.draw(strategies.specs())
    mapping = data.draw(strategies.mappings(spec))
    half = replace(
        mapping,
        layers=tuple(
            replace(entry, tile_rows=-(-entry.tile_rows // 2), tile_columns=-(-entry.tile_columns // 2)) for entry in mapping.layers
        ),
    )
    book = _CountingBook(spec.workload, spec.accelerator)
    one, two = (trace_mapping(spec.workload, spec.accelerator, chosen, book) for chosen in (mapping, half))
    assert len(two.tiles) >= len(one.tiles)
    assert one.totals.mac_pj == two.totals.mac_pj == sum(layer.sizes.product for layer in spec.workload.layers)
    bits = {index: spec.workload.layers[index].output_bits for index in spec.workload.outputs}
    assert _outputs(spec.workload, one) == _outputs(spec.workload, two) == bits


# ------------------------------------------------------------------------------------------------------------- what enters a memory


@settings(some, max_examples=80)
@given(st.data(), st.integers(0, 1000))
def test_a_memory_holds_only_what_was_moved_or_made_there_and_each_once(data: st.DataObject, seed: int) -> None:
    """Bits moved into a memory are bits first written there: a tensor comes again only after it was evicted.

    And no memory gains more at any time than what enters it then: fetched tensors, outputs of tiles, and what they stream.
    """
    spec = data.draw(strategies.specs())
    mapping = data.draw(strategies.mappings(spec))
    book = RandomBook(spec.workload, spec.accelerator, seed=seed)
    plan = build_plan(spec.workload, spec.accelerator, mapping, book)
    schedule = trace_mapping(spec.workload, spec.accelerator, mapping, book)
    homes = Chip(spec.accelerator).core_memories
    entered: Counter[tuple[int, int, int]] = Counter()
    gained: Counter[tuple[int, int]] = Counter()
    for move in schedule.transfers:
        if move.receiver >= 0:
            entered[move.stream, move.tile, move.receiver] += 1
            gained[move.receiver, move.start_cycles] += move.bits
    for run in schedule.tiles:
        stream = plan.streams[run.stream]
        for position, memory in enumerate(homes[run.core]):
            gained[memory, run.start_cycles] += stream.buffer_bits[position]
        if Operand.O not in stream.streamed:
            entered[run.stream, run.tile, homes[run.core][2]] += 1
            gained[homes[run.core][2], run.start_cycles] += stream.tile_bits(run.tile)
    assert sum(times - 1 for times in entered.values()) <= schedule.totals.evictions
    for memory, usage in enumerate(schedule.memories):
        for time, (before, after) in zip(usage.times, pairwise((0, *usage.bits)), strict=True):
            assert after - before <= gained[memory, time]
