"""Running a chip, and finding out where its cycles go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stream_evo.cost import evaluate_tiles
from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping
from stream_evo.schedule import (
    Chip,
    Schedule,
    Simulator,
    TileBook,
    TileFigures,
    TileRun,
    Transfer,
    build_tables,
    choices_of_mapping,
    decisions_of_mapping,
)
from stream_evo.schedule._costs import TileKey
from stream_evo.schedule._figures import streamed_of
from stream_evo.workload import Workload

__all__ = ["CoreTime", "GivenRuntimes", "accuracy", "busiest_core", "computing_cycles", "simulator_of"]


@dataclass
class GivenRuntimes(TileBook):
    """Tiles of layer ``l`` take ``cycles[l]`` cycles and no energy: the cost model is not asked."""

    cycles: Sequence[int] = field(default=())

    def prepare(self, keys: Iterable[TileKey]) -> None:
        """Know everything already."""

    def figures(self, key: TileKey) -> TileFigures:
        """Return the given runtime."""
        return TileFigures(self.cycles[key.layer], 0.0, 0.0, streamed=streamed_of(key.mask))


def simulator_of(workload: Workload, accelerator: Accelerator, mapping: Mapping, book: TileBook) -> Simulator:
    """Return the compiled scheduler with the tables of one mapping."""
    chip = Chip(accelerator)
    return Simulator(build_tables(workload, chip, choices_of_mapping(mapping, accelerator), book), chip)


def traced(workload: Workload, accelerator: Accelerator, mapping: Mapping, book: TileBook) -> Schedule:
    """Return the schedule of one mapping with everything that happens in it."""
    return simulator_of(workload, accelerator, mapping, book).trace(decisions_of_mapping(workload, accelerator, mapping)[0])


def computing_cycles(mapping: Mapping, accelerator: Accelerator, book: TileBook) -> list[int]:
    """Return the cycles that the array computes for a full tile of each layer, as the cost model has them."""
    names = [slot.name for slot in accelerator.cores]
    requests = []
    for index, entry in enumerate(mapping.layers):
        core = names.index(entry.cores[0])
        flow = mapping.dataflows.get(entry.cores[0]) or accelerator.cores[core].core.dataflows[0].name
        key = TileKey(index, entry.parts, entry.tile_rows, entry.tile_columns, book.core_classes[core], flow, 0)
        requests.append(book._request(key))
    return [int(cycles) for cycles in evaluate_tiles(requests, book.goal).temporal_cycles]


def accuracy(cycles: float, measured: float) -> float:
    """Return agreement with silicon in percent: ``100 (1 - |1 - model / measured|)``."""
    return 100.0 * (1.0 - abs(1.0 - cycles / measured))


@dataclass(frozen=True, slots=True)
class CoreTime:
    """What one core does from the first cycle to the last; the parts add up to the latency.

    Attributes:
        core: Name.
        compute_cycles: Steps of its array.
        stall_cycles: Rest of the runtimes of its tiles: ports, first fill, last drain.
        predecessor_cycles: Waiting for tiles on other cores, or for the end of the network on them.
        dram_cycles: Waiting for transfers from or to DRAM, also before the first tile and after the last.
        link_cycles: Waiting for transfers from other cores.
        space_cycles: Waiting for room in a memory.
    """

    core: str
    compute_cycles: int
    stall_cycles: int
    predecessor_cycles: int
    dram_cycles: int
    link_cycles: int
    space_cycles: int


def busiest_core(schedule: Schedule, accelerator: Accelerator, compute: Sequence[int]) -> CoreTime:
    """Return where the cycles of the core go whose tiles take longest.

    Until the first tile of the chip starts, all cores wait for weights and input. Then, before each tile, a core waits for its predecessors
    (until `TileRun.ready_cycles`), then for the operand that arrives last; what is left is waiting for space. After its last tile it waits
    for the other cores, and when nothing runs any more for the last write.

    Args:
        schedule: A recorded schedule.
        accelerator: The chip it ran on.
        compute: Cycles a tile of each layer computes.
    """
    busy: dict[int, int] = defaultdict(int)
    for tile in schedule.tiles:
        busy[tile.core] += tile.end_cycles - tile.start_cycles
    core = max(busy, key=lambda index: busy[index])
    tiles = [tile for tile in schedule.tiles if tile.core == core]
    dram = len(accelerator.cores)
    arrivals = _arrivals(schedule.transfers, core)
    free = min(tile.start_cycles for tile in schedule.tiles)
    waits = {"predecessor": 0, "dram": free, "link": 0, "space": 0}
    for tile in tiles:
        waits["predecessor"] += max(0, min(tile.ready_cycles, tile.start_cycles) - free)
        waits[_cause(tile, arrivals, dram)] += tile.start_cycles - max(free, min(tile.ready_cycles, tile.start_cycles))
        free = tile.end_cycles
    others = max(tile.end_cycles for tile in schedule.tiles)
    waits["predecessor"] += others - free
    waits["dram"] += schedule.totals.latency_cycles - others
    computing = sum(compute[tile.layer] for tile in tiles)
    return CoreTime(
        accelerator.cores[core].name,
        computing,
        busy[core] - computing,
        waits["predecessor"],
        waits["dram"],
        waits["link"],
        waits["space"],
    )


def _arrivals(transfers: Iterable[Transfer], core: int) -> dict[int, int]:
    """Return the node that each transfer to `core` came from, by the time of its arrival."""
    return {move.end_cycles: move.source for move in transfers if move.target == core}


def _cause(tile: TileRun, arrivals: dict[int, int], dram: int) -> str:
    """Return what a tile whose predecessors are done still waited for: its last operand, or else space."""
    source = arrivals.get(tile.start_cycles)
    if source is None:
        return "space"
    return "dram" if source == dram else "link"
