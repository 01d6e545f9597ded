"""One step in tile size, for a few layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, segment, some_of
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["StepTile"]


@dataclass(frozen=True, slots=True)
class StepTile:
    """Makes the tiles of one layer, sometimes more, one step coarser or finer.

    Neighbouring sizes differ by about two, so cost and memory change smoothly along the gene; a random reset would throw that away.

    Attributes:
        layers: Expected number of changed layers; at least one changes.
    """

    layers: float = 1.5

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "tile")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        part = segment(spec, "tile")
        where = some_of(spec, genomes, part, self.layers, rng)[:, part]
        stepped = genomes.copy()
        tiles, lower, upper = genomes[:, part], spec.lower[part], spec.upper[part]
        step = np.where(rng.random(where.shape) < 0.5, -1, 1)
        step = np.where(tiles <= lower, 1, np.where(tiles >= upper, -1, step))  # at an end there is one way to go
        stepped[:, part] = np.clip(tiles + np.where(where, step, 0), lower, upper)
        return stepped
