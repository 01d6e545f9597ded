"""Multi-objective search over integer vectors: engines, operators' contracts, the loop, the archive.

An engine asks for a batch of genomes and is told their objectives; `optimize` owns the budget, evaluates each genome once, keeps all
non-dominated points, stores everything on disk as it comes, and reports. Everything is minimised; infeasible genomes rank behind feasible
ones.

The loop:
    optimize, SearchProblem, Budget, Progress, Callback, SearchResult, StopReason, LeastInfeasible
Engines:
    ENGINES, find_engine, Engine, EngineContext, EngineFactory, EngineState, NsgaTwo, Diversity, RandomSearch
Contracts of operators and of what is searched:
    Sampling, Crossover, Mutation, Repair, Objective, Conditional, OperatorSet, Variation, Spec, KnowsCores, KnowsAlikeCores,
    BatchEvaluator, BatchEvaluation, KnowsBlocks, BLOCK_METRICS, BlockTable
    LAYER_SEGMENTS, gene_layers, layer_count, segment: where things lie in a genome
What is kept:
    EvaluationArchive, Batch, ProgressRow, ARCHIVE_NAME, ParetoFront; describe: settings as text, for fingerprints
Measures:
    hypervolume, reference_point, nondominated
Plug-ins:
    load_operator, load_objective, load_engine: from files; check_operator, check_named_objective, check_engine_factory: from elsewhere;
    WatchedOperator, WatchedEngineFactory: at work; operator_kind, PluginKind, objective_values; checks for one's own tests are in
    `stream_evo.search.testing`
"""

from stream_evo.search._archive import ARCHIVE_NAME, Batch, EvaluationArchive, ProgressRow
from stream_evo.search._blocks import BLOCK_METRICS, BlockTable, KnowsBlocks
from stream_evo.search._check_objective import objective_values
from stream_evo.search._contracts import (
    BatchEvaluation,
    BatchEvaluator,
    Conditional,
    Crossover,
    Engine,
    EngineContext,
    EngineFactory,
    EngineState,
    KnowsAlikeCores,
    KnowsCores,
    Mutation,
    Objective,
    OperatorSet,
    Repair,
    Sampling,
    Spec,
)
from stream_evo.search._describe import describe
from stream_evo.search._engines import ENGINES, find_engine
from stream_evo.search._front import ParetoFront
from stream_evo.search._nsga2 import Diversity, NsgaTwo
from stream_evo.search._optimize import optimize
from stream_evo.search._pareto import hypervolume, nondominated, reference_point
from stream_evo.search._plugin import (
    PluginKind,
    check_engine_factory,
    check_named_objective,
    check_operator,
    load_engine,
    load_objective,
    load_operator,
    operator_kind,
)
from stream_evo.search._problem import SearchProblem
from stream_evo.search._random import RandomSearch
from stream_evo.search._result import Budget, Callback, LeastInfeasible, Progress, SearchResult, StopReason
from stream_evo.search._segments import LAYER_SEGMENTS, gene_layers, layer_count, segment
from stream_evo.search._variation import Variation
from stream_evo.search._watch import WatchedEngineFactory, WatchedOperator

__all__ = [
    "ARCHIVE_NAME",
    "BLOCK_METRICS",
    "ENGINES",
    "LAYER_SEGMENTS",
    "Batch",
    "BatchEvaluation",
    "BatchEvaluator",
    "BlockTable",
    "Budget",
    "Callback",
    "Conditional",
    "Crossover",
    "Diversity",
    "Engine",
    "EngineContext",
    "EngineFactory",
    "EngineState",
    "EvaluationArchive",
    "KnowsAlikeCores",
    "KnowsBlocks",
    "KnowsCores",
    "LeastInfeasible",
    "Mutation",
    "NsgaTwo",
    "Objective",
    "OperatorSet",
    "ParetoFront",
    "PluginKind",
    "Progress",
    "ProgressRow",
    "RandomSearch",
    "Repair",
    "Sampling",
    "SearchProblem",
    "SearchResult",
    "Spec",
    "StopReason",
    "Variation",
    "WatchedEngineFactory",
    "WatchedOperator",
    "check_engine_factory",
    "check_named_objective",
    "check_operator",
    "describe",
    "find_engine",
    "gene_layers",
    "hypervolume",
    "layer_count",
    "load_engine",
    "load_objective",
    "load_operator",
    "nondominated",
    "objective_values",
    "operator_kind",
    "optimize",
    "reference_point",
    "segment",
]
