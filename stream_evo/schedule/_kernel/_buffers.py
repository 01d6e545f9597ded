"""What all files of the kernel share: constants, the size of a tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_evo._jit import inlined
from stream_evo.schedule._layout import S_COLUMN_BOUNDS, S_ROW_BOUNDS, S_UNIT
from stream_evo.typing import IntArray

NEVER = -1
OK = 0

# Plain numbers in a call would be compiled into a version of the callee of their own; these have one type.
_int: Any = np.int64
_bool: Any = np.bool_
NONE, ZERO, ONE, YES, NO = _int(-1), _int(0), _int(1), _bool(True), _bool(False)
TILE, TRANSFER = _int(0), _int(1)
NETWORK_INPUT, WEIGHTS, ACTIVATION, REFETCH, OUTPUT, EVICTION, STREAMED_READ, STREAMED_WRITE = (_int(cause) for cause in range(8))


@inlined
def tile_bits(q: IntArray, w: IntArray, s: int, row: int, column: int) -> int:
    """Return the bits of a stream's tile."""
    height = q[w[s + S_ROW_BOUNDS] + row + 1] - q[w[s + S_ROW_BOUNDS] + row]
    width = q[w[s + S_COLUMN_BOUNDS] + column + 1] - q[w[s + S_COLUMN_BOUNDS] + column]
    return height * width * w[s + S_UNIT]
