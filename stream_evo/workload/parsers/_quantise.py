"""Changes of precision."""

from __future__ import annotations

from stream_evo.workload._builder import Builder, Status
from stream_evo.workload._layer import Bits
from stream_evo.workload._node import Node

__all__ = ["parse_dequantize", "parse_quantize"]


def parse_quantize(node: Node, build: Builder) -> None:
    """QuantizeLinear, DynamicQuantizeLinear: the producer writes the narrow type.

    The scale that DynamicQuantizeLinear finds at run time is one number per tensor and counts as a constant.
    """
    build.requantize(node, build.bits_of(node.outputs[0], Bits().I))


def parse_dequantize(node: Node, build: Builder) -> None:
    """DequantizeLinear: the data stay in the narrow type; consumers read that."""
    build.rearrange(node, build.view(node.input(0)), keeps_all=True, status=Status.REMOVED)
