"""Which tensors lie in which memory when.

A schedule records how many bits each memory holds, and every tile and transfer. From these follows where each tensor lies: it comes when it
is produced or sent, and goes after its last use. Only a copy that is dropped to make room, because the DRAM has another, goes at a time
that no tile or transfer tells; it is the release that is left over in the record of the memory. Where several copies could be the one that
was released, the choice may be wrong (one memory in thousands, in random cases): it shows as a sum below what the schedule records.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

from stream_evo.explanation._subject import WEIGHTS, Subject
from stream_evo.schedule import Cause, MemoryUsage, TileRun

__all__ = ["BUFFER", "Stay", "stays"]

BUFFER = -2  # the tile number that stands for the room of a stream's streamed operands
NEVER = -1
_MOST_TRIED = 20_000
_Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Stay:
    """A tensor in a memory.

    Attributes:
        memory: Memory instance.
        stream: Stream the tensor belongs to.
        tile: Tile; -1 for weights, -2 for the room that streamed operands pass through.
        bits: Size.
        activation: False for weights.
        begin_cycles: From when on its room is taken.
        end_cycles: When its room is free again.
    """

    memory: int
    stream: int
    tile: int
    bits: int
    activation: bool
    begin_cycles: int
    end_cycles: int


@dataclass(slots=True)
class _Open:
    """A stay whose end is being looked for.

    Attributes:
        key: (stream, tile, memory).
        begin: When its room is taken.
        available: When the data are there.
        end: When it is used last.
        written: True if it ended with a write to DRAM.
        back: When the tensor is fetched again, if it was dropped without a write to DRAM; else `NEVER`.
    """

    key: _Key
    begin: int
    available: int
    end: int
    written: bool = False
    back: int = NEVER


def stays(subject: Subject) -> tuple[Stay, ...]:
    """Return everything that ever lies in a memory, by memory and time.

    What lies in a memory at any time adds up to the bits that the schedule records for it, except where dropped copies cannot be told
    apart.
    """
    found = _arrivals(subject)
    _use(subject, found)
    slots = [slot for group in found.values() for slot in group]
    _mark_dropped(subject, found)
    buffers = list(_buffers(subject))
    known = [*buffers, *(_stay(subject, slot) for slot in slots if slot.back == NEVER)]
    for memory, usage in enumerate(subject.schedule.memories):
        for activation in (True, False):
            fixed = [stay for stay in known if (stay.memory, stay.activation) == (memory, activation)]
            here = [slot for slot in slots if slot.key[2] == memory and slot.back != NEVER and (slot.key[1] != WEIGHTS) == activation]
            if here:
                _release_dropped(usage, fixed, [(_stay(subject, slot).bits, slot) for slot in here], activation=activation)
    tensors = [_stay(subject, slot) for slot in slots]
    return tuple(sorted((*tensors, *buffers), key=lambda stay: (stay.memory, stay.begin_cycles, stay.stream, stay.tile)))


def _stay(subject: Subject, slot: _Open) -> Stay:
    stream, tile, memory = slot.key
    source = subject.plan.streams[stream]
    bits = source.weight_bits if tile == WEIGHTS else source.tile_bits(tile)
    return Stay(memory, stream, tile, bits, tile != WEIGHTS, slot.begin, slot.end)


def _arrivals(subject: Subject) -> dict[_Key, list[_Open]]:
    """Return each tensor's stays in each memory in order of time, so far with the times at which it is taken in."""
    found: dict[_Key, list[_Open]] = defaultdict(list)
    for run in subject.schedule.tiles:
        if not _streams_output(subject, run):
            key = run.stream, run.tile, subject.memories_of(run.core)[2]
            found[key].append(_Open(key, run.start_cycles, run.end_cycles, run.end_cycles))
    for move in subject.schedule.transfers:
        if move.receiver >= 0:
            key = move.stream, move.tile, move.receiver
            found[key].append(_Open(key, move.start_cycles, move.end_cycles, move.end_cycles))
    for group in found.values():
        group.sort(key=lambda slot: slot.available)
    return found


def _streams_output(subject: Subject, run: TileRun) -> bool:
    return any(operand == "O" for operand in subject.plan.streams[run.stream].streamed)


def _use(subject: Subject, found: dict[_Key, list[_Open]]) -> None:
    """Let every stay last until its last use: by tiles that read it, by transfers that send it."""
    for run in subject.schedule.tiles:
        for key in subject.operands(run):
            if key[2] >= 0:
                slot = _present(found[key], run.start_cycles)
                slot.end = max(slot.end, run.end_cycles)
    for move in subject.schedule.transfers:
        if move.sender >= 0:
            slot = _present(found[move.stream, move.tile, move.sender], move.start_cycles)
            slot.end = max(slot.end, move.end_cycles)
            slot.written |= move.cause is Cause.EVICTION


def _present(group: list[_Open], time: int) -> _Open:
    """Return the copy that is there at a time: the last that had come."""
    return group[max(0, bisect_right(group, time, key=lambda slot: slot.available) - 1)]


