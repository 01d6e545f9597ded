"""Which tensor lies in which memory: fetching, evicting, freeing."""

from __future__ import annotations

from stream_evo._jit import inlined, kernel
from stream_evo.schedule._kernel._buffers import ACTIVATION, EVICTION, NETWORK_INPUT, NEVER, NO, REFETCH, WEIGHTS, YES
from stream_evo.schedule._kernel._resources import note_usage, room_from, store_at
from stream_evo.schedule._kernel._transfers import cycles_of, move, off_chip, way_to_dram, write_back
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import IntArray

# ruff: noqa: F405  # as above


@inlined
def mark_present(w: IntArray, memory: int, tensor: int, present: bool) -> None:
    """Note in the memory's bit set whether it holds a tensor; a second level has a bit for each word that is not empty."""
    upper = w[W_BITSET] + memory * w[W_BITSET_SIZE] + (tensor >> 10)
    word = w[W_BITSET] + memory * w[W_BITSET_SIZE] + w[W_BITSET_UPPER] + (tensor >> 5)
    if present:
        w[word] |= 1 << (tensor & 31)
        w[upper] |= 1 << (tensor >> 5 & 31)
    else:
        w[word] &= ~(1 << (tensor & 31))
        if w[word] == 0:
            w[upper] &= ~(1 << (tensor >> 5 & 31))


@inlined
def _highest_bit(word: int) -> int:
    """Return the place of the highest of 32 bits that is set."""
    bit = (word >> 16 != 0) << 4
    bit += (word >> (bit + 8) != 0) << 3
    bit += (word >> (bit + 4) != 0) << 2
    bit += (word >> (bit + 2) != 0) << 1
    return bit + (word >> (bit + 1) != 0)


@inlined
def _slot_in(w: IntArray, tensor: int, memory: int) -> int:
    """Return the slot of a tensor in a memory it may be in."""
    s = w[W_STREAM] + w[w[W_TENSOR] + tensor * X_SIZE + X_STREAM] * S_SIZE
    if tensor >= w[W_TENSORS]:
        return w[s + S_WEIGHT_SLOT]
    h = w[s + S_HOLDERS]
    while w[h + H_MEMORY] != memory:
        h += H_SIZE
    return w[h + H_SLOT] + (tensor - w[s + S_FIRST]) * A_SIZE


@inlined
def home_slot(w: IntArray, tensor: int) -> int:
    """Return the slot a tensor was produced in; -1 if it came from DRAM."""
    s = w[W_STREAM] + w[w[W_TENSOR] + tensor * X_SIZE + X_STREAM] * S_SIZE
    if tensor >= w[W_TENSORS] or w[s + S_HOME] < 0:
        return -1
    return w[w[s + S_HOLDERS] + H_SLOT] + (tensor - w[s + S_FIRST]) * A_SIZE


@inlined
def _at_home(w: IntArray, tensor: int, home: int) -> bool:
    """Return True if a tensor lies where it was produced; `home` is its slot there, -1 if it never was on the chip."""
    return home >= 0 and w[w[W_TENSOR] + tensor * X_SIZE + X_SPILLED] == 0 and w[home + A_AVAILABLE] >= 0


@inlined
def _entry(w: IntArray, tensor: int, memory: int) -> int:
    """Return the core through which a tensor's home reaches a memory; -1 if there is no way."""
    h = w[w[W_STREAM] + w[w[W_TENSOR] + tensor * X_SIZE + X_STREAM] * S_SIZE + S_HOLDERS]
    while w[h + H_MEMORY] != memory:
        h += H_SIZE
    return w[h + H_ENTRY]


@inlined
def take_away(w: IntArray, tensor: int, memory: int, slot: int) -> int:
    """Mark a tensor as gone from a memory; return the bits to release."""
    w[slot + A_AVAILABLE] = NEVER
    mark_present(w, memory, tensor, NO)
    return w[w[W_TENSOR] + tensor * X_SIZE + X_BITS]


@inlined
def _drop(w: IntArray, tensor: int, memory: int, slot: int, time: int) -> None:
    """Take a tensor away and release its bits from `time` on."""
    note_usage(w, memory, time, -take_away(w, tensor, memory, slot), tensor < w[W_TENSORS])


@inlined
def awaits_sending(w: IntArray, tensor: int, memory: int) -> bool:
    """Return True if a tensor lies where it was produced and is still to be sent elsewhere (rule 13)."""
    x = w[W_TENSOR] + tensor * X_SIZE
    return w[x + X_UNSENT] > 0 and w[x + X_SPILLED] == 0 and w[w[W_STREAM] + w[x + X_STREAM] * S_SIZE + S_HOME] == memory


@inlined
def free_if_done(w: IntArray, tensor: int, memory: int, slot: int) -> None:
    """Free a tensor once nobody reads it there any more (rule 13)."""
    if w[slot + A_AVAILABLE] >= 0 and w[slot + A_READERS] <= 0 and not awaits_sending(w, tensor, memory):
        _drop(w, tensor, memory, slot, w[slot + A_LATEST])


@inlined
def _protect(w: IntArray, stamp: int) -> None:
    """Stamp the operands of the tile that asks for room, so that they are not evicted for one another."""
    for run in range(w[W_RUNS]):
        g = w[W_GATHER] + run * G_SIZE
        for i in range(w[g + G_COUNT]):
            w[w[g + G_SLOT] + i * A_SIZE + A_STAMP] = stamp


