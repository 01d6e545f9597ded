"""Which streams can go on, and which of them comes first."""

from __future__ import annotations

from stream_evo._jit import inlined, kernel
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import IntArray

# ruff: noqa: F405  # as above


@inlined
def _less(w: IntArray, a: int, b: int) -> bool:
    """Return True if the entry of the heap at `a` comes before that at `b`."""
    return w[a] < w[b] or (w[a] == w[b] and w[a + 1] < w[b + 1])


@inlined
def _push(w: IntArray, key: int, tie: int, number: int) -> None:
    """Add a stream to the heap of candidates."""
    heap = w[W_HEAP]
    at = w[W_HEAP_COUNT]
    w[W_HEAP_COUNT] = at + 1
    while at > 0:
        above = (at - 1) >> 1
        place = heap + 3 * above
        if w[place] < key or (w[place] == key and w[place + 1] < tie):
            break
        w[heap + 3 * at], w[heap + 3 * at + 1], w[heap + 3 * at + 2] = w[place], w[place + 1], w[place + 2]
        at = above
    w[heap + 3 * at], w[heap + 3 * at + 1], w[heap + 3 * at + 2] = key, tie, number


@inlined
def pop_candidate(w: IntArray) -> int:
    """Take the first stream off the heap of candidates."""
    heap = w[W_HEAP]
    number = w[heap + 2]
    count = w[W_HEAP_COUNT] - 1
    w[W_HEAP_COUNT] = count
    last = heap + 3 * count
    at = 0
    while 2 * at + 1 < count:
        below = 2 * at + 1
        if below + 1 < count and _less(w, heap + 3 * (below + 1), heap + 3 * below):
            below += 1
        place = heap + 3 * below
        if not _less(w, place, last):
            break
        w[heap + 3 * at], w[heap + 3 * at + 1], w[heap + 3 * at + 2] = w[place], w[place + 1], w[place + 2]
        at = below
    w[heap + 3 * at], w[heap + 3 * at + 1], w[heap + 3 * at + 2] = w[last], w[last + 1], w[last + 2]
    return number


@kernel
def advance(q: IntArray, w: IntArray, number: int) -> None:
    """Look on from where stream `number` last waited: it becomes a candidate, or waits for the next tile that is missing (rule 1)."""
    s = w[W_STREAM] + number * S_SIZE
    row, column = w[s + S_AT_ROW], w[s + S_AT_COLUMN]
    ready = w[s + S_READY]
    edge, left = w[s + S_AT_EDGE], w[s + S_AT_PRODUCER]
    while edge < w[s + S_EDGE_COUNT]:
        r = w[s + S_EDGES] + edge * R_SIZE
        across = w[r + R_ROW_TABLE] + row * w[r + R_ROW_BY_ROW] + column * w[r + R_ROW_BY_COLUMN]
        along = w[r + R_COLUMN_TABLE] + row * w[r + R_COLUMN_BY_ROW] + column * w[r + R_COLUMN_BY_COLUMN]
        reads = q[across] < q[across + 1] and q[along] < q[along + 1]
        if left < 0:
            left = w[r + R_COUNT] if reads or w[r + R_CUT] else 0
        while left > 0:  # the last part first: it tends to be the last that is scheduled
            producer = w[r + R_FIRST] + left - 1
            p = w[W_STREAM] + producer * S_SIZE
            wanted = (q[across + 1] - 1) * w[p + S_COLUMNS] + q[along + 1] - 1 if reads else 0
            last = w[p + S_TILES] - 1 if w[r + R_CUT] else wanted
            if w[p + S_DONE] <= last:
                w[s + S_AT_EDGE], w[s + S_AT_PRODUCER], w[s + S_READY], w[s + S_WAITS_FOR] = edge, left, ready, last
                w[s + S_NEXT_WAITER] = w[p + S_FIRST_WAITER]
                w[p + S_FIRST_WAITER] = number
                return
            ready = max(ready, w[w[W_TENSOR] + (w[p + S_FIRST] + last) * X_SIZE + X_END])
            left -= 1
        left = -1
        edge += 1
    w[s + S_READY] = ready
    layer = w[s + S_LAYER]
    tie = w[s + S_DONE] << 16 | number
    if w[W_PRIORITY] == 0:  # rule 2
        _push(w, w[s + S_STACK] * (1 << 20) - layer, tie, number)
    else:
        _push(w, ready, layer << 40 | tie, number)


@inlined
def go_on(q: IntArray, w: IntArray, number: int) -> None:
    """Move a stream to its next tile and wake the streams that waited for this one."""
    s = w[W_STREAM] + number * S_SIZE
    done = w[s + S_DONE] + 1
    w[s + S_DONE] = done
    if done < w[s + S_TILES]:
        w[s + S_AT_COLUMN] += 1
        if w[s + S_AT_COLUMN] == w[s + S_COLUMNS]:
            w[s + S_AT_COLUMN] = 0
            w[s + S_AT_ROW] += 1
        w[s + S_AT_EDGE], w[s + S_AT_PRODUCER] = 0, -1
        w[s + S_READY] = w[w[W_TENSOR] + (w[s + S_FIRST] + done - 1) * X_SIZE + X_END]
        advance(q, w, number)
    waiter = w[s + S_FIRST_WAITER]
    w[s + S_FIRST_WAITER] = -1
    while waiter >= 0:
        c = w[W_STREAM] + waiter * S_SIZE
        following = w[c + S_NEXT_WAITER]
        if w[c + S_WAITS_FOR] < done:
            advance(q, w, waiter)
        else:
            w[c + S_NEXT_WAITER] = w[s + S_FIRST_WAITER]
            w[s + S_FIRST_WAITER] = waiter
        waiter = following
