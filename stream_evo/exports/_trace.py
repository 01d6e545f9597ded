"""A schedule as tracks, slices, arrows and counters: what a trace viewer shows, in no file format yet."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stream_evo.exports._front import PointOfFront
from stream_evo.schedule import Cause, MemoryUsage, Plan, Schedule, TileRun, Transfer

__all__ = ["Sample", "Slice", "Trace", "Track", "build_trace"]

_STREAMED = (Cause.STREAMED_READ, Cause.STREAMED_WRITE)


@dataclass(frozen=True, slots=True)
class Track:
    """One line of the viewer, or a heading of such lines.

    Attributes:
        uuid: Number, unique in the trace, above 0.
        parent: Heading it stands under; 0 for none.
        name: Name.
        description: What it shows.
        is_counter: True if it shows bytes over time, not slices.
    """

    uuid: int
    parent: int
    name: str
    description: str = ""
    is_counter: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """Something that takes time on one track; slices of a track do not overlap.

    Attributes:
        track: Its track.
        name: Name.
        category: Kind, to filter by.
        start_cycles: Start.
        end_cycles: End.
        details: What is shown when it is selected.
        begins: Arrows that start here or pass.
        ends: Arrows that end here.
    """

    track: int
    name: str
    category: str
    start_cycles: int
    end_cycles: int
    details: Mapping[str, int | str]
    begins: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """From `at_cycles` on, a counter track shows `value_bytes`."""

    track: int
    at_cycles: int
    value_bytes: float


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything the viewer shows.

    Attributes:
        tracks: Headings before what stands under them, in the order to be shown.
        slices: Slices, by track and start.
        samples: Samples, by track and time.
    """

    tracks: tuple[Track, ...]
    slices: tuple[Slice, ...]
    samples: tuple[Sample, ...]


@dataclass
class _Tracks:
    """Gives out numbers; the order of tracks is that of asking."""

    found: list[Track] = field(default_factory=list)

    def add(self, name: str, parent: int = 0, description: str = "", *, is_counter: bool = False) -> int:
        self.found.append(Track(len(self.found) + 1, parent, name, description, is_counter))
        return len(self.found)


def build_trace(point: PointOfFront) -> Trace:
    """Return the trace of a point's schedule.

    A transfer is a slice on every link it occupies and, if it reads or writes the DRAM, on a lane there. Its arrow leads from the tile that
    made the data, over the transfer, to the first tile that uses them after they arrive.
    """
    accelerator, schedule = point.accelerator, point.schedule
    names = _stream_names(point)
    nodes = [*(slot.name for slot in accelerator.cores), accelerator.dram.name]
    arrows = _Arrows.of(schedule, point.plan, accelerator.dram_node)
    tracks = _Tracks()
    slices: list[Slice] = []

    # One root, because only below a track is the order of the file kept.
    root = tracks.add(f"{point.front.title}: point {point.index}", description="1 ns of the time axis is one cycle")
    heading = tracks.add("Cores", root, "tiles as they run")
    cores = [tracks.add(slot.name, heading, slot.core.name) for slot in accelerator.cores]
    for run in schedule.tiles:
        details: dict[str, int | str] = {"layer": names[run.stream], "part": run.part, "tile": run.tile, "ready_cycles": run.ready_cycles}
        begins, ends = arrows.of_tile(run)
        slices.append(Slice(cores[run.core], names[run.stream], "tile", run.start_cycles, run.end_cycles, details, begins, ends))

    heading = tracks.add("Links", root, "transfers; one that occupies several links stands on each of them")
    links = [tracks.add(link.name, heading, f"{link.bits_per_cycle} bit/cycle") for link in accelerator.links]
    heading = tracks.add(f"Off-chip memory {accelerator.dram.name}", root, "transfers that read or write the off-chip memory")
    lanes = _lanes(schedule.transfers, accelerator.dram_node)
    dram = {lane: tracks.add(lane[0] if lane[1] == 0 else f"{lane[0]} {lane[1] + 1}", heading) for lane in sorted(set(lanes.values()))}
    for index, move in enumerate(schedule.transfers):
        places = [links[link] for link in move.links] + ([dram[lanes[index]]] if index in lanes else [])
        title = f"{names[move.stream]} {move.cause.name.lower()}"
        details = {"cause": move.cause.name.lower(), "data": names[move.stream], "tile": move.tile, "bits": move.bits}
        details |= {"from": nodes[move.source], "to": nodes[move.target]}
        for place in places:
            through = arrows.of_transfer(index) if place == places[0] else ()
            slices.append(Slice(place, title, move.cause.name.lower(), move.start_cycles, move.end_cycles, details, through))

    samples = _memories(schedule.memories, tracks, tracks.add("Memories", root, "bytes held over time"))
    # Slices without duration come before what starts where they end.
    order = sorted(slices, key=lambda s: (s.track, s.start_cycles, s.end_cycles))
    return Trace(tuple(tracks.found), tuple(order), tuple(samples))


