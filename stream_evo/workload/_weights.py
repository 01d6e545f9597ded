"""Which graph inputs are weights: some exporters list weights as inputs and leave out their data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_evo.workload._node import Node
from stream_evo.workload._tensor import Tensor

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
_BIASING = frozenset({"Add", "Div", "Mul", "Sub"})


def weight_inputs(inputs: Mapping[str, Tensor], nodes: Sequence[Node], producers: Mapping[str, Node]) -> frozenset[str]:
    """Return the graph inputs that only feed weight slots, directly or through operators that merely rearrange them.

    Two uses are no slots by definition, but are never seen with data: a matrix of fixed shape as the right operand of MatMul whose left
    one is computed or has more dimensions, and a vector of fixed shape added to or multiplied with something computed.

    Args:
        inputs: Graph inputs without initialiser, and what the file states of them.
        nodes: Live nodes.
        producers: Node that writes each tensor.
    """
    in_slot: set[str] = set()
    elsewhere: set[str] = set()
    for node in reversed(nodes):  # users before their producers
        slots = WEIGHT_SLOTS.get(node.operator, frozenset()) | _likely_slots(node, inputs, producers)
        passes_weight = node.operator in _PASSING and all(name in in_slot - elsewhere for name in node.outputs if name)
        for position, name in enumerate(node.inputs):
            (in_slot if position in slots or passes_weight else elsewhere).add(name)
    return frozenset(name for name in inputs if name in in_slot and name not in elsewhere)


def _likely_slots(node: Node, inputs: Mapping[str, Tensor], producers: Mapping[str, Node]) -> frozenset[int]:
    """Return operand positions of `node` that hold a graph input which can only be a weight."""
    ranks = [len(tensor.fixed_shape) if (tensor := inputs.get(name)) and tensor.fixed_shape is not None else 0 for name in node.inputs]
    if node.operator == "MatMul" and len(ranks) == 2 and ranks[1] == 2:
        left = node.input(0)
        return frozenset({1}) if left in producers or len((inputs.get(left) or Tensor()).shape or ()) > 2 else frozenset()
    if node.operator in _BIASING and len(ranks) == 2:
        return frozenset(position for position in (0, 1) if ranks[position] == 1 and node.input(1 - position) in producers)
    return frozenset()
