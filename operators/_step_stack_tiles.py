"""One step in tile size, along a whole stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, segment, stack_members
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["StepStackTiles"]


@dataclass(frozen=True, slots=True)
class StepStackTiles:
    """Makes the tiles of all layers of one stack a step coarser or finer, or gives them the size of one of their layers.

    Inside a stack the coarsest layer decides how long the others wait and how much is kept, so one layer alone changes little. Three moves
    at equal odds: all one step coarser, all one step finer, all to the share of their range that a random member has.
    """

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "tile")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        part = segment(spec, "tile")
        count = len(genomes)
        tiles, lower, upper = genomes[:, part], spec.lower[part], spec.upper[part]
        anchor, found = one_of(np.broadcast_to(free(spec, part), tiles.shape), rng)
        members = stack_members(spec, genomes, anchor) & found[:, None]
        step = rng.integers(-1, 2, size=count)
        rows = np.arange(count)
        share = (tiles[rows, anchor] - lower[anchor]) / np.maximum(upper[anchor] - lower[anchor], 1)
        level = np.rint(lower + share[:, None] * (upper - lower)).astype(np.int64)
        stepped = np.where((step == 0)[:, None], level, np.clip(tiles + step[:, None], lower, upper))
        changed = genomes.copy()
        changed[:, part] = np.where(members, stepped, tiles)
        return changed
