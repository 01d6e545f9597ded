"""What a schedule tells: totals, and, if recorded, every tile and transfer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Block", "Cause", "MemoryUsage", "Schedule", "TileRun", "Totals", "Transfer"]


class Cause(IntEnum):
    """Why data move over links."""

    NETWORK_INPUT = 0
    WEIGHTS = 1
    ACTIVATION = 2
    REFETCH = 3
    OUTPUT = 4
    EVICTION = 5
    STREAMED_READ = 6
    STREAMED_WRITE = 7


@dataclass(frozen=True, slots=True)
class TileRun:
    """One computation node as it ran."""

    stream: int
    layer: int
    part: int
    tile: int
    core: int
    ready_cycles: int
    start_cycles: int
    end_cycles: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer as it ran.

    Attributes:
        cause: Why.
        stream: Stream whose data move.
        tile: Tile whose data move; -1 for weights.
        source: Node it comes from.
        target: Node it goes to.
        sender: Memory instance it is read from; -1 for the DRAM and for streamed operands.
        receiver: Memory instance it is written to; -1 as above.
        links: Links it occupies, all at once.
        bits: Amount.
        start_cycles: Start.
        end_cycles: End.
    """

    cause: Cause
    stream: int
    tile: int
    source: int
    target: int
    sender: int
    receiver: int
    links: tuple[int, ...]
    bits: int
    start_cycles: int
    end_cycles: int


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """Bits held in one memory instance over time: after ``times[i]`` it holds ``bits[i]``, of them ``activation_bits[i]`` activations."""

    memory: str
    capacity_bits: int
    times: tuple[int, ...]
    bits: tuple[int, ...]
    activation_bits: tuple[int, ...]

    @property
    def peak_bits(self) -> int:
        """Most bits ever held."""
        return max(self.bits, default=0)


@dataclass(frozen=True, slots=True)
class Totals:
    """The results of a schedule.

    Attributes:
        latency_cycles: End of the last tile or transfer.
        mac_pj: Energy of the arrays.
        memory_pj: Energy of on-core memories while tiles run.
        transfer_pj: Energy of on-chip memories for transfers.
        link_pj: Energy of links.
        dram_pj: Energy of DRAM accesses.
        memory_bytes: Peak over time of the activation bytes in all on-chip memories together.
        dram_bytes: Bytes read from and written to DRAM.
        violation_bytes: Bytes by which memories overflow or tiles cannot fit; 0 for a feasible mapping.
        evictions: Number of evictions.
    """

    latency_cycles: int
    mac_pj: float
    memory_pj: float
    transfer_pj: float
    link_pj: float
    dram_pj: float
    memory_bytes: float
    dram_bytes: float
    violation_bytes: float
    evictions: int

    @property
    def energy_pj(self) -> float:
        """Total energy: the sum of its five parts."""
        return self.mac_pj + self.memory_pj + self.transfer_pj + self.link_pj + self.dram_pj

    @property
    def edp_pj_cycles(self) -> float:
        """Energy-delay product."""
        return self.energy_pj * self.latency_cycles


@dataclass(frozen=True, slots=True)
class Block:
    """What a run of stacks contributes that no tile of another stack overlaps in time (rule 15).

    Latencies, energies and DRAM traffic of all blocks add up to the totals; the highest of their peaks is that of the schedule.

    Attributes:
        first: Its first layer.
        behind: The layer behind its last.
        latency_cycles: From the end of the block before to its own; the last one ends with the schedule.
        energy_pj: Energy of its tiles, and of all transfers that were issued for them.
        dram_bytes: Bytes read from and written to DRAM by these transfers.
        memory_bytes: Peak of the activation bytes in all on-chip memories in that time.
    """

    first: int
    behind: int
    latency_cycles: int
    energy_pj: float
    dram_bytes: float
    memory_bytes: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule with everything that happened in it."""

    totals: Totals
    tiles: tuple[TileRun, ...]
    transfers: tuple[Transfer, ...]
    memories: tuple[MemoryUsage, ...]
    blocks: tuple[Block, ...] = ()
