"""A mapping: every decision about how a network runs on a chip, with names."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

from stream_evo._html import card, facts, text_table
from stream_evo._yaml import near_matches
from stream_evo.errors import Fault
from stream_evo.hardware import Accelerator, Core, Dataflow
from stream_evo.workload import Layer, Operand, OperatorKind, Workload

__all__ = [
    "PRIORITIES",
    "LayerMapping",
    "Mapping",
    "Priority",
    "can_run",
    "check_flows",
    "check_layer",
    "check_layer_names",
    "check_mapping",
    "default_dataflow",
    "missing_operand",
    "part_core",
    "resolve_dataflow",
    "splittable_channels",
    "why_not",
]


class Priority(StrEnum):
    """Which candidate tile the scheduler takes first.

    ``memory``: earliest stack, then deepest layer, then highest tile: data are used up soon.
    ``latency``: the tile whose data are ready first.
    """

    MEMORY = "memory"
    LATENCY = "latency"


PRIORITIES = (Priority.MEMORY, Priority.LATENCY)
"""By gene value."""


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

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> mapping = result[0].mapping
        >>> mapping.layers[0].layer, mapping.layers[0].stack
        ('conv1', 0)
    """

    network: str
    accelerator: str
    layers: tuple[LayerMapping, ...]
    dataflows: MappingABC[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    priority: Priority = Priority.MEMORY

    def __post_init__(self) -> None:
        stacks = [layer.stack for layer in self.layers]
        if any(later - earlier not in (0, 1) for earlier, later in pairwise([0, *stacks])) or stacks[:1] not in ([], [0]):
            raise ValueError("stacks must be numbered 0, 1, 2, ... in layer order, without gaps")
        object.__setattr__(self, "dataflows", MappingProxyType(dict(self.dataflows)))

    def __reduce__(self) -> tuple[type[Mapping], tuple[object, ...]]:
        # A mapping proxy can neither be copied deeply nor sent to another process.
        return Mapping, (self.network, self.accelerator, self.layers, dict(self.dataflows), self.priority)

    def _repr_html_(self) -> str:
        columns = ("layer", "cores", "tile", "parts", "stack")
        rows = [
            (entry.layer, " ".join(entry.cores), f"{entry.tile_rows} x {entry.tile_columns}", entry.parts, entry.stack)
            for entry in self.layers
        ]
        flows = ", ".join(f"{core} {flow}" for core, flow in self.dataflows.items())
        return card(
            f"{self.network} on {self.accelerator}: {len(self.layers)} layers in {1 + self.layers[-1].stack if self.layers else 0} stacks",
            text_table(columns, rows, numeric=columns[2:]),
            facts({"dataflows": flows, "priority": self.priority}) if flows else "",
        )


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

    A depthwise layer takes the core's depthwise dataflow if there is one; a dataflow that is not offered for the layer's kind gives way to
    the first that is.

    Raises:
        KeyError: the core has no dataflow called `chosen`.
    """
    flow = core.dataflow(chosen) if chosen is not None else default_dataflow(core)
    if is_depthwise(layer):
        special = next((flow for flow in core.dataflows if flow.depthwise_only), None)
        if special is not None:
            return special
    if flow.operators and layer.kind not in flow.operators:
        offered = [f for f in core.dataflows if not f.depthwise_only and (not f.operators or layer.kind in f.operators)]
        return offered[0] if offered else flow
    return flow


def can_run(core: Core, layer: Layer) -> bool:
    """Return True if `core` runs layers of this kind and has a memory for each of its operands."""
    return layer.kind in core.operators and not missing_operand(core, layer)


def missing_operand(core: Core, layer: Layer) -> str:
    """Return the operand of a layer that `core` has no memory for, with what it is to the layer; empty if there is none."""
    needs_second = layer.kind in (OperatorKind.CONV, OperatorKind.GEMM) or layer.has_two_inputs
    if not needs_second or core.top_memory(Operand.W) is not None:
        return ""
    return f"{Operand.W}, {'its second operand' if layer.has_two_inputs else 'its weights'}"


def why_not(name: str, core: Core, layer: Layer) -> str:
    """Return that the core called `name` cannot run a layer, and why where it runs others of its kind."""
    missing = missing_operand(core, layer) if layer.kind in core.operators else ""
    reason = f": it has no memory for {missing}" if missing else ""
    return f"core {name!r} cannot run this {layer.kind} layer{reason}"


def splittable_channels(layer: Layer) -> int:
    """Return the loop size that K-parts divide: G where there are groups, else K; 1 where a split makes no sense."""
    if not layer.constant_weights:
        return 1
    return layer.sizes.G if layer.sizes.G > 1 else layer.sizes.K


def check_mapping(mapping: Mapping, workload: Workload, accelerator: Accelerator | None) -> list[Fault]:
    """Return everything in which `mapping` does not fit `workload` and `accelerator`; paths are those of a mapping file.

    Without an accelerator only what the network tells is checked.
    """
    names = [("network", workload.name, mapping.network)]
    if accelerator is not None:
        names.append(("accelerator", accelerator.name, mapping.accelerator))
    faults = [
        Fault(f"this mapping is for another {key}", f"$.{key}", expected=expected, found=found)
        for key, expected, found in names
        if expected != found
    ]
    if faults:  # the rest would only repeat it once per layer
        return faults
    faults += check_layer_names([entry.layer for entry in mapping.layers], workload)
    layers = {layer.name: layer for layer in workload.layers}
    cores = None if accelerator is None else {slot.name: slot.core for slot in accelerator.cores}
    for entry in mapping.layers:
        if entry.layer in layers:
            faults += check_layer(layers[entry.layer], entry.cores, (entry.tile_rows, entry.tile_columns), entry.parts, cores)
    return faults if cores is None else faults + check_flows(mapping.dataflows, cores)


def check_flows(flows: MappingABC[str, str], cores: MappingABC[str, Core]) -> list[Fault]:
    """Return a fault for every core in `flows` that is none of `cores`, and for every dataflow that its core does not have."""
    faults = []
    for name, flow in flows.items():
        if name not in cores:
            faults.append(Fault(f"no core is called {name!r}", f"$.dataflows.{name}", hint=near_matches(name, list(cores))))
        elif all(known.name != flow for known in cores[name].dataflows):
            known_flows = [known.name for known in cores[name].dataflows]
            faults.append(Fault(f"core {name!r} has no dataflow {flow!r}", f"$.dataflows.{name}", hint=near_matches(flow, known_flows)))
    return faults


def check_layer_names(names: Sequence[str], workload: Workload) -> list[Fault]:
    """Return a fault for every unknown, double or missing name, or one if only the order of `names` is not the network's."""
    known = [layer.name for layer in workload.layers]
    faults = [
        Fault(f"{workload.name} has no layer {name!r}", f"$.layers.{name}", hint=near_matches(name, known))
        for name in names
        if name not in known
    ]
    faults += [Fault(f"layer {name!r} is listed twice", "$.layers") for name in dict.fromkeys(names) if names.count(name) > 1]
    missing = [name for name in known if name not in names]
    if missing:
        faults.append(Fault(f"{len(missing)} of {len(known)} layers are missing: {', '.join(missing)}", "$.layers"))
    if not faults and list(names) != known:
        faults.append(Fault("the layers are not in the order of the network", "$.layers", expected=", ".join(known)))
    return faults


def check_layer(layer: Layer, on: Sequence[str], tile: tuple[int, int], parts: int, cores: MappingABC[str, Core] | None) -> list[Fault]:
    """Return everything in which a layer's mapping does not fit it: the cores it is `on`, the rows and columns of its `tile`, its `parts`.

    `cores` are those of the accelerator, ``None`` to check only what the network tells.
    """
    path = f"$.layers.{layer.name}"
    faults = [] if cores is None else _check_cores(on, layer, cores, f"{path}.cores")
    channels = splittable_channels(layer)
    if channels % parts:
        what, expected = f"parts must divide the {channels} output channels", f"a divisor of {channels}"
        if channels == 1:
            what, expected = "this layer cannot be cut in parts", "1"
        faults.append(Fault(what, f"{path}.parts", expected=expected, found=str(parts)))
    for key, size, extent in zip(("tile_rows", "tile_columns"), tile, (layer.rows, layer.columns), strict=True):
        if size > extent:
            what = f"the tile exceeds the output of {layer.rows} x {layer.columns}"
            faults.append(Fault(what, f"{path}.{key}", expected=f"at most {extent}", found=str(size)))
    return faults


def _check_cores(on: Sequence[str], layer: Layer, cores: MappingABC[str, Core], path: str) -> list[Fault]:
    faults = []
    for name in on:
        if name not in cores:
            faults.append(Fault(f"no core is called {name!r}", path, hint=near_matches(name, list(cores))))
        elif not can_run(cores[name], layer):
            capable = ", ".join(other for other, core in cores.items() if can_run(core, layer)) or "none"
            faults.append(Fault(why_not(name, cores[name], layer), path, hint=f"Cores that can: {capable}"))
    return faults
