"""Resize and Upsample: interpolation counts as moving data."""

from __future__ import annotations

import math

from stream_evo.workload._builder import Builder
from stream_evo.workload._node import Node

__all__ = ["parse_resize"]

_REACH = {"nearest": 1, "linear": 1, "bilinear": 1, "cubic": 2}


def parse_resize(node: Node, build: Builder) -> None:
    """Resize, Upsample: output index j reads around ``j * old / new``.

    Nearest-neighbour enlargement by a whole factor reads exactly ``floor(j / factor)`` for the usual coordinate modes. Otherwise the
    interval is widened by the reach of the filter, the shift of half a pixel, and the rounding of the stated scale.
    """
    view, shape = build.view(node.input(0)), build.shape(node.outputs[0])
    mode = node.text("mode", "nearest")
    coordinates = node.text("coordinate_transformation_mode", "half_pixel" if _is_modern(node) else "asymmetric")
    for dim, (old, new) in enumerate(zip(view.shape, shape, strict=True)):
        if old == new and coordinates != "tf_crop_and_resize":
            continue
        if coordinates == "tf_crop_and_resize":
            view = view.whole(dim, new)
        elif mode == "nearest" and new % old == 0 and _floors(node, coordinates):
            view = view.map_dim(dim, new, divisor=new // old)
        else:
            ratio = math.ceil(old / new)
            margin = (_REACH.get(mode, 2) + ratio + 1) * (ratio if node.integer("antialias", 0) else 1)
            # indices beyond the border are clamped to it, so the interval must not leave the map on either side
            reach = margin * new
            view = view.map_dim(dim, new, scale=old, low=-reach, high=reach, divisor=new)
    build.rearrange(node, view)


def _is_modern(node: Node) -> bool:
    """Return True for Resize of opset 11 and later, which names its coordinate and rounding modes."""
    return node.operator == "Resize" and node.opset > 10


def _floors(node: Node, coordinates: str) -> bool:
    """Return True if nearest-neighbour enlargement by a whole factor is ``floor(j / factor)``."""
    rounding = node.text("nearest_mode", "round_prefer_floor" if _is_modern(node) else "floor")
    if coordinates in ("half_pixel", "pytorch_half_pixel"):
        return rounding in ("round_prefer_floor", "round_prefer_ceil")
    return coordinates == "asymmetric" and rounding == "floor"
