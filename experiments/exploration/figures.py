"""Figures and tables of the study, from what is there: ``python experiments/exploration/figures.py``."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from study import CHIPS, ENERGY_PARTS, NETWORKS, RESULTS
from tables import KINDS, Results, all_tables, best_of, gain, median_edp, read_all, united_front

from stream_evo.report import write_atomic
from stream_evo.search import nondominated

_COLOURS = {"one core": "#7a7a7a", "cores of one kind": "#2f6fb3", "cores of three kinds": "#c8542b"}
_GROUPS = tuple(CHIPS)[:3]
_PUBLISHED = {"published,\none core: 2.4": 2.4, "published,\nthree kinds:\nup to 30": 30.0}
_CORES = (1, 4, 16, 64)
_SHOWN = {  # bars, left to right: methods, of which the better counts, hatch, opacity
    "spread and tiled, not fused": (("layer_by_layer_tiled",), "", 0.4),
    "fixed rows, the better setting": (("rows", "rows_4"), "///", 0.6),
    "all searched": (("full",), "", 1.0),
}
_TICKS: dict[float, Sequence[float]] = {  # by how far an axis spreads
    6.0: (1, 2, 5),
    2.0: (1, 1.5, 2, 3, 5, 7),
    1.3: np.arange(1.0, 10.0, 0.2).tolist(),
    0.0: np.arange(1.0, 10.0, 0.1).tolist(),
}


def plot_gains(results: Results) -> Figure:
    """Bars: how many times less energy x delay than layer by layer, per network and chip, with the published figures marked."""
    figure = Figure(figsize=(12, 10), layout="constrained")
    for row, group in zip(figure.subplots(len(_GROUPS), 1, sharex=True), _GROUPS, strict=True):
        _bars(row, results, group)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=3, fontsize=9, loc="outside lower center")
    figure.suptitle("Energy x delay of whole layers on a core each, divided by that of ...")
    return figure


def _bars(axes: Axes, results: Results, group: str) -> None:
    width = 0.84 / (len(KINDS) * len(_SHOWN))
    for place, (kind, chip) in enumerate(zip(KINDS, CHIPS[group], strict=True)):
        for offset, (title, (methods, hatch, alpha)) in enumerate(_SHOWN.items()):
            values = np.array([[gain(results.get((network, chip), {}), method) for network in NETWORKS] for method in methods])
            at = np.arange(len(NETWORKS)) + (place * len(_SHOWN) + offset - (len(KINDS) * len(_SHOWN) - 1) / 2) * width
            # A sliver stands for a gain of 1, which would be a bar of no height.
            heights = np.fmax.reduce(values, axis=0) - 1.0
            heights = np.where(np.abs(heights) < 0.02, 0.02, heights)
            axes.bar(
                at, heights, width, 1.0, hatch=hatch, facecolor=_COLOURS[kind], alpha=alpha, edgecolor="white", label=f"{kind}: {title}"
            )
    end = len(NETWORKS) - 0.4
    for label, value in _PUBLISHED.items():
        axes.axhline(value, color="black", linewidth=0.8, linestyle=":")
        axes.annotate(label, (end, value), (4, 0), textcoords="offset points", fontsize=8, va="center", annotation_clip=False)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set(yscale="log", ylabel="times less", title=group, xlim=(-0.6, end), ylim=(0.5, 45.0))
    axes.set_xticks(np.arange(len(NETWORKS)), NETWORKS)
    axes.set_yticks([0.5, 1, 2, 5, 10, 20, 40], ["0.5", "1", "2", "5", "10", "20", "40"])
    axes.minorticks_off()
    axes.title.set_fontsize(10)


def _write_plainly(axis: Axis, unit: float) -> None:
    """Write the ticks of a logarithmic axis as plain numbers in a unit, the closer the less it spans."""
    low, high = axis.get_view_interval()
    digits = next(digits for spread, digits in _TICKS.items() if high / low > spread)
    axis.set_major_locator(LogLocator(subs=digits))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:g}"))
    axis.set_minor_formatter(NullFormatter())


def _a_panel_each(title: str, draw: Callable[[Axes, str], None]) -> Figure:
    """Return a figure with a panel for each network, drawn by `draw`, and a legend for all."""
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    *places, last = figure.subplots(2, 3).flat
    for axes, network in zip(places, NETWORKS, strict=True):
        axes.set_title(network)
        draw(axes, network)
    last.axis("off")
    last.legend(*figure.axes[0].get_legend_handles_labels(), loc="center", fontsize=9)
    figure.suptitle(title)
    return figure


def plot_fronts(results: Results) -> Figure:
    """Fronts of energy and latency of the three chips of equal resources, per network; what is only there for its memory is left out."""

    def draw(axes: Axes, network: str) -> None:
        for kind, chip in zip(KINDS, CHIPS[_GROUPS[0]], strict=True):
            found = results.get((network, chip), {})
            for method, style in (("layer_by_layer", "x:"), ("layer_by_layer_tiled", "+--"), ("full", ".-")):
                front = united_front(found, method)[:, :2]
                front = front[nondominated(front)] if len(front) else front
                front = front[np.argsort(front[:, 0])]
                if len(front):
                    label = f"{kind}, {method.replace('_', ' ')}"
                    axes.step(front[:, 0], front[:, 1], style, where="post", color=_COLOURS[kind], markersize=6, linewidth=1, label=label)
        axes.set(xlabel="latency, million cycles", ylabel="energy, mJ")
        if axes.lines:
            axes.set(xscale="log", yscale="log")
            _write_plainly(axes.xaxis, 1e6)
            _write_plainly(axes.yaxis, 1e9)

    return _a_panel_each(f"Fronts of energy and latency, all seeds together: {_GROUPS[0]}; axes differ", draw)


def plot_scaling(results: Results) -> Figure:
    """Least energy x delay over 1, 4, 16, 64 times the resources."""
    lines = {"one core": ("256 PEs", *_GROUPS), "cores of one kind": _GROUPS, "cores of three kinds": _GROUPS}

    def draw(axes: Axes, network: str) -> None:
        for index, (kind, groups) in enumerate(lines.items()):
            chips = [CHIPS[group][0 if len(CHIPS[group]) == 1 else index] for group in groups]
            for method, style in (("layer_by_layer", ":"), ("layer_by_layer_tiled", "--"), ("full", "-")):
                values = [median_edp(results.get((network, chip), {}), method) for chip in chips]
                label = f"{kind}, {method.replace('_', ' ')}"
                if np.isnan(values).all():
                    continue
                axes.plot(_CORES[-len(chips) :], values, style, marker="o", markersize=4, color=_COLOURS[kind], label=label)
        axes.set(xlabel="times 256 PEs", ylabel="10¹⁵ pJ cycles")
        if axes.lines:
            axes.set(xscale="log", yscale="log")
            _write_plainly(axes.yaxis, 1e15)
        axes.set_xticks(_CORES, [str(cores) for cores in _CORES])
        axes.xaxis.set_minor_locator(NullLocator())

    title = "Least energy x delay, medians over seeds; 4 cores on a mesh, 16 and 64 on a bus, DRAM of 64 bits a cycle throughout"
    return _a_panel_each(title, draw)


def plot_energy(results: Results) -> Figure:
    """Where the energy of the points of least energy x delay goes: layer by layer beside all searched."""
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    colours = ("#4a4a4a", "#2f6fb3", "#d9a420", "#c8542b")
    for axes, (kind, chip) in zip(figure.subplots(1, 3, sharey=True), zip(KINDS, CHIPS[_GROUPS[0]], strict=True), strict=True):
        for offset, method in ((-0.2, "layer_by_layer"), (0.2, "full")):
            for place, network in enumerate(NETWORKS):
                base, one = (best_of(results.get((network, chip), {}), name) for name in ("layer_by_layer", method))
                if base is None or one is None or not base.best_energy_pj.sum():
                    continue
                bottom = 0.0
                for part, colour, value in zip(ENERGY_PARTS, colours, one.best_energy_pj / base.best_energy_pj.sum(), strict=True):
                    if not value:  # links are free on these chips
                        continue
                    label = part.removesuffix("_pj").replace("_", "-") if offset < 0 and place == 0 else None
                    axes.bar(place + offset, value, 0.36, bottom=bottom, color=colour, edgecolor="white", label=label)
                    bottom += value
        axes.set(title=kind, xticks=range(len(NETWORKS)))
        axes.set_xticklabels(NETWORKS, rotation=20)
    figure.axes[0].set_ylabel("energy, layer by layer = 1")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center", reverse=True)
    figure.suptitle(f"Energy at the least energy x delay: layer by layer (left bar) and all searched (right bar); {_GROUPS[0]}, free links")
    return figure


FIGURES: dict[str, Callable[[Results], Figure]] = {
    "gains": plot_gains,
    "fronts": plot_fronts,
    "scaling": plot_scaling,
    "energy": plot_energy,
}


def main() -> None:
    """Draw all figures and write the tables beside the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "figures")
    options = parser.parse_args()
    results = read_all(options.results)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        buffer = io.BytesIO()
        draw(results).savefig(buffer, format="png", dpi=110)
        write_atomic(options.out / f"{name}.png", buffer.getvalue())
        print(options.out / f"{name}.png")
    write_atomic(options.results / "tables.md", all_tables(results).encode())
    print(options.results / "tables.md")


if __name__ == "__main__":
    main()
