"""Scores from disk, waiting for the engine to ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from stream_evo.errors import RunFolderError
from stream_evo.search._archive import Batch, EvaluationArchive
from stream_evo.search._blocks import BlockTable, KnowsBlocks
from stream_evo.search._ledger import Ledger, genome_keys
from stream_evo.search._problem import SearchProblem
from stream_evo.typing import BoolArray, FloatArray

__all__ = ["Recorded"]

_TRIED = 4


class Recorded:
    """What other runs, or earlier sessions of this one, know of genomes that this session has not asked for yet.

    Args:
        columns: Number of metrics M.
    """

    def __init__(self, columns: int) -> None:
        self._ledger = Ledger(columns)
        self._blocks: dict[bytes, BlockTable] = {}

    def add(self, batch: Batch) -> None:
        """Keep what is not known yet of a batch."""
        keys = genome_keys(batch.genomes)
        new = self._ledger.rows(keys) < 0
        self._ledger.add([key for key, is_new in zip(keys, new, strict=True) if is_new], batch.metrics[new], batch.violation[new])
        if batch.blocks is not None:
            self._blocks.update((keys[number], batch.blocks.of(number)) for number in np.flatnonzero(new).tolist())

    def borrow(self, folder: Path, problem: SearchProblem, fingerprint: Mapping[str, str]) -> None:
        """Take scores from another run.

        Raises:
            RunFolderError: The run is about another problem, or this version scores its genomes differently.
        """
        with EvaluationArchive.read(folder) as other:
            held = other.fingerprint
            changed = [name for name, value in fingerprint.items() if name.startswith("problem.") and held.get(name) != value]
            if changed:
                raise RunFolderError(f"{folder} cannot lend its evaluations, it differs in: {', '.join(changed)}")
            for number, batch in enumerate(other.batches()):
                if number == 0:
                    knows_blocks = _check_lent(folder, problem, batch)
                if batch.blocks is not None or not knows_blocks:  # without their blocks scores would change what the engine does
                    self.add(batch)

    def scores(self, keys: list[bytes]) -> tuple[BoolArray, FloatArray, FloatArray, list[BlockTable]]:
        """Return which genomes are known, (P,), their metrics (P, M) and violation (P,), and the blocks of each, numbered by its place.

        Rows of genomes that are not known may hold anything.
        """
        rows = self._ledger.rows(keys)
        metrics, violation = self._ledger.scores(np.maximum(rows, 0))
        tables = [
            self._blocks[keys[place]].renumbered(np.array([place]))
            for place in np.flatnonzero(rows >= 0).tolist()
            if keys[place] in self._blocks
        ]
        return rows >= 0, metrics, violation, tables


def _check_lent(folder: Path, problem: SearchProblem, batch: Batch) -> bool:
    """Evaluate a few of another run's genomes again: fingerprints do not tell versions of the evaluator apart.

    Return whether the evaluator knows their blocks.
    """
    lent = slice(0, _TRIED)
    scored = problem.evaluator.evaluate(batch.genomes[lent])
    # Metrics of what does not fit may be undefined.
    same = np.array_equal(scored.metrics, batch.metrics[lent], equal_nan=True)
    if not (same and np.array_equal(scored.violation_bytes, batch.violation[lent])):
        raise RunFolderError(f"{folder} cannot lend its evaluations: this version scores the same genomes differently")
    return isinstance(scored, KnowsBlocks)
