"""The compiled scheduler: spells out one genome's decisions as streams, then schedules them. It equals `_reference` to the last bit.

All helpers live in this file because the cache of compiled code is keyed by file. They work on two flat int64 buffers, ``q`` (tables, never
written) and ``w`` (workspace), laid out in `_layout`. A function that returns a shortage says how many words it lacks; 0 is success.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from stream_evo import _jit
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import FloatArray, IntArray

# ruff: noqa: F405  # as above

_Function = TypeVar("_Function", bound=Callable[..., Any])


def inlined(function: _Function) -> _Function:
    """Compile a helper; ``q`` and ``w`` are flat buffers."""
    return _jit.inlined(function, buffers=("q", "w"))


def kernel(function: _Function) -> _Function:
    """Compile a kernel; ``q`` and ``w`` are flat buffers."""
    return _jit.kernel(function, buffers=("q", "w"))


NEVER = -1
INFINITE = 1 << 62
OK = 0

# Plain numbers in a call would be compiled into a version of the callee of their own; these have one type.
_int: Any = np.int64
_bool: Any = np.bool_
NONE, ZERO, ONE, YES, NO = _int(-1), _int(0), _int(1), _bool(True), _bool(False)
TILE, TRANSFER = _int(0), _int(1)
NETWORK_INPUT, WEIGHTS, ACTIVATION, REFETCH, OUTPUT, EVICTION, STREAMED_READ, STREAMED_WRITE = (_int(cause) for cause in range(8))


# ---------------------------------------------------------------------------------------------------------- spelling out


@inlined
def _grid_option(q: IntArray, d: IntArray, layers: int, record: int, is_input: bool, columns: int) -> int:
    """Return the grid of a producer along rows or columns that the decisions choose."""
    if not is_input:
        index = (record - q[Q_LAYER]) // L_SIZE
        return q[q[record + L_TILES] + d[layers + index] * T_SIZE + columns]
    reader = q[record + L_READER]
    axis = q[record + L_READER_ROW_AXIS + columns]
    if reader < 0 or axis == NO_AXIS:
        return 0
    return q[q[q[Q_LAYER] + reader * L_SIZE + L_TILES] + d[layers + reader] * T_SIZE + (axis == COLUMNS)]


@inlined
def _producer_record(q: IntArray, producer: int) -> int:
    return q[Q_LAYER] + producer * L_SIZE if producer >= 0 else q[Q_INPUT] + (-1 - producer) * L_SIZE


@inlined
def _parts(q: IntArray, d: IntArray, record: int, index: int) -> int:
    return q[q[record + L_PLACES] + d[index] * P_SIZE + P_PARTS]


@kernel
def _make_streams(q: IntArray, d: IntArray, w: IntArray, first: IntArray) -> int:
    """Write the stream records; `first` receives the first stream of each input (from its end, backwards) and layer."""
    layers, inputs, cores = q[Q_LAYERS], q[Q_INPUTS], q[Q_CORES]
    position = W_HEADER
    w[W_STREAM] = position
    streams = 0
    tensors = 0
    for number in range(inputs + layers):
        is_input = number < inputs
        index = number - inputs
        record = q[Q_INPUT] + number * L_SIZE if is_input else q[Q_LAYER] + index * L_SIZE
        first[number] = streams
        parts = 1
        place = 0
        if not is_input:
            place = q[record + L_PLACES] + d[index] * P_SIZE
            parts = q[place + P_PARTS]
        rows = q[q[record + L_ROW_GRIDS] + _grid_option(q, d, layers, record, is_input, ZERO)]
        columns = q[q[record + L_COLUMN_GRIDS] + _grid_option(q, d, layers, record, is_input, ONE)]
        for part in range(parts):
            s = position + streams * S_SIZE
            if s + S_SIZE > w.size:
                return s + S_SIZE
            w[s : s + S_SIZE] = 0
            w[s + S_LAYER] = -1 - number if is_input else index
            w[s + S_PART] = part
            w[s + S_CORE] = -1 if is_input else q[q[place + P_CORES] + part % q[place + P_WAYS]]
            w[s + S_STACK] = -1 if is_input else d[2 * layers + index]
            w[s + S_ROWS], w[s + S_COLUMNS] = q[rows], q[columns]
            w[s + S_TILES] = q[rows] * q[columns]
            w[s + S_ROW_BOUNDS], w[s + S_COLUMN_BOUNDS] = rows + 1, columns + 1
            w[s + S_UNIT] = q[record + L_UNIT] * (q[record + L_CHANNELS] // parts)
            w[s + S_FIRST] = tensors
            w[s + S_FIRST_WAITER] = -1
            w[s + S_NEXT_WAITER] = -1
            for operand in range(3):
                w[s + S_MEMORY + operand] = -1 if is_input else q[q[Q_CORE_MEMORY] + w[s + S_CORE] * 3 + operand]
            w[s + S_HOME] = w[s + S_MEMORY + 2]
            if not is_input:
                w[s + S_OUTPUT] = q[record + L_OUTPUT]
            tensors += w[s + S_TILES]
            streams += 1
    first[inputs + layers] = streams
    w[W_STREAMS], w[W_TENSORS] = streams, tensors
    w[W_END] = position + streams * S_SIZE
    w[W_PRIORITY] = d[3 * layers + cores]
    return OK


@kernel
def _make_reads(q: IntArray, d: IntArray, w: IntArray, first: IntArray) -> int:
    """Write what each stream reads, and from it what it needs, what is streamed and what it costs."""
    layers, inputs = q[Q_LAYERS], q[Q_INPUTS]
    end = w[W_END]
    for index in range(layers):
        record = q[Q_LAYER] + index * L_SIZE
        place = q[record + L_PLACES] + d[index] * P_SIZE
        parts = q[place + P_PARTS]
        share = q[record + L_CHANNELS] // parts
        tile = d[layers + index]
        for part in range(parts):
            s = w[W_STREAM] + (first[inputs + index] + part) * S_SIZE
            w[s + S_EDGES] = end
            for edge in range(q[record + L_EDGE_COUNT]):
                e = q[record + L_EDGES] + edge * E_SIZE
                if end + R_SIZE > w.size:
                    return end + R_SIZE
                producer = q[e + E_PRODUCER]
                source = _producer_record(q, producer)
                first_part, last_part = 0, 1 if producer < 0 else _parts(q, d, source, producer)
                if q[e + E_BY_CHANNEL]:
                    extent = q[source + L_CHANNELS]
                    size = extent // last_part
                    low = (q[e + E_SCALE] * (part * share) + q[e + E_LOW]) // q[e + E_DIVISOR]
                    high = (q[e + E_SCALE] * ((part + 1) * share - 1) + q[e + E_HIGH]) // q[e + E_DIVISOR] + 1
                    low, high = min(max(low, 0), extent), max(min(high, extent), 0)
                    if low >= high:
                        continue
                    first_part, last_part = low // size, (high + size - 1) // size
                base = first[inputs + producer] if producer >= 0 else first[-1 - producer]
                w[end + R_FIRST], w[end + R_COUNT] = base + first_part, last_part - first_part
                w[end + R_MEMORY] = q[e + E_OPERAND]  # the operand for now; turned into its memory below
                w[end + R_CUT] = producer >= 0 and d[2 * layers + producer] != d[2 * layers + index]
                _window_tables(q, d, w, layers, record, tile, place, part, e, source, producer < 0, end, w[W_STREAM] + base * S_SIZE)
                operand = q[e + E_OPERAND]
                p = w[W_STREAM] + (base + first_part) * S_SIZE
                widest = q[w[end + R_ROW_TABLE] - 1] * q[w[end + R_COLUMN_TABLE] - 1]
                w[s + S_NEED + operand] += widest * w[p + S_UNIT] * w[end + R_COUNT]
                end += R_SIZE
                w[s + S_EDGE_COUNT] += 1
            _cost_stream(q, d, w, layers, record, place, tile, parts, s)
    w[W_END] = end
    return OK


@inlined
def _window_tables(
    q: IntArray,
    d: IntArray,
    w: IntArray,
    layers: int,
    record: int,
    tile: int,
    place: int,
    part: int,
    e: int,
    source: int,
    is_input: bool,
    r: int,
    p: int,
) -> None:
    """Point a reads record at its interval tables and reader counts."""
    times = q[q[q[record + L_ROW_GRIDS] + q[q[record + L_TILES] + tile * T_SIZE]]]
    across = q[q[q[record + L_COLUMN_GRIDS] + q[q[record + L_TILES] + tile * T_SIZE + 1]]]
    row_axis, column_axis = q[e + E_ROW_AXIS], q[e + E_COLUMN_AXIS]
    for columns in range(2):
        axis = column_axis if columns else row_axis
        option = _axis_option(q, record, tile, place, axis)
        count = q[e + E_ROW_OPTIONS + columns]
        table = q[q[e + E_ROW_TABLES + columns] + option * count + _grid_option(q, d, layers, source, is_input, columns)]
        tiles = w[p + S_COLUMNS] if columns else w[p + S_ROWS]
        positions = times if axis == ROWS else across if axis == COLUMNS else 1
        if axis == CHANNELS:
            table += part * (3 + tiles)
        field = R_COLUMN_TABLE if columns else R_ROW_TABLE
        w[r + field] = table + 1
        w[r + field + 1] = 2 if axis == ROWS else 0
        w[r + field + 2] = 2 if axis == COLUMNS else 0
        w[r + R_ROW_COUNTS + columns] = table + 1 + 2 * positions
    w[r + R_TIMES] = 1
    if row_axis != ROWS and column_axis != ROWS:
        w[r + R_TIMES] *= times
    if row_axis != COLUMNS and column_axis != COLUMNS:
        w[r + R_TIMES] *= across


@inlined
def _axis_option(q: IntArray, record: int, tile: int, place: int, axis: int) -> int:
    if axis in (ROWS, COLUMNS):
        return q[q[record + L_TILES] + tile * T_SIZE + (axis == COLUMNS)]
    return q[place + P_OPTION] if axis == CHANNELS else 0


@inlined
def _tile_bits(q: IntArray, w: IntArray, s: int, row: int, column: int) -> int:
    height = q[w[s + S_ROW_BOUNDS] + row + 1] - q[w[s + S_ROW_BOUNDS] + row]
    width = q[w[s + S_COLUMN_BOUNDS] + column + 1] - q[w[s + S_COLUMN_BOUNDS] + column]
    return height * width * w[s + S_UNIT]


@inlined
def _cost_stream(q: IntArray, d: IntArray, w: IntArray, layers: int, record: int, place: int, tile: int, parts: int, s: int) -> None:
    """Decide what is streamed, look up the costs, and turn operands into memories."""
    weights = q[record + L_WEIGHTS] // parts
    w[s + S_NEED + 2] = _tile_bits(q, w, s, ZERO, ZERO)
    mask = _choose_streamed(q, w, s, weights)
    core = w[s + S_CORE]
    cell = (q[place + P_OPTION] * q[record + L_TILE_OPTIONS] + tile) * q[record + L_CLASSES] + q[q[Q_CORE_CLASS] + core]
    cell = cell * q[record + L_FLOWS] + d[3 * layers + core]
    for corner in range(4):
        w[s + S_COST + corner] = q[q[record + L_COST] + (cell * 4 + corner) * 8 + mask]
    cost = w[s + S_COST]
    mask = q[cost + C_MASK]
    w[s + S_MASK] = mask
    w[W_MISSING] += q[cost + C_MISSING]
    if mask & 2:
        w[s + S_STREAMS_WEIGHTS] = weights > 0
    else:
        w[s + S_WEIGHTS] = weights
    _buffers(q, w, s, weights)
    for edge in range(w[s + S_EDGE_COUNT]):
        r = w[s + S_EDGES] + edge * R_SIZE
        operand = w[r + R_MEMORY]
        w[r + R_MEMORY] = -1 if mask >> operand & 1 else w[s + S_MEMORY + operand]
    if mask & 4:
        w[s + S_HOME] = -1


@inlined
def _need(w: IntArray, s: int, operand: int, weights: int) -> int:
    return w[s + S_NEED + operand] + (weights if operand == 1 else 0)


@inlined
def _choose_streamed(q: IntArray, w: IntArray, s: int, weights: int) -> int:
    """The twin of `_figures.choose_streamed`."""
    mask = 0
    taken = 0  # operands already placed, as bits
    for _ in range(3):
        best = -1
        for operand in range(3):
            if not taken >> operand & 1 and (best < 0 or _need(w, s, operand, weights) < _need(w, s, best, weights)):
                best = operand
        taken |= 1 << best
        memory = w[s + S_MEMORY + best]
        need = _need(w, s, best, weights)
        if need == 0 or memory < 0:
            continue
        total = need
        for operand in range(3):
            if operand != best and taken >> operand & 1 and not mask >> operand & 1 and w[s + S_MEMORY + operand] == memory:
                total += _need(w, s, operand, weights)
        if total > q[q[Q_CAPACITY] + memory]:
            mask |= 1 << best
    return mask


@inlined
def _buffers(q: IntArray, w: IntArray, s: int, weights: int) -> None:
    """Give streamed operands the space that the cost model used, as far as the resident ones leave it."""
    mask = w[s + S_MASK]
    for operand in range(3):
        memory = w[s + S_MEMORY + operand]
        w[s + S_BUFFER + operand] = 0
        if not mask >> operand & 1 or memory < 0:
            continue
        room = q[q[Q_CAPACITY] + memory]
        for other in range(3):
            if w[s + S_MEMORY + other] == memory:
                if not mask >> other & 1:
                    room -= _need(w, s, other, weights)
                elif other < operand:
                    room -= w[s + S_BUFFER + other]
        w[s + S_BUFFER + operand] = max(0, min(q[w[s + S_COST] + C_HELD + operand], room))


@kernel
def _make_readers(q: IntArray, w: IntArray) -> int:
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
    if end > w.size:
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
                o = w[p + S_OUT] + w[p + S_OUT_COUNT] * O_SIZE
                w[p + S_OUT_COUNT] += 1
                w[o + O_EDGE] = r
                w[o + O_HOLDER] = -1 if w[r + R_MEMORY] < 0 else _add_holder(q, w, p, w[r + R_MEMORY])
                w[w[r + R_SLOTS] + offset] = w[o + O_HOLDER]  # the holder for now; turned into its slots below
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
def _make_resources(q: IntArray, w: IntArray, crowding: int) -> int:
    """Lay out cores, links, stores, bit sets, operand list and heap behind the streams; `crowding` scales the event lists."""
    end = w[W_END]
    tiles, streams, links, memories = w[W_TENSORS], w[W_STREAMS], q[Q_LINKS], q[Q_MEMORIES]
    w[W_CORE] = end
    end += q[Q_CORES] * CORE_SIZE
    w[W_HEAP] = end
    end += (streams + 1) * 3
    w[W_BITSET_WORDS] = (tiles + streams + 31) >> 5
    w[W_BITSET] = end
    end += w[W_BITSET_WORDS] * memories
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
    if end > w.size:
        return end
    w[w[W_CORE] : clear_to] = 0
    for link in range(links):
        base = w[W_LINK] + link * (LINK_BUSY + 2 * w[W_LINK_CAPACITY])
        w[base : base + LINK_BUSY] = 0
    for memory in range(memories):
        base = w[W_STORE] + memory * (STORE_EVENTS + EVENT_SIZE * w[W_STORE_CAPACITY])
        w[base : base + STORE_EVENTS] = 0
    return OK


# ---------------------------------------------------------------------------------------------------------- links and stores


@inlined
def _first_window(q: IntArray, w: IntArray, path: int, start: int, cycles: int) -> int:
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
def _occupy(q: IntArray, w: IntArray, path: int, start: int, cycles: int, bits: int) -> None:
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
def _store(w: IntArray, memory: int) -> int:
    return w[W_STORE] + memory * (STORE_EVENTS + EVENT_SIZE * w[W_STORE_CAPACITY])


@inlined
def _record(w: IntArray, memory: int, time: int, bits: int, activation: bool) -> None:
    """Reserve (positive) or release (negative) bits from `time` on; changes at equal times merge."""
    base = _store(w, memory)
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
def _room_from(q: IntArray, w: IntArray, memory: int, bits: int, start: int) -> int:
    """Return the earliest time from `start` on after which `bits` more fit for good; they fit after the last event."""
    base = _store(w, memory)
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


# ---------------------------------------------------------------------------------------------------------- transfers


@inlined
def _path_of(q: IntArray, source: int, target: int) -> int:
    return q[q[Q_PATH] + source * (q[Q_CORES] + 1) + target]


@inlined
def _cycles(bits: int, width: int) -> int:
    """Return bits / width rounded up: exact below 2**52, and several times faster than an integer division."""
    whole = int(bits / width)
    return whole + (whole * width < bits)


@inlined
def _transfer(
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
        start = _first_window(q, w, path, start, cycles)
        _occupy(q, w, path, start, cycles, bits)
    if sender >= 0:
        unit = q[q[Q_READ_UNIT] + sender]
        w[_store(w, sender) + STORE_READ] += _cycles(bits, unit)
    if receiver >= 0:
        unit = q[q[Q_WRITE_UNIT] + receiver]
        w[_store(w, receiver) + STORE_WRITTEN] += _cycles(bits, unit)
    dram = q[Q_CORES]
    if source == dram:
        w[W_DRAM_READ] += _cycles(bits, q[Q_DRAM_WIDTH])
        w[W_DRAM_BITS] += bits
    if target == dram:
        w[W_DRAM_WRITE] += _cycles(bits, q[Q_DRAM_WIDTH])
        w[W_DRAM_BITS] += bits
    end = start + cycles
    w[W_FINISH] = max(w[W_FINISH], end)
    if rec.shape[0]:
        _trace(w, rec, TRANSFER, cause, tensor, source, target, sender, receiver, bits, start, end)
    return end


@inlined
def _trace(
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
    if row < rec.shape[0]:
        rec[row, 0], rec[row, 1], rec[row, 2], rec[row, 3], rec[row, 4] = kind, v1, v2, v3, v4
        rec[row, 5], rec[row, 6], rec[row, 7], rec[row, 8], rec[row, 9] = v5, v6, v7, v8, v9
    else:
        w[W_PROBLEM] = 2
    w[W_RECORDED] = row + 1


@inlined
def _off_chip(
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
    end = _transfer(q, w, rec, cause, tensor, source, target, sender, receiver, bits, cycles, start)
    w[engine] = end
    return end


@inlined
def _way_to_dram(q: IntArray, core: int, reads: bool) -> int:
    """Return the width of the way between a core and the DRAM, ports of memories aside."""
    dram = q[Q_CORES]
    pair = dram * (dram + 1) + core if reads else core * (dram + 1) + dram
    return min(q[q[Q_PATH_WIDTH] + pair], q[Q_DRAM_WIDTH])


@inlined
def _write_back(q: IntArray, w: IntArray, rec: IntArray, cause: int, tensor: int, memory: int, core: int, start: int) -> None:
    x = w[W_TENSOR] + tensor * X_SIZE
    width = min(_way_to_dram(q, core, NO), q[q[Q_READ_WIDTH] + memory])
    bits = w[x + X_BITS]
    w[x + X_DRAM] = _off_chip(q, w, rec, cause, tensor, NO, core, memory, bits, _cycles(bits, width), start)


# ---------------------------------------------------------------------------------------------------------- residency


@inlined
def _mark(w: IntArray, memory: int, tensor: int, present: bool) -> None:
    word = w[W_BITSET] + memory * w[W_BITSET_WORDS] + (tensor >> 5)
    if present:
        w[word] |= 1 << (tensor & 31)
    else:
        w[word] &= ~(1 << (tensor & 31))


@inlined
def _slot_in(w: IntArray, tensor: int, memory: int) -> int:
    """Return the slot of a tensor in a memory it may be in."""
    s = w[W_STREAM] + w[w[W_TENSOR] + tensor * X_SIZE + X_STREAM] * S_SIZE
    if tensor >= w[W_TENSORS]:
        return w[s + S_WEIGHT_SLOT]
    h = w[s + S_HOLDERS]
    while w[h + H_MEMORY] != memory:
        h += H_SIZE
    return w[h + H_SLOT] + (tensor - w[s + S_FIRST]) * A_SIZE


@inlined
def _home_slot(w: IntArray, tensor: int) -> int:
    """Return the slot a tensor was produced in; -1 if it came from DRAM."""
    s = w[W_STREAM] + w[w[W_TENSOR] + tensor * X_SIZE + X_STREAM] * S_SIZE
    if tensor >= w[W_TENSORS] or w[s + S_HOME] < 0:
        return -1
    return w[w[s + S_HOLDERS] + H_SLOT] + (tensor - w[s + S_FIRST]) * A_SIZE


@inlined
def _at_home(w: IntArray, tensor: int, home: int) -> bool:
    return home >= 0 and w[w[W_TENSOR] + tensor * X_SIZE + X_SPILLED] == 0 and w[home + A_AVAILABLE] >= 0


@inlined
def _entry(w: IntArray, tensor: int, memory: int) -> int:
    """Return the core through which a tensor's home reaches a memory; -1 if there is no way."""
    h = w[w[W_STREAM] + w[w[W_TENSOR] + tensor * X_SIZE + X_STREAM] * S_SIZE + S_HOLDERS]
    while w[h + H_MEMORY] != memory:
        h += H_SIZE
    return w[h + H_ENTRY]


