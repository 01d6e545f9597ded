"""One tile from its operands to its output."""

from __future__ import annotations

from stream_evo._jit import inlined
from stream_evo.schedule._kernel._blocks import note_start
from stream_evo.schedule._kernel._buffers import NEVER, NO, NONE, ONE, OUTPUT, STREAMED_READ, STREAMED_WRITE, TILE, YES, ZERO, tile_bits
from stream_evo.schedule._kernel._candidates import go_on
from stream_evo.schedule._kernel._residency import awaits_sending, fetch, free_if_done, home_slot, make_room, mark_present, take_away
from stream_evo.schedule._kernel._resources import note_usage
from stream_evo.schedule._kernel._transfers import cycles_of, off_chip, way_to_dram, write_back, write_trace
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import IntArray

# ruff: noqa: F405  # as above


@inlined
def create_tensor(q: IntArray, w: IntArray, number: int, row: int, column: int, end: int, home: int) -> tuple[bool, int]:
    """Write the tensor of a tile and count its readers; return (needed in DRAM, tensor)."""
    s = w[W_STREAM] + number * S_SIZE
    tile = row * w[s + S_COLUMNS] + column
    tensor = w[s + S_FIRST] + tile
    x = w[W_TENSOR] + tensor * X_SIZE
    w[x + X_END] = end
    w[x + X_DRAM] = NEVER if home >= 0 else end
    w[x + X_BITS] = tile_bits(q, w, s, row, column)
    w[x + X_SPILLED] = 0 if home >= 0 else 1
    w[x + X_UNSENT] = 0
    w[x + X_STREAM] = number
    for holder in range(w[s + S_HOLDER_COUNT]):
        slot = w[w[s + S_HOLDERS] + holder * H_SIZE + H_SLOT] + tile * A_SIZE
        w[slot + A_AVAILABLE], w[slot + A_READERS], w[slot + A_STAMP] = NEVER, 0, 0
    needs_dram = w[s + S_OUTPUT] == 1
    for out in range(w[s + S_OUT_COUNT]):
        o = w[s + S_OUT] + out * O_SIZE
        r = w[o + O_EDGE]
        readers = q[w[r + R_ROW_COUNTS] + row] * q[w[r + R_COLUMN_COUNTS] + column] * w[r + R_TIMES] * w[o + O_PARTS]
        if readers == 0:
            continue
        if w[o + O_HOLDER] < 0:
            needs_dram = True
            continue
        slot = w[w[o + O_HOLDER] + H_SLOT] + tile * A_SIZE
        if w[slot + A_READERS] == 0 and home >= 0 and w[w[o + O_HOLDER] + H_MEMORY] != home:
            if w[w[o + O_HOLDER] + H_ENTRY] >= 0:
                w[x + X_UNSENT] += 1
            else:
                needs_dram = True
        w[slot + A_READERS] += readers
    return needs_dram, tensor


@inlined
def _produce(q: IntArray, w: IntArray, rec: IntArray, number: int, start: int, end: int) -> None:
    """Put the output of a tile where it belongs (rules 9 and 13)."""
    s = w[W_STREAM] + number * S_SIZE
    home = w[s + S_HOME]
    needs_dram, tensor = create_tensor(q, w, number, w[s + S_AT_ROW], w[s + S_AT_COLUMN], end, home)
    if home < 0:
        return
    x = w[W_TENSOR] + tensor * X_SIZE
    slot = home_slot(w, tensor)
    w[slot + A_AVAILABLE], w[slot + A_LATEST] = end, end
    note_usage(w, home, start, w[x + X_BITS], YES)
    mark_present(w, home, tensor, YES)
    if needs_dram:
        write_back(q, w, rec, OUTPUT, tensor, home, w[s + S_CORE], end)
        w[slot + A_LATEST] = max(w[slot + A_LATEST], w[x + X_DRAM])
    free_if_done(w, tensor, home, slot)


@inlined
def _add_run(w: IntArray, tensor: int, slot: int, memory: int, count: int, stamp: int) -> None:
    """List `count` neighbouring operands, those that are missing again behind; note from when on those that are there can be read."""
    runs, missing, start = w[W_RUNS], w[W_MISSING_COUNT], w[W_OPERANDS_READY]
    capacity = w[W_GATHER_CAPACITY]
    if runs + missing + count >= capacity:
        w[W_PROBLEM] = 1
        return
    g = w[W_GATHER] + runs * G_SIZE
    w[g + G_TENSOR], w[g + G_SLOT], w[g + G_MEMORY], w[g + G_COUNT] = tensor, slot, memory, count
    w[W_RUNS] = runs + 1
    behind = w[W_GATHER] + capacity * G_SIZE
    for i in range(count):
        available = w[slot + A_AVAILABLE]
        if available >= 0:
            start = max(start, available)
        elif w[slot + A_STAMP] != stamp:
            w[slot + A_STAMP] = stamp
            missing = _insert_missing(w, behind, missing, tensor + i, slot, memory)
        slot += A_SIZE
    w[W_MISSING_COUNT], w[W_OPERANDS_READY] = missing, start


