"""Chips of the library written in the reference framework's form, by rules of their own: what the reader is held to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from stream_evo.hardware import Accelerator, Core, Direction, Dram, Link, Memory, PortKind
from stream_evo.workload import Axis, AxisMap, Edge, Layer, LoopSizes, NetworkInput, Operand, OperatorKind, Workload

DATA = Path(__file__).resolve().parents[1] / "data" / "foreign"

_OPERANDS = {Operand.I: "I1", Operand.W: "I2", Operand.O: "O"}
_DIRECTIONS = {Direction.FROM_HIGH: "fh", Direction.FROM_LOW: "fl", Direction.TO_HIGH: "th", Direction.TO_LOW: "tl"}
_TYPES = {PortKind.READ: "read", PortKind.WRITE: "write", PortKind.READ_WRITE: "read_write"}
_STEMS = {PortKind.READ: "r", PortKind.WRITE: "w", PortKind.READ_WRITE: "rw"}
_OPERATORS = {OperatorKind.CONV: "Conv", OperatorKind.GEMM: "Gemm", OperatorKind.POOL: "MaxPool", OperatorKind.ELEMENTWISE: "Add"}


ROWS, COLUMNS, CHANNELS = AxisMap(Axis.ROWS), AxisMap(Axis.COLUMNS), AxisMap(Axis.CHANNELS)


def _conv(name: str, producer: int, size: int, stride: int = 1) -> Layer:
    windows = (AxisMap(Axis.ROWS, stride, -1, 1), AxisMap(Axis.COLUMNS, stride, -1, 1))
    edge = Edge(producer, Operand.I, *windows, AxisMap(None))
    sizes = LoopSizes(K=8, C=8, OY=size, OX=size, FY=3, FX=3)
    return Layer(name, OperatorKind.CONV, "Conv", sizes, stride=(stride, stride), edges=(edge,), constant_weights=True)


def small_network() -> Workload:
    """Return two convolutions, the second with a stride of two, and an addition of its result to itself shifted nowhere."""
    add = Layer(
        "join",
        OperatorKind.ELEMENTWISE,
        "Add",
        LoopSizes(K=8, OY=8, OX=8),
        edges=(Edge(1, Operand.I, ROWS, COLUMNS, CHANNELS), Edge(1, Operand.W, ROWS, COLUMNS, CHANNELS)),
        constant_weights=False,
    )
    layers = (_conv("first", -1, 16), _conv("second", 0, 8, stride=2), add)
    return Workload("small", layers, (NetworkInput("x", 8, 16, 16),))


def core_document(core: Core, *, old_ports: bool) -> dict[str, Any]:
    """Return a core in the older or the newer spelling of ports, with one dataflow."""
    flow = next(flow for flow in core.dataflows if not flow.depthwise_only)
    return {
        "name": core.name,
        "type": "zigzag.compute",
        "memories": {memory.name: _memory(memory, old_ports=old_ports) for memory in core.memories},
        "operational_array": {
            "dimensions": [dimension.name for dimension in core.array],
            "sizes": [dimension.size for dimension in core.array],
            "unit_energy": core.operation_pj,
        },
        "dataflows": {dimension: [f"{loop}, {size}" for loop, size in loops] for dimension, loops in flow.unrolling},
        "operator_types": [_OPERATORS[kind] for kind in core.operators],
    }


def fits_old_ports(core: Core) -> bool:
    """Return True if every memory reads at one bandwidth and writes at one, as the older spelling assumes."""
    return all(len(set(_figures(memory, reads))) <= 1 for memory in core.memories for reads in (True, False)) and all(
        set(_figures(memory, reads=True)) == set(_figures(memory, reads=False))
        for memory in core.memories
        if any(port.kind is PortKind.READ_WRITE for port in memory.ports)
    )


def _figures(memory: Memory, reads: bool) -> list[tuple[int, int]]:
    kinds = (PortKind.READ_WRITE, PortKind.READ if reads else PortKind.WRITE)
    return [(port.min_bits_per_cycle, port.max_bits_per_cycle) for port in memory.ports if port.kind in kinds]


def _memory(memory: Memory, *, old_ports: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "size": memory.size_bits,
        "r_cost": memory.read_pj,
        "w_cost": memory.write_pj,
        "area": memory.area or 0,
        "latency": 1,
        "operands": [_OPERANDS[operand] for operand in memory.operands],
        "served_dimensions": list(memory.shared_over),
    }
    counts = dict.fromkeys(PortKind, 0)
    names = {}
    for port in memory.ports:
        counts[port.kind] += 1
        names[port.name] = f"{_STEMS[port.kind]}_port_{counts[port.kind]}"
    if old_ports:
        (read_least, read), (write_least, write) = (_figures(memory, reads)[0] for reads in (True, False))
        found |= {"r_bw": read, "w_bw": write, "min_r_granularity": read_least, "min_w_granularity": write_least}
        found |= {f"{_STEMS[kind]}_port": count for kind, count in counts.items()}
        found["ports"] = [
            {_DIRECTIONS[way]: names[port.name] for port in memory.ports for served, way in port.serves if served is operand}
            for operand in memory.operands
        ]
    else:
        found["ports"] = [
            {
                "name": names[port.name],
                "type": _TYPES[port.kind],
                "bandwidth_min": port.min_bits_per_cycle,
                "bandwidth_max": port.max_bits_per_cycle,
                "allocation": [f"{_OPERANDS[operand]}, {_DIRECTIONS[way]}" for operand, way in port.serves],
            }
            for port in memory.ports
        ]
    return found


def accelerator_document(chip: Accelerator) -> tuple[dict[str, Any], int] | None:
    """Return a chip in the newer spelling of links, or the older one where the off-chip memory sets their bandwidth, and its ports.

    ``None`` if neither can say it.
    """
    dram = chip.dram_node
    cores = set(range(dram))
    reads, writes = {(dram, core) for core in cores}, {(core, dram) for core in cores}
    ways = [link for link in chip.links if set(link.connects) in (reads, writes, reads | writes)]
    connections = _connections(chip, [link for link in chip.links if link not in ways])
    groups = _groups(chip)
    if connections is None or groups is None:
        return None
    document: dict[str, Any] = {"name": chip.name, "cores": {index: f"core_{index}.yaml" for index in cores}, "core_memory_sharing": groups}
    if not ways:
        document["cores"][dram] = "offchip.yaml"
        return document | {"offchip_core_id": dram, "core_connectivity": connections}, 1
    figures = {(entry["bandwidth"], entry["unit_energy_cost"]) for entry in connections}
    shapes = {("link" if len(entry["cores"]) == 2 else "bus") == entry["type"] for entry in connections}
    if len(figures) > 1 or shapes - {True} or any(link.pj_per_bit or link.bits_per_cycle != chip.dram.bits_per_cycle for link in ways):
        return None
    bandwidth, energy = figures.pop() if figures else (1, 0)
    if energy:
        return None
    listed = [", ".join(map(str, entry["cores"])) for entry in connections]
    document |= {"offchip_core": "offchip.yaml", "core_connectivity": listed, "bandwidth": bandwidth, "unit_energy_cost": 0}
    return document, len(ways)


def _connections(chip: Accelerator, links: list[Link]) -> list[dict[str, Any]] | None:
    connections: list[dict[str, Any]] = []
    pairs = [link.connects for link in links]
    done: set[int] = set()
    for index, link in enumerate(links):
        if index in done:
            continue
        members = list(dict.fromkeys(end for pair in link.connects for end in pair))
        entry = {"bandwidth": link.bits_per_cycle, "unit_energy_cost": link.pj_per_bit * link.bits_per_cycle}
        if len(link.connects) == 1 and (back := ((members[1], members[0]),)) in pairs[index:]:
            done.add(pairs.index(back, index))
            connections.append({"type": "link", "cores": members, **entry})
        elif len(link.connects) == len(members) * (len(members) - 1):
            connections.append({"type": "bus", "cores": members, **entry})
        else:
            return None
    return connections


def _groups(chip: Accelerator) -> list[str] | None:
    groups = []
    for shared in chip.shared_memories:
        if len({memory for _, memory in shared.members}) > 1:
            return None  # there, cores share what has one name
        groups.append(", ".join(str(core) for core, _ in shared.members))
    return groups


def write_chip(folder: Path, chip: Accelerator, *, old_ports: bool) -> Path | None:
    """Write a chip with its cores; ``None`` if the form cannot say it."""
    written = accelerator_document(chip)
    if written is None or (old_ports and not all(fits_old_ports(slot.core) for slot in chip.cores)):
        return None
    document, ports = written
    for index, slot in enumerate(chip.cores):
        (folder / f"core_{index}.yaml").write_text(yaml.safe_dump(core_document(slot.core, old_ports=old_ports), sort_keys=False))
    (folder / "offchip.yaml").write_text(yaml.safe_dump(_off_chip(chip.dram, ports), sort_keys=False))
    (folder / "chip.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder / "chip.yaml"


def _off_chip(dram: Dram, ports: int) -> dict[str, Any]:
    reads, writes = ["I1, tl", "I2, tl", "O, tl", "O, th"], ["I1, fh", "I2, fh", "O, fh", "O, fl"]
    bits = {"bandwidth_min": dram.bits_per_cycle, "bandwidth_max": dram.bits_per_cycle}
    served = [("read", reads), ("write", writes)] if ports == 2 else [("read_write", reads + writes)]
    memory = {
        "size": dram.size_bits,
        "r_cost": dram.read_pj,
        "w_cost": dram.write_pj,
        "area": 0,
        "latency": 1,
        "operands": ["I1", "I2", "O"],
        "ports": [{"name": f"port_{kind}", "type": kind, **bits, "allocation": ways} for kind, ways in served],
        "served_dimensions": [],
    }
    return {"name": "offchip", "type": "zigzag.offchip", "memories": {dram.name: memory}}


def assert_same_core(found: Core, expected: Core) -> None:
    """Check everything but names, areas, and dataflows beyond the general one."""
    assert found.array == expected.array
    assert found.operation_pj == expected.operation_pj
    assert len(found.memories) == len(expected.memories)
    for memory, wanted in zip(found.memories, expected.memories, strict=True):
        assert (memory.size_bits, memory.read_pj, memory.write_pj) == (wanted.size_bits, wanted.read_pj, wanted.write_pj)
        assert set(memory.operands) == set(wanted.operands)
        assert memory.shared_over == wanted.shared_over
        assert _ports(memory) == _ports(wanted)
    assert _unrolling(found) == _unrolling(expected)


def _ports(memory: Memory) -> set[tuple[object, ...]]:
    return {(port.kind, port.min_bits_per_cycle, port.max_bits_per_cycle, frozenset(port.serves)) for port in memory.ports}


def _unrolling(core: Core) -> dict[str, tuple[tuple[str, int], ...]]:
    flow = next(flow for flow in core.dataflows if not flow.depthwise_only)
    return {dimension: loops for dimension, loops in flow.unrolling if loops}


def links_of(chip: Accelerator) -> list[tuple[int, float, frozenset[tuple[int, int]]]]:
    """Return the links without their names, in an order of their own."""
    return sorted(((link.bits_per_cycle, link.pj_per_bit, frozenset(link.connects)) for link in chip.links), key=repr)
