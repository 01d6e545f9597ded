"""Random reset of tile sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, redraw, segment, some_of
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["ResetTile"]


@dataclass(frozen=True, slots=True)
class ResetTile:
    """Gives one layer, sometimes more, any other tile size.

    Single steps get stuck where sizes between two good ones are bad: a small map is best whole or in rows, weights that exceed the memory
    make everything but the whole map load them again.

    Attributes:
        layers: Expected number of changed layers; at least one changes.
    """

    layers: float = 1.5

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "tile")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        return redraw(spec, genomes, some_of(spec, genomes, segment(spec, "tile"), self.layers, rng), rng)
