"""Random reset of any genes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import one_of, redraw
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
        loose = np.broadcast_to(spec.upper > spec.lower, genomes.shape)
        where = rng.random(genomes.shape) < max(self.genes - 1.0, 0.0) / max(int(loose[:1].sum()), 1)
        gene, any_free = one_of(loose, rng)
        where[np.arange(len(genomes)), gene] |= any_free
        return redraw(spec, genomes, where, rng)
