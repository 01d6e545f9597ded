"""What metrics are called in pictures and reports."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["METRIC_LABELS"]

METRIC_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "latency_cycles": "Latency",
        "energy_pj": "Energy",
        "memory_bytes": "Peak on-chip memory",
        "edp_pj_cycles": "Energy-delay product",
        "dram_bytes": "DRAM traffic",
    }
)
"""Metric -> its name without the unit."""
