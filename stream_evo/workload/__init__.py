"""A network as a directed acyclic graph of layers, read from ONNX.

Reading:
    load_onnx: an ONNX file as a workload.
    operator_report: what became of each of its nodes.
    describe: a workload as plain data.

Values:
    Workload, NetworkInput: the graph.
    Layer, LoopSizes, Bits, Padding, OperatorKind, Operand: one operator as a loop nest.
    Edge, AxisMap, Axis, WHOLE: which part of a producer a tile of a consumer reads.
    NodeReport, Status: what became of a node.

Adding an operator is described in this folder's README.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_evo.workload._describe import describe
from stream_evo.workload._layer import (
    WHOLE,
    Axis,
    AxisMap,
    Bits,
    Edge,
    Layer,
    LoopSizes,
    Operand,
    OperatorKind,
    Padding,
)
from stream_evo.workload._workload import NetworkInput, Workload

if TYPE_CHECKING:
    from stream_evo.workload._builder import Status
    from stream_evo.workload._load import NodeReport, load_onnx, operator_report

__all__ = [
    "WHOLE",
    "Axis",
    "AxisMap",
    "Bits",
    "Edge",
    "Layer",
    "LoopSizes",
    "NetworkInput",
    "NodeReport",
    "Operand",
    "OperatorKind",
    "Padding",
    "Status",
    "Workload",
    "describe",
    "load_onnx",
    "operator_report",
]


def __getattr__(name: str) -> Any:
    """Import what needs onnx on first use: the values are imported everywhere, the reader by few."""
    if name in ("NodeReport", "Status", "load_onnx", "operator_report"):
        from stream_evo.workload import _load  # noqa: PLC0415  # this is the point

        return getattr(_load, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
