"""Crossover that keeps fused stacks whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import gene_layers, segment, stack_numbers
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["StackCrossover"]


@dataclass(frozen=True, slots=True)
class StackCrossover:
    """Transplants whole fused stacks of the second parent into the first.

    A random layer picks a stack of the second parent; with it go the next few stacks, their number geometric. All genes of their layers are
    taken, with the cuts at both ends, so the stacks arrive as they were: same members, cores and tile sizes, which is what made them good
    or bad. A stack of the first parent that is hit in part keeps its rest as a shorter stack.

    Attributes:
        go_on: Chance to take one more stack.
    """

    go_on: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.go_on < 1.0:
            raise ValueError(f"go_on must be at least 0 and below 1, got {self.go_on}")

    def applies(self, spec: Spec) -> bool:
        """Return whether the space has boundaries to cut at."""
        part = segment(spec, "cut")
        return bool(part.stop > part.start)

    def __call__(self, spec: Spec, parents_a: IntArray, parents_b: IntArray, rng: np.random.Generator) -> IntArray:
        """Return one child per pair, see `Crossover`."""
        count = len(parents_a)
        stacks = stack_numbers(spec, parents_b)
        first = stacks[np.arange(count), rng.integers(stacks.shape[1], size=count)]
        last = first + rng.geometric(1.0 - self.go_on, size=count) - 1
        taken = (stacks >= first[:, None]) & (stacks <= last[:, None])
        layers = gene_layers(spec)
        inside = np.zeros(parents_a.shape, dtype=np.bool_)
        of_layer = layers >= 0
        inside[:, of_layer] = taken[:, layers[of_layer]]
        # The gene of a cut belongs to the layer before it, so the cut in front of the first taken layer has to be taken as well.
        cut = segment(spec, "cut")
        inside[:, cut] |= taken[:, 1:]
        shared = ~of_layer
        inside[:, shared] = rng.random((count, int(shared.sum()))) < 0.5
        return np.asarray(np.where(inside, parents_b, parents_a))
