"""What must hold of every recorded schedule, checked on random cases from the record alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.hardware import Accelerator
from stream_evo.schedule import Cause, Chip, Plan, Schedule, TileRun, build_plan
from stream_evo.workload import Operand
from tests import strategies
from tests.schedule.support import RandomBook, trace_mapping

some = settings(max_examples=40)

OPERANDS = (Operand.I, Operand.W, Operand.O)
FETCHES = (Cause.NETWORK_INPUT, Cause.WEIGHTS, Cause.ACTIVATION, Cause.REFETCH)
WRITES = (Cause.OUTPUT, Cause.EVICTION)


@dataclass(frozen=True)
class Case:
    """A plan and its record."""

    accelerator: Accelerator
    plan: Plan
    schedule: Schedule

    @property
    def dram(self) -> int:
        return self.accelerator.dram_node

    @property
    def chip(self) -> Chip:
        return Chip(self.accelerator)

    def runs(self) -> dict[tuple[int, int], TileRun]:
        """Return the run of each (stream, tile)."""
        return {(run.stream, run.tile): run for run in self.schedule.tiles}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    spec = draw(strategies.specs())
    mapping = draw(strategies.mappings(spec))
    illegal = draw(st.sampled_from((0.0, 0.0, 0.3)))
    book = RandomBook(spec.workload, spec.accelerator, seed=draw(st.integers(0, 10**6)), illegal=illegal)
    plan = build_plan(spec.workload, spec.accelerator, mapping, book)
    return Case(spec.accelerator, plan, trace_mapping(spec.workload, spec.accelerator, mapping, book))


def disjoint(spans: Iterable[tuple[int, int]]) -> bool:
    return all(one[1] <= two[0] for one, two in pairwise(sorted(spans)))


@some
@given(cases())
def test_every_tile_runs_once_in_order(case: Case) -> None:
    order = defaultdict(list)
    for run in case.schedule.tiles:
        stream = case.plan.streams[run.stream]
        assert (run.layer, run.part, run.core) == (stream.layer, stream.part, stream.core)
        assert run.end_cycles >= run.start_cycles + stream.tile_figures(run.tile).latency_cycles
        order[run.stream].append(run.tile)
    assert order == {index: list(range(stream.tiles)) for index, stream in enumerate(case.plan.streams) if stream.layer >= 0}


@some
@given(cases())
def test_cores_links_and_dma_engines_do_one_thing_at_a_time(case: Case) -> None:
    cores, links, engines = defaultdict(list), defaultdict(list), defaultdict(list)
    for run in case.schedule.tiles:
        cores[run.core].append((run.start_cycles, run.end_cycles))
    for move in case.schedule.transfers:
        span = move.start_cycles, move.end_cycles
        assert move.links == (case.accelerator.path(move.source, move.target) or ())
        for link in set(move.links):
            links[link].append(span)
        if case.dram in (move.source, move.target):
            reads = move.source == case.dram
            engines[move.target if reads else move.source, reads and case.accelerator.dma_channels == 2].append(span)
    for spans in (*cores.values(), *links.values(), *engines.values()):
        assert disjoint(spans)
    for spans in cores.values():
        assert spans == sorted(spans)  # in decision order: no gap is filled later
    for spans in engines.values():
        assert spans == sorted(spans)


@some
@given(cases())
def test_tiles_wait_for_what_they_read(case: Case) -> None:
    """For the tiles they read, across a cut for the whole producer, and for the tile before."""
    runs = case.runs()
    for run in case.schedule.tiles:
        stream = case.plan.streams[run.stream]
        ready = [runs[run.stream, run.tile - 1].end_cycles] if run.tile else [0]
        for reads in stream.reads:
            for producer in reads.producers:
                source = case.plan.streams[producer]
                wanted = range(source.tiles) if reads.cut else stream.tiles_read(reads, run.tile, source)
                if source.layer >= 0:
                    ready += [runs[producer, tile].end_cycles for tile in wanted]
        assert run.ready_cycles == max(ready)
        assert run.start_cycles >= run.ready_cycles


@some
@given(cases())
def test_operands_have_arrived(case: Case) -> None:
    """Each is made in the memory where it is read, or has come there; what is streamed exists in the DRAM."""
    runs = case.runs()
    homes = case.chip.core_memories
    arrivals, written = defaultdict(list), defaultdict(list)
    for move in case.schedule.transfers:
        if move.cause in FETCHES:
            arrivals[move.stream, move.tile, move.receiver].append(move.end_cycles)
        elif move.cause in WRITES:
            written[move.stream, move.tile].append(move.end_cycles)
    for run in case.schedule.tiles:
        stream = case.plan.streams[run.stream]
        if stream.weight_bits:
            assert min(arrivals[run.stream, -1, homes[run.core][1]]) <= run.start_cycles
        for reads in stream.reads:
            for producer in reads.producers:
                source = case.plan.streams[producer]
                home = homes[source.core][2] if source.layer >= 0 and Operand.O not in source.streamed else -1
                for tile in stream.tiles_read(reads, run.tile, source):
                    if reads.operand not in stream.streamed:
                        memory = homes[run.core][OPERANDS.index(reads.operand)]
                        assert memory == home or min(arrivals[producer, tile, memory]) <= run.start_cycles
                    elif home >= 0:
                        assert min(written[producer, tile]) <= run.start_cycles
                    elif source.layer >= 0:
                        assert runs[producer, tile].end_cycles <= run.start_cycles


@some
@given(cases())
def test_data_exist_where_they_are_taken_from(case: Case) -> None:
    runs = case.runs()
    written = {}
    for move in case.schedule.transfers:
        source = case.plan.streams[move.stream]
        if move.cause in (Cause.ACTIVATION, *WRITES):
            assert move.start_cycles >= runs[move.stream, move.tile].end_cycles
        if move.cause in WRITES:
            assert (move.stream, move.tile) not in written, "written to the DRAM twice"
            written[move.stream, move.tile] = move.end_cycles
        if move.cause is Cause.REFETCH:
            streamed = Operand.O in source.streamed
            exists = runs[move.stream, move.tile].end_cycles if streamed else written[move.stream, move.tile]
            assert move.start_cycles >= exists
        if move.cause is Cause.NETWORK_INPUT:
            assert source.layer < 0


@some
@given(cases())
def test_bits_are_conserved(case: Case) -> None:
    """Every transfer moves its whole tensor; streamed bits are those of the tile; every output and every resident weight moves."""
    for move in case.schedule.transfers:
        stream = case.plan.streams[move.stream]
        figures = stream.tile_figures(move.tile) if stream.figures and move.tile >= 0 else None
        if move.cause is Cause.WEIGHTS:
            expected = stream.weight_bits
        elif figures is not None and move.cause is Cause.STREAMED_READ:
            expected = figures.dram_read_bits
        elif figures is not None and move.cause is Cause.STREAMED_WRITE:
            expected = figures.dram_write_bits
        else:
            expected = stream.tile_bits(move.tile)
        assert move.bits == expected
    moved = {(move.cause, move.stream, move.tile) for move in case.schedule.transfers}
    for index, stream in enumerate(case.plan.streams):
        if stream.weight_bits:
            assert (Cause.WEIGHTS, index, -1) in moved
        if stream.is_output and Operand.O not in stream.streamed:
            assert all((Cause.OUTPUT, index, tile) in moved for tile in range(stream.tiles))
        for tile in range(stream.tiles if stream.figures else 0):
            figures = stream.tile_figures(tile)
            assert ((Cause.STREAMED_READ, index, tile) in moved) == (figures.dram_read_bits > 0)
            assert ((Cause.STREAMED_WRITE, index, tile) in moved) == (figures.dram_write_bits > 0)


@some
@given(cases())
def test_memories_are_never_overfull_and_empty_at_the_end(case: Case) -> None:
    overflow, missing = 0, sum(stream.figures[0].missing_bits for stream in case.plan.streams if stream.figures)
    for usage in case.schedule.memories:
        assert list(usage.times) == sorted(set(usage.times))
        assert all(0 <= activation <= bits for bits, activation in zip(usage.bits, usage.activation_bits, strict=True))
        assert usage.bits[-1:] in ((), (0,))
        overflow += max(0, usage.peak_bits - usage.capacity_bits)
    assert overflow == 0  # what does not fit is streamed, what fits finds room when others have gone
    assert case.schedule.totals.violation_bytes == missing / 8


@some
@given(cases())
def test_what_is_computed_is_held(case: Case) -> None:
    """While a tile runs, the memory it writes holds at least its output and the copies of what it reads there."""
    homes = case.chip.core_memories
    for run in case.schedule.tiles:
        stream = case.plan.streams[run.stream]
        least: dict[int, int] = defaultdict(int)
        if Operand.O not in stream.streamed:
            least[homes[run.core][2]] += stream.tile_bits(run.tile)
        seen = set()
        for reads in stream.reads:
            memory = homes[run.core][OPERANDS.index(reads.operand)]
            for producer in reads.producers if reads.operand not in stream.streamed else ():
                for tile in stream.tiles_read(reads, run.tile, case.plan.streams[producer]):
                    if (producer, tile, memory) not in seen:
                        seen.add((producer, tile, memory))
                        least[memory] += case.plan.streams[producer].tile_bits(tile)
        for memory, bits in least.items():
            usage = case.schedule.memories[memory]
            steps = list(zip(usage.times, usage.activation_bits, strict=True))
            during = [held for time, held in steps if run.start_cycles <= time < run.end_cycles]
            before = [held for time, held in steps if time <= run.start_cycles]
            assert min(before[-1:] + during) >= bits


@some
@given(cases())
def test_totals_are_sums_of_what_happened(case: Case) -> None:
    totals, moves = case.schedule.totals, case.schedule.transfers
    chip, dram = case.accelerator, case.accelerator.dram
    assert totals.latency_cycles == max(item.end_cycles for item in case.schedule.tiles + moves)
    assert totals.energy_pj == pytest.approx(totals.mac_pj + totals.memory_pj + totals.transfer_pj + totals.link_pj + totals.dram_pj)
    assert totals.edp_pj_cycles == totals.energy_pj * totals.latency_cycles
    figures = [case.plan.streams[run.stream].tile_figures(run.tile) for run in case.schedule.tiles]
    assert totals.mac_pj == pytest.approx(sum(tile.mac_pj for tile in figures))
    assert totals.memory_pj == pytest.approx(sum(tile.memory_pj for tile in figures))
    assert totals.link_pj == pytest.approx(sum(move.bits * chip.links[link].pj_per_bit for move in moves for link in move.links))
    off_chip = [move for move in moves if case.dram in (move.source, move.target)]
    assert totals.dram_bytes == sum(move.bits for move in off_chip) / 8
    words = {reads: sum(-(-m.bits // dram.bits_per_cycle) for m in off_chip if (m.source == case.dram) == reads) for reads in (True, False)}
    assert totals.dram_pj == pytest.approx(words[True] * dram.read_pj + words[False] * dram.write_pj)


@some
@given(cases())
def test_peak_is_of_all_memories_together(case: Case) -> None:
    changes: dict[int, int] = defaultdict(int)
    for usage in case.schedule.memories:
        for time, (before, after) in zip(usage.times, pairwise((0, *usage.activation_bits)), strict=True):
            changes[time] += after - before
    held = peak = 0
    for time in sorted(changes):
        held += changes[time]
        peak = max(peak, held)
    assert case.schedule.totals.memory_bytes == peak / 8


@some
@given(cases())
def test_transfers_take_as_long_as_the_narrowest_part_of_their_way(case: Case) -> None:
    chip = case.accelerator
    for move in case.schedule.transfers:
        widths = [chip.links[link].bits_per_cycle for link in move.links]
        if case.dram in (move.source, move.target):
            widths.append(chip.dram.bits_per_cycle)
        if move.sender >= 0:
            widths.append(case.chip.read_ports[move.sender].bits_per_cycle)
        if move.receiver >= 0:
            widths.append(case.chip.write_ports[move.receiver].bits_per_cycle)
        assert move.end_cycles - move.start_cycles == -(-move.bits // min(widths))
