"""Arithmetic that all parts of the kernel share."""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined
from stream_evo.cost._kernel._layout import TOLERANCE

__all__ = ["up", "whole", "window"]


@inlined
def whole(value: float) -> int:
    """Return the integer part of a fraction that may be a rounding error short of an integer."""
    return int(np.floor(value * (1.0 + TOLERANCE)))


@inlined
def up(numerator: int, denominator: int) -> int:
    """Divide and round up."""
    return (numerator + denominator - 1) // denominator


@inlined
def window(outputs: int, taps: int, stride: int, dilation: int, extent: int) -> int:
    """Return the positions that a sliding window touches, at most `extent` if that is not 0."""
    touched = outputs * taps - max(0, taps - stride) * max(0, outputs - dilation)
    return min(touched, extent) if extent > 0 else touched
