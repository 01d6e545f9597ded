"""Uniform sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["UniformSampling"]


@dataclass(frozen=True, slots=True)
class UniformSampling:
    """Draws every gene uniformly and independently.

    Unbiased, and a poor start: half of all boundaries are cut, neighbours rarely share a core, so nearly all samples move every tensor
    off-chip or across the chip. The baseline for `HeuristicSampling`.
    """

    def __call__(self, spec: Spec, count: int, rng: np.random.Generator) -> IntArray:
        """Return `count` genomes, see `Sampling`."""
        return spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower))))
