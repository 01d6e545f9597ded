"""What a run leaves behind: the folder, its tables, its pictures.

Folder:
    RunFolder, write_atomic, MANIFEST: a folder that belongs to one run, every file whole or not there.
Tables:
    front_csv, json_text, metrics_record, sort_front: the front as text, with all digits, always in the same order.
Pictures, each a matplotlib figure of its own:
    plot_front: pairwise front with lower bounds and the layer-by-layer point.
    plot_fronts, FrontSeries, BudgetBar: several fronts over each other, and who wins for which budget.
    plot_convergence: hypervolume, size of the front and best values over evaluations.
    plot_schedule: a recorded schedule; plot_gantt, Lane, MemoryTrace: any busy lanes.
    METRIC_LABELS: what metrics are called.
Page:
    ``html``: a folder of its own, for one page that holds all of it.

Pictures are loaded on first use: matplotlib takes longer to import than a table to write.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stream_evo.report._folder import MANIFEST, RunFolder, write_atomic
from stream_evo.report._labels import METRIC_LABELS
from stream_evo.report._tables import front_csv, json_text, metrics_record, sort_front

if TYPE_CHECKING:
    from stream_evo.report._convergence_plot import plot_convergence
    from stream_evo.report._front_plot import plot_front
    from stream_evo.report._fronts_plot import BudgetBar, FrontSeries, plot_fronts
    from stream_evo.report._gantt import Lane, MemoryTrace, plot_gantt
    from stream_evo.report._schedule_plot import plot_schedule

__all__ = [
    "MANIFEST",
    "METRIC_LABELS",
    "BudgetBar",
    "FrontSeries",
    "Lane",
    "MemoryTrace",
    "RunFolder",
    "front_csv",
    "json_text",
    "metrics_record",
    "plot_convergence",
    "plot_front",
    "plot_fronts",
    "plot_gantt",
    "plot_schedule",
    "sort_front",
    "write_atomic",
]

_LAZY = {
    "BudgetBar": "_fronts_plot",
    "FrontSeries": "_fronts_plot",
    "Lane": "_gantt",
    "MemoryTrace": "_gantt",
    "plot_convergence": "_convergence_plot",
    "plot_front": "_front_plot",
    "plot_fronts": "_fronts_plot",
    "plot_gantt": "_gantt",
    "plot_schedule": "_schedule_plot",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"stream_evo.report.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
