"""Merging neighbouring stacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, segment, stack_members, tiles_like
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["MergeStacks"]


@dataclass(frozen=True, slots=True)
class MergeStacks:
    """Removes one cut, so two neighbouring stacks become one.

    The tensors at that boundary then flow tile by tile and need not be kept whole: less memory and traffic, more weights at a time. Stacks
    that lived apart often have tiles of very unlike size, and the coarser ones then hold up the finer ones; so one stack sometimes takes
    over the tile size that the other has at the boundary.

    Attributes:
        follow: Chance that the tiles of one stack follow the other's.
    """

    follow: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.follow <= 1.0:
            raise ValueError(f"follow must be between 0 and 1, got {self.follow}")

    def applies(self, spec: Spec) -> bool:
        """Return whether some boundary is free."""
        return bool(free(spec, segment(spec, "cut")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`; genomes without a free cut stay as they are."""
        part = segment(spec, "cut")
        boundary, found = one_of((genomes[:, part] == 1) & free(spec, part), rng)
        merged = genomes.copy()
        merged[np.flatnonzero(found), part.start + boundary[found]] = 0
        before = rng.random(len(genomes)) < 0.5
        leader, follower = boundary + ~before, boundary + before
        follow = found & (rng.random(len(genomes)) < self.follow)
        return tiles_like(spec, merged, leader, stack_members(spec, genomes, follower) & follow[:, None])
