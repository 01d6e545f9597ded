"""A schedule as few numbers: what each core, link and memory does when, exact or, where room is short, with neighbours drawn as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from stream_evo.report.html._pack import deltas
from stream_evo.schedule import Schedule

__all__ = ["Bar", "Timeline", "TraceLine", "timeline_of"]

CriticalStep = tuple[int, int, int, int, int]
"""(source node, target node, row of the layer, tile, start in cycles); source and target are the core for a tile."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that keeps a core or a way between nodes busy.

    Attributes:
        start_cycles: Start.
        end_cycles: End.
        row: Row of the layer in the network graph: inputs first, then layers.
        part: K-part.
        tile: First tile; -1 for weights.
        count: How many tiles or transfers are drawn as one; 1 for an exact bar.
        cause: Why data move, a value of `stream_evo.schedule.Cause`; 0 for a tile.
        bits: Bits that move; 0 for a tile.
        critical: True if it is on the critical path.
    """

    start_cycles: int
    end_cycles: int
    row: int
    part: int
    tile: int
    count: int = 1
    cause: int = 0
    bits: int = 0
    critical: bool = False


@dataclass(frozen=True, slots=True)
class TraceLine:
    """Bits in one memory: from ``times[i]`` on it holds ``bits[i]``, of them ``activation_bits[i]`` activations."""

    times: tuple[int, ...]
    bits: tuple[int, ...]
    activation_bits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happens when.

    Attributes:
        latency_cycles: End of the last tile or transfer.
        cores: Bars per core, by start; bars of one core do not overlap.
        routes: (source node, target node) -> bars by start; these may overlap.
        memories: One line per memory, by index of the memory.
        resolution_cycles: Neighbours closer or shorter than this are drawn as one; 0 if everything is exact.
    """

    latency_cycles: int
    cores: tuple[tuple[Bar, ...], ...]
    routes: Mapping[tuple[int, int], tuple[Bar, ...]]
    memories: tuple[TraceLine, ...]
    resolution_cycles: int = 0

    def coarser(self, cells: int) -> Timeline:
        """Return the timeline with at most about two bars, and two changes of a memory, per cell; the run is divided into `cells`.

        Bars stay where they are to within a cell, and no peak of a memory is lost.
        """
        step = max(1, -(-self.latency_cycles // cells))
        return replace(
            self,
            cores=tuple(tuple(_merged(bars, step)) for bars in self.cores),
            routes={route: tuple(_merged(bars, step)) for route, bars in self.routes.items()},
            memories=tuple(_thinned(line, step) for line in self.memories),
            resolution_cycles=step,
        )

    def encoded(self) -> dict[str, Any]:
        """Return columns of small integers, as the page decodes them (``timeline.js``)."""
        return {
            "end": self.latency_cycles,
            "resolution": self.resolution_cycles,
            "cores": [_columns(bars, moves=False) for bars in self.cores],
            "routes": [[source, target, *_columns(bars, moves=True)] for (source, target), bars in self.routes.items()],
            "memories": [[deltas(line.times), deltas(line.bits), deltas(line.activation_bits)] for line in self.memories],
        }


def timeline_of(schedule: Schedule, cores: int, inputs: int, rows: Sequence[int], critical: Collection[CriticalStep]) -> Timeline:
    """Return a schedule as a timeline.

    Args:
        schedule: A recorded schedule.
        cores: Number of cores.
        inputs: Number of network inputs.
        rows: Per stream its row in the network graph.
        critical: What is on the critical path.
    """
    tiles: list[list[Bar]] = [[] for _ in range(cores)]
    for run in schedule.tiles:
        row = inputs + run.layer
        on_path = (run.core, run.core, row, run.tile, run.start_cycles) in critical
        tiles[run.core].append(Bar(run.start_cycles, run.end_cycles, row, run.part, run.tile, critical=on_path))
    parts = {run.stream: run.part for run in schedule.tiles}
    routes: dict[tuple[int, int], list[Bar]] = defaultdict(list)
    for move in schedule.transfers:
        row = rows[move.stream]
        on_path = (move.source, move.target, row, move.tile, move.start_cycles) in critical
        bar = Bar(
            move.start_cycles,
            move.end_cycles,
            row,
            parts.get(move.stream, 0),
            move.tile,
            cause=int(move.cause),
            bits=move.bits,
            critical=on_path,
        )
        routes[move.source, move.target].append(bar)
    by_start = attrgetter("start_cycles", "end_cycles")
    return Timeline(
        schedule.totals.latency_cycles,
        tuple(tuple(sorted(bars, key=by_start)) for bars in tiles),
        {route: tuple(sorted(bars, key=by_start)) for route, bars in sorted(routes.items())},
        tuple(TraceLine(usage.times, usage.bits, usage.activation_bits) for usage in schedule.memories),
    )


def _columns(bars: Sequence[Bar], *, moves: bool) -> list[list[int]]:
    """Return the bars as columns: gap to the end of the bar before, length, row, K-part, tile less the one expected, count, critical.

    For transfers the cause and the bits follow, and the first column is the distance of the starts, since they may overlap.
    """
    expected: dict[tuple[int, int], int] = {}
    gaps, tiles = [], []
    before = 0
    for bar in bars:
        gaps.append(bar.start_cycles - before)
        before = bar.start_cycles if moves else bar.end_cycles
        tiles.append(bar.tile - expected.get((bar.row, bar.part), 0))
        expected[bar.row, bar.part] = bar.tile + bar.count
    columns = [
        gaps,
        [bar.end_cycles - bar.start_cycles for bar in bars],
        [bar.row for bar in bars],
        [bar.part for bar in bars],
        tiles,
        [bar.count for bar in bars],
        [int(bar.critical) for bar in bars],
    ]
    return [*columns, [bar.cause for bar in bars], [bar.bits for bar in bars]] if moves else columns


def _merged(bars: Iterable[Bar], step: int) -> list[Bar]:
    """Return bars with close neighbours taken together: equal ones less than `step` apart, any as long as they span less than `step`.

    Of different ones the longest gives its name.
    """
    found: list[Bar] = []
    longest = 0  # of those that the last bar stands for
    for bar in bars:
        length = bar.end_cycles - bar.start_cycles
        last = found[-1] if found else None
        if last is None or not _joins(last, bar, step):
            found.append(bar)
            longest = length
            continue
        named = last
        if length > longest:
            named, longest = bar, length
        found[-1] = replace(
            named,
            start_cycles=last.start_cycles,
            end_cycles=max(last.end_cycles, bar.end_cycles),
            tile=min(last.tile, bar.tile) if _alike(last, bar) else named.tile,
            count=last.count + bar.count,
            bits=last.bits + bar.bits,
            critical=last.critical or bar.critical,
        )
    return found


def _alike(one: Bar, other: Bar) -> bool:
    return (one.row, one.part, one.cause) == (other.row, other.part, other.cause)


def _joins(last: Bar, bar: Bar, step: int) -> bool:
    if max(last.end_cycles, bar.end_cycles) - last.start_cycles < step:
        return True
    return _alike(last, bar) and last.critical == bar.critical and bar.start_cycles - last.end_cycles < step


def _thinned(line: TraceLine, step: int) -> TraceLine:
    """Return of each cell of `step` cycles its highest and its last value, so that neither peaks nor the course get lost."""
    kept: list[int] = []
    first = 0
    for index in range(1, len(line.times) + 1):
        if index == len(line.times) or line.times[index] // step != line.times[first] // step:
            cell = range(first, index)
            highest = {max(cell, key=line.bits.__getitem__), max(cell, key=line.activation_bits.__getitem__)}
            kept += sorted(highest | {index - 1})
            first = index
    return TraceLine(*(tuple(values[index] for index in kept) for values in (line.times, line.bits, line.activation_bits)))
