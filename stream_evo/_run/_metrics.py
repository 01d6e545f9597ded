"""The numbers of one mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from stream_evo._html import card, text_table
from stream_evo._run._job import METRICS
from stream_evo.typing import FloatArray

if TYPE_CHECKING:
    from stream_evo.schedule import Totals

__all__ = ["UNITS", "PointMetrics"]

UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"latency_cycles": "cycles", "energy_pj": "pJ", "memory_bytes": "bytes", "edp_pj_cycles": "pJ x cycles", "dram_bytes": "bytes"}
)
"""Metric -> unit, as its name says it."""


@dataclass(frozen=True, slots=True)
class PointMetrics:
    """The numbers of one mapping.

    Attributes:
        latency_cycles: Cycles until the last tile or transfer has ended.
        energy_pj: Energy of arrays, memories, links and DRAM.
        memory_bytes: Peak over time of the activations held in all on-chip memories.
        edp_pj_cycles: Energy times latency.
        dram_bytes: Bytes read from and written to DRAM.
        violation_bytes: Bytes that do not fit on the chip; 0 for a feasible mapping.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> metrics = result[0].metrics
        >>> metrics.feasible, metrics.edp_pj_cycles == metrics.energy_pj * metrics.latency_cycles
        (True, True)
    """

    latency_cycles: float
    energy_pj: float
    memory_bytes: float
    edp_pj_cycles: float
    dram_bytes: float
    violation_bytes: float = 0.0

    @classmethod
    def of(cls, metrics: FloatArray, violation_bytes: float = 0.0) -> PointMetrics:
        """Return the numbers of one row of metrics, shape ``(5,)``."""
        return cls(**dict(zip(METRICS, metrics.tolist(), strict=True)), violation_bytes=violation_bytes)

    @classmethod
    def of_totals(cls, totals: Totals) -> PointMetrics:
        """Return the numbers of a schedule."""
        return cls(**{name: float(getattr(totals, name)) for name in METRICS}, violation_bytes=float(totals.violation_bytes))

    @property
    def feasible(self) -> bool:
        """True if the mapping fits on the chip."""
        return self.violation_bytes == 0

    def as_dict(self) -> dict[str, float | bool | None]:
        """Return all numbers by name; one that is not finite becomes ``None``, which JSON can hold."""
        numbers = {name: float(getattr(self, name)) for name in METRICS}
        finite = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return finite | {"feasible": self.feasible, "violation_bytes": float(self.violation_bytes)}

    def _repr_html_(self) -> str:
        rows = [(name, getattr(self, name)) for name in METRICS]
        missing = [] if self.feasible else [("violation_bytes", self.violation_bytes)]
        return card("Metrics", text_table(("metric", "value"), rows + missing, numeric=("value",)))
