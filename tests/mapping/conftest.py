"""A small network on a small chip, with every kind of choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator, ArrayDimension, Core, CoreSlot, Dataflow, Direction, Dram, Link, Memory, Port, PortKind
from stream_evo.workload import Axis, AxisMap, Edge, Layer, LoopSizes, NetworkInput, Operand, OperatorKind, Padding, Workload


def memory(name: str, size_bits: int, *operands: Operand) -> Memory:
    serves = tuple((operand, direction) for operand in operands for direction in Direction)
    return Memory(name, size_bits, operands, ("D1", "D2"), (Port("rw", PortKind.READ_WRITE, 64, 64, serves),), 10.0, 12.0)


def core(name: str, *operators: OperatorKind, weight_bits: int = 2**16, flows: tuple[Dataflow, ...] = ()) -> Core:
    array = (ArrayDimension("D1", 16), ArrayDimension("D2", 16))
    memories = (memory("weights", weight_bits, Operand.W), memory("maps", 2**20, Operand.I, Operand.O))
    default = (Dataflow("KC", (("D1", (("K", 16),)), ("D2", (("C", 16),)))),)
    return Core(name, array, memories, flows or default, operators, 0.5)


CONV, POOL, ELEMENTWISE = OperatorKind.CONV, OperatorKind.POOL, OperatorKind.ELEMENTWISE
G = Dataflow("G", (("D1", (("G", 16),)),), depthwise_only=True)
OXK = Dataflow("OXK", (("D1", (("OX", 16),)), ("D2", (("K", 16),))))
KC = Dataflow("KC", (("D1", (("K", 16),)), ("D2", (("C", 16),))))


@pytest.fixture
def chip() -> Accelerator:
    """Three cores for convolutions (the first two alike, the third with a choice of dataflows), one for the rest."""
    slots = (
        CoreSlot("a", core("conv", CONV)),
        CoreSlot("b", core("conv", CONV)),
        CoreSlot("c", core("conv_choice", CONV, flows=(KC, OXK, G))),
        CoreSlot("v", core("vector", POOL, ELEMENTWISE)),
    )
    pairs = tuple((one, two) for one in range(5) for two in range(5) if one != two)
    return Accelerator("chip", slots, Dram("dram", 2**40, 64, 100.0, 120.0), (Link("bus", 64, 0.25, pairs),))


def window(axis: Axis, taps: int) -> AxisMap:
    return AxisMap(axis, 1, -(taps // 2), taps // 2)


def conv(name: str, producer: int, sizes: LoopSizes) -> Layer:
    relation = AxisMap(Axis.CHANNELS) if sizes.G > 1 else AxisMap()
    edge = Edge(producer, Operand.I, window(Axis.ROWS, sizes.FY), window(Axis.COLUMNS, sizes.FX), relation)
    padding = Padding(sizes.FY // 2, sizes.FX // 2, sizes.FY // 2, sizes.FX // 2)
    return Layer(name, CONV, "Conv", sizes, padding=padding, constant_weights=True, edges=(edge,))


@pytest.fixture
def network() -> Workload:
    """conv -> depthwise -> pointwise -> add with the first -> pool."""
    first = conv("stem", -1, LoopSizes(K=32, C=3, OY=16, OX=64, FY=3, FX=3))
    depthwise = conv("depthwise", 0, LoopSizes(G=32, OY=16, OX=64, FY=3, FX=3))
    pointwise = conv("pointwise", 1, LoopSizes(K=32, C=32, OY=16, OX=64))
    same = AxisMap(Axis.ROWS), AxisMap(Axis.COLUMNS), AxisMap(Axis.CHANNELS)
    edges = Edge(2, Operand.I, *same), Edge(0, Operand.W, *same)
    add = Layer("add", ELEMENTWISE, "Add", LoopSizes(K=32, OY=16, OX=64), edges=edges)
    pool_edge = Edge(3, Operand.I, AxisMap(), AxisMap(), AxisMap(Axis.CHANNELS))
    pool = Layer("pool", POOL, "GlobalAveragePool", LoopSizes(K=32, FY=16, FX=64), edges=(pool_edge,))
    return Workload("net", (first, depthwise, pointwise, add, pool), (NetworkInput("image", 3, 16, 64),))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a file and returns its path."""

    def write_text(text: str) -> Path:
        file = tmp_path / "file.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write_text


@pytest.fixture
def faults_of() -> Callable[[Callable[[], object]], list[Fault]]:
    """Return a function that runs another and returns the faults it raises."""

    def collect(action: Callable[[], object]) -> list[Fault]:
        with pytest.raises(InputError) as caught:
            action()
        return list(caught.value.faults)

    return collect
