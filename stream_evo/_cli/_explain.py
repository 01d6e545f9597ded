"""An explanation as tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from stream_evo._cli._console import print_table

if TYPE_CHECKING:
    from stream_evo.explanation import Change, CriticalPath, Energy, Explanation, PatternStep, PeakMemory, Repair, Shortage, Stretch
    from stream_evo.mapping import LayerMapping

__all__ = ["print_explanation"]

_ROWS = 12  # of a table that could have hundreds; --json has them all
_CHAIN_ROWS = 24


def print_explanation(explanation: Explanation) -> None:
    """Write an explanation to standard output."""
    if explanation.shortages:
        _print_shortages(explanation.shortages)
    if explanation.repair is not None:
        _print_repair(explanation.repair)
    _print_path(explanation.path)
    _print_energy(explanation.energy)
    _print_peak(explanation.peak)


def _heading(text: str) -> None:
    sys.stdout.write(f"\n{text}\n\n")


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _ranked(values: Mapping[str, float], whole: float, rows: int = _ROWS) -> list[tuple[object, ...]]:
    """Return (name, value, share) of the largest, the others as one row."""
    ordered = sorted(values.items(), key=lambda pair: -pair[1])
    shown: list[tuple[object, ...]] = [(name, value, _percent(value, whole)) for name, value in ordered[:rows]]
    rest = [value for _, value in ordered[rows:]]
    return [*shown, (f"{len(rest)} more", sum(rest), _percent(sum(rest), whole))] if rest else shown


# ---------------------------------------------------------------------------------------------------- latency


def _print_path(path: CriticalPath) -> None:
    total = path.latency_cycles
    bound = [
        text
        for text, name in ((f"core {path.binding_core!r}", path.binding_core), (f"link {path.binding_link!r}", path.binding_link))
        if name
    ]
    _heading(f"Latency: {total:,} cycles, bound most by {' and '.join(bound)}")
    for title, values in (
        ("cycles spent on", path.cycles_by_activity),
        ("which held up the next by", path.cycles_by_hold),
        ("in layer", path.cycles_by_layer),
    ):
        print_table("", (title, "cycles", "share"), _ranked(values, total), numeric=("cycles", "share"))
        sys.stdout.write("\n")
    rows = [
        (kind, name, on_path.get(name, 0), _percent(on_path.get(name, 0), total), _percent(busy, total))
        for kind, on_path, all_busy in (
            ("core", path.cycles_by_core, path.core_busy_cycles),
            ("link", path.cycles_by_link, path.link_busy_cycles),
        )
        for name, busy in all_busy.items()
    ]
    columns = ("resource", "name", "cycles on the path", "share", "busy in all")
    print_table("", columns, rows, numeric=columns[2:])
    _print_chain(path)


def _print_chain(path: CriticalPath) -> None:
    stretches = path.chain
    largest = sorted(range(len(stretches)), key=lambda index: -stretches[index].cycles)[:_CHAIN_ROWS]
    kept = set(largest)
    _heading(f"Critical path: {len(path.steps)} steps in {len(stretches)} stretches; the longest in order of time")
    rows: list[tuple[object, ...]] = []
    left_out: list[Stretch] = []
    for index, stretch in enumerate(stretches):
        if index not in kept:
            left_out.append(stretch)
            continue
        rows += _left_out(left_out)
        left_out = []
        for position, step in enumerate(stretch.pattern):
            times = stretch.repeats if position == 0 else ""
            tiles = _tiles(step)
            start = stretch.start_cycles if position == 0 else ""
            rows.append((start, times, step.activity, step.layer, tiles, step.place, step.cycles, str(step.holds)))
    rows += _left_out(left_out)
    columns = ("from cycle", "times", "activity", "layer", "tiles", "where", "cycles", "then holds up by")
    print_table("", columns, rows, numeric=("from cycle", "times", "cycles"))


def _tiles(step: PatternStep) -> str:
    """Return which tiles a row of the chain stands for: ``0..7``, ``3, 4 parts``, nothing for weights."""
    if step.first_tile < 0:
        return f"{step.parts} parts" if step.parts > 1 else ""
    tiles = str(step.first_tile) if step.first_tile == step.last_tile else f"{step.first_tile}..{step.last_tile}"
    return f"{tiles}, {step.parts} parts" if step.parts > 1 else tiles


def _left_out(stretches: list[Stretch]) -> list[tuple[object, ...]]:
    if not stretches:
        return []
    cycles = sum(stretch.cycles for stretch in stretches)
    return [(stretches[0].start_cycles, "", f"{len(stretches)} shorter", "", "", "", cycles, "")]


# ---------------------------------------------------------------------------------------------------- energy


def _print_energy(energy: Energy) -> None:
    total = energy.total_pj
    _heading(f"Energy: {total:,.0f} pJ")
    for title, values in (
        ("level", energy.by_level()),
        ("cause", energy.by_cause()),
        ("place", energy.by_place()),
        ("core", energy.by_core()),
        ("layer", energy.by_layer()),
    ):
        print_table("", (title, "pJ", "share"), _ranked(values, total), numeric=("pJ", "share"))
        sys.stdout.write("\n")


# ---------------------------------------------------------------------------------------------------- memory


def _print_peak(peak: PeakMemory) -> None:
    running = ", ".join(f"{layer} on {core}" for core, layer in peak.running) or "nothing"
    when = f"from cycle {peak.begin_cycles:,} to {peak.end_cycles:,}"
    _heading(f"Peak memory: {peak.bytes:,.0f} bytes of activations {when}; running: {running}")
    rows = [(fill.memory, fill.activation_bits / 8, fill.bits / 8, fill.capacity_bits / 8) for fill in peak.memories]
    columns = ("memory", "activation bytes", "bytes", "capacity")
    print_table("", columns, rows, numeric=columns[1:])
    sys.stdout.write("\n")
    largest = sorted(peak.tensors, key=lambda tensor: (tensor.kind == "weights", -tensor.bits))
    tensors = [(tensor.memory, tensor.layer, _content(tensor.kind, tensor.tiles), tensor.bits / 8) for tensor in largest[: 2 * _ROWS]]
    rest = largest[2 * _ROWS :]
    if rest:
        tensors.append((f"{len(rest)} more", "", "", sum(tensor.bits for tensor in rest) / 8))
    print_table("", ("memory", "layer", "what", "bytes"), tensors, numeric=("bytes",))


def _content(kind: str, tiles: tuple[int, ...]) -> str:
    if kind != "tiles":
        return kind
    if len(tiles) == 1:
        return f"tile {tiles[0]}"
    between = "" if tiles[-1] - tiles[0] + 1 == len(tiles) else f", {len(tiles)} of them"
    return f"tiles {tiles[0]}..{tiles[-1]}{between}"


# ---------------------------------------------------------------------------------------------------- what does not fit


def _print_shortages(shortages: Iterable[Shortage]) -> None:
    found = list(shortages)
    _heading(f"Does not fit: {sum(shortage.missing_bits for shortage in found) / 8:,.0f} bytes are missing")
    rows = [
        (
            shortage.core,
            shortage.layer,
            shortage.tensor,
            shortage.memory or "no memory",
            shortage.needed_bits / 8,
            shortage.available_bits / 8,
            shortage.parts,
            "any loop order of a tile" if shortage.kind == "tile" else f"memory overflows at cycle {shortage.at_cycles:,}",
        )
        for shortage in found
    ]
    columns = ("core", "layer", "tensor", "memory", "needed bytes", "available bytes", "parts", "because")
    print_table("", columns, rows, numeric=("needed bytes", "available bytes", "parts"))
    for shortage in found:
        if shortage.held:
            sys.stdout.write(f"\nIn {shortage.memory} at cycle {shortage.at_cycles:,}:\n")
            held = [(tensor.layer, _content(tensor.kind, tensor.tiles), tensor.bits / 8) for tensor in shortage.held[:_ROWS]]
            print_table("", ("layer", "what", "bytes"), held, numeric=("bytes",))


def _print_repair(repair: Repair) -> None:
    _heading(f"What would help, alone ({repair.trials} mappings tried)")
    columns = ("layer", "change", "from", "to", "still missing", "latency cycles", "energy pJ")
    numeric = columns[4:]
    if repair.changes:
        print_table("", columns, [_change_row(change) for change in repair.changes[: 2 * _ROWS]], numeric=numeric)
    else:
        sys.stdout.write("No finer tile, no other core and no further parts of the layers at fault lessen what is missing.\n")
    if repair.steps:
        ending = "and the mapping fits" if repair.fits else f"and {repair.violation_bytes:,.0f} bytes are still missing"
        _heading(f"Changes made together, {ending}")
        print_table("", columns, [_change_row(change) for change in repair.steps], numeric=numeric)


def _change_row(change: Change) -> tuple[object, ...]:
    before, after = _differences(change.before, change.after)
    return change.layer, change.kind, before, after, change.violation_bytes, change.latency_cycles, change.energy_pj


def _differences(before: LayerMapping, after: LayerMapping) -> tuple[str, str]:
    """Return what differs between two ways to run a layer, as words of each."""
    words: list[tuple[str, str]] = []
    if before.cores != after.cores:
        words.append((" ".join(before.cores), " ".join(after.cores)))
    sizes = [f"{entry.tile_rows} x {entry.tile_columns}" for entry in (before, after)]
    if sizes[0] != sizes[1]:
        words.append((sizes[0], sizes[1]))
    if before.parts != after.parts:
        words.append((f"{before.parts} parts", f"{after.parts} parts"))
    return ", ".join(word for word, _ in words), ", ".join(word for _, word in words)
