"""How the front grew over the run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from stream_evo.report._style import FRONT, INK, PALETTE, new_figure, tidy
from stream_evo.typing import FloatArray, IntArray

__all__ = ["plot_convergence"]


def plot_convergence(
    evaluations: IntArray,
    hypervolume: FloatArray,
    front_size: IntArray,
    best: Mapping[str, FloatArray],
    *,
    title: str = "Convergence",
) -> Figure:
    """Draw hypervolume, size of the front, and the best value of each objective over evaluations.

    Args:
        evaluations: Evaluations done at the end of each generation, shape ``(generations,)``.
        hypervolume: Volume that the front dominates up to the run's fixed reference point; never falls.
        front_size: Points of the front.
        best: Objective -> least value so far; drawn relative to the last one.
        title: Heading.

    Returns:
        A figure of its own, to be saved or embedded by the caller.
    """
    figure = new_figure(9.2, 3.6, title)
    volume, size, least = figure.subplots(1, 3)
    last = hypervolume[-1] if hypervolume.size and hypervolume[-1] > 0 else 1.0
    marker = "o" if evaluations.size < 3 else None
    volume.plot(evaluations, 100 * hypervolume / last, color=FRONT, linewidth=1.6, marker=marker)
    volume.set_ylabel("Hypervolume (% of the last)", fontsize=9, color=INK)
    size.plot(evaluations, front_size, color=FRONT, linewidth=1.6, marker=marker)
    size.set_ylabel("Points on the front", fontsize=9, color=INK)
    size.set_ylim(bottom=0)
    styles = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
    for index, (name, values) in enumerate(best.items()):
        finite = values[np.isfinite(values)]
        if finite.size and finite[-1] > 0:
            colour = PALETTE[index % len(PALETTE)]
            label = name.rsplit("_", 1)[0] if name != "edp_pj_cycles" else "edp"
            least.plot(
                evaluations, values / finite[-1], color=colour, linestyle=styles[index % 5], linewidth=1.6, marker=marker, label=label
            )
    least.set_ylabel("Least value (relative to the last)", fontsize=9, color=INK)
    if least.get_legend_handles_labels()[0]:
        least.legend(frameon=False, fontsize=8.5)
    for axes in (volume, size, least):
        axes.set_xlabel("Evaluations", fontsize=9, color=INK)
        tidy(axes)
    return figure
