"""Links with their busy intervals, and memories with their events."""

from __future__ import annotations

from stream_evo._jit import inlined
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import IntArray

# ruff: noqa: F405  # as above


@inlined
def first_window(q: IntArray, w: IntArray, path: int, start: int, cycles: int) -> int:
    """Return the first time from `start` on at which all links of a path are idle for `cycles`."""
    count = q[path]
    moved = True
    while moved:
        moved = False
        for hop in range(count):
            base = w[W_LINK] + q[path + 1 + hop] * (LINK_BUSY + 2 * w[W_LINK_CAPACITY])
            busy = base + LINK_BUSY
            at = w[base + LINK_COUNT]
            while at > 0 and w[busy + 2 * at - 1] > start:  # the last interval that ends by `start`
                at -= 1
            while at < w[base + LINK_COUNT] and w[busy + 2 * at] < start + cycles:
                start = w[busy + 2 * at + 1]
                at += 1
                moved = True
        if count == 1:
            break
    return start


@inlined
def occupy(q: IntArray, w: IntArray, path: int, start: int, cycles: int, bits: int) -> None:
    """Mark the links of a path busy and merge touching intervals."""
    for hop in range(q[path]):
        base = w[W_LINK] + q[path + 1 + hop] * (LINK_BUSY + 2 * w[W_LINK_CAPACITY])
        w[base + LINK_BITS] += bits
        busy = base + LINK_BUSY
        count = w[base + LINK_COUNT]
        at = count
        while at > 0 and w[busy + 2 * at - 2] > start:
            at -= 1
        before = at > 0 and w[busy + 2 * at - 1] == start
        after = at < count and w[busy + 2 * at] == start + cycles
        if before and after:
            w[busy + 2 * at - 1] = w[busy + 2 * at + 1]
            for i in range(at, count - 1):
                w[busy + 2 * i] = w[busy + 2 * i + 2]
                w[busy + 2 * i + 1] = w[busy + 2 * i + 3]
            w[base + LINK_COUNT] = count - 1
        elif before:
            w[busy + 2 * at - 1] = start + cycles
        elif after:
            w[busy + 2 * at] = start
        elif count < w[W_LINK_CAPACITY]:
            for i in range(count, at, -1):
                w[busy + 2 * i] = w[busy + 2 * i - 2]
                w[busy + 2 * i + 1] = w[busy + 2 * i - 1]
            w[busy + 2 * at] = start
            w[busy + 2 * at + 1] = start + cycles
            w[base + LINK_COUNT] = count + 1
        else:
            w[W_PROBLEM] = 1


@inlined
def store_at(w: IntArray, memory: int) -> int:
    """Return where the record of a memory begins."""
    return w[W_STORE] + memory * (STORE_EVENTS + EVENT_SIZE * w[W_STORE_CAPACITY])


@inlined
def note_usage(w: IntArray, memory: int, time: int, bits: int, activation: bool) -> None:
    """Reserve (positive) or release (negative) bits from `time` on; changes at equal times merge."""
    base = store_at(w, memory)
    w[base + STORE_HELD] += bits
    events = base + STORE_EVENTS
    count = w[base + STORE_COUNT]
    at = count
    while at > 0 and w[events + EVENT_SIZE * (at - 1)] > time:
        at -= 1
    share = bits if activation else 0
    if at > 0 and w[events + EVENT_SIZE * (at - 1)] == time:
        w[events + EVENT_SIZE * (at - 1) + 1] += bits
        w[events + EVENT_SIZE * (at - 1) + 2] += share
    elif count < w[W_STORE_CAPACITY]:
        for i in range(events + EVENT_SIZE * (count + 1) - 1, events + EVENT_SIZE * (at + 1) - 1, -1):
            w[i] = w[i - EVENT_SIZE]
        w[events + EVENT_SIZE * at] = time
        w[events + EVENT_SIZE * at + 1] = bits
        w[events + EVENT_SIZE * at + 2] = share
        w[base + STORE_COUNT] = count + 1
    else:
        w[W_PROBLEM] = 1


@inlined
def room_from(q: IntArray, w: IntArray, memory: int, bits: int, start: int) -> int:
    """Return the earliest time from `start` on after which `bits` more fit for good; they fit after the last event."""
    base = store_at(w, memory)
    events = base + STORE_EVENTS
    held = w[base + STORE_HELD] + bits
    capacity = q[q[Q_CAPACITY] + memory]
    at = w[base + STORE_COUNT] - 1
    found = start
    while at >= 0:
        if held > capacity:
            found = max(start, w[events + EVENT_SIZE * (at + 1)])
            break
        if w[events + EVENT_SIZE * at] <= start:
            break
        held -= w[events + EVENT_SIZE * at + 1]
        at -= 1
    return found
