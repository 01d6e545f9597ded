"""What is explained: a mapping with its plan and its recorded schedule, looked up from all sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from stream_evo.hardware import Accelerator
from stream_evo.schedule import Cause, Chip, Plan, Schedule, TileRun, Transfer
from stream_evo.workload import Operand, Workload

__all__ = ["ACTIVITIES", "COMPUTE", "OPERANDS", "STREAMED", "WEIGHTS", "Event", "Subject"]

Event = TileRun | Transfer
WEIGHTS = -1  # the tile number that stands for a stream's weights
OPERANDS = (Operand.I, Operand.W, Operand.O)
COMPUTE = "compute"
STREAMED = (Cause.STREAMED_READ, Cause.STREAMED_WRITE)
ACTIVITIES = {
    Cause.NETWORK_INPUT: "network input",
    Cause.WEIGHTS: "weights",
    Cause.ACTIVATION: "activations",
    Cause.REFETCH: "fetched again",
    Cause.OUTPUT: "written out",
    Cause.EVICTION: "evicted",
    Cause.STREAMED_READ: "streamed in",
    Cause.STREAMED_WRITE: "streamed out",
}


@dataclass(frozen=True)
class Subject:
    """A schedule and where it comes from.

    Args:
        workload: The network.
        chip: The chip.
        plan: The mapping spelled out; its streams are numbered as in the schedule.
        schedule: The recorded schedule.
    """

    workload: Workload
    chip: Chip
    plan: Plan
    schedule: Schedule

    @property
    def accelerator(self) -> Accelerator:
        """The chip as described."""
        return self.chip.accelerator

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes that links join: cores, then the DRAM."""
        return (*(slot.name for slot in self.accelerator.cores), self.accelerator.dram.name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Per stream the name of its layer or network input."""
        inputs, layers = self.workload.inputs, self.workload.layers
        return tuple(inputs[-1 - s.layer].name if s.layer < 0 else layers[s.layer].name for s in self.plan.streams)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All tiles, then all transfers."""
        return *self.schedule.tiles, *self.schedule.transfers

    @cached_property
    def tile_runs(self) -> dict[tuple[int, int], TileRun]:
        """(stream, tile) -> its run."""
        return {(run.stream, run.tile): run for run in self.schedule.tiles}

    @cached_property
    def core_runs(self) -> tuple[tuple[TileRun, ...], ...]:
        """Per core its tiles in the order in which they were decided, which is that of time."""
        found: list[list[TileRun]] = [[] for _ in self.accelerator.cores]
        for run in self.schedule.tiles:
            found[run.core].append(run)
        return tuple(map(tuple, found))

    @cached_property
    def previous(self) -> dict[TileRun, TileRun]:
        """The tile before on the same core."""
        return {later: earlier for runs in self.core_runs for earlier, later in pairwise(runs)}

    def memories_of(self, core: int) -> tuple[int, int, int]:
        """Return the memory instance of operands I, W, O of a core; -1 for none."""
        return self.chip.core_memories[core]

    def operands(self, run: TileRun) -> Iterator[tuple[int, int, int]]:
        """Yield (stream, tile, memory) of everything a tile reads; memory is -1 for what is streamed."""
        stream = self.plan.streams[run.stream]
        memories = self.memories_of(run.core)
        for reads in stream.reads:
            memory = -1 if reads.operand in stream.streamed else memories[OPERANDS.index(reads.operand)]
            for producer in reads.producers:
                for tile in stream.tiles_read(reads, run.tile, self.plan.streams[producer]):
                    yield producer, tile, memory
        if stream.weight_bits:
            yield run.stream, WEIGHTS, memories[1]

    def computed_until(self, run: TileRun) -> int:
        """Return when a tile would end without waiting for its streamed operands."""
        return run.start_cycles + self.plan.streams[run.stream].tile_figures(run.tile).latency_cycles

    def corner(self, stream: int, tile: int) -> int:
        """Return ``2 * (last row) + (last column)``: which cost of the stream a tile has."""
        source = self.plan.streams[stream]
        row, column = divmod(tile, source.tile_columns)
        return 2 * (row == source.tile_rows - 1) + (column == source.tile_columns - 1)

    def is_off_chip(self, move: Transfer) -> bool:
        """Return True if a transfer reads or writes the DRAM."""
        return self.accelerator.dram_node in (move.source, move.target)

    def queue(self, move: Transfer) -> tuple[int, int]:
        """Return the (core, engine) whose DMA queue an off-chip transfer waits in."""
        reads = move.source == self.accelerator.dram_node
        return (move.target if reads else move.source), int(not reads and self.accelerator.dma_channels == 2)

    @cached_property
    def preloaded(self) -> frozenset[Transfer]:
        """The transfers that bring all weights before the first tile; none if weights are loaded at first use."""
        weighted = [index for index, stream in enumerate(self.plan.streams) if stream.weight_bits]
        first = self.schedule.transfers[: len(weighted)]
        if not self.chip.loads_weights_first or [move.stream for move in first if move.cause is Cause.WEIGHTS] != weighted:
            return frozenset()
        barrier = max((move.end_cycles for move in first), default=0)
        return frozenset(first) if all(run.start_cycles >= barrier for run in self.schedule.tiles) else frozenset()

    @cached_property
    def ending(self) -> dict[int, list[Event]]:
        """What ends at a time."""
        return _by_time(self.events, "end_cycles")

    @cached_property
    def starting(self) -> dict[int, list[Event]]:
        """What starts at a time."""
        return _by_time(self.events, "start_cycles")


def _by_time(events: Sequence[Event], field: str) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        found[getattr(event, field)].append(event)
    return found
