"""Pictures: drawn without global state, with bounds, units and labels where they belong."""

import subprocess
import sys

import numpy as np
import pytest

from stream_evo.report import BudgetBar, FrontSeries, plot_convergence, plot_front, plot_fronts, plot_gantt
from stream_evo.report._gantt import Lane, MemoryTrace, _fitting
from stream_evo.report._style import axis_unit, literal

NAMES = ("latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes")


def _columns(points: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: 10.0**exponent * (1 + rng.random(points)) for name, exponent in zip(NAMES, (6, 9, 5, 15, 6), strict=True)}


@pytest.mark.parametrize(("objectives", "panels"), [(NAMES[:1], 1), (NAMES[:2], 1), (NAMES[:3], 3), (NAMES[:4], 6), (NAMES, 10)])
def test_one_panel_per_pair_of_objectives(objectives: tuple[str, ...], panels: int) -> None:
    figure = plot_front(_columns(9), objectives, bounds={}, baseline=None)
    assert sum(axes.get_visible() for axes in figure.axes) == panels


@pytest.mark.parametrize("points", [1, 2, 50])
def test_bounds_and_layer_by_layer_point_lie_inside_the_picture(points: int) -> None:
    columns = _columns(points)
    bounds = {name: float(values.min()) * 0.3 for name, values in columns.items()}
    baseline = {name: float(values.max()) * 40 for name, values in columns.items()}
    figure = plot_front(columns, NAMES[:2], bounds=bounds, baseline=baseline)
    axes = figure.axes[0]
    unit = axis_unit("latency_cycles", columns["latency_cycles"])
    low, high = axes.get_xlim()
    assert low <= bounds["latency_cycles"] / unit.factor
    assert high >= baseline["latency_cycles"] / unit.factor
    assert axes.get_xscale() == "log"  # 40 / 0.3 is far beyond what a linear axis can show
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert labels == {"Front", "Least energy x delay", "Layer by layer", "Lower bound"}


def test_equal_points_and_missing_bounds_do_not_break_the_axes() -> None:
    columns = {name: np.full(3, 5.0) for name in NAMES}
    figure = plot_front(columns, NAMES[:3], bounds={"latency_cycles": 0.0})
    figure.canvas.draw()
    assert all(np.diff(axes.get_xlim())[0] > 0 for axes in figure.axes)


@pytest.mark.parametrize(
    ("metric", "value", "label", "shown"),
    [
        ("latency_cycles", 2.5e6, "Latency (M cycles)", 2.5),
        ("energy_pj", 3e9, "Energy (mJ)", 3.0),
        ("memory_bytes", 3 * 2.0**20, "Peak on-chip memory (MiB)", 3.0),
        ("dram_bytes", 12.0, "DRAM traffic (B)", 12.0),
        ("edp_pj_cycles", 4e6, "Energy-delay product (µJ x cycles)", 4.0),
        ("latency_cycles", 0.0, "Latency (cycles)", 0.0),
    ],
)
def test_axes_use_readable_units(metric: str, value: float, label: str, shown: float) -> None:
    unit = axis_unit(metric, np.array([value, np.inf]))
    assert (unit.label, value / unit.factor) == (label, shown)


def test_convergence_of_a_single_generation_shows_a_point() -> None:
    figure = plot_convergence(np.array([100]), np.array([0.5]), np.array([7]), {"energy_pj": np.array([3.0])})
    figure.canvas.draw()
    assert [line.get_marker() for axes in figure.axes for line in axes.lines] == ["o"] * 3


def test_gantt_has_a_lane_per_resource_and_names_wide_layers() -> None:
    start = np.array([0.0, 50.0, 100.0])
    group = np.array([0, 0, 1])
    lanes = [
        Lane("core0", start, start + np.array([50, 50, 1]), group, group, ["wide", "narrow"]),
        Lane("dram", np.empty(0), np.empty(0), np.empty(0, int), np.empty(0, int)),
    ]
    figure = plot_gantt(lanes, memories=[MemoryTrace("m", np.array([0.0, 60.0]), np.array([10.0, 0.0]))])
    top = figure.axes[0]
    assert [label.get_text() for label in top.get_yticklabels()] == ["core0", "dram"]
    assert [text.get_text() for text in top.texts] == ["wide"]


@pytest.mark.parametrize(
    ("letters", "shown"), [(15, "layer1.0.conv1"), (14, "layer1.\n0.conv1"), (8, "layer1.\n0.conv1"), (7, ""), (0, "")]
)
def test_names_are_broken_where_a_bar_is_short(letters: int, shown: str) -> None:
    assert _fitting("layer1.0.conv1", letters) == shown


def test_importing_the_report_leaves_pyplot_alone() -> None:
    code = "import sys, stream_evo.report as r; r.plot_front; raise SystemExit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tables_do_not_load_matplotlib() -> None:
    code = "import sys, stream_evo.report as r; r.front_csv; raise SystemExit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["$x^{$", "a $ b", "_hidden", "\\frac", "a_b^c"])
def test_names_are_drawn_as_they_are(name: str) -> None:
    """Matplotlib takes what stands between two dollar signs for a formula, and a leading underscore for a wish to be hidden."""
    lane = Lane(name, np.array([0]), np.array([100]), np.array([0]), np.array([0]), [name])
    memory = MemoryTrace(name, np.array([0, 100]), np.array([8.0, 0.0]))
    figures = [plot_gantt([lane], memories=[memory], title=name), plot_fronts([FrontSeries(name, _columns(3))], NAMES[:2], title=name)]
    for figure in figures:
        figure.canvas.draw()
        assert figure.get_suptitle() == literal(name)
    assert [text.get_text() for text in figures[1].legends[0].get_texts()] == [literal(name)]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_what_bars_mean_is_inside_the_picture(count: int) -> None:
    bar = BudgetBar("latency_cycles", "energy_pj", 1e6, 2e6, (0,))
    figure = plot_fronts([FrontSeries("a", _columns(3))], NAMES[:count], bars=[bar])
    figure.canvas.draw()
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1
