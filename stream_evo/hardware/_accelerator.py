"""An accelerator: cores, the memories they share, the links between them, and one DRAM."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stream_evo._html import card, text_table
from stream_evo.hardware._core import Core
from stream_evo.workload import Operand

__all__ = ["Accelerator", "CoreSlot", "Dram", "Link", "SharedMemory", "WeightLoad", "reachable"]


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

    Example:
        >>> chip = stream_evo.load_hardware("heterogeneous_quad")
        >>> [slot.core.name for slot in chip.cores]
        ['c16_k16', 'c16_k16', 'ox16_k16', 'ox28_fx3_fy3', 'exploration_pooling', 'exploration_simd']
        >>> chip.dram_node == len(chip.cores)
        True
    """

    name: str
    cores: tuple[CoreSlot, ...]
    dram: Dram
    links: tuple[Link, ...]
    shared_memories: tuple[SharedMemory, ...] = ()
    dma_channels: int = 1
    weight_load: WeightLoad = WeightLoad.BEFORE_START
    # Shortest ways from the nodes asked for so far: they are the same whenever they are found, so they are no part of the value.
    _ways: dict[int, Mapping[int, tuple[int, ...]]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.cores:
            raise ValueError(f"accelerator {self.name}: it needs at least one core")
        if self.dma_channels not in (1, 2):
            raise ValueError(f"accelerator {self.name}: dma_channels must be 1 or 2")
        names = [slot.name for slot in self.cores] + [self.dram.name]
        if len(set(names)) != len(names) or len({link.name for link in self.links}) != len(self.links):
            raise ValueError(f"accelerator {self.name}: names of cores and DRAM, and of links, must be unique")
        nodes = range(len(names))
        if any(end not in nodes for link in self.links for pair in link.connects for end in pair):
            raise ValueError(f"accelerator {self.name}: a link ends at a node that does not exist")
        both_ways = reachable(self.links, self.dram_node) & reachable(self.links, self.dram_node, backwards=True)
        for index, slot in enumerate(self.cores):
            if index not in both_ways:
                raise ValueError(f"accelerator {self.name}: no links join core {slot.name} and the DRAM in both directions")
        for shared in self.shared_memories:
            for core, memory in shared.members:
                if not any(m.name == memory for m in self.cores[core].core.memories):
                    raise ValueError(f"accelerator {self.name}: core {core} has no memory {memory} to share")
            sizes = {m.size_bits for core, name in shared.members for m in self.cores[core].core.memories if m.name == name}
            if len(sizes) > 1:
                raise ValueError(
                    f"accelerator {self.name}: the memories that share {shared.name} must have one size, not {sorted(sizes)} bits"
                )

    @property
    def dram_node(self) -> int:
        """Node index of the DRAM."""
        return len(self.cores)

    def path(self, source: int, target: int) -> tuple[int, ...] | None:
        """Return indices of the links from node `source` to node `target`, or ``None`` if there is no way.

        The path has the fewest links; among those, its links serve the fewest pairs of nodes (a private link before a bus), then take the
        fewest cycles per bit, then come first in `links`. It never leads through the DRAM.
        """
        if source not in self._ways:
            self._ways[source] = _ways_from(self.links, source, barrier=self.dram_node)
        return self._ways[source].get(target)

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

    def alike_cores(self) -> tuple[tuple[int, ...], ...]:
        """Return the groups of cores that can change places: of one kind, at the same ends of links and shared memories; ascending.

        Names do not count. In a mesh the ways between others count as well: of two that are equally long one is taken, so the cores on them
        are not alike.
        """
        groups: list[list[int]] = []
        kinds: dict[object, int] = {}
        unchanged = self._kinds_of_links({}, kinds)
        for index, slot in enumerate(self.cores):
            for group in groups:
                moved = {group[0]: index, index: group[0]}
                if self.cores[group[0]].core == slot.core and self._looks_alike(moved, unchanged, self._kinds_of_links(moved, kinds)):
                    group.append(index)
                    break
            else:
                groups.append([index])
        return tuple(tuple(group) for group in groups if len(group) > 1)

    def _kinds_of_links(self, moved: Mapping[int, int], kinds: dict[object, int]) -> list[int]:
        """Return a number for what each link is without its name, with some cores in the places of others; equal links, equal numbers."""
        found = []
        for link in self.links:
            ends = frozenset((moved.get(source, source), moved.get(target, target)) for source, target in link.connects)
            found.append(kinds.setdefault((link.bits_per_cycle, link.pj_per_bit, ends), len(kinds)))
        return found

    def _looks_alike(self, moved: Mapping[int, int], unchanged: list[int], links: list[int]) -> bool:
        """Return whether links, shared memories and ways are the same with some cores in the places of others."""
        shared = Counter(frozenset(group.members) for group in self.shared_memories)
        exchanged = Counter(frozenset((moved.get(core, core), name) for core, name in group.members) for group in self.shared_memories)
        if sorted(links) != sorted(unchanged) or shared != exchanged:
            return False
        for source, target in itertools.permutations(range(len(self.cores) + 1), 2):
            way, other = self.path(source, target), self.path(moved.get(source, source), moved.get(target, target))
            if [links[link] for link in way or ()] != [unchanged[link] for link in other or ()]:
                return False
        return True

    def _repr_html_(self) -> str:
        columns = ("core", "kind", "array", "on-core memory", "runs")
        rows = [
            (
                slot.name,
                slot.core.name,
                " x ".join(str(dimension.size) for dimension in slot.core.array),
                f"{sum(memory.size_bits for memory in slot.core.memories) // 8:,} bytes",
                ", ".join(slot.core.operators),
            )
            for slot in self.cores
        ]
        links = [(link.name, len(link.connects), link.bits_per_cycle, link.pj_per_bit) for link in self.links]
        columns_of_links = ("link", "ways", "bits per cycle", "pJ per bit")
        return card(
            f"{self.name}: {len(self.cores)} cores, {self.dram.name} of {self.dram.bits_per_cycle} bits per cycle",
            text_table(columns, rows, numeric=("on-core memory",)),
            text_table(columns_of_links, links, numeric=columns_of_links[1:], most=12),
        )


def reachable(links: tuple[Link, ...], node: int, *, backwards: bool = False) -> set[int]:
    """Return the nodes that data from `node` can reach over `links`; with `backwards`, those whose data can reach `node`."""
    following: dict[int, set[int]] = {}
    for link in links:
        for start, end in link.connects:
            following.setdefault(end if backwards else start, set()).add(start if backwards else end)
    found, frontier = {node}, {node}
    while frontier:
        frontier = set().union(*(following.get(reached, set()) for reached in frontier)) - found
        found |= frontier
    return found


def _ways_from(links: tuple[Link, ...], source: int, barrier: int) -> dict[int, tuple[int, ...]]:
    """Return the best way from `source` to every node it reaches without passing `barrier`, as link indices (Dijkstra).

    Every part of the cost adds up along a way, so that the best way to a node extends the best way to the node before.
    """
    hops: dict[int, list[tuple[int, int]]] = {}
    for index, link in enumerate(links):
        for start, end in link.connects:
            hops.setdefault(start, []).append((end, index))
    best: dict[int, tuple[int, ...]] = {}
    queue: list[tuple[int, int, float, tuple[int, ...], int]] = [(0, 0, 0.0, (), source)]
    while queue:
        length, pairs, cycles_per_bit, way, node = heapq.heappop(queue)
        if node in best:
            continue
        best[node] = way
        if node == barrier and node != source:
            continue
        for end, index in hops.get(node, ()):
            if end not in best:
                link = links[index]
                cost = (length + 1, pairs + len(link.connects), cycles_per_bit + 1 / link.bits_per_cycle)
                heapq.heappush(queue, (*cost, (*way, index), end))
    return best
