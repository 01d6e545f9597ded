"""Steps of Pareto local search: neighbours of good genomes that were not looked at yet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stream_evo.search._contracts import Spec
from stream_evo.search._segments import ordered_genes
from stream_evo.typing import BoolArray, IntArray

__all__ = ["local_steps"]

_DRAWS_PER_STEP = 8
_REACH = 3


def local_steps(
    spec: Spec,
    origins: IntArray,
    count: int,
    is_known: Callable[[IntArray], BoolArray],
    rng: np.random.Generator,
) -> IntArray:
    """Draw up to `count` canonical genomes near `origins` that are not known, (K, V), K <= count.

    As in Pareto local search (Paquete, Chiarandini, Stuetzle 2004) neighbours of non-dominated genomes are looked at until all around
    them are known. A neighbour differs in one decision: one gene, by one step up or down where values are ordered (tile sizes, ways of
    splitting), to any other value elsewhere. Where too few neighbours are unknown, the known ones are walked on from, up to three steps
    away, so points that no chain of non-dominated neighbours leads to are found as well.

    Args:
        spec: The search space.
        origins: Canonical genomes, (P, V), P >= 1.
        count: Genomes wanted.
        is_known: Tells which canonical genomes need not be evaluated.
        rng: The only source of chance.
    """
    moves = _moves(spec)
    if count < 1 or not moves.any():
        return origins[:0]
    draws = _DRAWS_PER_STEP * count
    found: dict[bytes, IntArray] = {}
    for _ in range(_REACH):
        near = spec.canonical(_stepped(spec, moves, origins[rng.integers(len(origins), size=draws)], rng))
        known = is_known(near)
        for genome in np.ascontiguousarray(near[~known]):
            found.setdefault(genome.tobytes(), genome)
        if len(found) >= count or not known.any():
            break
        origins = near[known]
    return np.array(list(found.values())[:count], dtype=np.int64).reshape(-1, origins.shape[1])


def _moves(spec: Spec) -> IntArray:
    """Return how many neighbours a genome has along each gene, (V,); of ordered genes, those of one inside the bounds."""
    span = spec.upper - spec.lower
    return np.where(ordered_genes(spec), np.minimum(span, 2), span)


def _stepped(spec: Spec, moves: IntArray, genomes: IntArray, rng: np.random.Generator) -> IntArray:
    """Return `genomes` (P, V) with one decision changed in each; all neighbours are about equally likely."""
    rows = np.arange(len(genomes))
    genes = np.searchsorted(np.cumsum(moves), rng.integers(int(moves.sum()), size=len(genomes)), side="right")
    values, low, high = genomes[rows, genes], spec.lower[genes], spec.upper[genes]
    turned = low + (values - low + 1 + (rng.random(len(genomes)) * (high - low)).astype(np.int64)) % (high - low + 1)
    step = np.where(rng.random(len(genomes)) < 0.5, -1, 1)
    stepped = values + np.where(values <= low, 1, np.where(values >= high, -1, step))  # at an end there is one way to go
    changed = genomes.copy()
    changed[rows, genes] = np.where(ordered_genes(spec)[genes], stepped, turned)
    return changed
