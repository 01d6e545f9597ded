"""Where the energy goes: every picojoule of a schedule with its core, layer, place and cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from stream_evo.explanation._subject import ACTIVITIES, COMPUTE, Subject
from stream_evo.explanation._tile_details import TileDetails
from stream_evo.schedule import Transfer

__all__ = ["Energy", "EnergyItem", "Level", "energy"]


class Level(StrEnum):
    """Parts of the total; each has a field of that name in `Totals`, with the unit behind it."""

    MAC = "mac"
    MEMORY = "memory"
    TRANSFER = "transfer"
    LINK = "link"
    DRAM = "dram"


@dataclass(frozen=True, slots=True)
class EnergyItem:
    """Energy of one kind.

    Attributes:
        core: Core whose array or memory spends it; for links and DRAM the core that receives, or that sends to DRAM.
        layer: Layer that runs or whose data move; the name of an input of the network for its pieces.
        level: Part of the total.
        place: What spends it: ``array``, or the name of a memory, a link, or the DRAM.
        cause: ``compute``, or why data move.
        pj: Amount.
    """

    core: str
    layer: str
    level: Level
    place: str
    cause: str
    pj: float


@dataclass(frozen=True, slots=True)
class Energy:
    """The energy of a schedule.

    Attributes:
        items: All of it; core, layer, level, place and cause together are unique.
    """

    items: tuple[EnergyItem, ...]

    @property
    def total_pj(self) -> float:
        """All of it."""
        return sum(item.pj for item in self.items)

    def by_core(self) -> dict[str, float]:
        """Return pJ per core, most first."""
        return self._by(lambda item: item.core)

    def by_layer(self) -> dict[str, float]:
        """Return pJ per layer, most first."""
        return self._by(lambda item: item.layer)

    def by_level(self) -> dict[str, float]:
        """Return pJ per part of the total, most first."""
        return self._by(lambda item: item.level)

    def by_place(self) -> dict[str, float]:
        """Return pJ per array (``core.array``), memory (``core.memory``), link and DRAM, most first."""
        local = (Level.MAC, Level.MEMORY)
        return self._by(lambda item: f"{item.core}.{item.place}" if item.level in local else item.place)

    def by_cause(self) -> dict[str, float]:
        """Return pJ per cause, most first."""
        return self._by(lambda item: item.cause)

    def _by(self, key: Callable[[EnergyItem], str]) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for item in self.items:
            found[str(key(item))] += item.pj
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def energy(subject: Subject, details: TileDetails) -> Energy:
    """Return where the energy of a schedule goes; the parts add up to its totals but for the order of additions.

    Args:
        subject: The schedule.
        details: Divides the energy of on-core memories.
    """
    found: dict[tuple[str, str, Level, str, str], float] = defaultdict(float)
    for item in _of_tiles(subject, details):
        found[item.core, item.layer, item.level, item.place, item.cause] += item.pj
    for move in subject.schedule.transfers:
        for item in _of_transfer(subject, move):
            found[item.core, item.layer, item.level, item.place, item.cause] += item.pj
    return Energy(tuple(EnergyItem(*key, pj) for key, pj in found.items() if pj))


def _of_tiles(subject: Subject, details: TileDetails) -> Iterator[EnergyItem]:
    for index, stream in enumerate(subject.plan.streams):
        if stream.layer < 0:
            continue
        rows, columns = stream.tile_rows - 1, stream.tile_columns - 1
        core, layer = subject.nodes[stream.core], subject.names[index]
        for corner, times in enumerate((rows * columns, rows, columns, 1)):
            if times:
                yield EnergyItem(core, layer, Level.MAC, "array", COMPUTE, times * stream.figures[corner].mac_pj)
                for memory, pj in details.memory_pj(index, corner).items():
                    yield EnergyItem(core, layer, Level.MEMORY, memory, COMPUTE, times * pj)


def _of_transfer(subject: Subject, move: Transfer) -> Iterator[EnergyItem]:
    """Yield what a transfer costs in the memories at its ends, on its links and in the DRAM."""
    chip, dram = subject.chip, subject.accelerator.dram
    layer, cause = subject.names[move.stream], ACTIVITIES[move.cause]
    off_chip = subject.accelerator.dram_node
    core = subject.nodes[move.source if move.target == off_chip else move.target]
    for memory, ports, node in ((move.sender, chip.read_ports, move.source), (move.receiver, chip.write_ports, move.target)):
        if memory >= 0:  # what streamed operands cost on the core is in the tile's own cost
            port = ports[memory]
            pj = -(-move.bits // port.unit_bits) * port.unit_pj
            yield EnergyItem(subject.nodes[node], layer, Level.TRANSFER, chip.names[memory], cause, pj)
    for index in move.links:
        link = subject.accelerator.links[index]
        yield EnergyItem(core, layer, Level.LINK, link.name, cause, move.bits * link.pj_per_bit)
    words = -(-move.bits // dram.bits_per_cycle)
    for node, pj in ((move.source, dram.read_pj), (move.target, dram.write_pj)):
        if node == off_chip:
            yield EnergyItem(core, layer, Level.DRAM, dram.name, cause, words * pj)
