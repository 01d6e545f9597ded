"""Blocks of a batch of mappings as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np

from stream_evo.errors import PluginError
from stream_evo.typing import BoolArray, FloatArray, IntArray, SingleArray

__all__ = ["BLOCK_METRICS", "BlockTable", "KnowsBlocks"]

BLOCK_METRICS: Final = ("latency_cycles", "energy_pj", "dram_bytes", "memory_bytes")
"""What evaluators say of blocks. Over the blocks of a mapping all add up to its metrics, but for the last: there the highest counts."""


@runtime_checkable
class KnowsBlocks(Protocol):
    """Scores that also say what each block of a mapping contributes: consecutive layers that no other layers overlap in time."""

    @property
    def blocks(self) -> FloatArray:
        """In the row of a block's first layer the layer behind its last, then `BLOCK_METRICS`; other rows are zero; (P, L, 5)."""


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
    def of_evaluation(cls, scored: object, wanted: BoolArray, layers: int) -> BlockTable | None:
        """Return the table of what an evaluator says of the genomes that are `wanted`, (P,); ``None`` if it says nothing of blocks.

        Args:
            scored: Scores of P genomes.
            wanted: Genomes that fit the chip.
            layers: Layers L.

        Raises:
            PluginError: The blocks have another shape, go beyond the last layer, or have figures that are not finite.
        """
        if not isinstance(scored, KnowsBlocks):
            return None
        blocks = scored.blocks
        shape = (len(wanted), layers, 1 + len(BLOCK_METRICS))
        if np.shape(blocks) != shape:
            raise PluginError(f"the evaluator must return blocks of shape {shape}; it returned {np.shape(blocks)}")
        genomes, first = np.nonzero((blocks[:, :, 0] > 0.0) & wanted[:, None])
        rows = blocks[genomes, first]
        behind = rows[:, 0].astype(np.int64)
        if not (np.isfinite(rows).all() and (behind > first).all() and (behind <= layers).all()):
            raise PluginError(
                "the evaluator returned a block that ends before it begins or beyond the last layer, or without finite figures"
            )
        return cls(genomes, first, behind, rows[:, 1:].astype(np.float32))

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

    def chosen(self, columns: Sequence[int], peak: bool) -> BlockTable:
        """Return the table with some columns of the figures, and behind them the last one, or zeros in its place."""
        last = self.figures[:, -1:]
        figures = np.concatenate([self.figures[:, list(columns)], last if peak else np.zeros_like(last)], axis=1)
        # Contiguous: a kernel is compiled anew for each layout.
        return BlockTable(self.genomes, self.first, self.behind, np.ascontiguousarray(figures))
