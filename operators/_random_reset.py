"""Random reset of any genes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import redraw, some_of
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["RandomReset"]


@dataclass(frozen=True, slots=True)
class RandomReset:
    """Gives a few genes, whatever they mean, another legal value.

    The generic mutation: it can reach every genome from every other, so the search can never get stuck for good.

    Attributes:
        genes: Expected number of changed genes; at least one changes.
    """

    genes: float = 2.0

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        return redraw(spec, genomes, some_of(spec, genomes, slice(0, genomes.shape[1]), self.genes, rng), rng)
