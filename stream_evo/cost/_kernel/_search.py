"""The cost of one order, and the search over orders; `cost/_search.py` is the text to read.

The search is written as questions for the next order to evaluate and answers to what it costs, so that the cost of an order is compiled
into one place only.
"""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined, kernel, pointer
from stream_evo.cost._kernel._allocation import allocate, follow_order, held_bits
from stream_evo.cost._kernel._energy import fill_energy
from stream_evo.cost._kernel._factors import factorise, keep_unsplit, restore_unsplit, split, tabulate
from stream_evo.cost._kernel._latency import fill_windows, hide, offload, onload, stall_cycles
from stream_evo.cost._kernel._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.cost._kernel._spatial import prepare
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

__all__ = ["GROUP_ORDERS", "evaluate_batch"]

GROUP_ORDERS = np.array(
    [
        [5, 4, 0, 7, 6, 3, 2, 1],
        [5, 4, 0, 2, 7, 6, 3, 1],
        [7, 6, 3, 5, 4, 0, 2, 1],
        [7, 6, 3, 2, 5, 4, 0, 1],
        [2, 5, 4, 0, 7, 6, 3, 1],
        [2, 7, 6, 3, 5, 4, 0, 1],
    ]
)
STARTING, CLIMBING, ENDING = range(3)


@kernel
def evaluate_batch(
    configs: IntArray,
    energies: FloatArray,
    tiles: IntArray,
    goal: int,
    limit: int,
    integers: IntArray,
    floats: FloatArray,
    out: IntArray,
    out_pj: FloatArray,
) -> None:
    """Search an order for every tile: the six group orders, climbs from each, and with more factors a climb from the best, split.

    Args:
        configs: (cores, C_WIDTH).
        energies: (cores, F_WIDTH).
        tiles: (tiles, T_WIDTH).
        goal: 0 latency, 1 energy, 2 their product.
        limit: Most loop factors.
        integers: (W_WIDTH,), scratch.
        floats: (X_WIDTH,), scratch.
        out: (tiles, OUT_WIDTH): results, held bits, number of loops, loops, sizes.
        out_pj: (tiles, 3): array, on-core memories, DRAM.
    """
    wi, wf = pointer(integers), pointer(floats)
    _fill_empty_set(wi)
    for t in range(tiles.shape[0]):
        config = tiles[t, T_CONFIG]
        ti, ci, cf = pointer(tiles[t]), pointer(configs[config]), pointer(energies[config])
        prepare(ci, ti, wi, wf)
        factorise(wi, min(limit, BASE_FACTORS))
        tabulate(ci, ti, wi, wf)
        _begin(cf, ti, wi, wf)
        while _propose(ci, ti, wi, wf, limit):
            _evaluate(ci, cf, ti, wi, wf, goal)
            _take(wi, wf)
        _write(ci, ti, wi, wf, pointer(out[t]), pointer(out_pj[t]))


@inlined
def _fill_empty_set(wi: IntArray) -> None:
    """Fill the products of no factors."""
    wi[W_TOTAL] = 1
    for o in range(3):
        wi[W_INDEXING + o * SETS] = 1
    for axis in range(4):
        wi[W_SLIDE + axis * SETS] = 1


# --- one order --------------------------------------------------------------------------------------------------------------------


@kernel
def _evaluate(ci: IntArray, cf: FloatArray, ti: IntArray, wi: IntArray, wf: FloatArray, goal: int) -> None:
    """Evaluate the order in `wi`: results in ``wi[W_RESULT:]`` and ``wf[X_RESULT:]``.

    An illegal order costs infinity, and so does one whose energy alone shows that it cannot beat the order it was made from.
    """
    follow_order(wi)
    wi[W_RESULT + R_EVALUATIONS] += 1
    wi[W_RESULT + R_MISSING] = 0
    if not allocate(ci, ti, wi, wf):
        wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE] = np.inf, float(wi[W_RESULT + R_MISSING])
        return
    cycles = wi[W_TOTAL + wi[W_BEFORE + wi[W_COUNT]]] * ti[T_CYCLES]
    if not fill_energy(ci, cf, ti, wi, wf, cycles, goal, wf[X_NOW]):
        wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE] = np.inf, np.inf
        return
    energy = wf[X_RESULT + E_MAC] + wf[X_RESULT + E_CORE] + wf[X_RESULT + E_DRAM]
    fill_windows(ci, wi, wf)
    stall = stall_cycles(ci, wi, cycles)
    hide(ci, wi, cycles + stall)
    stall += wi[W_REST]
    load, drain = onload(ci, ti, wi), offload(ci, wi)
    wi[W_RESULT + R_CYCLES] = cycles
    wi[W_RESULT + R_STALL] = stall
    wi[W_RESULT + R_ONLOAD] = load
    wi[W_RESULT + R_OFFLOAD] = drain
    latency = float(cycles + stall + load + drain)
    wf[X_RESULT + E_GOAL] = latency if goal == 0 else energy if goal == 1 else latency * energy
    wf[X_RESULT + E_TIE] = energy if goal == 0 else latency


