"""Memories of a foreign core file, in both spellings of their ports, and the hierarchy they make.

The older spelling gives a memory one read and one write bandwidth, counts its ports, and names per operand which port serves which of the
directions ``fh``, ``fl``, ``th``, ``tl``. The newer one lists ports, each with its bandwidths and what it serves: ``I1, tl``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from stream_evo._yaml import SIZE, Node, near_matches
from stream_evo.foreign._fields import Fields
from stream_evo.hardware import ArrayDimension, Direction, Memory, Port, PortKind
from stream_evo.workload import Operand

__all__ = ["OPERANDS", "complete_chains", "read_memories"]

OPERANDS: Final[Mapping[str, Operand]] = MappingProxyType({"I1": Operand.I, "I2": Operand.W, "O": Operand.O})
_DIRECTIONS: Final[Mapping[str, Direction]] = MappingProxyType(
    {"fh": Direction.FROM_HIGH, "fl": Direction.FROM_LOW, "th": Direction.TO_HIGH, "tl": Direction.TO_LOW}
)
_KINDS: Final[Mapping[str, PortKind]] = MappingProxyType(
    {"read": PortKind.READ, "write": PortKind.WRITE, "read_write": PortKind.READ_WRITE}
)
_PREFIXES: Final[Mapping[str, PortKind]] = MappingProxyType({"rw": PortKind.READ_WRITE, "r": PortKind.READ, "w": PortKind.WRITE})
_OLD_KEYS = ("r_bw", "w_bw", "r_port", "w_port", "rw_port", "min_r_granularity", "min_w_granularity")


def read_memories(core: Fields, dimensions: Sequence[str]) -> list[tuple[Memory, Fields]]:
    """Read ``memories`` of a core file.

    Args:
        core: The core file.
        dimensions: Names of the array's dimensions.

    Returns:
        Each memory with its place in the file, from the innermost to the outermost; those with faults are left out.
    """
    section = core.below("memories")
    found = []
    for name in () if section is None else section.keys():
        place = section.below(name) if section is not None else None
        memory = None if place is None else _memory(name, place, dimensions)
        if memory is not None and place is not None:
            found.append((memory, place))
    if section is not None and not section.keys():
        core.fault(section.node, "a core needs memories", found="")
    return found


def _memory(name: str, place: Fields, dimensions: Sequence[str]) -> Memory | None:
    before = len(place.file.faults.found)
    size_bits = place.whole("size", minimum=1, maximum=math.inf)
    if size_bits > SIZE.largest:
        place.note("size", f"a memory this large never limits anything; {SIZE.largest:g} bit were taken")
        size_bits = int(SIZE.largest)
    operands = _operands(place)
    shared_over = _served(place, dimensions)
    read_pj, write_pj = _energies(place)
    area = place.number("area", 0.0)
    if place.has("latency") and place.number("latency", 1.0) != 1:
        place.note("latency", "a memory answers in one cycle here; the stated latency was left out")
    place.left_out(_WITHOUT_COUNTERPART)
    ports = _new_ports(place, operands) if _is_new(place) else _old_ports(place, operands)
    place.close(known=_OLD_KEYS)
    if len(place.file.faults.found) > before:
        return None
    ports = _complete_ports(place, operands, ports)
    return Memory(name, size_bits, operands, shared_over, ports, read_pj, write_pj, area or None)


_WITHOUT_COUNTERPART = {
    "banks": "the ports of a memory count, not its banks",
    "force_double_buffering": "whether a memory is double-buffered follows from its size here",
    "double_buffering_support": "whether a memory is double-buffered follows from its size here",
    "shared_memory_group_id": "memories are shared by core_memory_sharing of the accelerator file",
}


def _operands(place: Fields) -> tuple[Operand, ...]:
    found: list[Operand] = []
    for node in place.items("operands", expected="a list such as [I1, I2, O]"):
        if node.written not in OPERANDS:
            place.fault(node, f"unknown operand {node.written!r}", found="", hint=near_matches(node.written, list(OPERANDS)))
        elif OPERANDS[node.written] in found:
            place.fault(node, f"{node.written!r} is listed twice", found="")
        else:
            found.append(OPERANDS[node.written])
    if place.has("operands") and not found and isinstance(place.node_at("operands").value, tuple) and not place.node_at("operands").value:
        place.fault(place.node_at("operands"), "a memory holds at least one operand", found="", hint="Name them: I1, I2, O")
    return tuple(found)


def _served(place: Fields, dimensions: Sequence[str]) -> tuple[str, ...]:
    found = []
    for node in place.items("served_dimensions", expected="a list of array dimensions"):
        if node.written not in dimensions:
            place.fault(node, f"unknown array dimension {node.written!r}", found="", hint=near_matches(node.written, dimensions))
        found.append(node.written)
    return tuple(dimension for dimension in dimensions if dimension in found)


def _energies(place: Fields) -> tuple[float, float]:
    automatic = place.flag("auto_cost_extraction")
    place.text("mem_type", default="sram")
    missing = [key for key in ("r_cost", "w_cost") if not place.has(key)]
    if automatic and missing:
        place.fault(
            place.node_at("auto_cost_extraction"),
            "the energies of this memory are left to CACTI",
            expected="r_cost and w_cost, in pJ per access of the full bandwidth",
            found="",
            hint="Run CACTI once and state its numbers",
        )
        return 0.0, 0.0
    return place.number("r_cost"), place.number("w_cost")


# ------------------------------------------------------------------------------------------------------------ ports


def _is_new(place: Fields) -> bool:
    nodes = place.node_at("ports").value if place.has("ports") else ()
    return isinstance(nodes, tuple) and any(isinstance(node.value, dict) and "name" in node.value for node in nodes)


def _new_ports(place: Fields, operands: Sequence[Operand]) -> tuple[Port, ...]:
    place.left_out(dict.fromkeys(_OLD_KEYS, "the bandwidth of each port counts instead"))
    ports: list[Port] = []
    for node in place.items("ports"):
        fields = Fields(node, place.file)
        name = fields.text("name")
        kind = fields.text("type")
        if kind and kind not in _KINDS:
            fields.fault(fields.node_at("type"), f"unknown kind of port {kind!r}", found="", hint=near_matches(kind, list(_KINDS)))
        low, high = fields.whole("bandwidth_min", minimum=1), fields.whole("bandwidth_max", minimum=1)
        if low > high:
            fields.fault(fields.node_at("bandwidth_min"), "out of range", expected=f"at most bandwidth_max, {high}")
        serves = _allocation(fields, operands, _KINDS.get(kind))
        fields.close()
        if any(port.name == name for port in ports):
            fields.fault(fields.node_at("name"), f"duplicate port {name!r}", found="")
        elif name and kind in _KINDS and 1 <= low <= high:
            ports.append(Port(name, _KINDS[kind], low, high, _fitting(serves, _KINDS[kind])))
    return tuple(ports)


def _allocation(fields: Fields, operands: Sequence[Operand], kind: PortKind | None) -> list[tuple[Operand, Direction]]:
    """Read what a port serves: texts such as ``I1, tl``, or, in a list within brackets, the words one after the other."""
    nodes = fields.items("allocation", expected="a list such as [I1, tl]")
    words: list[tuple[str, Node]] = [(word.strip(), node) for node in nodes for word in node.written.split(",")]
    if len(words) % 2:
        fields.fault(fields.node_at("allocation"), "operands and directions come in pairs", expected="such as I1, tl", found="")
        return []
    found = []
    for (operand, node), (direction, _) in zip(words[::2], words[1::2], strict=True):
        if operand not in OPERANDS:
            fields.fault(node, f"unknown operand {operand!r}", found="", hint=near_matches(operand, list(OPERANDS)))
        elif direction not in _DIRECTIONS:
            fields.fault(node, f"unknown direction {direction!r}", found="", hint=near_matches(direction, list(_DIRECTIONS)))
        elif OPERANDS[operand] not in operands:
            fields.fault(node, f"the memory does not hold operand {operand!r}", found="")
        elif kind is not None and not _can(kind, _DIRECTIONS[direction]):
            verb = "reads" if _DIRECTIONS[direction].reads else "writes"
            fields.fault(node, f"a port of this type cannot serve {direction}, which {verb} the memory", found="")
        elif _passes(OPERANDS[operand], _DIRECTIONS[direction], fields, node):
            found.append((OPERANDS[operand], _DIRECTIONS[direction]))
    return found


def _old_ports(place: Fields, operands: Sequence[Operand]) -> tuple[Port, ...]:
    read_bits, write_bits = place.whole("r_bw", minimum=1), place.whole("w_bw", minimum=1)
    least = {
        True: place.whole("min_r_granularity", read_bits, minimum=1),
        False: place.whole("min_w_granularity", write_bits, minimum=1),
    }
    served: dict[str, list[tuple[Operand, Direction]]] = {}
    nodes = place.items("ports", expected="a list with one entry per operand")
    stated = len(place.items("operands", required=False))
    if len(nodes) != stated and place.has("ports"):
        expected = f"one entry for each of {stated} operands, in their order"
        place.fault(place.node_at("ports"), "the ports do not match the operands", expected=expected, found=str(len(nodes)))
    if len(nodes) != len(operands):
        return ()
    for operand, node in zip(operands, nodes, strict=True):
        fields = Fields(node, place.file)
        for word, direction in _DIRECTIONS.items():
            name = fields.text(word, default="")
            kind = _kind_of(name)
            if name and kind is None:
                fields.fault(fields.node_at(word), f"unknown port {name!r}", expected="r_port_N, w_port_N or rw_port_N", found="")
            elif name and kind is not None and not _can(kind, direction):
                fields.fault(
                    fields.node_at(word), f"{name} cannot serve {word}", found="", hint="fh and fl write a memory, th and tl read it"
                )
            elif name and _passes(operand, direction, fields, fields.node_at(word)):
                served.setdefault(name, []).append((operand, direction))
        fields.close()
    _check_counts(place, list(served))
    ports = []
    for name, pairs in served.items():
        kind = _kind_of(name) or PortKind.READ_WRITE
        reads = kind is not PortKind.WRITE
        if kind is PortKind.READ_WRITE and read_bits != write_bits:
            place.note("w_bw", "a port that reads and writes has one bandwidth: that of reading")
        most = read_bits if reads else write_bits
        ports.append(Port(name, kind, min(least[reads], most), most, tuple(pairs)))
    return tuple(ports)


def _check_counts(place: Fields, names: Sequence[str]) -> None:
    for prefix, kind in _PREFIXES.items():
        key = f"{prefix}_port"
        stated, named = place.whole(key, 0), sum(_kind_of(name) is kind for name in names)
        if place.has(key) and stated != named:
            place.note(key, f"{stated} ports are stated, {named} are named; the named ones count")


def _kind_of(port: str) -> PortKind | None:
    prefix, _, rest = port.partition("_port_")
    return _PREFIXES.get(prefix) if rest.isdigit() else None


def _can(kind: PortKind, direction: Direction) -> bool:
    return kind is PortKind.READ_WRITE or direction.reads == (kind is PortKind.READ)


def _passes(operand: Operand, direction: Direction, fields: Fields, node: Node) -> bool:
    if operand is not Operand.O and direction in (Direction.FROM_LOW, Direction.TO_HIGH):
        fields.file.note(node, f"operand {operand} is only read by the array, it never passes {direction}")
        return False
    return True


def _fitting(serves: Sequence[tuple[Operand, Direction]], kind: PortKind) -> tuple[tuple[Operand, Direction], ...]:
    return tuple(dict.fromkeys(pair for pair in serves if _can(kind, pair[1])))


def _complete_ports(place: Fields, operands: Sequence[Operand], ports: Sequence[Port]) -> tuple[Port, ...]:
    """Return ports such that each direction of each operand has exactly one."""
    found = list(ports)
    for operand in operands:
        needed = tuple(Direction) if operand is Operand.O else (Direction.TO_LOW, Direction.FROM_HIGH)
        for direction in needed:
            pair = (operand, direction)
            serving = [index for index, port in enumerate(found) if pair in port.serves]
            for index in serving[1:]:
                place.note("ports", f"two ports serve {operand}.{direction}; {found[serving[0]].name} does here")
                found[index] = dataclasses.replace(found[index], serves=tuple(other for other in found[index].serves if other != pair))
            if not serving:
                able = [index for index, port in enumerate(found) if _can(port.kind, direction)]
                if able:
                    port = found[able[0]]
                    found[able[0]] = dataclasses.replace(port, serves=(*port.serves, pair))
                else:
                    kind = PortKind.READ if direction.reads else PortKind.WRITE
                    bits = max((port.max_bits_per_cycle for port in found), default=1)
                    found.append(Port(f"{kind}_port_added", kind, bits, bits, (pair,)))
                    able = [-1]
                place.note("ports", f"no port is stated for {operand}.{direction}; {found[able[0]].name} serves it here")
    return tuple(port for port in found if port.serves)


# ------------------------------------------------------------------------------------------------------------ hierarchy


def complete_chains(
    core: Fields, found: Sequence[tuple[Memory, Fields]], array: Sequence[ArrayDimension], outside: Memory | None
) -> list[Memory]:
    """Return memories in which each operand's chain ends in one that serves the whole array, as a core needs.

    Where the data of an operand come from off-chip memory straight into registers, a buffer without energy is put between: as large as
    these registers together, as wide as the port outside.

    Args:
        core: The core file.
        found: Its memories with their places.
        array: Its array.
        outside: The off-chip memory of the same file, if there is one.
    """
    memories = [memory for memory, _ in found]
    everywhere = tuple(dimension.name for dimension in array)
    stated = core.node_at("memories").value if core.has("memories") else None
    if isinstance(stated, dict) and len(found) + (outside is not None) < len(stated):
        return memories  # with a memory missing, what follows would only be echoes of its faults
    for operand in Operand:
        chain = [(memory, place) for memory, place in found if operand in memory.operands]
        for index in range(1, len(chain)):
            inner, (outer, place) = chain[index - 1][0], chain[index]
            lost = [name for name in inner.shared_over if name not in outer.shared_over]
            if lost:
                what = f"memory {outer.name} lies outside {inner.name} but serves less of the array"
                place.fault(place.node_at("served_dimensions"), what, expected=f"also {', '.join(lost)}")
        if not chain and operand is not Operand.W:
            name = next(word for word, meant in OPERANDS.items() if meant is operand)
            core.fault(core.node_at("memories"), f"no memory holds operand {name}", found="")
        elif chain and chain[-1][0].shared_over != everywhere:
            top, place = chain[-1]
            memories.append(_front_of(operand, top, array, outside))
            what = f"operand {operand} has no memory that serves the whole array; a buffer of {memories[-1].size_bits} bit was added"
            place.note("served_dimensions", f"{what} in front of {top.name}: all its instances together, without energy")
    return memories


def _front_of(operand: Operand, top: Memory, array: Sequence[ArrayDimension], outside: Memory | None) -> Memory:
    copies = math.prod(dimension.size for dimension in array if dimension.name not in top.shared_over)
    wide = outside.port(operand, Direction.TO_LOW) if outside is not None and operand in outside.operands else None
    bits = wide.max_bits_per_cycle if wide is not None else copies * top.port(operand, Direction.FROM_HIGH).max_bits_per_cycle
    least = wide.min_bits_per_cycle if wide is not None else bits
    reads: list[tuple[Operand, Direction]] = [(operand, Direction.TO_LOW)]
    writes: list[tuple[Operand, Direction]] = [(operand, Direction.FROM_HIGH)]
    if operand is Operand.O:
        reads.append((operand, Direction.TO_HIGH))
        writes.append((operand, Direction.FROM_LOW))
    ports = (Port("read", PortKind.READ, least, bits, tuple(reads)), Port("write", PortKind.WRITE, least, bits, tuple(writes)))
    everywhere = tuple(dimension.name for dimension in array)
    return Memory(f"{top.name}_front_{operand}", top.size_bits * copies, (operand,), everywhere, ports, 0.0, 0.0)
