"""Mapping files of the reference framework, in the two spellings there have been.

* a list of entries with ``core_allocation: [0, 1]`` and tilings such as ``OY, 4``: four parts along OY;
* ``layers`` with ``core_allocation: [[0, 1]]`` and ``inter_core_tiling: [[{dim: D6, split: 2}]]``, and ``fused_groups`` with
  ``intra_core_tiling: [{dim: conv1.D2, tile: 8}]``: eight rows, the loops counted as in a node's nest.

An entry is for a layer of its name, else for all of its operator, else, if it is called ``default``, for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from stream_evo._yaml import Node, near_matches
from stream_evo.foreign._core import kind_of_operator
from stream_evo.foreign._fields import Fields, ForeignFile, Note, open_file, raise_all
from stream_evo.foreign._groups import Decision, MappingReader, axis_of, read_groups
from stream_evo.foreign._tiling import extent
from stream_evo.hardware import Accelerator
from stream_evo.mapping import LayerMapping, LayerPin, Pins, can_run, splittable_channels
from stream_evo.mapping import Mapping as NetworkMapping
from stream_evo.workload import Axis, Layer, OperatorKind, Workload

__all__ = ["Found", "ImportedMapping", "kinds_of_cores", "read_mapping"]

_Value = TypeVar("_Value")
_PAIR: Final = re.compile(r"([A-Za-z]+)\s*,\s*(\d+|all(?:/\d+)?|\*)")
_OPERATOR: Final = re.compile(r"[A-Z][A-Za-z0-9]*|")
_AXES: Final = {"OY": Axis.ROWS, "OX": Axis.COLUMNS, "K": Axis.CHANNELS, "G": Axis.CHANNELS}
_LEFT_OUT: Final = {
    "spatial_mapping": "the unrolling is that of the core's dataflow, not of a layer",
    "spatial_mapping_hint": "the unrolling is that of the core's dataflow, not of a layer",
    "temporal_ordering": "the order of loops inside a core is searched here",
    "memory_operand_links": "operands lie in the memories that hold them",
    "layer_dimension_names": "loops have fixed names here",
    "kernel": "code is not generated here",
}


@dataclass(frozen=True, slots=True)
class Found(Generic[_Value]):
    """Something read, with what is to be said about it."""

    value: _Value
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class ImportedMapping:
    """Decisions that a foreign mapping file states.

    Attributes:
        pins: What is fixed; what the file leaves open is not pinned.
        mapping: The whole mapping, if the file states cores, tiles and groups of every layer; else ``None``.
        notes: What was read differently or left out.
    """

    pins: Pins
    mapping: NetworkMapping | None
    notes: tuple[Note, ...]


def kinds_of_cores(path: str | Path) -> Found[Mapping[int, Collection[OperatorKind]]]:
    """Return which kinds of layers each core runs according to a mapping file: the operators it allocates to the core.

    An entry called ``default`` stands for every kind that no other entry names.

    Raises:
        InputError: the file cannot be read or has faults.
    """
    node, file = open_file(path)
    entries = _entries(node, file)
    found: dict[int, set[OperatorKind]] = {}
    named: set[OperatorKind] = set()
    default: list[int] = []
    for entry in entries:
        name = entry.text("name")
        numbers = [number for group in _allocation(entry) for number in group]
        if name == "default":
            default += numbers
            continue
        kind = kind_of_operator(name.rpartition("/")[2])
        named.add(kind)
        for number in numbers:
            found.setdefault(number, set()).add(kind)
    for number in default:
        found.setdefault(number, set()).update(kind for kind in OperatorKind if kind not in named)
    if OperatorKind.CONV in named | set(OperatorKind) - named:
        for kinds in found.values():  # matrix products are convolutions of one element
            if OperatorKind.CONV in kinds and OperatorKind.GEMM not in named:
                kinds.add(OperatorKind.GEMM)
    raise_all(str(path), [file])
    return Found({number: tuple(kinds) for number, kinds in found.items() if kinds}, tuple(file.notes))


def read_mapping(
    path: str | Path, workload: Workload, accelerator: Accelerator, core_names: Mapping[int, str] | None = None
) -> ImportedMapping:
    """Read a mapping file of Stream for a network on an accelerator.

    Args:
        path: The file.
        workload: The network.
        accelerator: The chip.
        core_names: Number of a core in the file -> its name; by default cores are counted as they stand in the accelerator.

    Raises:
        InputError: the file cannot be read or has faults.
    """
    node, file = open_file(path)
    names = core_names or dict(enumerate(slot.name for slot in accelerator.cores))
    reader = MappingReader(file, workload, accelerator, names, {index: Decision() for index in range(len(workload.layers))})
    entries = _entries(node, file)
    chosen = _choose(entries, reader)
    for index, entry in chosen.items():
        _read_entry(entry, index, reader)
    for entry in entries:
        entry.left_out(_LEFT_OUT)
        entry.keys()
    if isinstance(node.value, dict):
        root = Fields(node, file)
        root.has("layers")
        read_groups(root, reader)
        root.left_out({"runtime_args": "layouts of inputs and outputs have no counterpart"})
        root.close()
    raise_all(str(path), [file])
    return _result(reader, str(path))


# ------------------------------------------------------------------------------------------------------------ entries


def _entries(node: Node, file: ForeignFile) -> list[Fields]:
    """Return the entries of either spelling."""
    if isinstance(node.value, dict):
        nodes = Fields(node, file).items("layers")
    elif isinstance(node.value, tuple):
        nodes = node.value
    else:
        file.faults.add(node, "wrong type", expected="a list of layers, or layers and fused_groups")
        nodes = ()
    return [Fields(entry, file) for entry in nodes]


def _allocation(entry: Fields) -> list[list[int]]:
    """Return groups of core numbers; the older spelling has one group, or one number."""
    if not entry.has("core_allocation"):
        return []
    node = entry.node_at("core_allocation")
    groups: list[list[int]] = []
    plain: list[int] = []
    nodes = node.value if isinstance(node.value, tuple) else (node,)
    for item in nodes:
        members = item.value if isinstance(item.value, tuple) else (item,)
        numbers = []
        for member in members:
            if isinstance(member.value, int) and not isinstance(member.value, bool) and member.value >= 0:
                numbers.append(member.value)
            else:
                entry.fault(member, "not a core number", expected="such as 0")
        if isinstance(item.value, tuple):
            groups.append(numbers)
        else:
            plain += numbers
    return groups + ([plain] if plain else [])


def _choose(entries: Sequence[Fields], reader: MappingReader) -> dict[int, Fields]:
    """Return the entry of each layer, and note entries for nothing."""
    names = {layer.name for layer in reader.layers}
    operators = {layer.operator.lower() for layer in reader.layers}
    by_name: dict[str, Fields] = {}
    for entry in entries:
        name = entry.text("name")
        by_name.setdefault(name if name in names or name == "default" else name.lower(), entry)
        # Files cover more operators than one network has; only what looks like a layer's name can be a slip.
        if name not in names and name.lower() not in operators and not _OPERATOR.fullmatch(name) and name != "default":
            near = near_matches(name, sorted(names)).partition("Known:")[0].strip()
            entry.note("name", f"{reader.workload.name} has no layer or operator {name!r}. {near}".strip())
    found = {}
    for index, layer in enumerate(reader.layers):
        chosen = by_name.get(layer.name) or by_name.get(layer.operator.lower()) or by_name.get("default")
        if chosen is not None:
            found[index] = chosen
    return found


def _read_entry(entry: Fields, index: int, reader: MappingReader) -> None:
    layer, decision = reader.layers[index], reader.decisions[index]
    groups = _allocation(entry)
    for number in sorted({number for group in groups for number in group if number not in reader.names}):
        known = ", ".join(map(str, reader.names))
        entry.fault(entry.node_at("core_allocation"), f"there is no core {number}", expected=f"one of {known}", found="")
        return
    splits = _splits(entry, "inter_core_tiling", layer)
    tiles = _splits(entry, "intra_core_tiling", layer)
    fixed = entry.flag("core_allocation_is_fixed")
    over_cores = splits.get(Axis.CHANNELS, 0)
    for axis in (Axis.ROWS, Axis.COLUMNS):
        if axis in splits:
            entry.note("inter_core_tiling", f"{axis} are not spread over cores here; only channels are")
    if len(groups) == 1:
        _read_cores(entry, groups[0], over_cores, reader, index, fixed=fixed)
    elif groups:
        entry.note("core_allocation", "several groups of cores are alternatives: left to the search")
    if Axis.CHANNELS in tiles or decision.parts is not None:
        _set_parts(entry, index, reader, (decision.parts or 1) * max(1, tiles.get(Axis.CHANNELS, 1)))
    if Axis.ROWS in tiles:
        decision.rows = _tile(layer.rows, tiles[Axis.ROWS])
    if Axis.COLUMNS in tiles:
        decision.columns = _tile(layer.columns, tiles[Axis.COLUMNS])
    if entry.has("intra_core_tiling"):
        decision.rows, decision.columns = decision.rows or layer.rows, decision.columns or layer.columns


def _read_cores(entry: Fields, numbers: Sequence[int], over_cores: int, reader: MappingReader, index: int, *, fixed: bool) -> None:
    layer, decision = reader.layers[index], reader.decisions[index]
    cores = tuple(dict.fromkeys(reader.names[number] for number in numbers))
    kinds = {slot.name: slot.core for slot in reader.accelerator.cores}
    unable = [name for name in cores if name not in kinds or not can_run(kinds[name], layer)]
    if unable and len(unable) == len(cores):
        entry.fault(entry.node_at("core_allocation"), f"layer {layer.name} ({layer.operator}) cannot run on {', '.join(unable)}", found="")
        return
    if len(cores) == 1:
        decision.cores, decision.parts = cores, max(1, over_cores, len(numbers) if fixed else 1)
        return
    if over_cores < 2 and not fixed:
        entry.note("core_allocation", "one of several cores: left to the search")
        return
    if unable:
        entry.note("core_allocation", f"layer {layer.name} ({layer.operator}) cannot run on {', '.join(unable)}: left to the search")
        return
    parts = max(over_cores, len(numbers), len(cores))
    cyclic = all(reader.names[number] == cores[place % len(cores)] for place, number in enumerate(numbers))
    if not cyclic or parts % len(cores):
        entry.note("core_allocation", "parts take turns on the cores here; this order was not kept")
    decision.cores, decision.parts = cores, parts


def _set_parts(entry: Fields, index: int, reader: MappingReader, parts: int) -> None:
    layer, decision = reader.layers[index], reader.decisions[index]
    channels = splittable_channels(layer)
    if channels % parts:
        nearest = max((divisor for divisor in range(1, channels + 1) if channels % divisor == 0 and divisor <= parts), default=1)
        entry.note("name", f"layer {layer.name} cannot be cut into {parts} parts of its {channels} output channels: {nearest} here")
        parts = nearest
    if decision.cores is not None and parts < len(decision.cores):
        entry.note("name", f"layer {layer.name} has fewer parts than cores: left to the search")
        decision.cores = None
    decision.parts = parts


def _splits(entry: Fields, key: str, layer: Layer) -> dict[Axis, int]:
    """Return into how many parts each axis is cut."""
    found: dict[Axis, int] = {}
    nodes = entry.items(key, required=False)
    flat = [inner for node in nodes for inner in (node.value if _is_group(node) and isinstance(node.value, tuple) else (node,))]
    for node in flat:
        if isinstance(node.value, dict):
            fields = Fields(node, entry.file)
            axis, parts = axis_of(fields, fields.text("dim"), layer, entry), fields.whole("split", minimum=1)
            fields.close()
        else:
            axis, parts = _lettered(entry, node, layer)
        if axis is not None and parts > 1:
            found[axis] = found.get(axis, 1) * parts
    return found


def _is_group(node: Node) -> bool:
    return isinstance(node.value, tuple) and all(isinstance(inner.value, dict) for inner in node.value)


def _lettered(entry: Fields, node: Node, layer: Layer) -> tuple[Axis | None, int]:
    """Read ``OY, 4``, ``OY, all`` or ``OY, all/2``; a star means as many as there are cores."""
    text = ", ".join(item.written for item in node.value) if isinstance(node.value, tuple) else node.written
    match = _PAIR.fullmatch(text.strip())
    if match is None:
        entry.fault(node, "not a tiling", expected="a loop and a number of parts, such as OY, 4", found=text)
        return None, 1
    axis = _AXES.get(match[1].upper())
    if axis is None:
        entry.file.note(node, f"tiles are cut along OY, OX and K here, not along {match[1]}")
        return None, 1
    if axis is Axis.CHANNELS and splittable_channels(layer) == 1:
        return None, 1  # the letter is meant for other layers that the entry covers
    whole = extent(layer, axis)
    if match[2] == "*":
        return axis, len(_allocation(entry)[0]) if _allocation(entry) else 1
    if match[2].startswith("all"):
        divisor = int(match[2].partition("/")[2] or 1)
        return axis, whole // divisor if divisor and whole % divisor == 0 else whole
    return axis, _parts(whole, max(1, int(match[2])))


def _parts(whole: int, wanted: int) -> int:
    """Return the number of parts that the reference makes: the divisor nearest to the one wanted."""
    if wanted >= whole:
        return whole
    return min((d for d in range(1, whole + 1) if whole % d == 0), key=lambda d: (abs(d - wanted), d))


def _tile(whole: int, parts: int) -> int:
    return -(-whole // parts)


# ------------------------------------------------------------------------------------------------------------ result


def _result(reader: MappingReader, source: str) -> ImportedMapping:
    network, chip = reader.workload.name, reader.accelerator.name
    pins, whole = [], []
    for index, layer in enumerate(reader.layers):
        decision = reader.decisions[index]
        if decision.stack is not None and decision.rows is None:
            decision.rows, decision.columns = layer.rows, layer.columns
        stated = (decision.cores, decision.rows, decision.columns, decision.stack)
        if any(value is not None for value in stated):
            # The parts of a pinned layer follow from its cores and from what fits.
            pins.append(LayerPin(layer.name, decision.cores, decision.rows, decision.columns, stack=decision.stack))
        if all(value is not None for value in stated):
            assert decision.cores is not None and decision.rows is not None  # noqa: S101, PT018  # just looked
            assert decision.columns is not None and decision.stack is not None  # noqa: S101, PT018  # as above
            whole.append(LayerMapping(layer.name, decision.cores, decision.rows, decision.columns, decision.parts or 1, decision.stack))
    mapping = NetworkMapping(network, chip, tuple(whole)) if len(whole) == len(reader.layers) else None
    return ImportedMapping(Pins(tuple(pins), network=network, accelerator=chip, source=source), mapping, tuple(reader.file.notes))
