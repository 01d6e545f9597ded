"""What a search returns, and how it is saved."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

import numpy as np

from stream_evo._arguments import check_arguments
from stream_evo._html import card, facts, text_table
from stream_evo._run._job import METRICS, Job, metric_of
from stream_evo._run._metrics import OwnMetric, PointMetrics, number_text, units_of
from stream_evo._run._point import Point
from stream_evo.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from stream_evo._run._session import Session
    from stream_evo.search import LeastInfeasible, SearchResult

__all__ = ["Result"]

_Array = TypeVar("_Array", IntArray, FloatArray)


@dataclass(frozen=True, repr=False)
class Result:
    """A Pareto front with what is needed to understand, save and re-evaluate it.

    Points are ordered by latency, then by the other metrics, so that equal fronts are equal files.

    Attributes:
        job: What was asked.
        session: The network on the chip, and their evaluator.
        search: What the search returned.
        lower_bounds: Metric -> value that no mapping can be below.
        layer_by_layer: The best classical layer-by-layer mapping tried; ``None`` if none of those tried fits on the chip.
        best_history: Least value of each objective after each generation `(generations, F)`, where evaluations were kept on disk.
        own: Name of the column of each objective of a user's own -> what is known of it.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> len(result) == len(result.front) > 0
        True
        >>> result.front.attrs["units"]["energy_pj"]
        'pJ'
        >>> result[result.best_edp].metrics.edp_pj_cycles == result.front["edp_pj_cycles"].min()
        np.True_
        >>> result.plot().savefig("front.png")
    """

    job: Job
    session: Session
    search: SearchResult
    lower_bounds: Mapping[str, float]
    layer_by_layer: PointMetrics | None
    best_history: FloatArray | None = None
    own: Mapping[str, OwnMetric] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Result: {self.title}, {len(self)} points, minimised {', '.join(self.job.objectives)}>"

    def __len__(self) -> int:
        return len(self.search.front)

    @cached_property
    def _order(self) -> IntArray:
        from stream_evo.report import sort_front  # noqa: PLC0415  # report needs no result, and is slow with its pictures

        return sort_front(self.search.front.genomes, self.search.front.metrics)

    @property
    def title(self) -> str:
        """Network and accelerator, for headings."""
        return self.session.title

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the columns of `metrics`: with their units, and those of objectives of a user's own last."""
        return self.job.columns

    @property
    def units(self) -> dict[str, str]:
        """Metric -> unit."""
        return units_of(self.own)

    @cached_property
    def genomes(self) -> IntArray:
        """Genomes of the points, shape ``(P, V)``; read-only."""
        return _read_only(self.search.front.genomes[self._order])

    @cached_property
    def metrics(self) -> FloatArray:
        """Metrics of the points, shape ``(P, M)``, columns `metric_names`; read-only."""
        return _read_only(self.search.front.metrics[self._order])

    @overload
    def __getitem__(self, point: SupportsIndex) -> Point: ...

    @overload
    def __getitem__(self, point: slice) -> tuple[Point, ...]: ...

    def __getitem__(self, point: SupportsIndex | slice) -> Point | tuple[Point, ...]:
        """Return one point, or the points of a slice as a tuple; negative numbers count from the end.

        Raises:
            IndexError: there is no such point.
            TypeError: neither a whole number nor a slice of such.
        """
        try:
            found = range(len(self))[point]
        except IndexError:
            raise IndexError(self._no_point(f"no point {point}")) from None
        except TypeError:
            expected = "a whole number, or a slice of such: result[0], result[-1], result[:3]"
            raise TypeError(f"no index of a point, {self._count()}; expected {expected}; found {point!r:.80}") from None
        return self._point(found) if isinstance(found, int) else tuple(map(self._point, found))

    def _point(self, index: int) -> Point:
        numbers = PointMetrics.of(self.metrics[index], own=self.metric_names[len(METRICS) :])
        return Point(index, numbers, self.genomes[index], self.session)

    def _no_point(self, what: str) -> str:
        if not len(self):
            return f"{what}: the front is empty, nothing feasible was found. result.why_empty() tells what the nearest mapping misses"
        return f"{what}: {self._count()}; expected a number from {-len(self)} to {len(self) - 1}"

    def _count(self) -> str:
        return f"the front has {len(self)} {'point' if len(self) == 1 else 'points'}"

    def __iter__(self) -> Iterator[Point]:
        return map(self._point, range(len(self)))

    @cached_property
    def front(self) -> pd.DataFrame:
        """The front as a table: one row per point, one column per metric.

        Its ``attrs`` hold ``network``, ``hardware``, ``objectives``, the ``units`` of the columns and their ``lower_bounds``.
        """
        import pandas as pd  # noqa: PLC0415  # takes half a second to import

        table = pd.DataFrame(self.metrics, columns=list(self.metric_names), index=pd.RangeIndex(len(self), name="point"))
        table.attrs = {
            "network": self.session.workload.name,
            "hardware": self.session.accelerator.name,
            "objectives": list(self.job.metrics),
            "units": self.units,
            "lower_bounds": dict(self.lower_bounds),
        }
        return table

    def plot(self) -> Figure:
        """Draw every pair of objectives, with lower bounds and the layer-by-layer point."""
        from stream_evo.report import plot_front  # noqa: PLC0415  # matplotlib takes a second to import

        baseline = self.layer_by_layer
        return plot_front(
            dict(zip(self.metric_names, self.metrics.T, strict=True)),
            self.job.metrics,
            bounds=self.lower_bounds,
            baseline=None if baseline is None else baseline.numbers,
            title=f"{self.title}: {len(self)} points on the front",
        )

    def plot_convergence(self) -> Figure:
        """Draw hypervolume, size of the front and, where evaluations were kept on disk, best values over evaluations."""
        from stream_evo.report import plot_convergence  # noqa: PLC0415  # as above

        rows = self.search.history
        best = self.best_history if self.best_history is not None else np.empty((len(rows), 0))
        return plot_convergence(
            np.array([row.evaluations for row in rows], dtype=np.int64),
            np.array([row.hypervolume for row in rows], dtype=float),
            np.array([row.front_size for row in rows], dtype=np.int64),
            {metric_of(name): best[:, column] for column, name in enumerate(self.job.objectives) if column < best.shape[1]},
            title=f"{self.title}: {self.search.evaluations:,} evaluations",
        )

    @property
    def best_edp(self) -> int:
        """The point with the least energy-delay product.

        Raises:
            IndexError: the front is empty.
        """
        if not len(self):
            raise IndexError(self._no_point("no best point"))
        return int(np.argmin(self.metrics[:, METRICS.index("edp_pj_cycles")]))

    def highlights(self) -> list[tuple[str, int | str, tuple[float | str, ...]]]:
        """Return (meaning, point, metrics) of the points people look at first, with the lower bounds and the layer-by-layer point."""
        rows: list[tuple[str, int | str, tuple[float | str, ...]]] = []
        if len(self):
            for name in dict.fromkeys((*self.job.metrics, "edp_pj_cycles")):
                point = int(np.argmin(self.metrics[:, self.metric_names.index(name)]))
                rows.append((f"least {name.partition('_')[0] if name in METRICS else name}", point, tuple(self.metrics[point].tolist())))
        if self.layer_by_layer is not None:
            numbers = self.layer_by_layer.as_dict()
            rows.append(("layer by layer", "", tuple(_shown(numbers[name]) for name in self.metric_names)))
        rows.append(("lower bound", "", tuple(_shown(self.lower_bounds.get(name)) for name in self.metric_names)))
        return rows

    def why_empty(self) -> str:
        """Return what the best infeasible mapping misses, for a search that found nothing feasible."""
        least = self.search.least_infeasible
        if least is None:
            return "no mapping was evaluated"
        found = dict(zip(self.metric_names, least.metrics.tolist(), strict=True))
        limits = self.job.metric_limits
        missed = []
        for name in least.missed:
            if name not in limits:
                missed.append(f"{name} ({least.violation_bytes:,.0f} bytes do not fit)")
                continue
            bound = self.lower_bounds.get(name, 0.0)
            never = f", and no mapping can be below {number_text(bound)}" if bound > limits[name] else ""
            missed.append(f"{name} ({number_text(found[name])}, allowed {number_text(limits[name])}{never})")
        return f"no feasible mapping was found. The nearest one misses {', '.join(missed)}. {self._way_out(least)}"

    def _way_out(self, least: LeastInfeasible) -> str:
        """Return what might help, of what this search has not done."""
        job = self.job
        binding = {"limits": job.limits, "pins": job.pin, "forbidden cores": job.forbidden_cores}
        given = [name for name, value in binding.items() if value]
        ways = [f"loosen the {' or '.join(given)}"] if given else []
        ways += ["search longer", *([] if job.split else ["allow --split"])]
        ways += ["take a chip with larger memories"] if least.violation_bytes > 0.0 else []
        text = " or ".join([", ".join(ways[:-1]), ways[-1]] if len(ways) > 1 else ways)
        return text[0].upper() + text[1:]

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
            "front": [point.metrics.as_dict() for point in self],
        }

    def save(self, folder: str | Path) -> None:
        """Write the front with its tables, mappings and pictures into a folder of its own.

        Raises:
            InputError: `folder` is neither text nor a path.
            RunFolderError: the folder holds another run or cannot be written.
        """
        check_arguments("save", {"folder": folder})
        from stream_evo._run._save import save_result, start_folder  # noqa: PLC0415  # imports matplotlib

        save_result(self, start_folder(Path(folder), self.job, self.session, command=" ".join(sys.argv)))

    def _repr_html_(self) -> str:
        columns = ("", "point", *self.metric_names)
        rows = [(label, point, *values) for label, point, values in self.highlights()]
        found = "point" if len(self) == 1 else "points"
        return card(
            f"{self.title}: {len(self)} {found} on the front",
            text_table(columns, rows, numeric=columns[1:]),
            facts({"minimised": ", ".join(self.job.objectives), "evaluations": self.search.evaluations, "ended because": self.search.stop}),
        )


def _shown(value: float | bool | None) -> float | str:
    return "" if value is None else float(value)


def _read_only(array: _Array) -> _Array:
    array.setflags(write=False)
    return array
