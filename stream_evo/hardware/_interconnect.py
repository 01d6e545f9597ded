"""The interconnect of an accelerator file: shorthands for buses, wires, meshes and DRAM ports, expanded to :class:`Link` values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from stream_evo import _yaml_forms as forms
from stream_evo._yaml import BANDWIDTH, ENERGY_PER_BIT, Node, Section, near_matches
from stream_evo.hardware._accelerator import Link

__all__ = ["read_links"]

_PAIR = {**forms.listed(forms.TEXT, 2), "maxItems": 2, "uniqueItems": True}
_PORTS = ("single", "dual", "private")
_DIRECTIONS = ("separate", "shared", "one_way")


def read_links(root: Section, nodes: Mapping[str, int], dram_bits_per_cycle: int) -> tuple[Link, ...]:
    """Read the list ``links`` of an accelerator file.

    * ``bus``: one link that all its nodes share.
    * ``point_to_point``: for each pair of nodes one link in each direction (``directions: separate``, the default), one link for both
      (``shared``), or one link from the first to the second (``one_way``).
    * ``mesh``: rows of cores, one link per direction between neighbours.
    * ``dram``: the way off the chip; one link for reads and writes of all cores (``ports: single``), one for all reads and one for all
      writes (``dual``), or one for each core (``private``).

    Args:
        root: The accelerator file; faults are noted there.
        nodes: Node index of each core's name and, as the last entry, of the DRAM's.
        dram_bits_per_cycle: Bandwidth of ``dram`` links that state none.

    Returns:
        All links in the order of the file.
    """
    links: list[Link] = []
    for section in root.sections("links"):
        section.text("source", default="-")
        kind = section.variant("type", tuple(_EXPAND))
        if section.node_at("type").value != kind:  # what keys it may have depends on the type
            _read_any(section)
            continue
        default = dram_bits_per_cycle if kind == "dram" else None
        bandwidth = section.whole_quantity("bandwidth", BANDWIDTH, default=default)
        energy = section.quantity("energy", ENERGY_PER_BIT)
        for name, pairs in _expand(section, kind, nodes):
            if any(link.name == name for link in links):
                section.faults.add(section.node, f"duplicate link {name!r}", found="", hint="Give one of the two another name")
            links.append(Link(name, bandwidth, energy, tuple(pairs)))
    return tuple(links)


def _read_any(section: Section) -> None:
    """Read what links of all types have in common, of one whose type is not known."""
    if section.has("bandwidth"):
        section.whole_quantity("bandwidth", BANDWIDTH)
    if section.has("energy"):
        section.quantity("energy", ENERGY_PER_BIT)


_Wires: TypeAlias = list[tuple[str, list[tuple[int, int]]]]


def _expand(section: Section, kind: str, nodes: Mapping[str, int]) -> _Wires:
    wires = _EXPAND[kind](section, nodes)
    section.close()
    return wires if section.sound else []


def _bus(section: Section, nodes: Mapping[str, int]) -> _Wires:
    members = _members(section, nodes, list(nodes))
    if len(members) < 2 and section.has("nodes"):
        section.faults.add(section.node_at("nodes"), "a bus joins nodes", expected="at least two")
    return [(section.text("name", default="bus", named=True), list(itertools.permutations(members, 2)))]


def _dram(section: Section, nodes: Mapping[str, int]) -> _Wires:
    *cores, dram = nodes
    members = _members(section, nodes, cores)
    ports = section.text("ports", choices=_PORTS)
    name = section.text("name", default=dram, named=True)
    reads = [(nodes[dram], core) for core in members]
    writes = [(core, nodes[dram]) for core in members]
    if not members:
        section.faults.add(section.node_at("nodes"), "a DRAM port serves cores", expected="at least one")
    if ports == "dual":
        return [(f"{name}_read", reads), (f"{name}_write", writes)]
    if ports == "private":
        names = list(nodes)
        return [(f"{name}_{names[read[1]]}", [read, write]) for read, write in zip(reads, writes, strict=True)]
    return [(name, reads + writes)]


def _mesh(section: Section, nodes: Mapping[str, int]) -> _Wires:
    *cores, _ = nodes
    prefix = section.text("name", default="mesh", named=True)
    rows: list[list[str]] = []
    for node in section.items("rows", each=forms.listed(forms.TEXT), expected="a list of rows, each a list of cores"):
        names = _names(section, node, cores)
        if rows and len(names) != len(rows[0]):
            section.faults.add(node, "the rows of a mesh are of equal length", expected=f"{len(rows[0])} cores", found=str(len(names)))
        rows.append(names)
    flat = [name for row in rows for name in row]
    if len(flat) < 2 and section.sound:
        section.faults.add(section.node_at("rows"), "a mesh joins cores", expected="at least two")
    for name in sorted({name for name in flat if flat.count(name) > 1}):
        section.faults.add(section.node_at("rows"), f"core {name!r} has two places in the mesh", found="")
    across = [pair for row in rows for pair in itertools.pairwise(row)]
    down = [(row[i], below[i]) for row, below in itertools.pairwise(rows) for i in range(min(len(row), len(below)))]
    wires: _Wires = []
    for a, b in across + down:
        wires += [(f"{prefix} {a}->{b}", [(nodes[a], nodes[b])]), (f"{prefix} {b}->{a}", [(nodes[b], nodes[a])])]
    return wires


def _point_to_point(section: Section, nodes: Mapping[str, int]) -> _Wires:
    directions = section.text("directions", default="separate", choices=_DIRECTIONS)
    prefix = section.text("name", default="", named=True)
    prefix = f"{prefix} " if prefix else ""
    wires: _Wires = []
    for node in section.items("pairs", each=_PAIR, expected="a list of pairs of nodes"):
        names = _names(section, node, list(nodes))
        if len(names) != 2 or names[0] == names[1]:
            if isinstance(node.value, tuple) and len(node.value) == len(names):
                section.faults.add(node, "a wire joins two different nodes", found=", ".join(names))
            continue
        a, b = names
        there, back = (nodes[a], nodes[b]), (nodes[b], nodes[a])
        if directions == "shared":
            wires.append((f"{prefix}{a}<->{b}", [there, back]))
        else:
            wires.append((f"{prefix}{a}->{b}", [there]))
            if directions == "separate":
                wires.append((f"{prefix}{b}->{a}", [back]))
    return wires


def _members(section: Section, nodes: Mapping[str, int], choices: Sequence[str]) -> list[int]:
    """Return the node indices listed under ``nodes``; the word ``all`` stands for all cores."""
    if section.is_word("nodes", "all", otherwise=forms.names((), 0)):
        return list(nodes.values())[:-1]
    return [nodes[name] for name in section.names("nodes", choices=choices, local=True)]


def _names(section: Section, node: Node, choices: Sequence[str]) -> list[str]:
    if not isinstance(node.value, tuple):
        section.faults.add(node, "wrong type", expected="a list of names")
        return []
    found: list[str] = []
    for item in node.value:
        if not isinstance(item.value, str):
            section.faults.add(item, "wrong type", expected="a name")
        elif item.value in choices:
            found.append(item.written)
        else:
            section.faults.add(item, f"unknown name {item.written!r}", found="", hint=near_matches(item.written, choices))
    return found


_EXPAND: Final[Mapping[str, Callable[[Section, Mapping[str, int]], _Wires]]] = {
    "bus": _bus,
    "dram": _dram,
    "mesh": _mesh,
    "point_to_point": _point_to_point,
}
