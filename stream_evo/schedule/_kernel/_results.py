"""The results of a scheduled genome."""

from __future__ import annotations

from stream_evo._jit import inlined, kernel
from stream_evo.schedule._kernel._resources import store_at
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above


@inlined
def transfer_pj(q: IntArray, w: IntArray, ports: FloatArray) -> float:
    """Return the energy of on-chip memories for the transfers so far."""
    total = 0.0
    for memory in range(q[Q_MEMORIES]):
        total += w[store_at(w, memory) + STORE_READ] * ports[memory, 0]
    for memory in range(q[Q_MEMORIES]):
        total += w[store_at(w, memory) + STORE_WRITTEN] * ports[memory, 1]
    return total


@inlined
def link_pj(q: IntArray, w: IntArray, links: FloatArray) -> float:
    """Return the energy of links for the transfers so far."""
    total = 0.0
    for link in range(q[Q_LINKS]):
        total += w[w[W_LINK] + link * (LINK_BUSY + 2 * w[W_LINK_CAPACITY]) + LINK_BITS] * links[link]
    return total


@inlined
def dram_pj(w: IntArray, dram: FloatArray) -> float:
    """Return the energy of the DRAM for the transfers so far."""
    return w[W_DRAM_READ] * dram[0] + w[W_DRAM_WRITE] * dram[1]


@inlined
def corner_cost(q: IntArray, w: IntArray, s: int, corner: int) -> tuple[int, int]:
    """Return how many tiles of a stream have the cost of a corner, and that cost."""
    rows, columns = w[s + S_ROWS] - 1, w[s + S_COLUMNS] - 1
    times = (1 if corner & 2 else rows) * (1 if corner & 1 else columns)
    return times, (w[s + S_COST + corner] - q[Q_COSTS]) // C_SIZE


@kernel
def sum_up(q: IntArray, w: IntArray, energies: FloatArray, ports: FloatArray, links: FloatArray, dram: FloatArray, out: FloatArray) -> None:
    """Write the results of a genome, but for the peak of memory, which the blocks tell."""
    mac, memory_energy = 0.0, 0.0
    for number in range(q[Q_INPUTS], w[W_STREAMS]):
        s = w[W_STREAM] + number * S_SIZE
        for corner in range(4):
            times, cost = corner_cost(q, w, s, corner)
            mac += times * energies[cost, 0]
            memory_energy += times * energies[cost, 1]
    overflow = w[W_MISSING]
    for memory in range(q[Q_MEMORIES]):
        base = store_at(w, memory)
        held, peak = 0, 0
        for event in range(w[base + STORE_COUNT]):
            held += w[base + STORE_EVENTS + EVENT_SIZE * event + 1]
            peak = max(peak, held)
        overflow += max(0, peak - q[q[Q_CAPACITY] + memory])
    out[OUT_LATENCY], out[OUT_MAC], out[OUT_MEMORY], out[OUT_TRANSFER] = w[W_FINISH], mac, memory_energy, transfer_pj(q, w, ports)
    out[OUT_LINK], out[OUT_DRAM], out[OUT_DRAM_BITS] = link_pj(q, w, links), dram_pj(w, dram), w[W_DRAM_BITS]
    out[OUT_VIOLATION_BITS], out[OUT_EVICTIONS] = overflow, w[W_EVICTIONS]
