"""Loops of a tile: what each operand is indexed by, how a loop is cut into factors, and the six orders of loop groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations

from stream_evo.workload import Operand, OperatorKind

__all__ = [
    "BASE_FACTORS",
    "GROUP_ORDERS",
    "IRRELEVANT",
    "LOOPS",
    "OPERANDS",
    "PARTIAL",
    "RELEVANT",
    "factorise",
    "loop_factors",
    "relevance",
]

LOOPS = ("B", "G", "K", "C", "OY", "OX", "FY", "FX")
"""Loops in the order of `LoopSizes`; everywhere in this package a loop is its position here."""
B, G, K, C, OY, OX, FY, FX = range(8)

OPERANDS = (Operand.O, Operand.W, Operand.I)
"""Operands in the order in which the model settles ties."""

BASE_FACTORS = 6
"""Loop factors whose orders are searched first: LOMA's limit in the reference tables."""

IRRELEVANT, RELEVANT, PARTIAL = 0, 1, 2
"""An operand is reused over an irrelevant loop; a partially relevant one (OX with FX, OY with FY) slides a window."""

_INDEXED_BY = {
    (OperatorKind.CONV, Operand.I): ("B", "G", "C"),
    (OperatorKind.CONV, Operand.W): ("G", "K", "C", "FY", "FX"),
    (OperatorKind.GEMM, Operand.I): ("B", "G", "C", "OY", "OX", "FY", "FX"),
    (OperatorKind.GEMM, Operand.W): ("G", "K", "C", "FY", "FX"),
    (OperatorKind.POOL, Operand.I): ("B", "G", "K", "C"),
    (OperatorKind.POOL, Operand.W): (),
    (OperatorKind.ELEMENTWISE, Operand.I): ("B", "G", "K", "C", "OY", "OX", "FY", "FX"),
    (OperatorKind.ELEMENTWISE, Operand.W): ("B", "G", "K", "C", "OY", "OX", "FY", "FX"),
}
_SLIDING = (OperatorKind.CONV, OperatorKind.POOL)
_OUTPUT = ("B", "G", "K", "OY", "OX")


@lru_cache(maxsize=64)
def relevance(kind: OperatorKind, two_inputs: bool) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return, for O, W and I, how each of the eight loops indexes the operand (`RELEVANT`, `PARTIAL`, `IRRELEVANT`)."""
    rows = []
    for operand in OPERANDS:
        names = _OUTPUT if operand is Operand.O else _INDEXED_BY[kind, operand]
        if kind is OperatorKind.GEMM and operand is Operand.W and two_inputs:
            names = ("B", *names)
        row = [RELEVANT if loop in names else IRRELEVANT for loop in LOOPS]
        if operand is Operand.I and kind in _SLIDING:
            for loop in (OY, OX, FY, FX):
                row[loop] = PARTIAL
        rows.append(tuple(row))
    return rows[0], rows[1], rows[2]


# Which loop gives up two factors first when several have the most: B, G, K, OX, OY, C, FX, FY (read off the reference rows).
_MERGE_ORDER = (B, G, K, OX, OY, C, FX, FY)


@lru_cache(maxsize=65536)
def factorise(number: int) -> tuple[int, ...]:
    """Return the prime factors of `number`, smallest first; none for 1."""
    factors: list[int] = []
    prime = 2
    while prime * prime <= number:
        while number % prime == 0:
            factors.append(prime)
            number //= prime
        prime += 1
    if number > 1:
        factors.append(number)
    return tuple(factors)


@lru_cache(maxsize=65536)
def loop_factors(temporal: tuple[int, ...], limit: int) -> tuple[tuple[int, ...], ...]:
    """Cut the temporal sizes of the eight loops into at most `limit` factors in all.

    Starts from prime factors; while there are too many, the loop with most factors multiplies its two smallest (LOMA: Symons et al.,
    AICAS 2021). The limit is raised to the number of loops above 1.

    Returns:
        The factors of each loop, smallest first.
    """
    factors = [list(factorise(size)) for size in temporal]
    limit = max(limit, sum(size > 1 for size in temporal))
    while sum(map(len, factors)) > limit:
        loop = max(_MERGE_ORDER, key=lambda d: len(factors[d]))
        small, next_small, *rest = factors[loop]
        factors[loop] = sorted([*rest, small * next_small])
    return tuple(tuple(found) for found in factors)


_GROUPS: tuple[Sequence[int], ...] = ((OX, OY, B), (FX, FY, C), (K,))

GROUP_ORDERS: tuple[tuple[int, ...], ...] = tuple(
    (*(loop for group in order for loop in _GROUPS[group]), G) for order in permutations(range(3))
)
"""The six orders of the groups {OX, OY, B}, {FX, FY, C}, {K}, inner loop first; G is always outermost."""
