"""Merging neighbouring stacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, segment
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["MergeStacks"]


@dataclass(frozen=True, slots=True)
class MergeStacks:
    """Removes one cut, so two neighbouring stacks become one.

    The tensors at that boundary then flow tile by tile and need not be kept whole: less memory and traffic, more weights at a time.
    """

    def applies(self, spec: Spec) -> bool:
        """Return whether some boundary is free."""
        return bool(free(spec, segment(spec, "cut")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`; genomes without a free cut stay as they are."""
        part = segment(spec, "cut")
        boundary, found = one_of((genomes[:, part] == 1) & free(spec, part), rng)
        merged = genomes.copy()
        merged[np.flatnonzero(found), part.start + boundary[found]] = 0
        return merged