@inlined
def _drop(w: IntArray, tensor: int, memory: int, slot: int, time: int) -> None:
    _record(w, memory, time, -w[w[W_TENSOR] + tensor * X_SIZE + X_BITS], tensor < w[W_TENSORS])
    w[slot + A_AVAILABLE] = NEVER
    _mark(w, memory, tensor, NO)


@inlined
def _free_if_done(w: IntArray, tensor: int, memory: int, slot: int, home: int) -> None:
    """Free a tensor once nobody reads it there any more (rule 13)."""
    x = w[W_TENSOR] + tensor * X_SIZE
    if w[slot + A_AVAILABLE] < 0 or w[slot + A_READERS] > 0:
        return
    if slot == home and w[x + X_SPILLED] == 0 and w[x + X_UNSENT] > 0:
        return
    _drop(w, tensor, memory, slot, w[slot + A_LATEST])


@kernel
def _evict(q: IntArray, w: IntArray, rec: IntArray, tensor: int, memory: int, slot: int, core: int, start: int) -> None:
    w[W_EVICTIONS] += 1
    x = w[W_TENSOR] + tensor * X_SIZE
    home = _home_slot(w, tensor)
    release = max(start, w[slot + A_AVAILABLE], w[slot + A_LATEST])
    if _at_home(w, tensor, home) and slot != home:
        if _entry(w, tensor, memory) >= 0:
            w[x + X_UNSENT] += 1  # it can be sent again
    else:
        if w[x + X_DRAM] == NEVER:
            _write_back(q, w, rec, EVICTION, tensor, memory, core, release)
            release = w[x + X_DRAM]
        w[x + X_SPILLED] = 1
        w[x + X_UNSENT] = 0
    _drop(w, tensor, memory, slot, release)


