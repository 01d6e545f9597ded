"""Loop factors of a tile, and a table of what every set of them amounts to.

An allocation only ever asks for the products of the loops before a position. Orders that differ by swaps ask for the same few sets of
factors again and again, so their products and elements are worked out once per tile.
"""

from __future__ import annotations

from stream_evo._jit import inlined, kernel
from stream_evo.cost._kernel._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.cost._kernel._spatial import elements, int_elements
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

__all__ = ["factorise", "keep_unsplit", "restore_unsplit", "split", "tabulate"]

MERGE_ORDER = (0, 1, 2, 5, 4, 3, 7, 6)


@kernel
def factorise(wi: IntArray, limit: int) -> None:
    """Fill the factors of the temporal loops, at most `limit` in all if there are not more loops."""
    total, loops = 0, 0
    for loop in range(8):
        row = W_PRIME + loop * PRIMES
        size, prime, count = wi[W_TEMPORAL + loop], 2, 0
        loops += size > 1
        while prime * prime <= size:
            while size % prime == 0:
                wi[row + count] = prime
                size //= prime
                count += 1
            prime += 1
        if size > 1:
            wi[row + count] = size
            count += 1
        wi[W_PRIMES + loop] = count
        total += count
    while total > max(limit, loops):
        loop = 0
        for other in MERGE_ORDER:
            if wi[W_PRIMES + other] > wi[W_PRIMES + loop] or other == 0:
                loop = other
        _merge_smallest(wi, loop)
        total -= 1
    count = 0
    for loop in range(8):
        wi[W_FIRST + loop] = count
        for i in range(wi[W_PRIMES + loop]):
            wi[W_LOOP + count], wi[W_FACTOR + count] = loop, wi[W_PRIME + loop * PRIMES + i]
            count += 1
    wi[W_COUNT] = count


@inlined
def _merge_smallest(wi: IntArray, loop: int) -> None:
    """Multiply the two smallest factors of a loop; they stay sorted."""
    row, count = W_PRIME + loop * PRIMES, wi[W_PRIMES + loop] - 1
    product = wi[row] * wi[row + 1]
    i = 0
    while i < count - 1 and wi[row + i + 2] < product:
        wi[row + i] = wi[row + i + 2]
        i += 1
    wi[row + i] = product
    i += 1
    while i < count:
        wi[row + i] = wi[row + i + 1]
        i += 1
    wi[W_PRIMES + loop] = count


@kernel
def tabulate(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Number the distinct factors, forget the orders seen, and fill products and elements of every set of factors."""
    n = wi[W_COUNT]
    sets = 1 << n
    for slot in range(SEEN):
        wi[W_SEEN + slot] = 0
    for i in range(n):
        wi[W_IDENTITY + i] = i
        for j in range(i):
            if wi[W_LOOP + i] == wi[W_LOOP + j] and wi[W_FACTOR + i] == wi[W_FACTOR + j]:
                wi[W_IDENTITY + i] = wi[W_IDENTITY + j]
    _fill_products(ti, wi)
    for s in range(sets):
        wi[W_TIMES + s] = wi[W_TOTAL + sets - 1] // wi[W_TOTAL + s]
    for o in range(3):
        if o == W and ti[T_HAS_W] == 0:
            continue
        for level in range(ci[C_LEVELS + o]):
            _fill_elements(ti, wi, wf, o, level)


@kernel
def _fill_elements(ti: IntArray, wi: IntArray, wf: FloatArray, o: int, level: int) -> None:
    """Fill the elements of an operand under a level for every set."""
    row = (o * LEVELS + level) * SETS
    for s in range(1 << wi[W_COUNT]):
        wf[X_ELEMENTS + row + s] = elements(ti, wi, wf, o, level, s)
        if wi[W_EXACT] == 0:
            wi[W_INT_ELEMENTS + row + s] = int_elements(ti, wi, o, level, s)


@kernel
def _fill_products(ti: IntArray, wi: IntArray) -> None:
    """Fill the products of every set, from those of the set without its last factor."""
    for o in range(3):
        wi[W_RELEVANT + o] = 0
    for f in range(wi[W_COUNT]):
        loop, size, bit = wi[W_LOOP + f], wi[W_FACTOR + f], 1 << f
        for s in range(bit):
            wi[W_TOTAL + bit + s] = wi[W_TOTAL + s] * size
        for o in range(3):
            row = W_INDEXING + o * SETS
            factor = size if ti[T_INDEXED + o * 8 + loop] == RELEVANT else ONE
            for s in range(bit):
                wi[row + bit + s] = wi[row + s] * factor
            if ti[T_INDEXED + o * 8 + loop] != IRRELEVANT:
                wi[W_RELEVANT + o] |= bit
        for axis in range(4):
            row = W_SLIDE + axis * SETS
            factor = size if loop == OY + axis else ONE
            for s in range(bit):
                wi[row + bit + s] = wi[row + s] * factor


@inlined
def keep_unsplit(wi: IntArray) -> None:
    """Note loops and factors as they stand in the order, and number them so."""
    wi[W_UNSPLIT] = wi[W_COUNT]
    for i in range(wi[W_COUNT]):
        f = wi[W_ORDER + i]
        wi[W_UNSPLIT + 1 + i], wi[W_UNSPLIT + 1 + FACTORS + i] = wi[W_LOOP + f], wi[W_FACTOR + f]
    restore_unsplit(wi)


@inlined
def restore_unsplit(wi: IntArray) -> None:
    """Go back to the order and the factors that `keep_unsplit` noted."""
    wi[W_COUNT] = wi[W_UNSPLIT]
    for i in range(wi[W_COUNT]):
        wi[W_LOOP + i], wi[W_FACTOR + i] = wi[W_UNSPLIT + 1 + i], wi[W_UNSPLIT + 1 + FACTORS + i]
        wi[W_ORDER + i] = i


@kernel
def split(wi: IntArray, limit: int) -> bool:
    """Split the largest factors that are no primes in two, in place, until there are `limit`; return whether any was.

    Factors must be numbered as they stand in the order.
    """
    found_any = False
    while wi[W_COUNT] < limit:
        at, largest, divisor = -1, 0, 1
        for i in range(wi[W_COUNT]):
            size, root, found = wi[W_FACTOR + i], 2, 1
            while root * root <= size:
                if size % root == 0:
                    found = root
                root += 1
            if found > 1 and size > largest:
                at, largest, divisor = i, size, found
        if at < 0:
            break
        for i in range(wi[W_COUNT], at, -1):
            wi[W_LOOP + i], wi[W_FACTOR + i] = wi[W_LOOP + i - 1], wi[W_FACTOR + i - 1]
        wi[W_FACTOR + at] = largest // divisor
        wi[W_FACTOR + at + 1] = divisor
        wi[W_ORDER + wi[W_COUNT]] = wi[W_COUNT]
        wi[W_COUNT] += 1
        found_any = True
    return found_any
