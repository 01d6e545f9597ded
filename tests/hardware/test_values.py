"""The values refuse what no hardware can be, however they are made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_evo.hardware import (
    Accelerator,
    ArrayDimension,
    Core,
    CoreSlot,
    Dataflow,
    Direction,
    Dram,
    Link,
    Memory,
    Port,
    PortKind,
    SharedMemory,
)
from stream_evo.workload import Operand, OperatorKind

I, W, O = Operand.I, Operand.W, Operand.O  # noqa: E741  # the field's own letters
PORT = Port(
    "both",
    PortKind.READ_WRITE,
    8,
    64,
    tuple(
        (operand, direction)
        for operand in Operand
        for direction in Direction
        if operand is O or direction in (Direction.TO_LOW, Direction.FROM_HIGH)
    ),
)


def memory(name: str, operands: tuple[Operand, ...], shared_over: tuple[str, ...]) -> Memory:
    serves = tuple(pair for pair in PORT.serves if pair[0] in operands)
    return Memory(name, 1024, operands, shared_over, (replace(PORT, serves=serves),), 1.0, 2.0)


REGISTER = memory("register", (W,), ("D2",))
SRAM = memory("sram", (I, W, O), ("D1", "D2"))
FLOW = Dataflow("K", (("D1", (("K", 4),)),))
CORE = Core("core", (ArrayDimension("D1", 4), ArrayDimension("D2", 2)), (REGISTER, SRAM), (FLOW,), (OperatorKind.CONV,), 0.5)
DRAM = Dram("dram", 1024, 64, 1.0, 1.0)
CHIP = Accelerator("chip", (CoreSlot("a", CORE),), DRAM, (Link("port", 64, 0.0, ((0, 1), (1, 0))),))


def test_a_legal_core_answers_for_its_parts() -> None:
    assert CORE.processing_elements == 8
    assert CORE.dataflow("K") is FLOW
    assert [CORE.top_memory(operand) for operand in Operand] == [SRAM, SRAM, SRAM]
    assert REGISTER.port(W, Direction.TO_LOW).name == "both"
    with pytest.raises(KeyError):
        CORE.dataflow("C")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"array": ()}, "needs an array, a dataflow and an operator"),
        ({"dataflows": ()}, "needs an array, a dataflow and an operator"),
        ({"operators": ()}, "needs an array, a dataflow and an operator"),
        ({"operation_pj": -1.0}, "energies cannot be negative"),
        ({"array": (ArrayDimension("D1", 4), ArrayDimension("D1", 2))}, "unknown array dimension"),
        ({"array": (ArrayDimension("D1", 4), ArrayDimension("D2", 2), ArrayDimension("D2", 2))}, "names must be unique"),
        ({"memories": (REGISTER, replace(SRAM, name="register"))}, "names must be unique"),
        ({"dataflows": (FLOW, FLOW)}, "names must be unique"),
        ({"memories": (REGISTER, memory("sram", (W, O), ("D1", "D2")))}, "no memory holds operand I"),
        ({"memories": (SRAM, REGISTER)}, "register lies outside sram but serves less of the array"),
        ({"memories": (memory("sram", (I, W, O), ("D2",)),)}, "outermost memory of I, sram, must serve the whole array"),
        ({"memories": (replace(SRAM, shared_over=("D1", "D9")),)}, "shared over an unknown array dimension"),
        ({"dataflows": (Dataflow("K", (("D9", (("K", 4),)),)),)}, "unrolls over an unknown array dimension"),
    ],
)
def test_a_core_that_cannot_be_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        replace(CORE, **changes)  # type: ignore[arg-type]  # wrong values are the point


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"size_bits": 0}, "size must be at least 1 bit"),
        ({"operands": ()}, "must hold at least one operand"),
        ({"read_pj": -1.0}, "energies cannot be negative"),
        ({"write_pj": -1.0}, "energies cannot be negative"),
        ({"ports": ()}, "exactly one port must serve I to_low"),
        ({"ports": (PORT, replace(PORT, name="other"))}, "exactly one port must serve I to_low"),
    ],
)
def test_a_memory_that_cannot_be_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        replace(SRAM, **changes)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"min_bits_per_cycle": 0}, "0 < minimum <= maximum"),
        ({"min_bits_per_cycle": 65}, "0 < minimum <= maximum"),
        ({"kind": PortKind.READ}, "a r port cannot serve I from_high"),
        ({"kind": PortKind.WRITE}, "a w port cannot serve I to_low"),
    ],
)
def test_a_port_that_cannot_be_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        replace(PORT, **changes)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"cores": ()}, "needs at least one core"),
        ({"dma_channels": 3}, "dma_channels must be 1 or 2"),
        ({"links": ()}, "no links join core a and the DRAM"),
        ({"cores": (CoreSlot("dram", CORE),)}, "must be unique"),
        ({"shared_memories": (SharedMemory("l1", ((0, "absent"),)),)}, "core 0 has no memory absent to share"),
    ],
)
def test_an_accelerator_that_cannot_be_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        replace(CHIP, **changes)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    "make",
    [
        lambda: ArrayDimension("D1", 0),
        lambda: Dataflow("K", (("D1", (("K", 0),)),)),
        lambda: Dataflow("K", (("D1", (("Z", 1),)),)),
        lambda: Link("l", 0, 0.0, ((0, 1),)),
        lambda: Link("l", 1, -1.0, ((0, 1),)),
        lambda: Link("l", 1, 0.0, ()),
        lambda: Dram("d", 0, 1, 0.0, 0.0),
        lambda: Dram("d", 1, 0, 0.0, 0.0),
        lambda: Dram("d", 1, 1, 0.0, -1.0),
    ],
)
def test_small_values_check_their_numbers(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=r"must|needs|cannot"):
        make()
