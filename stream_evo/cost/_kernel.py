"""Compiled twin of the reference: the cost of one loop order, and the search over orders, on packed integer and float rows.

Five rows travel together. `ci` and `cf` describe a core under a dataflow with its DRAM level (layout: `_pack`), `ti` the tile; `wi` and
`wf` are scratch. Offsets are the module's constants. The functions follow `_reference` step by step and in the same order of operations,
so that results agree to the last bit; comments there are not repeated here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.typing import FloatArray, IntArray

LEVELS, EDGES, FACTORS, STORES, PORTS, UNROLLS, DIMENSIONS, PRIMES = 8, 9, 8, 16, 64, 16, 8, 64
U = np.uint64  # an unsigned index spares the test for counting from the end: a third of the time
TOLERANCE = 1e-9
BASE_FACTORS = 6

# Plain numbers in a call would be compiled into a version of the callee of their own, and so would variables that begin as one.
_int: Any = np.int64
_bool: Any = np.bool_
NONE, ZERO, ONE, BEST = _int(-1), _int(0), _int(1), _int(6)
YES, NO = _bool(True), _bool(False)
SEEN, BUDGET = 4096, 3000

# ci: one core and dataflow
C_ENTRIES = 0
C_ENTRY = C_ENTRIES + 1  # (dimension, loop, limit) each
C_ARRAY = C_ENTRY + 3 * UNROLLS
C_LEVELS = C_ARRAY + DIMENSIONS
C_ON_CORE = C_LEVELS + 3
C_FAN = C_ON_CORE + 3
C_STORE = C_FAN + 3 * (DIMENSIONS + 1)
C_CHANNEL = C_STORE + 3 * LEVELS  # (port, granule, word, bandwidth) each
C_STORES = C_CHANNEL + 3 * LEVELS * 4 * 4
C_CAPACITY = C_STORES + 1
C_INNERMOST = C_CAPACITY + STORES
C_PORTS = C_INNERMOST + STORES
C_SHARED = C_PORTS + 1
C_FIRST = C_SHARED + PORTS
C_USER = C_FIRST + PORTS + 1  # (operand * LEVELS + level) * 4 + direction
C_OUTPUT_REST = C_USER + 3 * LEVELS * 4
C_ROW_REST = C_OUTPUT_REST + 1
C_WIDTH = C_ROW_REST + 1

# cf
F_READ = 0
F_WRITE = F_READ + STORES
F_OPERATION = F_WRITE + STORES
F_WIDTH = F_OPERATION + 1

# ti: one tile
T_CONFIG = 0
T_SIZE = T_CONFIG + 1
T_INDEXED = T_SIZE + 8
T_BITS = T_INDEXED + 3 * 8  # O unfinished, W, I, O final
T_STEP = T_BITS + 4  # stride / gcd and dilation / gcd, rows then columns
T_EXTENT = T_STEP + 4
T_CYCLES = T_EXTENT + 2
T_HAS_W = T_CYCLES + 1
T_FEED = T_HAS_W + 1  # cycles of a step of the array
T_WIDTH = T_FEED + 1

# wi: what does not depend on the order
W_TEMPORAL = 0
W_UNROLL = W_TEMPORAL + 8
W_WHOLE = W_UNROLL + UNROLLS
W_BOOST = W_WHOLE + UNROLLS
W_INT_BOOST = W_BOOST + 3 * LEVELS
W_UNITS = W_INT_BOOST + 3 * LEVELS
W_REDUCES = W_UNITS + 3 * EDGES
W_INT_FACTOR = W_REDUCES + EDGES
W_INT_MEAN = W_INT_FACTOR + 3 * LEVELS
W_SHARERS = W_INT_MEAN + 4 * LEVELS
W_SHARER = W_SHARERS + STORES
W_EXACT = W_SHARER + 3 * STORES
# wi: the order, and what follows from it
W_REST = W_EXACT + 1  # cycles in which the array rests
W_COUNT = W_REST + 1
W_LOOP = W_COUNT + 1
W_FACTOR = W_LOOP + FACTORS
W_TOTAL = W_FACTOR + FACTORS
W_RELEVANT = W_TOTAL + EDGES
W_SLIDE = W_RELEVANT + 3 * EDGES
W_NEXT = W_SLIDE + 4 * EDGES  # first relevant loop at or after each position
W_BOUND = W_NEXT + 3 * EDGES
W_LIMIT = W_BOUND + 3 * LEVELS  # highest boundary that is allowed
W_HELD_BITS = W_LIMIT + 3 * LEVELS
W_LAST = W_HELD_BITS + 3
W_ELEMENTS = W_LAST + 3
W_INT_ELEMENTS = W_ELEMENTS + 3 * EDGES
W_PERIOD = W_INT_ELEMENTS + 3 * EDGES
W_TIMES = W_PERIOD + 3 * EDGES
W_PRECISION = W_TIMES + 3 * EDGES
W_RETURNS = W_PRECISION + 3 * EDGES
W_WINDOW = W_RETURNS + 3 * EDGES
W_TRANSFER = W_WINDOW + 3 * EDGES  # bits, cycles and tier (-1: none) of each transfer
W_DURATION = W_TRANSFER + 3 * LEVELS * 4
W_ROW = W_DURATION + 3 * LEVELS * 4
W_VISIBLE = W_ROW + 3 * LEVELS * 4
W_SORTED = W_VISIBLE + 3 * LEVELS * 4
W_HELD = W_SORTED + 3 * LEVELS * 4
W_RESULT = W_HELD + 3
# wi: the search
W_PRIME = W_RESULT + 16
W_PRIMES = W_PRIME + 8 * PRIMES
W_IDENTITY = W_PRIMES + 8  # number of each distinct (loop, factor)
W_KEPT = W_IDENTITY + FACTORS  # orders kept: loops, factors, identities; six starts and the best
W_KEPT_COUNT = W_KEPT + 7 * 3 * FACTORS
W_SEEN_COUNT = W_KEPT_COUNT + 7
W_SEEN = W_SEEN_COUNT + 1
W_WIDTH = W_SEEN + SEEN

# wf
X_MEAN = 0
X_FACTOR = X_MEAN + UNROLLS
X_SLIDE = X_FACTOR + 3 * LEVELS
X_ELEMENTS = X_SLIDE + 4 * LEVELS
X_SIZE = X_ELEMENTS + 3 * LEVELS * EDGES
X_TRAFFIC = X_SIZE + 3 * EDGES
X_LEAST = X_TRAFFIC + 3 * EDGES
X_FULL = X_LEAST + 3
X_RESULT = X_FULL + 3
X_START = X_RESULT + 8
X_BEST = X_START + 12
X_WIDTH = X_BEST + 2

# results of one order, in wi[W_RESULT:] and wf[X_RESULT:]
R_CYCLES, R_STALL, R_ONLOAD, R_OFFLOAD, R_MISSING, R_DRAM_READ, R_DRAM_WRITE, R_OPERAND, R_LEVEL, R_NEEDED, R_AVAILABLE, R_EVALUATIONS = (
    range(12)
)
E_MAC, E_CORE, E_DRAM, E_GOAL, E_TIE = range(5)

# out, one row per tile: results, then
OUT_HELD = 16
OUT_COUNT = OUT_HELD + 3
OUT_ORDER = OUT_COUNT + 1
OUT_WIDTH = OUT_ORDER + 2 * FACTORS

O, W, I = ZERO, ONE, _int(2)  # noqa: E741  # the field's own letters
C, OY, OX, FY, FX = 3, 4, 5, 6, 7
TO_LOW, FROM_LOW, TO_HIGH, FROM_HIGH = ZERO, ONE, _int(2), _int(3)
IRRELEVANT, RELEVANT, PARTIAL = 0, 1, 2
MERGE_ORDER = (0, 1, 2, 5, 4, 3, 7, 6)
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


@inlined
def _whole(value: float) -> int:
    return int(np.floor(value * (1.0 + TOLERANCE)))


@inlined
def _up(numerator: int, denominator: int) -> int:
    return (numerator + denominator - 1) // denominator


@inlined
def _window(outputs: int, taps: int, stride: int, dilation: int, extent: int) -> int:
    touched = outputs * taps - max(0, taps - stride) * max(0, outputs - dilation)
    return min(touched, extent) if extent > 0 else touched


# --- spatial unrolling ------------------------------------------------------------------------------------------------------------


@kernel
def _spread(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill temporal sizes and the unrolling of each entry of the dataflow."""
    for loop in range(8):
        wi[U(W_TEMPORAL + loop)] = ti[U(T_SIZE + loop)]
    room = 0
    previous = -1
    for e in range(ci[C_ENTRIES]):
        dimension, loop, limit = ci[U(C_ENTRY + 3 * e)], ci[U(C_ENTRY + 3 * e + 1)], ci[U(C_ENTRY + 3 * e + 2)]
        if dimension != previous:
            room, previous = ci[U(C_ARRAY + dimension)], dimension
        unrolling = max(1, min(limit, room, wi[U(W_TEMPORAL + loop)]))
        room //= unrolling
        wi[U(W_TEMPORAL + loop)] = _up(wi[U(W_TEMPORAL + loop)], unrolling)
        wi[U(W_UNROLL + e)] = unrolling
    _limit_by_memories(ci, ti, wi)
    exact = 1
    for loop in range(8):
        size, product, uneven = ti[U(T_SIZE + loop)], ONE, -1
        for e in range(ci[C_ENTRIES]):
            if ci[U(C_ENTRY + 3 * e + 1)] == loop:
                product *= wi[U(W_UNROLL + e)]
                uneven = e if product == 1 or wi[U(W_UNROLL + e)] > 1 else uneven
        steps = _up(size, product)
        wi[U(W_TEMPORAL + loop)] = steps
        for e in range(ci[C_ENTRIES]):
            if ci[U(C_ENTRY + 3 * e + 1)] == loop:
                unrolling = wi[U(W_UNROLL + e)]
                wf[U(X_MEAN + e)], wi[U(W_WHOLE + e)] = float(unrolling), unrolling
                if e == uneven:
                    others = product // unrolling
                    wf[U(X_MEAN + e)], wi[U(W_WHOLE + e)] = size / steps / others, size // (steps * others)
        if uneven >= 0 and size % (steps * (product // wi[U(W_UNROLL + uneven)])) != 0:
            exact = 0
    wi[W_EXACT] = exact


@inlined
def _rests(ci: IntArray, wi: IntArray) -> None:
    """Fill the cycles in which the array rests: for each set of outputs, and for each row of inputs."""
    outputs, rows = 1, 1
    for loop in range(8):
        steps = wi[U(W_TEMPORAL + loop)]
        if loop != FX:
            rows *= steps
        if loop != C and loop != FY and loop != FX:
            outputs *= steps
    wi[W_REST] = ci[C_OUTPUT_REST] * outputs + ci[C_ROW_REST] * rows


@kernel
def _limit_by_memories(ci: IntArray, ti: IntArray, wi: IntArray) -> None:
    for store in range(ci[C_STORES]):
        if ci[U(C_INNERMOST + store)] == 0:
            continue
        for o in range(3):
            if (o == W and ti[T_HAS_W] == 0) or ci[U(C_LEVELS + o)] == 0 or ci[U(C_STORE + o * LEVELS)] != store:
                continue
            channel = C_CHANNEL + (o * LEVELS * 4 + (FROM_LOW if o == O else TO_LOW)) * 4
            if ci[U(channel)] >= 0:
                for e in range(ci[C_ENTRIES]):
                    if _feeds(ci, ti, o, e):
                        wi[U(W_UNROLL + e)] = max(1, min(wi[U(W_UNROLL + e)], ci[U(channel + 3)] * ti[T_FEED] // ti[U(T_BITS + o)]))
            while True:
                product, largest, worst = 1, 0, -1
                for e in range(ci[C_ENTRIES]):
                    if _feeds(ci, ti, o, e):
                        product *= wi[U(W_UNROLL + e)]
                        if wi[U(W_UNROLL + e)] > largest:
                            largest, worst = wi[U(W_UNROLL + e)], e
                if largest <= 1 or product * ti[U(T_BITS + o)] <= ci[U(C_CAPACITY + store)]:
                    break
                wi[U(W_UNROLL + worst)] -= 1


@inlined
def _feeds(ci: IntArray, ti: IntArray, o: int, e: int) -> bool:
    dimension, loop = ci[U(C_ENTRY + 3 * e)], ci[U(C_ENTRY + 3 * e + 1)]
    found: bool = ci[U(C_FAN + o * (DIMENSIONS + 1) + dimension)] == 0 and ti[U(T_INDEXED + o * 8 + loop)] != IRRELEVANT
    return found


@kernel
def prepare(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill everything of a tile that does not depend on the loop order."""
    _spread(ci, ti, wi, wf)
    _rests(ci, wi)
    for o in range(3):
        if o == W and ti[T_HAS_W] == 0:
            continue
        before, int_before = 1.0, 1
        for level in range(ci[U(C_LEVELS + o)]):
            factor, int_factor = 1.0, 1
            for loop in range(8):
                mean, whole = 1.0, 1
                for e in range(ci[C_ENTRIES]):
                    if ci[U(C_ENTRY + 3 * e + 1)] == loop and ci[U(C_FAN + o * (DIMENSIONS + 1) + ci[U(C_ENTRY + 3 * e)])] <= level:
                        mean *= wf[U(X_MEAN + e)]
                        whole *= wi[U(W_WHOLE + e)]
                if ti[U(T_INDEXED + o * 8 + loop)] == RELEVANT:
                    factor *= mean
                    int_factor *= whole
                elif ti[U(T_INDEXED + o * 8 + loop)] == PARTIAL:
                    wf[U(X_SLIDE + level * 4 + loop - OY)] = mean
                    wi[U(W_INT_MEAN + level * 4 + loop - OY)] = whole
            wf[U(X_FACTOR + o * LEVELS + level)] = factor
            wi[U(W_INT_FACTOR + o * LEVELS + level)] = int_factor
            now = _elements(ti, wi, wf, o, level, NONE)
            int_now = _int_elements(ti, wi, o, level, NONE)
            wi[U(W_BOOST + o * LEVELS + level)] = int(np.rint(now / before))
            wi[U(W_INT_BOOST + o * LEVELS + level)] = int(np.rint(int_now / int_before))
            before, int_before = now, int_now
        for level in range(ci[U(C_LEVELS + o)] + 1):
            units, reduces = 1.0, 0
            for e in range(ci[C_ENTRIES]):
                fan = ci[U(C_FAN + o * (DIMENSIONS + 1) + ci[U(C_ENTRY + 3 * e)])]
                if fan >= level:
                    units *= wf[U(X_MEAN + e)]
                if o == O and fan > level and wf[U(X_MEAN + e)] > 1.0 and ti[U(T_INDEXED + ci[U(C_ENTRY + 3 * e + 1)])] == IRRELEVANT:
                    reduces = 1
            wi[U(W_UNITS + o * EDGES + level)] = int(np.rint(units))
            if o == O:
                wi[U(W_REDUCES + level)] = reduces
    for store in range(ci[C_STORES]):
        wi[U(W_SHARERS + store)] = 0
    for o in (I, W, O):
        if o == W and ti[T_HAS_W] == 0:
            continue
        for level in range(ci[U(C_LEVELS + o)]):
            store = ci[U(C_STORE + o * LEVELS + level)]
            wi[U(W_SHARER + 3 * store + wi[U(W_SHARERS + store)])] = o * LEVELS + level
            wi[U(W_SHARERS + store)] += 1


@inlined
def _elements(ti: IntArray, wi: IntArray, wf: FloatArray, o: int, level: int, edge: int) -> float:
    """Return mean elements under level `level` for the loops before `edge`; -1: no temporal loops."""
    size: float = wf[U(X_FACTOR + o * LEVELS + level)] * (1 if edge < 0 else wi[U(W_RELEVANT + o * EDGES + edge)])
    if o == I and ti[T_INDEXED + I * 8 + OX] == PARTIAL:
        s = X_SLIDE + level * 4
        t = W_SLIDE + edge * 4
        ny, nx, ky, kx = (1, 1, 1, 1) if edge < 0 else (wi[U(t)], wi[U(t + 1)], wi[U(t + 2)], wi[U(t + 3)])
        rows = _window(_whole(wf[U(s)] * ny), _whole(wf[U(s + 2)] * ky), ti[T_STEP], ti[T_STEP + 1], ti[T_EXTENT])
        columns = _window(_whole(wf[U(s + 1)] * nx), _whole(wf[U(s + 3)] * kx), ti[T_STEP + 2], ti[T_STEP + 3], ti[T_EXTENT + 1])
        size = size * rows * columns
    return size


@inlined
def _int_elements(ti: IntArray, wi: IntArray, o: int, level: int, edge: int) -> int:
    size: int = wi[U(W_INT_FACTOR + o * LEVELS + level)] * (1 if edge < 0 else wi[U(W_RELEVANT + o * EDGES + edge)])
    if o == I and ti[T_INDEXED + I * 8 + OX] == PARTIAL:
        s = W_INT_MEAN + level * 4
        t = W_SLIDE + edge * 4
        ny, nx, ky, kx = (1, 1, 1, 1) if edge < 0 else (wi[U(t)], wi[U(t + 1)], wi[U(t + 2)], wi[U(t + 3)])
        rows = _window(wi[U(s)] * ny, wi[U(s + 2)] * ky, ti[T_STEP], ti[T_STEP + 1], ti[T_EXTENT])
        columns = _window(wi[U(s + 1)] * nx, wi[U(s + 3)] * kx, ti[T_STEP + 2], ti[T_STEP + 3], ti[T_EXTENT + 1])
        size = size * rows * columns
    return size


# --- 1. allocation ----------------------------------------------------------------------------------------------------------------


@inlined
def _prefixes(ti: IntArray, wi: IntArray) -> None:
    """Fill the products of loops before each position, and where the next relevant loop stands."""
    n = wi[W_COUNT]
    wi[W_TOTAL] = 1
    for o in range(3):
        wi[U(W_RELEVANT + o * EDGES)] = 1
        wi[U(W_NEXT + o * EDGES + n)] = n
    for axis in range(4):
        wi[U(W_SLIDE + axis)] = 1
    for i in range(n):
        loop, size = wi[U(W_LOOP + i)], wi[U(W_FACTOR + i)]
        wi[U(W_TOTAL + i + 1)] = wi[U(W_TOTAL + i)] * size
        for o in range(3):
            row = W_RELEVANT + o * EDGES + i
            wi[U(row + 1)] = wi[U(row)] * size if ti[U(T_INDEXED + o * 8 + loop)] == RELEVANT else wi[U(row)]
        for axis in range(4):
            row = W_SLIDE + 4 * i + axis
            wi[U(row + 4)] = wi[U(row)] * size if loop == OY + axis else wi[U(row)]
    for i in range(n - 1, -1, -1):
        for o in range(3):
            row = W_NEXT + o * EDGES + i
            wi[U(row)] = wi[U(row + 1)] if ti[U(T_INDEXED + o * 8 + wi[U(W_LOOP + i)])] == IRRELEVANT else i


@inlined
def _reduces_from(ti: IntArray, wi: IntArray, edge: int) -> bool:
    """Return whether a reduction loop stands at or after `edge`."""
    found = False
    for i in range(edge, wi[W_COUNT]):
        if ti[U(T_INDEXED + wi[U(W_LOOP + i)])] == IRRELEVANT:
            found = True
    return found


@kernel
def _allocate(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> bool:
    """Fill the boundaries; on failure fill the shortage and return False."""
    for place in range(3 * LEVELS):
        wi[U(W_LIMIT + place)] = wi[W_COUNT]
    store = ZERO
    while store < ci[C_STORES]:
        if wi[U(W_SHARERS + store)] == 0 or _fill(ci, ti, wi, wf, store):
            store += 1
        elif _give_way(ci, ti, wi, wf, store):
            store = ZERO
        else:
            return False
    return _merge_down(ci, ti, wi)


@inlined
def _held_bits(ti: IntArray, wi: IntArray, place: int, start: int) -> int:
    """Return the precision of an operand in a level that keeps the loops from `start` on."""
    bits: int = ti[U(T_BITS + place // LEVELS)]
    if place < LEVELS and not _reduces_from(ti, wi, start) and wi[U(W_REDUCES + place)] == 0:
        bits = ti[T_BITS + 3]
    return bits


@inlined
def _fill(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, store: int) -> bool:
    """Fill the boundaries of the operands in a memory, none above its limit; return False if nothing fits."""
    n = wi[W_COUNT]
    sharers = wi[U(W_SHARERS + store)]
    capacity = ci[U(C_CAPACITY + store)] * (1.0 + TOLERANCE)
    largest, falls = 0.0, True
    for s in range(sharers):
        place = wi[U(W_SHARER + 3 * store + s)]
        o, level = place // LEVELS, place % LEVELS
        bits = _held_bits(ti, wi, place, wi[U(W_BOUND + place - 1)] if level > 0 else 0)
        wi[U(W_HELD_BITS + s)] = bits
        elements = _elements(ti, wi, wf, o, level, n)
        wf[U(X_ELEMENTS + place * EDGES + n)] = elements
        wf[U(X_SIZE + s * EDGES + n)] = bits * elements
        largest += wf[U(X_SIZE + s * EDGES + n)]
        falls = falls and wi[U(W_LIMIT + place)] == n and (o != I or wi[W_EXACT] == 1 or level == ci[U(C_LEVELS + o)] - 1)
    # Traffic never rises with the boundary (but for windows of fractional unrollings): if everything fits, everything is kept.
    if falls and largest <= capacity:
        for s in range(sharers):
            wi[U(W_BOUND + wi[U(W_SHARER + 3 * store + s)])] = n
        return True
    for s in range(sharers):
        _list_choices(ci, ti, wi, wf, store, s, capacity)
    return _choose(ci, wi, wf, store, sharers, capacity)


@kernel
def _give_way(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, store: int) -> bool:
    """Lower the limits below a memory that is overfull from below; fill the shortage and return False if no limits would do."""
    n = wi[W_COUNT]
    needed, largest, blamed = 0.0, -1.0, 0
    most, giving, limit = -1.0, 0, 0
    for s in range(wi[U(W_SHARERS + store)]):
        place = wi[U(W_SHARER + 3 * store + s)]
        o, level = place // LEVELS, place % LEVELS
        start = wi[U(W_BOUND + place - 1)] if level > 0 else 0
        now = wf[U(X_SIZE + s * EDGES + _first_choice(ci, wi, place, n))]
        least, smaller = now, -1
        if level < ci[U(C_LEVELS + o)] - 1:
            for b in range(start - 1, -1, -1):
                if wi[U(W_NEXT + o * EDGES + b)] == b:
                    size = _held_bits(ti, wi, place, b) * _elements(ti, wi, wf, o, level, b)
                    if size < now and smaller < 0:
                        smaller = b
                    least = min(least, size)
        if smaller >= 0 and now > most:
            most, giving, limit = now, place, smaller
        needed += least
        if least > largest:
            largest, blamed = least, place
    if needed > ci[U(C_CAPACITY + store)] * (1.0 + TOLERANCE):
        _report(wi, blamed // LEVELS, blamed % LEVELS, int(np.ceil(needed * (1.0 - TOLERANCE))), ci[U(C_CAPACITY + store)])
        return False
    for place in range(giving - giving % LEVELS, giving):
        wi[U(W_LIMIT + place)] = min(wi[U(W_LIMIT + place)], limit)
    return True


@inlined
def _list_choices(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, store: int, s: int, capacity: float) -> None:
    """Fill size and traffic of each boundary of a sharer, up to the last that fits alone; sizes never fall with the boundary."""
    n = wi[W_COUNT]
    place = wi[U(W_SHARER + 3 * store + s)]
    o, level = place // LEVELS, place % LEVELS
    least, last = np.inf, wi[U(W_LIMIT + place)]
    for b in range(_first_choice(ci, wi, place, n), last + 1):
        elements = _elements(ti, wi, wf, o, level, b)
        size = wi[U(W_HELD_BITS + s)] * elements
        moved = size * (wi[U(W_TOTAL + n)] // wi[U(W_TOTAL + b)])
        wf[U(X_ELEMENTS + place * EDGES + b)] = elements
        wf[U(X_SIZE + s * EDGES + b)] = size
        wf[U(X_TRAFFIC + s * EDGES + b)] = moved
        if size > capacity:
            last = b
            break
        least = min(least, moved)
    wf[U(X_LEAST + s)] = least
    wi[U(W_LAST + s)] = last


@inlined
def _first_choice(ci: IntArray, wi: IntArray, place: int, n: int) -> int:
    o, level = place // LEVELS, place % LEVELS
    if level == ci[U(C_LEVELS + o)] - 1:
        return n
    return wi[U(W_BOUND + place - 1)] if level > 0 else 0


@kernel
def _choose(ci: IntArray, wi: IntArray, wf: FloatArray, store: int, sharers: int, capacity: float) -> bool:
    """Choose the boundaries of up to three operands that share a memory; skips only what could not win."""
    n = wi[W_COUNT]
    p0 = wi[U(W_SHARER + 3 * store)]
    p1 = wi[U(W_SHARER + 3 * store + 1)] if sharers > 1 else 0
    p2 = wi[U(W_SHARER + 3 * store + 2)] if sharers > 2 else 0
    first1 = _first_choice(ci, wi, p1, n) if sharers > 1 else n
    first2 = _first_choice(ci, wi, p2, n) if sharers > 2 else n
    last1 = wi[W_LAST + 1] if sharers > 1 else n
    last2 = wi[W_LAST + 2] if sharers > 2 else n
    least1 = wf[X_LEAST + 1] if sharers > 1 else 0.0
    least2 = wf[X_LEAST + 2] if sharers > 2 else 0.0
    least, found = np.inf, False
    b0, b1, b2 = 0, 0, 0
    for i in range(_first_choice(ci, wi, p0, n), wi[W_LAST] + 1):
        size0, moved0 = wf[U(X_SIZE + i)], wf[U(X_TRAFFIC + i)]
        if size0 > capacity or moved0 + least1 + least2 > least * (1.0 + TOLERANCE):
            continue
        for j in range(first1, last1 + 1):
            size1 = size0 + (wf[U(X_SIZE + EDGES + j)] if sharers > 1 else 0.0)
            moved1 = moved0 + (wf[U(X_TRAFFIC + EDGES + j)] if sharers > 1 else 0.0)
            if size1 > capacity or moved1 + least2 > least * (1.0 + TOLERANCE):
                continue
            for k in range(first2, last2 + 1):
                size = size1 + (wf[U(X_SIZE + 2 * EDGES + k)] if sharers > 2 else 0.0)
                moved = moved1 + (wf[U(X_TRAFFIC + 2 * EDGES + k)] if sharers > 2 else 0.0)
                if size <= capacity and moved <= least * (1.0 + TOLERANCE):
                    least, found = min(least, moved), True
                    b0, b1, b2 = i, j, k
    if found:
        wi[U(W_BOUND + p0)] = b0
        if sharers > 1:
            wi[U(W_BOUND + p1)] = b1
        if sharers > 2:
            wi[U(W_BOUND + p2)] = b2
    return found


@inlined
def _report(wi: IntArray, operand: int, level: int, needed: int, available: int) -> None:
    wi[W_RESULT + R_OPERAND] = operand
    wi[W_RESULT + R_LEVEL] = level
    wi[W_RESULT + R_NEEDED] = needed
    wi[W_RESULT + R_AVAILABLE] = available
    wi[W_RESULT + R_MISSING] = needed - available


@inlined
def _merge_down(ci: IntArray, ti: IntArray, wi: IntArray) -> bool:
    for o in range(3):
        if o == W and ti[T_HAS_W] == 0:
            continue
        if ci[U(C_LEVELS + o)] == 0:
            count = 1
            for loop in range(8):
                if ti[U(T_INDEXED + o * 8 + loop)] != IRRELEVANT:
                    count *= ti[U(T_SIZE + loop)]
            _report(wi, o, NONE, ti[U(T_BITS + o)] * count, ZERO)
            return False
        for level in range(ci[U(C_LEVELS + o)]):
            row = W_BOUND + o * LEVELS + level
            wi[U(row)] = wi[U(W_NEXT + o * EDGES + wi[U(row)])]
    return True


# --- 2. quantities ----------------------------------------------------------------------------------------------------------------


@inlined
def _outermost(ti: IntArray, wi: IntArray, o: int, start: int, edge: int, relevant: bool) -> int:
    found = 1
    i = edge - 1
    while i >= start and (ti[U(T_INDEXED + o * 8 + wi[U(W_LOOP + i)])] != IRRELEVANT) == relevant:
        found *= wi[U(W_FACTOR + i)]
        i -= 1
    return found


@inlined
def _tiers(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, o: int) -> None:
    """Fill elements, periods, counts and precisions between the levels of an operand; windows follow in `_windows`."""
    n = wi[W_COUNT]
    for index in range(ci[U(C_LEVELS + o)] + 1):
        row = o * EDGES + index
        edge = wi[U(W_BOUND + o * LEVELS + index - 1)] if index > 0 else (wi[U(W_NEXT + o * EDGES)] if o != O else 0)
        wi[U(W_PERIOD + row)] = wi[U(W_TOTAL + edge)] * ti[T_CYCLES]
        wi[U(W_TIMES + row)] = wi[U(W_TOTAL + n)] // wi[U(W_TOTAL + edge)]
        partial = o == O and (_reduces_from(ti, wi, edge) or wi[U(W_REDUCES + index)] == 1)
        wi[U(W_RETURNS + row)] = partial
        wi[U(W_PRECISION + row)] = ti[U(T_BITS + o)] if o != O or partial else ti[T_BITS + 3]
        wi[U(W_ELEMENTS + row)] = 1
        wi[U(W_INT_ELEMENTS + row)] = 1
        if index > 0:
            elements = int(np.rint(wf[U(X_ELEMENTS + (o * LEVELS + index - 1) * EDGES + edge)]))
            wi[U(W_ELEMENTS + row)] = elements
            wi[U(W_INT_ELEMENTS + row)] = elements if wi[W_EXACT] == 1 else _int_elements(ti, wi, o, index - 1, edge)


@kernel
def _windows(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill the cycles of each period in which the next data may be transferred, memory by memory."""
    for o in range(3):
        wi[U(W_WINDOW + o * EDGES)] = wi[U(W_PERIOD + o * EDGES)]
    for store in range(ci[C_STORES]):
        effective = 0.0
        for s in range(wi[U(W_SHARERS + store)] - 1, -1, -1):
            place = wi[U(W_SHARER + 3 * store + s)]
            o, level = place // LEVELS, place % LEVELS
            row = o * EDGES + level + 1
            start = wi[U(W_BOUND + place - 1)] if level > 0 else 0
            full = float(wi[U(W_PRECISION + row)] * wi[U(W_ELEMENTS + row)])
            wf[U(X_FULL + s)] = full / _outermost(ti, wi, o, start, wi[U(W_BOUND + place)], YES)
            effective += wf[U(X_FULL + s)]
        free = ci[U(C_CAPACITY + store)] - effective
        ample = effective <= 0.5 * ci[U(C_CAPACITY + store)]
        for s in range(wi[U(W_SHARERS + store)] - 1, -1, -1):
            place = wi[U(W_SHARER + 3 * store + s)]
            o, level = place // LEVELS, place % LEVELS
            row = o * EDGES + level + 1
            if ample or wf[U(X_FULL + s)] <= free:
                wi[U(W_WINDOW + row)] = wi[U(W_PERIOD + row)]
                if not ample:
                    free -= wf[U(X_FULL + s)]
            else:
                start = wi[U(W_BOUND + place - 1)] if level > 0 else 0
                wi[U(W_WINDOW + row)] = wi[U(W_PERIOD + row)] // _outermost(ti, wi, o, start, wi[U(W_BOUND + place)], NO)


# --- 3. energy --------------------------------------------------------------------------------------------------------------------


@inlined
def _passes(ci: IntArray, wi: IntArray, o: int, level: int, direction: int) -> int:
    """Return the tier of a direction if the operand passes the level in it, else -1."""
    top = level == ci[U(C_LEVELS + o)] - 1
    low, high = o * EDGES + level, o * EDGES + level + 1
    row = -1
    if direction == TO_LOW:
        row = low if o != O or wi[U(W_RETURNS + low)] == 1 else row
    elif direction == FROM_LOW:
        row = low if o == O else row
    elif direction == TO_HIGH:
        row = high if o == O and not top else row
    elif not top:
        row = high if o != O or wi[U(W_RETURNS + high)] == 1 else row
    return row if ci[U(C_CHANNEL + ((o * LEVELS + level) * 4 + direction) * 4)] >= 0 else -1


@inlined
def _operand_energy(ci: IntArray, cf: FloatArray, wi: IntArray, wf: FloatArray, o: int) -> None:
    """Add an operand's on-core and DRAM energy and DRAM traffic; fill the bits and cycles of its transfers."""
    for level in range(ci[U(C_LEVELS + o)]):
        store = ci[U(C_STORE + o * LEVELS + level)]
        units = wi[U(W_UNITS + o * EDGES + level + 1)]
        reads, writes = 0, 0
        for direction in range(4):
            place = (o * LEVELS + level) * 4 + direction
            row = _passes(ci, wi, o, level, direction)
            wi[U(W_ROW + place)] = row
            if row < 0:
                continue
            channel = C_CHANNEL + place * 4
            bits, int_bits = wi[U(W_ELEMENTS + row)] * wi[U(W_PRECISION + row)], wi[U(W_INT_ELEMENTS + row)] * wi[U(W_PRECISION + row)]
            if direction <= FROM_LOW:
                bits *= wi[U(W_BOOST + o * LEVELS + level)]
                int_bits *= wi[U(W_INT_BOOST + o * LEVELS + level)]
            granules = _up(bits, ci[U(channel + 1)])
            words = granules * wi[U(W_TIMES + row)] * units
            if ci[U(channel + 1)] != ci[U(channel + 2)]:
                words = words * ci[U(channel + 1)] // ci[U(channel + 2)]
            if bits != int_bits or ci[U(channel + 1)] != ci[U(channel + 3)]:
                granules = _up(int_bits, ci[U(channel + 3)])
            wi[U(W_TRANSFER + place)] = int_bits
            wi[U(W_DURATION + place)] = granules
            if direction in (TO_LOW, TO_HIGH):
                reads += words
            else:
                writes += words
            if level >= ci[U(C_ON_CORE + o)]:
                side = R_DRAM_READ if direction == TO_LOW else R_DRAM_WRITE
                wi[U(W_RESULT + side)] += bits * wi[U(W_TIMES + row)] * units
        energy = reads * cf[U(F_READ + store)] + writes * cf[U(F_WRITE + store)]
        wf[U(X_RESULT + (E_DRAM if level >= ci[U(C_ON_CORE + o)] else E_CORE))] += energy


@kernel
def _energy(ci: IntArray, cf: FloatArray, ti: IntArray, wi: IntArray, wf: FloatArray, cycles: int, goal: int, bound: float) -> bool:
    """Fill tiers, energies and transfers, operand by operand; return False as soon as energy alone shows that `bound` is not beaten."""
    wf[X_RESULT + E_CORE], wf[X_RESULT + E_DRAM] = 0.0, 0.0
    wi[W_RESULT + R_DRAM_READ], wi[W_RESULT + R_DRAM_WRITE] = 0, 0
    for o in range(3):
        if o == W and ti[T_HAS_W] == 0:
            for place in range(W * LEVELS * 4, I * LEVELS * 4):
                wi[U(W_ROW + place)] = -1
            continue
        _tiers(ci, ti, wi, wf, o)
        _operand_energy(ci, cf, wi, wf, o)
        energy = wf[X_RESULT + E_MAC] + wf[X_RESULT + E_CORE] + wf[X_RESULT + E_DRAM]
        if goal > 0 and (energy if goal == 1 else energy * cycles) > bound * (1.0 + TOLERANCE):
            return False
    return True


# --- 4. latency -------------------------------------------------------------------------------------------------------------------


@kernel
def _union_of_windows(wi: IntArray, count: int, total: int) -> int:
    """Return how long at least one of the first `count` sorted windows is open in `total` cycles."""
    for j in range(1, count):
        row = wi[U(W_SORTED + j)]
        i = j - 1
        while i >= 0 and (
            wi[U(W_PERIOD + wi[U(W_SORTED + i)])] > wi[U(W_PERIOD + row)]
            or (
                wi[U(W_PERIOD + wi[U(W_SORTED + i)])] == wi[U(W_PERIOD + row)]
                and wi[U(W_WINDOW + wi[U(W_SORTED + i)])] > wi[U(W_WINDOW + row)]
            )
        ):
            wi[U(W_SORTED + i + 1)] = wi[U(W_SORTED + i)]
            i -= 1
        wi[U(W_SORTED + i + 1)] = row
    return _cover(wi, count - 1, total)


@kernel
def _cover(wi: IntArray, index: int, span: int) -> int:
    """Return the cover of `span` cycles by windows 0..index, from the widest period inwards."""
    if index < 0 or span <= 0:
        return 0
    row = wi[U(W_SORTED + index)]
    period, window = wi[U(W_PERIOD + row)], wi[U(W_WINDOW + row)]
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
def _stall(ci: IntArray, wi: IntArray, cycles: int) -> int:
    worst = 0
    for port in range(ci[C_PORTS]):
        late, spare, windows, active = 0, 0, 0, ZERO
        for u in range(ci[U(C_FIRST + port)], ci[U(C_FIRST + port + 1)]):
            place = ci[U(C_USER + u)]
            row = wi[U(W_ROW + place)]
            if row < 0 or wi[U(W_TIMES + row)] <= 1:
                continue
            slack = (wi[U(W_DURATION + place)] - wi[U(W_WINDOW + row)]) * (wi[U(W_TIMES + row)] - 1)
            if slack > 0:
                late += slack
            else:
                spare += slack
            windows += wi[U(W_WINDOW + row)] * (wi[U(W_TIMES + row)] - 1)
            wi[U(W_SORTED + active)] = row
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
def _hide(ci: IntArray, wi: IntArray, busy: int) -> None:
    """Fill the cycles of first and last transfers that computation cannot hide."""
    for port in range(ci[C_PORTS]):
        taken, single = 0.0, 0
        for u in range(ci[U(C_FIRST + port)], ci[U(C_FIRST + port + 1)]):
            place = ci[U(C_USER + u)]
            row = wi[U(W_ROW + place)]
            wi[U(W_VISIBLE + place)] = 0
            if row < 0:
                continue
            wi[U(W_VISIBLE + place)] = wi[U(W_DURATION + place)]
            if wi[U(W_TIMES + row)] > 1:
                taken += _up(wi[U(W_TRANSFER + place)], wi[U(W_PERIOD + row)]) / ci[U(C_CHANNEL + place * 4 + 3)]
            else:
                i = single - 1
                while i >= 0 and _longer(wi, place, wi[U(W_SORTED + i)]):
                    wi[U(W_SORTED + i + 1)] = wi[U(W_SORTED + i)]
                    i -= 1
                wi[U(W_SORTED + i + 1)] = place
                single += 1
        if single == 0:
            continue
        surplus = _whole(max(0.0, 1.0 - taken) * busy)
        for i in range(single):
            place = wi[U(W_SORTED + i)]
            row = place // 4 // LEVELS * EDGES + 1
            least = _up(wi[U(W_INT_ELEMENTS + row)] * wi[U(W_PRECISION + row)], ci[U(C_CHANNEL + place * 4 + 3)])
            hidden = min(max(0, wi[U(W_VISIBLE + place)] - least), surplus)
            wi[U(W_VISIBLE + place)] -= hidden
            surplus -= hidden


@inlined
def _longer(wi: IntArray, place: int, other: int) -> bool:
    """Return whether `place` goes before `other`: the longer transfer, then I, W, O, then the lower level and direction."""
    mine, its = wi[U(W_VISIBLE + place)], wi[U(W_VISIBLE + other)]
    o, p = place // 4 // LEVELS, other // 4 // LEVELS
    return mine > its or (mine == its and (o > p or (o == p and place < other)))


@inlined
def _gap(wi: IntArray, o: int, level: int, down: int, up: int) -> int:
    lower, upper = (o * LEVELS + level) * 4 + down, (o * LEVELS + level + 1) * 4 + up
    cycles: int = max(wi[U(W_VISIBLE + lower)], wi[U(W_VISIBLE + upper)])
    return cycles


@inlined
def _onload(ci: IntArray, ti: IntArray, wi: IntArray) -> int:
    shared_w, half_w, own_w = 0, 0, 0
    shared_i, half_i, own_i = 0, 0, 0
    for o in (W, I):
        if o == W and ti[T_HAS_W] == 0:
            continue
        for level in range(ci[U(C_LEVELS + o)] - 1):
            cycles = _gap(wi, o, level, FROM_HIGH, TO_LOW)
            lower = ci[U(C_CHANNEL + ((o * LEVELS + level) * 4 + FROM_HIGH) * 4)]
            upper = ci[U(C_CHANNEL + ((o * LEVELS + level + 1) * 4 + TO_LOW) * 4)]
            both = ci[U(C_SHARED + lower)] + ci[U(C_SHARED + upper)]
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
def _offload(ci: IntArray, wi: IntArray) -> int:
    cycles = 0
    for level in range(ci[C_LEVELS + O] - 1):
        cycles += _gap(wi, O, level, TO_HIGH, FROM_LOW)
    return cycles


# --- one order, and the search ----------------------------------------------------------------------------------------------------


@kernel
def evaluate(ci: IntArray, cf: FloatArray, ti: IntArray, wi: IntArray, wf: FloatArray, goal: int, bound: float) -> None:
    """Evaluate the order in `wi`: results in ``wi[W_RESULT:]`` and ``wf[X_RESULT:]``.

    An illegal order costs infinity, and so does one whose energy alone shows that it cannot beat `bound`.
    """
    _prefixes(ti, wi)
    wi[W_RESULT + R_EVALUATIONS] += 1
    wi[W_RESULT + R_MISSING] = 0
    if not _allocate(ci, ti, wi, wf):
        wf[X_RESULT + E_GOAL] = np.inf
        wf[X_RESULT + E_TIE] = wi[W_RESULT + R_MISSING]
        return
    cycles = wi[U(W_TOTAL + wi[W_COUNT])] * ti[T_CYCLES]
    if not _energy(ci, cf, ti, wi, wf, cycles, goal, bound):
        wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE] = np.inf, np.inf
        return
    energy = wf[X_RESULT + E_MAC] + wf[X_RESULT + E_CORE] + wf[X_RESULT + E_DRAM]
    _windows(ci, ti, wi, wf)
    stall = _stall(ci, wi, cycles)
    _hide(ci, wi, cycles + stall)
    stall += wi[W_REST]
    onload, offload = _onload(ci, ti, wi), _offload(ci, wi)
    wi[W_RESULT + R_CYCLES] = cycles
    wi[W_RESULT + R_STALL] = stall
    wi[W_RESULT + R_ONLOAD] = onload
    wi[W_RESULT + R_OFFLOAD] = offload
    latency = float(cycles + stall + onload + offload)
    wf[X_RESULT + E_GOAL] = latency if goal == 0 else energy if goal == 1 else latency * energy
    wf[X_RESULT + E_TIE] = energy if goal == 0 else latency


@kernel
def _factorise(wi: IntArray, limit: int) -> None:
    """Fill the factors of each temporal loop, at most `limit` in all if there are not more loops."""
    total, loops = 0, 0
    for loop in range(8):
        row = W_PRIME + loop * PRIMES
        size, prime, count = wi[U(W_TEMPORAL + loop)], 2, 0
        loops += size > 1
        while prime * prime <= size:
            while size % prime == 0:
                wi[U(row + count)] = prime
                size //= prime
                count += 1
            prime += 1
        if size > 1:
            wi[U(row + count)] = size
            count += 1
        wi[U(W_PRIMES + loop)] = count
        total += count
    while total > max(limit, loops):
        loop = 0
        for other in MERGE_ORDER:
            if wi[U(W_PRIMES + other)] > wi[U(W_PRIMES + loop)] or other == 0:
                loop = other
        row = W_PRIME + loop * PRIMES
        product = wi[U(row)] * wi[U(row + 1)]
        count = wi[U(W_PRIMES + loop)] - 1
        i = 0
        while i < count - 1 and wi[U(row + i + 2)] < product:
            wi[U(row + i)] = wi[U(row + i + 2)]
            i += 1
        wi[U(row + i)] = product
        i += 1
        while i < count:
            wi[U(row + i)] = wi[U(row + i + 1)]
            i += 1
        wi[U(W_PRIMES + loop)] = count
        total -= 1


@inlined
def _save(wi: IntArray, slot: int) -> None:
    wi[U(W_KEPT_COUNT + slot)] = wi[W_COUNT]
    for i in range(wi[W_COUNT]):
        wi[U(W_KEPT + (3 * slot) * FACTORS + i)] = wi[U(W_LOOP + i)]
        wi[U(W_KEPT + (3 * slot + 1) * FACTORS + i)] = wi[U(W_FACTOR + i)]
        wi[U(W_KEPT + (3 * slot + 2) * FACTORS + i)] = wi[U(W_IDENTITY + i)]


@inlined
def _restore(wi: IntArray, slot: int) -> None:
    wi[W_COUNT] = wi[U(W_KEPT_COUNT + slot)]
    for i in range(wi[W_COUNT]):
        wi[U(W_LOOP + i)] = wi[U(W_KEPT + (3 * slot) * FACTORS + i)]
        wi[U(W_FACTOR + i)] = wi[U(W_KEPT + (3 * slot + 1) * FACTORS + i)]
        wi[U(W_IDENTITY + i)] = wi[U(W_KEPT + (3 * slot + 2) * FACTORS + i)]


@inlined
def _is_new(wi: IntArray) -> bool:
    """Note the order in `wi` in the table of orders seen; return whether it was not there."""
    code = 1
    for i in range(wi[W_COUNT]):
        code = code * 8 + wi[U(W_IDENTITY + i)]
    slot = (code ^ (code >> 7) ^ (code >> 14)) & (SEEN - 1)
    while wi[U(W_SEEN + slot)] != 0:
        if wi[U(W_SEEN + slot)] == code:
            return False
        slot = (slot + 1) & (SEEN - 1)
    wi[U(W_SEEN + slot)] = code
    wi[W_SEEN_COUNT] += 1
    return True


@inlined
def _forget(wi: IntArray) -> None:
    """Empty the table of orders seen and number the distinct loop factors of the order in `wi`."""
    for slot in range(SEEN):
        wi[U(W_SEEN + slot)] = 0
    for i in range(wi[W_COUNT]):
        wi[U(W_IDENTITY + i)] = i
        for j in range(i):
            if wi[U(W_LOOP + i)] == wi[U(W_LOOP + j)] and wi[U(W_FACTOR + i)] == wi[U(W_FACTOR + j)]:
                wi[U(W_IDENTITY + i)] = wi[U(W_IDENTITY + j)]


@inlined
def _better(goal: float, tie: float, than_goal: float, than_tie: float) -> bool:
    """Return whether a cost beats another: by the goal, and where that ties, by the other quantity."""
    if goal < than_goal * (1.0 - TOLERANCE):
        return True
    if goal > than_goal * (1.0 + TOLERANCE):
        return False
    return tie < than_tie * (1.0 - TOLERANCE)


@inlined
def _swap(wi: IntArray, i: int, j: int) -> None:
    wi[U(W_LOOP + i)], wi[U(W_LOOP + j)] = wi[U(W_LOOP + j)], wi[U(W_LOOP + i)]
    wi[U(W_FACTOR + i)], wi[U(W_FACTOR + j)] = wi[U(W_FACTOR + j)], wi[U(W_FACTOR + i)]
    wi[U(W_IDENTITY + i)], wi[U(W_IDENTITY + j)] = wi[U(W_IDENTITY + j)], wi[U(W_IDENTITY + i)]


@inlined
def _keep_if_best(wi: IntArray, wf: FloatArray, cost: float, tie: float) -> None:
    if _better(cost, tie, wf[X_BEST], wf[X_BEST + 1]):
        wf[X_BEST], wf[X_BEST + 1] = cost, tie
        _save(wi, BEST)


@kernel
def _climb(ci: IntArray, cf: FloatArray, ti: IntArray, wi: IntArray, wf: FloatArray, goal: int, cost: float, tie: float) -> None:
    """Swap pairs of loops of the order in `wi` as long as a swap leads to a better order that was not seen before."""
    improved = True
    while improved:
        improved = False
        for i in range(wi[W_COUNT] - 1):
            for j in range(i + 1, wi[W_COUNT]):
                if wi[U(W_IDENTITY + i)] == wi[U(W_IDENTITY + j)] or wi[W_SEEN_COUNT] >= BUDGET:
                    continue
                _swap(wi, i, j)
                if _is_new(wi):
                    evaluate(ci, cf, ti, wi, wf, goal, cost)
                    if _better(wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE], cost, tie):
                        cost, tie, improved = wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE], True
                        _keep_if_best(wi, wf, cost, tie)
                        continue
                _swap(wi, i, j)


@inlined
def _group_order(wi: IntArray, group: int) -> None:
    """Write the factors in one of the six orders of the loop groups."""
    count = 0
    for position in range(8):
        loop = GROUP_ORDERS[group, position]
        for i in range(wi[U(W_PRIMES + loop)]):
            wi[U(W_LOOP + count)] = loop
            wi[U(W_FACTOR + count)] = wi[U(W_PRIME + loop * PRIMES + i)]
            count += 1
    wi[W_COUNT] = count


@inlined
def _renumber(wi: IntArray) -> None:
    """Number the factors of the order in `wi` as those of the first group order, in slot 0, are numbered."""
    for i in range(wi[W_COUNT]):
        for j in range(wi[W_COUNT]):
            if wi[U(W_LOOP + i)] == wi[U(W_KEPT + j)] and wi[U(W_FACTOR + i)] == wi[U(W_KEPT + FACTORS + j)]:
                wi[U(W_IDENTITY + i)] = wi[U(W_KEPT + 2 * FACTORS + j)]


@kernel
def _split(wi: IntArray, limit: int) -> bool:
    """Split the largest factors that are no primes in two, in place, until there are `limit`; return whether any was."""
    split = False
    while wi[W_COUNT] < limit:
        at, largest, divisor = -1, 0, 1
        for i in range(wi[W_COUNT]):
            size, root, found = wi[U(W_FACTOR + i)], 2, 1
            while root * root <= size:
                if size % root == 0:
                    found = root
                root += 1
            if found > 1 and size > largest:
                at, largest, divisor = i, size, found
        if at < 0:
            break
        for i in range(wi[W_COUNT], at, -1):
            wi[U(W_LOOP + i)], wi[U(W_FACTOR + i)] = wi[U(W_LOOP + i - 1)], wi[U(W_FACTOR + i - 1)]
        wi[U(W_FACTOR + at)] = largest // divisor
        wi[U(W_FACTOR + at + 1)] = divisor
        wi[W_COUNT] += 1
        split = True
    return split


@inlined
def _begin(cf: FloatArray, ti: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Fill the energy of the array and forget the results of the tile before."""
    operations = 1.0
    for loop in range(8):
        operations *= ti[U(T_SIZE + loop)]
    for i in range(OUT_HELD):
        wi[U(W_RESULT + i)] = 0
    wi[W_SEEN_COUNT] = 0
    wf[X_RESULT + E_MAC] = cf[F_OPERATION] * operations
    wf[X_BEST], wf[X_BEST + 1] = np.inf, np.inf


@inlined
def _best_start(wf: FloatArray, starts: int) -> int:
    """Return the best start that was not taken yet; a start that is taken has cost -1."""
    found = -1
    for s in range(starts):
        at, best = X_START + 2 * s, X_START + 2 * found
        if wf[U(at)] >= 0.0 and (found < 0 or _better(wf[U(at)], wf[U(at + 1)], wf[U(best)], wf[U(best + 1)])):
            found = s
    return found


@inlined
def _held(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, o: int) -> int:
    """Return the bits of an operand in its outermost memory on the core."""
    level = ci[U(C_ON_CORE + o)] - 1
    if (o == W and ti[T_HAS_W] == 0) or level < 0 or wi[W_RESULT + R_MISSING] > 0:
        return 0
    start = wi[U(W_BOUND + o * LEVELS + level - 1)] if level > 0 else 0
    size = (
        _held_bits(ti, wi, o * LEVELS + level, start)
        * wf[U(X_ELEMENTS + (o * LEVELS + level) * EDGES + wi[U(W_BOUND + o * LEVELS + level)])]
    )
    return int(np.ceil(size * (1.0 - TOLERANCE)))


@inlined
def _write(ci: IntArray, ti: IntArray, wi: IntArray, wf: FloatArray, t: int, out: IntArray, out_pj: FloatArray) -> None:
    """Copy the results of a tile; without a legal order they are computation alone."""
    if wi[W_RESULT + R_MISSING] > 0:
        wi[W_RESULT + R_CYCLES] = wi[U(W_TOTAL + wi[W_COUNT])] * ti[T_CYCLES]
        for i in (R_STALL, R_ONLOAD, R_OFFLOAD, R_DRAM_READ, R_DRAM_WRITE):
            wi[U(W_RESULT + i)] = 0
        wf[X_RESULT + E_CORE], wf[X_RESULT + E_DRAM] = 0.0, 0.0
    for i in range(OUT_HELD):
        out[t, i] = wi[U(W_RESULT + i)]
    for o in range(3):
        out[t, OUT_HELD + o] = _held(ci, ti, wi, wf, o)
        out_pj[t, o] = wf[U(X_RESULT + o)]
    out[t, OUT_COUNT] = wi[W_COUNT]
    for i in range(wi[W_COUNT]):
        out[t, OUT_ORDER + i] = wi[U(W_LOOP + i)]
        out[t, OUT_ORDER + FACTORS + i] = wi[U(W_FACTOR + i)]


@kernel
def evaluate_batch(
    configs: IntArray, energies: FloatArray, tiles: IntArray, goal: int, limit: int, out: IntArray, out_pj: FloatArray
) -> None:
    """Search an order for every tile: the six group orders, climbs from each, and with more factors a climb from the best, split.

    Args:
        configs: (cores, C_WIDTH).
        energies: (cores, F_WIDTH).
        tiles: (tiles, T_WIDTH).
        goal: 0 latency, 1 energy, 2 their product.
        limit: Most loop factors.
        out: (tiles, OUT_WIDTH): results, held bits, number of loops, loops, sizes.
        out_pj: (tiles, 3): array, on-core memories, DRAM.
    """
    wi, wf = np.zeros(W_WIDTH, np.int64), np.zeros(X_WIDTH, np.float64)
    for t in range(tiles.shape[0]):
        ti = tiles[t]
        ci, cf = configs[ti[T_CONFIG]], energies[ti[T_CONFIG]]
        prepare(ci, ti, wi, wf)
        _factorise(wi, min(limit, BASE_FACTORS))
        _begin(cf, ti, wi, wf)
        starts = ZERO
        for group in range(6):
            _group_order(wi, group)
            if group == 0:
                _forget(wi)
                _save(wi, BEST)
            else:
                _renumber(wi)
            if _is_new(wi):
                evaluate(ci, cf, ti, wi, wf, goal, np.inf)
                wf[U(X_START + 2 * starts)], wf[U(X_START + 2 * starts + 1)] = wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE]
                _save(wi, starts)
                _keep_if_best(wi, wf, wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE])
                starts += 1
        for _ in range(starts):
            start = _best_start(wf, starts)
            cost, tie = wf[U(X_START + 2 * start)], wf[U(X_START + 2 * start + 1)]
            wf[U(X_START + 2 * start)] = -1.0
            _restore(wi, start)
            _climb(ci, cf, ti, wi, wf, goal, cost, tie)
        _restore(wi, BEST)
        if limit > BASE_FACTORS and _split(wi, limit):
            _forget(wi)
            _is_new(wi)
            evaluate(ci, cf, ti, wi, wf, goal, np.inf)
            cost, tie = wf[X_RESULT + E_GOAL], wf[X_RESULT + E_TIE]
            _keep_if_best(wi, wf, cost, tie)
            _climb(ci, cf, ti, wi, wf, goal, cost, tie)
            _restore(wi, BEST)
        evaluate(ci, cf, ti, wi, wf, goal, np.inf)
        _write(ci, ti, wi, wf, t, out, out_pj)
