"""Another dataflow for a core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, redraw, segment
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["SwapDataflow"]


@dataclass(frozen=True, slots=True)
class SwapDataflow:
    """Gives one core another of its dataflows.

    One gene that changes the cost of every layer on the core, so it deserves more tries than its share of the genome.
    """

    def applies(self, spec: Spec) -> bool:
        """Return whether some core has several dataflows to choose from."""
        return bool(free(spec, segment(spec, "dataflow")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        part = segment(spec, "dataflow")
        core, found = one_of(np.broadcast_to(free(spec, part), (len(genomes), part.stop - part.start)), rng)
        where = np.zeros(genomes.shape, dtype=np.bool_)
        where[np.flatnonzero(found), part.start + core[found]] = True
        return redraw(spec, genomes, where, rng)
