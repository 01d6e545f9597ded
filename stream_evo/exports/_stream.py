"""The mapping of a point for the reference framework, Stream of KULeuven-MICAS, in the two forms its versions read.

``stream`` is that of version 2: cores and splits per layer, tiles per fused group, loops as ``D<n>``. ``stream-2024`` is the form before:
cores and numbers of parts per layer, loops by their letters; it has no groups. What neither can say stands in comments at the top.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from stream_evo._yaml_nodes import Dumper
from stream_evo.exports._front import PointOfFront
from stream_evo.foreign import derived_tiles, loop_position
from stream_evo.hardware import Accelerator
from stream_evo.mapping import LayerMapping, splittable_channels
from stream_evo.mapping import Mapping as NetworkMapping
from stream_evo.workload import Axis, Layer, OperatorKind, Workload

__all__ = ["mapping_to_stream", "mapping_to_stream_2024", "point_to_stream", "point_to_stream_2024"]

_FOLDED = ("Relu", "Clip", "Sigmoid", "Tanh", "BatchNormalization")
"""Operators that fold into the layer before them here, but are nodes of their own there."""


def point_to_stream(point: PointOfFront) -> str:
    """Return the mapping of a point in the form of Stream 2."""
    return mapping_to_stream(point.mapping, point.workload, point.accelerator)


def point_to_stream_2024(point: PointOfFront) -> str:
    """Return the mapping of a point in the form of Stream before version 2."""
    return mapping_to_stream_2024(point.mapping, point.workload, point.accelerator)


@dataclass
class _Writer:
    mapping: NetworkMapping
    workload: Workload
    accelerator: Accelerator
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, layer: str, what: str) -> None:
        """Note what is not said about a layer, or about the whole."""
        self.notes.setdefault(what, []).append(layer)

    @property
    def numbers(self) -> dict[str, int]:
        return {slot.name: number for number, slot in enumerate(self.accelerator.cores)}

    def head(self) -> list[str]:
        cores = [f"#   {number}: {name}" for name, number in self.numbers.items()]
        cores.append(f"#   {len(cores)}: {self.accelerator.dram.name}, off the chip")
        lines = [f"# Mapping of {self.workload.name} on {self.accelerator.name}. Numbers of cores:", *cores]
        if self.notes:
            lines.append("# What this form does not say:")
            lines += [f"#   {', '.join(layers)}: {what}" for what, layers in self.notes.items()]
        return [" ".join(line.splitlines()) for line in lines]

    def folded(self) -> tuple[int, list[str]]:
        """Return a core for operators that are no layers here, and those operators."""
        able = [number for number, slot in enumerate(self.accelerator.cores) if OperatorKind.ELEMENTWISE in slot.core.operators]
        taken = {layer.operator for layer in self.workload.layers}
        return (able[0] if able else 0), [operator for operator in _FOLDED if operator not in taken]


# ------------------------------------------------------------------------------------------------------------ version 2


def mapping_to_stream(mapping: NetworkMapping, workload: Workload, accelerator: Accelerator) -> str:
    """Return a mapping in the form of Stream 2: ``layers`` and ``fused_groups``.

    Args:
        mapping: The mapping.
        workload: Its network.
        accelerator: Its chip; cores are numbered as they stand there, the off-chip memory comes last.
    """
    writer = _Writer(mapping, workload, accelerator)
    layers = [_layer(writer, entry, layer) for entry, layer in zip(mapping.layers, workload.layers, strict=True)]
    core, folded = writer.folded()
    layers += [{"name": operator, "core_allocation": [[core]]} for operator in folded]
    if folded:
        writer.note(", ".join(folded), f"they fold into the layer before them; where they are nodes of their own they run on core {core}")
    groups = [_group(writer, stack) for stack in range(mapping.layers[-1].stack + 1)]
    body = ["layers:", *(f"- {_flow(entry)}" for entry in layers), "fused_groups:", *(f"- {_flow(group)}" for group in groups)]
    return "\n".join([*writer.head(), *body]) + "\n"


def _layer(writer: _Writer, entry: LayerMapping, layer: Layer) -> dict[str, object]:
    found: dict[str, object] = {"name": entry.layer, "core_allocation": [[writer.numbers[core] for core in entry.cores]]}
    if len(entry.cores) > 1:
        position = loop_position(layer, Axis.CHANNELS)
        if position is None:
            writer.note(entry.layer, f"channels are spread over {len(entry.cores)} cores; the number of that loop is not known")
        else:
            found["inter_core_tiling"] = [[{"dim": f"D{position}", "split": len(entry.cores)}]]
    return found


def _group(writer: _Writer, stack: int) -> dict[str, object]:
    entries, layers = writer.mapping.layers, writer.workload.layers
    members = [index for index, entry in enumerate(entries) if entry.stack == stack]
    stated = _stated(writer, members)
    tiling: list[dict[str, object]] = []
    for index, size in stated.items():
        layer = layers[index]
        for axis, tile, whole in zip((Axis.ROWS, Axis.COLUMNS), size, (layer.rows, layer.columns), strict=True):
            if tile < whole:
                tiling.append({"dim": f"{layer.name}.D{loop_position(layer, axis)}", "tile": tile})
    follow = derived_tiles(writer.workload, members, stated)
    for index in members:
        entry, layer = entries[index], layers[index]
        if entry.parts > len(entry.cores):
            position = loop_position(layer, Axis.CHANNELS)
            if position is None:
                writer.note(entry.layer, f"cut into {entry.parts} parts of its channels; the number of that loop is not known")
            else:
                tiling.append({"dim": f"{layer.name}.D{position}", "tile": splittable_channels(layer) // entry.parts})
        if follow[index] != (entry.tile_rows, entry.tile_columns):
            there = f"{follow[index][0]} x {follow[index][1]}"
            writer.note(entry.layer, f"tiles of {entry.tile_rows} x {entry.tile_columns} become {there}")
    group: dict[str, object] = {"name": f"stack_{stack}", "layers": [layers[index].name for index in members]}
    return group | ({"intra_core_tiling": tiling} if tiling else {})


def _stated(writer: _Writer, members: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return the layers of a group whose tiles are stated, with rows and columns; tiles of the others follow from these.

    Stated are those that no layer of the group reads, and those that are cut although their readers leave them whole. Layers of one size
    get one tile: that form refuses different tiles of an axis that layers share.
    """
    layers = writer.workload.layers
    read = {edge.producer for index in members for edge in layers[index].edges}
    found: dict[int, tuple[int, int]] = {}
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for index in reversed(members):
        entry, layer = writer.mapping.layers[index], layers[index]
        whole = layer.rows, layer.columns
        left_whole = derived_tiles(writer.workload, members, found)[index] == whole
        if _is_nameable(writer, index) and _is_cut(writer, index) and (index not in read or left_whole):
            found[index] = sizes.setdefault(whole, (_divisor(layer.rows, entry.tile_rows), _divisor(layer.columns, entry.tile_columns)))
    return dict(sorted(found.items()))


