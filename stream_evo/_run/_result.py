"""What a search returns, and how it is saved."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stream_evo._run._job import METRICS, Job
from stream_evo.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from stream_evo._run._session import Session
    from stream_evo.mapping import Mapping as NetworkMapping
    from stream_evo.schedule import Schedule
    from stream_evo.search import SearchResult

__all__ = ["PointMetrics", "Result"]


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

    @property
    def feasible(self) -> bool:
        """True if the mapping fits on the chip."""
        return self.violation_bytes == 0

    def as_dict(self) -> dict[str, float | bool | None]:
        """Return all numbers by name; one that is not finite becomes ``None``, which JSON can hold."""
        numbers = {name: float(getattr(self, name)) for name in METRICS}
        finite = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return finite | {"feasible": self.feasible, "violation_bytes": float(self.violation_bytes)}


@dataclass(frozen=True)
class Result:
    """A Pareto front with what is needed to understand, save and re-evaluate it.

    Points are ordered by latency, then by the other metrics, so that equal fronts are equal files.

    Attributes:
        job: What was asked.
        session: The network on the chip, and their evaluator.
        search: What the search returned.
        lower_bounds: Metric -> value that no mapping can be below.
        layer_by_layer: The best classical layer-by-layer mapping tried; ``None`` if none of those tried fits on the chip.
        hypervolume_reference: Reference point of the hypervolume, one value per objective.
        best_history: Least value of each objective after each generation `(generations, F)`, where evaluations were kept on disk.
    """

    job: Job
    session: Session
    search: SearchResult
    lower_bounds: Mapping[str, float]
    layer_by_layer: PointMetrics | None
    best_history: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.search.front)

    @cached_property
    def _order(self) -> IntArray:
        from stream_evo.report import sort_front  # noqa: PLC0415  # report needs no result, and is slow with its pictures

        return sort_front(self.search.front.genomes, self.search.front.metrics)

    @property
    def title(self) -> str:
        """Network and accelerator, for headings."""
        return f"{self.session.workload.name} on {self.session.accelerator.name}"

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the columns of `metrics`, each with its unit."""
        return METRICS

    @property
    def genomes(self) -> IntArray:
        """Genomes of the points, shape ``(P, V)``."""
        return self.search.front.genomes[self._order]

    @property
    def metrics(self) -> FloatArray:
        """Metrics of the points, shape ``(P, 5)``, columns `metric_names`."""
        return self.search.front.metrics[self._order]

    def __getitem__(self, point: int) -> PointMetrics:
        """Return the numbers of one point.

        Raises:
            IndexError: there is no such point.
        """
        return PointMetrics.of(self.metrics[point])

    def mapping(self, point: int) -> NetworkMapping:
        """Return the mapping of one point."""
        return self.session.spec.decode(self.genomes[point])

    def schedule(self, point: int) -> Schedule:
        """Return the recorded schedule of one point: every tile, transfer and memory over time."""
        return self.session.evaluator.schedule(self.genomes[point])

    @property
    def best_edp(self) -> int:
        """The point with the least energy-delay product.

        Raises:
            ValueError: the front is empty.
        """
        return int(np.argmin(self.metrics[:, METRICS.index("edp_pj_cycles")]))

    def highlights(self) -> list[tuple[str, int | str, tuple[float | str, ...]]]:
        """Return (meaning, point, metrics) of the points people look at first, with the lower bounds and the layer-by-layer point."""
        rows: list[tuple[str, int | str, tuple[float | str, ...]]] = []
        if len(self):
            for name in dict.fromkeys((*self.job.metrics, "edp_pj_cycles")):
                point = int(np.argmin(self.metrics[:, METRICS.index(name)]))
                rows.append((f"least {name.partition('_')[0]}", point, tuple(self.metrics[point].tolist())))
        if self.layer_by_layer is not None:
            numbers = self.layer_by_layer.as_dict()
            rows.append(("layer by layer", "", tuple(_shown(numbers[name]) for name in METRICS)))
        rows.append(("lower bound", "", tuple(_shown(self.lower_bounds.get(name)) for name in METRICS)))
        return rows

    def why_empty(self) -> str:
        """Return what the best infeasible mapping misses, for a search that found nothing feasible."""
        least = self.search.least_infeasible
        if least is None:
            return "no mapping was evaluated"
        return (
            f"no feasible mapping was found. The nearest one misses {', '.join(least.missed)} "
            f"({least.violation_bytes:,.0f} bytes do not fit on the chip). Loosen the limits or pins, search longer, or allow --split"
        )

    def summary(self) -> dict[str, Any]:
        """Return the outcome as plain values: counts, lower bounds, the layer-by-layer point and the whole front."""
        return {
            "network": self.session.workload.name,
            "hardware": self.session.accelerator.name,
            "host_operators": list(self.session.workload.host_operators),
            "objectives": list(self.job.metrics),
            "points": len(self),
            "evaluations": self.search.evaluations,
            "generations": self.search.history[-1].generation if self.search.history else 0,
            "hypervolume": self.search.hypervolume,
            "stopped": str(self.search.stop),
            "lower_bounds": dict(self.lower_bounds),
            "layer_by_layer": None if self.layer_by_layer is None else self.layer_by_layer.as_dict(),
            "front": [self[point].as_dict() for point in range(len(self))],
        }

    def save(self, folder: str | Path) -> None:
        """Write the front with its tables, mappings and pictures into a folder of its own.

        Raises:
            RunFolderError: the folder holds another run or cannot be written.
        """
        from stream_evo._run._save import save_result, start_folder  # noqa: PLC0415  # imports matplotlib

        save_result(self, start_folder(Path(folder), self.job, self.session, command=" ".join(sys.argv)))


def _shown(value: float | bool | None) -> float | str:
    return "" if value is None else float(value)
