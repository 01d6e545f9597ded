"""Random reset of layers' cores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, redraw, segment, some_of
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["ResetAllocation"]


@dataclass(frozen=True, slots=True)
class ResetAllocation:
    """Puts one layer, sometimes more, on another of its capable cores.

    The smallest step of an allocation; what a layer-to-core genetic algorithm has as its only mutation.

    Attributes:
        layers: Expected number of moved layers; at least one moves.
    """

    layers: float = 1.5

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "allocation")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        return redraw(spec, genomes, some_of(spec, genomes, segment(spec, "allocation"), self.layers, rng), rng)
