"""Mappings and pins as YAML files.

A mapping file::

    network: resnet18
    accelerator: heterogeneous_quad
    priority: memory
    dataflows: {core0: C16K16}
    layers:
      conv1: {cores: [core0], tile_rows: 4, tile_columns: 112, parts: 1, stack: 0}

A pin file has the same form with everything optional; a layer may also say ``core: NAME`` and ``cut_after: true``.
"""

from __future__ import annotations

import math
from pathlib import Path

import yaml

from stream_evo._yaml import Section, open_section
from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator
from stream_evo.mapping._mapping import LayerMapping, Mapping, Priority, check_mapping
from stream_evo.mapping._pins import LayerPin, Pins
from stream_evo.workload import Workload

__all__ = ["load_mapping", "load_pins", "mapping_to_yaml"]


def mapping_to_yaml(mapping: Mapping) -> str:
    """Return the text of a mapping file; `load_mapping` reads it back to an equal value."""
    layers = {
        entry.layer: {
            "cores": list(entry.cores),
            "tile_rows": entry.tile_rows,
            "tile_columns": entry.tile_columns,
            "parts": entry.parts,
            "stack": entry.stack,
        }
        for entry in mapping.layers
    }
    head = {
        "network": mapping.network,
        "accelerator": mapping.accelerator,
        "priority": str(mapping.priority),
        "dataflows": dict(mapping.dataflows),
    }
    text: str = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=140) + "layers:\n"
    for name, entry in layers.items():
        line = yaml.safe_dump({name: entry}, sort_keys=False, allow_unicode=True, default_flow_style=True, width=math.inf)
        text += "  " + line.strip().removeprefix("{").removesuffix("}") + "\n"
    return text


def load_mapping(path: str | Path, workload: Workload, accelerator: Accelerator) -> Mapping:
    """Read a mapping file for `workload` on `accelerator`.

    Raises:
        InputError: the file cannot be read, has faults, or belongs to another network or accelerator.
    """
    root, faults = open_section(path)
    for key, expected in (("network", workload.name), ("accelerator", accelerator.name)):
        name = root.text(key)
        if name and name != expected:
            faults.add(root.node_at(key), f"this mapping is for another {key}", expected=expected)
    priority = root.text("priority", default="memory", choices=[str(p) for p in Priority])
    flows = _flows(root)
    section = root.section("layers")
    entries: list[LayerMapping] = []
    lines: list[int] = []
    for name, layer in _entries(section):
        cores = layer.names("cores", minimum=1)
        rows, columns = layer.integer("tile_rows", minimum=1), layer.integer("tile_columns", minimum=1)
        parts, stack = layer.integer("parts", default=1, minimum=1), layer.integer("stack", default=0, minimum=0)
        layer.close()
        lines.append(layer.node.line)
        if layer.sound:
            try:
                entries.append(LayerMapping(name, cores, rows, columns, parts, stack))
            except ValueError as error:
                faults.add(layer.node, str(error), found="")
    root.close()
    faults.check()
    try:
        mapping = Mapping(workload.name, accelerator.name, tuple(entries), flows, Priority(priority))
    except ValueError as error:
        raise InputError(str(path), [Fault(str(error), path="$.layers")]) from None
    wrong = check_mapping(mapping, workload, accelerator)
    if wrong:
        raise InputError(
            str(path),
            [
                Fault(text, f"$.layers.{entries[at].layer}", lines[at])
                if at >= 0
                else Fault(text, "$.layers" if "layers" in text else "$.dataflows")
                for at, text in wrong
            ],
        )
    return mapping


def load_pins(path: str | Path) -> Pins:
    """Read a pin file; what it names is checked when a `GenomeSpec` is made with it.

    Raises:
        InputError: the file cannot be read or has faults.
    """
    root, faults = open_section(path)
    root.text("network", default="any")
    root.text("accelerator", default="any")
    priority = root.text("priority", default="memory", choices=[str(p) for p in Priority])
    flows = _flows(root)
    section = root.section("layers", optional=True)
    pins = [_pin(name, layer) for name, layer in _entries(section)]
    root.close()
    faults.check()
    return Pins(tuple(pins), tuple(flows.items()), Priority(priority), str(path))


def _pin(name: str, layer: Section) -> LayerPin:
    cores = layer.names("cores", default=())
    if layer.has("core"):
        if cores:
            layer.faults.add(layer.node_at("core"), "core and cores exclude each other", found="")
        cores = (layer.text("core"),)
    rows = layer.integer("tile_rows", minimum=1) if layer.has("tile_rows") else None
    columns = layer.integer("tile_columns", minimum=1) if layer.has("tile_columns") else None
    cut = layer.flag("cut_after") if layer.has("cut_after") else None
    for key in ("parts", "stack"):  # a mapping file serves as a pin file; these follow from the other decisions
        if layer.has(key):
            layer.integer(key)
    layer.close()
    return LayerPin(name, cores or None, rows, columns, cut, layer.node.line)


def _entries(section: Section | None) -> list[tuple[str, Section]]:
    if section is None:
        return []
    return [(name, layer) for name in section.keys() if (layer := section.section(name)) is not None]  # noqa: SIM118  # as in _flows


def _flows(root: Section) -> dict[str, str]:
    section = root.section("dataflows", optional=True)
    if section is None:
        return {}
    return {core: section.text(core) for core in section.keys()}  # noqa: SIM118  # keys() also marks them as known
