"""Where things lie in the flat integer buffers that tables, kernel and trace reader share.

One buffer of fixed-size records addressed by offset is several times faster than many arrays: each array view that is handed to a helper
costs reference counting in compiled code. All numbers are offsets or record sizes in int64 words.
"""

from __future__ import annotations

# ---- static tables: header
Q_CORES, Q_MEMORIES, Q_LINKS, Q_LAYERS, Q_INPUTS, Q_DMA_CHANNELS, Q_WEIGHTS_FIRST, Q_DRAM_WIDTH = range(8)
Q_CORE_MEMORY, Q_CORE_CLASS, Q_CAPACITY, Q_READ_WIDTH, Q_WRITE_WIDTH, Q_READ_UNIT, Q_WRITE_UNIT = range(8, 15)
Q_LINK_WIDTH, Q_PATH, Q_PATH_WIDTH, Q_ENTRY, Q_LAYER, Q_INPUT, Q_COSTS = range(15, 22)
Q_HEADER = 24

# ---- static tables: one record per layer, also used (in part) for network inputs
L_CHANNELS, L_UNIT, L_WEIGHTS, L_OUTPUT, L_TILES, L_PLACES, L_EDGES, L_EDGE_COUNT = range(8)
L_COST, L_TILE_OPTIONS, L_FLOWS, L_ROW_GRIDS, L_COLUMN_GRIDS, L_PART_OPTIONS, L_CLASSES = range(8, 15)
L_READER, L_READER_ROW_AXIS, L_READER_COLUMN_AXIS = range(15, 18)  # inputs: who cuts them
L_SIZE = 18

# ---- static tables: tile option, placement, edge
T_ROW_OPTION, T_COLUMN_OPTION, T_SIZE = 0, 1, 2
P_PARTS, P_WAYS, P_OPTION, P_CORES, P_SIZE = 0, 1, 2, 3, 4
E_PRODUCER, E_OPERAND, E_ROW_AXIS, E_COLUMN_AXIS, E_ROW_TABLES, E_COLUMN_TABLES, E_ROW_OPTIONS, E_COLUMN_OPTIONS = range(8)
E_BY_CHANNEL, E_SCALE, E_LOW, E_HIGH, E_DIVISOR, E_SIZE = 8, 9, 10, 11, 12, 13
NO_AXIS, ROWS, COLUMNS, CHANNELS = 0, 1, 2, 3

# ---- static tables: cost of a tile (integers) and its energies (floats, two per tile)
C_CYCLES, C_READ, C_WRITE, C_HELD, C_MISSING, C_MASK, C_SIZE = 0, 1, 2, 3, 6, 7, 8

# ---- workspace: header
W_STREAMS, W_TENSORS, W_END, W_FINISH, W_EVICTIONS, W_BARRIER, W_TILE_NUMBER, W_RECORDED = range(8)
W_STREAM, W_TENSOR, W_CORE, W_LINK, W_STORE, W_BITSET, W_BITSET_SIZE, W_GATHER, W_HEAP = range(8, 17)
W_LINK_CAPACITY, W_STORE_CAPACITY, W_GATHER_CAPACITY, W_PROBLEM, W_DRAM_READ, W_DRAM_WRITE, W_DRAM_BITS, W_HEAP_COUNT = range(17, 25)
W_PRIORITY, W_MISSING, W_RUNS, W_MISSING_COUNT, W_OPERANDS_READY, W_BITSET_UPPER = range(25, 31)
W_SIZE, W_RECORD_ROWS, W_FIRST = 31, 32, 33  # words of the workspace, rows of the trace, first stream of each input and layer
W_STACK, W_STACKS, W_OPENED, W_TILES_END = 34, 35, 36, 37  # records and number of stacks, the latest with a tile, latest end of a tile
W_HEADER = 40

# ---- workspace: stream record
S_LAYER, S_PART, S_CORE, S_STACK, S_TILES, S_ROWS, S_COLUMNS, S_ROW_BOUNDS, S_COLUMN_BOUNDS, S_UNIT = range(10)
S_WEIGHTS, S_MASK, S_OUTPUT, S_FIRST, S_STREAMS_WEIGHTS, S_MEMORY, S_COST, S_BUFFER, S_NEED = 10, 11, 12, 13, 14, 15, 18, 22, 25
S_EDGES, S_EDGE_COUNT, S_OUT, S_OUT_COUNT, S_HOLDERS, S_HOLDER_COUNT, S_DONE, S_READY, S_AT_EDGE, S_AT_PRODUCER = range(28, 38)
S_WAITS_FOR, S_NEXT_WAITER, S_FIRST_WAITER, S_WEIGHT_SLOT, S_HOME, S_AT_ROW, S_AT_COLUMN, S_SIZE = 38, 39, 40, 41, 42, 43, 44, 45

# ---- workspace: what a stream reads (R), who reads a stream (O), where its tiles may be (H)
R_FIRST, R_COUNT, R_MEMORY, R_CUT, R_ROW_TABLE, R_ROW_BY_ROW, R_ROW_BY_COLUMN, R_COLUMN_TABLE, R_COLUMN_BY_ROW, R_COLUMN_BY_COLUMN = range(
    10
)
R_ROW_COUNTS, R_COLUMN_COUNTS, R_TIMES, R_SLOTS, R_SIZE = 10, 11, 12, 13, 14
O_EDGE, O_HOLDER, O_PARTS, O_SIZE = 0, 1, 2, 3
H_MEMORY, H_SLOT, H_ENTRY, H_SIZE = 0, 1, 2, 3

# ---- workspace: tensor, slot, core, link, store, event, gathered operand
X_END, X_DRAM, X_BITS, X_SPILLED, X_UNSENT, X_STREAM, X_SIZE = 0, 1, 2, 3, 4, 5, 6
A_AVAILABLE, A_LATEST, A_READERS, A_STAMP, A_SIZE = 0, 1, 2, 3, 4
CORE_FREE, CORE_LAST, CORE_READ, CORE_WRITE, CORE_SIZE = 0, 1, 2, 3, 4
LINK_COUNT, LINK_BITS, LINK_BUSY = 0, 1, 2
STORE_COUNT, STORE_HELD, STORE_READ, STORE_WRITTEN, STORE_EVENTS = 0, 1, 2, 3, 4
EVENT_SIZE = 3
G_TENSOR, G_SLOT, G_MEMORY, G_COUNT, G_SIZE = 0, 1, 2, 3, 4

# ---- workspace: stack (K), later compacted to one record per block
K_LAYER, K_START, K_ENDED, K_BLOCK, K_SIZE = 0, 1, 2, 3, 4

# ---- trace: one row per tile or transfer
TRACE_KIND, TRACE_COLUMNS = 0, 11

# ---- limits of the packed keys by which candidates are ordered
MOST_STREAMS, MOST_TILES = 1 << 16, 1 << 24  # streams of a mapping, tiles of a stream

# ---- results of one genome, float64
(
    OUT_LATENCY,
    OUT_MAC,
    OUT_MEMORY,
    OUT_TRANSFER,
    OUT_LINK,
    OUT_DRAM,
    OUT_PEAK_BITS,
    OUT_DRAM_BITS,
    OUT_VIOLATION_BITS,
    OUT_EVICTIONS,
    OUT_SIZE,
) = range(11)

# ---- what a block contributes, float64, in the row of its first layer; other rows are zero
B_BEHIND, B_LATENCY, B_ENERGY, B_DRAM, B_PEAK, B_SIZE = range(6)
