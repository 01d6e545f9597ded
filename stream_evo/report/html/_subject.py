"""Network, chip and mappings as plain data for the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping as NetworkMapping
from stream_evo.mapping import mapping_to_yaml
from stream_evo.report.html._graph import ROW_HEIGHT, NetworkGraph, network_graph
from stream_evo.report.html._timeline import CriticalStep, Timeline, timeline_of
from stream_evo.schedule import Cause, Chip, Schedule
from stream_evo.workload import Layer, Workload

if TYPE_CHECKING:
    from stream_evo.explanation import Energy, Explanation, PeakMemory, Stretch

__all__ = ["PointDetails", "Subject"]

LEVELS = ("mac", "memory", "transfer", "link", "dram")
_MOST_STRETCHES = 12  # of the chain that are named; the others are summed up
_MOST_STEPS = 4  # of a pattern that repeats
_MOST_TENSORS = 24
_DIGITS = 5  # of the energy per layer, of which only the totals are told exactly


@dataclass(frozen=True, slots=True)
class PointDetails:
    """What the page tells of one point when it is chosen.

    Attributes:
        facts: Mapping, critical path, energy, fullest moment; what JSON can hold.
        timeline: Its schedule.
    """

    facts: Mapping[str, Any]
    timeline: Timeline


class Subject:
    """A network on a chip, described once for all points.

    Args:
        workload: The network.
        accelerator: The chip.
    """

    def __init__(self, workload: Workload, accelerator: Accelerator) -> None:
        self._workload, self._accelerator = workload, accelerator
        self._graph = network_graph(workload)
        self._nodes = {name: node for node, name in enumerate([*(slot.name for slot in accelerator.cores), accelerator.dram.name])}
        names = [*self._graph.inputs, *(layer.name for layer in workload.layers)]
        self._rows = {name: row for row, name in enumerate(names)}

    def as_dict(self) -> dict[str, Any]:
        """Return network and chip."""
        workload, accelerator = self._workload, self._accelerator
        chip = Chip(accelerator)
        nodes = len(self._nodes)
        return {
            "network": workload.name,
            "hardware": accelerator.name,
            "nodes": list(self._nodes),
            "links": [link.name for link in accelerator.links],
            "paths": {f"{a} {b}": list(path) for a in range(nodes) for b in range(nodes) if (path := chip.paths[a][b])},
            "memories": [{"name": name, "bytes": bits / 8} for name, bits in zip(chip.names, chip.capacities, strict=True)],
            "causes": [cause.name.lower().replace("_", " ") for cause in Cause],
            "layers": [_layer(layer) for layer in workload.layers],
            "outputs": list(workload.outputs),
            "graph": _graph(self._graph),
        }

    def point(self, mapping: NetworkMapping, schedule: Schedule, explanation: Explanation) -> PointDetails:
        """Return the details of one mapping."""
        facts = {
            "yaml": mapping_to_yaml(mapping),
            "priority": str(mapping.priority),
            "dataflows": dict(mapping.dataflows),
            "layers": self._layers(mapping) | {"busy_cycles": self._busy(schedule)},
            "path": self._path(explanation),
            "energy": self._energy(explanation.energy),
            "peak": _peak(explanation.peak),
        }
        inputs = len(self._graph.inputs)
        rows = [*range(inputs), *(inputs + index for index, entry in enumerate(mapping.layers) for _ in range(entry.parts))]
        timeline = timeline_of(schedule, len(self._accelerator.cores), inputs, rows, frozenset(self._critical(explanation)))
        return PointDetails(facts, timeline)

    def _layers(self, mapping: NetworkMapping) -> dict[str, list[Any]]:
        """Return the decisions as columns, which compress better than rows."""
        entries = mapping.layers
        return {
            "cores": [[self._nodes[name] for name in entry.cores] for entry in entries],
            "tile_rows": [entry.tile_rows for entry in entries],
            "tile_columns": [entry.tile_columns for entry in entries],
            "parts": [entry.parts for entry in entries],
            "stack": [entry.stack for entry in entries],
        }

    def _busy(self, schedule: Schedule) -> list[int]:
        """Return the cycles in which tiles of each layer run, over all cores; bars of a coarser timeline do not tell."""
        found = [0] * len(self._workload.layers)
        for run in schedule.tiles:
            found[run.layer] += run.end_cycles - run.start_cycles
        return found

    def _critical(self, explanation: Explanation) -> Iterable[CriticalStep]:
        for step in explanation.path.steps:
            if step.core:
                yield self._nodes[step.core], self._nodes[step.core], self._rows[step.layer], step.tile, step.start_cycles
            elif step.route:
                source, target = step.route
                yield self._nodes[source], self._nodes[target], self._rows[step.layer], step.tile, step.start_cycles

    def _path(self, explanation: Explanation) -> dict[str, Any]:
        path = explanation.path
        return {
            "cycles": path.latency_cycles,
            "core": path.binding_core,
            "link": path.binding_link,
            "activities": dict(path.cycles_by_activity),
            "holds": {str(hold): cycles for hold, cycles in path.cycles_by_hold.items()},
            "layers": _ranked(path.cycles_by_layer),
            "cores": [[name, path.cycles_by_core.get(name, 0), busy] for name, busy in path.core_busy_cycles.items()],
            "links": [[name, path.cycles_by_link.get(name, 0), busy] for name, busy in path.link_busy_cycles.items()],
            "steps": len(path.steps),
            "stretches": len(path.chain),
            "chain": _chain(path.chain),
        }

    def _energy(self, energy: Energy) -> dict[str, Any]:
        levels = dict.fromkeys(LEVELS, 0.0)
        layers: dict[int, list[float]] = defaultdict(lambda: [0.0] * len(LEVELS))
        cores: dict[int, list[float]] = defaultdict(lambda: [0.0] * len(LEVELS))
        for item in energy.items:
            level = LEVELS.index(item.level)
            levels[item.level] += item.pj
            layers[self._rows[item.layer]][level] += item.pj
            cores[self._nodes[item.core]][level] += item.pj
        return {
            "levels": list(levels.values()),
            "layers": [[row, *map(_short, values)] for row, values in sorted(layers.items())],
            "cores": [[node, *values] for node, values in sorted(cores.items())],
            "causes": energy.by_cause(),
        }


def _short(value: float) -> float | int:
    number = float(f"{value:.{_DIGITS}g}")
    return int(number) if number.is_integer() else number


def _ranked(values: Mapping[str, int]) -> list[list[Any]]:
    return [[name, value] for name, value in sorted(values.items(), key=lambda pair: -pair[1])[:_MOST_STRETCHES]]


def _chain(stretches: Iterable[Stretch]) -> list[list[Any]]:
    """Return the longest stretches in order of time: start, cycles, repeats, number of steps that repeat, and the first of these steps."""
    longest = sorted(stretches, key=lambda stretch: -stretch.cycles)[:_MOST_STRETCHES]
    return [
        [
            stretch.start_cycles,
            stretch.cycles,
            stretch.repeats,
            len(stretch.pattern),
            [
                [step.activity, step.layer, step.place, step.first_tile, step.last_tile, str(step.holds)]
                for step in stretch.pattern[:_MOST_STEPS]
            ],
        ]
        for stretch in sorted(longest, key=lambda stretch: stretch.start_cycles)
    ]


def _peak(peak: PeakMemory) -> dict[str, Any]:
    tensors = sorted(peak.tensors, key=lambda tensor: (tensor.kind == "weights", -tensor.bits))
    return {
        "begin": peak.begin_cycles,
        "end": peak.end_cycles,
        "bytes": peak.bytes,
        "running": [list(pair) for pair in peak.running],
        "tensors": [[tensor.memory, tensor.layer, tensor.kind, len(tensor.tiles), tensor.bits / 8] for tensor in tensors[:_MOST_TENSORS]],
        "others": [len(tensors[_MOST_TENSORS:]), sum(tensor.bits for tensor in tensors[_MOST_TENSORS:]) / 8],
    }


def _layer(layer: Layer) -> list[Any]:
    """Return name, operator, MACs, weights, and the output as channels, rows, columns."""
    return [layer.name, layer.operator, layer.macs, layer.weights, [layer.channels, layer.rows, layer.columns]]


def _graph(graph: NetworkGraph) -> dict[str, Any]:
    return {
        "inputs": list(graph.inputs),
        "width": graph.width,
        "row_height": ROW_HEIGHT,
        "x": [round(graph.centre(row)[0], 2) for row in range(len(graph.lanes))],
        "paths": graph.paths(),
    }
