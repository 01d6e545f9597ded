"""Pictures of schedules: the same three layers whole, in bands and row by row; and one schedule with the rules that made it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from canvas import BLUE, GREEN, GREY, INK, ORANGE, TINTS, chart
from example import accelerator, schedule
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from stream_evo.schedule import Cause, Schedule

__all__ = ["fused_stack", "rules"]

_LAYERS = (BLUE, ORANGE, GREEN)
_SOFT = (TINTS[0], TINTS[1], TINTS[2])


def _bar(axes: Axes, lane: int, start: float, end: float, colour: str, text: str = "", *, line: float = 0.6) -> None:
    edge = "white" if line else colour
    axes.broken_barh([(start, end - start)], (lane - 0.36, 0.72), facecolors=colour, edgecolors=edge, linewidth=line)
    if text:
        axes.text((start + end) / 2, lane, text, ha="center", va="center", fontsize=7.5, color=INK)


def _lanes(axes: Axes, made: Schedule, *, labels: bool) -> list[str]:
    """Draw cores, bus and DRAM port from top to bottom and return their names."""
    chip = accelerator()
    names = [slot.name for slot in chip.cores] + [link.name for link in chip.links]
    for tile in made.tiles:
        text = f"{'ABC'[tile.layer]}{tile.tile}" if labels else ""
        _bar(axes, tile.core, tile.start_cycles / 1000, tile.end_cycles / 1000, _SOFT[tile.layer], text)
    for move in made.transfers:
        colour = GREY if move.cause in (Cause.WEIGHTS, Cause.NETWORK_INPUT) else _LAYERS[move.stream - 1]
        for link in move.links:
            _bar(axes, len(chip.cores) + link, move.start_cycles / 1000, move.end_cycles / 1000, colour, line=0.6 if labels else 0.0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    chart(axes)
    return names


def _held(made: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Return times in cycles and the activation KiB in all memories from then on."""
    times = np.unique(np.concatenate([memory.times for memory in made.memories]))
    held = np.zeros(len(times))
    for memory in made.memories:
        at = np.searchsorted(memory.times, times, side="right") - 1
        held += np.where(at >= 0, np.array(memory.activation_bits)[at], 0)
    return times, held / 8 / 1024


def fused_stack() -> Figure:
    """Layer by layer, fused in bands of four rows, fused row by row: time, memory and energy of each."""
    cases: Sequence[tuple[str, int | None, bool, str]] = (
        ("layer by layer: one tile each, every boundary cut", None, False, GREY),
        ("one fused stack, tiles of 4 rows", 4, True, BLUE),
        ("one fused stack, tiles of 1 row", 1, True, ORANGE),
    )
    figure = Figure(figsize=(8.6, 7.4), layout="constrained")
    *upper, lower = figure.subplots(4, 1, sharex=True, height_ratios=(1, 1, 1, 1.15))
    for axes, (title, rows, fused, colour) in zip(upper, cases, strict=True):
        _, made = schedule(rows, fused=fused)
        _lanes(axes, made, labels=False)
        totals = made.totals
        figures = f"{totals.latency_cycles:,} cycles, {totals.energy_pj / 1e6:.2f} µJ, {totals.memory_bytes / 1024:.0f} KiB"
        axes.set_title(f"{title}: {figures}", fontsize=9, loc="left", color=INK)
        times, held = _held(made)
        lower.step(
            np.append(times, totals.latency_cycles) / 1000, np.append(held, held[-1]), where="post", color=colour, lw=1.4, label=title
        )
    lower.set_ylabel("activations on chip (KiB)", fontsize=8.5)
    lower.set_xlabel("time (1,000 cycles)", fontsize=8.5)
    lower.set_xlim(left=0)
    lower.set_ylim(bottom=0)
    chart(lower)
    lower.legend(fontsize=8, frameon=False, loc="upper right", bbox_to_anchor=(0.93, 0.85))
    handles = [Patch(color=colour, label=f"layer {name}") for name, colour in zip("ABC", _LAYERS, strict=True)]
    handles.append(Patch(color=GREY, label="weights and network input"))
    upper[0].legend(handles=handles, loc="upper right", fontsize=8, frameon=False, ncols=2)
    return figure


def rules() -> Figure:
    """One schedule, tiles of 8 rows, with the numbers of the rules that decided where things lie."""
    _, made = schedule(8, fused=True)
    figure = Figure(figsize=(8.6, 4.0), layout="constrained")
    axes = figure.subplots()
    names = _lanes(axes, made, labels=True)
    axes.set_xlabel("time (1,000 cycles)", fontsize=8.5)
    axes.set_ylim(len(names) + 0.75, -0.7)
    tiles = {(tile.layer, tile.tile): tile for tile in made.tiles}
    moves = {(move.cause, move.stream, move.tile): move for move in made.transfers}
    inputs = [move for move in made.transfers if move.cause is Cause.NETWORK_INPUT]
    bus, port = names.index("bus"), names.index("dram port")
    first_of_two = moves[Cause.ACTIVATION, 1, 3].end_cycles / 1000
    ahead = next(move for move in inputs if move.start_cycles == tiles[0, 1].start_cycles)
    weights = moves[Cause.WEIGHTS, 3, -1]
    written = moves[Cause.OUTPUT, 3, 0]

    def note(text: str, at: tuple[float, float], place: tuple[float, float], start: tuple[float, float]) -> None:
        style = {"arrowstyle": "-", "color": INK, "lw": 0.8, "shrinkA": 1, "shrinkB": 1, "relpos": start}
        axes.annotate(text, at, place, fontsize=8, ha="left", va="center", color=INK, arrowprops=style, linespacing=1.3)

    above, left, right = (0.1, 1.0), (0.0, 0.5), (1.0, 0.5)
    note("10  all weights fit:\nloaded first", (weights.end_cycles / 2000, port + 0.36), (-3, port + 1.05), above)
    note("8  pieces of the\nnetwork input", (inputs[3].end_cycles / 1000, port + 0.36), (10.5, port + 1.05), (0.0, 0.9))
    note("5  fetched one tile\nahead, for A2", (ahead.end_cycles / 1000, port + 0.36), (25.5, port + 1.05), (0.0, 0.9))
    note("1  B0 needs A0 and A1:\nthe last one counts", (tiles[1, 0].start_cycles / 1000, 1), (1.5, 1), right)
    note("6  the bus carries one\ntransfer at a time", (first_of_two, bus + 0.36), (29, port), (0.9, 1.0))
    note("9  output rows leave\nas they end", (written.end_cycles / 1000, port + 0.36), (57, port + 1.05), (0.05, 1.0))
    note("3  cores run tiles in the order decided", (tiles[0, 3].end_cycles / 1000, 0), (46, 0), left)
    return figure