@inlined
def _streamed_run(w: IntArray, tensor: int, count: int) -> None:
    """Note when operands that are streamed from DRAM are there."""
    x = w[W_TENSOR] + tensor * X_SIZE
    start = w[W_OPERANDS_READY]
    for i in range(count):
        start = max(start, w[x + i * X_SIZE + X_DRAM])
    w[W_OPERANDS_READY] = start


@inlined
def _gather(q: IntArray, w: IntArray, s: int, number: int, stamp: int) -> None:
    """List the operands that the next tile of a stream reads, in runs of tiles that are neighbours."""
    row, column = w[s + S_AT_ROW], w[s + S_AT_COLUMN]
    w[W_RUNS], w[W_MISSING_COUNT], w[W_OPERANDS_READY] = 0, 0, 0
    for edge in range(w[s + S_EDGE_COUNT]):
        r = w[s + S_EDGES] + edge * R_SIZE
        across = w[r + R_ROW_TABLE] + row * w[r + R_ROW_BY_ROW] + column * w[r + R_ROW_BY_COLUMN]
        along = w[r + R_COLUMN_TABLE] + row * w[r + R_COLUMN_BY_ROW] + column * w[r + R_COLUMN_BY_COLUMN]
        top, rows, left, columns = q[across], q[across + 1] - q[across], q[along], q[along + 1] - q[along]
        memory = w[r + R_MEMORY]
        for offset in range(w[r + R_COUNT]):
            p = w[W_STREAM] + (w[r + R_FIRST] + offset) * S_SIZE
            width = w[p + S_COLUMNS]
            whole = columns == width  # then all rows are one run
            count = rows * columns if whole else columns
            for i in range(1 if whole else rows):
                tile = (top + i) * width + left
                if memory < 0:
                    _streamed_run(w, w[p + S_FIRST] + tile, count)
                elif count > 0:
                    _add_run(w, w[p + S_FIRST] + tile, w[w[r + R_SLOTS] + offset] + tile * A_SIZE, memory, count, stamp)
    if w[s + S_WEIGHTS] > 0:
        _add_run(w, w[W_TENSORS] + number, w[s + S_WEIGHT_SLOT], w[s + S_MEMORY + 1], ONE, stamp)


@inlined
def _insert_missing(w: IntArray, behind: int, count: int, tensor: int, slot: int, memory: int) -> int:
    """Insert by size, then tensor id (rule 4); one tensor for two operands keeps the order of the edges."""
    bits = w[w[W_TENSOR] + tensor * X_SIZE + X_BITS]
    at = count
    while at > 0:
        g = behind + (at - 1) * G_SIZE
        other = w[w[W_TENSOR] + w[g + G_TENSOR] * X_SIZE + X_BITS]
        if other < bits or (other == bits and w[g + G_TENSOR] <= tensor):
            break
        w[g + G_SIZE], w[g + G_SIZE + 1], w[g + G_SIZE + 2] = w[g], w[g + 1], w[g + 2]
        at -= 1
    g = behind + at * G_SIZE
    w[g + G_TENSOR], w[g + G_SLOT], w[g + G_MEMORY] = tensor, slot, memory
    return count + 1


@inlined
def _read_operands(w: IntArray, end: int) -> None:
    """Count the tile's reads, and free the operands that nobody else reads there (rule 13)."""
    pending, bits, activation = -1, 0, True  # what one memory releases at `end` is recorded at once
    for run in range(w[W_RUNS]):
        g = w[W_GATHER] + run * G_SIZE
        memory = w[g + G_MEMORY]
        slot = w[g + G_SLOT]
        first = w[g + G_TENSOR]
        is_activation = first < w[W_TENSORS]
        for tensor in range(first, first + w[g + G_COUNT]):
            readers = w[slot + A_READERS] - 1
            latest = max(w[slot + A_LATEST], end)
            w[slot + A_READERS], w[slot + A_LATEST] = readers, latest
            if readers == 0 and not awaits_sending(w, tensor, memory):
                freed = take_away(w, tensor, memory, slot)
                if latest != end:
                    note_usage(w, memory, latest, -freed, is_activation)
                else:
                    if bits > 0 and (pending != memory or activation != is_activation):
                        note_usage(w, pending, end, -bits, activation)
                        bits = 0
                    pending, activation = memory, is_activation
                    bits += freed
            slot += A_SIZE
    if bits > 0:
        note_usage(w, pending, end, -bits, activation)