@kernel
def _evict_for(q: IntArray, w: IntArray, rec: IntArray, memory: int, core: int, bits: int, start: int, stamp: int) -> None:
    """Evict by falling tensor id: first what nothing uses any more at `start`, then what is in use, when its use ends."""
    capacity = q[q[Q_CAPACITY] + memory]
    base = _store(w, memory)
    words = w[W_BITSET] + memory * w[W_BITSET_WORDS]
    for idle in range(2):
        for word in range(w[W_BITSET_WORDS] - 1, -1, -1):
            if w[words + word] == 0:
                continue
            for bit in range(31, -1, -1):
                if not w[words + word] >> bit & 1:
                    continue
                if w[base + STORE_HELD] + bits <= capacity:
                    return
                tensor = (word << 5) + bit
                slot = _slot_in(w, tensor, memory)
                if w[slot + A_STAMP] == stamp:
                    continue
                if idle == 0 and max(w[slot + A_AVAILABLE], w[slot + A_LATEST]) > start:
                    continue
                _evict(q, w, rec, tensor, memory, slot, core, start)


@inlined
def _make_room(q: IntArray, w: IntArray, rec: IntArray, memory: int, core: int, bits: int, start: int, stamp: int) -> int:
    """Return from when on `bits` fit for good, evicting only if no recorded release helps (rule 12)."""
    base = _store(w, memory)
    capacity = q[q[Q_CAPACITY] + memory]
    if w[base + STORE_HELD] + bits > capacity:
        _evict_for(q, w, rec, memory, core, bits, start, stamp)
        if w[base + STORE_HELD] + bits > capacity:  # it overflows, and is reported as a violation
            last = w[base + STORE_EVENTS + EVENT_SIZE * (w[base + STORE_COUNT] - 1)] if w[base + STORE_COUNT] else 0
            return max(start, last)
    return _room_from(q, w, memory, bits, start)


