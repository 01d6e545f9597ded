"""A core: an array of processing elements, its memories, and the dataflows it can run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from stream_evo.hardware._memory import Memory
from stream_evo.workload import Operand, OperatorKind

__all__ = ["ArrayDimension", "ArrayTiming", "Core", "Dataflow"]

LOOPS = ("B", "G", "K", "C", "OY", "OX", "FY", "FX")


@dataclass(frozen=True, slots=True)
class ArrayDimension:
    """One dimension of the operational array."""

    name: str
    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"array dimension {self.name}: size must be at least 1")


@dataclass(frozen=True, slots=True)
class Dataflow:
    """A spatial unrolling: which loops run in parallel along which array dimension.

    Attributes:
        name: Name, unique in the core.
        unrolling: (array dimension, ((loop, size), ...)) pairs; sizes are upper limits and are clipped to layer and array.
        operators: Kinds it is offered for; none = every kind the core runs.
        depthwise_only: True if it is meant for layers with one output channel per group (K = 1, G > 1).
    """

    name: str
    unrolling: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    operators: tuple[OperatorKind, ...] = ()
    depthwise_only: bool = False

    def __post_init__(self) -> None:
        for dimension, loops in self.unrolling:
            for loop, size in loops:
                if loop not in LOOPS or size < 1:
                    raise ValueError(f"dataflow {self.name}: {dimension} cannot unroll {loop} by {size}")


@dataclass(frozen=True, slots=True)
class ArrayTiming:
    """How long an array takes where it is not one operation per element and cycle without a break.

    Attributes:
        step_cycles: Cycles of one step of the whole array, such as one matrix-vector product of an analog in-memory array.
        input_bit_cycles: The same per bit of the input operand, of arrays with bit-serial inputs; 0: the time does not depend on the bits.
        output_tile_cycles: Cycles in which the array rests for each set of outputs it works on at once: drain and control.
        input_row_cycles: Cycles in which it rests for each row of the filter and step of channels, while inputs are set up.

    Raises:
        ValueError: a negative time, a step of no time, or both kinds of steps.
    """

    step_cycles: int = 1
    input_bit_cycles: int = 0
    output_tile_cycles: int = 0
    input_row_cycles: int = 0

    def __post_init__(self) -> None:
        if self.step_cycles < 1 or min(self.input_bit_cycles, self.output_tile_cycles, self.input_row_cycles) < 0:
            raise ValueError("times of an array cannot be negative, and a step takes at least a cycle")
        if self.input_bit_cycles and self.step_cycles != 1:
            raise ValueError("a step takes a fixed time or a time per bit of the input, not both")

    def step(self, input_bits: int) -> int:
        """Return the cycles of one step with inputs of `input_bits`."""
        return self.input_bit_cycles * input_bits if self.input_bit_cycles else self.step_cycles


@dataclass(frozen=True, slots=True)
class Core:
    """One kind of core.

    Attributes:
        name: Name in the hardware library.
        array: Array dimensions, at least one.
        memories: From the innermost to the outermost; of those that hold one operand, each serves at least the array dimensions of the one
            inside, and the outermost serves the whole array.
        dataflows: At least one; the first is the default.
        operators: Kinds of layers it can run.
        operation_pj: Energy of one operation (MAC) in the array.
        area: Area of the array in the unit of the source; ``None`` where it is not known.
        timing: How long the array takes.
    """

    name: str
    array: tuple[ArrayDimension, ...]
    memories: tuple[Memory, ...]
    dataflows: tuple[Dataflow, ...]
    operators: tuple[OperatorKind, ...]
    operation_pj: float
    area: float | None = None
    timing: ArrayTiming = ArrayTiming()

    def __post_init__(self) -> None:
        dims = {dimension.name for dimension in self.array}
        if not self.dataflows or not self.operators or not self.array:
            raise ValueError(f"core {self.name}: it needs an array, a dataflow and an operator")
        if self.operation_pj < 0:
            raise ValueError(f"core {self.name}: energies cannot be negative")
        for memory in self.memories:
            if not set(memory.shared_over) <= dims:
                raise ValueError(f"core {self.name}: memory {memory.name} is shared over an unknown array dimension")
        for flow in self.dataflows:
            if not {dimension for dimension, _ in flow.unrolling} <= dims:
                raise ValueError(f"core {self.name}: dataflow {flow.name} unrolls over an unknown array dimension")
        for names in (
            [dimension.name for dimension in self.array],
            [memory.name for memory in self.memories],
            [flow.name for flow in self.dataflows],
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"core {self.name}: names must be unique, not {', '.join(names)}")
        for operand in Operand:
            self._check_chain(operand, dims)

    def _check_chain(self, operand: Operand, dims: set[str]) -> None:
        chain = [memory for memory in self.memories if operand in memory.operands]
        if not chain:
            if operand is not Operand.W:
                raise ValueError(f"core {self.name}: no memory holds operand {operand}")
            return
        for inner, outer in pairwise(chain):
            if not set(inner.shared_over) <= set(outer.shared_over):
                raise ValueError(f"core {self.name}: memory {outer.name} lies outside {inner.name} but serves less of the array")
        if set(chain[-1].shared_over) != dims:
            raise ValueError(f"core {self.name}: the outermost memory of {operand}, {chain[-1].name}, must serve the whole array")

    @property
    def processing_elements(self) -> int:
        """Number of processing elements."""
        return math.prod(dimension.size for dimension in self.array)

    def top_memory(self, operand: Operand) -> Memory | None:
        """Return the outermost memory that holds `operand`, or ``None`` if none does."""
        return next((memory for memory in reversed(self.memories) if operand in memory.operands), None)

    def dataflow(self, name: str) -> Dataflow:
        """Return the dataflow called `name`.

        Raises:
            KeyError: the core has no such dataflow.
        """
        for flow in self.dataflows:
            if flow.name == name:
                return flow
        raise KeyError(name)
