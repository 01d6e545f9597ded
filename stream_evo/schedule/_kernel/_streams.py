"""Spells out one genome's decisions: the streams of tiles, what each reads, what each costs."""

from __future__ import annotations

from stream_evo._jit import inlined, kernel
from stream_evo.schedule._kernel._buffers import OK, ONE, ZERO, tile_bits
from stream_evo.schedule._layout import *  # noqa: F403  # a vocabulary of offsets, used all over this file
from stream_evo.typing import IntArray

# ruff: noqa: F405  # as above


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
    """Return where the record of a layer, or of an input (negative), begins."""
    return q[Q_LAYER] + producer * L_SIZE if producer >= 0 else q[Q_INPUT] + (-1 - producer) * L_SIZE


@inlined
def _parts(q: IntArray, d: IntArray, record: int, index: int) -> int:
    """Return the number of K-parts that the decisions choose for a layer."""
    return q[q[record + L_PLACES] + d[index] * P_SIZE + P_PARTS]


@kernel
def make_streams(q: IntArray, d: IntArray, w: IntArray) -> int:
    """Write the stream records; `first` receives the first stream of each input (from its end, backwards) and layer."""
    layers, inputs, cores = q[Q_LAYERS], q[Q_INPUTS], q[Q_CORES]
    first = W_HEADER
    position = first + inputs + layers + 1
    w[W_FIRST], w[W_STREAM] = first, position
    streams = 0
    tensors = 0
    for number in range(inputs + layers):
        is_input = number < inputs
        index = number - inputs
        record = q[Q_INPUT] + number * L_SIZE if is_input else q[Q_LAYER] + index * L_SIZE
        w[first + number] = streams
        parts = 1
        place = 0
        if not is_input:
            place = q[record + L_PLACES] + d[index] * P_SIZE
            parts = q[place + P_PARTS]
        rows = q[q[record + L_ROW_GRIDS] + _grid_option(q, d, layers, record, is_input, ZERO)]
        columns = q[q[record + L_COLUMN_GRIDS] + _grid_option(q, d, layers, record, is_input, ONE)]
        for part in range(parts):
            s = position + streams * S_SIZE
            if s + S_SIZE > w[W_SIZE]:
                return s + S_SIZE
            for word in range(S_SIZE):
                w[s + word] = 0
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
            w[s + S_AT_PRODUCER] = -1
            for operand in range(3):
                w[s + S_MEMORY + operand] = -1 if is_input else q[q[Q_CORE_MEMORY] + w[s + S_CORE] * 3 + operand]
            w[s + S_HOME] = w[s + S_MEMORY + 2]
            if not is_input:
                w[s + S_OUTPUT] = q[record + L_OUTPUT]
            tensors += w[s + S_TILES]
            streams += 1
    w[first + inputs + layers] = streams
    w[W_STREAMS], w[W_TENSORS] = streams, tensors
    w[W_END] = position + streams * S_SIZE
    w[W_PRIORITY] = d[3 * layers + cores]
    return OK


@kernel
def make_reads(q: IntArray, d: IntArray, w: IntArray) -> int:
    """Write what each stream reads, and from it what it needs, what is streamed and what it costs."""
    layers, inputs = q[Q_LAYERS], q[Q_INPUTS]
    first, end = w[W_FIRST], w[W_END]
    for index in range(layers):
        record = q[Q_LAYER] + index * L_SIZE
        place = q[record + L_PLACES] + d[index] * P_SIZE
        parts = q[place + P_PARTS]
        share = q[record + L_CHANNELS] // parts
        tile = d[layers + index]
        for part in range(parts):
            s = w[W_STREAM] + (w[first + inputs + index] + part) * S_SIZE
            w[s + S_EDGES] = end
            for edge in range(q[record + L_EDGE_COUNT]):
                e = q[record + L_EDGES] + edge * E_SIZE
                if end + R_SIZE > w[W_SIZE]:
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
                base = w[first + inputs + producer] if producer >= 0 else w[first + -1 - producer]
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
    """Return the option of a tile, or of a place for channels, that decides the extent along an axis."""
    if axis in (ROWS, COLUMNS):
        return q[q[record + L_TILES] + tile * T_SIZE + (axis == COLUMNS)]
    return q[place + P_OPTION] if axis == CHANNELS else 0


@inlined
def _cost_stream(q: IntArray, d: IntArray, w: IntArray, layers: int, record: int, place: int, tile: int, parts: int, s: int) -> None:
    """Decide what is streamed, look up the costs, and turn operands into memories."""
    weights = q[record + L_WEIGHTS] // parts
    w[s + S_NEED + 2] = tile_bits(q, w, s, ZERO, ZERO)
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
    """Return the bits an operand needs on the core; the second one besides all constant weights of the K-part."""
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