@kernel
def _fetch(q: IntArray, w: IntArray, rec: IntArray, tensor: int, memory: int, slot: int, core: int, floor: int, stamp: int) -> int:
    """Bring a tensor to `memory` for a tile on `core`; return when it is there (rules 4 to 7)."""
    x = w[W_TENSOR] + tensor * X_SIZE
    bits = w[x + X_BITS]
    home = _home_slot(w, tensor)
    entry = _entry(w, tensor, memory) if _at_home(w, tensor, home) else -1
    if entry >= 0:
        s = w[W_STREAM] + w[x + X_STREAM] * S_SIZE
        start = _make_room(q, w, rec, memory, core, bits, max(w[x + X_END], floor), stamp)
        width = min(q[q[Q_PATH_WIDTH] + w[s + S_CORE] * (q[Q_CORES] + 1) + entry], q[q[Q_READ_WIDTH] + w[s + S_HOME]])
        cycles = _cycles(bits, min(width, q[q[Q_WRITE_WIDTH] + memory]))
        end = _transfer(q, w, rec, ACTIVATION, tensor, w[s + S_CORE], entry, w[s + S_HOME], memory, bits, cycles, start)
    else:
        start = max(w[x + X_DRAM], floor, w[w[W_CORE] + core * CORE_SIZE + CORE_READ])
        start = _make_room(q, w, rec, memory, core, bits, start, stamp)
        cycles = _cycles(bits, min(_way_to_dram(q, core, YES), q[q[Q_WRITE_WIDTH] + memory]))
        is_input = w[w[W_STREAM] + w[x + X_STREAM] * S_SIZE + S_LAYER] < 0
        cause = WEIGHTS if tensor >= w[W_TENSORS] else NETWORK_INPUT if is_input else REFETCH
        end = _off_chip(q, w, rec, cause, tensor, YES, core, memory, bits, cycles, start)
    _record(w, memory, end - cycles, bits, tensor < w[W_TENSORS])
    w[slot + A_AVAILABLE], w[slot + A_LATEST] = end, end
    _mark(w, memory, tensor, YES)
    if entry >= 0:
        w[x + X_UNSENT] -= 1
        w[home + A_LATEST] = max(w[home + A_LATEST], end)
        _free_if_done(w, tensor, w[w[W_STREAM] + w[x + X_STREAM] * S_SIZE + S_HOME], home, home)
    return end


