"""Sets of operators that work together."""

from __future__ import annotations

from stream_evo.operators._balance_cores import BalanceCores
from stream_evo.operators._exchange_layers import ExchangeLayers
from stream_evo.operators._heuristic_sampling import HeuristicSampling
from stream_evo.operators._hints import LayerCosts
from stream_evo.operators._join_neighbour import JoinNeighbour
from stream_evo.operators._merge_stacks import MergeStacks
from stream_evo.operators._move_stack import MoveStack
from stream_evo.operators._pipeline_stack import PipelineStack
from stream_evo.operators._random_reset import RandomReset
from stream_evo.operators._reset_allocation import ResetAllocation
from stream_evo.operators._reset_tile import ResetTile
from stream_evo.operators._shift_cut import ShiftCut
from stream_evo.operators._split_stack import SplitStack
from stream_evo.operators._stack_crossover import StackCrossover
from stream_evo.operators._step_split import StepSplit
from stream_evo.operators._step_stack_tiles import StepStackTiles
from stream_evo.operators._step_tile import StepTile
from stream_evo.operators._swap_dataflow import SwapDataflow
from stream_evo.operators._two_point_crossover import TwoPointCrossover
from stream_evo.operators._uniform_crossover import UniformCrossover
from stream_evo.operators._uniform_sampling import UniformSampling
from stream_evo.search import OperatorSet

__all__ = ["default_operators", "generic_operators"]


def default_operators(hints: LayerCosts | None = None) -> OperatorSet:
    """Return heuristic seeds, all structural operators, and odds that follow their gain.

    What each part is worth was measured: ``experiments/search_quality/README.md``.

    Args:
        hints: Rough costs of layers on cores, if known; they improve seeds and balancing.
    """
    return OperatorSet(
        sampling=HeuristicSampling(hints),
        crossovers=(StackCrossover(), TwoPointCrossover(), UniformCrossover()),
        mutations=(
            BalanceCores(hints),
            ExchangeLayers(),
            JoinNeighbour(),
            MergeStacks(),
            MoveStack(),
            PipelineStack(hints),
            RandomReset(),
            ResetAllocation(),
            ResetTile(),
            ShiftCut(),
            SplitStack(),
            StepSplit(),
            StepStackTiles(),
            StepTile(),
            SwapDataflow(),
        ),
    )


def generic_operators() -> OperatorSet:
    """Return operators that know nothing of the problem: uniform sampling, uniform crossover, random reset. The baseline."""
    return OperatorSet(
        sampling=UniformSampling(), crossovers=(UniformCrossover(),), mutations=(RandomReset(),), crossover_rate=0.9, adaptive=False
    )
