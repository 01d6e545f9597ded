"""What the blocks of a mapping contribute to its results, in plain Python; and what transfers cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from stream_evo.schedule._chip import Chip
from stream_evo.schedule._plan import Plan
from stream_evo.schedule._schedule import Block, TileRun, Transfer

__all__ = ["Opening", "blocks_of", "traffic"]


@dataclass(frozen=True, slots=True)
class Opening:
    """How many tiles and transfers were scheduled before the first tile of a stack, where no later stack came before it."""

    stack: int
    tiles: int
    transfers: int


def blocks_of(
    plan: Plan,
    chip: Chip,
    openings: Sequence[Opening],
    tiles: Sequence[TileRun],
    transfers: Sequence[Transfer],
    changes: Sequence[tuple[int, int]],
    latency: int,
) -> tuple[Block, ...]:
    """Return the blocks of a schedule (rule 15).

    Args:
        plan: What was scheduled.
        chip: On what.
        openings: Where stacks begin, in the order in which they began.
        tiles: All tiles, in the order in which they were scheduled.
        transfers: All transfers, in the order in which they were issued.
        changes: (time, bits of activations more or less in any memory), in any order.
        latency: End of the schedule.
    """
    begun = [Opening(0, 0, 0), *(opening for opening in openings[1:] if _parts_time(plan, opening, tiles))]
    ends = [*(max(tile.end_cycles for tile in tiles[: opening.tiles]) for opening in begun[1:]), latency]
    peaks = _peaks(changes, ends)
    layers = [stream.layer for stream in plan.streams]
    first = [next(stream.layer for stream in plan.streams if stream.layer >= 0 and stream.stack == opening.stack) for opening in begun]
    limits = [*begun, Opening(-1, len(tiles), len(transfers))]
    found = []
    for number, (begin, behind) in enumerate(pairwise(limits)):
        figures = [plan.streams[tile.stream].tile_figures(tile.tile) for tile in tiles[begin.tiles : behind.tiles]]
        on_chip, links, dram, bits = traffic(chip, transfers[begin.transfers : behind.transfers])
        found.append(
            Block(
                first=first[number],
                behind=first[number + 1] if number + 1 < len(first) else max(layers) + 1,
                latency_cycles=ends[number] - (ends[number - 1] if number else 0),
                energy_pj=sum(each.mac_pj + each.memory_pj for each in figures) + on_chip + links + dram,
                dram_bytes=bits / 8,
                memory_bytes=peaks[number] / 8,
            )
        )
    return tuple(found)


def _parts_time(plan: Plan, opening: Opening, tiles: Sequence[TileRun]) -> bool:
    """Return True if from a stack's first tile on no earlier stack has one, and none starts before all earlier tiles have ended."""
    ended = max(tile.end_cycles for tile in tiles[: opening.tiles])
    return all(plan.streams[tile.stream].stack >= opening.stack and tile.start_cycles >= ended for tile in tiles[opening.tiles :])


def _peaks(changes: Sequence[tuple[int, int]], ends: Sequence[int]) -> list[int]:
    """Return the highest running sum of changes in each span of time that ends before `ends`; the last has no end."""
    held = 0
    peaks = [0]
    for time, group in groupby(sorted(changes), key=lambda change: change[0]):
        while len(peaks) < len(ends) and time >= ends[len(peaks) - 1]:
            peaks.append(held if time > ends[len(peaks) - 1] else 0)
        held += sum(change for _, change in group)
        peaks[-1] = max(peaks[-1], held)
    return peaks + [held] * (len(ends) - len(peaks))


def traffic(chip: Chip, transfers: Sequence[Transfer]) -> tuple[float, float, float, int]:
    """Return energy of on-chip memories and links for transfers, energy of DRAM, and bits from and to DRAM."""
    read, written = [0] * len(chip.capacities), [0] * len(chip.capacities)
    carried = [0] * len(chip.accelerator.links)
    words, bits = [0, 0], 0
    for move in transfers:
        for link in move.links:
            carried[link] += move.bits
        if move.sender >= 0:  # the on-chip accesses of streamed operands are in the tile's own cost
            read[move.sender] += -(-move.bits // chip.read_ports[move.sender].unit_bits)
        if move.receiver >= 0:
            written[move.receiver] += -(-move.bits // chip.write_ports[move.receiver].unit_bits)
        for direction, node in enumerate((move.source, move.target)):
            if node == len(chip.accelerator.cores):
                words[direction] += -(-move.bits // chip.accelerator.dram.bits_per_cycle)
                bits += move.bits
    dram = chip.accelerator.dram
    moved = [*zip(read, chip.read_ports, strict=True), *zip(written, chip.write_ports, strict=True)]
    on_chip = sum(units * port.unit_pj for units, port in moved)
    links = sum(n * link.pj_per_bit for n, link in zip(carried, chip.accelerator.links, strict=True))
    return on_chip, links, words[0] * dram.read_pj + words[1] * dram.write_pj, bits
