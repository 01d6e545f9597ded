"""Core files: YAML to :class:`Core`, with every fault at its place. The format is shown in this folder's README."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from stream_evo._yaml import AREA, BANDWIDTH, CYCLES, ENERGY, SIZE, Faults, Node, Section, near_matches, open_section
from stream_evo._yaml_forms import TEXT, listed, text
from stream_evo.hardware._core import LOOPS, ArrayDimension, ArrayTiming, Core, Dataflow
from stream_evo.hardware._memory import Direction, Memory, Port, PortKind
from stream_evo.workload import Operand, OperatorKind

__all__ = ["load_core", "read_identity"]

_DIRECTIONS = tuple(Direction)
_KINDS = tuple(OperatorKind)
_LARGEST_DIMENSION = 2**20
_SERVED = tuple(
    f"{operand}.{way}" for operand in Operand for way in (_DIRECTIONS if operand is Operand.O else (Direction.TO_LOW, Direction.FROM_HIGH))
)
_USES_W = (OperatorKind.CONV, OperatorKind.GEMM, OperatorKind.ELEMENTWISE)


def load_core(path: str | Path) -> Core:
    """Read a core file.

    Args:
        path: YAML file.

    Returns:
        The core; its name is the file's ``name``.

    Raises:
        InputError: the file cannot be read or holds faults; all of them are listed, each with line and key path.
    """
    root, faults = open_section(path, "core")
    name = read_identity(root)
    array, operation_pj, array_area = _read_array(root)
    operators = tuple(OperatorKind(kind) for kind in root.names("operators", choices=_KINDS, minimum=1))
    timing = _read_timing(root)
    sure = bool(array) and not root.node_at("array").doubtful  # if not, an unknown dimension would only echo the fault of the array
    dataflows = _read_dataflows(root, array, sure=sure)
    memories = _read_memories(root, array, operators, sure=sure)
    root.close()
    faults.check()
    return Core(name, array, memories, dataflows, operators, operation_pj, array_area, timing)


def read_identity(section: Section) -> str:
    """Return the name of the thing described; a source and a description are welcome anywhere and ignored by the model."""
    section.text("source", default="-")
    section.text("description", default="-")
    return section.text("name", named=True)


def _read_array(root: Section) -> tuple[tuple[ArrayDimension, ...], float, float | None]:
    section = root.section("array")
    if section is None:
        return (), 0.0, None
    section.text("source", default="-")
    operation_pj = section.quantity("operation_energy", ENERGY)
    area = section.quantity("area", AREA) if section.has("area") else None
    dimensions: list[ArrayDimension] = []
    below = section.section("dimensions")
    if below is not None:
        dimensions = [ArrayDimension(key, _read_extent(below, key)) for key in below.keys(named=True)]
        if not dimensions:
            section.faults.add(below.node, "the array has no dimension", expected="at least one, such as D1: 16", found="")
    section.close()
    return tuple(dimensions), operation_pj, area


def _read_extent(section: Section, key: str) -> int:
    """Return the size of an array dimension; the largest where it is at fault, so that no dataflow is held against a stand-in."""
    size = section.integer(key, minimum=1, maximum=_LARGEST_DIMENSION)
    return size if not section.at_fault(key) else _LARGEST_DIMENSION


def _read_timing(root: Section) -> ArrayTiming:
    section = root.section("timing") if root.has("timing") else None
    if section is None:
        return ArrayTiming()
    section.text("source", default="-")
    if section.has("step") and section.has("input_bit"):
        expected = "a time per step, or a time per bit of the input"
        section.faults.add(section.node_at("input_bit"), "a step has two times", expected=expected, found="")
    times = {key: section.whole_quantity(key, CYCLES) for key in ("step", "input_bit", "output_tile", "input_row") if section.has(key)}
    section.close()
    if not section.sound:
        return ArrayTiming()
    return ArrayTiming(times.get("step", 1), times.get("input_bit", 0), times.get("output_tile", 0), times.get("input_row", 0))


def _read_dataflows(root: Section, array: Sequence[ArrayDimension], *, sure: bool) -> tuple[Dataflow, ...]:
    flows: list[Dataflow] = []
    sections = root.sections("dataflows")
    if root.has("dataflows") and not root.node_at("dataflows").value:
        root.faults.add(root.node_at("dataflows"), "a core needs at least one dataflow", found="")
    for section in sections:
        name = _unique(section, [flow.name for flow in flows])
        operators = tuple(OperatorKind(kind) for kind in section.names("operators", choices=_KINDS, default=()))
        depthwise_only = section.flag("depthwise_only", default=False)
        unrolling = _read_unrolling(section, array, sure=sure)
        section.text("source", default="-")
        section.close()
        if section.sound:
            flows.append(Dataflow(name, unrolling, operators, depthwise_only))
    return tuple(flows)


def _read_unrolling(
    section: Section, array: Sequence[ArrayDimension], *, sure: bool
) -> tuple[tuple[str, tuple[tuple[str, int], ...]], ...]:
    unroll = section.section("unroll")
    if unroll is None:
        return ()
    sizes = {dimension.name: dimension.size for dimension in array}
    found: list[tuple[str, tuple[tuple[str, int], ...]]] = []
    for dimension in unroll:
        node = unroll.node_at(dimension)
        if dimension not in sizes and sure:
            section.faults.add(node, f"unknown array dimension {dimension!r}", found="", hint=near_matches(dimension, list(sizes)))
            continue
        loops = unroll.section(dimension)
        if loops is None:
            continue
        pairs = [(loop, loops.integer(loop, minimum=1, maximum=_LARGEST_DIMENSION)) for loop in loops.keys(choices=LOOPS, kind="loop")]
        product = math.prod(size for _, size in pairs)
        if product > sizes.get(dimension, product) and not node.doubtful:
            what = f"the dataflow unrolls more than the array has along {dimension}"
            section.faults.add(node, what, expected=f"a product of at most {sizes[dimension]}", found=str(product))
        found.append((dimension, tuple(pairs)))
    return tuple(found)


def _read_memories(root: Section, array: Sequence[ArrayDimension], operators: Sequence[OperatorKind], *, sure: bool) -> tuple[Memory, ...]:
    memories: list[Memory] = []
    places: list[Section] = []
    dimensions = [dimension.name for dimension in array]
    sections = root.sections("memories")
    names: list[str] = []
    for section in sections:
        names.append(_unique(section, names))
        memory = _read_memory(section, names[-1], dimensions, operators, sure=sure)
        if memory is not None:
            memories.append(memory)
            places.append(section)
    complete = root.has("memories") and not root.node_at("memories").doubtful
    if len(memories) == len(sections) and complete:  # with a memory missing, these would only be echoes of its faults
        _check_hierarchy(root, memories, places, dimensions, operators)
    return tuple(memories)


def _read_memory(section: Section, name: str, dimensions: Sequence[str], operators: Sequence[OperatorKind], *, sure: bool) -> Memory | None:
    faults = section.faults
    section.text("source", default="-")
    operands = tuple(Operand(operand) for operand in section.names("operands", choices=tuple(Operand)))
    operands_known = section.sound and bool(operands)  # if not, what the ports serve cannot be held against them
    unused = operators and not set(operators) & set(_USES_W) and operands == (Operand.W,)
    if unused or (section.has("operands") and section.node_at("operands").value == ()):
        hint = f"This core runs {', '.join(operators)} only" if unused else "Name the operands it holds: I, W, O"
        faults.add(section.node_at("operands"), f"no operand uses memory {name}", found="", hint=hint)
    shared_over = _read_sharing(section, dimensions, sure=sure)
    size_bits = section.whole_quantity("size", SIZE)
    read_pj, write_pj = section.quantity("read_energy", ENERGY), section.quantity("write_energy", ENERGY)
    area = section.quantity("area", AREA) if section.has("area") else None
    ports: list[Port] = []
    sections = section.sections("ports")
    for place in sections:
        port = _read_port(place, operands if operands_known else tuple(Operand), [port.name for port in ports])
        if port is not None:
            ports.append(port)
    if len(ports) == len(sections) and operands_known:
        _check_ports(section, name, operands, ports)
    section.close()
    return Memory(name, size_bits, operands, shared_over, tuple(ports), read_pj, write_pj, area) if section.sound else None


def _read_sharing(section: Section, dimensions: Sequence[str], *, sure: bool) -> tuple[str, ...]:
    if section.is_word("shared_over", "all", otherwise=listed(TEXT)):
        return tuple(dimensions)
    found: list[str] = []
    for node in section.items("shared_over", each=TEXT, expected="a list of array dimensions, or all"):
        if not isinstance(node.value, str):
            section.faults.add(node, "wrong type", expected="the name of an array dimension")
        elif node.value not in dimensions and sure:
            section.faults.add(node, f"unknown array dimension {node.written!r}", found="", hint=near_matches(node.written, dimensions))
        elif node.value in found:
            section.faults.add(node, f"{node.written!r} is listed twice", found="")
        else:
            found.append(node.written)
    return tuple(dimension for dimension in dimensions if dimension in found)


def _read_port(section: Section, operands: Sequence[Operand], taken: Sequence[str]) -> Port | None:
    name = _unique(section, taken)
    kind = PortKind(section.text("kind", choices=tuple(PortKind)))
    maximum = section.whole_quantity("bandwidth", BANDWIDTH)
    minimum = section.whole_quantity("min_bandwidth", BANDWIDTH, default=maximum)
    if minimum > maximum:
        section.faults.add(section.node_at("min_bandwidth"), "out of range", expected=f"at most the bandwidth, {maximum} bit/cycle")
    kind_known = section.node_at("kind").value == kind
    serves: list[tuple[Operand, Direction]] = []
    for node in section.items("serves", each=text(_SERVED), expected="a list such as [I.to_low, O.to_high]"):
        served = _read_served(node, operands, section.faults)
        if served is None:
            continue
        if kind_known and kind is not PortKind.READ_WRITE and served[1].reads != (kind is PortKind.READ):
            verb = "reads" if served[1].reads else "writes"
            expected = f"a port of kind {'r' if served[1].reads else 'w'} or rw"
            section.faults.add(node, f"a port of kind {kind} cannot serve {served[1]}, which {verb} the memory", expected=expected)
        elif served in serves:
            section.faults.add(node, f"{node.written!r} is listed twice", found="")
        serves.append(served)
    section.close()
    return Port(name, kind, minimum, maximum, tuple(serves)) if section.sound else None


def _read_served(node: Node, operands: Sequence[Operand], faults: Faults) -> tuple[Operand, Direction] | None:
    operand, dot, direction = node.written.partition(".")
    if not isinstance(node.value, str) or not dot:
        faults.add(node, "wrong type", expected="operand.direction, such as I.to_low")
    elif operand not in operands:
        faults.add(node, f"the memory does not hold operand {operand!r}", found="", hint=near_matches(operand, operands))
    elif direction not in _DIRECTIONS:
        faults.add(node, f"unknown direction {direction!r}", found="", hint=near_matches(direction, _DIRECTIONS))
    elif operand != Operand.O and direction not in (Direction.TO_LOW, Direction.FROM_HIGH):
        faults.add(node, f"operand {operand} is only read by the array: it never passes {direction}", expected="to_low or from_high")
    else:
        return Operand(operand), Direction(direction)
    return None


def _check_ports(section: Section, name: str, operands: Sequence[Operand], ports: Sequence[Port]) -> None:
    for operand in operands:
        for direction in _DIRECTIONS if operand is Operand.O else (Direction.FROM_HIGH, Direction.TO_LOW):
            serving = [port.name for port in ports if (operand, direction) in port.serves]
            node = section.node_at("ports")
            if not serving:
                section.faults.add(node, f"memory {name}: no port serves {operand}.{direction}", expected="exactly one", found="")
            elif len(serving) > 1:
                what = f"memory {name}: {len(serving)} ports serve {operand}.{direction}"
                section.faults.add(node, what, expected="exactly one", found=", ".join(serving))


def _check_hierarchy(
    root: Section, memories: Sequence[Memory], places: Sequence[Section], dimensions: Sequence[str], operators: Sequence[OperatorKind]
) -> None:
    """Check that every operand the core needs has a chain of memories, each serving at least what the one inside serves."""
    needs_w = [kind for kind in operators if kind in (OperatorKind.CONV, OperatorKind.GEMM)]
    for operand in Operand:
        chain = [(memory, place) for memory, place in zip(memories, places, strict=True) if operand in memory.operands]
        if not chain:
            if operand is not Operand.W or needs_w:
                reason = f"{' and '.join(needs_w)} layers need it" if operand is Operand.W else "every layer needs it"
                root.faults.add(root.node_at("memories"), f"no memory holds operand {operand}", found="", hint=reason)
            continue
        for (inner, _), (outer, place) in itertools.pairwise(chain):
            lost = [dimension for dimension in inner.shared_over if dimension not in outer.shared_over]
            if lost:
                what = f"memory {outer.name} lies outside {inner.name} for operand {operand} but serves less of the array"
                hint = "List the memories from the innermost to the outermost"
                root.faults.add(place.node_at("shared_over"), what, expected=f"also {', '.join(lost)}", hint=hint)
        top, place = chain[-1]
        missing = [dimension for dimension in dimensions if dimension not in top.shared_over]
        if missing:
            what = f"memory {top.name} is the outermost of operand {operand} and must serve the whole array"
            root.faults.add(place.node_at("shared_over"), what, expected=f"also {', '.join(missing)}, or all")


def _unique(section: Section, taken: Sequence[str]) -> str:
    name = section.text("name", named=True)
    if name and name in taken:  # two that could not be read are not alike
        section.faults.add(section.node_at("name"), f"duplicate name {name!r}", found="", hint=f"Others in this list: {', '.join(taken)}")
    return name
