"""The files of a run."""

from __future__ import annotations

import dataclasses
import io
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream_evo._run._job import Job
from stream_evo._run._result import Result
from stream_evo._run._saved import FORMAT
from stream_evo._run._session import Session
from stream_evo.mapping import mapping_to_yaml
from stream_evo.report import RunFolder, front_csv, json_text, metrics_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save_result", "start_folder"]

_PACKAGES = ("stream-evo", "numpy", "numba", "onnx", "moocore", "pymoo", "matplotlib")


def start_folder(path: Path, job: Job, session: Session, *, command: str = "") -> RunFolder:
    """Claim a folder for a run and write its manifest.

    Raises:
        RunFolderError: the folder holds another run or cannot be written.
    """
    workload, accelerator = session.workload, session.accelerator
    manifest = {
        "format": FORMAT,
        "state": "running",
        "command": command,
        "started": _now(),
        "network": {
            "name": workload.name,
            "layers": len(workload.layers),
            "macs": workload.macs,
            "weights": workload.weights,
            "sha256": session.fingerprint["network"],
            "host_operators": list(workload.host_operators),
        },
        "hardware": {"name": accelerator.name, "cores": len(accelerator.cores), "sha256": session.fingerprint["hardware"]},
        "settings": job.as_dict(),
        "versions": _versions(),
    }
    return RunFolder.claim(path, manifest)


def save_result(result: Result, folder: RunFolder) -> None:
    """Write mappings, tables and pictures, and the manifest last: while it does not say so, the run is not finished.

    Raises:
        RunFolderError: something cannot be written.
    """
    digits = max(3, len(str(len(result) - 1)))
    paths = [f"mappings/point_{point:0{digits}d}.yaml" for point in range(len(result))]
    for point, path in enumerate(paths):
        folder.write(path, mapping_to_yaml(result[point].mapping), durable=False)  # the genomes in pareto.json are
    folder.write("pareto.json", json_text(_front_record(result), {"points": _points(result, paths)}))
    folder.write("pareto.csv", front_csv(result.metric_names, result.metrics, paths))
    pictures = _pictures(result)
    for name, figure in pictures.items():
        folder.write(name, _png(figure))
    search = result.search
    folder.write_manifest(
        folder.manifest()
        | {
            "state": "interrupted" if search.interrupted else "finished",
            "ended": _now(),
            "stopped": str(search.stop),
            "points": len(result),
            "evaluations": search.evaluations,
            "seconds": round(search.elapsed_seconds, 3),
            "files": ["pareto.csv", "pareto.json", *pictures, *paths],
        }
    )


def _front_record(result: Result) -> dict[str, Any]:
    """Return the head of ``pareto.json``; it holds nothing that depends on time or workers."""
    search, spec = result.search, result.session.spec
    return {
        "network": result.session.workload.name,
        "hardware": result.session.accelerator.name,
        "objectives": list(result.job.metrics),
        **({"own_objectives": {name: dataclasses.asdict(each) for name, each in result.own.items()}} if result.own else {}),
        "seed": result.job.seed,
        "settings": result.job.as_dict(),
        "versions": _versions(),
        "evaluations": search.evaluations,
        "hypervolume": search.hypervolume,
        "hypervolume_reference": None if search.reference is None else search.reference.tolist(),
        "lower_bounds": dict(result.lower_bounds),
        "layer_by_layer": None if result.layer_by_layer is None else result.layer_by_layer.as_dict(),
        "genome_segments": {name: [part.start, part.stop] for name, part in spec.segments.items()},
    }


def _points(result: Result, paths: list[str]) -> list[dict[str, Any]]:
    rows = zip(result.metrics, result.genomes, paths, strict=True)
    return [
        {"point": point, **metrics_record(result.metric_names, row), "genome": genome.tolist(), "mapping": path}
        for point, (row, genome, path) in enumerate(rows)
    ]


def _pictures(result: Result) -> dict[str, Figure]:
    figures = {"convergence.png": result.plot_convergence()}
    if len(result):
        figures["pareto.png"] = result.plot()
        best = result[result.best_edp].schedule
        figures["schedule.png"] = dataclasses.replace(best, title=f"{best.title}, least energy x delay").plot()
    return figures


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the library's version in the file, equal pictures are equal bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
