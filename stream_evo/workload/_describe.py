"""A workload as plain data, for ``stream-evo inspect --json`` and for tables."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stream_evo.workload._layer import WHOLE, AxisMap, Edge, Layer
from stream_evo.workload._workload import Workload

if TYPE_CHECKING:
    from stream_evo.workload._load import NodeReport

__all__ = ["describe"]


def describe(workload: Workload | None, report: Iterable[NodeReport] = ()) -> dict[str, Any]:
    """Return a workload as dictionaries, lists, strings and numbers.

    Args:
        workload: The workload; None if the network cannot be loaded because of unsupported operators.
        report: What became of each node, from `operator_report`.

    Returns:
        ``totals`` (macs, weights, layers, activations: elements written by all layers), ``inputs``, ``outputs`` (layer names),
        ``layers`` (name, operator, kind, dims, stride, dilation, padding, bits, macs, operations, weights, activations, predecessors,
        edges: what is read of each predecessor, folded), ``operators`` (number of nodes by status and operator), ``host_operators``
        and ``unsupported`` (name, operator, reason).
    """
    nodes = tuple(report)
    layers = workload.layers if workload is not None else ()
    counts: dict[str, Counter[str]] = {}
    for node in nodes:
        counts.setdefault(str(node.status), Counter())[node.operator] += 1
    return {
        "name": workload.name if workload is not None else "",
        "totals": {
            "macs": sum(layer.macs for layer in layers),
            "weights": sum(layer.weights for layer in layers),
            "layers": len(layers),
            "activations": sum(layer.output_elements for layer in layers),
        },
        "inputs": [dataclasses.asdict(item) for item in workload.inputs] if workload is not None else [],
        "layers": [_describe_layer(layer, workload) for layer in layers if workload is not None],
        "outputs": [layers[index].name for index in workload.outputs] if workload is not None else [],
        "operators": {status: dict(sorted(operators.items())) for status, operators in sorted(counts.items())},
        "host_operators": list(workload.host_operators) if workload is not None else [],
        "unsupported": [
            {"name": node.name, "operator": node.operator, "reason": node.reason} for node in nodes if str(node.status) == "unsupported"
        ],
    }


def _describe_layer(layer: Layer, workload: Workload) -> dict[str, Any]:
    return {
        "name": layer.name,
        "operator": layer.operator,
        "kind": str(layer.kind),
        "dims": dataclasses.asdict(layer.sizes),
        "stride": list(layer.stride),
        "dilation": list(layer.dilation),
        "padding": dataclasses.asdict(layer.padding),
        "bits": dataclasses.asdict(layer.bits),
        "macs": layer.macs,
        "operations": layer.operations,
        "weights": layer.weights,
        "constant_weights": layer.constant_weights,
        "cycles_per_operation": layer.cycles_per_operation,
        "activations": layer.output_elements,
        "predecessors": list(dict.fromkeys(_source_name(edge, workload) for edge in layer.edges)),
        "edges": [_describe_edge(edge, workload) for edge in layer.edges],
        "folded": list(layer.folded),
    }


def _source_name(edge: Edge, workload: Workload) -> str:
    return workload.inputs[-1 - edge.producer].name if edge.reads_network_input else workload.layers[edge.producer].name


def _describe_edge(edge: Edge, workload: Workload) -> dict[str, Any]:
    return {
        "name": _source_name(edge, workload),
        "is_input": edge.reads_network_input,
        "operand": str(edge.operand),
        "rows": _describe_map(edge.rows),
        "columns": _describe_map(edge.columns),
        "channels": _describe_map(edge.channels),
    }


def _describe_map(axis_map: AxisMap) -> dict[str, Any] | None:
    """Return the numbers of an access relation, None if the whole axis is read."""
    return None if axis_map == WHOLE else {**dataclasses.asdict(axis_map), "source": str(axis_map.source)}
