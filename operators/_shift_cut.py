"""Shifting the boundary between two stacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, segment, tiles_like
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["ShiftCut"]


@dataclass(frozen=True, slots=True)
class ShiftCut:
    """Moves one cut a few layers up or down the network.

    Layers change over to the neighbouring stack while the number of stacks stays. As a pair of independent gene changes this would need a
    merge or a split in between, each often far worse than both ends. Sometimes the layers that change over take the tile size of the
    layer they join: a stack of fine tiles gains nothing from a layer that waits for a whole map.

    Attributes:
        reach: Farthest move, in layers.
        follow: Chance that the tiles of layers that change over follow those of their new stack.
    """

    reach: int = 2
    follow: float = 0.5

    def __post_init__(self) -> None:
        if self.reach < 1:
            raise ValueError(f"reach must be at least 1, got {self.reach}")
        if not 0.0 <= self.follow <= 1.0:
            raise ValueError(f"follow must be between 0 and 1, got {self.follow}")

    def applies(self, spec: Spec) -> bool:
        """Return whether at least two boundaries are free."""
        return int(free(spec, segment(spec, "cut")).sum()) > 1

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        part = segment(spec, "cut")
        rows = np.arange(len(genomes))
        loose = free(spec, part)
        cuts = genomes[:, part].copy()
        boundary, found = one_of((cuts == 1) & loose, rng)
        step = rng.integers(1, self.reach + 1, size=len(genomes)) * rng.choice([-1, 1], size=len(genomes))
        # Reflected at the ends of the network; onto a pinned boundary nothing moves.
        target = boundary + step
        target = np.where((target < 0) | (target >= len(loose)), boundary - step, target)
        target = np.clip(target, 0, len(loose) - 1)
        found &= loose[target]
        cuts[rows[found], boundary[found]] = 0
        cuts[rows[found], target[found]] = 1
        moved = genomes.copy()
        moved[:, part] = cuts
        layers, down = np.arange(len(loose) + 1), target > boundary
        first, last = np.minimum(boundary, target)[:, None], np.maximum(boundary, target)[:, None]
        changed_over = (layers > first) & (layers <= last)
        follow = found & (rng.random(len(genomes)) < self.follow)
        return tiles_like(spec, moved, boundary + ~down, changed_over & follow[:, None])
