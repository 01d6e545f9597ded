"""Plug-ins at work: what passed its trials can still fail later, and is told by the name the user knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from stream_evo.search._check_genomes import check_genomes
from stream_evo.search._codec import pack_state
from stream_evo.search._contracts import Engine, EngineContext, EngineFactory, EngineState, Spec
from stream_evo.search._trial import called
from stream_evo.typing import FloatArray, IntArray

__all__ = ["WatchedEngineFactory", "WatchedOperator"]

_WHEN = "in the middle of the search"


@dataclass(frozen=True)
class WatchedOperator:
    """An operator of a user's own, of any kind: every batch it gives is checked.

    Attributes:
        operator: The operator.
        name: What messages call it; no setting of the search.
    """

    operator: Any
    name: str = field(compare=False)

    @property
    def __wrapped__(self) -> Any:
        """The operator, for fingerprints and signatures."""
        return self.operator

    def __call__(self, spec: Spec, *arguments: Any) -> IntArray:
        """Return what the operator gives.

        Raises:
            PluginError: It raised something, or gave something else than legal genomes.
        """
        genomes = called(self.name, partial(self.operator, spec, *arguments), _WHEN)
        check_genomes(self.name, genomes, spec, int(arguments[0]) if np.ndim(arguments[0]) == 0 else len(arguments[0]))
        return np.asarray(genomes, dtype=np.int64)

    def applies(self, spec: Spec) -> bool:
        """True if the operator can change anything in this space."""
        applies = getattr(self.operator, "applies", None)
        return applies is None or bool(called(self.name, partial(applies, spec), _WHEN))


@dataclass(frozen=True)
class WatchedEngineFactory:
    """Builds an engine of a user's own whose failures are told.

    Attributes:
        factory: What builds it.
        name: What messages call it; no setting of the search.
    """

    factory: EngineFactory
    name: str = field(compare=False)

    @property
    def __wrapped__(self) -> EngineFactory:
        """The factory, for fingerprints and signatures."""
        return self.factory

    def __call__(self, context: EngineContext) -> Engine:
        """Build the engine.

        Raises:
            PluginError: It could not be made.
        """
        return _WatchedEngine(called(self.name, partial(self.factory, context), "as it was made"), self.name)


@dataclass(frozen=True)
class _WatchedEngine:
    engine: Engine
    name: str

    def ask(self) -> IntArray:
        return np.asarray(called(self.name, self.engine.ask, _WHEN))

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        called(self.name, partial(self.engine.tell, genomes, objectives, violation), _WHEN)

    def state(self) -> EngineState | None:
        return called(self.name, self._storable, _WHEN)  # type: ignore[no-any-return]  # as the engine declares it

    def _storable(self) -> EngineState | None:
        state = self.engine.state()
        if state is not None:
            pack_state({f"engine.{name}": value for name, value in state.items()})
        return state

    def restore(self, state: EngineState) -> None:
        called(self.name, partial(self.engine.restore, state), "as it was to continue")
