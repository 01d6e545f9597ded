"""What is asked of the cost model: one tile on one core under one dataflow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stream_evo.hardware import Core
from stream_evo.workload import Bits, LoopSizes, Operand, OperatorKind

__all__ = ["MOST_OPERATIONS", "OFFCHIP", "DramLevel", "Goal", "TileRequest"]

MOST_OPERATIONS = 10**15
"""Most operations of a tile: what is counted per operation, such as bits through a port, then fits in 64 bits."""


class Goal(StrEnum):
    """What the mapping search minimises; ties are broken by the other of latency and energy."""

    LATENCY = "latency"
    ENERGY = "energy"
    EDP = "edp"


@dataclass(frozen=True, slots=True)
class DramLevel:
    """The off-chip memory as the outermost level of the operands that do not live on the core.

    Attributes:
        read_bits_per_cycle: Bandwidth of reads, the least of DRAM port and the links to the core.
        write_bits_per_cycle: Bandwidth of writes, likewise.
        word_bits: Word that the energies refer to; a transfer is charged whole words.
        read_pj: Energy of reading one word.
        write_pj: Energy of writing one word.
        single_port: True if reads and writes share one port and so compete.
    """

    read_bits_per_cycle: int
    write_bits_per_cycle: int
    word_bits: int
    read_pj: float
    write_pj: float
    single_port: bool = True

    def __post_init__(self) -> None:
        if min(self.read_bits_per_cycle, self.write_bits_per_cycle, self.word_bits) < 1:
            raise ValueError("a DRAM level needs positive bandwidths and a positive word")
        if min(self.read_pj, self.write_pj) < 0:
            raise ValueError("energies of a DRAM level cannot be negative")


OFFCHIP = DramLevel(read_bits_per_cycle=64, write_bits_per_cycle=64, word_bits=64, read_pj=1000.0, write_pj=1000.0)
"""``offchip`` of KULeuven-MICAS/stream, branch tutorial @028f908c (MIT): one 64-bit port, 1000 pJ per word."""


@dataclass(frozen=True, slots=True)
class TileRequest:
    """One tile of a layer on one core.

    Attributes:
        kind: Which operand is indexed by which loop.
        sizes: Loop sizes of the tile.
        core: The core it runs on.
        dataflow: Name of the core's dataflow.
        stride: (rows, columns) step of the window.
        dilation: (rows, columns) spacing of the filter taps.
        bits: Precisions. Where no reduction runs over several operations of a MAC kind, partial sums do not exist.
        two_inputs: Operand W is an activation: the second input of an elementwise layer, or of a MatMul indexed by B as well.
        cycles_per_operation: Cycles one operation occupies a processing element.
        streamed: Operands that do not live on the core; `dram` is their outermost level.
        dram: The off-chip level; needed if anything is streamed.
        input_extent: (rows, columns) that exist of the input map, so that padding is not fetched; ``None``: no limit.

    Raises:
        ValueError: a stride, dilation or cycle count below 1, or operands streamed without a DRAM level.
        KeyError: the core has no such dataflow.
    """

    kind: OperatorKind
    sizes: LoopSizes
    core: Core
    dataflow: str
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    bits: Bits = Bits()  # noqa: RUF009  # frozen, so sharing is safe
    two_inputs: bool = False
    cycles_per_operation: int = 1
    streamed: frozenset[Operand] = frozenset()
    dram: DramLevel | None = None
    input_extent: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if min(self.stride) < 1 or min(self.dilation) < 1 or self.cycles_per_operation < 1:
            raise ValueError("stride, dilation and cycles_per_operation must be at least 1")
        if self.streamed and self.dram is None:
            raise ValueError("streamed operands need a DRAM level")
        if self.input_extent is not None and min(self.input_extent) < 1:
            raise ValueError("the input extent must be at least 1 in both directions")
        self.core.dataflow(self.dataflow)

    @property
    def step_cycles(self) -> int:
        """Cycles of one step of the array: of one operation of the layer, on this array, with these inputs."""
        return self.cycles_per_operation * self.core.timing.step(self.bits.I)

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Operands the tile has, in the order O, W, I in which the model settles ties."""
        has_second = self.two_inputs or self.kind in (OperatorKind.CONV, OperatorKind.GEMM)
        has_second = has_second and self.kind is not OperatorKind.POOL
        return (Operand.O, Operand.W, Operand.I) if has_second else (Operand.O, Operand.I)
