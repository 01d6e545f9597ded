"""Several fronts over each other."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stream_evo.report._front_plot import limit_axis, staircase
from stream_evo.report._style import INK, PALETTE, AxisUnit, axis_unit, literal, new_figure, tidy
from stream_evo.typing import FloatArray

__all__ = ["BudgetBar", "FrontSeries", "plot_fronts"]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_BAR_MEANING = "Bars along the axes: which front reaches least of the other axis within that budget; grey where several reach the same."
_LETTERS_PER_PANEL = 66  # of the legend's heading
_BAR = 0.022  # share of the panel's width or height


@dataclass(frozen=True, slots=True, eq=False)
class FrontSeries:
    """One front.

    Attributes:
        label: Its name in the legend.
        columns: Metric name -> values of its points `(P,)`; may be empty.
    """

    label: str
    columns: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class BudgetBar:
    """A piece of the bar along an axis: for budgets between two values on `budget`, who reaches least of `least`.

    Attributes:
        budget: Metric of the axis.
        least: Metric of the other axis.
        begin: First budget.
        end: First budget beyond; ``None`` for no end.
        winners: Places of the series; several are drawn grey.
    """

    budget: str
    least: str
    begin: float
    end: float | None
    winners: tuple[int, ...]


def plot_fronts(
    series: Sequence[FrontSeries], objectives: Sequence[str], *, bars: Sequence[BudgetBar] = (), title: str = "Fronts"
) -> Figure:
    """Draw several fronts over each other, every pair of objectives.

    Args:
        series: The fronts; colours and markers repeat after 8 and 10 of them, pairs of both after 40.
        objectives: Metrics by which they are compared. With a single one it is drawn against another metric.
        bars: Who wins for which budget; drawn along the axes of the budgets.
        title: Heading.

    Returns:
        A figure of its own, to be saved or embedded by the caller.
    """
    shown = list(objectives)
    if len(shown) == 1:
        shown.append(next(name for name in series[0].columns if name != shown[0]))
    pairs = list(itertools.combinations(shown, 2))
    across = min(3, len(pairs))
    down = math.ceil(len(pairs) / across)
    figure = new_figure(4.6 * across + 0.4, 4.0 * down + 1.0, title)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (x, y) in zip(panels, pairs, strict=False):
        _panel(axes, x, y, series, bars)
    for axes in panels[len(pairs) :]:
        axes.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    columns = max(1, min(len(labels), 2 * across))
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=8.5,
        alignment="left",
        title=textwrap.fill(_BAR_MEANING, _LETTERS_PER_PANEL * across) if bars else None,
        title_fontsize=8.5,
    )
    return figure


def _panel(axes: Axes, x: str, y: str, series: Sequence[FrontSeries], bars: Sequence[BudgetBar]) -> None:
    all_x, all_y = (np.concatenate([front.columns[name] for front in series]) for name in (x, y))
    x_unit, y_unit = axis_unit(x, all_x), axis_unit(y, all_y)
    for place, front in enumerate(series):
        xs, ys = front.columns[x] / x_unit.factor, front.columns[y] / y_unit.factor
        order = staircase(xs, ys)
        colour, marker = PALETTE[place % len(PALETTE)], _MARKERS[place % len(_MARKERS)]
        axes.step(xs[order], ys[order], where="post", color=colour, linewidth=1.2, alpha=0.7)
        axes.scatter(xs, ys, s=20, color=colour, marker=marker, edgecolor="white", linewidth=0.4, zorder=3, label=literal(front.label))
    limit_axis(axes, x_unit, all_x, None, vertical=True)
    limit_axis(axes, y_unit, all_y, None, vertical=False)
    for bar in bars:
        if (bar.budget, bar.least) == (x, y):
            _draw_bar(axes, bar, x_unit, vertical=False)
        elif (bar.budget, bar.least) == (y, x):
            _draw_bar(axes, bar, y_unit, vertical=True)
    tidy(axes)


def _draw_bar(axes: Axes, bar: BudgetBar, unit: AxisUnit, *, vertical: bool) -> None:
    """Draw one piece along the left (`vertical`) or lower edge of a panel whose limits are set."""
    low, high = axes.get_ylim() if vertical else axes.get_xlim()
    begin = max(bar.begin / unit.factor, low)
    end = high if bar.end is None else min(bar.end / unit.factor, high)
    colour = PALETTE[bar.winners[0] % len(PALETTE)] if len(bar.winners) == 1 else "#BBBBBB"
    corner, width, height = ((0.0, begin), _BAR, end - begin) if vertical else ((begin, 0.0), end - begin, _BAR)
    transform = axes.get_yaxis_transform() if vertical else axes.get_xaxis_transform()
    axes.add_patch(Rectangle(corner, width, height, transform=transform, facecolor=colour, edgecolor=INK, linewidth=0.2, zorder=2))
