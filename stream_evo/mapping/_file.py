"""Mappings and pins as YAML files.

A mapping file::

    network: resnet18
    accelerator: heterogeneous_quad
    priority: memory
    dataflows: {core0: C16K16}
    layers:
      conv1: {cores: [core0], tile_rows: 4, tile_columns: 112, parts: 1, stack: 0}

A pin file has the same form with everything optional, so that a mapping file or a part of one can be used to pin; a layer may also say
``core: NAME`` and ``cut_after: true``.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from stream_evo._yaml import Section, open_section
from stream_evo._yaml_nodes import Dumper
from stream_evo.errors import Fault
from stream_evo.hardware import Accelerator, Core
from stream_evo.mapping._mapping import LayerMapping, Mapping, Priority, check_flows, check_layer, check_layer_names
from stream_evo.mapping._pins import DataflowPin, LayerPin, Pins
from stream_evo.workload import Workload

__all__ = ["load_mapping", "load_pins", "mapping_to_yaml"]


def mapping_to_yaml(mapping: Mapping) -> str:
    """Return the text of a mapping file; `load_mapping` reads it back to an equal value."""
    head = {
        "network": mapping.network,
        "accelerator": mapping.accelerator,
        "priority": str(mapping.priority),
        "dataflows": dict(mapping.dataflows),
    }
    text: str = yaml.dump(head, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=140) + "layers:\n"
    for entry in mapping.layers:
        text += (
            f"  {_scalar(entry.layer)}: {{cores: [{', '.join(map(_scalar, entry.cores))}], tile_rows: {entry.tile_rows}, "
            f"tile_columns: {entry.tile_columns}, parts: {entry.parts}, stack: {entry.stack}}}\n"
        )
    return text


@cache
def _scalar(name: str) -> str:
    """Return a name as YAML, quoted where it must be; a front repeats a few names in hundreds of files."""
    if not name.isprintable():
        return json.dumps(name)  # a key must stand on one line; JSON's escapes are YAML's
    text: str = yaml.dump([name], Dumper=Dumper, allow_unicode=True, default_flow_style=True, width=math.inf)
    return text.strip().removeprefix("[").removesuffix("]")


def load_mapping(path: str | Path, workload: Workload, accelerator: Accelerator | None) -> Mapping:
    """Read a mapping file for `workload` on `accelerator`; its layers may stand in any order.

    Args:
        path: The file.
        workload: The network it is for.
        accelerator: The chip it is for; ``None`` to check only what the network tells.

    Raises:
        InputError: the file cannot be read, has faults, or belongs to another network or accelerator.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> result.save("runs/mappings")
        >>> workload, chip = stream_evo.load_network("squeezenet"), stream_evo.load_hardware("homogeneous_quad")
        >>> stream_evo.load_mapping("runs/mappings/mappings/point_000.yaml", workload, chip) == result[0].mapping
        True
    """
    root, faults = open_section(path, "mapping")
    names = {key: root.text(key) for key in ("network", "accelerator")}
    strangers = set()
    for key, expected in (("network", workload.name), ("accelerator", names["accelerator"] if accelerator is None else accelerator.name)):
        if names[key] and names[key] != expected:
            faults.add(root.node_at(key), f"this mapping is for another {key}", expected=expected)
            strangers.add(key)
    priority = root.text("priority", default="memory", choices=[str(p) for p in Priority])
    flows = dict(_flows(root))
    section = root.section("layers")
    entries = {} if section is None else {name: _layer(name, section) for name in section.keys()}  # noqa: SIM118  # as in _flows
    root.close()

    # What is written for another network or accelerator is not held against these.
    cores = None if accelerator is None or "accelerator" in strangers else {slot.name: slot.core for slot in accelerator.cores}
    found = [] if cores is None else check_flows({core: flow for core, flow in flows.items() if flow or core not in cores}, cores)
    if "network" not in strangers and section is not None:
        found += _check_layers(entries, workload, cores)
    lines = root.node.lines()
    faults.found += [dataclasses.replace(fault, line=lines.get(fault.path, 0)) for fault in found]
    faults.check()
    layers = tuple(entry.mapping() for layer in workload.layers if (entry := entries[layer.name]) is not None)
    return Mapping(workload.name, names["accelerator"], layers, flows, Priority(priority))


def load_pins(path: str | Path, *, defer: bool = False) -> Pins:
    """Read a pin file; what it names is checked when a `GenomeSpec` is made with it.

    Args:
        path: The file.
        defer: Keep faults of what is written in `Pins.faults`, for the `GenomeSpec` to report them together with those of what is named.

    Raises:
        InputError: the file cannot be read, or has faults that are not deferred.
    """
    root, faults = open_section(path, "pins")
    network, accelerator = (root.text(key) if root.has(key) else "" for key in ("network", "accelerator"))
    priority = Priority(root.text("priority", choices=[str(p) for p in Priority])) if root.has("priority") else None
    lines = root.node.lines()
    flows = tuple(DataflowPin(core, flow, lines.get(f"$.dataflows.{core}", 0)) for core, flow in _flows(root) if flow)
    section = root.section("layers", optional=True)
    layers = () if section is None else tuple(_layer_pin(name, section) for name in section.keys())  # noqa: SIM118  # as in _flows
    root.close()
    if not defer:
        faults.check()
    return Pins(layers, flows, priority, network, accelerator, str(path), tuple(faults.found))


@dataclass(frozen=True, slots=True)
class _Entry:
    """What could be read of one layer of a mapping file; `parts` and `stack` are ``None``, and tile sizes 1, where they could not."""

    layer: str
    cores: tuple[str, ...]
    tile: tuple[int, int]
    parts: int | None
    stack: int | None

    def mapping(self) -> LayerMapping:
        """Return the mapping of the layer, of which everything could be read."""
        return LayerMapping(self.layer, self.cores, *self.tile, self.parts or 1, self.stack or 0)


def _check_layers(entries: MappingABC[str, _Entry | None], workload: Workload, cores: MappingABC[str, Core] | None) -> list[Fault]:
    """Return everything in which the layers of a mapping file do not fit the network, and the `cores` of its chip if they are given."""
    order = [layer.name for layer in workload.layers if layer.name in entries]
    faults = check_layer_names(order + [name for name in entries if name not in order], workload)
    for layer in workload.layers:
        entry = entries.get(layer.name)
        if entry is not None:
            faults += check_layer(layer, entry.cores, entry.tile, entry.parts or 1, cores)
    return faults + _check_stacks([entries.get(layer.name) for layer in workload.layers])


def _check_stacks(entries: Sequence[_Entry | None]) -> list[Fault]:
    """Return a fault for every layer whose stack does not follow on that of the last before it whose stack could be read."""
    faults = []
    reached, last = 0, 0
    for index, entry in enumerate(entries):
        if entry is None or entry.stack is None:
            continue
        most = reached + index - last
        if not reached <= entry.stack <= most:
            expected = f"{reached} or {most}" if most == reached + 1 else f"{reached} to {most}" if most > reached else str(reached)
            what = "stacks are numbered 0, 1, 2, ... in layer order, without gaps"
            faults.append(Fault(what, f"$.layers.{entry.layer}", expected=expected, found=str(entry.stack)))
        reached, last = entry.stack, index
    return faults


def _layer(name: str, layers: Section) -> _Entry | None:
    """Return what could be read of one layer of a mapping file after noting what is wrong with it, ``None`` if it is no mapping."""
    section = layers.section(name)
    if section is None:
        return None
    cores = section.names("cores", minimum=1)
    rows, columns = section.integer("tile_rows", minimum=1), section.integer("tile_columns", minimum=1)
    numbers = {"parts": section.integer("parts", default=1, minimum=1), "stack": section.integer("stack", default=0, minimum=0)}
    section.close()
    parts, stack = (_readable(section, key, number) for key, number in numbers.items())
    if parts is not None and parts < len(cores):
        what = f"layer {name}: {len(cores)} cores need at least as many parts, not {parts}"
        section.faults.add(section.node, what, found="")
    return _Entry(name, cores, (rows, columns), parts, stack)


def _readable(section: Section, key: str, value: int) -> int | None:
    """Return the `value` of `key`, or ``None`` if it may stand in for one that is at fault, be it that its key is misspelt."""
    return None if section.at_fault(key) or not (section.has(key) or section.sound) else value


def _layer_pin(name: str, layers: Section) -> LayerPin:
    """Return what is pinned of one layer; after noting what is wrong with it, only its cores if those could be read."""
    section = layers.section(name)
    if section is None:
        return LayerPin(name, line=layers.node_at(name).line)
    cores = section.names("cores", minimum=1) if section.has("cores") else None
    if section.has("core"):
        if cores is not None:
            section.faults.add(section.node_at("core"), "core and cores exclude each other", found="")
        cores = (section.text("core"),)
    readable = cores if section.sound else None
    numbers = {
        key: section.integer(key, minimum=least) if section.has(key) else None
        for key, least in (("tile_rows", 1), ("tile_columns", 1), ("stack", 0), ("parts", 1))
    }
    cut = section.flag("cut_after") if section.has("cut_after") else None
    section.close()
    if not section.sound:
        return LayerPin(name, readable, line=section.node.line)
    return LayerPin(name, cores, cut_after=cut, line=section.node.line, **numbers)


def _flows(root: Section) -> list[tuple[str, str]]:
    section = root.section("dataflows", optional=True)
    if section is None:
        return []
    return [(core, section.text(core)) for core in section.keys()]  # noqa: SIM118  # keys() also marks them as known
