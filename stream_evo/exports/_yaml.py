"""The mapping of a point in this package's own form, with its numbers as comments."""

from __future__ import annotations

from stream_evo.exports._front import PointOfFront
from stream_evo.mapping import mapping_to_yaml

__all__ = ["point_to_yaml"]


def point_to_yaml(point: PointOfFront) -> str:
    """Return a mapping file; `stream_evo.mapping.load_mapping` reads it back to the mapping of the point."""
    units = point.front.units
    numbers = [f"#   {name}: {value!r}  # {units[name]}".rstrip(" #") for name, value in point.front.numbers(point.index).items()]
    return "\n".join([f"# point {point.index} of {len(point.front)}", *numbers, mapping_to_yaml(point.mapping)])