# ---------------------------------------------------------------------------------------------------------- candidates


@inlined
def _less(w: IntArray, a: int, b: int) -> bool:
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
def _pop(w: IntArray) -> int:
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
def _advance(q: IntArray, w: IntArray, number: int) -> None:
    """Look on from where stream `number` last waited: it becomes a candidate, or waits for the next tile that is missing (rule 1)."""
    s = w[W_STREAM] + number * S_SIZE
    row, column = w[s + S_AT_ROW], w[s + S_AT_COLUMN]
    ready = w[s + S_READY]
    edge, offset = w[s + S_AT_EDGE], w[s + S_AT_PRODUCER]
    while edge < w[s + S_EDGE_COUNT]:
        r = w[s + S_EDGES] + edge * R_SIZE
        across = w[r + R_ROW_TABLE] + row * w[r + R_ROW_BY_ROW] + column * w[r + R_ROW_BY_COLUMN]
        along = w[r + R_COLUMN_TABLE] + row * w[r + R_COLUMN_BY_ROW] + column * w[r + R_COLUMN_BY_COLUMN]
        reads = q[across] < q[across + 1] and q[along] < q[along + 1]
        while (reads or w[r + R_CUT]) and offset < w[r + R_COUNT]:
            producer = w[r + R_FIRST] + offset
            p = w[W_STREAM] + producer * S_SIZE
            wanted = (q[across + 1] - 1) * w[p + S_COLUMNS] + q[along + 1] - 1 if reads else 0
            last = w[p + S_TILES] - 1 if w[r + R_CUT] else wanted
            if w[p + S_DONE] <= last:
                w[s + S_AT_EDGE], w[s + S_AT_PRODUCER], w[s + S_READY], w[s + S_WAITS_FOR] = edge, offset, ready, last
                w[s + S_NEXT_WAITER] = w[p + S_FIRST_WAITER]
                w[p + S_FIRST_WAITER] = number
                return
            ready = max(ready, w[w[W_TENSOR] + (w[p + S_FIRST] + last) * X_SIZE + X_END])
            offset += 1
        offset = 0
        edge += 1
    w[s + S_READY] = ready
    layer = w[s + S_LAYER]
    tie = w[s + S_DONE] << 16 | number
    if w[W_PRIORITY] == 0:  # rule 2
        _push(w, w[s + S_STACK] * (1 << 20) - layer, tie, number)
    else:
        _push(w, ready, layer << 40 | tie, number)


