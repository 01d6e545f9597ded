"""The results of a scheduled genome."""

from __future__ import annotations

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.schedule._kernel._resources import store_at
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above


@inlined
def _next_activation(w: IntArray, event: int, end: int) -> int:
    """Return the first event from `event` on that is about activations, or `end`."""
    while event < end and w[event + 2] == 0:
        event += EVENT_SIZE
    return event


@kernel
def _activation_peak(q: IntArray, w: IntArray) -> int:
    """Return the highest sum over all stores of the activation bits held at a time."""
    event, end = np.empty(q[Q_MEMORIES], dtype=np.int64), np.empty(q[Q_MEMORIES], dtype=np.int64)  # stores, the next event first
    stores, held, peak = 0, 0, 0
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
    return peak


@kernel
def sum_up(q: IntArray, w: IntArray, energies: FloatArray, ports: FloatArray, links: FloatArray, dram: FloatArray, out: FloatArray) -> None:
    """Write the results of a genome."""
    mac, memory_energy, transfer, link_energy = 0.0, 0.0, 0.0, 0.0
    for number in range(q[Q_INPUTS], w[W_STREAMS]):
        s = w[W_STREAM] + number * S_SIZE
        rows, columns = w[s + S_ROWS] - 1, w[s + S_COLUMNS] - 1
        for corner in range(4):
            times = (1 if corner & 2 else rows) * (1 if corner & 1 else columns)
            cost = (w[s + S_COST + corner] - q[Q_COSTS]) // C_SIZE
            mac += times * energies[cost, 0]
            memory_energy += times * energies[cost, 1]
    overflow = w[W_MISSING]
    for memory in range(q[Q_MEMORIES]):
        base = store_at(w, memory)
        transfer += w[base + STORE_READ] * ports[memory, 0]
        held, peak = 0, 0
        for event in range(w[base + STORE_COUNT]):
            held += w[base + STORE_EVENTS + EVENT_SIZE * event + 1]
            peak = max(peak, held)
        overflow += max(0, peak - q[q[Q_CAPACITY] + memory])
    for memory in range(q[Q_MEMORIES]):
        transfer += w[store_at(w, memory) + STORE_WRITTEN] * ports[memory, 1]
    for link in range(q[Q_LINKS]):
        link_energy += w[w[W_LINK] + link * (LINK_BUSY + 2 * w[W_LINK_CAPACITY]) + LINK_BITS] * links[link]
    out[OUT_LATENCY], out[OUT_MAC], out[OUT_MEMORY], out[OUT_TRANSFER] = w[W_FINISH], mac, memory_energy, transfer
    out[OUT_LINK], out[OUT_DRAM] = link_energy, w[W_DRAM_READ] * dram[0] + w[W_DRAM_WRITE] * dram[1]
    out[OUT_PEAK_BITS], out[OUT_DRAM_BITS] = _activation_peak(q, w), w[W_DRAM_BITS]
    out[OUT_VIOLATION_BITS], out[OUT_EVICTIONS] = overflow, w[W_EVICTIONS]
