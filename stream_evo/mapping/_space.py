"""The choices that the genome ranges over: capable cores, tile sizes, K-parts, dataflows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator, Core
from stream_evo.mapping._mapping import can_run, missing_operand, splittable_channels
from stream_evo.workload import Layer, Operand, Workload

__all__ = [
    "MOST_TILES",
    "GenomeOptions",
    "TileSize",
    "capable_cores",
    "default_tiles",
    "fewest_parts",
    "parts_for",
    "tile_sizes",
    "weight_room_bits",
]

MOST_TILES = 2**17
"""Tiles of one layer, K-parts included, beyond which no finer tile size is on offer."""

_COLUMN_STEPS = 2
_FEWEST_COLUMNS_TO_CUT = 32


@dataclass(frozen=True, slots=True)
class GenomeOptions:
    """Which optional parts a genome has.

    Attributes:
        split: A gene per layer that spreads its K-parts over 1, 2, 4, ... cores.
        dataflow: A gene per core that chooses among its dataflows.
        priority: One gene that chooses the scheduling priority.
        forbidden_cores: Names of cores that may run nothing.
    """

    split: bool = False
    dataflow: bool = False
    priority: bool = False
    forbidden_cores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class TileSize:
    """Extent of a full tile."""

    rows: int
    columns: int


def tile_sizes(layer: Layer, most_tiles: int = MOST_TILES) -> tuple[TileSize, ...]:
    """Return the tile sizes on offer for `layer`, coarsest first: the whole map, rows halved down to one, then columns halved twice.

    Halving rounds up, so neighbouring options differ by a factor of about two whatever the extent. Sizes that cut the map into more than
    `most_tiles` are left out, except for the whole map.
    """
    sizes = [TileSize(layer.rows, layer.columns)]
    rows = layer.rows
    while rows > 1:
        rows = (rows + 1) // 2
        sizes.append(TileSize(rows, layer.columns))
    columns = layer.columns
    for _ in range(_COLUMN_STEPS):
        if columns < _FEWEST_COLUMNS_TO_CUT:
            break
        columns = (columns + 1) // 2
        sizes.append(TileSize(1, columns))
    return tuple(
        size for size in sizes if size == sizes[0] or -(-layer.rows // size.rows) * -(-layer.columns // size.columns) <= most_tiles
    )


def default_tiles(workload: Workload, accelerator: Accelerator, capable: Sequence[Sequence[int]]) -> tuple[tuple[TileSize, ...], ...]:
    """Return the tile sizes on offer for each layer; none cuts a layer into more than `MOST_TILES` tiles of all its K-parts together.

    That limit is met only where a weight memory holds no more than a few output channels of a layer with many rows. Beyond it a single
    mapping of a network would take gigabytes of memory to schedule.
    """
    found = []
    for layer, cores in zip(workload.layers, capable, strict=True):
        parts = max(parts_for(layer, (core,), accelerator) for core in cores)
        found.append(tile_sizes(layer, MOST_TILES // max(parts, 1)))
    return tuple(found)


def capable_cores(workload: Workload, accelerator: Accelerator, options: GenomeOptions) -> tuple[tuple[int, ...], ...]:
    """Return, per layer, the indices of the cores that can run it.

    Raises:
        InputError: some layers have no such core; all of them are listed.
    """
    found = []
    faults = []
    for layer in workload.layers:
        cores = tuple(
            index for index, slot in enumerate(accelerator.cores) if slot.name not in options.forbidden_cores and can_run(slot.core, layer)
        )
        if not cores:
            faults.append(_no_core(layer, accelerator))
        found.append(cores)
    if faults:
        raise InputError(f"{workload.name} on {accelerator.name}", faults)
    return tuple(found)


def _no_core(layer: Layer, accelerator: Accelerator) -> Fault:
    """Return the fault that no core may run `layer`: those that could are forbidden, or lack a memory, or none runs layers of its kind."""
    needed = f"layer {layer.name} ({layer.operator}) needs a core that runs {layer.kind} layers"
    forbidden = [slot.name for slot in accelerator.cores if can_run(slot.core, layer)]
    if forbidden:
        return Fault(f"{needed}; none may", hint=f"Allow {' or '.join(forbidden)}, which could and is forbidden")
    missing = {slot.name: missing_operand(slot.core, layer) for slot in accelerator.cores if layer.kind in slot.core.operators}
    if missing:
        operand = next(iter(missing.values()))
        what = f"{needed} and has a memory for {operand}; {', '.join(missing)} {'runs' if len(missing) == 1 else 'run'} them without one"
        return Fault(what, hint=f"Add {operand.partition(',')[0]} to the operands of a memory of {' or '.join(missing)}")
    runs = "; ".join(f"{slot.name}: {', '.join(slot.core.operators)}" for slot in accelerator.cores)
    return Fault(f"{needed}; none may", hint=f"The cores run: {runs}")


def parts_for(layer: Layer, cores: tuple[int, ...], accelerator: Accelerator) -> int:
    """Return the number of K-parts of `layer` when spread over `cores`, or 0 if it cannot be spread over so many.

    Parts are as few as possible so that the number of cores divides them, they divide the channels, and their weights fit the weight
    memory of each core: all of it if it holds weights only, half of it if activations live there too. A single part per core may fill that
    room; of several, two must fit, so that the weights of the next load while one computes. On ResNet-18 and the heterogeneous quad this
    lowers the best energy-delay product found by an eighth against parts that fill the room.
    """
    rooms = [weight_room_bits(accelerator.cores[core].core) for core in cores]
    return fewest_parts(splittable_channels(layer), len(cores), layer.weight_bits, min(rooms, default=0))


@lru_cache(maxsize=4096)  # asked for each layer, core and way of spreading, but networks and chips repeat themselves
def fewest_parts(channels: int, cores: int, weight_bits: int, room_bits: int) -> int:
    """Return the least multiple of `cores` that divides `channels` and lets parts fit `room_bits`, two at a time; see `parts_for`."""
    if channels % cores:
        return 0
    needed = -(-weight_bits // max(room_bits, 1))
    if needed > cores:  # several parts take turns on a core
        needed = -(-2 * weight_bits // max(room_bits, 1))
    return next((d for d in range(cores, channels + 1, cores) if channels % d == 0 and d >= needed), channels)


def weight_room_bits(core: Core) -> int:
    """Return the bits of a core's weight memory that one K-part may fill; see `parts_for`."""
    memory = core.top_memory(Operand.W)
    if memory is None:
        return 0
    alone = all(core.top_memory(operand) is not memory for operand in (Operand.I, Operand.O))
    return memory.size_bits if alone else memory.size_bits // 2
