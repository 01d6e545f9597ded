"""Two-point crossover along the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import gene_layers
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["TwoPointCrossover"]


@dataclass(frozen=True, slots=True)
class TwoPointCrossover:
    """Gives the child all genes of a run of consecutive layers from the second parent.

    The two points are layers, not places in the vector: core, cut, tile size and split of a layer travel together, and so do neighbours,
    which share tensors. Genes of the whole mapping (dataflows, priority) come from either parent by a coin.
    """

    def __call__(self, spec: Spec, parents_a: IntArray, parents_b: IntArray, rng: np.random.Generator) -> IntArray:
        """Return one child per pair, see `Crossover`."""
        layers = gene_layers(spec)
        count = len(parents_a)
        ends = np.sort(rng.integers(0, int(layers.max(initial=0)) + 2, size=(count, 2)), axis=1)
        inside = (layers >= ends[:, :1]) & (layers < ends[:, 1:])
        shared = layers < 0
        inside[:, shared] = rng.random((count, int(shared.sum()))) < 0.5
        return np.asarray(np.where(inside, parents_b, parents_a))
