"""Spells out who reads each stream, where its tiles may lie, and lays out the rest of the workspace."""

from __future__ import annotations

from stream_evo._jit import inlined, kernel
from stream_evo.schedule._kernel._buffers import OK
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import IntArray

# ruff: noqa: F405  # as above


@kernel
def make_readers(q: IntArray, w: IntArray) -> int:
    """Write who reads each stream and in which memories its tiles may be."""
    streams, end = w[W_STREAMS], w[W_END]
    for number in range(streams):
        s = w[W_STREAM] + number * S_SIZE
        for edge in range(w[s + S_EDGE_COUNT]):
            r = w[s + S_EDGES] + edge * R_SIZE
            for producer in range(w[r + R_FIRST], w[r + R_FIRST] + w[r + R_COUNT]):
                w[w[W_STREAM] + producer * S_SIZE + S_OUT_COUNT] += 1
    for number in range(streams):
        s = w[W_STREAM] + number * S_SIZE
        count = w[s + S_OUT_COUNT]
        w[s + S_OUT] = end
        w[s + S_HOLDERS] = end + count * O_SIZE
        w[s + S_OUT_COUNT] = 0
        end = w[s + S_HOLDERS] + (min(count, q[Q_MEMORIES]) + 1) * H_SIZE
    for number in range(streams):
        s = w[W_STREAM] + number * S_SIZE
        for edge in range(w[s + S_EDGE_COUNT]):
            r = w[s + S_EDGES] + edge * R_SIZE
            w[r + R_SLOTS] = end
            end += w[r + R_COUNT]
    if end > w[W_SIZE]:
        return end
    for number in range(streams):
        s = w[W_STREAM] + number * S_SIZE
        if w[s + S_HOME] >= 0:
            _add_holder(q, w, s, w[s + S_HOME])
    for number in range(streams):
        s = w[W_STREAM] + number * S_SIZE
        for edge in range(w[s + S_EDGE_COUNT]):
            r = w[s + S_EDGES] + edge * R_SIZE
            for offset in range(w[r + R_COUNT]):
                p = w[W_STREAM] + (w[r + R_FIRST] + offset) * S_SIZE
                holder = -1 if w[r + R_MEMORY] < 0 else _add_holder(q, w, p, w[r + R_MEMORY])
                w[w[r + R_SLOTS] + offset] = holder  # for now; turned into its slots below
                _add_reader(w, p, r, holder)
    w[W_TENSOR] = end
    end += w[W_TENSORS] * X_SIZE + streams * X_SIZE
    slots = end
    for number in range(streams):
        s = w[W_STREAM] + number * S_SIZE
        for holder in range(w[s + S_HOLDER_COUNT]):
            h = w[s + S_HOLDERS] + holder * H_SIZE
            w[h + H_SLOT] = slots
            slots += w[s + S_TILES] * A_SIZE
        w[s + S_WEIGHT_SLOT] = slots
        slots += A_SIZE
    for number in range(streams):
        s = w[W_STREAM] + number * S_SIZE
        for edge in range(w[s + S_EDGE_COUNT]):
            r = w[s + S_EDGES] + edge * R_SIZE
            for offset in range(w[r + R_COUNT]):
                if w[r + R_MEMORY] >= 0:
                    w[w[r + R_SLOTS] + offset] = w[w[w[r + R_SLOTS] + offset] + H_SLOT]
    w[W_END] = slots
    return OK


@inlined
def _add_reader(w: IntArray, p: int, r: int, holder: int) -> None:
    """Note that a stream is read; parts of one layer that read the same tiles into the same memory are one reader, several times."""
    count = w[p + S_OUT_COUNT]
    o = w[p + S_OUT] + (count - 1) * O_SIZE
    if count > 0 and w[o + O_HOLDER] == holder:
        last = w[o + O_EDGE]
        same_rows, same_columns = w[last + R_ROW_COUNTS] == w[r + R_ROW_COUNTS], w[last + R_COLUMN_COUNTS] == w[r + R_COLUMN_COUNTS]
        if same_rows and same_columns and w[last + R_TIMES] == w[r + R_TIMES]:
            w[o + O_PARTS] += 1
            return
    w[p + S_OUT_COUNT] = count + 1
    o += O_SIZE
    w[o + O_EDGE], w[o + O_HOLDER], w[o + O_PARTS] = r, holder, 1


@inlined
def _add_holder(q: IntArray, w: IntArray, s: int, memory: int) -> int:
    """Return the record that says where tiles of stream `s` lie in `memory`."""
    for holder in range(w[s + S_HOLDER_COUNT]):
        h = w[s + S_HOLDERS] + holder * H_SIZE
        if w[h + H_MEMORY] == memory:
            return h
    h = w[s + S_HOLDERS] + w[s + S_HOLDER_COUNT] * H_SIZE
    w[s + S_HOLDER_COUNT] += 1
    w[h + H_MEMORY] = memory
    core = w[s + S_CORE]
    w[h + H_ENTRY] = -1 if core < 0 else q[q[Q_ENTRY] + core * q[Q_MEMORIES] + memory]
    return h


@kernel
def make_resources(q: IntArray, w: IntArray, crowding: int) -> int:
    """Lay out cores, links, stores, bit sets, operand list and heap behind the streams; `crowding` scales the event lists."""
    end = w[W_END]
    tiles, streams, links, memories = w[W_TENSORS], w[W_STREAMS], q[Q_LINKS], q[Q_MEMORIES]
    w[W_CORE] = end
    end += q[Q_CORES] * CORE_SIZE
    w[W_HEAP] = end
    end += (streams + 1) * 3
    w[W_STACKS] = w[w[W_STREAM] + (streams - 1) * S_SIZE + S_STACK] + 1
    w[W_STACK] = end
    end += w[W_STACKS] * K_SIZE
    w[W_BITSET_UPPER] = (tiles + streams + 1023) >> 10
    w[W_BITSET_SIZE] = w[W_BITSET_UPPER] * 33
    w[W_BITSET] = end
    end += w[W_BITSET_SIZE] * memories
    clear_to = end
    w[W_LINK_CAPACITY] = 64 + crowding * max(256, tiles // max(1, links))
    w[W_STORE_CAPACITY] = 64 + crowding * max(256, 2 * tiles // memories)
    w[W_LINK] = end
    end += links * (LINK_BUSY + 2 * w[W_LINK_CAPACITY])
    w[W_STORE] = end
    end += memories * (STORE_EVENTS + EVENT_SIZE * w[W_STORE_CAPACITY])
    w[W_GATHER] = end
    w[W_GATHER_CAPACITY] = 64 + crowding * (tiles + streams)
    end += 2 * G_SIZE * w[W_GATHER_CAPACITY]
    w[W_END] = end
    if end > w[W_SIZE]:
        return end
    for word in range(w[W_CORE], clear_to):
        w[word] = 0
    for link in range(links):
        base = w[W_LINK] + link * (LINK_BUSY + 2 * w[W_LINK_CAPACITY])
        for word in range(LINK_BUSY):
            w[base + word] = 0
    for memory in range(memories):
        base = w[W_STORE] + memory * (STORE_EVENTS + EVENT_SIZE * w[W_STORE_CAPACITY])
        for word in range(STORE_EVENTS):
            w[base + word] = 0
    return OK
