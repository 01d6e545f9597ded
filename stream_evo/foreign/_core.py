"""A foreign core file: array, memories, what it runs, how it unrolls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from stream_evo.foreign._dataflows import read_dataflows
from stream_evo.foreign._fields import Fields
from stream_evo.foreign._memories import complete_chains, read_memories
from stream_evo.hardware import ArrayDimension, ArrayTiming, Core, Direction, Dram, Memory
from stream_evo.workload import Operand, OperatorKind

__all__ = ["ForeignCore", "kind_of_operator", "read_core", "read_off_chip"]

_LARGEST_DIMENSION: Final = 2**20  # as in files of this package
_ARRAY_KEYS = ("operational_array", "multipliers")
_KINDS = ("compute", "memory", "shim", "offchip")
_OPERATORS: Final[Mapping[str, OperatorKind]] = MappingProxyType(
    {
        **dict.fromkeys(("conv", "convtranspose", "convinteger", "qlinearconv"), OperatorKind.CONV),
        **dict.fromkeys(("gemm", "matmul", "einsum", "matmulinteger", "qlinearmatmul", "fusedmatmul"), OperatorKind.GEMM),
        **dict.fromkeys(("pool", "pooling", "maxpool", "averagepool", "globalaveragepool", "globalmaxpool", "lppool"), OperatorKind.POOL),
    }
)


@dataclass(frozen=True, slots=True)
class ForeignCore:
    """What a core file holds.

    Attributes:
        name: Its name.
        kind: ``compute``, ``memory``, ``shim`` or ``offchip``.
        core: The core; ``None`` for the kinds that do not compute.
        dram: The off-chip memory at the top of a file that describes a whole accelerator; ``None`` if there is none.
        top_memories: Names of the outermost memories.
    """

    name: str
    kind: str
    core: Core | None
    dram: Dram | None = None
    top_memories: tuple[str, ...] = ()


def kind_of_operator(name: str) -> OperatorKind:
    """Return the kind of layers that an operator's name stands for; what is not known works element by element."""
    return _OPERATORS.get(name.lower(), OperatorKind.ELEMENTWISE)


def read_core(core: Fields, *, runs: Collection[OperatorKind] | None = None, off_chip_on_top: bool = False) -> ForeignCore | None:
    """Read a core file.

    Args:
        core: Its root.
        runs: Kinds of layers the core runs, where another file says so.
        off_chip_on_top: True for a file that is a whole accelerator by itself: its outermost memory of all operands is off the chip.

    Returns:
        The core, or ``None`` if the file has faults.
    """
    before = len(core.file.faults.found)
    name = core.text("name")
    namespace, _, kind = core.text("type", "zigzag.compute").rpartition(".")
    if namespace not in ("", "zigzag") or kind not in _KINDS:
        expected = "zigzag.compute, zigzag.memory, zigzag.shim or zigzag.offchip"
        hint = "Cores of other families state no array, so nothing is known of their cost"
        core.fault(core.node_at("type"), "this kind of core cannot be read", expected=expected, hint=hint)
        return None
    if kind != "compute":
        tops = tuple(memory.name for memory, _ in read_memories(core, _dimension_names(core))[-1:])
        return ForeignCore(name, kind, None, None, tops)
    array, operation_pj, area, timing = _array(core)
    found = read_memories(core, [dimension.name for dimension in array])
    outside = _outside(core, found) if off_chip_on_top else None
    memories = complete_chains(core, [(m, place) for m, place in found if m is not outside], array, outside)
    operators = _operators(core, memories, runs)
    memories = _used(core, memories, operators)
    flows = read_dataflows(core, array, memories, operators) if array else ()
    core.left_out(_WITHOUT_COUNTERPART)
    core.close()
    if len(core.file.faults.found) > before:
        return None
    value = Core(name, array, tuple(memories), flows, operators, operation_pj, area, timing)
    outermost = dict.fromkeys(top.name for operand in Operand if (top := value.top_memory(operand)) is not None)
    return ForeignCore(name, kind, value, None if outside is None else _dram(outside), tuple(outermost))


_WITHOUT_COUNTERPART = {
    "operand_precision": "the precision of operands belongs to the network here: --bits",
    "utilization": "a share of the peak that a core reaches has no counterpart; it follows from the mapping of each tile",
    "spatial_mapping": "only dataflows are read",
}


def read_off_chip(core: Fields) -> Dram | None:
    """Read the file of the core that stands for the off-chip memory: its outermost memory."""
    before = len(core.file.faults.found)
    core.text("name")
    core.text("type", "zigzag.offchip")
    found = read_memories(core, _dimension_names(core))
    for key in _ARRAY_KEYS:
        core.has(key)
    core.left_out(
        {**_WITHOUT_COUNTERPART, "dataflows": "nothing is computed off the chip", "operator_types": "nothing is computed off the chip"}
    )
    core.close()
    if len(core.file.faults.found) > before or not found:
        return None
    for memory, place in found[:-1]:
        place.file.note(place.node, f"only the outermost memory of the off-chip core is read, not {memory.name}")
    memory, place = found[-1]
    if (
        memory.port(memory.operands[0], Direction.TO_LOW).max_bits_per_cycle
        != memory.port(memory.operands[0], Direction.FROM_HIGH).max_bits_per_cycle
    ):
        place.note("ports", "off-chip memory reads and writes at one bandwidth here: that of reading")
    return _dram(memory)


def _dram(memory: Memory) -> Dram:
    operand = memory.operands[0]
    bits = memory.port(operand, Direction.TO_LOW).max_bits_per_cycle
    written = memory.port(operand, Direction.FROM_HIGH).max_bits_per_cycle
    return Dram(memory.name, memory.size_bits, bits, memory.read_pj, memory.write_pj * bits / written)


