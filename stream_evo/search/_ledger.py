"""What has been evaluated in this run, by genome."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from stream_evo.typing import BoolArray, FloatArray, IntArray

__all__ = ["Ledger", "genome_keys"]

_KEY_BYTES = 16


def genome_keys(genomes: IntArray) -> list[bytes]:
    """Return a 128-bit key per canonical genome, (P, V) to P keys.

    With 10^9 genomes the chance that any two share a key is about 10^-21, far below that of a memory error; keeping keys instead of
    genomes needs a tenth of the memory.
    """
    data = np.ascontiguousarray(genomes, dtype="<i8").tobytes()
    width = genomes.shape[1] * 8
    return [blake2b(data[start : start + width], digest_size=_KEY_BYTES).digest() for start in range(0, len(data), width)]


class Ledger:
    """Scores by genome: a growing table with a hash index.

    Args:
        columns: Number of metrics M.
    """

    def __init__(self, columns: int) -> None:
        self._row_of: dict[bytes, int] = {}
        self._metrics = np.empty((1024, columns))
        self._violation = np.empty(1024)

    def __len__(self) -> int:
        return len(self._row_of)

    def contains(self, genomes: IntArray) -> BoolArray:
        """Mark the canonical genomes (P, V) that are in the table, (P,)."""
        return np.fromiter((key in self._row_of for key in genome_keys(genomes)), dtype=np.bool_, count=len(genomes))

    def rows(self, keys: list[bytes]) -> IntArray:
        """Row of each key, -1 where there is none, (P,)."""
        return np.fromiter((self._row_of.get(key, -1) for key in keys), dtype=np.int64, count=len(keys))

    def scores(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Metrics (P, M) and violation in bytes (P,) of rows."""
        return self._metrics[rows], self._violation[rows]

    def add(self, keys: list[bytes], metrics: FloatArray, violation: FloatArray) -> None:
        """Add scores (P, M) and (P,) of new, distinct keys."""
        start, stop = len(self._row_of), len(self._row_of) + len(keys)
        while stop > len(self._violation):
            self._metrics = np.concatenate([self._metrics, np.empty_like(self._metrics)])
            self._violation = np.concatenate([self._violation, np.empty_like(self._violation)])
        self._metrics[start:stop], self._violation[start:stop] = metrics, violation
        self._row_of.update(zip(keys, range(start, stop), strict=True))
        if len(self._row_of) != stop:
            raise ValueError("a genome was added twice")
