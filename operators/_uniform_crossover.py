"""Uniform crossover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["UniformCrossover"]


@dataclass(frozen=True, slots=True)
class UniformCrossover:
    """Takes each gene from either parent, by a coin.

    Mixes most, and tears apart what belongs together (a layer's core and its tile size, the layers of a stack). Good while the population
    is diverse.

    Attributes:
        rate: Chance of a gene to come from the second parent.
    """

    rate: float = 0.5

    def __call__(self, spec: Spec, parents_a: IntArray, parents_b: IntArray, rng: np.random.Generator) -> IntArray:
        """Return one child per pair, see `Crossover`."""
        del spec
        from_b = rng.random(parents_a.shape) < self.rate
        return np.asarray(np.where(from_b, parents_b, parents_a))
