"""Functions of one tensor that the graph spells out as several nodes."""

from __future__ import annotations

from stream_evo.workload._builder import Builder, Status
from stream_evo.workload._regions import Region
from stream_evo.workload.parsers._elementwise import SLOW
from stream_evo.workload.parsers._normalise import add_normalisation

__all__ = ["parse_region"]


def parse_region(region: Region, build: Builder) -> None:
    """Fold an activation function into its producer where that is possible; else add one layer for the whole region."""
    if not region.axes and build.fold(region.nodes, region.source, region.result):
        return
    cycles = 4 if any(node.operator in SLOW for node in region.nodes) else 1
    *inner, last = region.nodes
    add_normalisation(last, build, region.source, region.result, region.axes, operator=region.operator, cycles=cycles, folded=inner)
    build.mark(inner, Status.FOLDED)
