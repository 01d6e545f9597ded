"""What competes: an engine with its operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stream_evo.evaluation import Evaluator
from stream_evo.operators import generic_operators
from stream_evo.search import EngineFactory, OperatorSet

__all__ = ["Contender", "knows_nothing"]


def knows_nothing(evaluator: Evaluator) -> OperatorSet:
    """Return uniform sampling, uniform crossover and random reset, whatever the problem."""
    del evaluator
    return generic_operators()


@dataclass(frozen=True)
class Contender:
    """One column of the tables.

    Attributes:
        name: How files and commands call it.
        title: How tables and pictures call it.
        engine: Builds the engine.
        operators: Makes the operators for a problem.
        population: Genomes per generation.
    """

    name: str
    title: str
    engine: EngineFactory
    operators: Callable[[Evaluator], OperatorSet] = knows_nothing
    population: int = 100
