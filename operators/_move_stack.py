"""Moving a fused stack to one core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import core_table, free, one_of, segment, stack_members
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["MoveStack"]


@dataclass(frozen=True, slots=True)
class MoveStack:
    """Puts all layers of one stack that can run there on one core.

    Tensors inside a stack then stay where they are made. Reaching such a genome layer by layer crosses a valley: each single move adds a
    transfer before the last one removes them all. With `partly`, only the run of the stack from a random layer on moves, which also makes
    pipelines of two cores.

    Attributes:
        partly: Chance that only the part of the stack from a random layer on moves.
    """

    partly: float = 0.3

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "allocation")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        part = segment(spec, "allocation")
        table = core_table(spec)
        rows = np.arange(len(genomes))
        loose = np.broadcast_to(free(spec, part), (len(genomes), len(table)))
        anchor, movable = one_of(loose, rng)
        allocation = genomes[:, part]
        # Another core for the anchor; whoever of its stack can follow, follows.
        others = table[anchor] >= 0
        others[rows, allocation[rows, anchor]] = False
        target, has_other = one_of(others, rng)
        core = table[anchor, target]
        matches = table[None, :, :] == core[:, None, None]
        follows = stack_members(spec, genomes, anchor) & matches.any(axis=2) & (movable & has_other)[:, None]
        cropped = rng.random(len(genomes)) < self.partly
        follows &= ~cropped[:, None] | (np.arange(len(table)) >= anchor[:, None])
        moved = genomes.copy()
        moved[:, part] = np.where(follows, matches.argmax(axis=2), allocation)
        return moved
