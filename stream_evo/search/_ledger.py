"""What has been evaluated in this run, by genome."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from stream_evo.typing import BoolArray, FloatArray, IntArray

__all__ = ["Ledger", "genome_keys"]

_KEY_BYTES = 16


def genome_keys(genomes: IntArray) -> list[bytes]:
    """Return a 128-bit key per canonical genome, (P, V) to P keys.

    A key is two sums of genes times fixed pseudo-random 64-bit weights, modulo 2^64 (Carter and Wegman 1979, "Universal classes of hash
    functions", for the idea): one product for the whole batch, where a cryptographic hash per genome takes six times as long. Two genomes
    whose genes differ by less than 2^b share a key with a chance of at most 2^-2(64 - b): with 10^9 genomes of genes up to 255 any two do
    with about 10^-16. Keeping keys instead of genomes needs a tenth of the memory.
    """
    data = (genomes.astype(np.uint64) @ _weights(genomes.shape[1])).tobytes()
    return [data[start : start + _KEY_BYTES] for start in range(0, len(data), _KEY_BYTES)]


@lru_cache(maxsize=8)
def _weights(genes: int) -> npt.NDArray[np.uint64]:
    """Return odd weights (V, 2), the same on every machine: SplitMix64 (Steele, Lea, Flood 2014) of 1, 2, ..."""
    mixed = np.arange(1, 2 * genes + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    weights: npt.NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(31)) | np.uint64(1)).reshape(genes, 2)
    weights.setflags(write=False)
    return weights


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
