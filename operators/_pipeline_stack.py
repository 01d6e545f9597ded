"""Making a pipeline of a fused stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.operators._genes import core_table, free, one_of, segment, stack_members
from stream_evo.operators._hints import LayerCosts
from stream_evo.operators._pipelines import drawn_runs, pipelined
from stream_evo.search import Spec
from stream_evo.typing import IntArray

__all__ = ["PipelineStack"]


@dataclass(frozen=True, slots=True)
class PipelineStack:
    """Spreads one stack over the cores anew: runs of consecutive layers of about equal work, each run on a core of its own.

    Such a pipeline keeps all cores busy with few transfers. Layer by layer it is hard to reach: until all runs are in place, each move adds
    a transfer, and the slowest core still sets the pace.

    Attributes:
        hints: What each layer costs on each core; without, all layers weigh the same.
    """

    hints: LayerCosts | None = None

    def applies(self, spec: Spec) -> bool:
        """Return whether some layer has a choice."""
        return bool(free(spec, segment(spec, "allocation")).any())

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return mutants, see `Mutation`."""
        part = segment(spec, "allocation")
        anchor, found = one_of(np.broadcast_to(free(spec, part), (len(genomes), part.stop - part.start)), rng)
        members = stack_members(spec, genomes, anchor) & found[:, None]
        # The layers before and after the stack count as stacks of their own; what comes out for them is dropped.
        bounds = np.zeros(members.shape, dtype=np.int64)
        bounds[:, 1:] = members[:, 1:] != members[:, :-1]
        runs = drawn_runs(core_table(spec), len(genomes), rng)
        latency = None if self.hints is None else self.hints.latency_cycles
        spread = pipelined(spec, latency, np.cumsum(bounds, axis=1), runs, rng)
        changed = genomes.copy()
        changed[:, part] = np.where(members, spread, genomes[:, part])
        return spec.canonical(changed)
