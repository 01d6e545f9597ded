"""Random search: the baseline every engine has to beat."""

from __future__ import annotations

from stream_evo.search._contracts import EngineContext, EngineState
from stream_evo.search._rng import restore_rng, rng_state
from stream_evo.typing import FloatArray, IntArray

__all__ = ["RandomSearch"]


class RandomSearch:
    """Draws every batch from the sampling operator and learns nothing."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context

    def ask(self) -> IntArray:
        """Return a fresh sample, see `Engine`."""
        context = self._context
        return context.operators.prepare(context.spec, context.operators.sampling(context.spec, context.population, context.rng))

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Learn nothing."""
        del genomes, objectives, violation

    def state(self) -> EngineState:
        """Return the state of chance."""
        return {"rng": rng_state(self._context.rng)}

    def restore(self, state: EngineState) -> None:
        """Continue from `state`."""
        restore_rng(self._context.rng, state["rng"])
