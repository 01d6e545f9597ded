"""One step in the number of cores a layer is spread over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import free, one_of, segment
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["StepSplit"]


@dataclass(frozen=True, slots=True)
class StepSplit:
    """Spreads one layer over twice or half as many cores.

    A large layer alone on one core bounds the latency however the others are placed; in parts it runs on several at once, and its weights
    fit where they did not, at the price of sending its input to all of them.
    """

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer can be spread."""
        return bool(free(spec, segment(spec, "split")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        part = segment(spec, "split")
        layer, found = one_of(np.broadcast_to(free(spec, part), (len(genomes), part.stop - part.start)), rng)
        rows = np.flatnonzero(found)
        genes = part.start + layer[rows]
        values, lower, upper = genomes[rows, genes], spec.lower[genes], spec.upper[genes]
        step = np.where(rng.random(len(rows)) < 0.5, -1, 1)
        step = np.where(values <= lower, 1, np.where(values >= upper, -1, step))  # at an end there is one way to go
        stepped = genomes.copy()
        stepped[rows, genes] = values + step
        return stepped
