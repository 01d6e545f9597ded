"""What a tile costs, and which of its operands do not live on the core."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stream_evo.workload import Operand

__all__ = ["OPERANDS", "TileFigures", "choose_streamed", "operand_mask", "streamed_of"]

OPERANDS = (Operand.I, Operand.W, Operand.O)


@dataclass(frozen=True, slots=True)
class TileFigures:
    """Cost of one tile on one core, as the scheduler needs it.

    Attributes:
        latency_cycles: Temporal + stall + on-load + off-load cycles.
        mac_pj: Energy of the array.
        memory_pj: Energy of all on-core memories.
        dram_read_bits: Bits that streamed operands read from DRAM.
        dram_write_bits: Bits that streamed operands write to DRAM.
        held_bits: Space (I, W, O) in the outermost on-core memory.
        missing_bits: Bits that lack for any legal loop order; 0 if the tile can run.
        streamed: Operands that pass through from or to DRAM.
    """

    latency_cycles: int
    mac_pj: float
    memory_pj: float
    dram_read_bits: int = 0
    dram_write_bits: int = 0
    held_bits: tuple[int, int, int] = (0, 0, 0)
    missing_bits: int = 0
    streamed: frozenset[Operand] = frozenset()


def choose_streamed(needed_bits: Sequence[int], memories: Sequence[int], capacities: Sequence[int]) -> frozenset[Operand]:
    """Return the operands that must be streamed because they do not fit together.

    In each memory, operands stay from the smallest need to the largest as long as they fit; ties keep I before W before O.

    Args:
        needed_bits: Space that I, W and O need on the core; 0 for an operand that is not there.
        memories: Memory of I, W and O; -1 for none.
        capacities: Capacity of each memory.
    """
    streamed = set()
    used: dict[int, int] = {}
    for position in sorted(range(3), key=lambda p: (needed_bits[p], p)):
        memory = memories[position]
        if needed_bits[position] == 0 or memory < 0:
            continue
        total = used.get(memory, 0) + needed_bits[position]
        if total <= capacities[memory]:
            used[memory] = total
        else:
            streamed.add(OPERANDS[position])
    return frozenset(streamed)


def operand_mask(operands: Iterable[Operand]) -> int:
    """Return a number with bit 0, 1, 2 set for I, W, O."""
    return sum(1 << OPERANDS.index(operand) for operand in operands)


def streamed_of(mask: int) -> frozenset[Operand]:
    """Return the operands of a mask."""
    return frozenset(operand for position, operand in enumerate(OPERANDS) if mask >> position & 1)
