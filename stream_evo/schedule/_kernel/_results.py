"""The results of a scheduled genome."""

from __future__ import annotations

import numpy as np

from stream_evo._jit import kernel
from stream_evo.schedule._kernel._buffers import INFINITE
from stream_evo.schedule._kernel._resources import store_at
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above


@kernel
def _activation_peak(q: IntArray, w: IntArray) -> int:
    """Return the highest sum over all stores of the activation bits held at a time."""
    memories = q[Q_MEMORIES]
    next_event = np.zeros(memories, dtype=np.int64)
    held, peak = 0, 0
    while True:
        time = INFINITE
        for memory in range(memories):
            base = store_at(w, memory)
            if next_event[memory] < w[base + STORE_COUNT]:
                time = min(time, w[base + STORE_EVENTS + EVENT_SIZE * next_event[memory]])
        if time == INFINITE:
            return peak
        for memory in range(memories):
            base = store_at(w, memory)
            at = base + STORE_EVENTS + EVENT_SIZE * next_event[memory]
            if next_event[memory] < w[base + STORE_COUNT] and w[at] == time:
                held += w[at + 2]
                next_event[memory] += 1
        peak = max(peak, held)


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
