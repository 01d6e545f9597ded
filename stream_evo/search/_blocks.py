"""Blocks of a batch of mappings as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream_evo.typing import BoolArray, FloatArray, IntArray, SingleArray

__all__ = ["BlockTable"]


@dataclass(frozen=True, slots=True, eq=False)
class BlockTable:
    """Blocks of a batch, genome by genome, each a run of layers that no other layer of the mapping overlaps in time.

    Figures are in single precision: they guide a search and judge nothing, and every one of them is archived.

    Attributes:
        genomes: Number of the genome in the batch, ascending, (N,).
        first: First layer, (N,).
        behind: Layer behind the last, (N,).
        figures: What a block contributes, float32 (N, C).
    """

    genomes: IntArray
    first: IntArray
    behind: IntArray
    figures: SingleArray

    @classmethod
    def of_scores(cls, blocks: FloatArray, wanted: BoolArray) -> BlockTable:
        """Return the table of what an evaluator says, see `KnowsBlocks`, (P, L, 1 + C), for the genomes that are `wanted`, (P,)."""
        genomes, first = np.nonzero((blocks[:, :, 0] > 0.0) & wanted[:, None])
        rows = blocks[genomes, first]
        return cls(genomes, first, rows[:, 0].astype(np.int64), rows[:, 1:].astype(np.float32))

    @classmethod
    def joined(cls, tables: Sequence[BlockTable]) -> BlockTable:
        """Return the rows of several tables about one batch."""
        genomes, first, behind, figures = (
            np.concatenate([getattr(table, name) for table in tables]) for name in ("genomes", "first", "behind", "figures")
        )
        order = np.argsort(genomes, kind="stable")
        return cls(genomes[order], first[order], behind[order], figures[order])

    def renumbered(self, numbers: IntArray) -> BlockTable:
        """Return the table with other numbers for its genomes, ascending as before."""
        return BlockTable(numbers[self.genomes], self.first, self.behind, self.figures)

    def of(self, genome: int) -> BlockTable:
        """Return the rows of one genome, which is number 0 there."""
        start, stop = np.searchsorted(self.genomes, [genome, genome + 1])
        rows = slice(int(start), int(stop))
        return BlockTable(np.zeros(rows.stop - rows.start, dtype=np.int64), self.first[rows], self.behind[rows], self.figures[rows])

    def chosen(self, columns: Sequence[int], peak: bool) -> SingleArray:
        """Return some columns of the figures, and behind them the last one, or zeros in its place, (N, len(columns) + 1)."""
        last = self.figures[:, -1:]
        return np.concatenate([self.figures[:, list(columns)], last if peak else np.zeros_like(last)], axis=1)
