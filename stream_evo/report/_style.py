"""One look for all pictures: colours that the colour-blind can tell apart, and axes in readable units."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stream_evo.report._labels import METRIC_LABELS
from stream_evo.typing import FloatArray

__all__ = ["BASELINE", "BOUND", "FRONT", "INK", "PALETTE", "TINTS", "AxisUnit", "axis_unit", "literal", "new_figure", "tidy"]

# Okabe and Ito, "Color Universal Design" (2008): eight colours that stay apart under all common colour-vision deficiencies.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
# The same hues mixed with white, for areas that carry dark text.
TINTS = tuple("#" + "".join(f"{(int(colour[i : i + 2], 16) + 255) // 2:02X}" for i in (1, 3, 5)) for colour in PALETTE)
FRONT, BASELINE, BOUND, INK = "#0072B2", "#D55E00", "#009E73", "#222222"

_DECIMAL = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_BINARY = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_ENERGY = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


@dataclass(frozen=True, slots=True)
class AxisUnit:
    """How to show one metric: divide by `factor`, write `label`."""

    factor: float
    label: str


def axis_unit(metric: str, values: FloatArray) -> AxisUnit:
    """Return the unit in which the largest finite value of a metric reads as a number between 1 and 1000.

    Args:
        metric: Column name, e.g. ``energy_pj``.
        values: Values to be shown, any shape.
    """
    finite = values[np.isfinite(values)]
    largest = float(finite.max()) if finite.size else 1.0
    name = METRIC_LABELS.get(metric, metric)
    if metric.endswith("_bytes"):
        factor, unit = _pick(_BINARY, largest)
    elif metric.endswith("_pj"):
        factor, unit = _pick(_ENERGY, largest)
    elif metric == "edp_pj_cycles":
        factor, unit = _pick(_ENERGY, largest)
        unit += " x cycles"
    elif metric.endswith("_cycles"):
        factor, prefix = _pick(_DECIMAL, largest)
        unit = f"{prefix} cycles".strip()
    else:  # an objective of a user's own, whose name says what it is
        factor, prefix = _pick(_DECIMAL, largest)
        return AxisUnit(factor, f"{name} ({prefix})" if prefix else name)
    return AxisUnit(factor, f"{name} ({unit})")


def _pick(steps: Sequence[tuple[float, str]], largest: float) -> tuple[float, str]:
    return next(((factor, unit) for factor, unit in steps if largest >= factor), steps[-1])


class _Picture(Figure):
    """A figure that a notebook shows as it is; it shows plain ones only after `matplotlib.pyplot` was imported."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_figure(width: float, height: float, title: str) -> Figure:
    """Return an empty figure of `width` x `height` inches that belongs to no global state."""
    figure = _Picture(figsize=(width, height), dpi=130, layout="constrained")
    figure.suptitle(literal(title), fontsize=12, color=INK, x=0.01, ha="left")
    return figure


def literal(name: str) -> str:
    r"""Return a name such that a picture shows it as it is: ``$`` begins no formula, a leading ``_`` hides nothing from the legend."""
    return (" " if name.startswith("_") else "") + name.replace("$", r"\$")


def tidy(axes: Axes) -> None:
    """Give axes the house look: no box, faint grid, small ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=INK)