@inlined
def _reserve(q: IntArray, w: IntArray, rec: IntArray, s: int, bits: int, core: int, start: int, stamp: int) -> int:
    """Find room for the output and for the buffers of streamed operands (rule 12)."""
    mask = w[s + S_MASK]
    for operand in range(3):
        memory = w[s + S_MEMORY + operand]
        need = w[s + S_BUFFER + operand] if mask >> operand & 1 else bits if operand == 2 else 0
        if memory < 0 or need == 0:
            continue
        first = True
        for other in range(3):
            if other != operand and w[s + S_MEMORY + other] == memory:
                more = w[s + S_BUFFER + other] if mask >> other & 1 else bits if other == 2 else 0
                if more > 0 and other < operand:
                    first = False
                need += more
        if first:  # operands of one memory are reserved together, at the first of them
            start = make_room(q, w, rec, memory, core, need, start, stamp)
    return start


@inlined
def _stream_operands(q: IntArray, w: IntArray, rec: IntArray, cost: int, core: int, tensor: int, start: int, end: int) -> int:
    """Move streamed operands while the tile runs; return when both have ended."""
    if q[cost + C_READ] > 0:
        bits = q[cost + C_READ]
        end = max(end, off_chip(q, w, rec, STREAMED_READ, tensor, YES, core, NONE, bits, cycles_of(bits, way_to_dram(q, core, YES)), start))
    if q[cost + C_WRITE] > 0:
        bits = q[cost + C_WRITE]
        end = max(end, off_chip(q, w, rec, STREAMED_WRITE, tensor, NO, core, NONE, bits, cycles_of(bits, way_to_dram(q, core, NO)), start))
    return end


@inlined
def run_tile(q: IntArray, w: IntArray, rec: IntArray, number: int) -> None:
    """Fetch what the next tile of a stream reads, run it, and put its output where it belongs."""
    s = w[W_STREAM] + number * S_SIZE
    core = w[s + S_CORE]
    c = w[W_CORE] + core * CORE_SIZE
    w[W_TILE_NUMBER] += 1
    stamp = w[W_TILE_NUMBER]
    row, column, ready = w[s + S_AT_ROW], w[s + S_AT_COLUMN], w[s + S_READY]
    tensor = w[s + S_FIRST] + w[s + S_DONE]
    _gather(q, w, s, number, stamp)
    start = max(w[c + CORE_FREE], ready, w[W_OPERANDS_READY], w[W_BARRIER])  # rule 3
    behind = w[W_GATHER] + w[W_GATHER_CAPACITY] * G_SIZE
    for i in range(w[W_MISSING_COUNT]):
        g = behind + i * G_SIZE
        there = fetch(q, w, rec, w[g + G_TENSOR], w[g + G_MEMORY], w[g + G_SLOT], core, w[c + CORE_LAST], stamp)  # rule 5
        start = max(start, there)
    start = _reserve(q, w, rec, s, tile_bits(q, w, s, row, column), core, start, stamp)
    corner = 2 * (row == w[s + S_ROWS] - 1) + (column == w[s + S_COLUMNS] - 1)
    cost = w[s + S_COST + corner]
    end = _stream_operands(q, w, rec, cost, core, tensor, start, start + q[cost + C_CYCLES])  # rule 11
    for operand in range(3):
        bits = w[s + S_BUFFER + operand]
        if bits > 0:
            activation = not (operand == 1 and w[s + S_STREAMS_WEIGHTS] == 1)
            note_usage(w, w[s + S_MEMORY + operand], start, bits, activation)
            note_usage(w, w[s + S_MEMORY + operand], end, -bits, activation)
    w[c + CORE_FREE], w[c + CORE_LAST] = end, start
    w[W_FINISH], w[W_TILES_END] = max(w[W_FINISH], end), max(w[W_TILES_END], end)
    note_start(w, w[s + S_STACK], start)
    if w[W_RECORD_ROWS] > 0:
        write_trace(w, rec, TILE, number, tensor - w[s + S_FIRST], core, ready, start, end, ZERO, ZERO, ZERO)
    _produce(q, w, rec, number, start, end)
    _read_operands(w, end)
    go_on(q, w, number)
