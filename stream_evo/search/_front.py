"""The unbounded archive of non-dominated points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.search._pareto import nondominated
from stream_evo.typing import FloatArray, IntArray

__all__ = ["ParetoFront"]


@dataclass(frozen=True, slots=True)
class ParetoFront:
    """All non-dominated feasible points found so far, one per objective vector.

    A value: arrays are read-only, `extended` returns another front. Points are ordered by their objectives, so equal sets are equal
    arrays.

    Attributes:
        genomes: Canonical genomes, int64 (P, V).
        objectives: What they are compared by, float64 (P, F), mutually non-dominated and distinct.
        metrics: All metrics, float64 (P, M).
    """

    genomes: IntArray
    objectives: FloatArray
    metrics: FloatArray

    def __post_init__(self) -> None:
        for array in (self.genomes, self.objectives, self.metrics):
            array.setflags(write=False)

    @classmethod
    def empty(cls, genes: int, objectives: int, metrics: int) -> ParetoFront:
        """Return a front without points."""
        return cls(np.empty((0, genes), dtype=np.int64), np.empty((0, objectives)), np.empty((0, metrics)))

    def __len__(self) -> int:
        return len(self.genomes)

    def extended(self, genomes: IntArray, objectives: FloatArray, metrics: FloatArray) -> ParetoFront:
        """Return the front of these points and the given feasible ones; among equal objective vectors the first found stays.

        Args:
            genomes: (P, V).
            objectives: (P, F), finite.
            metrics: (P, M).
        """
        if len(self):
            # Most children are dominated by the front. Weeding them out against it first keeps the sort below rare.
            better = np.ones((len(objectives), len(self)), dtype=np.bool_)
            for column, values in enumerate(objectives.T):
                better &= self.objectives[:, column] <= values[:, np.newaxis]
            dominated = better.any(axis=1)
            if dominated.all():
                return self
            genomes, objectives, metrics = genomes[~dominated], objectives[~dominated], metrics[~dominated]
        united = np.concatenate([self.objectives, objectives])
        kept = np.flatnonzero(nondominated(united))
        kept = kept[np.lexsort(united[kept].T[::-1])]
        return ParetoFront(
            np.concatenate([self.genomes, genomes])[kept],
            united[kept],
            np.concatenate([self.metrics, metrics])[kept],
        )
