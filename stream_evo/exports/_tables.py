"""A front, or the layers of one point, as a table whose columns know their units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from stream_evo.exports._front import Front, PointOfFront

__all__ = ["Cell", "Column", "Table", "front_table", "layer_table"]

Cell: TypeAlias = "int | float | str | list[int] | list[str]"

_METRIC_MEANING = {
    "latency_cycles": "cycles until the last tile or transfer has ended",
    "energy_pj": "energy of arrays, memories, links and DRAM",
    "memory_bytes": "peak over time of the activations held in all on-chip memories",
    "edp_pj_cycles": "energy times latency",
    "dram_bytes": "bytes read from and written to DRAM",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Name, with the unit as its last word where it has one.
        unit: Unit; empty for names and counts.
        meaning: What it holds.
        values: One cell per row, all of one type.
    """

    name: str
    unit: str
    meaning: str
    values: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length.

    Attributes:
        name: What a row is: ``points`` or ``layers``.
        columns: From left to right.

    Raises:
        ValueError: columns of different length.
    """

    name: str
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if len({len(column.values) for column in self.columns}) > 1:
            raise ValueError(f"table {self.name}: all columns must have the same length")

    def rows(self) -> list[tuple[Cell, ...]]:
        """Return the cells row by row."""
        return list(zip(*(column.values for column in self.columns), strict=True))


def front_table(front: Front) -> Table:
    """Return the front: number, metrics, mapping file and genome of each point."""
    columns = [Column("point", "", "number of the point, in order of latency", tuple(range(len(front))))]
    for index, name in enumerate(front.metric_names):
        meaning = _METRIC_MEANING.get(name, "an objective of the user's own")
        columns.append(Column(name, front.units[name], meaning, tuple(front.metrics[:, index].tolist())))
    columns.append(Column("mapping", "", "mapping file, relative to the folder of the run", tuple(front.mapping_files)))
    columns.append(Column("genome", "", "the mapping as integers", tuple(front.genomes.tolist())))
    return Table("points", tuple(columns))


def layer_table(point: PointOfFront) -> Table:
    """Return how each layer runs: decisions, times and energy."""
    layers, entries = point.workload.layers, point.mapping.layers
    runs: list[list[tuple[int, int]]] = [[] for _ in layers]
    for run in point.schedule.tiles:
        runs[run.layer].append((run.start_cycles, run.end_cycles))
    energy = point.energy.by_layer()
    columns = (
        Column("layer", "", "name of the layer", tuple(layer.name for layer in layers)),
        Column("operator", "", "operator of the graph", tuple(layer.operator for layer in layers)),
        Column("macs", "", "multiply-accumulates", tuple(layer.macs for layer in layers)),
        Column("weight_bytes", "bytes", "weights", tuple(layer.weight_bits / 8 for layer in layers)),
        Column("output_bytes", "bytes", "result", tuple(layer.output_bits / 8 for layer in layers)),
        Column("cores", "", "cores that run it, in the order of its K-parts", tuple(list(entry.cores) for entry in entries)),
        Column("tile_rows", "", "rows of a tile", tuple(entry.tile_rows for entry in entries)),
        Column("tile_columns", "", "columns of a tile", tuple(entry.tile_columns for entry in entries)),
        Column("parts", "", "shares of the output channels", tuple(entry.parts for entry in entries)),
        Column("stack", "", "number of the fused stack", tuple(entry.stack for entry in entries)),
        Column("tiles", "", "tiles that were run", tuple(len(times) for times in runs)),
        Column("start_cycles", "cycles", "start of its first tile", tuple(min(start for start, _ in times) for times in runs)),
        Column("end_cycles", "cycles", "end of its last tile", tuple(max(end for _, end in times) for times in runs)),
        Column("busy_cycles", "cycles", "cycles its tiles occupy cores", tuple(sum(end - start for start, end in times) for times in runs)),
        Column("energy_pj", "pJ", "energy of its tiles and of moving its data", tuple(energy.get(layer.name, 0.0) for layer in layers)),
    )
    return Table("layers", columns)
