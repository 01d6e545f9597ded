"""Repair of tiles that do not fit on their core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import core_table, segment
from stream_evo.search import Spec
from stream_evo.typing import BoolArray, IntArray

__all__ = ["FitTiles"]


@dataclass(frozen=True, eq=False)
class FitTiles:
    """Changes layers whose tile cannot run on its core, until it can.

    A tile that finds no room on its core for any order of its loops makes the whole mapping infeasible, whatever the schedule. In this
    order, the first that helps: the next finer tile of the layer; another core, with as small a change of the tile as possible; fewer or
    more parts, with the core and tile that takes. A layer that fits nowhere stays as it is. Memory that overflows over time is not
    looked at: the scheduler evicts and streams before anything is missing.

    Attributes:
        missing: Bits that lack for each allocation value, tile value and split value of each layer, (L, A, T, E), 0 if the tile fits; as
            `stream_evo.evaluation.Evaluator.missing_tile_bits` gives it. ``None``: everything fits, nothing is changed. Neither is it in a
            space of another shape.
    """

    missing: IntArray | None = None

    def __call__(self, spec: Spec, genomes: IntArray) -> IntArray:
        """Return repaired copies, see `Repair`."""
        repaired = spec.canonical(genomes)
        if self.missing is None or not self._is_for(spec):
            return repaired
        allocation, tile, split = (segment(spec, name) for name in ("allocation", "tile", "split"))
        layers = np.arange(len(self.missing))
        splits = repaired[:, split] if split.stop > split.start else np.zeros((len(repaired), len(layers)), dtype=np.int64)
        rows, columns = np.nonzero(self.missing[layers, repaired[:, allocation], repaired[:, tile], splits] > 0)
        before = np.stack([repaired[rows, allocation.start + columns], repaired[rows, tile.start + columns], splits[rows, columns]])
        after = before.copy()
        open_ = np.ones(len(rows), dtype=np.bool_)
        for steps in _changes(self.missing.shape):
            if not open_.any():
                break
            tried = before + np.array(steps)[:, None]
            tried[0] %= self.missing.shape[1]
            helps = open_ & self._is_legal(spec, columns, tried)
            helps[helps] = self.missing[columns[helps], *tried[:, helps]] == 0
            after[:, helps] = tried[:, helps]
            open_ &= ~helps
        repaired[rows, allocation.start + columns] = after[0]
        repaired[rows, tile.start + columns] = after[1]
        if split.stop > split.start:
            repaired[rows, split.start + columns] = after[2]
        return repaired

    def _is_for(self, spec: Spec) -> bool:
        part, tile, split = (segment(spec, name) for name in ("allocation", "tile", "split"))
        if self.missing is None or part.stop - part.start != len(self.missing):
            return False
        most = [int(spec.upper[which].max(initial=0)) for which in (part, tile, split)]
        return all(value < size for value, size in zip(most, self.missing.shape[1:], strict=True))

    def _is_legal(self, spec: Spec, layers: IntArray, values: IntArray) -> BoolArray:
        """Return which values (3, K) of layers (K,) are inside the bounds and stand for a core."""
        legal = np.ones(len(layers), dtype=np.bool_)
        for name, row in zip(("allocation", "tile", "split"), values, strict=True):
            part = segment(spec, name)
            if part.stop > part.start:
                legal &= (row >= spec.lower[part][layers]) & (row <= spec.upper[part][layers])
            else:
                legal &= row == 0
        table = core_table(spec)
        return np.asarray(legal & (table[layers, np.minimum(values[0], table.shape[1] - 1)] >= 0))


def _changes(shape: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Yield steps of (allocation, tile, split) in a table (L, A, T, E), the smallest change first."""
    _, cores, tiles, splits = shape
    for parts in sorted(range(1 - splits, splits), key=abs):
        for other in range(cores):
            yield from ((other, finer, parts) for finer in range(tiles) if other or finer or parts)
