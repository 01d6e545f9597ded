"""Which tile costs a problem can ever need, as a table for the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from stream_evo.mapping import resolve_dataflow
from stream_evo.schedule import _layout as at
from stream_evo.schedule._chip import Chip
from stream_evo.schedule._choices import Choices
from stream_evo.schedule._costs import TileBook, TileKey
from stream_evo.schedule._figures import TileFigures, operand_mask
from stream_evo.workload import Edge, Operand, Workload

__all__ = ["CostTables", "build_cost_tables", "core_kinds"]

_CORNERS, _MASKS = 4, 8
Widest = Callable[[int, Edge, int], tuple[tuple[int, int], tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class CostTables:
    """Costs of one problem.

    Attributes:
        figures: One entry per row; the first is a placeholder for what cannot occur.
        index: Per layer the row of each (parts, tile, core kind, dataflow, corner, mask), flattened in that order.
        dataflows: Dataflow choices per layer in `index`.
        classes: Core kinds in `index`.
    """

    figures: tuple[TileFigures, ...]
    index: tuple[tuple[int, ...], ...]
    dataflows: int
    classes: int

    def rows(self) -> list[int]:
        """Return the integer part of all figures."""
        found: list[int] = []
        for figures in self.figures:
            row = [0] * at.C_SIZE
            row[at.C_CYCLES], row[at.C_READ], row[at.C_WRITE] = figures.latency_cycles, figures.dram_read_bits, figures.dram_write_bits
            row[at.C_HELD : at.C_HELD + 3] = figures.held_bits
            row[at.C_MISSING], row[at.C_MASK] = figures.missing_bits, operand_mask(figures.streamed)
            found += row
        return found


def core_kinds(choices: Choices, book: TileBook) -> tuple[int, ...]:
    """Return per core a number that cores of one class share if they have the same choice of dataflows."""
    seen: dict[object, int] = {}
    return tuple(seen.setdefault(kind, len(seen)) for kind in zip(book.core_classes, choices.dataflows, strict=True))


def build_cost_tables(
    workload: Workload, chip: Chip, choices: Choices, book: TileBook, parts: Mapping[int, Sequence[int]], widest: Widest
) -> CostTables:
    """Compute every cost that some choice can need, in two batches: full tiles first, then the corners in the way the full tile runs."""
    cells = list(_cells(workload, chip, choices, book, parts, widest))
    book.prepare(key for _, key in cells)
    short = [key for _, key in cells if book.figures(key).missing_bits]
    book.prepare(replace(key, mask=mask) for key in short for mask in range(_MASKS))
    full = [(place, key, book.resolve(key)) for place, key in cells]
    corners = [
        (place, corner, key, replace(edge, mask=operand_mask(f.streamed)))
        for place, key, f in full
        for corner, edge in _corners(workload, key)
    ]
    book.prepare(key for *_, key in corners)
    flows, classes = max(map(len, choices.dataflows)), max(core_kinds(choices, book)) + 1
    # Should a combination be asked for that was thought impossible, it is a violation nobody overlooks, not a free tile.
    figures: dict[TileFigures, int] = {TileFigures(1, 0.0, 0.0, missing_bits=1 << 40): 0}
    index = [
        [0] * (len(parts[layer]) * len(choices.tiles[layer]) * classes * flows * _CORNERS * _MASKS) for layer in range(len(workload.layers))
    ]
    for (part, tile, kind, flow), corner, key, edge in corners:
        row = figures.setdefault(book.resolve(edge), len(figures))
        position = ((part * len(choices.tiles[key.layer]) + tile) * classes + kind) * flows + flow
        index[key.layer][(position * _CORNERS + corner) * _MASKS + key.mask] = row
    return CostTables(tuple(figures), tuple(tuple(row) for row in index), flows, classes)


def _corners(workload: Workload, key: TileKey) -> Iterator[tuple[int, TileKey]]:
    layer = workload.layers[key.layer]
    rows, columns = (layer.rows - 1) % key.rows + 1, (layer.columns - 1) % key.columns + 1
    for corner, (height, width) in enumerate(product((key.rows, rows), (key.columns, columns))):
        yield corner, replace(key, rows=height, columns=width)


def _cells(
    workload: Workload, chip: Chip, choices: Choices, book: TileBook, parts: Mapping[int, Sequence[int]], widest: Widest
) -> Iterator[tuple[tuple[int, int, int, int], TileKey]]:
    """Yield ((part option, tile option, core kind, dataflow choice), key of the full tile) for everything that can occur."""
    kinds = core_kinds(choices, book)
    for index, layer in enumerate(workload.layers):
        used = {(place.parts, kinds[core]): core for place in choices.placements[index] for core in place.cores}
        for tile, size in enumerate(choices.tiles[index]):
            for (count, kind), core in used.items():
                masks = _possible_masks(workload, chip, index, size.rows * size.columns, tile, count, core, widest)
                for flow, name in enumerate(choices.dataflows[core]):
                    chosen = resolve_dataflow(chip.accelerator.cores[core].core, layer, name).name
                    for mask in masks:
                        key = TileKey(index, count, size.rows, size.columns, book.core_classes[core], chosen, mask)
                        yield (parts[index].index(count), tile, kind, flow), key


def _possible_masks(workload: Workload, chip: Chip, index: int, area: int, tile: int, count: int, core: int, widest: Widest) -> list[int]:
    """Return the sets of operands that may have to be streamed, whatever the tile sizes of the producers."""
    layer = workload.layers[index]
    weights = layer.weight_bits // count
    output = layer.sizes.B * (layer.channels // count) * layer.bits.O_final * area
    ranges = {Operand.I: [0, 0], Operand.W: [weights, weights]}
    for edge in layer.edges:
        (low_rows, high_rows), (low_columns, high_columns) = widest(index, edge, tile)
        low, high = _unit_bits(workload, edge)
        ranges[edge.operand][0] += low_rows * low_columns * low
        ranges[edge.operand][1] += high_rows * high_columns * high
    needs = (ranges[Operand.I], ranges[Operand.W], [output, output])
    return [mask for mask in range(_MASKS) if _is_possible(mask, needs, chip.core_memories[core], chip.capacities)]


def _is_possible(mask: int, needs: Sequence[Sequence[int]], memories: Sequence[int], capacities: Sequence[int]) -> bool:
    """Return False if `choose_streamed` gives `mask` for no needs between their (least, most) values.

    In each memory the least needs of what stays must fit, and what is streamed must not fit beside the most that stays.
    """
    stay: dict[int, list[int]] = {}
    for position, memory in enumerate(memories):
        least, most = needs[position] if not mask >> position & 1 else (0, 0)
        total = stay.setdefault(memory, [0, 0])
        total[0], total[1] = total[0] + least, total[1] + most
    if any(memory >= 0 and least > capacities[memory] for memory, (least, _) in stay.items()):
        return False
    streamed = [position for position in range(3) if mask >> position & 1]
    return all(memories[p] >= 0 and needs[p][1] + stay[memories[p]][1] > capacities[memories[p]] for p in streamed)


def _unit_bits(workload: Workload, edge: Edge) -> tuple[int, int]:
    """Return bounds of the bits that a K-part reads of one position of a producer: it may read no channel, or all."""
    if edge.producer < 0:
        source = workload.inputs[-1 - edge.producer]
        whole = source.batch * source.channels * source.bits
    else:
        producer = workload.layers[edge.producer]
        whole = producer.sizes.B * producer.channels * producer.bits.O_final
    return whole if edge.channels.source is None else 0, whole
