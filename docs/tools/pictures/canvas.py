"""Paper for pictures: one look, boxes and arrows in inches, and files that are the same every time."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from stream_evo.report._style import INK, PALETTE, TINTS

__all__ = ["BLUE", "FAINT", "GREEN", "GREY", "INK", "ORANGE", "PALETTE", "RED", "TINTS", "Canvas", "chart", "save"]

BLUE, ORANGE, GREEN, RED, GREY = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[5], "#8A8F98"
FAINT = "#F2F4F7"

mpl.rcParams.update(
    {
        "svg.hashsalt": "stream-evo",  # the same identifiers in every run
        "svg.fonttype": "none",  # text stays text: it can be searched, read aloud and compared
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 9,
        "text.color": INK,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
)


class Canvas:
    """A drawing measured in inches from the lower left corner.

    Args:
        width, height: Size.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height))
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(0, height)
        self.axes.axis("off")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str = "",
        *,
        fill: str = FAINT,
        edge: str = GREY,
        size: float = 9,
        bold: bool = False,
        round_by: float = 0.06,
    ) -> None:
        """Draw a box with centred text; `x`, `y` is its lower left corner."""
        shape = FancyBboxPatch((x, y), width, height, boxstyle=f"round,pad=0,rounding_size={round_by}", fc=fill, ec=edge, lw=1.0)
        self.axes.add_patch(shape)
        if text:
            self.text(x + width / 2, y + height / 2, text, size=size, bold=bold)

    def cell(self, x: float, y: float, width: float, height: float, *, fill: str, edge: str = "white", line: float = 0.8) -> None:
        """Draw a plain rectangle."""
        self.axes.add_patch(Rectangle((x, y), width, height, fc=fill, ec=edge, lw=line))

    def text(self, x: float, y: float, text: str, *, size: float = 9, bold: bool = False, align: str = "center", colour: str = INK) -> None:
        """Write text, centred in height."""
        weight = "bold" if bold else "normal"
        self.axes.text(x, y, text, size=size, weight=weight, ha=align, va="center", color=colour, linespacing=1.35)

    def arrow(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        colour: str = INK,
        line: float = 1.2,
        bend: float = 0.0,
        both: bool = False,
        dashed: bool = False,
    ) -> None:
        """Draw an arrow, bent to the side by `bend` of its length."""
        self.axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="<|-|>" if both else "-|>",
                mutation_scale=10,
                color=colour,
                lw=line,
                shrinkA=0,
                shrinkB=0,
                connectionstyle=f"arc3,rad={bend}",
                linestyle="--" if dashed else "-",
            )
        )


def chart(axes: Axes) -> None:
    """Give a chart the same look as the drawings."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, length=3)
    axes.grid(visible=True, axis="x", color="#E6E8EC", linewidth=0.6)
    axes.set_axisbelow(True)


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write a figure as ``NAME.svg`` without a date in it."""
    path = folder / f"{name}.svg"
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None, "Title": name}, facecolor="white")
    text = "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()) + "\n"
    path.write_text(text, encoding="utf-8")
    return path
