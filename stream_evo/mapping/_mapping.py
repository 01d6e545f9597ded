"""A mapping: every decision about how a network runs on a chip, with names."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from stream_evo.hardware import Accelerator, Core, Dataflow
from stream_evo.workload import Layer, OperatorKind, Workload

__all__ = ["LayerMapping", "Mapping", "Priority", "default_dataflow", "part_core", "resolve_dataflow", "splittable_channels"]


class Priority(StrEnum):
    """Which candidate tile the scheduler takes first.

    ``memory``: earliest stack, then deepest layer, then highest tile: data are used up soon. ``latency``: the tile whose data are ready first.
    """

    MEMORY = "memory"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class LayerMapping:
    """How one layer runs.

    Attributes:
        layer: Name of the layer.
        cores: Names of the cores that run it; K-part ``p`` runs on ``cores[p % len(cores)]``.
        tile_rows: Rows (OY) of a tile; the last tile may be smaller.
        tile_columns: Columns (OX) of a tile.
        parts: Number of K-parts: equal shares of the output channels, each with its own weights.
        stack: Number of the fused stack, ascending in layer order.
    """

    layer: str
    cores: tuple[str, ...]
    tile_rows: int
    tile_columns: int
    parts: int = 1
    stack: int = 0

    def __post_init__(self) -> None:
        if not self.cores or len(set(self.cores)) != len(self.cores):
            raise ValueError(f"layer {self.layer}: it needs at least one core, each named once")
        if min(self.tile_rows, self.tile_columns, self.parts) < 1 or self.stack < 0:
            raise ValueError(f"layer {self.layer}: tile sizes and parts must be at least 1, the stack at least 0")
        if self.parts < len(self.cores):
            raise ValueError(f"layer {self.layer}: {len(self.cores)} cores need at least as many parts, not {self.parts}")


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a whole network runs on an accelerator.

    Attributes:
        network: Name of the network.
        accelerator: Name of the accelerator.
        layers: One entry per layer, in the workload's order.
        dataflows: Chosen dataflow per core name; a core that is missing uses its first.
        priority: Scheduling priority.
    """

    network: str
    accelerator: str
    layers: tuple[LayerMapping, ...]
    dataflows: MappingABC[str, str] = field(default_factory=lambda: MappingProxyType({}))
    priority: Priority = Priority.MEMORY

    def __post_init__(self) -> None:
        stacks = [layer.stack for layer in self.layers]
        if any(b not in (a, a + 1) for a, b in zip(stacks, stacks[1:], strict=False)) or (stacks and stacks[0] != 0):
            raise ValueError("stacks must be numbered 0, 1, 2, ... in layer order, without gaps")
        object.__setattr__(self, "dataflows", MappingProxyType(dict(self.dataflows)))


def part_core(layer: LayerMapping, part: int) -> str:
    """Return the name of the core that runs K-part `part`."""
    return layer.cores[part % len(layer.cores)]


def is_depthwise(layer: Layer) -> bool:
    """Return True if every group has a single output channel and there are several groups."""
    return layer.kind is OperatorKind.CONV and layer.sizes.K == 1 and layer.sizes.G > 1


def default_dataflow(core: Core) -> Dataflow:
    """Return the dataflow a core runs when nothing else is chosen: its first that is not for depthwise layers only."""
    return next((flow for flow in core.dataflows if not flow.depthwise_only), core.dataflows[0])


def resolve_dataflow(core: Core, layer: Layer, chosen: str | None) -> Dataflow:
    """Return the dataflow in which `core` runs `layer` when `chosen` is its general dataflow.

    A depthwise layer takes the core's depthwise dataflow if there is one; a dataflow that is not offered for the layer's kind gives way to the first
    that is.
    """
    if is_depthwise(layer):
        special = next((flow for flow in core.dataflows if flow.depthwise_only), None)
        if special is not None:
            return special
    flow = core.dataflow(chosen) if chosen is not None else default_dataflow(core)
    if flow.operators and layer.kind not in flow.operators:
        offered = [f for f in core.dataflows if not f.depthwise_only and (not f.operators or layer.kind in f.operators)]
        return offered[0] if offered else flow
    return flow


def splittable_channels(layer: Layer) -> int:
    """Return the loop size that K-parts divide: G where there are groups, else K; 1 where a split makes no sense."""
    if not layer.constant_weights:
        return 1
    return layer.sizes.G if layer.sizes.G > 1 else layer.sizes.K


def check_mapping(mapping: Mapping, workload: Workload, accelerator: Accelerator) -> list[tuple[int, str]]:
    """Return (layer position, sentence) for everything in which `mapping` does not fit `workload` and `accelerator`."""
    faults: list[tuple[int, str]] = []
    if [entry.layer for entry in mapping.layers] != [layer.name for layer in workload.layers]:
        return [(-1, "the layers are not those of the network, in its order")]
    slots = {slot.name: slot.core for slot in accelerator.cores}
    for position, (entry, layer) in enumerate(zip(mapping.layers, workload.layers, strict=True)):
        for core in entry.cores:
            if core not in slots:
                faults.append((position, f"core {core!r} is not on the accelerator; its cores are {', '.join(slots)}"))
            elif layer.kind not in slots[core].operators:
                faults.append((position, f"core {core!r} cannot run {layer.kind} layers"))
        if entry.parts > 1 and splittable_channels(layer) % entry.parts:
            faults.append((position, f"{entry.parts} parts do not divide {splittable_channels(layer)} output channels"))
        if entry.tile_rows > layer.rows or entry.tile_columns > layer.columns:
            faults.append(
                (position, f"a tile of {entry.tile_rows} x {entry.tile_columns} exceeds the output of {layer.rows} x {layer.columns}")
            )
    for core, flow in mapping.dataflows.items():
        if core not in slots:
            faults.append((-1, f"core {core!r} of dataflows is not on the accelerator"))
        elif all(f.name != flow for f in slots[core].dataflows):
            known = ", ".join(f.name for f in slots[core].dataflows)
            faults.append((-1, f"core {core!r} has no dataflow {flow!r}; it has {known}"))
    return faults
