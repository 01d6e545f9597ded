"""The moment at which the chip holds most activations, and what lies where then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from stream_evo.explanation._residency import BUFFER, Stay
from stream_evo.explanation._subject import WEIGHTS, Subject
from stream_evo.schedule import MemoryUsage

__all__ = ["Fill", "PeakMemory", "Tensor", "fills", "peak_memory", "tensors_at"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """Tiles of one layer, or its weights, in one memory.

    Attributes:
        memory: Name of the memory.
        layer: Layer that made them; the name of an input of the network for its pieces.
        kind: ``tiles``, ``weights``, or ``buffer`` for the room that streamed operands pass through.
        tiles: Their numbers, ascending; empty for weights and buffers.
        bits: Size of all together.
    """

    memory: str
    layer: str
    kind: str
    tiles: tuple[int, ...]
    bits: int


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a memory is.

    Attributes:
        memory: Name.
        bits: Bits held.
        activation_bits: Of them activations.
        capacity_bits: Capacity.
    """

    memory: str
    bits: int
    activation_bits: int
    capacity_bits: int


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """The first moment of most activations on the chip.

    Attributes:
        begin_cycles: From when on.
        end_cycles: When something changes again.
        activation_bits: Activations in all on-chip memories: the objective.
        memories: How full each memory is that holds anything.
        tensors: What lies there, largest first in each memory, weights included.
        running: (core, layer) pairs that run at that moment.
    """

    begin_cycles: int
    end_cycles: int
    activation_bits: int
    memories: tuple[Fill, ...]
    tensors: tuple[Tensor, ...]
    running: tuple[tuple[str, str], ...]

    @property
    def bytes(self) -> float:
        """The objective in bytes."""
        return self.activation_bits / 8


def peak_memory(subject: Subject, stays: Iterable[Stay]) -> PeakMemory:
    """Return the first moment at which the activations in all on-chip memories are most."""
    begin, end, bits = _highest(subject.schedule.memories)
    runs = [run for run in subject.schedule.tiles if run.start_cycles <= begin < run.end_cycles]
    return PeakMemory(
        begin,
        end,
        bits,
        fills(subject.schedule.memories, begin),
        tensors_at(subject, stays, begin),
        tuple((subject.nodes[run.core], subject.names[run.stream]) for run in sorted(runs, key=lambda run: run.core)),
    )


def fills(memories: Iterable[MemoryUsage], time: int) -> tuple[Fill, ...]:
    """Return how full the memories are at `time` that then hold anything."""
    found = []
    for usage in memories:
        last = max((index for index, when in enumerate(usage.times) if when <= time), default=-1)
        if last >= 0 and usage.bits[last]:
            found.append(Fill(usage.memory, usage.bits[last], usage.activation_bits[last], usage.capacity_bits))
    return tuple(found)


def tensors_at(subject: Subject, stays: Iterable[Stay], time: int) -> tuple[Tensor, ...]:
    """Return what lies in the memories at `time`, tiles of a layer taken together: by memory, largest first."""
    here = [stay for stay in stays if stay.begin_cycles <= time < stay.end_cycles]
    groups: dict[tuple[int, str, str], list[Stay]] = defaultdict(list)
    for stay in here:
        kind = {WEIGHTS: "weights", BUFFER: "buffer"}.get(stay.tile, "tiles")
        groups[stay.memory, subject.names[stay.stream], kind].append(stay)
    found = []
    for (memory, layer, kind), group in groups.items():
        tiles = tuple(sorted({stay.tile for stay in group})) if kind == "tiles" else ()
        found.append((memory, Tensor(subject.chip.names[memory], layer, kind, tiles, sum(stay.bits for stay in group))))
    return tuple(tensor for _, tensor in sorted(found, key=lambda pair: (pair[0], -pair[1].bits)))


def _highest(memories: Sequence[MemoryUsage]) -> tuple[int, int, int]:
    """Return since when, until when and how many activation bits are held when they are most."""
    changes: list[tuple[int, int]] = []
    for usage in memories:
        before = 0
        for time, bits in zip(usage.times, usage.activation_bits, strict=True):
            changes.append((time, bits - before))
            before = bits
    held = most = begin = end = 0
    rising = False
    for time, group in groupby(sorted(changes), key=lambda change: change[0]):
        change = sum(bits for _, bits in group)
        if rising and change:
            end, rising = time, False
        held += change
        if held > most:
            most, begin, rising = held, time, True
    return begin, end, most
