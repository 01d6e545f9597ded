"""Decisions of a foreign mapping file, and the fused groups that state some of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stream_evo._yaml import near_matches
from stream_evo.foreign._fields import Fields, ForeignFile, Note
from stream_evo.foreign._tiling import derived_tiles, loop_position
from stream_evo.hardware import Accelerator
from stream_evo.mapping import splittable_channels
from stream_evo.workload import Axis, Layer, Workload

__all__ = ["Decision", "MappingReader", "axis_of", "read_groups"]


@dataclass
class Decision:
    """What is stated about one layer; ``None`` where nothing is."""

    cores: tuple[str, ...] | None = None
    parts: int | None = None
    rows: int | None = None
    columns: int | None = None
    stack: int | None = None


@dataclass
class MappingReader:
    """A mapping file while it is read, with the network and the chip it is for."""

    file: ForeignFile
    workload: Workload
    accelerator: Accelerator
    names: Mapping[int, str]
    decisions: dict[int, Decision] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the network."""
        return self.workload.layers


def axis_of(fields: Fields, dimension: str, layer: Layer, entry: Fields) -> Axis | None:
    """Return the axis that ``D<n>`` stands for in a layer's nest."""
    for axis in Axis:
        if f"D{loop_position(layer, axis)}" == dimension:
            return axis
    place = fields.node_at("dim")
    if not re.fullmatch(r"D\d+", dimension):
        fields.fault(place, "not a loop", expected="such as D2")
    else:
        entry.file.note(
            place,
            f"{dimension} of layer {layer.name} ({layer.operator}) is none of its output's rows, columns and channels, as far as is known",
        )
    return None


def read_groups(root: Fields, reader: MappingReader) -> None:
    """Read ``fused_groups``: which consecutive layers are fused, and the tiles of each group."""
    nodes = root.items("fused_groups", required=False)
    if not nodes:
        return
    index_of = {layer.name: index for index, layer in enumerate(reader.layers)}
    group_of: dict[int, int] = {}
    tiles: dict[int, list[tuple[int, Axis, int]]] = {}
    for number, node in enumerate(nodes):
        group = Fields(node, reader.file)
        group.text("name")
        for item in group.items("layers", expected="a list of layers"):
            members = [index_of[item.written]] if item.written in index_of else []
            members = members or [i for i, layer in enumerate(reader.layers) if layer.operator.lower() == item.written.lower()]
            if not members:
                reader.file.note(item, f"{reader.workload.name} has no layer or operator {item.written!r}")
            for member in members:
                if group_of.setdefault(member, number) != number:
                    reader.file.note(item, "several groups name this operator; its layers are in the first")
        tiles[number] = _group_tiles(group, reader, index_of)
        group.close()
    _number_stacks(root, reader, group_of)
    for number, stated in tiles.items():
        _apply_tiles(reader, [index for index, group in sorted(group_of.items()) if group == number], stated)


def _group_tiles(group: Fields, reader: MappingReader, index_of: Mapping[str, int]) -> list[tuple[int, Axis, int]]:
    found = []
    for node in group.items("intra_core_tiling", required=False):
        fields = Fields(node, reader.file)
        name, _, dimension = fields.text("dim").rpartition(".")
        size = fields.whole("tile", minimum=1)
        if name not in index_of:
            if fields.has("dim"):
                known = near_matches(name, sorted(index_of)).partition("Known:")[0]
                fields.fault(fields.node_at("dim"), f"{reader.workload.name} has no layer {name!r}", found="", hint=known.strip())
        else:
            axis = axis_of(fields, dimension, reader.layers[index_of[name]], group)
            if axis is not None:
                found.append((index_of[name], axis, size))
        fields.close()
    return found


def _number_stacks(root: Fields, reader: MappingReader, group_of: Mapping[int, int]) -> None:
    """Number runs of consecutive layers of one group; a layer of no group is alone."""
    stack = -1
    seen: set[int] = set()
    for index in range(len(reader.layers)):
        group = group_of.get(index)
        continues = index > 0 and group is not None and group == group_of.get(index - 1)
        if not continues:
            stack += 1
            if group in seen and group is not None:
                root.note(
                    "fused_groups",
                    f"layer {reader.layers[index].name} does not follow on its group in the order of layers; it begins a stack",
                )
            if group is not None:
                seen.add(group)
        reader.decisions[index].stack = stack


def _apply_tiles(reader: MappingReader, members: Sequence[int], stated: Sequence[tuple[int, Axis, int]]) -> None:
    sizes: dict[int, list[int]] = {}
    for index, axis, size in stated:
        layer, decision = reader.layers[index], reader.decisions[index]
        if axis is Axis.CHANNELS:
            channels = splittable_channels(layer)
            if channels % size == 0:
                decision.parts = max(decision.parts or 1, channels // size)
            else:
                reader.file.notes.append(
                    Note(f"a tile of {size} does not divide the {channels} channels of layer {layer.name}", str(reader.file.path))
                )
            continue
        found = sizes.setdefault(index, [layer.rows, layer.columns])
        found[0 if axis is Axis.ROWS else 1] = min(size, layer.rows if axis is Axis.ROWS else layer.columns)
    tiles = derived_tiles(reader.workload, members, {index: (rows, columns) for index, (rows, columns) in sizes.items()})
    for index in members:
        reader.decisions[index].rows, reader.decisions[index].columns = tiles[index]