# --- which order next -------------------------------------------------------------------------------------------------------------


@inlined
def _begin(cf: FloatArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill the energy of the array and forget the tile before."""
    operations = 1.0
    for loop in range(8):
        operations *= ti[T_SIZE + loop]
    for i in range(OUT_HELD):
        wi[W_RESULT + i] = 0
    wf[X_RESULT + E_MAC] = cf[F_OPERATION] * operations
    wi[W_STAGE], wi[W_GROUP], wi[W_STARTS], wi[W_TRIED] = STARTING, 0, 0, 0
    wi[W_LOWER], wi[W_UPPER], wi[W_IMPROVED] = FACTORS, FACTORS, 0
    wi[W_SEEN_COUNT], wi[W_UNSPLIT] = 0, -1
    wf[X_NOW] = np.inf
    wf[X_BEST], wf[X_BEST + 1] = np.inf, np.inf


@kernel
def _propose(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, limit: int) -> bool:
    """Write the next order to evaluate; the last is the best. Return False when it has been evaluated."""
    if wi[W_STAGE] == STARTING:
        if _next_group(wi):
            return True
        wi[W_STAGE] = CLIMBING
    if wi[W_STAGE] == CLIMBING:
        while True:
            if _next_swap(wi):
                return True
            if not _next_start(wi, wf):
                break
        wf[X_NOW] = np.inf
        if limit > BASE_FACTORS and wi[W_TRIED] == 0:
            wi[W_TRIED] = 1
            _restore(wi, BEST)
            keep_unsplit(wi)
            if split(wi, limit):
                tabulate(ci, ti, wi, wf)
                _is_new(wi)
                wi[W_STAGE], wi[W_STARTS] = STARTING, 0
                wi[W_LOWER], wi[W_UPPER] = FACTORS, FACTORS
                return True
        wi[W_STAGE] = ENDING
        if wi[W_UNSPLIT] < 0:
            _restore(wi, BEST)
        else:
            restore_unsplit(wi)
            tabulate(ci, ti, wi, wf)
        return True
    return False


@inlined
def _take(wi: IntArray, wf: FloatArray) -> None:
    """Take note of what the proposed order costs: a start is kept, a swap is kept if it improves and undone if not."""
    goal, tie = wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE]
    if wi[W_STAGE] == STARTING:
        start = wi[W_STARTS]
        wf[X_START + 2 * start], wf[X_START + 2 * start + 1] = goal, tie
        _save(wi, start)
        wi[W_STARTS] += 1
    elif wi[W_STAGE] == CLIMBING:
        if not _better(goal, tie, wf[X_NOW], wf[X_NOW + 1]):
            _swap(wi)
            return
        wf[X_NOW], wf[X_NOW + 1] = goal, tie
        wi[W_IMPROVED] = 1
    if wi[W_STAGE] != ENDING and _better(goal, tie, wf[X_BEST], wf[X_BEST + 1]):
        wf[X_BEST], wf[X_BEST + 1] = goal, tie
        wi[W_UNSPLIT] = -1
        _save(wi, BEST)


@kernel
def _next_group(wi: IntArray) -> bool:
    """Write the next of the six orders of the loop groups that differs from those before."""
    while wi[W_GROUP] < GROUPS:
        count = 0
        for position in range(8):
            loop = GROUP_ORDERS[wi[W_GROUP], position]
            for i in range(wi[W_PRIMES + loop]):
                wi[W_ORDER + count] = wi[W_FIRST + loop] + i
                count += 1
        if wi[W_GROUP] == 0:
            _save(wi, BEST)
        wi[W_GROUP] += 1
        if _is_new(wi):
            return True
    return False


@inlined
def _next_start(wi: IntArray, wf: FloatArray) -> bool:
    """Go to the best start that was not climbed from yet, to swap pairs of its loops; a start that was has cost -1."""
    found = -1
    for s in range(wi[W_STARTS]):
        at, best = X_START + 2 * s, X_START + 2 * found
        if wf[at] >= 0.0 and (found < 0 or _better(wf[at], wf[at + 1], wf[best], wf[best + 1])):
            found = s
    if found < 0:
        return False
    wf[X_NOW], wf[X_NOW + 1] = wf[X_START + 2 * found], wf[X_START + 2 * found + 1]
    wf[X_START + 2 * found] = -1.0
    _restore(wi, found)
    wi[W_LOWER], wi[W_UPPER] = 0, 0
    return True


@kernel
def _next_swap(wi: IntArray) -> bool:
    """Swap the next pair of loops that leads to an order not seen before; return False after a sweep that improved nothing."""
    while True:
        wi[W_UPPER] += 1
        if wi[W_UPPER] >= wi[W_COUNT]:
            wi[W_LOWER] += 1
            wi[W_UPPER] = wi[W_LOWER] + 1
        if wi[W_UPPER] >= wi[W_COUNT]:
            if wi[W_IMPROVED] == 0:
                return False
            wi[W_LOWER], wi[W_UPPER], wi[W_IMPROVED] = 0, 1, 0
        lower, upper = wi[W_ORDER + wi[W_LOWER]], wi[W_ORDER + wi[W_UPPER]]
        if wi[W_IDENTITY + lower] == wi[W_IDENTITY + upper] or wi[W_SEEN_COUNT] >= BUDGET:
            continue
        _swap(wi)
        if _is_new(wi):
            return True
        _swap(wi)


@inlined
def _swap(wi: IntArray) -> None:
    lower, upper = W_ORDER + wi[W_LOWER], W_ORDER + wi[W_UPPER]
    wi[lower], wi[upper] = wi[upper], wi[lower]


@inlined
def _better(goal: float, tie: float, than_goal: float, than_tie: float) -> bool:
    """Return whether a cost beats another: by the goal, and where that ties, by the other quantity."""
    if goal < than_goal * (1.0 - TOLERANCE):
        return True
    if goal > than_goal * (1.0 + TOLERANCE):
        return False
    return tie < than_tie * (1.0 - TOLERANCE)


@kernel
def _is_new(wi: IntArray) -> bool:
    """Note the order in the table of orders seen; return whether it was not there."""
    code = 1
    for i in range(wi[W_COUNT]):
        code = code * 8 + wi[W_IDENTITY + wi[W_ORDER + i]]
    slot = (code ^ (code >> 7) ^ (code >> 14)) & (SEEN - 1)
    while wi[W_SEEN + slot] != 0:
        if wi[W_SEEN + slot] == code:
            return False
        slot = (slot + 1) & (SEEN - 1)
    wi[W_SEEN + slot] = code
    wi[W_SEEN_COUNT] += 1
    return True


@inlined
def _save(wi: IntArray, slot: int) -> None:
    for i in range(FACTORS):
        wi[W_KEPT + slot * FACTORS + i] = wi[W_ORDER + i]


@inlined
def _restore(wi: IntArray, slot: int) -> None:
    for i in range(FACTORS):
        wi[W_ORDER + i] = wi[W_KEPT + slot * FACTORS + i]


# --- results ----------------------------------------------------------------------------------------------------------------------


@inlined
def _held(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, o: int) -> int:
    """Return the bits of an operand in its outermost memory on the core."""
    level = ci[C_ON_CORE + o] - 1
    if (o == W and ti[T_HAS_W] == 0) or level < 0 or wi[W_RESULT + R_MISSING] > 0:
        return 0
    place = o * LEVELS + level
    bits = held_bits(ti, wi, place, wi[W_BOUND + place - 1] if level > 0 else 0)
    return int(np.ceil(bits * wf[X_ELEMENTS + place * SETS + wi[W_BEFORE + wi[W_BOUND + place]]] * (1.0 - TOLERANCE)))


@inlined
def _write(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, out: IntArray, out_pj: FloatArray) -> None:
    """Copy the results of a tile; without a legal order they are computation alone."""
    if wi[W_RESULT + R_MISSING] > 0:
        wi[W_RESULT + R_CYCLES] = wi[W_TOTAL + wi[W_BEFORE + wi[W_COUNT]]] * ti[T_CYCLES]
        for i in (R_STALL, R_ONLOAD, R_OFFLOAD, R_DRAM_READ, R_DRAM_WRITE):
            wi[W_RESULT + i] = 0
        wf[X_RESULT + E_CORE], wf[X_RESULT + E_DRAM] = 0.0, 0.0
    for i in range(OUT_HELD):
        out[i] = wi[W_RESULT + i]
    for o in range(3):
        out[OUT_HELD + o] = _held(ci, ti, wi, wf, o)
        out_pj[o] = wf[X_RESULT + o]
    out[OUT_COUNT] = wi[W_COUNT]
    for i in range(wi[W_COUNT]):
        f = wi[W_ORDER + i]
        out[OUT_ORDER + i] = wi[W_LOOP + f]
        out[OUT_ORDER + FACTORS + i] = wi[W_FACTOR + f]
