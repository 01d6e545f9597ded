"""Spatial unrollings of a foreign core: those the file states, or, where it leaves them to a mapper, those its memories suggest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Final

from stream_evo._yaml import near_matches
from stream_evo.foreign._fields import Fields
from stream_evo.hardware import ArrayDimension, Dataflow, Memory
from stream_evo.workload import Operand, OperatorKind

__all__ = ["read_dataflows"]

_LOOPS: Final = ("B", "G", "K", "C", "OY", "OX", "FY", "FX")
_PAIR: Final = re.compile(r"([A-Za-z]+)\s*,\s*(\d+)")
_FILTERS: Final = (3, 5, 7)
_COMPUTE: Final = (OperatorKind.CONV, OperatorKind.GEMM)

Unrolling = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


def read_dataflows(
    core: Fields, array: Sequence[ArrayDimension], memories: Sequence[Memory], operators: Sequence[OperatorKind]
) -> tuple[Dataflow, ...]:
    """Return the dataflows of a core: at least one, and one for depthwise layers if it runs convolutions."""
    stated = _stated(core, array) if core.has("dataflows") else ()
    if stated:
        general = stated
    else:
        general = _suggested(array, memories, operators)
        shown = ", ".join(f"{name}: {loop} {size}" for name, loops in general for loop, size in loops) or "none"
        core.file.note(core.node, f"the file leaves the unrolling to a mapper; from its memories this one was taken: {shown}")
    flows = [Dataflow(_name(general), general)]
    depthwise = _depthwise(general)
    if OperatorKind.CONV in operators and depthwise != general:
        flows.append(Dataflow(_name(depthwise), depthwise, depthwise_only=True))
    return tuple(flows)


def _stated(core: Fields, array: Sequence[ArrayDimension]) -> Unrolling:
    section = core.below("dataflows")
    if section is None:
        return ()
    sizes = {dimension.name: dimension.size for dimension in array}
    found: list[tuple[str, tuple[tuple[str, int], ...]]] = []
    for name in section.keys():  # noqa: SIM118  # keys() also marks them as known
        if name not in sizes:
            section.fault(section.node_at(name), f"unknown array dimension {name!r}", found="", hint=near_matches(name, list(sizes)))
            continue
        loops: list[tuple[str, int]] = []
        for node in section.items(name, expected="a list such as [K, 32]"):
            text = node.written if not isinstance(node.value, tuple) else ", ".join(item.written for item in node.value)
            match = _PAIR.fullmatch(text.strip())
            if match is None or match[1] not in _LOOPS or int(match[2]) < 1:
                section.fault(
                    node, "not an unrolling", expected="a loop and its size, such as K, 32", found=text, hint="Loops: B G K C OY OX FY FX"
                )
            elif int(match[2]) > 1:  # a loop of one is not unrolled
                loops.append((match[1], int(match[2])))
        clipped = _clip(loops, sizes[name])
        if clipped != loops:
            section.note(name, f"the unrolling exceeds the {sizes[name]} elements of {name}; it was cut to what fits")
        found.append((name, tuple(clipped)))
    return tuple(found)


def _clip(loops: Sequence[tuple[str, int]], size: int) -> list[tuple[str, int]]:
    """Return the loops with their sizes cut so that their product fits, the last ones first."""
    found: list[tuple[str, int]] = []
    room = size
    for loop, wanted in loops:
        taken = min(wanted, room)
        if taken > 1:
            found.append((loop, taken))
        room //= max(taken, 1)
    return found


def _suggested(array: Sequence[ArrayDimension], memories: Sequence[Memory], operators: Sequence[OperatorKind]) -> Unrolling:
    """Return an unrolling in which the innermost memories are shared along what does not index their operand.

    Along a dimension that one register of partial sums serves, a reduction loop (C) adds up in place; along one that a weight register
    serves, positions of the output (OX, OY) use the same weight; along one that an input register serves, output channels (K) use the
    same input. Where several would do, K and C take turns. A reduction as large as a filter is one over the filter (FX, FY).

    Cores without multiply-accumulates spread channels along the largest dimension and, for pooling, the filter along the others.
    """
    if not set(operators) & set(_COMPUTE):
        return _spread(array, operators)
    shared = {operand: _innermost(memories, operand) for operand in Operand}
    places = cycle(("OX", "OY"))
    chosen: dict[str, str] = {}
    for dimension in array:
        by_weights, by_inputs, by_outputs = (dimension.name in shared[operand] for operand in (Operand.W, Operand.I, Operand.O))
        if by_weights and not by_outputs:
            chosen[dimension.name] = next(places)
        elif by_outputs != by_inputs:
            chosen[dimension.name] = "C" if by_outputs else "K"
    for dimension in array:
        if dimension.name not in chosen:
            loops = list(chosen.values())
            chosen[dimension.name] = "K" if loops.count("K") <= loops.count("C") else "C"
    spread = [name for name, loop in chosen.items() if loop == "K"]
    if len(spread) > 1 and "C" not in chosen.values():
        chosen[spread[-1]] = "C"  # nothing says where to add up, but channels alone seldom fill several dimensions
    filters = iter(("FX", "FY"))
    for dimension in array:
        if chosen[dimension.name] == "C" and dimension.size in _FILTERS:
            chosen[dimension.name] = next(filters, "C")
    return tuple((dimension.name, _loops(chosen[dimension.name], dimension.size)) for dimension in array)


def _innermost(memories: Sequence[Memory], operand: Operand) -> tuple[str, ...]:
    return next((memory.shared_over for memory in memories if operand in memory.operands), ())


def _loops(loop: str, size: int) -> tuple[tuple[str, int], ...]:
    return ((loop, size),) if size > 1 else ()


def _spread(array: Sequence[ArrayDimension], operators: Sequence[OperatorKind]) -> Unrolling:
    largest = max(array, key=lambda dimension: dimension.size)
    pools = OperatorKind.POOL in operators
    rest = iter(("FX", "FY", "OX", "OY") if pools else ("OX", "OY"))
    channels = None if pools and largest.size in _FILTERS and len(array) <= 2 else largest  # an array as large as a filter
    return tuple((d.name, _loops(loop, d.size)) for d in array if (loop := "K" if d is channels else next(rest, None)) is not None)


def _depthwise(general: Unrolling) -> Unrolling:
    """Return the unrolling for layers whose channels are groups: groups in place of channels, the filter in place of the reduction."""
    change: Mapping[str, str] = {"K": "G", "C": "FX"}
    return tuple((name, tuple((change.get(loop, loop), size) for loop, size in loops)) for name, loops in general)


def _name(unrolling: Unrolling) -> str:
    """Return a short name: the loops in the order of the dimensions, such as ``KC``."""
    letters = dict.fromkeys(loop for _, loops in unrolling for loop, _ in loops)
    return "".join(letters) or "sequential"
