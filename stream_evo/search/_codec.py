"""Genome batches and engine states as bytes, without pickle."""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

import numpy as np

from stream_evo.search._blocks import BLOCK_METRICS, BlockTable
from stream_evo.search._contracts import EngineState
from stream_evo.typing import FloatArray, IntArray

__all__ = ["pack_batch", "pack_state", "unpack_batch", "unpack_state"]

_KINDS = "biuf"
_CHECKSUM = 4
_LEVEL = 1  # Genomes compress tenfold at any level; higher ones only cost time.


def pack_batch(genomes: IntArray, metrics: FloatArray, violation: FloatArray, blocks: BlockTable | None, gene_type: np.dtype[Any]) -> bytes:
    """Pack one batch, little-endian, part after part, compressed.

    Genes (P, V) as `gene_type`, metrics (P, M), violation (P,); and if `blocks` are known their number per genome (P,), first layers and
    layers behind the last (N,), and figures (N, C).
    """
    parts = [genomes.astype(gene_type.newbyteorder("<")), metrics.astype("<f8"), violation.astype("<f8")]
    if blocks is not None:
        counts = np.bincount(blocks.genomes, minlength=len(genomes))
        parts += [*(part.astype("<i4") for part in (counts, blocks.first, blocks.behind)), blocks.figures.astype("<f4")]
    return zlib.compress(b"".join(part.tobytes() for part in parts), _LEVEL)


def unpack_batch(
    blob: bytes, count: int, genes: int, columns: int, gene_type: np.dtype[Any]
) -> tuple[IntArray, FloatArray, FloatArray, BlockTable | None]:
    """Return genomes (P, V), metrics (P, M), violation (P,) and blocks of a packed batch.

    Raises:
        ValueError: The bytes are not such a batch.
    """
    try:
        data = zlib.decompress(blob)
    except zlib.error as error:
        raise ValueError(f"damaged batch: {error}") from error
    first = count * genes * gene_type.itemsize
    second = first + count * columns * 8
    third = second + count * 8
    if len(data) < third:
        raise ValueError(f"a batch of {count} genomes needs {third} bytes, found {len(data)}")
    genomes = np.frombuffer(data[:first], dtype=gene_type.newbyteorder("<")).reshape(count, genes).astype(np.int64)
    metrics = np.frombuffer(data[first:second], dtype="<f8").reshape(count, columns).astype(np.float64)
    violation = np.frombuffer(data[second:third], dtype="<f8").astype(np.float64)
    return genomes, metrics, violation, _unpack_blocks(data[third:], count) if len(data) > third else None


def _unpack_blocks(data: bytes, count: int) -> BlockTable:
    """Return what `pack_batch` packed behind the scores of `count` genomes."""
    figures = len(BLOCK_METRICS)
    counts = np.frombuffer(data[: 4 * count], dtype="<i4").astype(np.int64)
    blocks = int(counts.sum()) if len(counts) == count and (counts >= 0).all() else -1
    limits, behind = 4 * count, 4 * (count + 2 * blocks)
    if blocks < 0 or len(data) != behind + 4 * figures * blocks:
        raise ValueError(f"a batch of {count} genomes needs other blocks than those in {len(data)} bytes")
    layers = np.frombuffer(data[limits:behind], dtype="<i4").astype(np.int64).reshape(2, blocks)
    values = np.frombuffer(data[behind:], dtype="<f4").astype(np.float32).reshape(blocks, figures)
    return BlockTable(np.repeat(np.arange(count), counts), layers[0], layers[1], values)


def pack_state(state: EngineState) -> bytes:
    """Pack a state: one line of JSON, then the bytes of its arrays, little-endian, one after the other; a checksum in front.

    The line holds ``arrays`` (name, type and shape of each) and ``plain``, all else. Not compressed: a state is overwritten in each
    generation, and half a millisecond is worth more than its bytes.

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
    data = b"".join([text.encode(), b"\n", *(array.tobytes() for _, array in little)])
    return zlib.crc32(data).to_bytes(_CHECKSUM, "little") + data


def unpack_state(blob: bytes) -> EngineState:
    """Return the state that `pack_state` packed.

    Raises:
        ValueError: The bytes are not a state.
    """
    if zlib.crc32(blob[_CHECKSUM:]).to_bytes(_CHECKSUM, "little") != blob[:_CHECKSUM]:
        raise ValueError("damaged checkpoint: its checksum is wrong")
    try:
        text, _, data = blob[_CHECKSUM:].partition(b"\n")
        header = json.loads(text)
        state: EngineState = dict(header["plain"])
        start = 0
        for name, kind, shape in header["arrays"]:
            dtype = np.dtype(kind)  # one of Python objects cannot be read from bytes
            stop = start + dtype.itemsize * math.prod(shape)
            state[name] = np.frombuffer(data[start:stop], dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))
            start = stop
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"damaged checkpoint: {error}") from error
    if start != len(data):
        raise ValueError(f"damaged checkpoint: {len(data) - start} bytes too many")
    return state
