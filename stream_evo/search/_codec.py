"""Genome batches and engine states as bytes, without pickle."""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

import numpy as np

from stream_evo.search._contracts import EngineState
from stream_evo.typing import FloatArray, IntArray

__all__ = ["pack_batch", "pack_state", "unpack_batch", "unpack_state"]

_KINDS = "biuf"
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
    """Pack a state: one line of JSON, then the bytes of its arrays, little-endian, one after the other; compressed.

    The line holds ``arrays`` (name, type and shape of each) and ``plain``, all else. A ``.npz`` would take four times as long to write.

    Raises:
        TypeError: A value is neither an array of plain numbers nor something JSON can hold.
    """
    arrays = {name: np.ascontiguousarray(value) for name, value in state.items() if isinstance(value, np.ndarray)}
    if any(array.dtype.kind not in _KINDS for array in arrays.values()):
        raise TypeError("arrays of a state hold plain numbers")
    little = [(name, array.astype(array.dtype.newbyteorder("<"), copy=False)) for name, array in sorted(arrays.items())]
    header = {
        "arrays": [(name, array.dtype.str, array.shape) for name, array in little],
        "plain": {name: value for name, value in state.items() if name not in arrays},
    }
    text = json.dumps(header, sort_keys=True, allow_nan=False)
    return zlib.compress(b"".join([text.encode(), b"\n", *(array.tobytes() for _, array in little)]), _LEVEL)


def unpack_state(blob: bytes) -> EngineState:
    """Return the state that `pack_state` packed.

    Raises:
        ValueError: The bytes are not a state.
    """
    try:
        text, _, data = zlib.decompress(blob).partition(b"\n")
        header = json.loads(text)
        state: EngineState = dict(header["plain"])
        start = 0
        for name, kind, shape in header["arrays"]:
            dtype = np.dtype(kind)  # one of Python objects cannot be read from bytes
            stop = start + dtype.itemsize * math.prod(shape)
            state[name] = np.frombuffer(data[start:stop], dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))
            start = stop
    except (zlib.error, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"damaged checkpoint: {error}") from error
    if start != len(data):
        raise ValueError(f"damaged checkpoint: {len(data) - start} bytes too many")
    return state
