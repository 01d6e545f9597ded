"""Pictures of the study: hypervolume and attained targets over evaluations, and what half of the runs attain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import moocore
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from study import CONTENDERS, TIERS, Trace

from stream_evo.problems import PROBLEMS
from stream_evo.report import write_atomic
from stream_evo.search import nondominated
from stream_evo.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from tables import Standing

__all__ = ["draw"]

# Okabe and Ito, "Color Universal Design" (2008).
_COLOURS = dict(zip(CONTENDERS, ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"), strict=True))
_TARGETS = np.linspace(0.5, 1.0, 51)


def draw(standing: Standing, folder: Path) -> None:
    """Write the pictures into a folder."""
    for name, picture in (("hypervolume", _hypervolume), ("attainment", _attainment), ("surfaces", _surfaces)):
        _save(picture(standing), folder / f"{name}.png")


def _save(figure: Figure, path: Path) -> None:
    import io  # noqa: PLC0415  # used here only

    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, metadata={"Software": None})
    write_atomic(path, buffer.getvalue(), durable=False)


def _panels(standing: Standing, fill: Callable[[Axes, str], None], x: str, y: str) -> Figure:
    """Return one panel per problem with a common legend below."""
    columns = 4 if len(standing.problems) > 4 else len(standing.problems)
    rows = -(-len(standing.problems) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.5 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    handles: dict[str, Artist] = {}
    for panel, problem in zip(axes, standing.problems, strict=False):
        fill(panel, problem)
        panel.set_title(problem.replace("_", " "), fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
        found, labels = panel.get_legend_handles_labels()
        handles |= dict(zip(labels, found, strict=True))
    for panel in axes[len(standing.problems) :]:
        panel.set_visible(False)
    figure.supxlabel(x, fontsize=10)
    figure.supylabel(y, fontsize=10)
    figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=4, fontsize=9, frameon=False)
    return figure


def _by_mark(traces: list[Trace], best: float) -> tuple[IntArray, FloatArray]:
    """Return marks (M,) of the longest run and relative hypervolumes (runs, M); not a number where a run did not get so far."""
    marks = max((trace.evaluations for trace in traces), key=lambda evaluations: int(evaluations[-1]))
    values = np.full((len(traces), len(marks)), np.nan)
    for row, trace in zip(values, traces, strict=True):
        shared = np.isin(marks, trace.evaluations)
        row[shared] = trace.hypervolume[np.isin(trace.evaluations, marks)] / best
    return marks, values


def _broken(curve: FloatArray, values: FloatArray) -> FloatArray:
    """Return a curve (..., M) with a gap where fewer of the runs (runs, M) go on: what follows is about others, and may be lower."""
    broken = curve.copy()
    broken[..., 1:][..., np.diff(np.isfinite(values).sum(axis=0)) < 0] = np.nan
    return broken


def _hypervolume(standing: Standing) -> Figure:
    """Median hypervolume over evaluations with the range between the quartiles, of the runs that got so far."""

    def fill(panel: Axes, problem: str) -> None:
        for contender in CONTENDERS:
            traces = list(standing.traces.get((problem, contender), {}).values())
            if traces:
                marks, values = _by_mark(traces, standing.best[problem])
                low, middle, high = _broken(100.0 * np.nanpercentile(values, (25, 50, 75), axis=0), values)
                panel.fill_between(marks, low, high, color=_COLOURS[contender], alpha=0.2, linewidth=0)
                panel.plot(marks, middle, color=_COLOURS[contender], label=CONTENDERS[contender].title)
        panel.set_xscale("log")
        panel.set_ylim(0, 101)

    return _panels(standing, fill, "evaluations", "hypervolume, % of the best known (median, quartiles)")


def _attainment(standing: Standing) -> Figure:
    """Share of pairs of run and target (50 to 100 % of the best known hypervolume) that were attained, of the runs that got so far."""

    def fill(panel: Axes, problem: str) -> None:
        for contender in CONTENDERS:
            traces = list(standing.traces.get((problem, contender), {}).values())
            if traces:
                marks, values = _by_mark(traces, standing.best[problem])
                attained = np.where(np.isnan(values), np.nan, (values[..., None] >= _TARGETS).mean(axis=2))
                panel.plot(
                    marks,
                    _broken(100.0 * np.nanmean(attained, axis=0), values),
                    color=_COLOURS[contender],
                    label=CONTENDERS[contender].title,
                )
        panel.set_xscale("log")
        panel.set_ylim(0, 101)

    return _panels(standing, fill, "evaluations", "attained targets, % of all runs and targets from 50 to 100 %")


def _surfaces(standing: Standing) -> Figure:
    """What at least half of the runs attain in energy and latency, at the largest budget that all contenders of a problem have."""

    def fill(panel: Axes, problem: str) -> None:
        first, second = PROBLEMS[problem].metrics[:2]
        present = [contender for contender in CONTENDERS if (problem, contender) in standing.traces]
        tiers = [
            tier
            for tier in TIERS
            if all(any(tier in trace.fronts for trace in standing.traces[problem, contender].values()) for contender in present)
        ]
        for contender in present if tiers else []:
            fronts = [trace.fronts[tiers[-1]][:, :2] for trace in standing.traces[problem, contender].values() if tiers[-1] in trace.fronts]
            surface = _half(fronts)
            panel.step(surface[:, 0], surface[:, 1], where="post", color=_COLOURS[contender], label=CONTENDERS[contender].title)
        panel.ticklabel_format(style="sci", scilimits=(0, 0))
        panel.locator_params(nbins=4)
        panel.set_xlabel(f"{first}, {second} at {tiers[-1]:,} evaluations" if tiers else "", fontsize=7)
        panel.tick_params(which="both", labelsize=6)

    return _panels(standing, fill, "energy (pJ)", "latency (cycles), attained by half of the runs")


def _half(fronts: list[FloatArray]) -> FloatArray:
    """Return the points (P, 2) that bound what at least half of the fronts attain, by the first objective."""
    flat = [front[nondominated(front.astype(np.float64))].astype(np.float64) for front in fronts]
    sets = np.repeat(np.arange(len(flat)), [len(front) for front in flat])
    surface = np.asarray(moocore.eaf(np.concatenate(flat), sets, percentiles=[50]))[:, :2]
    return surface[np.argsort(surface[:, 0])]
