"""What the blocks of a mapping contribute to its results; a block is a run of stacks that no tile of another stack overlaps in time."""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.schedule._kernel._resources import store_at
from stream_evo.schedule._kernel._results import corner_cost, dram_pj, link_pj, transfer_pj
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

_LATER = 1 << 62
_NONE = -1


@kernel
def make_stacks(q: IntArray, w: IntArray) -> None:
    """Begin the records of stacks."""
    for stack in range(w[W_STACKS]):
        k = w[W_STACK] + stack * K_SIZE
        w[k + K_LAYER], w[k + K_START], w[k + K_ENDED], w[k + K_BLOCK] = _NONE, _LATER, 0, 1
    for number in range(q[Q_INPUTS], w[W_STREAMS]):
        s = w[W_STREAM] + number * S_SIZE
        k = w[W_STACK] + w[s + S_STACK] * K_SIZE
        if w[k + K_LAYER] < 0:
            w[k + K_LAYER] = w[s + S_LAYER]
    w[W_OPENED], w[W_TILES_END] = _NONE, 0


@inlined
def note_start(w: IntArray, stack: int, start: int) -> None:
    """Note that a tile of a stack starts; if one of a later stack was scheduled before, that one begins no block."""
    k = w[W_STACK] + stack * K_SIZE
    w[k + K_START] = min(w[k + K_START], start)
    for later in range(stack + 1, w[W_OPENED] + 1):
        w[w[W_STACK] + later * K_SIZE + K_BLOCK] = 0


@kernel
def open_stack(q: IntArray, w: IntArray, ports: FloatArray, links: FloatArray, dram: FloatArray, part: FloatArray, stack: int) -> None:
    """Write down what was spent before the first tile of a stack."""
    k = w[W_STACK] + stack * K_SIZE
    row = w[k + K_LAYER] * B_SIZE
    w[k + K_ENDED] = w[W_TILES_END]
    if stack > 0:  # what is loaded before the first tile belongs to the first block
        part[row + B_ENERGY] = transfer_pj(q, w, ports) + link_pj(q, w, links) + dram_pj(w, dram)
        part[row + B_DRAM] = w[W_DRAM_BITS]
    for passed in range(w[W_OPENED] + 1, stack):
        w[w[W_STACK] + passed * K_SIZE + K_BLOCK] = 0
    w[W_OPENED] = stack


@inlined
def _row(w: IntArray, block: int) -> int:
    """Return where the figures of a block begin."""
    return w[w[W_STACK] + block * K_SIZE + K_LAYER] * B_SIZE


@inlined
def _find_blocks(w: IntArray, part: FloatArray) -> int:
    """Number the block of each stack, and turn records of stacks into records of blocks: first layer and end; return how many."""
    start = _LATER
    for stack in range(w[W_STACKS] - 1, -1, -1):
        k = w[W_STACK] + stack * K_SIZE
        start = min(start, w[k + K_START])
        if stack > 0 and start < w[k + K_ENDED]:
            w[k + K_BLOCK] = 0
    blocks = 0
    for stack in range(w[W_STACKS]):
        k = w[W_STACK] + stack * K_SIZE
        layer = w[k + K_LAYER]
        if w[k + K_BLOCK]:
            b = w[W_STACK] + blocks * K_SIZE
            if blocks > 0:
                w[b - K_SIZE + K_ENDED] = w[k + K_ENDED]
            w[b + K_LAYER] = layer
            blocks += 1
        else:
            part[layer * B_SIZE + B_ENERGY] = part[layer * B_SIZE + B_DRAM] = 0.0
        w[k + K_BLOCK] = blocks - 1
    w[w[W_STACK] + (blocks - 1) * K_SIZE + K_ENDED] = w[W_FINISH]
    return blocks


@kernel
def sum_up_blocks(q: IntArray, w: IntArray, energies: FloatArray, out: FloatArray, part: FloatArray) -> None:
    """Write what the blocks of a genome contribute, and the highest of their peaks to its results, whose other columns are known."""
    blocks = _find_blocks(w, part)
    begun = 0
    for block in range(blocks):
        b = w[W_STACK] + block * K_SIZE
        row = w[b + K_LAYER] * B_SIZE
        if block < blocks - 1:
            behind = w[b + K_SIZE + K_LAYER]
            moved, bits = part[behind * B_SIZE + B_ENERGY], part[behind * B_SIZE + B_DRAM]
        else:
            behind, bits = q[Q_LAYERS], out[OUT_DRAM_BITS]
            moved = out[OUT_TRANSFER] + out[OUT_LINK] + out[OUT_DRAM]
        part[row + B_BEHIND], part[row + B_LATENCY] = behind, w[b + K_ENDED] - begun
        part[row + B_ENERGY] = moved - part[row + B_ENERGY]
        part[row + B_DRAM] = (bits - part[row + B_DRAM]) / 8
        begun = w[b + K_ENDED]
    for number in range(q[Q_INPUTS], w[W_STREAMS]):
        s = w[W_STREAM] + number * S_SIZE
        row = _row(w, w[w[W_STACK] + w[s + S_STACK] * K_SIZE + K_BLOCK])
        for corner in range(4):
            times, cost = corner_cost(q, w, s, corner)
            part[row + B_ENERGY] += times * (energies[cost, 0] + energies[cost, 1])
    out[OUT_PEAK_BITS] = _write_peaks(q, w, part, blocks)


@inlined
def _next_activation(w: IntArray, event: int, end: int) -> int:
    """Return the first event from `event` on that is about activations, or `end`."""
    while event < end and w[event + 2] == 0:
        event += EVENT_SIZE
    return event


@kernel
def _write_peaks(q: IntArray, w: IntArray, part: FloatArray, blocks: int) -> int:
    """Write the highest sum over all stores of the activation bits held at a time while a block runs; return the highest of all."""
    event, end = np.empty(q[Q_MEMORIES], dtype=np.int64), np.empty(q[Q_MEMORIES], dtype=np.int64)  # stores, the next event first
    stores, held, peak, highest, block = 0, 0, 0, 0, 0
    until = w[w[W_STACK] + K_ENDED]
    for memory in range(q[Q_MEMORIES]):
        last = store_at(w, memory) + STORE_EVENTS + EVENT_SIZE * w[store_at(w, memory) + STORE_COUNT]
        first = _next_activation(w, store_at(w, memory) + STORE_EVENTS, last)
        if first < last:
            at = stores
            while at > 0 and w[event[at - 1]] > w[first]:
                event[at], end[at] = event[at - 1], end[at - 1]
                at -= 1
            event[at], end[at] = first, last
            stores += 1
    while stores > 0:
        time = w[event[0]]
        while time >= until and block < blocks - 1:  # what changes as a block ends belongs to the next
            part[_row(w, block) + B_PEAK] = peak / 8
            peak = held if time > until else 0
            block += 1
            until = w[w[W_STACK] + block * K_SIZE + K_ENDED]
        held += w[event[0] + 2]
        last = end[0]
        following = _next_activation(w, event[0] + EVENT_SIZE, last)
        more = following < last
        at = 1
        while at < stores and (not more or w[event[at]] < w[following]):
            event[at - 1], end[at - 1] = event[at], end[at]
            at += 1
        if more:
            event[at - 1], end[at - 1] = following, last
        else:
            stores -= 1
        if stores == 0 or w[event[0]] != time:
            peak = max(peak, held)
            highest = max(highest, peak)
    while block < blocks:
        part[_row(w, block) + B_PEAK] = peak / 8
        peak = held
        block += 1
    return highest
