"""The front as pairwise pictures, with lower bounds and the layer-by-layer point."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stream_evo.report._style import BASELINE, BOUND, FRONT, INK, AxisUnit, axis_unit, new_figure, tidy
from stream_evo.typing import FloatArray

__all__ = ["limit_axis", "plot_front", "staircase"]

# An axis on which the values, lower bound included, span more than this is drawn logarithmically.
_LOG_RATIO = 12.0
_MANY_POINTS = 150


def plot_front(
    columns: Mapping[str, FloatArray],
    objectives: Sequence[str],
    *,
    bounds: Mapping[str, float],
    baseline: Mapping[str, float] | None = None,
    title: str = "Pareto front",
) -> Figure:
    """Draw every pair of objectives.

    Args:
        columns: Metric name -> values of the front's points `(P,)`; at least all of `objectives`.
        objectives: Metrics that were minimised. With a single one it is drawn against another metric.
        bounds: Metric name -> lower bound; a metric without one gets no line.
        baseline: Metrics of the layer-by-layer point, or ``None`` where it does not fit on the chip.
        title: Heading.

    Returns:
        A figure of its own, to be saved or embedded by the caller.
    """
    shown = list(objectives)
    if len(shown) == 1:
        shown.append(next(name for name in columns if name != shown[0]))
    pairs = list(itertools.combinations(shown, 2))
    across = min(3, len(pairs))
    down = math.ceil(len(pairs) / across)
    figure = new_figure(4.6 * across + 0.4, 4.0 * down + 0.8, title)
    grid = figure.subplots(down, across, squeeze=False)
    panels = grid.ravel()
    for axes, (x, y) in zip(panels, pairs, strict=False):
        _panel(axes, x, y, columns, bounds, baseline)
    for axes in panels[len(pairs) :]:
        axes.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=8.5)
    return figure


def _panel(
    axes: Axes, x: str, y: str, columns: Mapping[str, FloatArray], bounds: Mapping[str, float], baseline: Mapping[str, float] | None
) -> None:
    xs, ys = columns[x], columns[y]
    x_unit, y_unit = axis_unit(x, xs), axis_unit(y, ys)
    order = staircase(xs, ys)
    axes.step(xs[order] / x_unit.factor, ys[order] / y_unit.factor, where="post", color=FRONT, linewidth=1.0, alpha=0.5)
    size, outline = (22, 0.5) if xs.size <= _MANY_POINTS else (12, 0.25)
    axes.scatter(xs / x_unit.factor, ys / y_unit.factor, s=size, color=FRONT, edgecolor="white", linewidth=outline, zorder=3, label="Front")
    if "edp_pj_cycles" in columns and xs.size:
        best = int(np.argmin(columns["edp_pj_cycles"]))
        axes.scatter(
            xs[best] / x_unit.factor,
            ys[best] / y_unit.factor,
            s=90,
            facecolor="none",
            edgecolor=INK,
            zorder=4,
            label="Least energy x delay",
        )
    if baseline is not None:
        axes.scatter(
            baseline[x] / x_unit.factor, baseline[y] / y_unit.factor, s=80, marker="*", color=BASELINE, zorder=4, label="Layer by layer"
        )
    limit_axis(axes, x_unit, _seen(xs, x, baseline), bounds.get(x), vertical=True)
    limit_axis(axes, y_unit, _seen(ys, y, baseline), bounds.get(y), vertical=False)
    tidy(axes)


def _seen(values: FloatArray, metric: str, baseline: Mapping[str, float] | None) -> FloatArray:
    return values if baseline is None else np.append(values, baseline[metric])


def limit_axis(axes: Axes, unit: AxisUnit, values: FloatArray, bound: float | None, *, vertical: bool) -> None:
    """Label one axis, choose its scale and limits, and draw its lower bound with the unreachable side shaded."""
    low, high = (float(values.min()) / unit.factor, float(values.max()) / unit.factor) if values.size else (0.0, 1.0)
    floor = None if bound is None or not math.isfinite(bound) or bound <= 0 else bound / unit.factor
    first = low if floor is None else min(low, floor)
    logarithmic = first > 0 and high / first > _LOG_RATIO
    if logarithmic:
        limits = (first / 1.25, high * 1.25)
    else:
        room = 0.08 * (high - first) or 0.05 * high or 1.0
        limits = (max(first - room, 0.0) if first >= 0 else first - room, high + room)
    name, scale, span, line, setter = (
        (axes.set_xlabel, axes.set_xscale, axes.axvspan, axes.axvline, axes.set_xlim)
        if vertical
        else (axes.set_ylabel, axes.set_yscale, axes.axhspan, axes.axhline, axes.set_ylim)
    )
    name(unit.label, fontsize=9, color=INK)
    scale("log" if logarithmic else "linear")
    setter(*limits)
    if logarithmic:
        axis = axes.xaxis if vertical else axes.yaxis
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    if floor is not None:
        line(floor, color=BOUND, linestyle="--", linewidth=1.2, label="Lower bound" if vertical else None)
        span(limits[0], floor, color=BOUND, alpha=0.08, linewidth=0)


def staircase(xs: FloatArray, ys: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the indices of the points no other point beats in these two metrics, by ascending x."""
    order = np.lexsort((ys, xs))
    if order.size == 0:
        return order.astype(np.int64)
    sorted_y = ys[order]
    best_before = np.concatenate(([np.inf], np.minimum.accumulate(sorted_y)[:-1]))
    return order[sorted_y < best_before].astype(np.int64)
