"""What `stream-evo run` does if nobody says otherwise."""

from __future__ import annotations

from contender import Contender

from stream_evo.evaluation import Evaluator
from stream_evo.operators import SeedHints, default_operators
from stream_evo.search import OperatorSet, find_engine


def _operators(evaluator: Evaluator) -> OperatorSet:
    return default_operators(SeedHints(*evaluator.layer_costs()))


CONTENDER = Contender("default", "default", find_engine("nsga2"), _operators)
