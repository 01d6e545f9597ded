"""A layer: the loop nest of one operator, its precisions, and what its tiles read."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["WHOLE", "Axis", "AxisMap", "Bits", "Edge", "Layer", "LoopSizes", "Operand", "OperatorKind", "Padding"]


class OperatorKind(StrEnum):
    """What the cost model must know about an operator: which operand is indexed by which loop.

    ============  =======================  ===========================  =====================
    kind          I indexed by             W indexed by                 O indexed by
    ============  =======================  ===========================  =====================
    conv          B G C, OY+FY, OX+FX      G K C FY FX                  B G K OY OX
    gemm          B G C OY OX              G K C (B too if activation)  B G K OY OX
    pool          B G K C, OY+FY, OX+FX    none                         B G K OY OX
    elementwise   B G K OY OX              B G K OY OX, if two inputs   B G K OY OX
    ============  =======================  ===========================  =====================
    """

    CONV = "conv"
    GEMM = "gemm"
    POOL = "pool"
    ELEMENTWISE = "elementwise"


class Operand(StrEnum):
    """I: first input; W: weights or second input; O: output."""

    I = "I"  # noqa: E741  # the field's own letter
    W = "W"
    O = "O"  # noqa: E741


class Axis(StrEnum):
    """The axes along which outputs are cut into tiles. ROWS is OY, COLUMNS is OX, CHANNELS is the merged G x K."""

    ROWS = "rows"
    COLUMNS = "columns"
    CHANNELS = "channels"


@dataclass(frozen=True, slots=True)
class LoopSizes:
    """Sizes of the eight loops of a layer; all at least 1."""

    B: int = 1
    G: int = 1
    K: int = 1
    C: int = 1
    OY: int = 1
    OX: int = 1
    FY: int = 1
    FX: int = 1

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"loop {item.name} must be an integer of at least 1, not {value!r}")

    @property
    def product(self) -> int:
        """Number of points of the loop nest."""
        return math.prod(dataclasses.astuple(self))

    def replace(self, **sizes: int) -> LoopSizes:
        """Return a copy with some loops resized."""
        return dataclasses.replace(self, **sizes)


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits per element: input I, weights or second input W, partial sums O, final outputs O_final."""

    I: int = 8  # noqa: E741
    W: int = 8
    O: int = 16  # noqa: E741
    O_final: int = 8

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            if not 1 <= getattr(self, item.name) <= 128:
                raise ValueError(f"bits of {item.name} must lie in 1..128, not {getattr(self, item.name)!r}")