@inlined
def _step(q: IntArray, w: IntArray, number: int) -> None:
    """Move a stream to its next tile and wake the streams that waited for this one."""
    s = w[W_STREAM] + number * S_SIZE
    done = w[s + S_DONE] + 1
    w[s + S_DONE] = done
    if done < w[s + S_TILES]:
        w[s + S_AT_COLUMN] += 1
        if w[s + S_AT_COLUMN] == w[s + S_COLUMNS]:
            w[s + S_AT_COLUMN] = 0
            w[s + S_AT_ROW] += 1
        w[s + S_AT_EDGE], w[s + S_AT_PRODUCER] = 0, 0
        w[s + S_READY] = w[w[W_TENSOR] + (w[s + S_FIRST] + done - 1) * X_SIZE + X_END]
        _advance(q, w, number)
    waiter = w[s + S_FIRST_WAITER]
    w[s + S_FIRST_WAITER] = -1
    while waiter >= 0:
        c = w[W_STREAM] + waiter * S_SIZE
        following = w[c + S_NEXT_WAITER]
        if w[c + S_WAITS_FOR] < done:
            _advance(q, w, waiter)
        else:
            w[c + S_NEXT_WAITER] = w[s + S_FIRST_WAITER]
            w[s + S_FIRST_WAITER] = waiter
        waiter = following


# ---------------------------------------------------------------------------------------------------------- one tile


@inlined
def _create(q: IntArray, w: IntArray, number: int, row: int, column: int, end: int, home: int) -> tuple[bool, int]:
    """Write the tensor of a tile and count its readers; return (needed in DRAM, tensor)."""
    s = w[W_STREAM] + number * S_SIZE
    tile = row * w[s + S_COLUMNS] + column
    tensor = w[s + S_FIRST] + tile
    x = w[W_TENSOR] + tensor * X_SIZE
    w[x + X_END] = end
    w[x + X_DRAM] = NEVER if home >= 0 else end
    w[x + X_BITS] = _tile_bits(q, w, s, row, column)
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
        readers = q[w[r + R_ROW_COUNTS] + row] * q[w[r + R_COLUMN_COUNTS] + column] * w[r + R_TIMES]
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
    needs_dram, tensor = _create(q, w, number, w[s + S_AT_ROW], w[s + S_AT_COLUMN], end, home)
    if home < 0:
        return
    x = w[W_TENSOR] + tensor * X_SIZE
    slot = _home_slot(w, tensor)
    w[slot + A_AVAILABLE], w[slot + A_LATEST] = end, end
    _record(w, home, start, w[x + X_BITS], YES)
    _mark(w, home, tensor, YES)
    if needs_dram:
        _write_back(q, w, rec, OUTPUT, tensor, home, w[s + S_CORE], end)
        w[slot + A_LATEST] = max(w[slot + A_LATEST], w[x + X_DRAM])
    _free_if_done(w, tensor, home, slot, slot)


