"""A schedule as a Gantt chart: one lane per core, per link and for the DRAM, and the memories below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from stream_evo.report._style import INK, PALETTE, TINTS, axis_unit, literal, new_figure, tidy
from stream_evo.typing import FloatArray, IntArray

__all__ = ["Lane", "MemoryTrace", "plot_gantt"]

_BAR_HEIGHT = 0.74
_MANY_LANES = 24
# Share of the picture's width that one letter of a layer's name takes; a name is written where its tiles leave room for it.
_LETTER_SHARE = 0.0046
_OUTLINE_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Lane:
    """One resource over time.

    Attributes:
        name: Name at the left.
        start_cycles, end_cycles: Busy intervals `(n,)`.
        colour: Index into `PALETTE`, or into `TINTS` if there are labels, per interval `(n,)`; wraps around.
        group: What an interval belongs to `(n,)`, e.g. its layer; neighbours of one group share a label.
        labels: Text per group; empty for none.
    """

    name: str
    start_cycles: FloatArray
    end_cycles: FloatArray
    colour: IntArray
    group: IntArray
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MemoryTrace:
    """Bytes held in one memory over time: `used_bytes[i]` from `at_cycles[i]` on."""

    name: str
    at_cycles: FloatArray
    used_bytes: FloatArray
    capacity_bytes: float = field(default=float("nan"))


def plot_gantt(
    lanes: Sequence[Lane], *, memories: Sequence[MemoryTrace] = (), legend: Sequence[tuple[str, int]] = (), title: str = "Schedule"
) -> Figure:
    """Draw busy lanes, and the use of the memories below.

    Args:
        lanes: From top to bottom.
        memories: Traces of the on-chip memories; none = no lower panel.
        legend: (meaning, colour index) pairs of the lanes' colours that carry no label.
        title: Heading.

    Returns:
        A figure of its own, to be saved or embedded by the caller.
    """
    row = 0.34 if len(lanes) <= _MANY_LANES else 0.22
    height = row * len(lanes) + (2.2 if memories else 0.0) + 1.4
    figure = new_figure(13.0, max(height, 3.2), title)
    if memories:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(row * len(lanes) + 0.3, 1.9))
    else:
        top, bottom = figure.subplots(), None
    end = max((float(lane.end_cycles.max()) for lane in lanes if lane.end_cycles.size), default=1.0)
    unit = axis_unit("latency_cycles", np.array([end]))
    for place, lane in enumerate(lanes):
        _draw_lane(top, lane, place, unit.factor, end)
    top.set_ylim(len(lanes) - 0.4, -0.6)
    top.set_xlim(0, end / unit.factor)
    top.set_yticks(range(len(lanes)), [literal(lane.name) for lane in lanes])
    tidy(top)
    top.grid(visible=False, axis="y")
    if legend:
        handles = [Patch(color=PALETTE[colour % len(PALETTE)], label=meaning) for meaning, colour in legend]
        figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, fontsize=8)
    lowest = top
    if bottom is not None:
        _draw_memories(bottom, memories, unit.factor, end)
        lowest = bottom
    lowest.set_xlabel(unit.label.replace("Latency", "Time"), fontsize=9, color=INK)
    return figure


def _draw_lane(axes: Axes, lane: Lane, row: int, factor: float, end: float) -> None:
    if not lane.start_cycles.size:
        return
    start, stop = lane.start_cycles / factor, lane.end_cycles / factor
    low, high = np.full_like(start, row - _BAR_HEIGHT / 2), np.full_like(start, row + _BAR_HEIGHT / 2)
    corners = np.stack(
        [np.stack([start, low], -1), np.stack([stop, low], -1), np.stack([stop, high], -1), np.stack([start, high], -1)], axis=1
    )
    palette = TINTS if lane.labels else PALETTE
    colours = [palette[index % len(palette)] for index in lane.colour]
    # White hairlines show the granularity where bars are wide; narrow bars get their own colour as outline, or they would vanish.
    wide = stop - start > _OUTLINE_SHARE * end / factor
    edges = ["white" if is_wide else colour for is_wide, colour in zip(wide, colours, strict=True)]
    axes.add_collection(PolyCollection(list(corners), facecolors=colours, edgecolors=edges, linewidths=0.3))
    for first, last in _runs(lane.group):
        group = int(lane.group[first])
        letters = int((lane.end_cycles[last] - lane.start_cycles[first]) / (_LETTER_SHARE * end))
        label = _fitting(lane.labels[group], letters) if group < len(lane.labels) else ""
        if label:
            middle = (start[first] + stop[last]) / 2
            axes.text(middle, row, literal(label), ha="center", va="center", fontsize=6.5, linespacing=0.9, color=INK, clip_on=True)


def _fitting(name: str, letters: int) -> str:
    """Return a name if it fits into so many letters, else in two lines if these fit, else nothing."""
    if len(name) < letters:
        return name
    breaks = [place + 1 for place, letter in enumerate(name) if letter in "./_:"]
    halves = [(name[:place], name[place:]) for place in breaks if max(place, len(name) - place) < letters]
    return "\n".join(min(halves, key=lambda parts: max(map(len, parts)))) if halves else ""


def _runs(group: IntArray) -> list[tuple[int, int]]:
    """Return (first, last) positions of each run of equal values."""
    breaks = np.flatnonzero(np.diff(group)) + 1
    firsts = np.concatenate(([0], breaks))
    lasts = np.concatenate((breaks - 1, [group.size - 1]))
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _draw_memories(axes: Axes, memories: Sequence[MemoryTrace], factor: float, end: float) -> None:
    peak = np.array([trace.used_bytes.max() for trace in memories if trace.used_bytes.size] or [1.0])
    unit = axis_unit("memory_bytes", peak)
    for index, trace in enumerate(memories):
        if trace.used_bytes.size:
            times = np.append(trace.at_cycles, end) / factor
            used = np.append(trace.used_bytes, trace.used_bytes[-1]) / unit.factor
            axes.step(times, used, where="post", linewidth=1.1, color=PALETTE[index % len(PALETTE)], label=literal(trace.name))
    axes.set_ylim(bottom=0)
    axes.set_ylabel(unit.label.replace("Peak on-chip memory", "Held"), fontsize=9, color=INK)
    tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=7, ncols=1 + len(memories) // 14)
