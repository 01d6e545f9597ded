"""Whole genomes, one after another."""

from __future__ import annotations

from stream_evo._jit import inlined, kernel, pointer
from stream_evo.schedule._kernel._blocks import make_stacks, open_stack, sum_up_blocks
from stream_evo.schedule._kernel._buffers import NEVER, NONE, OK, ZERO
from stream_evo.schedule._kernel._candidates import advance, pop_candidate
from stream_evo.schedule._kernel._readers import make_readers, make_resources
from stream_evo.schedule._kernel._residency import fetch
from stream_evo.schedule._kernel._results import sum_up
from stream_evo.schedule._kernel._streams import make_reads, make_streams
from stream_evo.schedule._kernel._tile import create_tensor, run_tile
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above


@inlined
def _working_bits(w: IntArray, s: int, memory: int) -> int:
    """Return what the operands of a stream need in a memory: their buffer if they are streamed, else all but constant weights."""
    total = 0
    for operand in range(3):
        if w[s + S_MEMORY + operand] == memory:
            total += w[s + S_BUFFER + operand] if w[s + S_MASK] >> operand & 1 else w[s + S_NEED + operand]
    return total


@kernel
def _weights_fit(q: IntArray, w: IntArray) -> bool:
    """Return True if all weights fit beside the largest tile of each memory, so that they are loaded once, at the start."""
    if q[Q_WEIGHTS_FIRST] == 0:
        return False
    for memory in range(q[Q_MEMORIES]):
        weights, working = 0, 0
        for number in range(q[Q_INPUTS], w[W_STREAMS]):
            s = w[W_STREAM] + number * S_SIZE
            if w[s + S_STREAMS_WEIGHTS]:
                return False
            if w[s + S_MEMORY + 1] == memory:
                weights += w[s + S_WEIGHTS]
            working = max(working, _working_bits(w, s, memory))
        if weights > 0 and weights + working > q[q[Q_CAPACITY] + memory]:
            return False
    return True


@kernel
def _start(q: IntArray, w: IntArray, rec: IntArray) -> None:
    """Create inputs and weights, load weights that all fit (rule 10), and find the first candidates."""
    for number in range(w[W_STREAMS]):
        s = w[W_STREAM] + number * S_SIZE
        if w[s + S_LAYER] < 0:
            for row in range(w[s + S_ROWS]):
                for column in range(w[s + S_COLUMNS]):
                    create_tensor(q, w, number, row, column, ZERO, NONE)
            w[s + S_DONE] = w[s + S_TILES]
        elif w[s + S_WEIGHTS] > 0:
            x = w[W_TENSOR] + (w[W_TENSORS] + number) * X_SIZE
            w[x + X_END], w[x + X_DRAM], w[x + X_BITS] = 0, 0, w[s + S_WEIGHTS]
            w[x + X_SPILLED], w[x + X_UNSENT], w[x + X_STREAM] = 1, 0, number
            slot = w[s + S_WEIGHT_SLOT]
            w[slot + A_AVAILABLE], w[slot + A_READERS], w[slot + A_STAMP] = NEVER, w[s + S_TILES], 0
    if _weights_fit(q, w):
        for number in range(w[W_STREAMS]):
            s = w[W_STREAM] + number * S_SIZE
            if w[s + S_WEIGHTS] > 0:
                slot = w[s + S_WEIGHT_SLOT]
                end = fetch(q, w, rec, w[W_TENSORS] + number, w[s + S_MEMORY + 1], slot, w[s + S_CORE], ZERO, NONE)
                w[W_BARRIER] = max(w[W_BARRIER], end)
    for number in range(w[W_STREAMS]):
        if w[w[W_STREAM] + number * S_SIZE + S_LAYER] >= 0:
            advance(q, w, number)


@kernel
def schedule_batch(
    tables: IntArray,
    decisions: IntArray,
    workspace: IntArray,
    record: IntArray,
    crowding: int,
    energies: FloatArray,
    ports: FloatArray,
    links: FloatArray,
    dram: FloatArray,
    out: FloatArray,
    blocks: FloatArray,
    begin: int,
) -> tuple[int, int]:
    """Schedule genomes `decisions[begin:]`, shape ``(P, D)``, in a workspace, into `out`, shape ``(P, OUT_SIZE)``.

    What their blocks contribute goes to `blocks`, shape ``(P, L * B_SIZE)``, which comes zeroed.
    Tiles and transfers are written down in `record`, which has room for R rows of `TRACE_COLUMNS`, unless R is 0.

    Returns:
        (number of the genome it stopped at, reason); the number is P if all are done. The reason is 0, the number of words
        `workspace` should have, -1 if `crowding` is too small, or -2 if `record` is.
    """
    q, w, rec = pointer(tables), pointer(workspace), pointer(record)
    for number in range(begin, decisions.shape[0]):
        d = pointer(decisions[number])
        workspace[:W_HEADER] = 0
        w[W_SIZE], w[W_RECORD_ROWS] = workspace.size, record.size // TRACE_COLUMNS
        shortage = make_streams(q, d, w)
        if shortage == OK:
            shortage = make_reads(q, d, w)
        if shortage == OK:
            shortage = make_readers(q, w)
        if shortage == OK:
            shortage = make_resources(q, w, crowding)
        if shortage != OK:
            return number, shortage
        make_stacks(q, w)
        part = pointer(blocks[number])
        _start(q, w, rec)
        while w[W_HEAP_COUNT] > 0 and w[W_PROBLEM] == 0:
            chosen = pop_candidate(w)
            stack = w[w[W_STREAM] + chosen * S_SIZE + S_STACK]
            if stack > w[W_OPENED]:
                open_stack(q, w, ports, links, dram, part, stack)
            run_tile(q, w, rec, chosen)
        if w[W_PROBLEM] != 0:
            return number, -w[W_PROBLEM]
        sum_up(q, w, energies, ports, links, dram, out[number])
        sum_up_blocks(q, w, energies, out[number], part)
    return decisions.shape[0], OK
