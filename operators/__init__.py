"""Operators: how genomes are made and changed.

All work on whole batches, stay inside the bounds, respect pinned genes, and draw chance only from the generator they are given. The
contracts are `Sampling`, `Crossover`, `Mutation` and `Repair` of `stream_evo.search`; `README.md` shows how to write one's own.

Sampling:
    HeuristicSampling, UniformSampling
Crossover:
    StackCrossover, TwoPointCrossover, UniformCrossover
Mutation:
    BalanceCores, ExchangeLayers, JoinNeighbour, MergeStacks, MoveStack, PipelineStack, RandomReset, ResetAllocation, ResetTile, ShiftCut,
    SplitStack, StepSplit, StepStackTiles, StepTile, SwapDataflow
Repair:
    FitTiles
Sets of operators:
    default_operators, generic_operators
Beside them:
    OPERATORS: everything by name; SeedHints, LayerCosts: rough costs for operators that can use them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from stream_evo.operators._balance_cores import BalanceCores
from stream_evo.operators._exchange_layers import ExchangeLayers
from stream_evo.operators._fit_tiles import FitTiles
from stream_evo.operators._heuristic_sampling import HeuristicSampling
from stream_evo.operators._hints import LayerCosts, SeedHints
from stream_evo.operators._join_neighbour import JoinNeighbour
from stream_evo.operators._merge_stacks import MergeStacks
from stream_evo.operators._move_stack import MoveStack
from stream_evo.operators._pipeline_stack import PipelineStack
from stream_evo.operators._random_reset import RandomReset
from stream_evo.operators._reset_allocation import ResetAllocation
from stream_evo.operators._reset_tile import ResetTile
from stream_evo.operators._sets import default_operators, generic_operators
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

__all__ = [
    "OPERATORS",
    "BalanceCores",
    "ExchangeLayers",
    "FitTiles",
    "HeuristicSampling",
    "JoinNeighbour",
    "LayerCosts",
    "MergeStacks",
    "MoveStack",
    "PipelineStack",
    "RandomReset",
    "ResetAllocation",
    "ResetTile",
    "SeedHints",
    "ShiftCut",
    "SplitStack",
    "StackCrossover",
    "StepSplit",
    "StepStackTiles",
    "StepTile",
    "SwapDataflow",
    "TwoPointCrossover",
    "UniformCrossover",
    "UniformSampling",
    "default_operators",
    "generic_operators",
]

OPERATORS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "crossover.stack": StackCrossover,
        "crossover.two_point": TwoPointCrossover,
        "crossover.uniform": UniformCrossover,
        "mutation.balance_cores": BalanceCores,
        "mutation.exchange_layers": ExchangeLayers,
        "mutation.join_neighbour": JoinNeighbour,
        "mutation.merge_stacks": MergeStacks,
        "mutation.move_stack": MoveStack,
        "mutation.pipeline_stack": PipelineStack,
        "mutation.random_reset": RandomReset,
        "mutation.reset_allocation": ResetAllocation,
        "mutation.reset_tile": ResetTile,
        "mutation.shift_cut": ShiftCut,
        "mutation.split_stack": SplitStack,
        "mutation.step_split": StepSplit,
        "mutation.step_stack_tiles": StepStackTiles,
        "mutation.step_tile": StepTile,
        "mutation.swap_dataflow": SwapDataflow,
        "repair.fit_tiles": FitTiles,
        "sampling.heuristic": HeuristicSampling,
        "sampling.uniform": UniformSampling,
        "set.default": default_operators,
        "set.generic": generic_operators,
    }
)
"""Everything that makes operators, by kind and name; called without arguments each gives one that works."""
