"""Compiled twin of the plain-Python cost model: the cost of one loop order, and the search over orders, on rows of numbers.

The functions follow `cost/_spatial`, `_allocation`, `_reference` and `_search` step by step and in the same order of operations, so that
results agree to the last bit; comments there are not repeated here. `_layout` says where things stand in the rows.
"""

from stream_evo.cost._kernel._layout import *  # noqa: F403  # a vocabulary of offsets
from stream_evo.cost._kernel._search import GROUP_ORDERS, evaluate_batch

__all__ = ["GROUP_ORDERS", "evaluate_batch"]