@inlined
def _gather(q: IntArray, w: IntArray, s: int, number: int, stamp: int) -> tuple[int, int, int]:
    """List the operands that must be on the core, missing ones again behind; return (count, missing, when streamed ones exist)."""
    row, column = w[s + S_AT_ROW], w[s + S_AT_COLUMN]
    count, missing, exist = 0, 0, 0
    capacity = w[W_GATHER_CAPACITY]
    lists = w[W_GATHER]
    behind = lists + capacity * G_SIZE
    for edge in range(w[s + S_EDGE_COUNT]):
        r = w[s + S_EDGES] + edge * R_SIZE
        across = w[r + R_ROW_TABLE] + row * w[r + R_ROW_BY_ROW] + column * w[r + R_ROW_BY_COLUMN]
        along = w[r + R_COLUMN_TABLE] + row * w[r + R_COLUMN_BY_ROW] + column * w[r + R_COLUMN_BY_COLUMN]
        memory = w[r + R_MEMORY]
        for offset in range(w[r + R_COUNT]):
            p = w[W_STREAM] + (w[r + R_FIRST] + offset) * S_SIZE
            for i in range(q[across], q[across + 1]):
                for j in range(q[along], q[along + 1]):
                    tile = i * w[p + S_COLUMNS] + j
                    tensor = w[p + S_FIRST] + tile
                    if memory < 0:
                        exist = max(exist, w[w[W_TENSOR] + tensor * X_SIZE + X_DRAM])
                        continue
                    if count >= capacity:
                        w[W_PROBLEM] = 1
                        return count, missing, exist
                    slot = w[w[r + R_SLOTS] + offset] + tile * A_SIZE
                    g = lists + count * G_SIZE
                    w[g + G_TENSOR], w[g + G_SLOT], w[g + G_MEMORY] = tensor, slot, memory
                    count += 1
                    if w[slot + A_AVAILABLE] < 0 and w[slot + A_STAMP] != stamp:
                        missing = _insert_missing(w, behind, missing, tensor, slot, memory)
                    w[slot + A_STAMP] = stamp
    if w[s + S_WEIGHTS] > 0:
        slot = w[s + S_WEIGHT_SLOT]
        g = lists + count * G_SIZE
        w[g + G_TENSOR], w[g + G_SLOT], w[g + G_MEMORY] = w[W_TENSORS] + number, slot, w[s + S_MEMORY + 1]
        count += 1
        if w[slot + A_AVAILABLE] < 0:
            missing = _insert_missing(w, behind, missing, w[W_TENSORS] + number, slot, w[s + S_MEMORY + 1])
        w[slot + A_STAMP] = stamp
    return count, missing, exist


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
            start = _make_room(q, w, rec, memory, core, need, start, stamp)
    return start


@inlined
def _stream_operands(q: IntArray, w: IntArray, rec: IntArray, cost: int, core: int, tensor: int, start: int, end: int) -> int:
    """Move streamed operands while the tile runs; return when both have ended."""
    if q[cost + C_READ] > 0:
        bits = q[cost + C_READ]
        end = max(end, _off_chip(q, w, rec, STREAMED_READ, tensor, YES, core, NONE, bits, _cycles(bits, _way_to_dram(q, core, YES)), start))
    if q[cost + C_WRITE] > 0:
        bits = q[cost + C_WRITE]
        end = max(end, _off_chip(q, w, rec, STREAMED_WRITE, tensor, NO, core, NONE, bits, _cycles(bits, _way_to_dram(q, core, NO)), start))
    return end


@inlined
def _run_tile(q: IntArray, w: IntArray, rec: IntArray, number: int) -> None:
    s = w[W_STREAM] + number * S_SIZE
    core = w[s + S_CORE]
    c = w[W_CORE] + core * CORE_SIZE
    w[W_TILE_NUMBER] += 1
    stamp = w[W_TILE_NUMBER]
    row, column, ready = w[s + S_AT_ROW], w[s + S_AT_COLUMN], w[s + S_READY]
    tensor = w[s + S_FIRST] + w[s + S_DONE]
    count, missing, exist = _gather(q, w, s, number, stamp)
    behind = w[W_GATHER] + w[W_GATHER_CAPACITY] * G_SIZE
    for i in range(missing):
        g = behind + i * G_SIZE
        _fetch(q, w, rec, w[g + G_TENSOR], w[g + G_MEMORY], w[g + G_SLOT], core, w[c + CORE_LAST], stamp)  # rule 5
    start = max(w[c + CORE_FREE], ready, exist, w[W_BARRIER])  # rule 3
    for i in range(count):
        start = max(start, w[w[w[W_GATHER] + i * G_SIZE + G_SLOT] + A_AVAILABLE])
    start = _reserve(q, w, rec, s, _tile_bits(q, w, s, row, column), core, start, stamp)
    corner = 2 * (row == w[s + S_ROWS] - 1) + (column == w[s + S_COLUMNS] - 1)
    cost = w[s + S_COST + corner]
    end = _stream_operands(q, w, rec, cost, core, tensor, start, start + q[cost + C_CYCLES])  # rule 11
    for operand in range(3):
        bits = w[s + S_BUFFER + operand]
        if bits > 0:
            activation = not (operand == 1 and w[s + S_STREAMS_WEIGHTS] == 1)
            _record(w, w[s + S_MEMORY + operand], start, bits, activation)
            _record(w, w[s + S_MEMORY + operand], end, -bits, activation)
    w[c + CORE_FREE], w[c + CORE_LAST] = end, start
    w[W_FINISH] = max(w[W_FINISH], end)
    if rec.shape[0]:
        _trace(w, rec, TILE, number, tensor - w[s + S_FIRST], core, ready, start, end, ZERO, ZERO, ZERO)
    _produce(q, w, rec, number, start, end)
    for i in range(count):
        slot = w[w[W_GATHER] + i * G_SIZE + G_SLOT]
        w[slot + A_READERS] -= 1
        w[slot + A_LATEST] = max(w[slot + A_LATEST], end)
    for i in range(count):
        g = w[W_GATHER] + i * G_SIZE
        slot = w[g + G_SLOT]
        if w[slot + A_READERS] == 0:
            _free_if_done(w, w[g + G_TENSOR], w[g + G_MEMORY], slot, _home_slot(w, w[g + G_TENSOR]))
    _step(q, w, number)