@kernel
def _evict(q: IntArray, w: IntArray, rec: IntArray, tensor: int, memory: int, slot: int, core: int, start: int) -> None:
    """Remove a tensor that is still needed; what has no copy in DRAM is written back first (rule 12)."""
    w[W_EVICTIONS] += 1
    x = w[W_TENSOR] + tensor * X_SIZE
    home = home_slot(w, tensor)
    release = max(start, w[slot + A_AVAILABLE], w[slot + A_LATEST])
    if _at_home(w, tensor, home) and slot != home:
        if _entry(w, tensor, memory) >= 0:
            w[x + X_UNSENT] += 1  # it can be sent again
    else:
        if w[x + X_DRAM] == NEVER:
            write_back(q, w, rec, EVICTION, tensor, memory, core, release)
            release = w[x + X_DRAM]
        w[x + X_SPILLED] = 1
        w[x + X_UNSENT] = 0
    _drop(w, tensor, memory, slot, release)


@kernel
def _evict_for(q: IntArray, w: IntArray, rec: IntArray, memory: int, core: int, bits: int, start: int, stamp: int) -> None:
    """Evict by falling tensor id: first what nothing uses any more at `start`, then what is in use, when its use ends."""
    capacity = q[q[Q_CAPACITY] + memory]
    base = store_at(w, memory)
    uppers = w[W_BITSET] + memory * w[W_BITSET_SIZE]
    _protect(w, stamp)
    for idle in range(2):
        for above in range(w[W_BITSET_UPPER] - 1, -1, -1):
            upper = w[uppers + above]
            while upper != 0:
                place = _highest_bit(upper)
                upper ^= 1 << place
                word = w[uppers + w[W_BITSET_UPPER] + (above << 5) + place]
                while word != 0:
                    bit = _highest_bit(word)
                    word ^= 1 << bit
                    tensor = (((above << 5) + place) << 5) + bit
                    slot = _slot_in(w, tensor, memory)
                    if w[slot + A_STAMP] == stamp or (idle == 0 and max(w[slot + A_AVAILABLE], w[slot + A_LATEST]) > start):
                        continue
                    _evict(q, w, rec, tensor, memory, slot, core, start)
                    if w[base + STORE_HELD] + bits <= capacity:
                        return


@inlined
def make_room(q: IntArray, w: IntArray, rec: IntArray, memory: int, core: int, bits: int, start: int, stamp: int) -> int:
    """Return from when on `bits` fit for good, evicting only if no recorded release helps (rule 12)."""
    base = store_at(w, memory)
    capacity = q[q[Q_CAPACITY] + memory]
    if w[base + STORE_HELD] + bits > capacity:
        _evict_for(q, w, rec, memory, core, bits, start, stamp)
        if w[base + STORE_HELD] + bits > capacity:  # it overflows, and is reported as a violation
            last = w[base + STORE_EVENTS + EVENT_SIZE * (w[base + STORE_COUNT] - 1)] if w[base + STORE_COUNT] else 0
            return max(start, last)
    return room_from(q, w, memory, bits, start)


@kernel
def fetch(q: IntArray, w: IntArray, rec: IntArray, tensor: int, memory: int, slot: int, core: int, floor: int, stamp: int) -> int:
    """Bring a tensor to `memory` for a tile on `core`; return when it is there (rules 4 to 7)."""
    x = w[W_TENSOR] + tensor * X_SIZE
    bits = w[x + X_BITS]
    home = home_slot(w, tensor)
    entry = _entry(w, tensor, memory) if _at_home(w, tensor, home) else -1
    if entry >= 0:
        s = w[W_STREAM] + w[x + X_STREAM] * S_SIZE
        start = make_room(q, w, rec, memory, core, bits, max(w[x + X_END], floor), stamp)
        width = min(q[q[Q_PATH_WIDTH] + w[s + S_CORE] * (q[Q_CORES] + 1) + entry], q[q[Q_READ_WIDTH] + w[s + S_HOME]])
        cycles = cycles_of(bits, min(width, q[q[Q_WRITE_WIDTH] + memory]))
        end = move(q, w, rec, ACTIVATION, tensor, w[s + S_CORE], entry, w[s + S_HOME], memory, bits, cycles, start)
    else:
        start = max(w[x + X_DRAM], floor, w[w[W_CORE] + core * CORE_SIZE + CORE_READ])
        start = make_room(q, w, rec, memory, core, bits, start, stamp)
        cycles = cycles_of(bits, min(way_to_dram(q, core, YES), q[q[Q_WRITE_WIDTH] + memory]))
        is_input = w[w[W_STREAM] + w[x + X_STREAM] * S_SIZE + S_LAYER] < 0
        cause = WEIGHTS if tensor >= w[W_TENSORS] else NETWORK_INPUT if is_input else REFETCH
        end = off_chip(q, w, rec, cause, tensor, YES, core, memory, bits, cycles, start)
    note_usage(w, memory, end - cycles, bits, tensor < w[W_TENSORS])
    w[slot + A_AVAILABLE], w[slot + A_LATEST] = end, end
    mark_present(w, memory, tensor, YES)
    if entry >= 0:
        w[x + X_UNSENT] -= 1
        w[home + A_LATEST] = max(w[home + A_LATEST], end)
        free_if_done(w, tensor, w[w[W_STREAM] + w[x + X_STREAM] * S_SIZE + S_HOME], home)
    return end
