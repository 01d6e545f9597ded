"""Exchanging the cores of two layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import core_table, free, one_of, segment
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["ExchangeLayers"]


@dataclass(frozen=True, slots=True)
class ExchangeLayers:
    """Exchanges the cores of two layers that are near each other; sometimes their tile sizes too, and sometimes flips a cut beside them.

    The load of the cores stays about the same while who runs before whom changes: in assignment problems the second classical neighbourhood
    beside moving one item. On the way there by single moves one core has both layers. Where a stack best ends often changes with it.

    Attributes:
        reach: Farthest apart, in layers.
        tiles: Chance to exchange tile sizes.
        cuts: Chance to flip a cut in front of or behind one of the two.
    """

    reach: int = 3
    tiles: float = 0.15
    cuts: float = 0.5

    def __post_init__(self) -> None:
        if self.reach < 1:
            raise ValueError(f"reach must be at least 1, got {self.reach}")
        for name, chance in (("tiles", self.tiles), ("cuts", self.cuts)):
            if not 0.0 <= chance <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, got {chance}")

    def applies(self, spec: Spec) -> bool:
        """Return whether at least two layers have a choice."""
        return int(free(spec, segment(spec, "allocation")).sum()) > 1

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`; cores stay where one of the two layers cannot run on the other's."""
        allocation, cut, tile = (segment(spec, name) for name in ("allocation", "cut", "tile"))
        table = core_table(spec)
        layers, rows = np.arange(len(table)), np.arange(len(genomes))
        loose = free(spec, allocation)
        first, found = one_of(np.broadcast_to(loose, (len(genomes), len(layers))), rng)
        distance = np.abs(layers - first[:, None])
        second, near = one_of(loose & (distance > 0) & (distance <= self.reach), rng)
        exchanged = genomes.copy()
        mine, other = (table[layer, genomes[rows, allocation.start + layer]] for layer in (first, second))
        there, here = table[first] == other[:, None], table[second] == mine[:, None]
        fits = found & near & there.any(axis=1) & here.any(axis=1)
        exchanged[rows[fits], allocation.start + first[fits]] = there.argmax(axis=1)[fits]
        exchanged[rows[fits], allocation.start + second[fits]] = here.argmax(axis=1)[fits]
        tiled = rows[near & (rng.random(len(genomes)) < self.tiles)]
        exchanged[tiled, tile.start + first[tiled]] = genomes[tiled, tile.start + second[tiled]]
        exchanged[tiled, tile.start + second[tiled]] = genomes[tiled, tile.start + first[tiled]]
        flipped = rows[rng.random(len(genomes)) < self.cuts]
        beside = np.where(rng.random(len(genomes)) < 0.5, first, second) - rng.integers(0, 2, size=len(genomes))
        if cut.stop > cut.start:
            boundary = cut.start + np.clip(beside[flipped], 0, cut.stop - cut.start - 1)
            exchanged[flipped, boundary] = 1 - genomes[flipped, boundary]
        return spec.canonical(exchanged)
