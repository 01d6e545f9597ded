"""What kept a tile or transfer from starting earlier.

By the rules of the scheduler every start is cycle 0, the end of an earlier tile or transfer, or the start of one. A schedule records times,
not reasons, so the reason is found again: of everything the rules let an event wait for, that which ends or starts at this very cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from stream_evo.explanation._path_values import Hold
from stream_evo.explanation._subject import STREAMED, WEIGHTS, Event, Subject
from stream_evo.schedule import TileRun, Transfer

__all__ = ["Bound", "Bounds"]


@dataclass(frozen=True, slots=True)
class Bound:
    """Why an event could not start earlier.

    Attributes:
        hold: What it waited for; ``None`` if it merely starts together with `event`.
        event: The event it waited for.
        at_start: True if it waited for the start of `event`, not its end.
    """

    hold: Hold | None
    event: Event
    at_start: bool = False


@dataclass(frozen=True)
class Bounds:
    """Finds the reasons in one schedule.

    Args:
        subject: The schedule.
    """

    subject: Subject

    def of(self, event: Event) -> Iterator[Bound]:
        """Yield everything that keeps `event` from starting earlier than it does, what says most first."""
        yield from self._of_tile(event) if isinstance(event, TileRun) else self._of_transfer(event)
        # A memory also frees room when a copy is dropped for another tensor, at the time that one was wanted.
        for other in self._ending(event):
            yield Bound(Hold.MEMORY, other)
        for other in self.subject.starting.get(event.start_cycles, ()):
            if other != event:
                yield Bound(Hold.MEMORY, other, at_start=True)

    # ------------------------------------------------------------------------------------------------ tiles

    def _of_tile(self, run: TileRun) -> Iterator[Bound]:
        subject, start = self.subject, run.start_cycles
        before = subject.previous.get(run)
        if before is not None and before.end_cycles == start:
            yield Bound(Hold.CORE, before)
        read = tuple(subject.operands(run))
        for stream, tile, memory in read:
            written = memory < 0
            for move in self._writes.get((stream, tile), ()) if written else self._arrivals.get((stream, tile, memory), ()):
                if move.end_cycles == start and move not in subject.preloaded:
                    yield Bound(Hold.OPERAND, move)
        for producer in self._producers(run, read):
            yield Bound(Hold.PREDECESSOR, producer)
        for other in self._ending(run):
            if isinstance(other, Transfer) and other in subject.preloaded:
                yield Bound(Hold.WEIGHTS, other)
        yield from self._room(run, set(subject.memories_of(run.core)))

    def _producers(self, run: TileRun, read: tuple[tuple[int, int, int], ...]) -> Iterator[TileRun]:
        """Yield the predecessors of a tile that end when it starts: what it reads, its layer's tile before, all of a stack before."""
        wanted = {(stream, tile) for stream, tile, _ in read} | {(run.stream, run.tile - 1)}
        whole = {p for reads in self.subject.plan.streams[run.stream].reads if reads.cut for p in reads.producers}
        for other in self._ending(run):
            if isinstance(other, TileRun) and ((other.stream, other.tile) in wanted or other.stream in whole):
                yield other

    # ------------------------------------------------------------------------------------------------ transfers

    def _of_transfer(self, move: Transfer) -> Iterator[Bound]:
        if move.cause in STREAMED and self.subject.tile_runs[move.stream, move.tile].start_cycles == move.start_cycles:
            yield Bound(None, self.subject.tile_runs[move.stream, move.tile], at_start=True)
        source = self.subject.tile_runs.get((move.stream, move.tile))
        if source is not None and source.end_cycles == move.start_cycles:
            yield Bound(Hold.PREDECESSOR, source)
        yield from self._resources(move)
        for written in self._writes.get((move.stream, move.tile), ()):
            if written.end_cycles == move.start_cycles:
                yield Bound(Hold.OPERAND, written)
        if move.receiver >= 0:
            ahead = self._one_tile_ahead(move)
            if ahead is not None:
                yield Bound(Hold.FETCH_AHEAD, ahead, at_start=True)
        yield from self._room(move, {move.sender, move.receiver})

    def _resources(self, move: Transfer) -> Iterator[Bound]:
        """Yield what used the same DMA queue or a link of the way until `move` starts."""
        subject = self.subject
        ended = [other for other in self._ending(move) if isinstance(other, Transfer)]
        if subject.is_off_chip(move):
            for other in ended:
                if subject.is_off_chip(other) and subject.queue(other) == subject.queue(move):
                    yield Bound(Hold.DMA, other)
        for other in ended:
            if set(other.links) & set(move.links):
                yield Bound(Hold.LINK, other)

    def _one_tile_ahead(self, move: Transfer) -> TileRun | None:
        """Return the tile that runs before the one that `move` is for, if it starts with `move` (rule 5)."""
        for run in self._readers.get((move.stream, move.tile, move.receiver), ()):
            if run.start_cycles >= move.end_cycles:
                before = self.subject.previous.get(run)
                return before if before is not None and before.start_cycles == move.start_cycles else None
        return None

    # ------------------------------------------------------------------------------------------------ tables

    def _room(self, event: Event, memories: set[int]) -> Iterator[Bound]:
        """Yield what freed room in one of `memories` when `event` starts: data sent away, or used for the last time."""
        for other in self._ending(event):
            if isinstance(other, Transfer):
                if other.sender >= 0 and other.sender in memories:
                    yield Bound(Hold.MEMORY, other)
            elif memories & set(self.subject.memories_of(other.core)) - {-1}:
                yield Bound(Hold.MEMORY, other)

    def _ending(self, event: Event) -> list[Event]:
        return self.subject.ending.get(event.start_cycles, [])

    @cached_property
    def _arrivals(self) -> dict[tuple[int, int, int], list[Transfer]]:
        """(stream, tile, memory) -> transfers that brought it there."""
        found: dict[tuple[int, int, int], list[Transfer]] = {}
        for move in self.subject.schedule.transfers:
            if move.receiver >= 0:
                found.setdefault((move.stream, move.tile, move.receiver), []).append(move)
        return found

    @cached_property
    def _writes(self) -> dict[tuple[int, int], list[Transfer]]:
        """(stream, tile) -> transfers that brought it to DRAM."""
        found: dict[tuple[int, int], list[Transfer]] = {}
        for move in self.subject.schedule.transfers:
            if move.target == self.subject.accelerator.dram_node and move.tile != WEIGHTS and move.cause not in STREAMED:
                found.setdefault((move.stream, move.tile), []).append(move)
        return found

    @cached_property
    def _readers(self) -> dict[tuple[int, int, int], list[TileRun]]:
        """(stream, tile, memory) -> tiles that read it there, in the order of decisions."""
        found: dict[tuple[int, int, int], list[TileRun]] = {}
        for run in self.subject.schedule.tiles:
            for key in self.subject.operands(run):
                if key[2] >= 0:
                    found.setdefault(key, []).append(run)
        return found
