"""Which graph inputs are weights: some exporters list weights as inputs and leave out their data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stream_evo.workload._node import Node

__all__ = ["WEIGHT_SLOTS", "weight_inputs"]

WEIGHT_SLOTS: Mapping[str, frozenset[int]] = {
    "BatchNormalization": frozenset({1, 2, 3, 4}),
    "Conv": frozenset({1, 2}),
    "ConvInteger": frozenset({1, 2, 3}),
    "ConvTranspose": frozenset({1, 2}),
    "DequantizeLinear": frozenset({1, 2}),
    "Gemm": frozenset({1, 2}),
    "GroupNormalization": frozenset({1, 2}),
    "InstanceNormalization": frozenset({1, 2}),
    "LayerNormalization": frozenset({1, 2}),
    "PRelu": frozenset({1}),
    "QLinearConv": frozenset({1, 2, 3, 4, 5, 6, 7, 8}),
    "QLinearMatMul": frozenset({1, 2, 4, 5, 6, 7}),
    "QuantizeLinear": frozenset({1, 2}),
    "RMSNormalization": frozenset({1}),
}
"""Operand positions that hold weights, biases, scales or zero points, by operator."""

_PASSING = frozenset({"Cast", "DequantizeLinear", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


def weight_inputs(inputs: Iterable[str], nodes: Sequence[Node], producers: Mapping[str, Node]) -> frozenset[str]:
    """Return the graph inputs that only feed weight slots, directly or through operators that merely rearrange them.

    Args:
        inputs: Graph inputs without initialiser.
        nodes: Live nodes.
        producers: Node that writes each tensor.
    """
    in_slot: set[str] = set()
    elsewhere: set[str] = set()
    for node in reversed(nodes):  # users before their producers
        slots = WEIGHT_SLOTS.get(node.operator, frozenset())
        passes_weight = node.operator in _PASSING and all(name in in_slot - elsewhere for name in node.outputs if name)
        for position, name in enumerate(node.inputs):
            (in_slot if position in slots or passes_weight else elsewhere).add(name)
    outer = {name for name in inputs if name in in_slot and name not in elsewhere}
    return frozenset(name for name in outer if name not in producers)
