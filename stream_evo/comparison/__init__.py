"""Fronts of several runs side by side, and two mappings layer by layer.

Fronts:
    compare, Comparison: any number of runs of one network.
    RunFront: the front of one run, as it is compared.
    Indicators, indicators: hypervolume, coverage and epsilon.
    Best, Region, regions: who wins where.
Mappings:
    diff, diff_mappings, MappingDiff: two mappings of one network.
    Decisions, LayerDiff, ASPECTS: one layer in both.
    Effects, Breakdown, Share, effects_of: where latency, energy and memory differ.
"""

from stream_evo.comparison._comparison import Best, Comparison, compare
from stream_evo.comparison._diff import ASPECTS, Decisions, LayerDiff, MappingDiff, diff_mappings
from stream_evo.comparison._effects import Breakdown, Effects, Share, effects_of
from stream_evo.comparison._evaluate import diff
from stream_evo.comparison._front import RunFront
from stream_evo.comparison._indicators import Indicators, indicators
from stream_evo.comparison._regions import Region, regions

__all__ = [
    "ASPECTS",
    "Best",
    "Breakdown",
    "Comparison",
    "Decisions",
    "Effects",
    "Indicators",
    "LayerDiff",
    "MappingDiff",
    "Region",
    "RunFront",
    "Share",
    "compare",
    "diff",
    "diff_mappings",
    "effects_of",
    "indicators",
    "regions",
]
