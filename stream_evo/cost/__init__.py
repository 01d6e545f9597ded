"""Cost of one tile on one core: spatial unrolling, mapping search, memory accesses, energy and latency.

A tile's loops are unrolled over the array by the core's dataflow; the rest run in time, in an order that decides which loops each memory
keeps, how often data is fetched again, and how long ports make the array wait. The model is ZigZag's (Mei et al., IEEE TC 2021; uniform
latency model, DATE 2022; LOMA, AICAS 2021), the search tries the six orders of the loop groups and improves the best by swaps. Costs depend
on nothing but the request, so they are computed once and tabulated.

Asking:
    TileRequest, DramLevel, OFFCHIP, Goal: one tile on one core under one dataflow; what is off-chip; what to minimise.
Answers:
    evaluate_tiles, TileCosts: many tiles as arrays, by the compiled kernel.
    tile_cost, TileCost, TileShortage: one tile with its mapping, accesses and energy per level.
Tables and text:
    run_table, LAYER_TYPES, parse_dims, parse_bits: rows of a JSON table, strings of the command line.
"""

from stream_evo.cost._request import OFFCHIP, DramLevel, Goal, TileRequest
from stream_evo.cost._table import LAYER_TYPES, parse_bits, parse_dims, run_table
from stream_evo.cost._tiles import TileCost, TileCosts, TileShortage, evaluate_tiles, tile_cost

__all__ = [
    "LAYER_TYPES",
    "OFFCHIP",
    "DramLevel",
    "Goal",
    "TileCost",
    "TileCosts",
    "TileRequest",
    "TileShortage",
    "evaluate_tiles",
    "parse_bits",
    "parse_dims",
    "run_table",
    "tile_cost",
]
