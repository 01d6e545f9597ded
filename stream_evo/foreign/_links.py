"""Links between named nodes from what a foreign file joins, as values and in the form of an accelerator file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import cast

from stream_evo.foreign._connectivity import Wire
from stream_evo.hardware import Core, Dram, Link

__all__ = ["Interconnect", "join"]


@dataclass(frozen=True, slots=True)
class Interconnect:
    """Links.

    Attributes:
        links: Their values; nodes are positions of the computing cores, then the DRAM.
        document: The same for an accelerator file.
        notes: What could not be said exactly.
    """

    links: tuple[Link, ...]
    document: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]


@dataclass
class _Builder:
    nodes: Mapping[str, int]
    dram: str
    widest: int
    links: list[Link] = field(default_factory=list)
    document: list[Mapping[str, object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def free(self, *names: str) -> bool:
        return not any(link.name in names for link in self.links)

    def numbered(self, stem: str, *suffixes: str) -> str:
        """Return `stem`, or `stem` with the first number from 2 on that no link has."""
        number = 1
        while not self.free(*((stem if number == 1 else f"{stem}{number}") + suffix for suffix in suffixes or ("",))):
            number += 1
        return stem if number == 1 else f"{stem}{number}"

    def figures(self, wire: Wire) -> tuple[int, float]:
        bits = wire.bits_per_cycle or self.widest
        return bits, wire.pj_per_cycle / bits

    def pair(self, wire: Wire, a: str, b: str) -> None:
        bits, pj = self.figures(wire)
        entry: dict[str, object] = {"type": "point_to_point", "pairs": [[a, b]], **_costs(bits, pj)}
        prefix = ""
        if not self.free(f"{a}->{b}", f"{b}->{a}"):
            entry["name"] = self.numbered("link", f" {a}->{b}", f" {b}->{a}")
            prefix = f"{entry['name']} "
        for start, end in ((a, b), (b, a)):
            self.links.append(Link(f"{prefix}{start}->{end}", bits, pj, ((self.nodes[start], self.nodes[end]),)))
        last = self.document[-1] if self.document else {}
        if last.keys() == entry.keys() and all(last[key] == entry[key] for key in entry if key != "pairs"):
            self.document[-1] = {**last, "pairs": [*cast("list[list[str]]", last["pairs"]), [a, b]]}
        else:
            self.document.append(entry)

    def bus(self, wire: Wire, members: Sequence[str]) -> None:
        bits, pj = self.figures(wire)
        name = self.numbered("bus")
        pairs = tuple(permutations([self.nodes[member] for member in members], 2))
        self.links.append(Link(name, bits, pj, pairs))
        self.document.append({"type": "bus", "name": name, "nodes": list(members), **_costs(bits, pj)})

    def off_chip(self, wire: Wire, members: Sequence[str], *, dual: bool) -> None:
        bits, pj = self.figures(wire)
        dram = self.nodes[self.dram]
        reads = tuple((dram, self.nodes[member]) for member in members)
        writes = tuple((self.nodes[member], dram) for member in members)
        name = self.numbered(self.dram, *(("_read", "_write") if dual else ()))
        if dual:
            self.links += [Link(f"{name}_read", bits, pj, reads), Link(f"{name}_write", bits, pj, writes)]
        else:
            self.links.append(Link(name, bits, pj, reads + writes))
        ports = "dual" if dual else "single"
        self.document.append({"type": "dram", "ports": ports, "name": name, "nodes": list(members), **_costs(bits, pj)})


def join(wires: Sequence[Wire], homes: Mapping[int, Sequence[int]], names: Mapping[int, str], dram: Dram, *cores: Core) -> Interconnect:
    """Return the links that `wires` stand for.

    Args:
        wires: What joins what, by core numbers.
        homes: Core number -> numbers of the cores that stand for it; the off-chip memory stands for itself.
        names: Number -> name of the computing cores in their order, and of the off-chip memory where it has a number.
        dram: The off-chip memory.
        *cores: All cores, for the widest port.
    """
    computing = [name for name in names.values() if name != dram.name]
    nodes = {name: index for index, name in enumerate((*computing, dram.name))}
    widest = max(port.max_bits_per_cycle for core in cores for memory in core.memories for port in memory.ports)
    builder = _Builder(nodes, dram.name, max(widest, dram.bits_per_cycle))
    for wire in wires:
        ends = [[names[home] for home in homes.get(number, ()) if home in names] for number in wire.cores]
        members = list(dict.fromkeys(name for end in ends for name in end))
        if wire.kind == "dram":
            if members:
                builder.off_chip(wire, members, dual=wire.is_dual)
        elif len(members) < 2 or not all(ends):
            if len(members) >= 2 and wire.kind == "bus":
                builder.bus(wire, members)
        elif wire.kind == "bus":
            builder.bus(wire, members)
        elif len(members) == 2:
            builder.pair(wire, *members)
        elif dram.name in members:
            builder.off_chip(wire, [name for name in members if name != dram.name], dual=True)
        else:
            builder.notes.append(f"the link {wire.cores[0]} - {wire.cores[1]} serves several cores; both directions share it here")
            builder.bus(wire, members)
    return Interconnect(tuple(builder.links), tuple(builder.document), tuple(builder.notes))


def _costs(bits: int, pj: float) -> dict[str, object]:
    return {"bandwidth": f"{bits} bit/cycle", "energy": f"{int(pj) if pj == int(pj) else pj!r} pJ/bit"}