@dataclass(frozen=True, slots=True)
class Padding:
    """Zeros around the input map, in elements."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class AxisMap:
    """Which interval of a producer's axis an interval of a consumer's axis reads.

    Consumer interval ``[lo, hi)`` along `source` reads the producer's interval

        ``[floor((scale*lo + low) / divisor), floor((scale*(hi-1) + high) / divisor) + 1)``

    clipped to the producer's extent; an interval that is empty after clipping reads nothing. ``source=None`` reads the whole axis.
    A convolution with stride s, dilation d, filter f and padding p has ``scale=s, low=-p, high=d*(f-1)-p, divisor=1``.
    The interval may be larger than what is really read, never smaller.
    """

    source: Axis | None = None
    scale: int = 1
    low: int = 0
    high: int = 0
    divisor: int = 1

    def __post_init__(self) -> None:
        if self.scale < 0 or self.divisor < 1 or self.high < self.low:
            raise ValueError(f"an access relation must be monotone and not inverted: {self}")

    def interval(self, lo: int, hi: int, extent: int) -> tuple[int, int]:
        """Return the half-open producer interval that consumer interval ``[lo, hi)`` reads, clipped to ``[0, extent)``."""
        if self.source is None:
            return 0, extent
        first = (self.scale * lo + self.low) // self.divisor
        last = (self.scale * (hi - 1) + self.high) // self.divisor
        return min(max(first, 0), extent), max(min(last + 1, extent), 0)


WHOLE = AxisMap()


@dataclass(frozen=True, slots=True)
class Edge:
    """A data dependency: one operand of a consumer reads (part of) the output of a producer.

    Attributes:
        producer: Index of the producing layer in the workload; ``-1 - i`` stands for network input ``i``.
        operand: The consumer's operand that is fed, I or W.
        rows: Access relation onto the producer's rows (OY).
        columns: Access relation onto the producer's columns (OX).
        channels: Access relation onto the producer's channels (G x K).
    """

    producer: int
    operand: Operand
    rows: AxisMap = WHOLE
    columns: AxisMap = WHOLE
    channels: AxisMap = WHOLE

    @property
    def reads_network_input(self) -> bool:
        """True if the producer is an input of the network."""
        return self.producer < 0


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator of the network as a loop nest.

    Attributes:
        name: Unique name inside the workload.
        kind: What the cost model needs to know of the operator.
        operator: The operator's own name, e.g. ``Conv``; for people.
        sizes: Loop sizes of the whole layer.
        stride: (rows, columns) step of the window.
        dilation: (rows, columns) spacing of the filter taps.
        padding: Zeros around the input.
        bits: Precision of each operand.
        constant_weights: True if operand W holds weights known before the run.
        cycles_per_operation: Cycles one operation occupies a processing element.
        zero_weights: Weights of the loop nest that are zero by construction and not stored: the sub-pixel form of a transposed convolution
            has some where the stride does not divide the filter. They occupy cycles, but are neither weights nor MACs.
        edges: Producers of operand I, and of W where it is an activation.
        folded: Names of graph nodes that were folded into this layer.
    """

    name: str
    kind: OperatorKind
    operator: str
    sizes: LoopSizes
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    bits: Bits = Bits()
    constant_weights: bool = False
    cycles_per_operation: int = 1
    zero_weights: int = 0
    edges: tuple[Edge, ...] = ()
    folded: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if min(self.stride) < 1 or min(self.dilation) < 1:
            raise ValueError(f"layer {self.name}: stride and dilation must be at least 1")
        if self.constant_weights and any(edge.operand is Operand.W for edge in self.edges):
            raise ValueError(f"layer {self.name}: operand W cannot be constant and fed by a layer")
        if not 0 <= self.zero_weights < self.sizes.G * self.sizes.K * self.sizes.C * self.sizes.FY * self.sizes.FX:
            raise ValueError(f"layer {self.name}: {self.zero_weights} zero weights are more than the loop nest has")
        if self.constant_weights and self.kind not in (OperatorKind.CONV, OperatorKind.GEMM):
            raise ValueError(f"layer {self.name}: a {self.kind} layer has no weights")

    @property
    def rows(self) -> int:
        """Extent of the ROWS axis."""
        return self.sizes.OY

    @property
    def columns(self) -> int:
        """Extent of the COLUMNS axis."""
        return self.sizes.OX

    @property
    def channels(self) -> int:
        """Extent of the CHANNELS axis, G x K."""
        return self.sizes.G * self.sizes.K

    @property
    def macs(self) -> int:
        """Multiply-accumulates (conv, gemm) of the layer; 0 for kinds that do not multiply by an operand."""
        if self.kind not in (OperatorKind.CONV, OperatorKind.GEMM):
            return 0
        s = self.sizes
        return s.product - s.B * s.OY * s.OX * self.zero_weights

    @property
    def operations(self) -> int:
        """Points of the loop nest: MACs for conv and gemm, comparisons or additions otherwise."""
        return self.sizes.product

    @property
    def weights(self) -> int:
        """Number of constant weights."""
        s = self.sizes
        return s.G * s.K * s.C * s.FY * s.FX - self.zero_weights if self.constant_weights else 0

    @property
    def weight_bits(self) -> int:
        """Bits of all constant weights."""
        return self.weights * self.bits.W

    @property
    def output_elements(self) -> int:
        """Number of outputs."""
        return self.sizes.B * self.channels * self.rows * self.columns

    @property
    def output_bits(self) -> int:
        """Bits of all final outputs."""
        return self.output_elements * self.bits.O_final

    @property
    def has_two_inputs(self) -> bool:
        """True if operand W is an activation."""
        return any(edge.operand is Operand.W for edge in self.edges)
