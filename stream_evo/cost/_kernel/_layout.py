"""Where things stand in the five rows that travel together through the kernel.

`ci` and `cf` describe a core under a dataflow with its DRAM level, `ti` a tile; `wi` and `wf` are scratch: of the tile, of the order that
is evaluated, of the search. A name is the offset of the first number; indices of what has several are written beside it. A *place* is
``operand * LEVELS + level``, a *set* of loop factors a number with one bit for each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEVELS, FACTORS, STORES, PORTS, UNROLLS, DIMENSIONS, PRIMES = 8, 8, 16, 64, 16, 8, 64
PLACES = 3 * LEVELS
TIERS = LEVELS + 1  # below, between and above the levels of an operand
EDGES = FACTORS + 1  # before, between and after the loops of an order
SETS = 1 << FACTORS
DIRECTIONS = 4
TOLERANCE = 1e-9
BASE_FACTORS = 6
GROUPS = 6
SEEN, BUDGET = 4096, 3000

# Plain numbers in a call would be compiled into a version of the callee of their own, and so would variables that begin as one.
_int: Any = np.int64
_bool: Any = np.bool_
NONE, ZERO, ONE = _int(-1), _int(0), _int(1)
YES, NO = _bool(True), _bool(False)
BEST = _int(GROUPS)  # where the best order is kept, behind the starts

O, W, I = ZERO, ONE, _int(2)  # noqa: E741  # the field's own letters
C, OY, OX, FY, FX = 3, 4, 5, 6, 7
TO_LOW, FROM_LOW, TO_HIGH, FROM_HIGH = ZERO, ONE, _int(2), _int(3)
IRRELEVANT, RELEVANT, PARTIAL = 0, 1, 2

# ---- ci: one core and dataflow
C_ENTRIES = 0
C_ENTRY = C_ENTRIES + 1  # (dimension, loop, limit) each
C_ARRAY = C_ENTRY + 3 * UNROLLS
C_LEVELS = C_ARRAY + DIMENSIONS
C_ON_CORE = C_LEVELS + 3
C_FAN = C_ON_CORE + 3
C_STORE = C_FAN + 3 * (DIMENSIONS + 1)  # [place]
C_CHANNEL = C_STORE + PLACES  # [place, direction]: port, granule, word, bandwidth each
C_STORES = C_CHANNEL + PLACES * DIRECTIONS * 4
C_CAPACITY = C_STORES + 1
C_INNERMOST = C_CAPACITY + STORES
C_PORTS = C_INNERMOST + STORES
C_SHARED = C_PORTS + 1
C_FIRST = C_SHARED + PORTS
C_USER = C_FIRST + PORTS + 1  # place * DIRECTIONS + direction
C_OUTPUT_REST = C_USER + PLACES * DIRECTIONS
C_ROW_REST = C_OUTPUT_REST + 1
C_WIDTH = C_ROW_REST + 1

# ---- cf
F_READ = 0
F_WRITE = F_READ + STORES
F_OPERATION = F_WRITE + STORES
F_WIDTH = F_OPERATION + 1

# ---- ti: one tile
T_CONFIG = 0
T_SIZE = T_CONFIG + 1
T_INDEXED = T_SIZE + 8  # [operand, loop]
T_BITS = T_INDEXED + 3 * 8  # O unfinished, W, I, O final
T_FINAL_BITS = T_BITS + 3
T_STEP = T_BITS + 4  # stride / gcd and dilation / gcd, rows then columns
T_EXTENT = T_STEP + 4
T_CYCLES = T_EXTENT + 2
T_HAS_W = T_CYCLES + 1
T_FEED = T_HAS_W + 1  # cycles of a step of the array
T_WIDTH = T_FEED + 1

# ---- wi: the tile unrolled over the array
W_TEMPORAL = 0
W_UNROLL = W_TEMPORAL + 8
W_WHOLE = W_UNROLL + UNROLLS
W_BOOST = W_WHOLE + UNROLLS  # [place]: copies that one element becomes on the way down
W_INT_BOOST = W_BOOST + PLACES
W_UNITS = W_INT_BOOST + PLACES  # [operand, tier]
W_REDUCES = W_UNITS + 3 * TIERS  # [tier]: whether the array adds up outputs above
W_INT_FACTOR = W_REDUCES + TIERS  # [place]
W_INT_MEAN = W_INT_FACTOR + PLACES  # [level, axis]
W_SHARERS = W_INT_MEAN + 4 * LEVELS  # [store]
W_SHARER = W_SHARERS + STORES  # [store, sharer]: places, I, W, O
W_EXACT = W_SHARER + 3 * STORES  # whether every unrolling is an integer
W_REST = W_EXACT + 1  # cycles in which the array rests
# ---- wi: loop factors, and sets of them
W_COUNT = W_REST + 1
W_LOOP = W_COUNT + 1
W_FACTOR = W_LOOP + FACTORS
W_IDENTITY = W_FACTOR + FACTORS  # number of each distinct (loop, factor)
W_RELEVANT = W_IDENTITY + FACTORS  # [operand]: set of the factors that index it
W_TOTAL = W_RELEVANT + 3  # [set]: product
W_TIMES = W_TOTAL + SETS  # [set]: product of all others
W_INDEXING = W_TIMES + SETS  # [operand, set]: product of the relevant ones
W_SLIDE = W_INDEXING + 3 * SETS  # [axis, set]: product of those along OY, OX, FY, FX
W_INT_ELEMENTS = W_SLIDE + 4 * SETS  # [place, set]
# ---- wi: the order, and what follows from it
W_ORDER = W_INT_ELEMENTS + PLACES * SETS
W_BEFORE = W_ORDER + FACTORS  # [edge]: set of the factors before it
W_NEXT = W_BEFORE + EDGES  # [operand, edge]: first relevant factor at or after it
W_BOUND = W_NEXT + 3 * EDGES  # [place]
W_LIMIT = W_BOUND + PLACES  # [place]: highest boundary that is allowed
W_HELD_BITS = W_LIMIT + PLACES  # [sharer]
W_LAST = W_HELD_BITS + 3  # [sharer]
W_ELEMENTS = W_LAST + 3  # [operand, tier], as are the next six
W_MOVED = W_ELEMENTS + 3 * TIERS
W_PERIOD = W_MOVED + 3 * TIERS
W_REFRESHES = W_PERIOD + 3 * TIERS
W_PRECISION = W_REFRESHES + 3 * TIERS
W_RETURNS = W_PRECISION + 3 * TIERS
W_WINDOW = W_RETURNS + 3 * TIERS
W_TRANSFER = W_WINDOW + 3 * TIERS  # [place, direction], as are the next three: bits,
W_DURATION = W_TRANSFER + PLACES * DIRECTIONS  # cycles,
W_TIER = W_DURATION + PLACES * DIRECTIONS  # operand * TIERS + tier (-1: nothing passes),
W_VISIBLE = W_TIER + PLACES * DIRECTIONS  # cycles that computation does not hide
W_SORTED = W_VISIBLE + PLACES * DIRECTIONS
W_RESULT = W_SORTED + PLACES * DIRECTIONS
# ---- wi: the search
W_PRIME = W_RESULT + 16  # [loop, prime]
W_PRIMES = W_PRIME + 8 * PRIMES
W_FIRST = W_PRIMES + 8  # [loop]: its first factor
W_STAGE = W_FIRST + 8
W_GROUP = W_STAGE + 1  # the next group order
W_STARTS = W_GROUP + 1
W_TRIED = W_STARTS + 1  # whether factors were split
W_LOWER = W_TRIED + 1  # the two positions swapped last
W_UPPER = W_LOWER + 1
W_IMPROVED = W_UPPER + 1
W_KEPT = W_IMPROVED + 1  # [start]: orders, the best behind them
W_UNSPLIT = W_KEPT + (GROUPS + 1) * FACTORS  # best order before factors were split: count (-1: none is better), loops, factors
W_SEEN_COUNT = W_UNSPLIT + 1 + 2 * FACTORS
W_SEEN = W_SEEN_COUNT + 1
W_WIDTH = W_SEEN + SEEN

# ---- wf
X_MEAN = 0
X_FACTOR = X_MEAN + UNROLLS  # [place]
X_SLIDE = X_FACTOR + PLACES  # [level, axis]
X_ELEMENTS = X_SLIDE + 4 * LEVELS  # [place, set]
X_SIZE = X_ELEMENTS + PLACES * SETS  # [sharer, edge]
X_TRAFFIC = X_SIZE + 3 * EDGES
X_LEAST = X_TRAFFIC + 3 * EDGES
X_REPLACED = X_LEAST + 3  # [sharer]
X_RESULT = X_REPLACED + 3
X_NOW = X_RESULT + 8  # goal and tie of the order that is climbed from,
X_BEST = X_NOW + 2  # of the best
X_START = X_BEST + 2  # and of each start
X_WIDTH = X_START + 2 * GROUPS

# ---- results of one order, in wi[W_RESULT:] and wf[X_RESULT:]
R_CYCLES, R_STALL, R_ONLOAD, R_OFFLOAD, R_MISSING, R_DRAM_READ, R_DRAM_WRITE, R_OPERAND, R_LEVEL, R_NEEDED, R_AVAILABLE, R_EVALUATIONS = (
    range(12)
)
E_MAC, E_CORE, E_DRAM, E_GOAL, E_TIE = range(5)

# ---- out, one row per tile: results, then
OUT_HELD = 16
OUT_COUNT = OUT_HELD + 3
OUT_ORDER = OUT_COUNT + 1
OUT_WIDTH = OUT_ORDER + 2 * FACTORS
