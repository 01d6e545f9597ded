"""The compiled scheduler: spells out one genome's decisions as streams, then schedules them. It equals `_reference` to the last bit.

All functions work on flat int64 buffers, laid out in `_layout`: ``q`` (tables), ``d`` (decisions) and ``w`` (workspace, the only one that
is written). A function that returns a shortage says how many words the workspace lacks; 0 is success. In the order in which a genome
passes through: `_streams` and `_readers` lay it out, `_candidates` choose the next tile, `_tile` runs it, with `_residency`, `_transfers`
and `_resources` below, `_results` add up.
"""

from __future__ import annotations

from stream_evo.schedule._kernel._batch import schedule_batch

__all__ = ["schedule_batch"]
