"""Splitting a stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, segment
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["SplitStack"]


@dataclass(frozen=True, slots=True)
class SplitStack:
    """Adds one cut, so one stack becomes two.

    Each part then has the memories and cores for itself: fewer weights and halo rows at a time, one tensor more to keep whole.
    """

    def applies(self, spec: Spec) -> bool:
        """Return whether some boundary is free."""
        return bool(free(spec, segment(spec, "cut")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`; genomes without a free boundary stay as they are."""
        part = segment(spec, "cut")
        boundary, found = one_of((genomes[:, part] == 0) & free(spec, part), rng)
        split = genomes.copy()
        split[np.flatnonzero(found), part.start + boundary[found]] = 1
        return split
