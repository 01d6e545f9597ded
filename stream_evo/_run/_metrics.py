"""The numbers of one mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from stream_evo._html import card, text_table
from stream_evo._run._job import METRICS
from stream_evo.typing import FloatArray

if TYPE_CHECKING:
    from stream_evo.schedule import Totals

__all__ = ["UNITS", "OwnMetric", "PointMetrics", "number_text", "units_of"]

UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"latency_cycles": "cycles", "energy_pj": "pJ", "memory_bytes": "bytes", "edp_pj_cycles": "pJ x cycles", "dram_bytes": "bytes"}
)
"""Metric -> unit, as its name says it."""


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """What is known of the column of an objective of a user's own.

    Attributes:
        unit: Unit; empty if the objective says none.
        fingerprint: Text that is equal exactly where the objective is the same.
    """

    unit: str
    fingerprint: str


def units_of(own: Mapping[str, OwnMetric]) -> dict[str, str]:
    """Return the unit of every metric, those of a user's own last."""
    return {**UNITS, **{name: each.unit for name, each in own.items()}}


def number_text(value: float) -> str:
    """Return a number for people: whole from a thousand on, else with four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 and np.isfinite(value) else f"{value:.4g}"


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
        own: Values of objectives of a user's own, by name.

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
    own: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @classmethod
    def of(cls, metrics: FloatArray, violation_bytes: float = 0.0, *, own: Sequence[str] = ()) -> PointMetrics:
        """Return the numbers of one row of metrics, shape ``(5 + len(own),)``; `own` names those after `METRICS`."""
        latency, energy, memory, edp, dram, *further = metrics.tolist()
        return cls(latency, energy, memory, edp, dram, violation_bytes, MappingProxyType(dict(zip(own, further, strict=True))))

    @classmethod
    def of_totals(cls, totals: Totals) -> PointMetrics:
        """Return the numbers of a schedule."""
        numbers = [float(getattr(totals, name)) for name in METRICS]
        return cls.of(np.array(numbers), float(totals.violation_bytes))

    @property
    def numbers(self) -> dict[str, float]:
        """All metrics by name, those of a user's own last."""
        return {name: float(getattr(self, name)) for name in METRICS} | dict(self.own)

    @property
    def feasible(self) -> bool:
        """True if the mapping fits on the chip."""
        return self.violation_bytes == 0

    def as_dict(self) -> dict[str, float | bool | None]:
        """Return all numbers by name; one that is not finite becomes ``None``, which JSON can hold."""
        finite = {name: value if np.isfinite(value) else None for name, value in self.numbers.items()}
        return finite | {"feasible": self.feasible, "violation_bytes": float(self.violation_bytes)}

    def _repr_html_(self) -> str:
        rows = list(self.numbers.items())
        missing = [] if self.feasible else [("violation_bytes", self.violation_bytes)]
        return card("Metrics", text_table(("metric", "value"), rows + missing, numeric=("value",)))
