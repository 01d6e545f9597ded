"""How the cores of a foreign accelerator file are joined, in the three spellings there have been.

* ``core_connectivity`` as a list of ``{type: link | bus, cores: [...], bandwidth: ...}``, the off-chip memory being one of the cores;
* ``core_connectivity`` as a list of ``0, 1`` with one bandwidth for all, and an ``offchip_core`` that every core reaches;
* ``graph`` of type ``2d_mesh`` or ``bus`` with the numbers of the pooling, SIMD and off-chip cores.

What a transfer costs on a link is stated there per cycle in which the link is busy; here it is that cost over the bits of a cycle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from stream_evo._yaml import BANDWIDTH, Node
from stream_evo.foreign._fields import Fields

__all__ = ["Graph", "OffChip", "Wire", "read_graph", "read_wires", "wires_of_graph"]

_IDS: Final = re.compile(r"\d+(\s*,\s*\d+)+")


@dataclass(frozen=True, slots=True)
class Wire:
    """One resource that joins cores.

    Attributes:
        kind: ``link``: one resource for each direction between two cores; ``bus``: one for all; ``dram``: the way of the cores named off
            the chip, one resource, or one for reads and one for writes.
        cores: Numbers of the cores.
        bits_per_cycle: Bandwidth; 0 for as wide as the widest port.
        pj_per_cycle: Energy of a busy cycle.
        is_dual: Whether a way off the chip has one resource for each direction.
    """

    kind: Literal["link", "bus", "dram"]
    cores: tuple[int, ...]
    bits_per_cycle: int
    pj_per_cycle: float
    is_dual: bool = False


@dataclass(frozen=True, slots=True)
class OffChip:
    """The port of the off-chip memory, for spellings in which it sets the bandwidth of the way off the chip."""

    bits_per_cycle: int
    is_dual: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The section ``graph``: shape of the network on the chip, and which cores play a part of their own."""

    fields: Fields
    shape: str
    rows: int
    columns: int
    bits_per_cycle: int
    pj_per_cycle: float
    pooling: int | None
    simd: int | None
    off_chip: int


def read_wires(root: Fields, ids: Sequence[int], off_chip: OffChip) -> list[Wire]:
    """Read ``core_connectivity``.

    Args:
        root: The accelerator file.
        ids: Numbers of all cores, the off-chip one included where it has one.
        off_chip: Port of the off-chip memory, for the older spelling.
    """
    pj_per_cycle = root.number("unit_energy_cost", 0.0)
    nodes = root.items("core_connectivity")
    older = root.has("offchip_core")
    bandwidth = 0
    if any(not isinstance(node.value, dict) for node in nodes):
        bandwidth = _bandwidth(root, "bandwidth")
    elif root.has("bandwidth") and isinstance(root.node_at("bandwidth").value, dict):
        root.note("bandwidth", "measured bandwidths of ports and cores have no counterpart; the stated ones count")
    wires = []
    for node in nodes:
        if isinstance(node.value, dict):
            wires += _connection(Fields(node, root.file), ids, pj_per_cycle)
        else:
            numbers = _numbers(root, node, ids)
            if numbers:
                wires += [Wire("link" if len(numbers) == 2 else "bus", numbers, bandwidth, pj_per_cycle)]
    if older:
        wires.append(Wire("dram", tuple(ids), off_chip.bits_per_cycle, pj_per_cycle, off_chip.is_dual))
    return wires


def _connection(fields: Fields, ids: Sequence[int], default_pj: float) -> list[Wire]:
    kind = fields.text("type", "link")
    if kind not in ("link", "bus"):
        fields.fault(fields.node_at("type"), f"unknown type of connection {kind!r}", expected="link or bus", found="")
    numbers: list[int] = []
    stated = fields.items("cores", expected="a list of core numbers")
    for node in stated:
        numbers += _numbers(fields, node, ids, single=True)
    bandwidth = _bandwidth(fields, "bandwidth")
    pj_per_cycle = fields.number("unit_energy_cost", default_pj)
    fields.close()
    if len(set(numbers)) != len(numbers) or len(numbers) < 2 or (kind == "link" and len(numbers) != 2):
        if len(numbers) == len(stated) and stated:
            expected = "two different cores" if kind == "link" else "at least two different cores"
            fields.fault(fields.node_at("cores"), f"a {kind} joins cores", expected=expected, found=", ".join(map(str, numbers)))
        return []
    return [Wire("link" if kind == "link" else "bus", tuple(numbers), bandwidth, pj_per_cycle)]


def _bandwidth(fields: Fields, key: str) -> int:
    """Return a bandwidth in whole bits per cycle."""
    before = len(fields.file.faults.found)
    value = fields.number(key, maximum=BANDWIDTH.largest)
    if fields.has(key) and value < 1 and len(fields.file.faults.found) == before:
        fields.fault(fields.node_at(key), "out of range", expected="at least 1 bit per cycle")
    if value != int(value):
        fields.note(key, f"a bandwidth is a whole number of bits here: {int(value)}")
    return max(1, int(value))