def _outside(core: Fields, found: Sequence[tuple[Memory, Fields]]) -> Memory | None:
    """Return the off-chip memory of a file that is a whole accelerator: the last, if it holds everything and something is left inside."""
    last = found[-1][0] if found else None
    if last is None or set(last.operands) != set(Operand) or len(found) < 2:
        hint = "Name the core in an accelerator file with an offchip_core_id, or add the off-chip memory as the last one"
        core.fault(core.node_at("memories"), "no off-chip memory: the last memory must hold I1, I2 and O", found="", hint=hint)
        return None
    core.file.note(found[-1][1].node, f"the outermost memory, {last.name}, is taken to be off the chip")
    return last


def _dimension_names(core: Fields) -> list[str]:
    key = core.first_of(*_ARRAY_KEYS)
    array = core.below(key, required=False)
    if array is None:
        return ["D1", "D2", "D3", "D4"]
    return list(array.words("dimensions", required=False))


# ------------------------------------------------------------------------------------------------------------ array


def _array(core: Fields) -> tuple[tuple[ArrayDimension, ...], float, float | None, ArrayTiming]:
    array = core.below(core.first_of(*_ARRAY_KEYS))
    if array is None:
        return (), 0.0, None, ArrayTiming()
    dimensions = _dimensions(array)
    energy_key, area_key = array.first_of("unit_energy", "multiplier_energy"), array.first_of("unit_area", "multiplier_area")
    in_memory = array.flag("is_imc") or array.has("imc_type")
    timing = _in_memory(array, energy_key) if in_memory else ArrayTiming()
    operation_pj = 0.0 if in_memory and not array.has(energy_key) else array.number(energy_key)
    unit_area = array.number(area_key, 0.0)
    elements = 1
    for dimension in dimensions:
        elements *= dimension.size
    if array.has("input_precision"):
        array.items("input_precision")
        if not in_memory:
            array.note("input_precision", "the precision of operands belongs to the network here: --bits")
    array.left_out({"systolic_dimensions": "the time in which data cross a systolic array has no counterpart"})
    array.close()
    return dimensions, operation_pj, unit_area * elements or None, timing


def _dimensions(array: Fields) -> tuple[ArrayDimension, ...]:
    names, nodes = array.words("dimensions"), array.items("sizes")
    if len(names) != len(nodes):
        array.fault(array.node_at("sizes"), "dimensions and sizes differ in number", expected=f"{len(names)} sizes", found=str(len(nodes)))
        return ()
    if not names:
        array.fault(array.node_at("dimensions"), "the array has no dimension", found="")
    for name in sorted({name for name in names if names.count(name) > 1}):
        array.fault(array.node_at("dimensions"), f"{name!r} is listed twice", found="")
    found = []
    for name, node in zip(names, nodes, strict=True):
        size = array.number_at(node, 1, minimum=1, maximum=_LARGEST_DIMENSION)
        if not float(size).is_integer():
            array.fault(node, "wrong type", expected="an integer")
        found.append(ArrayDimension(name, max(1, int(size))))
    return tuple(found)


def _in_memory(array: Fields, energy_key: str) -> ArrayTiming:
    """Return the time of a step of an in-memory array: its inputs enter a few bits at a time."""
    array.text("imc_type", "analog")
    array.left_out({"adc_resolution": "the converters of an in-memory array have no counterpart; unit_energy includes them"})
    if not array.has(energy_key):
        expected = "unit_energy, in pJ per multiply-accumulate"
        hint = "Add it: the reference derives it from a circuit model that is not part of this tool"
        array.fault(array.node, "the energy of an in-memory array is not stated", expected=expected, found="", hint=hint)
    bits_at_once = array.number("bit_serial_precision", 0.0)
    precision = array.items("input_precision", required=False)
    if not bits_at_once or not precision:
        return ArrayTiming()
    if bits_at_once == 1:
        return ArrayTiming(input_bit_cycles=1)
    steps = -(-array.number_at(precision[0], 1, minimum=1) // bits_at_once)
    array.note("bit_serial_precision", f"a step takes {int(steps)} cycles, whatever the precision of the network")
    return ArrayTiming(step_cycles=int(steps))


# ------------------------------------------------------------------------------------------------------------ operators


def _used(core: Fields, memories: Sequence[Memory], operators: Sequence[OperatorKind]) -> list[Memory]:
    """Return the memories without those of weights, where nothing that the core runs has weights or a second input."""
    if set(operators) != {OperatorKind.POOL}:
        return list(memories)
    for memory in memories:
        if memory.operands == (Operand.W,):
            core.note("memories", f"memory {memory.name} was left out: pooling has no weights")
    return [memory for memory in memories if memory.operands != (Operand.W,)]


def _operators(core: Fields, memories: Sequence[Memory], runs: Collection[OperatorKind] | None) -> tuple[OperatorKind, ...]:
    holds_w = any(Operand.W in memory.operands for memory in memories)
    possible = [kind for kind in OperatorKind if holds_w or kind not in (OperatorKind.CONV, OperatorKind.GEMM)]
    if core.has("operator_types"):
        words = core.words("operator_types")
        kinds = {kind_of_operator(word) for word in words}
        if runs is None:
            core.note(
                "operator_types", "what a core runs is told by kinds of layers here: " + ", ".join(k for k in OperatorKind if k in kinds)
            )
    elif runs is None:
        kinds = set(possible)
        core.file.note(core.node, "the file does not say which operators the core runs: it runs " + ", ".join(possible))
    else:
        kinds = set(runs)
    if runs is not None:
        kinds &= set(runs)
    chosen = tuple(kind for kind in possible if kind in kinds)
    if not chosen:
        core.fault(core.node_at("operator_types"), "nothing is left that this core could run", found="")
    return chosen or tuple(possible)
