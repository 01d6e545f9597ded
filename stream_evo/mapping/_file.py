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
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import yaml

from stream_evo._yaml import Section, open_section
from stream_evo._yaml_nodes import Dumper
from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator
from stream_evo.mapping._mapping import LayerMapping, Mapping, Priority, check_layer_names, check_mapping
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
    for key, expected in (("network", workload.name), ("accelerator", names["accelerator"] if accelerator is None else accelerator.name)):
        if names[key] and names[key] != expected:
            faults.add(root.node_at(key), f"this mapping is for another {key}", expected=expected)
    priority = root.text("priority", default="memory", choices=[str(p) for p in Priority])
    flows = dict(_flows(root))
    entries = [entry for name, section in _layer_sections(root) if (entry := _layer(name, section)) is not None]
    root.close()
    faults.check()

    lines = root.node.lines()
    given = {entry.layer: entry for entry in entries}
    order = [layer.name for layer in workload.layers if layer.name in given]
    _check(path, lines, check_layer_names(order + [name for name in given if name not in order], workload))
    layers = tuple(given[name] for name in order)
    _check(path, lines, _check_stacks(layers))
    mapping = Mapping(workload.name, names["accelerator"], layers, flows, Priority(priority))
    _check(path, lines, check_mapping(mapping, workload, accelerator))
    return mapping


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


def _check(path: str | Path, lines: dict[str, int], faults: Iterable[Fault]) -> None:
    """Raise `faults`, if there are any, with the lines of their paths."""
    found = [dataclasses.replace(fault, line=lines.get(fault.path, 0)) for fault in faults]
    if found:
        raise InputError(str(path), sorted(found, key=lambda fault: fault.line))


def _check_stacks(layers: Sequence[LayerMapping]) -> list[Fault]:
    """Return a fault for every layer whose stack does not follow on that of the layer before."""
    faults = []
    for last, entry in zip((None, *layers), layers, strict=False):
        allowed = (0,) if last is None else (last.stack, last.stack + 1)
        if entry.stack not in allowed:
            expected = " or ".join(map(str, allowed))
            what = "stacks are numbered 0, 1, 2, ... in layer order, without gaps"
            faults.append(Fault(what, f"$.layers.{entry.layer}", expected=expected, found=str(entry.stack)))
    return faults


def _layer(name: str, section: Section) -> LayerMapping | None:
    """Return one layer of a mapping file, or ``None`` after noting what is wrong with it."""
    cores = section.names("cores", minimum=1)
    rows, columns = section.integer("tile_rows", minimum=1), section.integer("tile_columns", minimum=1)
    parts, stack = section.integer("parts", default=1, minimum=1), section.integer("stack", default=0, minimum=0)
    section.close()
    if not section.sound:
        return None
    try:
        return LayerMapping(name, cores, rows, columns, parts, stack)
    except ValueError as error:
        section.faults.add(section.node, str(error), found="")
        return None


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


def _layer_sections(root: Section) -> list[tuple[str, Section]]:
    layers = root.section("layers")
    if layers is None:
        return []
    return [(name, found) for name in layers.keys() if (found := layers.section(name)) is not None]  # noqa: SIM118  # as in _flows


def _flows(root: Section) -> list[tuple[str, str]]:
    section = root.section("dataflows", optional=True)
    if section is None:
        return []
    return [(core, section.text(core)) for core in section.keys()]  # noqa: SIM118  # keys() also marks them as known
