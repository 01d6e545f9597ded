"""Fronts of several runs side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stream_evo._arguments import ARGUMENTS, check_arguments, or_none
from stream_evo._html import card, text_table
from stream_evo._run._job import METRICS, OBJECTIVES, metric_of
from stream_evo._run._metrics import OwnMetric, units_of
from stream_evo._run._result import Result
from stream_evo.comparison._front import RunFront, read_fronts
from stream_evo.comparison._indicators import Indicators, indicators
from stream_evo.comparison._regions import Region, regions
from stream_evo.errors import Fault, InputError, UnknownNameError
from stream_evo.search import nondominated
from stream_evo.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Best", "Comparison", "compare"]

_EDP = "edp_pj_cycles"
_MAY_BE_LEFT_OUT = {"objectives": or_none(ARGUMENTS["objectives"])}


@dataclass(frozen=True, slots=True)
class Best:
    """The least value of one metric on each front.

    Attributes:
        metric: Metric.
        values: Least value per run; infinite for an empty front.
        points: Number of the point that has it, on its own front; -1 for an empty front.
        winners: Places of the runs with the least of them.
    """

    metric: str
    values: tuple[float, ...]
    points: tuple[int, ...]
    winners: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Fronts of ``R`` runs of one network side by side.

    Attributes:
        network: Name of the network.
        objectives: Metrics that are compared.
        runs: The fronts.
        indicators: Hypervolume, coverage and epsilon between them.
        best: The best points per objective and by energy x delay.
        regions: Who wins where.
        notes: What should be known before conclusions are drawn.

    Example:
        >>> settings = dict(population=6, generations=1)
        >>> quads = ["homogeneous_quad", "heterogeneous_quad"]
        >>> comparison = stream_evo.compare([stream_evo.optimize("squeezenet", quad, **settings) for quad in quads])
        >>> comparison.table.index.to_list()
        ['homogeneous_quad', 'heterogeneous_quad']
        >>> [region.winners for region in comparison.regions if region.end is None] != []
        True
        >>> comparison.plot().savefig("comparison.png")
    """

    network: str
    objectives: tuple[str, ...]
    runs: tuple[RunFront, ...]
    indicators: Indicators
    best: tuple[Best, ...]
    regions: tuple[Region, ...]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What the runs are called."""
        return tuple(run.label for run in self.runs)

    @property
    def differing_settings(self) -> dict[str, tuple[Any, ...]]:
        """Setting -> its value in each run, of those that are not equal in all; ``hardware`` first."""
        found: dict[str, tuple[Any, ...]] = {"hardware": tuple(run.hardware for run in self.runs)}
        found |= {name: tuple(run.settings[name] for run in self.runs) for name in self.runs[0].settings}
        return {name: values for name, values in found.items() if any(value != values[0] for value in values)}

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per run: settings that differ, size and hypervolume of the front, least value of each metric."""
        import pandas as pd  # noqa: PLC0415  # takes half a second to import

        measured = self.indicators
        columns: dict[str, Any] = {name: list(values) for name, values in self.differing_settings.items()}
        columns |= {
            "evaluations": [run.evaluations for run in self.runs],
            "points": [len(run) for run in self.runs],
            "unbeaten": measured.unbeaten,
            "hypervolume": measured.hypervolume,
            "share_of_joint": measured.hypervolume / measured.joint_hypervolume,
            "alone": measured.alone,
        }
        columns |= {f"least_{best.metric}": list(best.values) for best in self.best}
        table = pd.DataFrame(columns, index=pd.Index(self.labels, name="run"))
        units = units_of(self.runs[0].own)
        table.attrs = {
            "network": self.network,
            "objectives": list(self.objectives),
            "units": {f"least_{best.metric}": units[best.metric] for best in self.best},
        }
        return table

    def plot(self) -> Figure:
        """Draw the fronts over each other, every pair of objectives, with a bar below that tells who wins for each budget."""
        from stream_evo.comparison._plot import plot_comparison  # noqa: PLC0415  # matplotlib takes a second to import

        return plot_comparison(self)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, strings and finite numbers: what JSON can hold. Runs are named by their labels."""
        measured = self.indicators
        return {
            "network": self.network,
            "objectives": list(self.objectives),
            "notes": list(self.notes),
            "differing_settings": {name: dict(zip(self.labels, values, strict=True)) for name, values in self.differing_settings.items()},
            "hypervolume_reference": dict(zip(self.objectives, measured.reference.tolist(), strict=True)),
            "joint_hypervolume": measured.joint_hypervolume,
            "runs": [self._run_record(place) for place in range(len(self.runs))],
            "coverage": self._matrix(measured.coverage),
            "epsilon_factor": self._matrix(measured.epsilon_factor),
            "epsilon_range": self._matrix(measured.epsilon_range),
            "best": [
                {
                    "metric": best.metric,
                    "winners": self._names(best.winners),
                    "runs": {
                        label: {"value": _finite(value), "point": point if point >= 0 else None}
                        for label, value, point in zip(self.labels, best.values, best.points, strict=True)
                    },
                }
                for best in self.best
            ],
            "regions": [
                {
                    "budget": region.budget,
                    "least": region.least,
                    "begin": region.begin,
                    "end": region.end,
                    "winners": self._names(region.winners),
                    "at_begin": region.at_begin,
                    "at_end": region.at_end,
                    "lead": _finite(region.lead),
                }
                for region in self.regions
            ],
        }

    def _run_record(self, place: int) -> dict[str, Any]:
        run, measured = self.runs[place], self.indicators
        return {
            "label": run.label,
            "hardware": run.hardware,
            "evaluations": run.evaluations,
            "points": len(run),
            "unbeaten": int(measured.unbeaten[place]),
            "hypervolume": float(measured.hypervolume[place]),
            "share_of_joint": float(measured.hypervolume[place] / measured.joint_hypervolume),
            "alone": float(measured.alone[place]),
        }

    def _matrix(self, values: FloatArray) -> dict[str, dict[str, float | None]]:
        return {
            first: {second: _finite(value) for second, value in zip(self.labels, row, strict=True)}
            for first, row in zip(self.labels, values.tolist(), strict=True)
        }

    def _names(self, places: Sequence[int]) -> list[str]:
        return [self.labels[place] for place in places]

    def _repr_html_(self) -> str:
        table = self.table
        numeric = [name for name in table.columns if table[name].dtype != object]
        rows = [(label, *row) for label, row in zip(self.labels, table.astype(object).itertuples(index=False), strict=True)]
        return card(f"{self.network}: {len(self.runs)} fronts", text_table(("run", *table.columns), rows, numeric=numeric))


def compare(
    runs: Sequence[Result | str | Path], *, objectives: Sequence[str] | None = None, labels: Sequence[str] | None = None
) -> Comparison:
    """Set the fronts of several runs side by side: of different chips, settings, seeds or engines.

    All runs must be of one network. They are compared by the objectives that all of them minimised: on any other metric their points are
    not the best the search could have found.

    Args:
        runs: Folders of runs that have ended, or results; at least two.
        objectives: What to compare by, of ``latency``, ``energy``, ``memory``, ``edp``, ``dram``; may be left out if all have the same.
        labels: What to call the runs; by default the folder's name or the accelerator's, made unique.

    Raises:
        RunFolderError: a folder holds no run, one that is still being written, or one of another version.
        UnknownNameError: an objective that does not exist.
        InputError: arguments of wrong types, fewer than two runs, one given twice, different networks, objectives that not all runs
            minimised, no point at all, or labels that are not one for each run.

    Example:
        >>> first = stream_evo.optimize("squeezenet", "homogeneous_quad", population=6, generations=1)
        >>> more = stream_evo.optimize("squeezenet", "homogeneous_quad", population=6, generations=2)
        >>> comparison = stream_evo.compare([first, more], labels=["one generation", "two"])
        >>> comparison.indicators.coverage[1, 0]
        np.float64(1.0)
    """
    given = check_arguments("compare", locals(), _MAY_BE_LEFT_OUT)
    fronts = _checked(given["runs"], given["labels"])
    names = _objectives(fronts, given["objectives"])
    points = [_projected(front, names) for front in fronts]
    if not any(len(values) for values in points):
        raise InputError("compare", [Fault("none of the runs found a feasible mapping, so there is nothing to compare")])
    metrics = dict.fromkeys((*names, _EDP))
    return Comparison(
        network=fronts[0].network,
        objectives=names,
        runs=fronts,
        indicators=indicators(points),
        best=tuple(_best(fronts, metric) for metric in metrics),
        regions=regions(points, names),
        notes=tuple(_notes(fronts)),
    )


def _checked(runs: Sequence[Result | str | Path], labels: Sequence[str] | None) -> tuple[RunFront, ...]:
    faults = []
    if len(runs) < 2:
        faults.append(Fault("a comparison needs at least two runs", found=str(len(runs))))
    folders = [Path(run).resolve() for run in runs if not isinstance(run, Result)]
    faults += [Fault(f"{folder} is given twice") for folder in dict.fromkeys(folders) if folders.count(folder) > 1]
    if labels is not None and (len(labels) != len(runs) or len(set(labels)) != len(labels)):
        faults.append(Fault("the runs need one label each, all different", expected=f"{len(runs)} labels", found=", ".join(labels)))
    if faults:
        raise InputError("compare", faults)
    fronts = read_fronts(runs, labels)
    networks = {front.network for front in fronts}
    if len(networks) > 1:
        found = ", ".join(f"{front.network} in {front.label}" for front in fronts)
        raise InputError("compare", [Fault("the runs are of different networks, so their numbers do not compare", found=found)])
    return fronts


def _objectives(fronts: Sequence[RunFront], asked: Sequence[str] | None) -> tuple[str, ...]:
    common = [name for name in fronts[0].objectives if all(name in front.objectives for front in fronts)]
    own = {name: name for front in fronts for name in front.objectives if name not in METRICS}
    known = {**OBJECTIVES, **own}
    short = {metric: name for name, metric in known.items()}
    if asked is not None:
        asked = [short.get(name, name) for name in asked]
        names = [name if name in known else metric_of(name) for name in dict.fromkeys(asked)]  # also as the runs were told, FILE.py:NAME
        for name in names:
            if name not in known:
                raise UnknownNameError("objective", name, list(known))
        wanted = tuple(dict.fromkeys(known[name] for name in names))
        expected = f"some of {', '.join(short[metric] for metric in common)}" if common else "an objective of all of them; there is none"
        faults = [
            Fault(f"{front.label} did not minimise {short[name]}", expected=expected)
            for name in wanted
            for front in fronts
            if name not in front.objectives
        ]
        if not wanted:
            faults.append(Fault("there is nothing to compare by", "objectives"))
        if faults:
            raise InputError("compare", faults)
        return wanted
    if all(set(front.objectives) == set(common) for front in fronts):
        return tuple(common)
    found = "; ".join(f"{front.label}: {', '.join(short[name] for name in front.objectives)}" for front in fronts)
    shared = ",".join(short[name] for name in common)
    hint = f"Compare by what all of them minimised: --objectives {shared}" if common else "They have no objective in common"
    raise InputError("compare", [Fault("the runs minimised different objectives", found=found, hint=hint)])


def _projected(front: RunFront, objectives: Sequence[str]) -> FloatArray:
    """Return the objective values that no other of the same front dominates, shape ``(P, F)``."""
    values = front.columns(objectives)
    return np.asarray(values[nondominated(values)])


def _best(fronts: Sequence[RunFront], metric: str) -> Best:
    columns = [front.columns([metric])[:, 0] for front in fronts]
    points = tuple(int(column.argmin()) if len(column) else -1 for column in columns)
    values = tuple(float(column[point]) if point >= 0 else math.inf for column, point in zip(columns, points, strict=True))
    return Best(metric, values, points, tuple(place for place, value in enumerate(values) if value == min(values)))


def _notes(fronts: Sequence[RunFront]) -> Iterator[str]:
    first = fronts[0]
    other = [front.label for front in fronts if front.fingerprint["network"] != first.fingerprint["network"]]
    if other:
        yield (
            f"{first.network} is not the same network in {first.label} and in {', '.join(other)}: "
            "another file, other bits or host operators, or another version of stream-evo"
        )
    chips: dict[str, Mapping[str, str]] = {}
    for front in fronts:
        known = chips.setdefault(front.hardware, front.fingerprint)
        if known["hardware"] != front.fingerprint["hardware"]:
            yield f"{front.hardware} in {front.label} is not the same chip as in the runs before, although it has the same name"
    objectives: dict[str, OwnMetric] = {}
    for front in fronts:
        for name, own in front.own.items():
            if objectives.setdefault(name, own) != own:
                yield f"{name} in {front.label} is not the same objective as in the runs before, although it has the same name"
    if len({front.version for front in fronts}) > 1:
        versions = ", ".join(f"{front.version} in {front.label}" for front in fronts)
        yield f"the runs are of different versions of stream-evo, whose models may differ: {versions}"
    bound = [name for name in ("limits", "pin", "forbidden_cores") if any(front.settings[name] != first.settings[name] for front in fronts)]
    if bound:
        yield f"the runs were not free in the same way: {', '.join(bound)} differ"
    for front in fronts:
        if not len(front):
            yield f"{front.label} found no feasible mapping: its front is empty"
        elif front.interrupted:
            yield f"{front.label} was interrupted after {front.evaluations:,} evaluations"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
