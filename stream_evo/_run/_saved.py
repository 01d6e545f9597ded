"""A run as its folder tells it, read without loading the network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stream_evo._run._job import METRICS, Job, metric_of
from stream_evo._run._metrics import OwnMetric, PointMetrics
from stream_evo.errors import RunFolderError
from stream_evo.report import MANIFEST, RunFolder
from stream_evo.search import StopReason
from stream_evo.typing import FloatArray, IntArray

__all__ = ["FORMAT", "SavedRun", "job_in", "read_manifest", "read_run"]

FORMAT = 1
"""Version of the run folder that this version of the package writes and reads."""

_FRONT = "pareto.json"
_ENDED = ("finished", "interrupted")


@dataclass(frozen=True, slots=True, eq=False)
class SavedRun:
    """What the files of a finished or interrupted run say.

    Attributes:
        path: The folder.
        job: What was asked.
        network: Name of the network.
        hardware: Name of the accelerator.
        fingerprint: ``network`` and ``hardware`` -> SHA-256 of them as the program saw them.
        metrics: Metrics of the front's points, shape ``(P, M)``, columns ``job.columns``.
        own: Name of the column of each objective of a user's own -> what is known of it.
        genomes: Their genomes, shape ``(P, V)``; ``(0, 0)`` for an empty front.
        mappings: Their mapping files.
        lower_bounds: Metric -> value that no mapping can be below.
        layer_by_layer: The best layer-by-layer mapping tried, if one fits.
        hypervolume: Share of the reference box that the front dominates.
        reference: Reference point of that hypervolume, shape ``(F,)``; ``None`` if nothing feasible was found.
        evaluations: Genomes evaluated, over all sessions.
        seconds: Time of the last session.
        stop: Why the search ended.
        version: Version of the package that ran it.
        manifest: The manifest as read.
    """

    path: Path
    job: Job
    network: str
    hardware: str
    fingerprint: Mapping[str, str]
    metrics: FloatArray
    own: Mapping[str, OwnMetric]
    genomes: IntArray
    mappings: tuple[Path, ...]
    lower_bounds: Mapping[str, float]
    layer_by_layer: PointMetrics | None
    hypervolume: float
    reference: FloatArray | None
    evaluations: int
    seconds: float
    stop: StopReason
    version: str
    manifest: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.metrics)


def read_run(path: str | Path) -> SavedRun:
    """Read the folder of a run that has ended.

    Raises:
        RunFolderError: the folder holds no run, one that is still being written, one of another version, or damaged files.
    """
    path = Path(path)
    manifest = read_manifest(path)
    state = manifest.get("state")
    if state not in _ENDED:
        raise RunFolderError(
            f"{path} holds a run that is still being written, or was killed (state: {state}). "
            f"Wait until it has ended, or continue it: stream-evo resume {path}"
        )
    try:
        record = json.loads((path / _FRONT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, not JSON
        raise RunFolderError(f"cannot read {path / _FRONT}: {error}") from error
    job = job_in(manifest, path)
    try:
        return _saved(path, manifest, job, record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(f"{path / _FRONT} or {path / MANIFEST} is damaged: {type(error).__name__}: {error}") from error


def job_in(manifest: Mapping[str, Any], path: Path) -> Job:
    """Return the job that a run was to do, by its manifest in the folder `path`.

    Raises:
        RunFolderError: these are not the settings of a run of this version.
    """
    return Job.from_dict(manifest.get("settings"), str(path / MANIFEST))


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a run that has ended or not.

    Raises:
        RunFolderError: the folder holds no run, or one of another version.
    """
    try:
        if path.is_file():
            raise RunFolderError(f"{path} is a file, not the folder of a run. Give the folder that holds {MANIFEST}")
        manifest = RunFolder.open(path).manifest()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise RunFolderError(f"cannot look into {path}: {error.strerror}") from error
    written = manifest.get("format")
    if written != FORMAT:
        way_out = ". Update stream-evo to read it" if isinstance(written, int) and written > FORMAT else ""
        raise RunFolderError(f"{path} was written in format {written}; this version reads format {FORMAT}{way_out}")
    return manifest


def _saved(path: Path, manifest: Mapping[str, Any], job: Job, record: Mapping[str, Any]) -> SavedRun:
    points = record["points"]
    baseline = record["layer_by_layer"]
    reference = record["hypervolume_reference"]
    return SavedRun(
        path=path,
        job=job,
        network=str(manifest["network"]["name"]),
        hardware=str(manifest["hardware"]["name"]),
        fingerprint={part: str(manifest[part]["sha256"]) for part in ("network", "hardware")},
        metrics=np.array([[point[name] for name in job.columns] for point in points], dtype=np.float64).reshape(-1, len(job.columns)),
        own={name: OwnMetric(**record["own_objectives"][name]) for name in map(metric_of, job.own_objectives)},
        genomes=np.array([point["genome"] for point in points], dtype=np.int64).reshape(len(points), -1 if points else 0),
        mappings=tuple(path / point["mapping"] for point in points),
        lower_bounds={name: float(record["lower_bounds"][name]) for name in METRICS},
        layer_by_layer=None if baseline is None else _metrics_of(baseline, job),
        hypervolume=float(record["hypervolume"]),
        reference=None if reference is None else np.array(reference, dtype=np.float64),
        evaluations=int(manifest["evaluations"]),
        seconds=float(manifest["seconds"]),
        stop=StopReason(manifest["stopped"]),
        version=str(manifest["versions"]["stream-evo"]),
        manifest=manifest,
    )


def _metrics_of(record: Mapping[str, Any], job: Job) -> PointMetrics:
    numbers = np.array([math.inf if record[name] is None else float(record[name]) for name in job.columns])
    return PointMetrics.of(numbers, float(record["violation_bytes"]), own=[metric_of(name) for name in job.own_objectives])
