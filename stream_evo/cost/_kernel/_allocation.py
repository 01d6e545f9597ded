"""Which loops each memory keeps, for one order; `cost/_allocation.py` is the text to read."""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.cost._kernel._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

__all__ = ["allocate", "follow_order", "held_bits", "is_partial"]


@inlined
def follow_order(wi: IntArray) -> None:
    """Fill the set of factors before each position, and where the next relevant factor of each operand stands."""
    n, before = wi[W_COUNT], ZERO
    for i in range(n):
        wi[W_BEFORE + i] = before
        before |= 1 << wi[W_ORDER + i]
    wi[W_BEFORE + n] = before
    for o in range(3):
        wi[W_NEXT + o * EDGES + n] = n
        for i in range(n - 1, -1, -1):
            row = W_NEXT + o * EDGES + i
            wi[row] = i if wi[W_RELEVANT + o] >> wi[W_ORDER + i] & 1 else wi[row + 1]


@inlined
def is_partial(wi: IntArray, level: int, edge: int) -> bool:
    """Return whether outputs are still to be added up by loops from `edge` on, or by the array above `level`."""
    everything = wi[W_BEFORE + wi[W_COUNT]]
    found: bool = (everything & ~wi[W_BEFORE + edge] & ~wi[W_RELEVANT + O]) != 0 or wi[W_REDUCES + level] == 1
    return found


