"""Why a mapping does not fit: which tensor of which layer is too large for which memory of which core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from stream_evo.explanation._peak import Tensor, tensors_at
from stream_evo.explanation._residency import Stay
from stream_evo.explanation._subject import Subject
from stream_evo.explanation._tile_details import TileDetails
from stream_evo.schedule import MemoryUsage, TileRun
from stream_evo.workload import Operand

__all__ = ["Shortage", "shortages"]

_TENSORS = {Operand.I: "input", Operand.W: "weights", Operand.O: "output"}


@dataclass(frozen=True, slots=True)
class Shortage:
    """One thing that does not fit.

    Attributes:
        kind: ``tile``: no loop order lets a tile run on the core, however its operands are streamed. ``overflow``: the tensors that must be
            in a memory at one time are more than it holds.
        core: Core that runs the layer.
        layer: Layer whose tile asks for the room.
        tensor: Operand or tensor that does not fit.
        memory: Memory it does not fit in; ``None`` if the core has none for the operand.
        needed_bits: Bits needed in that memory.
        available_bits: Bits there.
        parts: K-parts of the layer that lack as much, each; they count one by one.
        at_cycles: When the memory overflows most; -1 for a tile.
        held: What lies in the memory then, largest first; empty for a tile.
    """

    kind: str
    core: str
    layer: str
    tensor: str
    memory: str | None
    needed_bits: int
    available_bits: int
    parts: int = 1
    at_cycles: int = -1
    held: tuple[Tensor, ...] = ()

    @property
    def missing_bits(self) -> int:
        """Bits that lack, over all parts."""
        return self.parts * (self.needed_bits - self.available_bits)


def shortages(subject: Subject, details: TileDetails, stays: Iterable[Stay]) -> tuple[Shortage, ...]:
    """Return everything that does not fit; the missing bits add up to the violation of the schedule."""
    held = tuple(stays)
    over = [usage for usage in subject.schedule.memories if usage.peak_bits > usage.capacity_bits]
    return (*_tiles(subject, details), *(_overflow(subject, usage, held) for usage in over))


def _tiles(subject: Subject, details: TileDetails) -> Iterator[Shortage]:
    """Yield layers of which no full tile can run, parts on one core together."""
    found = []
    for index, stream in enumerate(subject.plan.streams):
        missing = stream.figures[0].missing_bits if stream.figures else 0
        if missing:
            cause = details.shortage(index)
            available = cause.available_bits if cause is not None else 0
            operand = _TENSORS[cause.operand] if cause is not None else "tile"
            core = subject.nodes[stream.core]
            memory = None if cause is None or cause.memory is None else f"{core}.{cause.memory}"
            found.append((stream.layer, core, subject.names[index], operand, memory, available + missing, available))
    for (_, core, layer, operand, memory, needed, available), alike in groupby(sorted(found, key=str)):
        yield Shortage("tile", core, layer, operand, memory, needed, available, parts=len(list(alike)))


def _overflow(subject: Subject, usage: MemoryUsage, stays: tuple[Stay, ...]) -> Shortage:
    """Return why a memory holds more than it can: the tile that runs there then, and what it keeps."""
    time = usage.times[usage.bits.index(usage.peak_bits)]
    memory = subject.chip.names.index(usage.memory)
    held = tuple(tensor for tensor in tensors_at(subject, stays, time) if tensor.memory == usage.memory)
    here = [stay for stay in stays if stay.memory == memory and stay.begin_cycles <= time < stay.end_cycles]
    run = _asking(subject, memory, time)
    newest = max(here, key=lambda stay: (stay.begin_cycles, stay.bits))
    stream = run.stream if run is not None else newest.stream
    core = run.core if run is not None else subject.plan.streams[newest.stream].core
    largest = max(held, key=lambda tensor: tensor.bits)
    kind = {"tiles": f"output of {largest.layer}", "weights": f"weights of {largest.layer}", "buffer": "streamed operands"}[largest.kind]
    return Shortage(
        "overflow",
        subject.nodes[core] if core >= 0 else "",
        subject.names[stream],
        kind,
        usage.memory,
        usage.peak_bits,
        usage.capacity_bits,
        at_cycles=time,
        held=held,
    )


def _asking(subject: Subject, memory: int, time: int) -> TileRun | None:
    """Return the tile of which the memory is full: the one that runs on one of its cores at `time`, or the next to run."""
    runs = [run for run in subject.schedule.tiles if memory in subject.memories_of(run.core) and run.end_cycles > time]
    return min(runs, key=lambda run: run.start_cycles, default=None)
