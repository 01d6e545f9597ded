"""A front as it is compared: its numbers, and what it was searched with."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from stream_evo._run._job import METRICS, Job
from stream_evo._run._metrics import OwnMetric
from stream_evo._run._result import Result
from stream_evo._run._saved import read_run
from stream_evo.errors import RunFolderError
from stream_evo.search import StopReason
from stream_evo.typing import FloatArray

__all__ = ["RunFront", "read_fronts"]

_KNOWN_OTHERWISE = ("network", "hardware", "objectives")


@dataclass(frozen=True, slots=True, eq=False)
class RunFront:
    """The front of one run.

    Attributes:
        label: What it is called in the comparison.
        network: Name of the network.
        hardware: Name of the accelerator.
        fingerprint: ``network`` and ``hardware`` -> SHA-256 of them as the program saw them.
        objectives: Metrics that were minimised.
        metrics: Shape ``(P, M)``, columns `names`.
        lower_bounds: Metric -> value that no mapping can be below.
        settings: What else the search was told, by name.
        evaluations: Genomes evaluated.
        interrupted: True if the user stopped the search.
        version: Version of the package that ran it.
        names: Names of the metrics, those of objectives of a user's own last.
        own: Name of the column of each objective of a user's own -> what is known of it.
    """

    label: str
    network: str
    hardware: str
    fingerprint: Mapping[str, str]
    objectives: tuple[str, ...]
    metrics: FloatArray = field(repr=False)
    lower_bounds: Mapping[str, float] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    evaluations: int = 0
    interrupted: bool = False
    version: str = ""
    names: tuple[str, ...] = METRICS
    own: Mapping[str, OwnMetric] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.metrics)

    def columns(self, names: Sequence[str]) -> FloatArray:
        """Return some metrics of the points, shape ``(P, len(names))``."""
        return self.metrics[:, [self.names.index(name) for name in names]]


def read_fronts(runs: Sequence[Result | str | Path], labels: Sequence[str] | None = None) -> tuple[RunFront, ...]:
    """Return the fronts of run folders and results.

    Args:
        runs: Folders of runs that have ended, or results.
        labels: What to call them; by default the folder's name or the accelerator's, made unique.

    Raises:
        RunFolderError: folders that hold no run that can be read; all of them are named.
        ValueError: not one label per run, or two that are equal.
    """
    fronts, unreadable = [], []
    for run in runs:
        try:
            fronts.append(_of_result(run) if isinstance(run, Result) else _of_folder(Path(run)))
        except RunFolderError as error:
            unreadable.append(str(error))
    if unreadable:
        raise RunFolderError("\n".join(unreadable))
    names = list(labels) if labels is not None else _unique([front.label for front in fronts], runs)
    if len(names) != len(fronts) or len(set(names)) != len(names):
        raise ValueError(f"{len(fronts)} runs need as many different labels, not {', '.join(names)}")
    return tuple(dataclasses.replace(front, label=name) for front, name in zip(fronts, names, strict=True))


def _of_result(result: Result) -> RunFront:
    session = result.session
    return RunFront(
        label=session.accelerator.name,
        network=session.workload.name,
        hardware=session.accelerator.name,
        fingerprint=session.fingerprint,
        objectives=result.job.metrics,
        metrics=result.metrics,
        lower_bounds=result.lower_bounds,
        settings=_settings(result.job),
        evaluations=result.search.evaluations,
        interrupted=result.search.interrupted,
        version=metadata.version("stream-evo"),
        names=result.metric_names,
        own=result.own,
    )


def _of_folder(path: Path) -> RunFront:
    saved = read_run(path)
    return RunFront(
        label=path.resolve().name,
        network=saved.network,
        hardware=saved.hardware,
        fingerprint=saved.fingerprint,
        objectives=saved.job.metrics,
        metrics=saved.metrics,
        lower_bounds=saved.lower_bounds,
        settings=_settings(saved.job),
        evaluations=saved.evaluations,
        interrupted=saved.stop is StopReason.INTERRUPTED,
        version=saved.version,
        names=saved.job.columns,
        own=saved.own,
    )


def _settings(job: Job) -> dict[str, Any]:
    return {name: value for name, value in job.as_dict().items() if name not in _KNOWN_OTHERWISE}


def _unique(names: Sequence[str], runs: Sequence[Result | str | Path]) -> list[str]:
    """Return `names`; where several are equal, the paths as given, and where these are equal or missing, with a number."""
    counts = Counter(names)
    longer = [name if counts[name] == 1 or isinstance(run, Result) else str(run) for name, run in zip(names, runs, strict=True)]
    seen: Counter[str] = Counter()
    found = []
    for name in longer:
        seen[name] += 1
        found.append(name if longer.count(name) == 1 else f"{name} ({seen[name]})")
    return found
