"""Engines by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from stream_evo.errors import UnknownNameError
from stream_evo.search._contracts import Engine, EngineContext, EngineFactory
from stream_evo.search._nsga2 import NsgaTwo
from stream_evo.search._random import RandomSearch

__all__ = ["ENGINES", "find_engine"]

_PYMOO = ("AGEMOEA", "AGEMOEA2", "CTAEA", "MOEAD", "NSGA2", "NSGA3", "SMSEMOA", "SPEA2", "UNSGA3")


def _pymoo(algorithm: str, context: EngineContext) -> Engine:
    # pymoo takes half a second to import, which only its users should pay.
    from stream_evo.search._pymoo import PymooEngine  # noqa: PLC0415  # as above

    return PymooEngine(context, algorithm)


def _deap_nsga2(context: EngineContext) -> Engine:
    from stream_evo.search._deap import DeapNsgaTwo  # noqa: PLC0415  # DEAP is imported by its users only

    return DeapNsgaTwo(context)


ENGINES: Mapping[str, EngineFactory] = MappingProxyType(
    {
        "deap:nsga2": _deap_nsga2,
        "nsga2": NsgaTwo,
        "nsga2:crowding": NsgaTwo.by_crowding,
        "nsga2:local": NsgaTwo.with_local_search,
        "random": RandomSearch,
        **{f"pymoo:{name}": partial(_pymoo, name) for name in _PYMOO},
    }
)
"""All engines by the name that ``--engine`` takes."""


def find_engine(name: str) -> EngineFactory:
    """Return the engine called `name`.

    Raises:
        UnknownNameError: There is none; the error lists all.
    """
    if name not in ENGINES:
        raise UnknownNameError("engine", name, sorted(ENGINES))
    return ENGINES[name]
