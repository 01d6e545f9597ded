"""Genome batches and engine states as bytes, without pickle."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import numpy as np

from stream_evo.search._contracts import EngineState
from stream_evo.typing import FloatArray, IntArray

__all__ = ["pack_batch", "pack_state", "unpack_batch", "unpack_state"]

_PLAIN = "plain"
_LEVEL = 1  # Genomes compress tenfold at any level; higher ones only cost time.


def pack_batch(genomes: IntArray, metrics: FloatArray, violation: FloatArray, gene_type: np.dtype[Any]) -> bytes:
    """Pack one batch: genes (P, V) as `gene_type`, metrics (P, M), violation (P,), little-endian, one after the other, compressed."""
    parts = (genomes.astype(gene_type.newbyteorder("<")), metrics.astype("<f8"), violation.astype("<f8"))
    return zlib.compress(b"".join(part.tobytes() for part in parts), _LEVEL)


def unpack_batch(blob: bytes, count: int, genes: int, columns: int, gene_type: np.dtype[Any]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return genomes (P, V), metrics (P, M) and violation (P,) of a packed batch.

    Raises:
        ValueError: The bytes are not such a batch.
    """
    try:
        data = zlib.decompress(blob)
    except zlib.error as error:
        raise ValueError(f"damaged batch: {error}") from error
    first = count * genes * gene_type.itemsize
    second = first + count * columns * 8
    if len(data) != second + count * 8:
        raise ValueError(f"a batch of {count} genomes needs {second + count * 8} bytes, found {len(data)}")
    genomes = np.frombuffer(data[:first], dtype=gene_type.newbyteorder("<")).reshape(count, genes).astype(np.int64)
    metrics = np.frombuffer(data[first:second], dtype="<f8").reshape(count, columns).astype(np.float64)
    return genomes, metrics, np.frombuffer(data[second:], dtype="<f8").astype(np.float64)


def pack_state(state: EngineState) -> bytes:
    """Pack a state: arrays as ``.npz``, all else as one JSON text inside it.

    Raises:
        TypeError: A value is neither an array of plain numbers nor something JSON can hold.
    """
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    if any(array.dtype.hasobject for array in arrays.values()) or _PLAIN in arrays:
        raise TypeError(f"arrays of a state hold plain numbers, and none is called {_PLAIN!r}")
    plain = {name: value for name, value in state.items() if name not in arrays}
    text = json.dumps(plain, sort_keys=True, allow_nan=False)
    buffer = io.BytesIO()
    arrays[_PLAIN] = np.frombuffer(text.encode(), dtype=np.uint8)
    # NumPy's stubs take the keyword allow_pickle for one of the arrays.
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # as above
    return zlib.compress(buffer.getvalue(), _LEVEL)


def unpack_state(blob: bytes) -> EngineState:
    """Return the state that `pack_state` packed.

    Raises:
        ValueError: The bytes are not a state.
    """
    try:
        with np.load(io.BytesIO(zlib.decompress(blob)), allow_pickle=False) as data:
            state: EngineState = {name: data[name] for name in data.files}
        plain: EngineState = json.loads(state.pop(_PLAIN).tobytes())
    except (zlib.error, KeyError, OSError, ValueError) as error:
        raise ValueError(f"damaged checkpoint: {error}") from error
    return {**plain, **state}
