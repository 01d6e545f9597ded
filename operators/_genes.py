"""Reading genomes the way the operators think: layers, stacks, cores.

Everything works on whole batches (P, V) and knows the segments described at `stream_evo.search.Spec`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stream_evo.search import KnowsCores, Spec, gene_layers, segment
from stream_evo.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "by_value",
    "core_table",
    "free",
    "gene_layers",
    "one_of",
    "redraw",
    "segment",
    "some_of",
    "stack_members",
    "stack_numbers",
    "tiles_like",
]


def core_table(spec: Spec) -> IntArray:
    """Return the core that each value of each allocation gene stands for, (L, A), -1 where the gene has no such value.

    A space that does not know its cores is taken to number them alike for all layers. Values outside the bounds of a pinned gene count as
    missing.
    """
    part = segment(spec, "allocation")
    if isinstance(spec, KnowsCores):
        return _table_of_cores(spec.capable, tuple(spec.lower[part].tolist()), tuple(spec.upper[part].tolist()))
    lower, upper = spec.lower[part], spec.upper[part]
    values = np.arange(int(upper.max(initial=-1)) + 1)
    return np.where((values >= lower[:, None]) & (values <= upper[:, None]), values, -1)


def by_value(costs: FloatArray, table: IntArray) -> FloatArray:
    """Return costs by allocation value (L, A) from costs by core (L, N) and `core_table`; infinite where there is no such value."""
    layers = np.arange(len(table))[:, None]
    return np.where(table >= 0, costs[layers, np.maximum(table, 0)], np.inf)


@lru_cache(maxsize=32)  # operators are called a thousand times on one space
def _table_of_cores(capable: tuple[tuple[int, ...], ...], lower: tuple[int, ...], upper: tuple[int, ...]) -> IntArray:
    table = np.full((len(capable), max(map(len, capable), default=0)), -1, dtype=np.int64)
    for layer, cores in enumerate(capable):
        for value in range(lower[layer], upper[layer] + 1):
            table[layer, value] = cores[value]
    table.setflags(write=False)
    return table


def free(spec: Spec, part: slice) -> BoolArray:
    """Mark the genes of a segment that are not fixed, (genes of the segment,)."""
    return np.asarray(spec.upper[part] > spec.lower[part])


def stack_numbers(spec: Spec, genomes: IntArray) -> IntArray:
    """Return the number of the fused stack of each layer, from 0, (P, L)."""
    cuts = genomes[:, segment(spec, "cut")]
    part = segment(spec, "allocation")
    numbers = np.zeros((len(genomes), part.stop - part.start), dtype=np.int64)
    np.cumsum(cuts, axis=1, out=numbers[:, 1:])
    return numbers


def stack_members(spec: Spec, genomes: IntArray, layers: IntArray) -> BoolArray:
    """Mark the layers in the same stack as one given layer per genome (P,), (P, L)."""
    numbers = stack_numbers(spec, genomes)
    return np.asarray(numbers == numbers[np.arange(len(genomes)), layers][:, None])


def tiles_like(spec: Spec, genomes: IntArray, model: IntArray, where: BoolArray) -> IntArray:
    """Return genomes whose layers marked in `where` (P, L) have tiles as many steps above their finest as the layer `model` (P,).

    What is fused passes tensors tile by tile, and about equally large tiles keep all layers of a stack busy.
    """
    part = segment(spec, "tile")
    lower, upper, tiles = spec.lower[part], spec.upper[part], genomes[:, part]
    if not len(upper):
        return genomes
    steps = upper[model] - tiles[np.arange(len(genomes)), model]
    changed = genomes.copy()
    changed[:, part] = np.where(where, np.clip(upper - steps[:, None], lower, upper), tiles)
    return changed


def one_of(choices: BoolArray, rng: np.random.Generator) -> tuple[IntArray, BoolArray]:
    """Draw one marked column per row, uniformly.

    Args:
        choices: (P, C).
        rng: Source of chance.

    Returns:
        The columns, (P,), and whether the row had any mark, (P,); columns of rows without are 0.
    """
    if not choices.shape[1]:
        return np.zeros(len(choices), dtype=np.int64), np.zeros(len(choices), dtype=np.bool_)
    counts = choices.sum(axis=1)
    # The k-th mark of a row, k uniform: one uniform per row instead of one per cell.
    nth = (rng.random(len(choices)) * counts).astype(np.int64)
    columns = np.argmax(np.cumsum(choices, axis=1) > nth[:, None], axis=1)
    return np.where(counts > 0, columns, 0), counts > 0


def some_of(spec: Spec, genomes: IntArray, part: slice, expected: float, rng: np.random.Generator) -> BoolArray:
    """Mark at least one free gene of a segment per genome, `expected` on average, (P, V); none where none is free."""
    loose = np.broadcast_to(free(spec, part), (len(genomes), part.stop - part.start))
    marked = rng.random(loose.shape) < max(expected - 1.0, 0.0) / max(int(loose[:1].sum()), 1)
    gene, any_free = one_of(loose, rng)
    marked[np.arange(len(genomes)), gene] |= any_free
    where = np.zeros(genomes.shape, dtype=np.bool_)
    where[:, part] = marked & loose
    return where


def redraw(spec: Spec, genomes: IntArray, where: BoolArray, rng: np.random.Generator) -> IntArray:
    """Return genomes (P, V) whose genes marked in `where` (P, V) have another legal value, uniformly; fixed genes stay."""
    rows, genes = np.nonzero(where & (spec.upper > spec.lower))
    lower, span = spec.lower[genes], spec.upper[genes] - spec.lower[genes]
    changed = genomes.copy()
    shift = 1 + (rng.random(len(rows)) * span).astype(np.int64)
    changed[rows, genes] = lower + (genomes[rows, genes] - lower + shift) % (span + 1)
    return changed
