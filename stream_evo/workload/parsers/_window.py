"""Sliding windows: the attributes that convolutions and poolings share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream_evo.workload._node import Node

__all__ = ["Window", "read_windows"]


@dataclass(frozen=True, slots=True)
class Window:
    """A window sliding along one spatial axis.

    Attributes:
        steps: Output extent.
        filter: Taps.
        stride: Step.
        dilation: Spacing of the taps.
        before: Padding at the start.
        after: Padding at the end that windows really touch.
    """

    steps: int = 1
    filter: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """Distance from the first to the last tap."""
        return self.dilation * (self.filter - 1)


def read_windows(
    node: Node, filters: Sequence[int], extents: Sequence[int], steps: Sequence[int], *, transposed: bool = False
) -> tuple[Window, Window]:
    """Return the windows along rows and columns; a 1-D operator has a trivial window along the columns.

    Args:
        node: Node with attributes auto_pad, dilations, pads, strides.
        filters: Taps per spatial axis.
        extents: Input extents.
        steps: Output extents.
        transposed: True for ConvTranspose, whose padding is cut from the output.
    """
    rank = len(filters)
    strides = node.integers("strides", (1,) * rank)
    dilations = node.integers("dilations", (1,) * rank)
    pads = node.integers("pads", (0,) * (2 * rank))
    mode = node.text("auto_pad", "NOTSET")
    windows = []
    for axis in range(rank):
        stride, dilation = strides[axis], dilations[axis]
        reach = dilation * (filters[axis] - 1)
        if transposed:
            needed = stride * (extents[axis] - 1) + node.integers("output_padding", (0,) * rank)[axis] + reach + 1 - steps[axis]
        else:
            needed = stride * (steps[axis] - 1) + reach + 1 - extents[axis]
        before = pads[axis]
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            before = (max(needed, 0) + (mode == "SAME_LOWER")) // 2
        elif mode == "VALID":
            before = 0
        elif transposed and "output_shape" in node.attributes:
            before = (needed + 1) // 2
        after = pads[axis + rank] if transposed else max(needed - before, 0)
        windows.append(Window(steps[axis], filters[axis], stride, dilation, before, after))
    rows, columns = (*windows, Window(), Window())[:2]
    return rows, columns
