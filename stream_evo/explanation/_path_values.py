"""What a critical path tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CriticalPath", "Hold", "PatternStep", "Step", "Stretch"]


class Hold(StrEnum):
    """How the end of one step of the critical path held up the next."""

    CORE = "core busy"
    PREDECESSOR = "result needed"
    OPERAND = "operand under way"
    DMA = "DMA queue"
    LINK = "link busy"
    MEMORY = "no room in memory"
    WEIGHTS = "weights first"
    FETCH_AHEAD = "one tile ahead"
    STREAMING = "operands streamed"
    FINISH = "end of the run"
    UNKNOWN = "not recorded"


@dataclass(frozen=True, slots=True)
class Step:
    """One tile or transfer of the critical path.

    Attributes:
        activity: ``compute``, or why data move.
        layer: Layer that runs or whose data move; the name of an input of the network for its pieces.
        part: K-part.
        tile: Tile that runs or moves; -1 for weights.
        core: Core of a tile; empty for a transfer.
        route: Names of the nodes a transfer goes from and to; empty for a tile.
        links: Names of the links a transfer occupies.
        start_cycles: Start.
        end_cycles: End; the next step starts there.
        holds: How this end held up the next step.
    """

    activity: str
    layer: str
    part: int
    tile: int
    core: str
    route: tuple[str, ...]
    links: tuple[str, ...]
    start_cycles: int
    end_cycles: int
    holds: Hold

    @property
    def cycles(self) -> int:
        """Length."""
        return self.end_cycles - self.start_cycles

    @property
    def place(self) -> str:
        """The core, or the way between nodes."""
        return self.core or " -> ".join(self.route)


@dataclass(frozen=True, slots=True)
class PatternStep:
    """Steps that are alike in all but their K-part and tile, at one position of a repeated pattern.

    Attributes:
        activity: As in `Step`.
        layer: As in `Step`.
        place: The core, or the way between nodes.
        holds: As in `Step`.
        first_tile: Tile of the first of them.
        last_tile: Tile of the last.
        parts: Number of different K-parts among them.
        cycles: Sum of their lengths.
    """

    activity: str
    layer: str
    place: str
    holds: Hold
    first_tile: int
    last_tile: int
    parts: int
    cycles: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A pattern of steps that repeats without a gap.

    Attributes:
        pattern: The steps, in order of time.
        repeats: How often it comes.
        start_cycles: Start of the first step.
        end_cycles: End of the last.
    """

    pattern: tuple[PatternStep, ...]
    repeats: int
    start_cycles: int
    end_cycles: int

    @property
    def cycles(self) -> int:
        """Length."""
        return self.end_cycles - self.start_cycles


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """A chain of tiles and transfers from cycle 0 to the latency, each of which starts when the one before lets it.

    Where a step waited for several things until the same cycle, one is named: for a tile the first of its core, an operand, a predecessor,
    the weights of all cores, room in memory; for a transfer the first of its data, the DMA queue, a link, the tile it may be fetched one
    ahead of, room in memory.

    Attributes:
        steps: In order of time, without gaps.
        chain: The same, with repetitions taken together.
        cycles_by_activity: What the cycles are spent on; computing is divided as the cost model divides it.
        cycles_by_hold: What the cycles held up.
        cycles_by_core: Cycles in tiles of each core.
        cycles_by_link: Cycles in transfers over each link; a transfer over two links counts for both.
        cycles_by_layer: Cycles in tiles and data of each layer.
        core_busy_cycles: Cycles in which each core runs tiles, on the path or not.
        link_busy_cycles: Cycles in which each link carries data, on the path or not.
    """

    steps: tuple[Step, ...]
    chain: tuple[Stretch, ...]
    cycles_by_activity: Mapping[str, int]
    cycles_by_hold: Mapping[str, int]
    cycles_by_core: Mapping[str, int]
    cycles_by_link: Mapping[str, int]
    cycles_by_layer: Mapping[str, int]
    core_busy_cycles: Mapping[str, int]
    link_busy_cycles: Mapping[str, int]

    @property
    def latency_cycles(self) -> int:
        """Length of the path: the latency."""
        return self.steps[-1].end_cycles if self.steps else 0

    @property
    def binding_core(self) -> str:
        """Core with most cycles on the path; empty if no core has any."""
        return max(self.cycles_by_core, key=lambda name: self.cycles_by_core[name], default="")

    @property
    def binding_link(self) -> str:
        """Link with most cycles on the path; empty if no link has any."""
        return max(self.cycles_by_link, key=lambda name: self.cycles_by_link[name], default="")