def _stream_names(point: PointOfFront) -> list[str]:
    layers, inputs = point.workload.layers, point.workload.inputs
    return [inputs[-1 - stream.layer].name if stream.layer < 0 else layers[stream.layer].name for stream in point.plan.streams]


def _lanes(transfers: Sequence[Transfer], dram: int) -> dict[int, tuple[str, int]]:
    """Return (direction, lane) of each transfer from or to DRAM, by its index, such that those of a lane do not overlap."""
    free: dict[str, list[tuple[int, int]]] = {"read": [], "write": []}  # per direction (busy until, lane), the first to be free on top
    found: dict[int, tuple[str, int]] = {}
    moves = [(move.start_cycles, move.end_cycles, index) for index, move in enumerate(transfers) if dram in (move.source, move.target)]
    for start, end, index in sorted(moves):
        direction = "read" if transfers[index].source == dram else "write"
        lanes = free[direction]
        lane = heapq.heappop(lanes)[1] if lanes and lanes[0][0] <= start else len(lanes)
        heapq.heappush(lanes, (end, lane))
        found[index] = direction, lane
    return found


def _memories(memories: Iterable[MemoryUsage], tracks: _Tracks, heading: int) -> list[Sample]:
    usages = [usage for usage in memories if usage.times]
    samples: list[Sample] = []
    total: defaultdict[int, int] = defaultdict(int)
    for usage in usages:
        for before, (time, bits) in zip((0, *usage.activation_bits), zip(usage.times, usage.activation_bits, strict=True), strict=False):
            total[time] += bits - before
    track = tracks.add("activations on the chip", heading, "all memories together; its peak is the objective", is_counter=True)
    held = 0
    for time in sorted(total):
        held += total[time]
        samples.append(Sample(track, time, held / 8))
    for usage in usages:
        capacity = f"of {usage.capacity_bits / 8:,.0f} bytes"
        for name, values in ((usage.memory, usage.bits), (f"{usage.memory} activations", usage.activation_bits)):
            track = tracks.add(name, heading, capacity, is_counter=True)
            samples += [Sample(track, time, bits / 8) for time, bits in zip(usage.times, values, strict=True)]
    return samples


@dataclass(frozen=True)
class _Arrows:
    """One arrow per transfer, numbered from 1: its first tile, the transfer, its last tile."""

    made_by: Mapping[tuple[int, int], list[int]]
    used_by: Mapping[tuple[int, int], list[int]]
    numbers: Mapping[int, int]

    @classmethod
    def of(cls, schedule: Schedule, plan: Plan, dram: int) -> _Arrows:
        made_by: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        used_by: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        numbers: dict[int, int] = {}
        starts = {(run.stream, run.tile): run.start_cycles for run in schedule.tiles}
        uses = _uses(schedule, plan)
        for index, move in enumerate(schedule.transfers):
            own = (move.stream, move.tile)
            if move.cause in _STREAMED:  # the tile that streams and its transfer overlap: the arrow starts at the earlier one
                earlier = starts[own] <= move.start_cycles
                first, last = (own, None) if earlier else (None, own)
            else:
                first = own if move.source != dram and own in starts else None
                last = None if move.target == dram else _user(move, uses)
            if first is None and last is None:
                continue
            numbers[index] = len(numbers) + 1
            if first is not None:
                made_by[first].append(numbers[index])
            if last is not None:
                used_by[last].append(numbers[index])
        return cls(made_by, used_by, numbers)

    def of_tile(self, run: TileRun) -> tuple[tuple[int, ...], tuple[int, ...]]:
        key = (run.stream, run.tile)
        return tuple(self.made_by.get(key, ())), tuple(self.used_by.get(key, ()))

    def of_transfer(self, index: int) -> tuple[int, ...]:
        return (self.numbers[index],) if index in self.numbers else ()


def _uses(schedule: Schedule, plan: Plan) -> Mapping[tuple[int, int, int], list[TileRun]]:
    """Return (stream, tile, core) -> tiles on that core that read it, by start; tile -1 stands for weights. Only of what is moved."""
    moved = {(move.stream, move.tile) for move in schedule.transfers}
    found: defaultdict[tuple[int, int, int], list[TileRun]] = defaultdict(list)
    for run in sorted(schedule.tiles, key=lambda run: run.start_cycles):
        for stream, tile in _read_by(run, plan):
            if (stream, tile) in moved:
                found[stream, tile, run.core].append(run)
    return found


def _read_by(run: TileRun, plan: Plan) -> Iterator[tuple[int, int]]:
    stream = plan.streams[run.stream]
    yield run.stream, -1
    for reads in stream.reads:
        for producer in reads.producers:
            for tile in stream.tiles_read(reads, run.tile, plan.streams[producer]):
                yield producer, tile


def _user(move: Transfer, uses: Mapping[tuple[int, int, int], list[TileRun]]) -> tuple[int, int] | None:
    """Return the first tile that starts after a transfer has arrived and uses what it brought."""
    for run in uses.get((move.stream, move.tile, move.target), ()):
        if run.start_cycles >= move.end_cycles:
            return run.stream, run.tile
    return None
