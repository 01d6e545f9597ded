"""A network as a directed acyclic graph of layers, read from ONNX.

Values:
    Workload, NetworkInput: the graph.
    Layer, LoopSizes, Bits, Padding, OperatorKind, Operand: one operator as a loop nest.
    Edge, AxisMap, Axis, WHOLE: which part of a producer a tile of a consumer reads.
"""

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
from stream_evo.workload._load import NodeReport, load_onnx, operator_report
from stream_evo.workload._workload import NetworkInput, Workload

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
    "Workload",
    "load_onnx",
    "operator_report",
]
