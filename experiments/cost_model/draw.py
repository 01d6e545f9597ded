"""Tiles and cores nobody has seen: drawn at random, legal by construction, of every shape that a core file can describe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from stream_evo.cost import DramLevel, TileRequest
from stream_evo.hardware import ArrayDimension, ArrayTiming, Core, Dataflow, Direction, Memory, Port, PortKind
from stream_evo.workload import Bits, LoopSizes, Operand, OperatorKind

__all__ = ["draw_request"]

I, W, O = Operand.I, Operand.W, Operand.O  # noqa: E741  # the field's own letters
CONV, GEMM, POOL, ELEMENTWISE = OperatorKind.CONV, OperatorKind.GEMM, OperatorKind.POOL, OperatorKind.ELEMENTWISE
ALL = frozenset((I, W, O))
SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 56, 64, 96, 128)
TAPS = (1, 1, 2, 3, 3, 5, 7)
UNROLLED = {
    1: (("K",), ("C",), ("OX",), ("G",), ("OY",), ("FX",)),
    2: (("K", "C"), ("K", "OX"), ("OX", "OY"), ("FY", "OY"), ("G", "OX")),
    3: (("K", "C", "OX"), ("OX", "OY", "K"), ("K", "C", "FX"), ("C", "FY", "FX")),
    4: (("K", "C", "OX", "OY"), ("K", "C", "FX", "FY")),
}
LARGEST_SIDE = {1: 64, 2: 32, 3: 16, 4: 8}
TOPS = (((I, W, O),), ((I, W, O),), ((I, O), (W,)), ((I,), (W,), (O,)), ((I, W), (O,)), ((I,), (W, O)))

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Draw:
    rng: np.random.Generator

    def one(self, options: Sequence[_T]) -> _T:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def ports(self, operands: tuple[Operand, ...], width: int) -> tuple[Port, ...]:
        """One read and one write port, one for everything, one below and one above, or two for each operand."""
        reads = [(o, way) for o in operands for way in (Direction.TO_LOW, Direction.TO_HIGH) if o is O or way is Direction.TO_LOW]
        writes = [(o, way) for o in operands for way in (Direction.FROM_HIGH, Direction.FROM_LOW) if o is O or way is Direction.FROM_HIGH]
        least = self.one([granule for granule in (8, 16, 32, 64, 128) if granule <= width])
        style = self.one(("split", "split", "joint", "levels", "operands"))
        if style == "joint":
            return (Port("rw", PortKind.READ_WRITE, least, width, (*reads, *writes)),)
        if style == "levels":
            below = [(o, way) for o, way in (*reads, *writes) if way in (Direction.TO_LOW, Direction.FROM_LOW)]
            above = [(o, way) for o, way in (*reads, *writes) if way in (Direction.TO_HIGH, Direction.FROM_HIGH)]
            kind = PortKind.READ_WRITE
            return Port("below", kind, least, width, tuple(below)), Port("above", kind, least, width, tuple(above))
        shares = [(o,) for o in operands] if style == "operands" else [operands]
        ports = []
        for share in shares:
            name = "".join(share)
            ports.append(Port(f"r{name}", PortKind.READ, least, width, tuple((o, way) for o, way in reads if o in share)))
            ports.append(Port(f"w{name}", PortKind.WRITE, least, width, tuple((o, way) for o, way in writes if o in share)))
        return tuple(ports)

    def memory(self, name: str, bits: int, operands: tuple[Operand, ...], over: tuple[str, ...], width: int, pj_per_byte: float) -> Memory:
        read, write = (float(pj_per_byte * width / 8 * self.rng.uniform(0.5, 2.0)) for _ in range(2))
        return Memory(name, bits, operands, over, self.ports(operands, width), read, write)

    def core(self) -> Core:
        """Arrays of one to four dimensions, registers, perhaps a buffer of one or two operands, and one to three top memories."""
        dims = self.one((1, 1, 2, 2, 2, 3, 3, 4))
        names = tuple(f"D{index + 1}" for index in range(dims))
        sides = [side for side in (2, 3, 4, 7, 8, 14, 16, 32, 64) if side <= LARGEST_SIDE[dims]]
        array = tuple(ArrayDimension(name, self.one(sides)) for name in names)
        unrolling = []
        for dimension, loop in zip(array, self.one(UNROLLED[dims]), strict=True):
            first = ((loop, 2), (self.one(("K", "C", "OX", "FX")), dimension.size)) if self.chance(0.15) else ((loop, dimension.size),)
            unrolling.append((dimension.name, first))
        memories: list[Memory] = []
        served: dict[Operand, tuple[str, ...]] = dict.fromkeys((I, W, O), ())
        for operand in (I, W, O):
            if self.chance(0.6):
                served[operand] = tuple(name for name in names if self.chance(0.3))
                bits = self.one((8, 16, 32, 64, 128, 512, 2048, 4096))
                bits = max(bits, 32) if operand is O else bits
                width = max(32, self.one((32, 64))) if operand is O else min(bits, self.one((8, 16, 24, 32)))
                memories.append(self.memory(f"register{operand}", bits, (operand,), served[operand], width, 0.02))
        if self.chance(0.35):
            group = self.one(((I,), (W,), (O,), (I, O), (I, W)))
            over = tuple(name for name in names if any(name in served[operand] for operand in group) or self.chance(0.7))
            memories.append(self.memory("buffer", self.one((1024, 4096, 8192, 32768)), group, over, self.one((16, 32, 64, 96, 128)), 0.25))
        for group in self.one(TOPS):
            bits = self.one((1 << 15, 1 << 17, 1 << 19, 1 << 21, 1 << 23))
            memories.append(self.memory("top" + "".join(group), bits, group, names, self.one((8, 32, 64, 72, 128, 256, 512)), 2.0))
        plain = ArrayTiming()
        timing = self.one((*(plain,) * 8, ArrayTiming(input_bit_cycles=4), ArrayTiming(output_tile_cycles=23, input_row_cycles=2)))
        pj = float(self.rng.uniform(0.04, 1.0))
        return Core("drawn", array, tuple(memories), (Dataflow("D", tuple(unrolling)),), tuple(OperatorKind), pj, None, timing)

    def sizes(self, kind: OperatorKind) -> LoopSizes:
        k, c, oy, ox = (self.one(SIZES) for _ in range(4))
        fy, fx = self.one(TAPS), self.one(TAPS)
        if kind is ELEMENTWISE:
            return LoopSizes(B=self.one((1, 1, 1, 4)), K=k, OY=oy, OX=ox)
        if kind is GEMM:
            return LoopSizes(B=self.one((1, 1, 2, 8)), G=self.one((1, 1, 1, 4, 12)), K=k, C=c, OY=oy)
        if kind is POOL:
            return LoopSizes(K=k, OY=oy, OX=ox, FY=fy, FX=fx)
        form = self.one(("plain", "plain", "plain", "depthwise", "grouped"))
        if form == "depthwise":
            return LoopSizes(G=k, OY=oy, OX=ox, FY=fy, FX=fx)
        groups = self.one((2, 3, 4)) if form == "grouped" else 1
        return LoopSizes(B=self.one((1, 1, 1, 3)), G=groups, K=k, C=c, OY=oy, OX=ox, FY=fy, FX=fx)


def draw_request(rng: np.random.Generator) -> TileRequest:
    """Return any tile on any core, with any operands streamed; it may turn out to fit nowhere.

    Raises:
        ValueError: the memories drawn do not form a chain that widens upwards; draw again.
    """
    draw = _Draw(rng)
    kind = draw.one((CONV, CONV, CONV, CONV, GEMM, GEMM, POOL, ELEMENTWISE))
    streamed = draw.one((frozenset[Operand](),) * 4 + (ALL,) * 3 + tuple(frozenset((operand,)) for operand in (I, W, O)))
    windowed = kind in (CONV, POOL)
    widths = draw.one((16, 64, 128)), draw.one((16, 64, 128))
    energies = draw.one((100.0, 1000.0)), draw.one((100.0, 1000.0))
    return TileRequest(
        kind,
        draw.sizes(kind),
        draw.core(),
        "D",
        stride=draw.one(((1, 1), (1, 1), (2, 2), (1, 2))) if windowed else (1, 1),
        dilation=draw.one(((1, 1), (1, 1), (1, 1), (2, 2))) if windowed else (1, 1),
        bits=draw.one((Bits(), Bits(), Bits(), Bits(4, 4, 16, 4), Bits(16, 16, 32, 16), Bits(8, 4, 24, 8))),
        two_inputs=kind in (ELEMENTWISE, GEMM) and draw.chance(0.4),
        streamed=streamed,
        dram=DramLevel(*widths, 64, *energies, single_port=draw.chance(0.5)) if streamed else None,
    )
