"""Windows, stall, first fill and last drain under one allocation; section 4 of `cost/_reference.py`."""

from __future__ import annotations

from stream_evo._jit import inlined, kernel
from stream_evo.cost._kernel._arithmetic import up, whole
from stream_evo.cost._kernel._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

__all__ = ["fill_windows", "hide", "offload", "onload", "stall_cycles"]


@kernel
def fill_windows(ci: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill the cycles of each period in which the next data may be transferred, memory by memory."""
    for o in range(3):
        wi[W_WINDOW + o * TIERS] = wi[W_PERIOD + o * TIERS]
    for store in range(ci[C_STORES]):
        effective = 0.0
        for s in range(wi[W_SHARERS + store] - 1, -1, -1):
            place = wi[W_SHARER + 3 * store + s]
            o, level = place // LEVELS, place % LEVELS
            row = o * TIERS + level + 1
            start = wi[W_BOUND + place - 1] if level > 0 else 0
            full = float(wi[W_PRECISION + row] * wi[W_ELEMENTS + row])
            wf[X_REPLACED + s] = full / _outermost(wi, o, start, wi[W_BOUND + place], YES)
            effective += wf[X_REPLACED + s]
        free = ci[C_CAPACITY + store] - effective
        ample = effective <= 0.5 * ci[C_CAPACITY + store]
        for s in range(wi[W_SHARERS + store] - 1, -1, -1):
            place = wi[W_SHARER + 3 * store + s]
            o, level = place // LEVELS, place % LEVELS
            row = o * TIERS + level + 1
            if ample or wf[X_REPLACED + s] <= free:
                wi[W_WINDOW + row] = wi[W_PERIOD + row]
                if not ample:
                    free -= wf[X_REPLACED + s]
            else:
                start = wi[W_BOUND + place - 1] if level > 0 else 0
                wi[W_WINDOW + row] = wi[W_PERIOD + row] // _outermost(wi, o, start, wi[W_BOUND + place], NO)


@inlined
def _outermost(wi: IntArray, o: int, start: int, edge: int, relevant: bool) -> int:
    found = 1
    i = edge - 1
    while i >= start and (wi[W_RELEVANT + o] >> wi[W_ORDER + i] & 1 == 1) == relevant:
        found *= wi[W_FACTOR + wi[W_ORDER + i]]
        i -= 1
    return found


@kernel
def _union_of_windows(wi: IntArray, count: int, total: int) -> int:
    """Return how long at least one of the first `count` sorted windows is open in `total` cycles."""
    for j in range(1, count):
        row = wi[W_SORTED + j]
        i = j - 1
        while i >= 0 and (
            wi[W_PERIOD + wi[W_SORTED + i]] > wi[W_PERIOD + row]
            or (wi[W_PERIOD + wi[W_SORTED + i]] == wi[W_PERIOD + row] and wi[W_WINDOW + wi[W_SORTED + i]] > wi[W_WINDOW + row])
        ):
            wi[W_SORTED + i + 1] = wi[W_SORTED + i]
            i -= 1
        wi[W_SORTED + i + 1] = row
    return _cover(wi, count - 1, total)


@kernel
def _cover(wi: IntArray, index: int, span: int) -> int:
    """Return the cover of `span` cycles by windows 0..index, from the widest period inwards."""
    if index < 0 or span <= 0:
        return 0
    row = wi[W_SORTED + index]
    period, window = wi[W_PERIOD + row], wi[W_WINDOW + row]
    below = 0
    if window < period:
        below = _cover(wi, index - 1, window)
    rest = span % period
    found = 0
    if span >= period:
        full = window if window >= period else window + _cover(wi, index - 1, period) - below
        found = span // period * full
    if rest > 0:
        found += rest if rest <= window else window + _cover(wi, index - 1, rest) - below
    return found


@kernel
def stall_cycles(ci: IntArray, wi: IntArray, cycles: int) -> int:
    worst = 0
    for port in range(ci[C_PORTS]):
        late, spare, windows, active = 0, 0, 0, ZERO
        for u in range(ci[C_FIRST + port], ci[C_FIRST + port + 1]):
            place = ci[C_USER + u]
            row = wi[W_TIER + place]
            if row < 0 or wi[W_REFRESHES + row] <= 1:
                continue
            slack = (wi[W_DURATION + place] - wi[W_WINDOW + row]) * (wi[W_REFRESHES + row] - 1)
            if slack > 0:
                late += slack
            else:
                spare += slack
            windows += wi[W_WINDOW + row] * (wi[W_REFRESHES + row] - 1)
            wi[W_SORTED + active] = row
            active += 1
        if active == 0:
            continue
        stall = late + spare
        if active > 1:
            stall = late
            if spare + windows > 0:
                stall = late + max(0, spare + windows - _union_of_windows(wi, active, cycles))
        worst = max(worst, stall)
    return worst


@kernel
def hide(ci: IntArray, wi: IntArray, busy: int) -> None:
    """Fill the cycles of first and last transfers that computation cannot hide."""
    for port in range(ci[C_PORTS]):
        taken, single = 0.0, 0
        for u in range(ci[C_FIRST + port], ci[C_FIRST + port + 1]):
            place = ci[C_USER + u]
            row = wi[W_TIER + place]
            wi[W_VISIBLE + place] = 0
            if row < 0:
                continue
            wi[W_VISIBLE + place] = wi[W_DURATION + place]
            if wi[W_REFRESHES + row] > 1:
                taken += up(wi[W_TRANSFER + place], wi[W_PERIOD + row]) / ci[C_CHANNEL + place * 4 + 3]
            else:
                i = single - 1
                while i >= 0 and _longer(wi, place, wi[W_SORTED + i]):
                    wi[W_SORTED + i + 1] = wi[W_SORTED + i]
                    i -= 1
                wi[W_SORTED + i + 1] = place
                single += 1
        if single == 0:
            continue
        surplus = whole(max(0.0, 1.0 - taken) * busy)
        for i in range(single):
            place = wi[W_SORTED + i]
            row = place // 4 // LEVELS * TIERS + 1
            least = up(wi[W_MOVED + row] * wi[W_PRECISION + row], ci[C_CHANNEL + place * 4 + 3])
            hidden = min(max(0, wi[W_VISIBLE + place] - least), surplus)
            wi[W_VISIBLE + place] -= hidden
            surplus -= hidden


@inlined
def _longer(wi: IntArray, place: int, other: int) -> bool:
    """Return whether `place` goes before `other`: the longer transfer, then I, W, O, then the lower level and direction."""
    mine, its = wi[W_VISIBLE + place], wi[W_VISIBLE + other]
    o, p = place // 4 // LEVELS, other // 4 // LEVELS
    return mine > its or (mine == its and (o > p or (o == p and place < other)))


@inlined
def _gap(wi: IntArray, o: int, level: int, down: int, up: int) -> int:
    lower, upper = (o * LEVELS + level) * 4 + down, (o * LEVELS + level + 1) * 4 + up
    cycles: int = max(wi[W_VISIBLE + lower], wi[W_VISIBLE + upper])
    return cycles


@inlined
def onload(ci: IntArray, ti: IntArray, wi: IntArray) -> int:
    shared_w, half_w, own_w = 0, 0, 0
    shared_i, half_i, own_i = 0, 0, 0
    for o in (W, I):
        if o == W and ti[T_HAS_W] == 0:
            continue
        for level in range(ci[C_LEVELS + o] - 1):
            cycles = _gap(wi, o, level, FROM_HIGH, TO_LOW)
            lower = ci[C_CHANNEL + ((o * LEVELS + level) * 4 + FROM_HIGH) * 4]
            upper = ci[C_CHANNEL + ((o * LEVELS + level + 1) * 4 + TO_LOW) * 4]
            both = ci[C_SHARED + lower] + ci[C_SHARED + upper]
            if o == W:
                shared_w += cycles if both == 2 else 0
                half_w += cycles if both == 1 else 0
                own_w += cycles if both == 0 else 0
            else:
                shared_i += cycles if both == 2 else 0
                half_i += cycles if both == 1 else 0
                own_i += cycles if both == 0 else 0
    return min(
        shared_w + max(shared_i + half_i + own_i, half_w + own_w),
        shared_i + max(shared_w + half_w + own_w, half_i + own_i),
    )


@inlined
def offload(ci: IntArray, wi: IntArray) -> int:
    cycles = 0
    for level in range(ci[C_LEVELS + O] - 1):
        cycles += _gap(wi, O, level, TO_HIGH, FROM_LOW)
    return cycles
