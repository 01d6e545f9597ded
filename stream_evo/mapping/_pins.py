"""Decisions a user fixes before the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_evo.errors import Fault, InputError
from stream_evo.mapping._mapping import Priority
from stream_evo.typing import IntArray

if TYPE_CHECKING:
    from stream_evo.mapping._genome import GenomeSpec

__all__ = ["LayerPin", "Pins"]


@dataclass(frozen=True, slots=True)
class LayerPin:
    """What is fixed of one layer; ``None`` leaves a decision to the search.

    Attributes:
        layer: Name of the layer.
        cores: Names of its cores, in part order.
        tile_rows: Rows of a tile.
        tile_columns: Columns of a tile; by default those the tile size with `tile_rows` has.
        cut_after: Whether a fused stack ends with this layer.
        line: Line in the file, for messages.
    """

    layer: str
    cores: tuple[str, ...] | None = None
    tile_rows: int | None = None
    tile_columns: int | None = None
    cut_after: bool | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Pins:
    """All pinned decisions.

    Attributes:
        layers: Pinned layers.
        dataflows: (core, dataflow) pairs.
        priority: Scheduling priority where the genome has no gene for it.
        source: File they come from.
    """

    layers: tuple[LayerPin, ...] = ()
    dataflows: tuple[tuple[str, str], ...] = ()
    priority: Priority = Priority.MEMORY
    source: str = "pins"

    def narrow(self, spec: GenomeSpec, lower: IntArray, upper: IntArray) -> None:
        """Narrow the gene bounds `lower` and `upper`, shape ``(V,)``, to what is pinned.

        Raises:
            InputError: a pin names something that does not exist or is not on offer; all such pins are listed.
        """
        faults: list[Fault] = []
        for pin in self.layers:
            try:
                _narrow_layer(pin, spec, lower, upper)
            except ValueError as error:
                faults.append(Fault(str(error), path=f"$.layers.{pin.layer}", line=pin.line))
        for core, flow in self.dataflows:
            try:
                _narrow_dataflow(core, flow, spec, lower, upper)
            except ValueError as error:
                faults.append(Fault(str(error), path=f"$.dataflows.{core}"))
        if faults:
            raise InputError(self.source, faults)


def _narrow_layer(pin: LayerPin, spec: GenomeSpec, lower: IntArray, upper: IntArray) -> None:
    names = [layer.name for layer in spec.workload.layers]
    if pin.layer not in names:
        raise ValueError(f"the network has no layer {pin.layer!r}; its layers are {', '.join(names)}")
    index = names.index(pin.layer)
    if pin.cores is not None:
        choice, exponent = _spread_of(pin.cores, index, spec)
        _fix(lower, upper, spec.segments["allocation"].start + index, choice)
        if "split" in spec.segments:
            _fix(lower, upper, spec.segments["split"].start + index, exponent)
        elif exponent:
            raise ValueError("several cores need the genome option split")
    if pin.tile_rows is not None or pin.tile_columns is not None:
        fitting = [
            option
            for option, size in enumerate(spec.tiles[index])
            if pin.tile_rows in (None, size.rows) and pin.tile_columns in (None, size.columns)
        ]
        if not fitting:
            offered = ", ".join(f"{size.rows} x {size.columns}" for size in spec.tiles[index])
            raise ValueError(
                f"no tile of {pin.tile_rows or 'any'} rows x {pin.tile_columns or 'any'} columns is on offer; sizes: {offered}"
            )
        position = spec.segments["tile"].start + index
        lower[position], upper[position] = fitting[0], fitting[-1] if pin.tile_rows is None else fitting[0]
    if pin.cut_after is not None:
        if index == len(names) - 1:
            raise ValueError("the last layer has no cut after it")
        _fix(lower, upper, spec.segments["cut"].start + index, int(pin.cut_after))


def _spread_of(cores: tuple[str, ...], layer: int, spec: GenomeSpec) -> tuple[int, int]:
    """Return the allocation and split genes that put `layer` on `cores`."""
    for exponent in spec.ways[layer]:
        for choice in range(len(spec.capable[layer])):
            if tuple(spec.core_names[core] for core in spec.spread(layer, choice, exponent)[0]) == cores:
                return choice, exponent
    capable = ", ".join(spec.core_names[core] for core in spec.capable[layer])
    raise ValueError(f"it cannot run on {', '.join(cores)}; capable cores, in spreading order: {capable}")


def _narrow_dataflow(core: str, flow: str, spec: GenomeSpec, lower: IntArray, upper: IntArray) -> None:
    if core not in spec.core_names:
        raise ValueError(f"no core is called {core!r}; the cores are {', '.join(spec.core_names)}")
    index = spec.core_names.index(core)
    if flow not in spec.flows[index]:
        raise ValueError(f"core {core!r} has no dataflow {flow!r} to choose; it has {', '.join(spec.flows[index])}")
    choice = spec.flows[index].index(flow)
    if "dataflow" in spec.segments:
        _fix(lower, upper, spec.segments["dataflow"].start + index, choice)
    elif choice:
        raise ValueError("a dataflow other than the first needs the genome option dataflow")


def _fix(lower: IntArray, upper: IntArray, position: int, value: int) -> None:
    lower[position] = upper[position] = value
