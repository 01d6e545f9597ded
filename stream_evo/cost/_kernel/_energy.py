"""What passes between the levels under one allocation, and its energy; sections 2 and 3 of `cost/_reference.py`."""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.cost._kernel._allocation import is_partial
from stream_evo.cost._kernel._arithmetic import up
from stream_evo.cost._kernel._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

__all__ = ["fill_energy"]


@kernel
def fill_energy(ci: IntArray, cf: FloatArray, ti: IntArray, wi: IntArray, wf: FloatArray, cycles: int, goal: int, bound: float) -> bool:
    """Fill tiers, energies and transfers, operand by operand; return False as soon as energy alone shows that `bound` is not beaten.

    Sums of energy only grow from here on, rounded as they are, and latency is at least `cycles`: an order that is given up costs more than
    `bound` by more than the tolerance, so it is not better, and the search goes on as if it had been evaluated to the end.
    """
    wf[X_RESULT + E_CORE], wf[X_RESULT + E_DRAM] = 0.0, 0.0
    wi[W_RESULT + R_DRAM_READ], wi[W_RESULT + R_DRAM_WRITE] = 0, 0
    for o in range(3):
        if o == W and ti[T_HAS_W] == 0:
            for place in range(W * LEVELS * DIRECTIONS, I * LEVELS * DIRECTIONS):
                wi[W_TIER + place] = -1
            continue
        _fill_tiers(ci, ti, wi, wf, o)
        for level in range(ci[C_LEVELS + o]):
            _add_level(ci, cf, wi, wf, o, level)
        energy = wf[X_RESULT + E_MAC] + wf[X_RESULT + E_CORE] + wf[X_RESULT + E_DRAM]
        if goal > 0 and (energy if goal == 1 else energy * cycles) > bound * (1.0 + TOLERANCE):
            return False
    return True


@inlined
def _fill_tiers(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, o: int) -> None:
    """Fill elements, periods, counts and precisions between the levels of an operand."""
    for index in range(ci[C_LEVELS + o] + 1):
        row = o * TIERS + index
        edge = wi[W_BOUND + o * LEVELS + index - 1] if index > 0 else (wi[W_NEXT + o * EDGES] if o != O else 0)
        before = wi[W_BEFORE + edge]
        wi[W_PERIOD + row] = wi[W_TOTAL + before] * ti[T_CYCLES]
        wi[W_REFRESHES + row] = wi[W_TIMES + before]
        partial = o == O and is_partial(wi, index, edge)
        wi[W_RETURNS + row] = partial
        wi[W_PRECISION + row] = ti[T_BITS + o] if o != O or partial else ti[T_FINAL_BITS]
        wi[W_ELEMENTS + row] = 1
        wi[W_MOVED + row] = 1
        if index > 0:
            cell = (o * LEVELS + index - 1) * SETS + before
            wi[W_ELEMENTS + row] = int(np.rint(wf[X_ELEMENTS + cell]))
            wi[W_MOVED + row] = wi[W_ELEMENTS + row] if wi[W_EXACT] == 1 else wi[W_INT_ELEMENTS + cell]


@inlined
def _tier(ci: IntArray, wi: IntArray, o: int, level: int, direction: int) -> int:
    """Return the tier of a direction if the operand passes the level in it, else -1."""
    top = level == ci[C_LEVELS + o] - 1
    low, high = o * TIERS + level, o * TIERS + level + 1
    row = -1
    if direction == TO_LOW:
        row = low if o != O or wi[W_RETURNS + low] == 1 else row
    elif direction == FROM_LOW:
        row = low if o == O else row
    elif direction == TO_HIGH:
        row = high if o == O and not top else row
    elif not top:
        row = high if o != O or wi[W_RETURNS + high] == 1 else row
    return row if ci[C_CHANNEL + ((o * LEVELS + level) * DIRECTIONS + direction) * 4] >= 0 else -1


@inlined
def _add_level(ci: IntArray, cf: FloatArray, wi: IntArray, wf: FloatArray, o: int, level: int) -> None:
    """Add energy and DRAM traffic of one level of an operand; fill the bits and cycles of its transfers."""
    store = ci[C_STORE + o * LEVELS + level]
    units = wi[W_UNITS + o * TIERS + level + 1]
    off_chip = level >= ci[C_ON_CORE + o]
    reads, writes = 0, 0
    for direction in range(DIRECTIONS):
        place = (o * LEVELS + level) * DIRECTIONS + direction
        row = _tier(ci, wi, o, level, direction)
        wi[W_TIER + place] = row
        if row < 0:
            continue
        channel = C_CHANNEL + place * 4
        bits, int_bits = wi[W_ELEMENTS + row] * wi[W_PRECISION + row], wi[W_MOVED + row] * wi[W_PRECISION + row]
        if direction <= FROM_LOW:
            bits *= wi[W_BOOST + o * LEVELS + level]
            int_bits *= wi[W_INT_BOOST + o * LEVELS + level]
        granules = up(bits, ci[channel + 1])
        words = granules * wi[W_REFRESHES + row] * units
        if ci[channel + 1] != ci[channel + 2]:
            words = words * ci[channel + 1] // ci[channel + 2]
        if bits != int_bits or ci[channel + 1] != ci[channel + 3]:
            granules = up(int_bits, ci[channel + 3])
        wi[W_TRANSFER + place] = int_bits
        wi[W_DURATION + place] = granules
        if direction in (TO_LOW, TO_HIGH):
            reads += words
        else:
            writes += words
        if off_chip:
            side = R_DRAM_READ if direction == TO_LOW else R_DRAM_WRITE
            wi[W_RESULT + side] += bits * wi[W_REFRESHES + row] * units
    energy = reads * cf[F_READ + store] + writes * cf[F_WRITE + store]
    wf[X_RESULT + (E_DRAM if off_chip else E_CORE)] += energy
