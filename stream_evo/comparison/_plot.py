"""The picture of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from stream_evo.report import BudgetBar, FrontSeries, plot_fronts

if TYPE_CHECKING:
    from stream_evo.comparison._comparison import Comparison

__all__ = ["plot_comparison"]


def plot_comparison(comparison: Comparison) -> Figure:
    """Draw the fronts of a comparison over each other."""
    return plot_fronts(
        [FrontSeries(run.label, dict(zip(run.names, run.metrics.T, strict=True))) for run in comparison.runs],
        comparison.objectives,
        bars=[BudgetBar(region.budget, region.least, region.begin, region.end, region.winners) for region in comparison.regions],
        title=f"{comparison.network}: {len(comparison.runs)} fronts",
    )
