"""From the folder of a run back to its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stream_evo._arguments import check_arguments
from stream_evo._run._history import read_history
from stream_evo._run._result import Result
from stream_evo._run._saved import SavedRun, read_run
from stream_evo._run._session import Session, search_problem, session_of
from stream_evo.errors import RunFolderError
from stream_evo.hardware import Accelerator
from stream_evo.search import ParetoFront, ProgressRow, SearchResult
from stream_evo.workload import Workload

if TYPE_CHECKING:
    import onnx

__all__ = ["load_run"]


def load_run(
    folder: str | Path,
    *,
    network: str | Path | onnx.ModelProto | Workload | None = None,
    hardware: str | Path | Accelerator | None = None,
    pin: str | Path | None = None,
) -> Result:
    """Return the result of a run from its folder: the value that `stream_evo.optimize` returned.

    Network, accelerator and pins are loaded from where the run had them. What lay elsewhere, or was given as a value in memory, is given
    again; it must be what the run was made with.

    Args:
        folder: Folder of a run that has ended.
        network: Network in place of the recorded name or file.
        hardware: Accelerator in place of the recorded name or file.
        pin: File of fixed decisions in place of the recorded one.

    Raises:
        RunFolderError: the folder holds no run, one that is still being written, one of another version or damaged files; or network or
            hardware are not where they were, or not those of the run.
        UnknownNameError: network or accelerator are in no catalogue any more.
        InputError: arguments of wrong types, or their files cannot be read.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> result.save("runs/saved")
        >>> (stream_evo.load_run("runs/saved").metrics == result.metrics).all()
        np.True_
    """
    given = {"network": network, "hardware": hardware, "pin": pin}
    check_arguments("load_run", {"folder": folder} | {name: value for name, value in given.items() if value is not None})
    saved = read_run(folder)
    session = _session(saved, network, hardware, pin)
    history = read_history(saved.path, search_problem(saved.job, session))
    search = SearchResult(
        front=_front(saved, session),
        objectives=saved.job.metrics,
        metrics=saved.job.columns,
        history=_last_row(saved) if history is None else history.rows,
        stop=saved.stop,
        evaluations=saved.evaluations,
        reference=saved.reference,
        least_infeasible=None if history is None or len(saved) else history.least_infeasible,
        elapsed_seconds=saved.seconds,
    )
    best = None if history is None else history.best
    return Result(saved.job, session, search, saved.lower_bounds, saved.layer_by_layer, best, saved.own)


def _session(
    saved: SavedRun,
    network: str | Path | onnx.ModelProto | Workload | None,
    hardware: str | Path | Accelerator | None,
    pin: str | Path | None,
) -> Session:
    for part, given in (("network", network), ("hardware", hardware)):
        recorded = getattr(saved.job, part)
        if given is None and recorded.startswith("<"):  # the label of a value in memory
            raise RunFolderError(f"the {part} of {saved.path} was a value in memory, {recorded}. Give it again: load_run(..., {part}=...)")
        if given is None and _is_gone(recorded):
            raise RunFolderError(f"{saved.path}: its {part}, {recorded}, is not there, seen from this folder. {_say_where(part)}")
    session = session_of(saved.job, network=network, hardware=hardware, pin=pin)
    for part, sha256 in saved.fingerprint.items():
        if session.fingerprint[part] != sha256:
            raise RunFolderError(
                f"{saved.path}: the {part} {getattr(saved.job, part)} is not the one of the run, or this version reads it differently. "
                f"{_say_where(part)}"
            )
    return session


def _is_gone(recorded: str) -> bool:
    return Path(recorded).suffix in (".onnx", ".yaml", ".yml") and not Path(recorded).exists()


def _say_where(part: str) -> str:
    return f"Say where it is: --{part} FILE; from Python, load_run(..., {part}=...)"


def _front(saved: SavedRun, session: Session) -> ParetoFront:
    spec = session.spec
    genomes = saved.genomes if len(saved) else np.empty((0, spec.length), dtype=np.int64)
    if genomes.shape[1] != spec.length or not ((spec.lower <= genomes) & (genomes <= spec.upper)).all():
        raise RunFolderError(f"{saved.path}: its genomes lie outside the space that this version searches; the manifest names its version")
    columns = [saved.job.columns.index(name) for name in saved.job.metrics]
    return ParetoFront(genomes, saved.metrics[:, columns], saved.metrics)


def _last_row(saved: SavedRun) -> tuple[ProgressRow, ...]:
    """Return where the search ended, for a folder without its archive; the number of generations is not known then."""
    return (ProgressRow(0, saved.evaluations, len(saved), saved.hypervolume),)
