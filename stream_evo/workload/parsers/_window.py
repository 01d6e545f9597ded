"""Sliding windows: the attributes that convolutions and poolings share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream_evo.workload._node import Broken, Node

__all__ = ["Window", "check_windows", "read_windows"]


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


def check_windows(node: Node, filters: Sequence[int], extents: Sequence[int], *, slides: bool = True) -> None:
    """Check the attributes of a window against each other and against the map it slides over.

    Args:
        node: Node with attributes auto_pad, dilations, kernel_shape, pads, strides.
        filters: Taps per spatial axis.
        extents: Input extents.
        slides: True if every window must lie inside the padded map; neither transposed nor rounded up.

    Raises:
        Broken: an attribute has another length than the map has axes, or is out of range; the filter is another than kernel_shape says,
            or larger than the padded map.
    """
    rank = len(extents)
    if len(filters) != rank:
        raise Broken("the filter does not fit the map", f"a filter of {_axes(rank)}", _axes(len(filters)))
    for name, length in (("kernel_shape", rank), ("strides", rank), ("dilations", rank), ("pads", 2 * rank)):
        values = node.integers(name, ()) or (1,) * length
        if len(values) != length:
            raise Broken(f"attribute {name} does not fit the map", f"{length} values for {_axes(rank)}", str(list(values)))
        if name != "pads" and min(values) < 1:
            raise Broken(f"attribute {name} is out of range", "at least 1 along every axis", str(list(values)))
    if (stated := node.integers("kernel_shape", ()) or tuple(filters)) != tuple(filters):
        raise Broken("attribute kernel_shape contradicts the weights", f"the filter of the weights, {list(filters)}", str(list(stated)))
    mode = node.text("auto_pad", "NOTSET")
    if not slides or mode in ("SAME_UPPER", "SAME_LOWER"):
        return
    pads = (0,) * (2 * rank) if mode == "VALID" else node.integers("pads", (0,) * (2 * rank))
    dilations = node.integers("dilations", (1,) * rank)
    covers = [dilation * (taps - 1) + 1 for dilation, taps in zip(dilations, filters, strict=True)]
    padded = [extent + pads[axis] + pads[axis + rank] for axis, extent in enumerate(extents)]
    if any(cover > extent for cover, extent in zip(covers, padded, strict=True)):
        raise Broken("the filter is larger than the padded map", f"a map of at least {_size(covers)}", _size(padded))


def _axes(count: int) -> str:
    return f"{count} axis" if count == 1 else f"{count} axes"


def _size(extents: Sequence[int]) -> str:
    return "x".join(map(str, extents))


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
