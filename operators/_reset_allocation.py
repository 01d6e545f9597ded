"""Random reset of layers' cores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, redraw, segment
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
        part = segment(spec, "allocation")
        loose = np.broadcast_to(free(spec, part), (len(genomes), part.stop - part.start))
        where = np.zeros(genomes.shape, dtype=np.bool_)
        where[:, part] = rng.random(loose.shape) < max(self.layers - 1.0, 0.0) / max(int(loose[:1].sum()), 1)
        layer, any_free = one_of(loose, rng)
        where[np.arange(len(genomes)), part.start + layer] |= any_free
        return redraw(spec, genomes, where, rng)
