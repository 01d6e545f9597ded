"""An accelerator: cores, the memories they share, the links between them, and one DRAM."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from stream_evo.hardware._core import Core
from stream_evo.workload import Operand

__all__ = ["Accelerator", "CoreSlot", "Dram", "Link", "SharedMemory", "WeightLoad"]


class WeightLoad(StrEnum):
    """When weights that all fit on their cores are loaded: before the first tile, or at first use."""

    BEFORE_START = "before_start"
    ON_DEMAND = "on_demand"


@dataclass(frozen=True, slots=True)
class CoreSlot:
    """A core at its place in an accelerator."""

    name: str
    core: Core


@dataclass(frozen=True, slots=True)
class Link:
    """One contended resource that carries transfers between nodes.

    Attributes:
        name: Name, unique in the accelerator.
        bits_per_cycle: Bandwidth.
        pj_per_bit: Energy of moving one bit.
        connects: Directed (from, to) pairs of nodes it serves; a node is a core index, the number of cores stands for the DRAM. All pairs
            share the link: a bus is one link with many pairs, a mesh has one link per neighbour pair and direction.
    """

    name: str
    bits_per_cycle: int
    pj_per_bit: float
    connects: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.bits_per_cycle < 1 or self.pj_per_bit < 0 or not self.connects:
            raise ValueError(f"link {self.name}: it needs a positive bandwidth, an energy of at least 0 and two nodes")


@dataclass(frozen=True, slots=True)
class Dram:
    """The off-chip memory. Contention follows the links that reach it.

    Attributes:
        name: Name.
        size_bits: Capacity.
        bits_per_cycle: Bandwidth of a port, and the word that the energies refer to.
        read_pj: Energy of reading one word.
        write_pj: Energy of writing one word.
    """

    name: str
    size_bits: int
    bits_per_cycle: int
    read_pj: float
    write_pj: float

    def __post_init__(self) -> None:
        if self.size_bits < 1 or self.bits_per_cycle < 1 or min(self.read_pj, self.write_pj) < 0:
            raise ValueError(f"DRAM {self.name}: size and bandwidth must be positive, energies at least 0")


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """Top-level memories of several cores that are one physical instance.

    Attributes:
        name: Name of the instance.
        members: (core index, memory name in that core) pairs.
    """

    name: str
    members: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A chip with its DRAM.

    Attributes:
        name: Name.
        cores: Compute cores; the position is the core's index.
        dram: Off-chip memory; its node index is ``len(cores)``.
        links: All links.
        shared_memories: Groups of memories that are one instance.
        dma_channels: 1: off-chip reads and writes of a core share one in-order engine; 2: one engine each.
        weight_load: When weights that all fit are loaded.
    """

    name: str
    cores: tuple[CoreSlot, ...]
    dram: Dram
    links: tuple[Link, ...]
    shared_memories: tuple[SharedMemory, ...] = ()
    dma_channels: int = 1
    weight_load: WeightLoad = WeightLoad.BEFORE_START

    def __post_init__(self) -> None:
        if not self.cores:
            raise ValueError(f"accelerator {self.name}: it needs at least one core")
        if self.dma_channels not in (1, 2):
            raise ValueError(f"accelerator {self.name}: dma_channels must be 1 or 2")
        for index, slot in enumerate(self.cores):
            if _path(self.links, self.dram_node, index) is None or _path(self.links, index, self.dram_node) is None:
                raise ValueError(f"accelerator {self.name}: no links join core {slot.name} and the DRAM in both directions")
        for shared in self.shared_memories:
            for core, memory in shared.members:
                if not any(m.name == memory for m in self.cores[core].core.memories):
                    raise ValueError(f"accelerator {self.name}: core {core} has no memory {memory} to share")

    @property
    def dram_node(self) -> int:
        """Node index of the DRAM."""
        return len(self.cores)

    def path(self, source: int, target: int) -> tuple[int, ...] | None:
        """Return indices of the links from node `source` to node `target`, or ``None`` if there is no way.

        The path has the fewest links; among those the links that serve the fewest pairs (a private link before a bus), then the widest,
        then the first in the file. It never leads through the DRAM.
        """
        return _path(self.links, source, target, without=self.dram_node)

    def memory_instances(self) -> tuple[tuple[str, tuple[tuple[int, Operand], ...]], ...]:
        """Return the physical top-level memories as (name, ((core index, operand), ...)), in order of first use.

        An operand of a core lives in the outermost memory that holds it; cores that share it name the same instance.
        """
        shared = {member: group.name for group in self.shared_memories for member in group.members}
        found: dict[str, list[tuple[int, Operand]]] = {}
        for index, slot in enumerate(self.cores):
            for operand in Operand:
                memory = slot.core.top_memory(operand)
                if memory is not None:
                    name = shared.get((index, memory.name), f"{slot.name}.{memory.name}")
                    found.setdefault(name, []).append((index, operand))
        return tuple((name, tuple(users)) for name, users in found.items())


@cache
def _path(links: tuple[Link, ...], source: int, target: int, without: int = -1) -> tuple[int, ...] | None:
    if source == target:
        return ()
    order = sorted(range(len(links)), key=lambda i: (len(links[i].connects), -links[i].bits_per_cycle, i))
    came: dict[int, tuple[int, int]] = {source: (-1, -1)}
    queue = deque([source])
    while queue:
        node = queue.popleft()
        if node == without and node != source:
            continue
        for index in order:
            for start, end in links[index].connects:
                if start == node and end not in came:
                    came[end] = (node, index)
                    queue.append(end)
    if target not in came:
        return None
    found: list[int] = []
    node = target
    while node != source:
        node, link = came[node]
        found.append(link)
    return tuple(reversed(found))
