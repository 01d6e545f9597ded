"""A core's memories as each operand sees them: the levels it passes, where array dimensions fan out, and the ports in between."""

from __future__ import annotations

from dataclasses import dataclass

from stream_evo.cost._loops import OPERANDS
from stream_evo.cost._request import DramLevel
from stream_evo.hardware import Core, Direction
from stream_evo.workload import Operand

__all__ = ["DIRECTIONS", "UNLIMITED_BITS", "Channel", "Hierarchy", "Level", "Store", "build_hierarchy"]

DIRECTIONS = (Direction.TO_LOW, Direction.FROM_LOW, Direction.TO_HIGH, Direction.FROM_HIGH)
"""Order of the four directions everywhere in this package."""

UNLIMITED_BITS = 1 << 60
"""Capacity of the DRAM level: what the network needs off-chip is no matter of one tile."""


@dataclass(frozen=True, slots=True)
class Store:
    """A physical memory.

    Attributes:
        name: Name of the memory; ``dram`` for the off-chip level.
        capacity_bits: Capacity of one instance.
        read_pj: Energy of reading one word of the port's bandwidth.
        write_pj: Energy of writing one.
        innermost: True if no operand it holds has a memory below it.
    """

    name: str
    capacity_bits: int
    read_pj: float
    write_pj: float
    innermost: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """The way of one operand through one memory in one direction.

    Attributes:
        port: Physical port, numbered over the whole hierarchy; channels of one port compete.
        granule_bits: Least number of bits an access takes.
        word_bits: Bits that the memory's access energy refers to.
        bits_per_cycle: Bandwidth.
    """

    port: int
    granule_bits: int
    word_bits: int
    bits_per_cycle: int


@dataclass(frozen=True, slots=True)
class Level:
    """One memory level of one operand; `channels` in the order of `DIRECTIONS`, ``None`` where the operand does not pass."""

    store: int
    channels: tuple[Channel | None, Channel | None, Channel | None, Channel | None]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The memories of one core, with a DRAM level for the operands that are streamed.

    Attributes:
        stores: Physical memories from the innermost to the outermost; the DRAM is the last.
        levels: For O, W and I: their levels from the innermost to the outermost.
        on_core: For O, W and I: how many of their levels are on the core.
        fan_out: For O, W and I: for each array dimension the architecture level at which it fans out: 0 between array and level 0, j
            between levels j-1 and j, the number of levels if no memory serves the dimension.
        ports: Number of physical ports.
        shared_inputs: For each port, whether both W and I pass it.
    """

    stores: tuple[Store, ...]
    levels: tuple[tuple[Level, ...], tuple[Level, ...], tuple[Level, ...]]
    on_core: tuple[int, int, int]
    fan_out: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    ports: int
    shared_inputs: tuple[bool, ...]


def _dram_channels(dram: DramLevel, operand: Operand, first_port: int) -> tuple[Channel, Channel | None, None, None]:
    """Return the ways of `operand` through the DRAM: read to below and, for O, written from below; nothing lies above."""
    read = Channel(first_port, dram.word_bits, dram.word_bits, dram.read_bits_per_cycle)
    write_port = first_port if dram.single_port else first_port + 1
    write = Channel(write_port, dram.word_bits, dram.word_bits, dram.write_bits_per_cycle)
    return read, write if operand is Operand.O else None, None, None


def build_hierarchy(core: Core, streamed: frozenset[Operand], dram: DramLevel | None) -> Hierarchy:
    """Lay out the memories of `core`, with `dram` on top of the operands in `streamed`."""
    numbers: dict[tuple[int, str], int] = {}
    for index, memory in enumerate(core.memories):
        for port in memory.ports:
            numbers[index, port.name] = len(numbers)
    levels: dict[Operand, list[Level]] = {operand: [] for operand in OPERANDS}
    served: dict[Operand, list[frozenset[str]]] = {operand: [] for operand in OPERANDS}
    stores: list[Store] = []
    for index, memory in enumerate(core.memories):
        innermost = all(not levels[operand] for operand in memory.operands)
        stores.append(Store(memory.name, memory.size_bits, memory.read_pj, memory.write_pj, innermost))
        for operand in memory.operands:
            found: list[Channel | None] = []
            for direction in DIRECTIONS:
                serving = next((p for p in memory.ports if (operand, direction) in p.serves), None)
                if serving is None:
                    found.append(None)
                    continue
                width = serving.max_bits_per_cycle
                found.append(Channel(numbers[index, serving.name], serving.min_bits_per_cycle, width, width))
            levels[operand].append(Level(index, (found[0], found[1], found[2], found[3])))
            served[operand].append(frozenset(memory.shared_over))
    on_core = [len(levels[operand]) for operand in OPERANDS]
    ports = len(numbers)
    everything = frozenset(dimension.name for dimension in core.array)
    if streamed and dram is not None:
        stores.append(Store("dram", UNLIMITED_BITS, dram.read_pj, dram.write_pj, innermost=False))
        for operand in streamed:
            levels[operand].append(Level(len(stores) - 1, _dram_channels(dram, operand, ports)))
            served[operand].append(everything)
        ports += 1 if dram.single_port else 2
    fan_out = [
        tuple(
            next((level for level, names in enumerate(served[operand]) if dimension.name in names), len(served[operand]))
            for dimension in core.array
        )
        for operand in OPERANDS
    ]
    return Hierarchy(
        stores=tuple(stores),
        levels=(tuple(levels[OPERANDS[0]]), tuple(levels[OPERANDS[1]]), tuple(levels[OPERANDS[2]])),
        on_core=(on_core[0], on_core[1], on_core[2]),
        fan_out=(fan_out[0], fan_out[1], fan_out[2]),
        ports=ports,
        shared_inputs=tuple(all(_passes(levels[operand], port) for operand in (Operand.W, Operand.I)) for port in range(ports)),
    )


def _passes(levels: list[Level], port: int) -> bool:
    return any(channel is not None and channel.port == port for level in levels for channel in level.channels)