def _mark_dropped(subject: Subject, found: dict[_Key, list[_Open]]) -> None:
    """Mark the stays that ended before the tensor was used up, without a write to DRAM: it comes again later."""
    for group in found.values():
        for slot, following in pairwise(group):
            slot.back = NEVER if slot.written else following.begin
    for move in subject.schedule.transfers:
        source = subject.plan.streams[move.stream]
        if move.cause is Cause.REFETCH and not _streams_output(subject, subject.tile_runs[move.stream, move.tile]):
            home = found[move.stream, move.tile, subject.memories_of(source.core)[2]][0]
            if not home.written and home.back == NEVER:
                home.back = move.start_cycles


def _release_dropped(usage: MemoryUsage, stays_known: Iterable[Stay], dropped: Sequence[tuple[int, _Open]], *, activation: bool) -> None:
    """Find when dropped stays end: at the releases in the record of the memory that nothing else explains.

    Args:
        usage: The record.
        stays_known: Stays in this memory whose begin and end are known.
        dropped: (bits, stay) of those whose end is not; it is filled in.
        activation: Whether this is about activations or about weights.
    """
    left: dict[int, int] = defaultdict(int)
    held = 0
    for time, bits, share in zip(usage.times, usage.bits, usage.activation_bits, strict=True):
        now = share if activation else bits - share
        left[time] += held - now
        held = now
    for stay in stays_known:
        left[stay.begin_cycles] += stay.bits
        left[stay.end_cycles] -= stay.bits
    for bits, slot in dropped:
        left[slot.begin] += bits
    releases = {time: bits for time, bits in sorted(left.items()) if bits > 0}
    deepest_first = sorted(dropped, key=lambda entry: entry[1].key, reverse=True)  # rule 12
    soonest_back = sorted(dropped, key=lambda entry: entry[1].back)
    for order in (deepest_first, soonest_back):
        found = _match(releases, order)
        if len(found) == len(dropped):
            break
    for slot, time in found:
        slot.end = time


def _match(releases: Mapping[int, int], dropped: Sequence[tuple[int, _Open]]) -> list[tuple[_Open, int]]:
    """Return when each of `dropped` ends, such that the sizes add up to the releases; of several that fit, the first is taken.

    One that is left over, because an earlier choice was wrong, is taken to end with its last use.

    Args:
        releases: Time -> bits, ascending in time.
        dropped: (bits, stay), what is likely to be dropped first in front.
    """
    sizes = [bits for bits, _ in dropped]
    coming = sorted(range(len(dropped)), key=lambda rank: dropped[rank][1].end, reverse=True)
    idle: list[int] = []  # ranks, ascending: no longer used and not yet fetched again
    overdue: list[int] = []  # fetched again, yet not found to have been dropped
    deadlines: list[tuple[int, int]] = []
    found = []
    for time, bits in releases.items():
        while coming and dropped[coming[-1]][1].end <= time:
            rank = coming.pop()
            insort(idle, rank)
            heappush(deadlines, (dropped[rank][1].back, rank))
        while deadlines and deadlines[0][0] < time:
            rank = heappop(deadlines)[1]
            at = bisect_left(idle, rank)
            if at < len(idle) and idle[at] == rank:
                overdue.append(idle.pop(at))
        taken = _adding_up(idle, sizes, bits) or (_adding_up([*idle, *overdue], sizes, bits) if overdue else ())
        for rank in taken:
            (overdue if rank in overdue else idle).remove(rank)
            found.append((dropped[rank][1], time))
    return found


def _adding_up(ranks: Sequence[int], sizes: Sequence[int], total: int) -> tuple[int, ...]:
    """Return those of `ranks` whose sizes add up to `total`, the first in lexical order; nothing if there are none or too many to try."""
    dead_ends: set[tuple[int, int]] = set()
    stack: list[tuple[int, int, tuple[int, ...]]] = [(0, total, ())]
    while stack and len(dead_ends) < _MOST_TRIED:
        at, rest, taken = stack.pop()
        if rest == 0:
            return taken
        if at == len(ranks) or (at, rest) in dead_ends:
            continue
        dead_ends.add((at, rest))
        stack.append((at + 1, rest, taken))
        if sizes[ranks[at]] <= rest:
            stack.append((at + 1, rest - sizes[ranks[at]], (*taken, ranks[at])))
    return ()


def _buffers(subject: Subject) -> Iterable[Stay]:
    """Yield the room that streamed operands take while a tile runs."""
    for run in subject.schedule.tiles:
        stream = subject.plan.streams[run.stream]
        for position, bits in enumerate(stream.buffer_bits):
            if bits:
                activation = not (position == 1 and stream.streams_weights)
                memory = subject.memories_of(run.core)[position]
                yield Stay(memory, run.stream, BUFFER, bits, activation, run.start_cycles, run.end_cycles)
