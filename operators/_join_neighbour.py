"""Sending a layer to its neighbour's core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import core_table, free, one_of, segment
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["JoinNeighbour"]


@dataclass(frozen=True, slots=True)
class JoinNeighbour:
    """Puts a layer on the core of the layer before or after it, where it can run there.

    Neighbours share a tensor, which then need not travel. Only layers whose neighbour sits elsewhere are drawn, so hardly a try is wasted.
    """

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "allocation")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`; genomes without such a pair of layers stay as they are."""
        part = segment(spec, "allocation")
        table = core_table(spec)
        layers = np.arange(len(table))
        cores = table[layers, genomes[:, part]]
        edge = np.full((len(cores), 1), -1)
        before, after = np.hstack([edge, cores[:, :-1]]), np.hstack([cores[:, 1:], edge])
        neighbours = np.where(rng.random((len(cores), 1)) < 0.5, before, after)
        matches = (table[None, :, :] == neighbours[:, :, None]) & (neighbours >= 0)[:, :, None]
        layer, found = one_of(matches.any(axis=2) & (neighbours != cores) & free(spec, part), rng)
        rows = np.flatnonzero(found)
        joined = genomes.copy()
        joined[rows, part.start + layer[rows]] = matches[rows, layer[rows]].argmax(axis=1)
        return joined
