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

Adding an operator (see this folder's README):
    PARSERS, Parser: the registry.
    Node, Builder, View, Unsupported: what a parser works with.
"""

from __future__ import annotations

import importlib
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
    from stream_evo.workload._builder import Builder, Status
    from stream_evo.workload._load import NodeReport, load_onnx, operator_report
    from stream_evo.workload._node import Node, Unsupported
    from stream_evo.workload._view import View
    from stream_evo.workload.parsers import PARSERS, Parser

__all__ = [
    "PARSERS",
    "WHOLE",
    "Axis",
    "AxisMap",
    "Bits",
    "Builder",
    "Edge",
    "Layer",
    "LoopSizes",
    "NetworkInput",
    "Node",
    "NodeReport",
    "Operand",
    "OperatorKind",
    "Padding",
    "Parser",
    "Status",
    "Unsupported",
    "View",
    "Workload",
    "describe",
    "load_onnx",
    "operator_report",
]

_NEEDS_ONNX = {
    **dict.fromkeys(("Builder", "Status"), "_builder"),
    **dict.fromkeys(("NodeReport", "load_onnx", "operator_report"), "_load"),
    **dict.fromkeys(("Node", "Unsupported"), "_node"),
    **dict.fromkeys(("PARSERS", "Parser"), "parsers"),
    "View": "_view",
}


def __getattr__(name: str) -> Any:
    """Import what needs onnx on first use: the values are imported everywhere, the reader by few."""
    if name in _NEEDS_ONNX:
        return getattr(importlib.import_module(f"stream_evo.workload.{_NEEDS_ONNX[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
