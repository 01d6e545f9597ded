"""Tile-level list scheduling of computation nodes over contended cores, links, DRAM and memories.

The same rules three times: `schedule_plan` in plain Python, to be read; `Simulator.run`, compiled; `Simulator.trace`, compiled, with
everything that happens written down. Tests hold them equal.

Results:
    Schedule, Totals, Block, TileRun, Transfer, MemoryUsage, Cause: what a schedule tells.
Fast:
    Simulator, Raw, Tables, build_tables: a problem as tables, scheduled by the kernel.
    Choices, Placement, choices_of_spec, choices_of_mapping, decisions_of_genomes, decisions_of_mapping: what the tables range over.
    metrics_of, parts_of, totals_of: names for raw results, of a batch and of one genome.
    compiled_ahead: compiles the kernel beside other work, where it is not compiled yet.
Plain:
    Plan, Stream, Reads, build_plan, schedule_plan: a mapping spelled out, and its schedule.
Both:
    Chip: an accelerator as the scheduler sees it.
    TileBook, TileFigures, CostBook, choose_streamed: what tiles cost and what does not live on a core.
"""

from stream_evo.schedule._ahead import compiled_ahead
from stream_evo.schedule._chip import Chip
from stream_evo.schedule._choices import (
    Choices,
    Placement,
    choices_of_mapping,
    choices_of_spec,
    decisions_of_genomes,
    decisions_of_mapping,
)
from stream_evo.schedule._costs import TileBook
from stream_evo.schedule._figures import TileFigures, choose_streamed
from stream_evo.schedule._plan import CostBook, Plan, Reads, Stream, build_plan
from stream_evo.schedule._reference import schedule_plan
from stream_evo.schedule._schedule import Block, Cause, MemoryUsage, Schedule, TileRun, Totals, Transfer
from stream_evo.schedule._simulator import Raw, Simulator, metrics_of, parts_of, totals_of
from stream_evo.schedule._tables import Tables, build_tables

__all__ = [
    "Block",
    "Cause",
    "Chip",
    "Choices",
    "CostBook",
    "MemoryUsage",
    "Placement",
    "Plan",
    "Raw",
    "Reads",
    "Schedule",
    "Simulator",
    "Stream",
    "Tables",
    "TileBook",
    "TileFigures",
    "TileRun",
    "Totals",
    "Transfer",
    "build_plan",
    "build_tables",
    "choices_of_mapping",
    "choices_of_spec",
    "choose_streamed",
    "compiled_ahead",
    "decisions_of_genomes",
    "decisions_of_mapping",
    "metrics_of",
    "parts_of",
    "schedule_plan",
    "totals_of",
]
