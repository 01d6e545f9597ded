"""A summary in Markdown, to paste into a design document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as NamedNumbers

from stream_evo._run._metrics import UNITS
from stream_evo.exports._front import Front, PointOfFront
from stream_evo.exports._tables import Cell, layer_table
from stream_evo.hardware import Core
from stream_evo.mapping import Mapping

__all__ = ["front_to_markdown", "point_to_markdown"]

_MOST_POINTS = 40
_SPECIAL = re.compile(r"[\\`*{}\[\]<>|#~&!]|(?<![^\W_])_|_(?![^\W_])")  # an underscore inside a word is plain


def front_to_markdown(front: Front) -> str:
    """Return the front: network and chip, best points, all points, and the stacks of the point with the least energy x delay."""
    lines = [f"# {_text(front.title)}", "", *_about(front), "", "## Best points", "", *_highlights(front)]
    if len(front):
        lines += ["", "## Front", "", *_front(front)]
        point = front.point(None)
        lines += ["", f"## Mapping of point {point.index}, the least energy x delay", "", *_stacks(point.mapping)]
    return "\n".join([*lines, "", "## How it was made", "", *_settings(front)]) + "\n"


def point_to_markdown(point: PointOfFront) -> str:
    """Return one point: numbers beside the lower bounds, stacks, layers, and where the energy goes."""
    front = point.front
    numbers, bounds = front.numbers(point.index), front.lower_bounds
    rows = [
        (_short(name), _number(value), _bound(bounds, name), _ratio(value, bounds.get(name, 0.0)), _text(front.units[name]))
        for name, value in numbers.items()
    ]
    lines = [f"# {_text(front.title)}: point {point.index} of {len(front)}", "", *_about(front), ""]
    lines += _table(("", "value", "lower bound", "ratio", "unit"), rows, numeric=(1, 2, 3))
    lines += ["", "## Stacks", "", *_stacks(point.mapping), "", "## Layers", "", *_layers(point)]
    lines += ["", "## Energy", "", *_energy(point)]
    return "\n".join([*lines, "", "## How it was made", "", *_settings(front)]) + "\n"


def _about(front: Front) -> list[str]:
    workload, accelerator = front.session.workload, front.session.accelerator
    weights = sum(layer.weight_bits for layer in workload.layers) / 8
    kinds: dict[Core, list[str]] = {}
    for slot in accelerator.cores:
        kinds.setdefault(slot.core, []).append(slot.name)
    rows = []
    for core, names in kinds.items():
        array = " x ".join(str(dimension.size) for dimension in core.array)
        rows.append((_text(", ".join(names)), _text(core.name), array, _number(core.processing_elements)))
    layers, cores = _count(len(workload.layers), "layer"), _count(len(accelerator.cores), "core")
    return [
        f"Network: {_text(workload.name)}, {layers}, {workload.macs:,} multiply-accumulates, {weights:,.0f} bytes of weights.",
        "",
        f"Chip: {_text(accelerator.name)}, {cores}, off-chip memory at {accelerator.dram.bits_per_cycle} bit/cycle.",
        "",
        *_table(("cores", "kind", "array", "processing elements"), rows, numeric=(3,)),
    ]


def _highlights(front: Front) -> list[str]:
    rows: list[tuple[str, ...]] = []
    if len(front):
        for name in dict.fromkeys((*front.job.metrics, "edp_pj_cycles")):
            point = int(front.metrics[:, front.metric_names.index(name)].argmin())
            label = "energy x delay" if name == "edp_pj_cycles" else _short(name)
            rows.append((f"least {label}", str(point), *(_number(value) for value in front.metrics[point].tolist())))
    else:
        rows.append(("no feasible mapping was found", "", *("" for _ in front.metric_names)))
    baseline = front.layer_by_layer
    if baseline is not None:
        rows.append(("layer by layer", "", *(_number(value) for value in baseline.numbers.values())))
    rows.append(("lower bound", "", *(_bound(front.lower_bounds, name) for name in front.metric_names)))
    lines = _table(("", "point", *_headings(front)), rows, numeric=range(1, 2 + len(front.metric_names)))
    if len(front) and baseline is not None:
        best = front.numbers(front.best_edp)["edp_pj_cycles"]
        lines += ["", f"The least energy x delay is {_ratio(baseline.edp_pj_cycles, best)} times below that of layer-by-layer execution."]
    return lines


def _front(front: Front) -> list[str]:
    shown = range(min(len(front), _MOST_POINTS))
    rows = [(str(point), *(_number(value) for value in front.metrics[point].tolist())) for point in shown]
    lines = _table(("point", *_headings(front)), rows, numeric=range(1 + len(front.metric_names)))
    left_out = len(front) - len(shown)
    return lines + (["", f"{_count(left_out, 'more point')} in `pareto.csv`."] if left_out else [])


def _stacks(mapping: Mapping) -> list[str]:
    rows = []
    for stack in range(mapping.layers[-1].stack + 1):
        entries = [entry for entry in mapping.layers if entry.stack == stack]
        cores = dict.fromkeys(core for entry in entries for core in entry.cores)
        ends = entries[0].layer if len(entries) == 1 else f"{entries[0].layer} ... {entries[-1].layer}"
        rows.append((str(stack), str(len(entries)), _text(ends), _text(", ".join(cores))))
    return _table(("stack", "layers", "from ... to", "cores"), rows, numeric=(0, 1))


def _layers(point: PointOfFront) -> list[str]:
    wanted = ("layer", "operator", "stack", "cores", "tile_rows", "tile_columns", "parts", "start_cycles", "end_cycles", "energy_pj")
    columns = [column for name in wanted for column in layer_table(point).columns if column.name == name]
    rows = [tuple(_cell(value) for value in row) for row in zip(*(column.values for column in columns), strict=True)]
    headings = [_heading(column.name) if column.unit else column.name.replace("_", " ") for column in columns]
    return _table(headings, rows, numeric=(2, *range(4, len(columns))))


def _energy(point: PointOfFront) -> list[str]:
    total = point.energy.total_pj
    rows = [(_text(name), _number(pj), f"{100 * pj / total:.1f} %" if total else "") for name, pj in point.energy.by_level().items()]
    return _table(("spent in", "pJ", "share"), rows, numeric=(1, 2))


def _settings(front: Front) -> list[str]:
    job = front.job
    asked = [f"{name} at most {value:,.0f}" for name, value in job.limits.items()]
    options = [name for name in ("split", "dataflow", "priority") if getattr(job, name)]
    rows = [
        ("objectives", ", ".join(job.objectives)),
        ("evaluations", f"{front.evaluations:,}"),
        ("population, seed, engine", f"{job.population}, {job.seed}, {job.engine}"),
        ("hypervolume", f"{front.hypervolume:.4f} of the reference box"),
        *([("limits", ", ".join(asked))] if asked else []),
        *([("also searched", ", ".join(options))] if options else []),
    ]
    return _table(("setting", "value"), [(name, _text(value)) for name, value in rows], numeric=())


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: Iterable[int]) -> list[str]:
    """Return a table, padded so that the source can be read, too."""
    right = set(numeric)
    cells = [list(columns), *(list(row) for row in rows)]
    widths = [max(3, *(len(row[index]) for row in cells)) for index in range(len(columns))]
    lines = [
        "| " + " | ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 1) + ":" if index in right else "-" * (width + 2) for index, width in enumerate(widths)) + "|"
    return [lines[0], rule, *lines[1:]]


def _short(name: str) -> str:
    return name.partition("_")[0] if name in UNITS else _text(name)  # a name of the user's own is kept whole


def _bound(bounds: NamedNumbers[str, float], name: str) -> str:
    return _number(bounds[name]) if name in bounds else ""  # none is known of objectives of a user's own


def _headings(front: Front) -> list[str]:
    own = {name: f"{_short(name)} ({_text(each.unit)})" if each.unit else _short(name) for name, each in front.own.items()}
    return [own.get(name) or _heading(name) for name in front.metric_names]


def _heading(name: str) -> str:
    unit = UNITS.get(name) or {"cycles": "cycles", "pj": "pJ"}.get(name.rpartition("_")[2], "")
    stem = {"edp_pj_cycles": "energy x delay", "dram_bytes": "DRAM traffic"}.get(name) or name.partition("_")[0]
    return f"{stem} ({unit})" if unit else stem


def _text(text: str) -> str:
    """Return plain text with what Markdown and HTML give a meaning to escaped, on one line."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))


def _cell(value: Cell) -> str:
    if isinstance(value, list):
        return _text(", ".join(map(str, value)))
    return _text(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}" if base > 0 else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
