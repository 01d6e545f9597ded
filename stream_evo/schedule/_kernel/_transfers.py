"""Transfers over links, through ports and DMA engines; a line of the trace."""

from __future__ import annotations

from stream_evo._jit import inlined
from stream_evo.schedule._kernel._buffers import NO, TRANSFER
from stream_evo.schedule._kernel._resources import first_window, occupy, store_at
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import IntArray

# ruff: noqa: F405  # as above


@inlined
def _path_of(q: IntArray, source: int, target: int) -> int:
    """Return where the links from one core to another are listed; the DRAM counts as the last core."""
    return q[q[Q_PATH] + source * (q[Q_CORES] + 1) + target]


@inlined
def cycles_of(bits: int, width: int) -> int:
    """Return bits / width rounded up: exact below 2**52, and several times faster than an integer division."""
    whole = int(bits / width)
    return whole + (whole * width < bits)


@inlined
def move(
    q: IntArray,
    w: IntArray,
    rec: IntArray,
    cause: int,
    tensor: int,
    source: int,
    target: int,
    sender: int,
    receiver: int,
    bits: int,
    cycles: int,
    start: int,
) -> int:
    """Occupy all links of the path at once in the first idle window; return the end (rule 6)."""
    path = _path_of(q, source, target)
    if q[path] > 0:
        start = first_window(q, w, path, start, cycles)
        occupy(q, w, path, start, cycles, bits)
    if sender >= 0:
        unit = q[q[Q_READ_UNIT] + sender]
        w[store_at(w, sender) + STORE_READ] += cycles_of(bits, unit)
    if receiver >= 0:
        unit = q[q[Q_WRITE_UNIT] + receiver]
        w[store_at(w, receiver) + STORE_WRITTEN] += cycles_of(bits, unit)
    dram = q[Q_CORES]
    if source == dram:
        w[W_DRAM_READ] += cycles_of(bits, q[Q_DRAM_WIDTH])
        w[W_DRAM_BITS] += bits
    if target == dram:
        w[W_DRAM_WRITE] += cycles_of(bits, q[Q_DRAM_WIDTH])
        w[W_DRAM_BITS] += bits
    end = start + cycles
    w[W_FINISH] = max(w[W_FINISH], end)
    if w[W_RECORD_ROWS] > 0:
        write_trace(w, rec, TRANSFER, cause, tensor, source, target, sender, receiver, bits, start, end)
    return end


@inlined
def write_trace(
    w: IntArray,
    rec: IntArray,
    kind: int,
    v1: int,
    v2: int,
    v3: int,
    v4: int,
    v5: int,
    v6: int,
    v7: int,
    v8: int,
    v9: int,
) -> None:
    """Write down a tile (kind 0) or a transfer (kind 1)."""
    row = w[W_RECORDED]
    if row < w[W_RECORD_ROWS]:
        at = row * TRACE_COLUMNS
        rec[at], rec[at + 1], rec[at + 2], rec[at + 3], rec[at + 4] = kind, v1, v2, v3, v4
        rec[at + 5], rec[at + 6], rec[at + 7], rec[at + 8], rec[at + 9] = v5, v6, v7, v8, v9
    else:
        w[W_PROBLEM] = 2
    w[W_RECORDED] = row + 1


@inlined
def off_chip(
    q: IntArray,
    w: IntArray,
    rec: IntArray,
    cause: int,
    tensor: int,
    reads: bool,
    core: int,
    memory: int,
    bits: int,
    cycles: int,
    start: int,
) -> int:
    """Move data from or to DRAM through the DMA engine of `core`, one after another in issue order (rule 7)."""
    dram = q[Q_CORES]
    engine = w[W_CORE] + core * CORE_SIZE + (CORE_READ if reads or q[Q_DMA_CHANNELS] == 1 else CORE_WRITE)
    start = max(start, w[engine])
    source, target = (dram, core) if reads else (core, dram)
    sender, receiver = (-1, memory) if reads else (memory, -1)
    end = move(q, w, rec, cause, tensor, source, target, sender, receiver, bits, cycles, start)
    w[engine] = end
    return end


@inlined
def way_to_dram(q: IntArray, core: int, reads: bool) -> int:
    """Return the width of the way between a core and the DRAM, ports of memories aside."""
    dram = q[Q_CORES]
    pair = dram * (dram + 1) + core if reads else core * (dram + 1) + dram
    return min(q[q[Q_PATH_WIDTH] + pair], q[Q_DRAM_WIDTH])


@inlined
def write_back(q: IntArray, w: IntArray, rec: IntArray, cause: int, tensor: int, memory: int, core: int, start: int) -> None:
    """Write a tensor from a memory to DRAM and note when it is there."""
    x = w[W_TENSOR] + tensor * X_SIZE
    width = min(way_to_dram(q, core, NO), q[q[Q_READ_WIDTH] + memory])
    bits = w[x + X_BITS]
    w[x + X_DRAM] = off_chip(q, w, rec, cause, tensor, NO, core, memory, bits, cycles_of(bits, width), start)