# ---------------------------------------------------------------------------------------------------------- one genome


@inlined
def _working_bits(w: IntArray, s: int, memory: int) -> int:
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
                    _create(q, w, number, row, column, ZERO, NONE)
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
                end = _fetch(q, w, rec, w[W_TENSORS] + number, w[s + S_MEMORY + 1], slot, w[s + S_CORE], ZERO, NONE)
                w[W_BARRIER] = max(w[W_BARRIER], end)
    for number in range(w[W_STREAMS]):
        if w[w[W_STREAM] + number * S_SIZE + S_LAYER] >= 0:
            _advance(q, w, number)


@kernel
def _activation_peak(q: IntArray, w: IntArray) -> int:
    """Return the highest sum over all stores of the activation bits held at a time."""
    memories = q[Q_MEMORIES]
    next_event = np.zeros(memories, dtype=np.int64)
    held, peak = 0, 0
    while True:
        time = INFINITE
        for memory in range(memories):
            base = _store(w, memory)
            if next_event[memory] < w[base + STORE_COUNT]:
                time = min(time, w[base + STORE_EVENTS + EVENT_SIZE * next_event[memory]])
        if time == INFINITE:
            return peak
        for memory in range(memories):
            base = _store(w, memory)
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
        base = _store(w, memory)
        transfer += w[base + STORE_READ] * ports[memory, 0]
        held, peak = 0, 0
        for event in range(w[base + STORE_COUNT]):
            held += w[base + STORE_EVENTS + EVENT_SIZE * event + 1]
            peak = max(peak, held)
        overflow += max(0, peak - q[q[Q_CAPACITY] + memory])
    for memory in range(q[Q_MEMORIES]):
        transfer += w[_store(w, memory) + STORE_WRITTEN] * ports[memory, 1]
    for link in range(q[Q_LINKS]):
        link_energy += w[w[W_LINK] + link * (LINK_BUSY + 2 * w[W_LINK_CAPACITY]) + LINK_BITS] * links[link]
    out[OUT_LATENCY], out[OUT_MAC], out[OUT_MEMORY], out[OUT_TRANSFER] = w[W_FINISH], mac, memory_energy, transfer
    out[OUT_LINK], out[OUT_DRAM] = link_energy, w[W_DRAM_READ] * dram[0] + w[W_DRAM_WRITE] * dram[1]
    out[OUT_PEAK_BITS], out[OUT_DRAM_BITS] = _activation_peak(q, w), w[W_DRAM_BITS]
    out[OUT_VIOLATION_BITS], out[OUT_EVICTIONS] = overflow, w[W_EVICTIONS]


@kernel
def schedule_one(q: IntArray, d: IntArray, w: IntArray, rec: IntArray, crowding: int) -> int:
    """Schedule one genome's decisions `d` in workspace `w`.

    Returns:
        0, the number of words `w` should have, -1 if `crowding` is too small, or -2 if `rec` is.
    """
    w[:W_HEADER] = 0
    first = np.empty(q[Q_INPUTS] + q[Q_LAYERS] + 1, dtype=np.int64)
    shortage = _make_streams(q, d, w, first)
    if shortage == OK:
        shortage = _make_reads(q, d, w, first)
    if shortage == OK:
        shortage = _make_readers(q, w)
    if shortage == OK:
        shortage = _make_resources(q, w, crowding)
    if shortage != OK:
        return shortage
    _start(q, w, rec)
    while w[W_HEAP_COUNT] > 0 and w[W_PROBLEM] == 0:
        _run_tile(q, w, rec, _pop(w))
    return -w[W_PROBLEM]


@kernel
def schedule_batch(
    q: IntArray,
    decisions: IntArray,
    w: IntArray,
    crowding: int,
    energies: FloatArray,
    ports: FloatArray,
    links: FloatArray,
    dram: FloatArray,
    out: FloatArray,
    begin: int,
) -> tuple[int, int]:
    """Schedule genomes `decisions[begin:]`, shape ``(P, D)``, into `out`, shape ``(P, OUT_SIZE)``.

    Returns:
        (number of the genome it stopped at, reason as in `schedule_one`); the number is P if all are done.
    """
    rec = np.empty((0, TRACE_COLUMNS), dtype=np.int64)
    for number in range(begin, decisions.shape[0]):
        problem = schedule_one(q, decisions[number], w, rec, crowding)
        if problem != OK:
            return number, problem
        sum_up(q, w, energies, ports, links, dram, out[number])
    return decisions.shape[0], OK
