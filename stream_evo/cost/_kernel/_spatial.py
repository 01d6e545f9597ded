"""What does not depend on the loop order: unrolling over the array, and the elements that each level then holds.

What runs once per tile is called, not inlined: LLVM would unroll its loops over operands and loops into most of the kernel.
"""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.cost._kernel._arithmetic import up, whole, window
from stream_evo.cost._kernel._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

__all__ = ["elements", "int_elements", "prepare"]


@kernel
def prepare(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill everything of a tile that does not depend on its loop factors."""
    _spread(ci, ti, wi)
    _fill_means(ci, ti, wi, wf)
    _fill_rests(ci, wi)
    for o in range(3):
        if o == W and ti[T_HAS_W] == 0:
            continue
        _fill_levels(ci, ti, wi, wf, o)
        _fill_units(ci, ti, wi, wf, o)
    for store in range(ci[C_STORES]):
        wi[W_SHARERS + store] = 0
    for o in (I, W, O):
        if o == W and ti[T_HAS_W] == 0:
            continue
        for level in range(ci[C_LEVELS + o]):
            store = ci[C_STORE + o * LEVELS + level]
            wi[W_SHARER + 3 * store + wi[W_SHARERS + store]] = o * LEVELS + level
            wi[W_SHARERS + store] += 1


@kernel
def _spread(ci: IntArray, ti: IntArray, wi: IntArray) -> None:
    """Fill the unrolling of each entry of the dataflow."""
    for loop in range(8):
        wi[W_TEMPORAL + loop] = ti[T_SIZE + loop]
    room = 0
    previous = -1
    for e in range(ci[C_ENTRIES]):
        dimension, loop, limit = ci[C_ENTRY + 3 * e], ci[C_ENTRY + 3 * e + 1], ci[C_ENTRY + 3 * e + 2]
        if dimension != previous:
            room, previous = ci[C_ARRAY + dimension], dimension
        unrolling = max(1, min(limit, room, wi[W_TEMPORAL + loop]))
        room //= unrolling
        wi[W_TEMPORAL + loop] = up(wi[W_TEMPORAL + loop], unrolling)
        wi[W_UNROLL + e] = unrolling
    for store in range(ci[C_STORES]):
        if ci[C_INNERMOST + store] == 0:
            continue
        for o in range(3):
            if (o == W and ti[T_HAS_W] == 0) or ci[C_LEVELS + o] == 0 or ci[C_STORE + o * LEVELS] != store:
                continue
            _limit_by_memory(ci, ti, wi, store, o)


@kernel
def _limit_by_memory(ci: IntArray, ti: IntArray, wi: IntArray, store: int, o: int) -> None:
    """Lower the unrolling to what an innermost memory of an operand can feed and hold."""
    channel = C_CHANNEL + (o * LEVELS * DIRECTIONS + (FROM_LOW if o == O else TO_LOW)) * 4
    if ci[channel] >= 0:
        for e in range(ci[C_ENTRIES]):
            if _feeds(ci, ti, o, e):
                wi[W_UNROLL + e] = max(1, min(wi[W_UNROLL + e], ci[channel + 3] * ti[T_FEED] // ti[T_BITS + o]))
    while True:
        product, largest, worst = 1, 0, -1
        for e in range(ci[C_ENTRIES]):
            if _feeds(ci, ti, o, e):
                product *= wi[W_UNROLL + e]
                if wi[W_UNROLL + e] > largest:
                    largest, worst = wi[W_UNROLL + e], e
        if largest <= 1 or product * ti[T_BITS + o] <= ci[C_CAPACITY + store]:
            break
        wi[W_UNROLL + worst] -= 1


@inlined
def _feeds(ci: IntArray, ti: IntArray, o: int, e: int) -> bool:
    dimension, loop = ci[C_ENTRY + 3 * e], ci[C_ENTRY + 3 * e + 1]
    found: bool = ci[C_FAN + o * (DIMENSIONS + 1) + dimension] == 0 and ti[T_INDEXED + o * 8 + loop] != IRRELEVANT
    return found


@kernel
def _fill_means(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill temporal sizes, and mean and integer unrolling of each entry of the dataflow."""
    exact = 1
    for loop in range(8):
        size, product, uneven = ti[T_SIZE + loop], ONE, -1
        for e in range(ci[C_ENTRIES]):
            if ci[C_ENTRY + 3 * e + 1] == loop:
                product *= wi[W_UNROLL + e]
                uneven = e if product == 1 or wi[W_UNROLL + e] > 1 else uneven
        steps = up(size, product)
        wi[W_TEMPORAL + loop] = steps
        for e in range(ci[C_ENTRIES]):
            if ci[C_ENTRY + 3 * e + 1] == loop:
                unrolling = wi[W_UNROLL + e]
                wf[X_MEAN + e], wi[W_WHOLE + e] = float(unrolling), unrolling
                if e == uneven:
                    others = product // unrolling
                    wf[X_MEAN + e], wi[W_WHOLE + e] = size / steps / others, size // (steps * others)
        if uneven >= 0 and size % (steps * (product // wi[W_UNROLL + uneven])) != 0:
            exact = 0
    wi[W_EXACT] = exact


@kernel
def _fill_rests(ci: IntArray, wi: IntArray) -> None:
    """Fill the cycles in which the array rests: for each set of outputs, and for each row of inputs."""
    outputs, rows = 1, 1
    for loop in range(8):
        steps = wi[W_TEMPORAL + loop]
        if loop != FX:
            rows *= steps
        if loop != C and loop != FY and loop != FX:
            outputs *= steps
    wi[W_REST] = ci[C_OUTPUT_REST] * outputs + ci[C_ROW_REST] * rows


@kernel
def _fill_levels(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, o: int) -> None:
    """Fill what the unrolling at or below each level of an operand multiplies its elements by."""
    before, int_before = 1.0, 1
    for level in range(ci[C_LEVELS + o]):
        factor, int_factor = 1.0, 1
        for loop in range(8):
            mean, integer = 1.0, 1
            for e in range(ci[C_ENTRIES]):
                if ci[C_ENTRY + 3 * e + 1] == loop and ci[C_FAN + o * (DIMENSIONS + 1) + ci[C_ENTRY + 3 * e]] <= level:
                    mean *= wf[X_MEAN + e]
                    integer *= wi[W_WHOLE + e]
            if ti[T_INDEXED + o * 8 + loop] == RELEVANT:
                factor *= mean
                int_factor *= integer
            elif ti[T_INDEXED + o * 8 + loop] == PARTIAL:
                wf[X_SLIDE + level * 4 + loop - OY] = mean
                wi[W_INT_MEAN + level * 4 + loop - OY] = integer
        wf[X_FACTOR + o * LEVELS + level] = factor
        wi[W_INT_FACTOR + o * LEVELS + level] = int_factor
        now = elements(ti, wi, wf, o, level, ZERO)
        int_now = int_elements(ti, wi, o, level, ZERO)
        wi[W_BOOST + o * LEVELS + level] = int(np.rint(now / before))
        wi[W_INT_BOOST + o * LEVELS + level] = int(np.rint(int_now / int_before))
        before, int_before = now, int_now


@kernel
def _fill_units(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, o: int) -> None:
    """Fill the instances of each level, and whether outputs are added up above it."""
    for level in range(ci[C_LEVELS + o] + 1):
        units, reduces = 1.0, 0
        for e in range(ci[C_ENTRIES]):
            fan = ci[C_FAN + o * (DIMENSIONS + 1) + ci[C_ENTRY + 3 * e]]
            if fan >= level:
                units *= wf[X_MEAN + e]
            if o == O and fan > level and wf[X_MEAN + e] > 1.0 and ti[T_INDEXED + ci[C_ENTRY + 3 * e + 1]] == IRRELEVANT:
                reduces = 1
        wi[W_UNITS + o * TIERS + level] = int(np.rint(units))
        if o == O:
            wi[W_REDUCES + level] = reduces


@inlined
def elements(ti: IntArray, wi: IntArray, wf: FloatArray, o: int, level: int, factors: int) -> float:
    """Return mean elements of an operand under an instance of a level for a set of loop factors."""
    size: float = wf[X_FACTOR + o * LEVELS + level] * wi[W_INDEXING + o * SETS + factors]
    if o == I and ti[T_INDEXED + I * 8 + OX] == PARTIAL:
        s, t = X_SLIDE + level * 4, W_SLIDE + factors
        outputs, taps = whole(wf[s] * wi[t]), whole(wf[s + 2] * wi[t + 2 * SETS])
        rows = window(outputs, taps, ti[T_STEP], ti[T_STEP + 1], ti[T_EXTENT])
        outputs, taps = whole(wf[s + 1] * wi[t + SETS]), whole(wf[s + 3] * wi[t + 3 * SETS])
        size = size * rows * window(outputs, taps, ti[T_STEP + 2], ti[T_STEP + 3], ti[T_EXTENT + 1])
    return size


@inlined
def int_elements(ti: IntArray, wi: IntArray, o: int, level: int, factors: int) -> int:
    """Return the same with integer unrollings."""
    size: int = wi[W_INT_FACTOR + o * LEVELS + level] * wi[W_INDEXING + o * SETS + factors]
    if o == I and ti[T_INDEXED + I * 8 + OX] == PARTIAL:
        s, t = W_INT_MEAN + level * 4, W_SLIDE + factors
        rows = window(wi[s] * wi[t], wi[s + 2] * wi[t + 2 * SETS], ti[T_STEP], ti[T_STEP + 1], ti[T_EXTENT])
        columns = window(wi[s + 1] * wi[t + SETS], wi[s + 3] * wi[t + 3 * SETS], ti[T_STEP + 2], ti[T_STEP + 3], ti[T_EXTENT + 1])
        size = size * rows * columns
    return size
