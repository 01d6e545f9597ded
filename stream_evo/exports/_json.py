"""JSON: the front with its mappings, or everything about a point: mapping, layers, schedule, energy."""

from __future__ import annotations

from typing import Any

import yaml

from stream_evo.exports._front import Front, PointOfFront
from stream_evo.exports._tables import layer_table
from stream_evo.mapping import mapping_to_yaml
from stream_evo.report import json_text, metrics_record

__all__ = ["VERSION", "front_to_json", "point_to_json"]

VERSION = 1
"""Version of both forms; raised when a key changes its meaning or goes away."""


def front_to_json(front: Front) -> str:
    """Return the front: what was asked, bounds, baseline, and each point with its mapping."""
    points = [_point(front, index) | {"mapping": yaml.safe_load(front.mapping_text(index))} for index in range(len(front))]
    return json_text(_head("front", front), {"points": points})


def point_to_json(point: PointOfFront) -> str:
    """Return one point: numbers, mapping, layers, every tile, transfer and memory over time, and where the energy goes."""
    schedule, accelerator = point.schedule, point.accelerator
    nodes = [*(slot.name for slot in accelerator.cores), accelerator.dram.name]
    layers = [layer.name for layer in point.workload.layers]
    streams = [point.workload.inputs[-1 - stream.layer].name if stream.layer < 0 else layers[stream.layer] for stream in point.plan.streams]
    table = layer_table(point)
    head = _head("point", point.front) | {"point": _point(point.front, point.index)}
    head |= {
        "mapping": yaml.safe_load(mapping_to_yaml(point.mapping)),
        "energy_pj": {name: getattr(point.energy, f"by_{name}")() for name in ("level", "cause", "place", "core")},
    }
    tiles = [
        {"layer": layers[run.layer], "part": run.part, "tile": run.tile, "core": nodes[run.core]}
        | {"ready_cycles": run.ready_cycles, "start_cycles": run.start_cycles, "end_cycles": run.end_cycles}
        for run in schedule.tiles
    ]
    transfers = [
        {"cause": move.cause.name.lower(), "data": streams[move.stream], "tile": move.tile}
        | {"from": nodes[move.source], "to": nodes[move.target], "links": [accelerator.links[link].name for link in move.links]}
        | {"bits": move.bits, "start_cycles": move.start_cycles, "end_cycles": move.end_cycles}
        for move in schedule.transfers
    ]
    memories = [
        {"memory": usage.memory, "capacity_bits": usage.capacity_bits, "times_cycles": list(usage.times)}
        | {"bits": list(usage.bits), "activation_bits": list(usage.activation_bits)}
        for usage in schedule.memories
    ]
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in table.rows()]
    return json_text(head, {"layers": rows, "tiles": tiles, "transfers": transfers, "memories": memories})


def _head(kind: str, front: Front) -> dict[str, Any]:
    baseline = front.layer_by_layer
    return {
        "format": f"stream-evo {kind}",
        "version": VERSION,
        "network": front.network,
        "hardware": front.hardware,
        "objectives": list(front.job.metrics),
        "units": front.units,
        "settings": front.job.as_dict(),
        "evaluations": front.evaluations,
        "hypervolume": front.hypervolume,
        "hypervolume_reference": None if front.reference is None else list(front.reference),
        "lower_bounds": dict(front.lower_bounds),
        "layer_by_layer": None if baseline is None else baseline.as_dict(),
    }


def _point(front: Front, index: int) -> dict[str, Any]:
    return {"point": index, **metrics_record(front.metric_names, front.metrics[index]), "genome": front.genomes[index].tolist()}