def _is_cut(writer: _Writer, index: int) -> bool:
    entry, layer = writer.mapping.layers[index], writer.workload.layers[index]
    return entry.tile_rows < layer.rows or entry.tile_columns < layer.columns


def _is_nameable(writer: _Writer, index: int) -> bool:
    """Return True if the loops along which a layer is cut have known numbers."""
    entry, layer = writer.mapping.layers[index], writer.workload.layers[index]
    cut = {Axis.ROWS: entry.tile_rows < layer.rows, Axis.COLUMNS: entry.tile_columns < layer.columns}
    return all(loop_position(layer, axis) is not None for axis, is_cut in cut.items() if is_cut)


def _divisor(whole: int, tile: int) -> int:
    """Return the largest size up to `tile` that divides `whole`: that form allows no smaller last tile."""
    return next(size for size in range(min(tile, whole), 0, -1) if whole % size == 0)


# ------------------------------------------------------------------------------------------------------------ before version 2


def mapping_to_stream_2024(mapping: NetworkMapping, workload: Workload, accelerator: Accelerator) -> str:
    """Return a mapping in the form of Stream before version 2: a list of layers with cores and numbers of parts.

    Fused groups are an argument of the program there, ``layer_stacks``; their value stands in a comment.

    Args:
        mapping: The mapping.
        workload: Its network.
        accelerator: Its chip; cores are numbered as they stand there, the off-chip memory comes last.
    """
    writer = _Writer(mapping, workload, accelerator)
    entries = [_entry_2024(writer, entry, layer) for entry, layer in zip(mapping.layers, workload.layers, strict=True)]
    core, _ = writer.folded()
    entries.append({"name": "default", "core_allocation": [core]})
    stacks: dict[int, list[int]] = {}
    for index, entry in enumerate(mapping.layers):
        stacks.setdefault(entry.stack, []).append(index)
    groups = ", ".join(f"({', '.join(map(str, members))},)" for members in stacks.values())
    writer.note("layer_stacks", f"[{groups}], if its layers are numbered as here")
    return "\n".join([*writer.head(), *(f"- {_flow(entry)}" for entry in entries)]) + "\n"


def _entry_2024(writer: _Writer, entry: LayerMapping, layer: Layer) -> dict[str, object]:
    numbers = [writer.numbers[entry.cores[part % len(entry.cores)]] for part in range(entry.parts if len(entry.cores) > 1 else 1)]
    found: dict[str, object] = {"name": entry.layer, "core_allocation": numbers, "core_allocation_is_fixed": True}
    channels = "G" if layer.sizes.G > 1 else "K"
    if len(entry.cores) > 1:
        found["inter_core_tiling"] = [f"{channels}, {entry.parts}"]
    tiles = []
    for letter, whole, tile in (("OY", layer.rows, entry.tile_rows), ("OX", layer.columns, entry.tile_columns)):
        parts = -(-whole // tile)
        if parts > 1:
            tiles.append(f"{letter}, {parts}")
        if whole % tile:
            writer.note(entry.layer, f"the last of {parts} tiles along {letter} is smaller than {tile}; parts are equal there")
    if entry.parts > 1 and len(entry.cores) == 1:
        tiles.append(f"{channels}, {entry.parts}")
    return found | ({"intra_core_tiling": tiles} if tiles else {})


def _flow(value: Mapping[str, object]) -> str:
    """Return a value on one line."""
    text: str = yaml.dump(dict(value), Dumper=Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf)
    return text.strip()