@inlined
def held_bits(ti: IntArray, wi: IntArray, place: int, start: int) -> int:
    """Return the precision of an operand in a level that keeps the loops from `start` on."""
    bits: int = ti[T_BITS + place // LEVELS]
    if place < LEVELS and not is_partial(wi, place, start):
        bits = ti[T_FINAL_BITS]
    return bits


@kernel
def allocate(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> bool:
    """Fill the boundaries; on failure fill the shortage and return False."""
    for place in range(PLACES):
        wi[W_LIMIT + place] = wi[W_COUNT]
    store = ZERO
    while store < ci[C_STORES]:
        if wi[W_SHARERS + store] == 0 or _fill(ci, ti, wi, wf, store):
            store += 1
        elif _give_way(ci, ti, wi, wf, store):
            store = ZERO
        else:
            return False
    return _skip_irrelevant(ci, ti, wi)


@inlined
def _start(wi: IntArray, place: int) -> int:
    """Return the boundary of the level below."""
    start: int = wi[W_BOUND + place - 1] if place % LEVELS > 0 else 0
    return start


@inlined
def _is_top(ci: IntArray, place: int) -> bool:
    found: bool = place % LEVELS == ci[C_LEVELS + place // LEVELS] - 1
    return found


@inlined
def _first_choice(ci: IntArray, wi: IntArray, place: int) -> int:
    """Return the least boundary that a place may have."""
    first: int = wi[W_COUNT] if _is_top(ci, place) else _start(wi, place)
    return first


@inlined
def _fill(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, store: int) -> bool:
    """Fill the boundaries of the operands in a memory, none above its limit; return False if nothing fits."""
    n = wi[W_COUNT]
    everything = wi[W_BEFORE + n]
    sharers = wi[W_SHARERS + store]
    capacity = ci[C_CAPACITY + store] * (1.0 + TOLERANCE)
    largest, falls = 0.0, True
    for s in range(sharers):
        place = wi[W_SHARER + 3 * store + s]
        bits = held_bits(ti, wi, place, _start(wi, place))
        wi[W_HELD_BITS + s] = bits
        wf[X_SIZE + s * EDGES + n] = bits * wf[X_ELEMENTS + place * SETS + everything]
        largest += wf[X_SIZE + s * EDGES + n]
        falls = falls and wi[W_LIMIT + place] == n and (place // LEVELS != I or wi[W_EXACT] == 1 or _is_top(ci, place))
    # Traffic never rises with the boundary (but for windows of fractional unrollings): if everything fits, everything is kept.
    if falls and largest <= capacity:
        for s in range(sharers):
            wi[W_BOUND + wi[W_SHARER + 3 * store + s]] = n
        return True
    for s in range(sharers):
        _list_choices(ci, wi, wf, store, s, capacity)
    return _choose(ci, wi, wf, store, sharers, capacity)


@inlined
def _list_choices(ci: IntArray, wi: IntArray, wf: FloatArray, store: int, s: int, capacity: float) -> None:
    """Fill size and traffic of each boundary of a sharer, up to the last that fits alone; sizes never fall with the boundary."""
    place = wi[W_SHARER + 3 * store + s]
    least, last = np.inf, wi[W_LIMIT + place]
    for b in range(_first_choice(ci, wi, place), last + 1):
        before = wi[W_BEFORE + b]
        size = wi[W_HELD_BITS + s] * wf[X_ELEMENTS + place * SETS + before]
        moved = size * wi[W_TIMES + before]
        wf[X_SIZE + s * EDGES + b] = size
        wf[X_TRAFFIC + s * EDGES + b] = moved
        if size > capacity:
            last = b
            break
        least = min(least, moved)
    wf[X_LEAST + s] = least
    wi[W_LAST + s] = last


@kernel
def _choose(ci: IntArray, wi: IntArray, wf: FloatArray, store: int, sharers: int, capacity: float) -> bool:
    """Choose the boundaries of up to three operands that share a memory.

    Skips only what could not win: sizes never fall with the boundary, so that after one that is too large all are; and moving less than
    `X_LEAST` is impossible for an operand, so that a choice whose least sum is above the best does not reach it.
    """
    n = wi[W_COUNT]
    p0 = wi[W_SHARER + 3 * store]
    p1 = wi[W_SHARER + 3 * store + 1] if sharers > 1 else 0
    p2 = wi[W_SHARER + 3 * store + 2] if sharers > 2 else 0
    first1 = _first_choice(ci, wi, p1) if sharers > 1 else n
    first2 = _first_choice(ci, wi, p2) if sharers > 2 else n
    last1 = wi[W_LAST + 1] if sharers > 1 else n
    last2 = wi[W_LAST + 2] if sharers > 2 else n
    least1 = wf[X_LEAST + 1] if sharers > 1 else 0.0
    least2 = wf[X_LEAST + 2] if sharers > 2 else 0.0
    least, found = np.inf, False
    b0, b1, b2 = 0, 0, 0
    for i in range(_first_choice(ci, wi, p0), wi[W_LAST] + 1):
        size0, moved0 = wf[X_SIZE + i], wf[X_TRAFFIC + i]
        if size0 > capacity or moved0 + least1 + least2 > least * (1.0 + TOLERANCE):
            continue
        for j in range(first1, last1 + 1):
            size1 = size0 + (wf[X_SIZE + EDGES + j] if sharers > 1 else 0.0)
            moved1 = moved0 + (wf[X_TRAFFIC + EDGES + j] if sharers > 1 else 0.0)
            if size1 > capacity:
                break
            if moved1 + least2 > least * (1.0 + TOLERANCE):
                continue
            for k in range(first2, last2 + 1):
                size = size1 + (wf[X_SIZE + 2 * EDGES + k] if sharers > 2 else 0.0)
                moved = moved1 + (wf[X_TRAFFIC + 2 * EDGES + k] if sharers > 2 else 0.0)
                if size > capacity:
                    break
                if moved <= least * (1.0 + TOLERANCE):
                    least, found = min(least, moved), True
                    b0, b1, b2 = i, j, k
    if found:
        wi[W_BOUND + p0] = b0
        if sharers > 1:
            wi[W_BOUND + p1] = b1
        if sharers > 2:
            wi[W_BOUND + p2] = b2
    return found


@kernel
def _give_way(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, store: int) -> bool:
    """Lower the limits below a memory that is overfull from below; fill the shortage and return False if no limits would do."""
    needed, largest, blamed = 0.0, -1.0, 0
    most, giving, limit = -1.0, 0, 0
    for s in range(wi[W_SHARERS + store]):
        place = wi[W_SHARER + 3 * store + s]
        now = wf[X_SIZE + s * EDGES + _first_choice(ci, wi, place)]
        least, smaller = now, -1
        if not _is_top(ci, place):
            for b in range(_start(wi, place) - 1, -1, -1):
                if wi[W_NEXT + place // LEVELS * EDGES + b] == b:
                    size = held_bits(ti, wi, place, b) * wf[X_ELEMENTS + place * SETS + wi[W_BEFORE + b]]
                    if size < now and smaller < 0:
                        smaller = b
                    least = min(least, size)
        if smaller >= 0 and now > most:
            most, giving, limit = now, place, smaller
        needed += least
        if least > largest:
            largest, blamed = least, place
    if needed > ci[C_CAPACITY + store] * (1.0 + TOLERANCE):
        _report(wi, blamed // LEVELS, blamed % LEVELS, int(np.ceil(needed * (1.0 - TOLERANCE))), ci[C_CAPACITY + store])
        return False
    for place in range(giving - giving % LEVELS, giving):
        wi[W_LIMIT + place] = min(wi[W_LIMIT + place], limit)
    return True


@inlined
def _report(wi: IntArray, operand: int, level: int, needed: int, available: int) -> None:
    wi[W_RESULT + R_OPERAND] = operand
    wi[W_RESULT + R_LEVEL] = level
    wi[W_RESULT + R_NEEDED] = needed
    wi[W_RESULT + R_AVAILABLE] = available
    wi[W_RESULT + R_MISSING] = needed - available


@inlined
def _skip_irrelevant(ci: IntArray, ti: IntArray, wi: IntArray) -> bool:
    """Move irrelevant loops at the bottom of a level to the level below; return False if an operand has no level at all."""
    for o in range(3):
        if o == W and ti[T_HAS_W] == 0:
            continue
        if ci[C_LEVELS + o] == 0:
            count = 1
            for loop in range(8):
                if ti[T_INDEXED + o * 8 + loop] != IRRELEVANT:
                    count *= ti[T_SIZE + loop]
            _report(wi, o, NONE, ti[T_BITS + o] * count, ZERO)
            return False
        for level in range(ci[C_LEVELS + o]):
            row = W_BOUND + o * LEVELS + level
            wi[row] = wi[W_NEXT + o * EDGES + wi[row]]
    return True