def _numbers(fields: Fields, node: Node, ids: Sequence[int], *, single: bool = False) -> tuple[int, ...]:
    """Return the core numbers of ``0, 1``, or of one number."""
    text = node.written.strip()
    if isinstance(node.value, tuple):
        words = [item.written for item in node.value]
    elif text.isdigit() or _IDS.fullmatch(text):
        words = text.split(",")
    else:
        fields.fault(node, "not a core number" if single else "not core numbers", expected="such as 0" if single else "such as 0, 1")
        return ()
    found = []
    for word in words:
        if not word.strip().isdigit() or int(word) not in ids:
            fields.fault(node, f"there is no core {word.strip()}", expected=f"one of {', '.join(map(str, ids))}", found="")
        else:
            found.append(int(word))
    return tuple(found)


# ------------------------------------------------------------------------------------------------------------ graph


def read_graph(root: Fields, ids: Sequence[int]) -> Graph | None:
    """Read ``graph`` (some files call it by its type, ``bus``); ``None`` if it has faults."""
    fields = root.below(root.first_of("graph", "bus"))
    if fields is None:
        return None
    before = len(root.file.faults.found)
    shape = fields.text("type", "bus" if root.has("bus") else None)
    if shape not in ("2d_mesh", "bus"):
        fields.fault(fields.node_at("type"), f"unknown type of graph {shape!r}", expected="2d_mesh or bus", found="")
    roles = {}
    for role in ("pooling", "simd", "offchip"):
        key = f"{role}_core_id"
        if fields.has(key) or role == "offchip":
            roles[role] = fields.whole(key)
            if roles[role] not in ids:
                fields.fault(fields.node_at(key), "there is no such core", expected=f"one of {', '.join(map(str, ids))}")
    rows, columns = (fields.whole(key, minimum=1) if shape == "2d_mesh" else 1 for key in ("nb_rows", "nb_cols"))
    bandwidth, pj_per_cycle = _bandwidth(fields, "bandwidth"), fields.number("unit_energy_cost", 0.0)
    others = [number for number in ids if number not in roles.values()]
    if shape == "2d_mesh" and rows * columns != len(others) and len(root.file.faults.found) == before:
        expected = f"{len(others)} places, one for each core that is neither pooling, SIMD nor off-chip"
        fields.fault(fields.node_at("nb_rows"), "the mesh does not hold the cores", expected=expected, found=f"{rows} x {columns}")
    fields.close(known=("nb_rows", "nb_cols"))
    if len(root.file.faults.found) > before:
        return None
    return Graph(fields, shape, rows, columns, bandwidth, pj_per_cycle, roles.get("pooling"), roles.get("simd"), roles["offchip"])


def wires_of_graph(graph: Graph, ids: Sequence[int], off_chip: OffChip) -> list[Wire]:
    """Return what a ``graph`` stands for.

    The pooling core has a link to each other core. The SIMD core has links without limit of bandwidth and without energy in a mesh, and
    stands on the bus otherwise. All reach the off-chip memory over its port.
    """
    roles = (graph.pooling, graph.simd, graph.off_chip)
    plain = [number for number in ids if number not in roles]
    bits, pj = graph.bits_per_cycle, graph.pj_per_cycle
    wires: list[Wire] = []
    if graph.shape == "2d_mesh":
        # The cores fill the mesh column by column.
        grid = [[plain[column * graph.rows + row] for column in range(graph.columns)] for row in range(graph.rows)]
        wires += [Wire("link", pair, bits, pj) for row in grid for pair in pairwise(row)]
        wires += [Wire("link", (grid[r][c], grid[r + 1][c]), bits, pj) for c in range(graph.columns) for r in range(graph.rows - 1)]
    else:
        members = [*plain, *([graph.simd] if graph.simd is not None else [])]
        if graph.pooling is not None and graph.simd is not None and not plain:
            members.append(graph.pooling)
        if len(members) > 1:
            wires.append(Wire("bus", tuple(members), bits, pj))
    if graph.pooling is not None:
        wires += [Wire("link", (number, graph.pooling), bits, pj) for number in plain]
    if graph.simd is not None and graph.shape == "2d_mesh":
        graph.fields.note(
            "simd_core_id", "links to the SIMD core have no limit of bandwidth there: they are as wide as the widest port here"
        )
        beside = [*plain, *([graph.pooling] if graph.pooling is not None else [])]
        wires += [Wire("link", (number, graph.simd), 0, 0.0) for number in beside]
    elif graph.simd is not None and graph.pooling is not None and plain:
        wires.append(Wire("link", (graph.pooling, graph.simd), bits, pj))
        graph.fields.note("simd_core_id", "the pooling and the SIMD core exchange data over a link of their own here, not over the bus")
    wires.append(Wire("dram", tuple(number for number in ids if number != graph.off_chip), off_chip.bits_per_cycle, pj, off_chip.is_dual))
    return wires
