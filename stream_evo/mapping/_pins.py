"""Decisions a user fixes before the search."""

from __future__ import annotations

from dataclasses import dataclass

from stream_evo.errors import Fault
from stream_evo.mapping._mapping import Priority

__all__ = ["DataflowPin", "LayerPin", "Pins"]


@dataclass(frozen=True, slots=True)
class LayerPin:
    """What is fixed of one layer; ``None`` leaves a decision to the search.

    Attributes:
        layer: Name of the layer.
        cores: Names of its cores, in part order.
        tile_rows: Rows of a tile.
        tile_columns: Columns of a tile.
        cut_after: Whether a fused stack ends with this layer.
        stack: Number of its fused stack, counted from 0 at the first layer: how many cuts lie before it. Where they lie must follow from it
            and the other pins.
        parts: Number of K-parts. It follows from the cores; a number that they do not give is a fault.
        line: Line in the file, for messages.
    """

    layer: str
    cores: tuple[str, ...] | None = None
    tile_rows: int | None = None
    tile_columns: int | None = None
    cut_after: bool | None = None
    stack: int | None = None
    parts: int | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class DataflowPin:
    """The dataflow that is fixed for one core.

    Attributes:
        core: Name of the core.
        dataflow: Name of its dataflow.
        line: Line in the file, for messages.
    """

    core: str
    dataflow: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Pins:
    """All pinned decisions. What they name is checked when a `GenomeSpec` is made with them.

    Attributes:
        layers: Pinned layers.
        dataflows: Pinned dataflows.
        priority: Scheduling priority; ``None`` leaves it to its gene, or to the default (memory) where the genome has none.
        network: Network they were written for; empty if any.
        accelerator: Accelerator they were written for; empty if any.
        source: File they come from, for messages.
        faults: What could not be read in that file; it is reported together with what is wrong with the rest.
    """

    layers: tuple[LayerPin, ...] = ()
    dataflows: tuple[DataflowPin, ...] = ()
    priority: Priority | None = None
    network: str = ""
    accelerator: str = ""
    source: str = "pins"
    faults: tuple[Fault, ...] = ()
