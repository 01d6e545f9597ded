"""The package's functions: the same jobs as the command line's, from Python."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream_evo._arguments import check_arguments
from stream_evo._run._history import read_history
from stream_evo._run._job import OBJECTIVES, Job
from stream_evo._run._load import load_run
from stream_evo._run._metrics import OwnMetric, PointMetrics, number_text
from stream_evo._run._network import bits_text, inspect, label
from stream_evo._run._objectives import own_objectives
from stream_evo._run._operators import engine_of, operator_set
from stream_evo._run._point import PointSchedule
from stream_evo._run._result import Result
from stream_evo._run._save import save_result, start_folder
from stream_evo._run._saved import job_in, read_manifest
from stream_evo._run._session import Session, open_session, search_problem, session_of
from stream_evo._run._settings import check_settings
from stream_evo.errors import InputError, RunFolderError
from stream_evo.evaluation import schedule_mapping
from stream_evo.explanation import Explanation, explain_mapping
from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping as NetworkMapping
from stream_evo.mapping import check_mapping, load_mapping
from stream_evo.report import RunFolder
from stream_evo.search import ARCHIVE_NAME, Budget, EvaluationArchive, Progress
from stream_evo.search import optimize as search_front
from stream_evo.workload import Bits, Workload

if TYPE_CHECKING:
    import onnx

__all__ = [
    "Explanation",
    "PointMetrics",
    "Result",
    "evaluate",
    "explain",
    "inspect",
    "job_of",
    "load_run",
    "optimize",
    "resume_job",
    "run_job",
    "simulate",
]

_LOG = logging.getLogger(__name__)
_ProgressCallback = Callable[[Progress], None]


def optimize(
    network: str | Path | onnx.ModelProto | Workload,
    hardware: str | Path | Accelerator,
    *,
    objectives: Sequence[str] = ("energy", "latency", "memory"),
    population: int = 100,
    generations: int | None = None,
    evaluations: int | None = None,
    time_limit_s: float | None = None,
    seed: int = 0,
    workers: int | None = None,
    engine: str = "nsga2",
    operators: Sequence[str] = (),
    pin: str | Path | None = None,
    forbidden_cores: Sequence[str] = (),
    split: bool = False,
    dataflow: bool = False,
    priority: bool = False,
    limits: Mapping[str, float] | None = None,
    bits: Bits | str | None = None,
    dims: Mapping[str, int] | None = None,
    host_operators: bool = False,
    out: str | Path | None = None,
    reuse: Sequence[str | Path] = (),
    on_progress: _ProgressCallback | None = None,
) -> Result:
    """Search the Pareto front of a network on an accelerator.

    The same arguments give the same front on any number of workers; only a time limit or Ctrl-C decide by the clock how far the search
    gets. Ctrl-C ends the search and returns what was found so far.

    Args:
        network: Name in the catalogue, ONNX file, ONNX model, or workload.
        hardware: Name in the catalogue, YAML file, or accelerator.
        objectives: What to minimise: ``latency``, ``energy``, ``memory``, ``edp``, ``dram`` or the metrics these stand for, names of the
            catalogue, or ``FILE.py:NAME``.
        population: Genomes per generation.
        generations: Generations to do; by default 100 if there is no other budget.
        evaluations: Most evaluations to do.
        time_limit_s: Most seconds to spend searching.
        seed: Seed of all chance.
        workers: Threads that evaluate; by default one per processor core.
        engine: Search engine, a name of ``stream_evo.registry.engines()``, or ``FILE.py:NAME``.
        operators: Operators in place of the default ones of their kind: names of the catalogue, or ``FILE.py:NAME``. After a name
            ``set.*``, e.g. ``set.default``, they are added to that set instead.
        pin: File of decisions that are fixed.
        forbidden_cores: Names of cores that may run nothing.
        split: Search the spreading of layers over several cores, too.
        dataflow: Search each core's dataflow, too.
        priority: Search the scheduling priority, too.
        limits: Objective -> largest allowed value, in the unit of its metric.
        bits: Bits per element, in place of what the graph says.
        dims: Sizes of dimensions that the file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.
        out: Folder to keep every evaluation in as it comes, and to write the results into; by default nothing is written.
        reuse: Folders of other runs of the same network on the same chip, whose evaluations are taken instead of done again. The result is
            the same, sooner.
        on_progress: Called after each generation.

    Returns:
        The front; empty if nothing feasible was found.

    Raises:
        UnknownNameError: an unknown network, accelerator, objective, engine or operator.
        InputError: arguments of wrong types or out of range; a file with faults, a layer that no core can run, a forbidden core that
            does not exist, contradictory pins.
        PluginError: an operator, objective or engine of a file or of another package breaks its contract.
        RunFolderError: `out` holds another run or cannot be written; a folder of `reuse` holds no run, or one of something else.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=8, generations=2, seed=1)
        >>> result
        <Result: squeezenet on homogeneous_quad, ... points, minimised energy, latency, memory>
        >>> fused = stream_evo.optimize("squeezenet", "homogeneous_quad", objectives=["edp"], evaluations=8, population=8)
        >>> len(fused)
        1
    """
    given = check_settings("settings of the run", locals())
    folder = None if out is None else Path(out)
    if folder is not None:
        RunFolder.check_free(folder)
    settings = {setting.name: given[setting.name] for setting in dataclasses.fields(Job)}
    named = {"network": label(given["network"]), "hardware": label(given["hardware"]), "pin": pin if pin is None else str(given["pin"])}
    job = Job(**settings | named | {"bits": bits_text(given["bits"])})
    session = session_of(job, network=given["network"], hardware=given["hardware"], pin=given["pin"])
    return _run(job, session, folder, workers=given["workers"], reuse=[Path(each) for each in given["reuse"]], on_progress=on_progress)


def evaluate(
    network: str | Path | onnx.ModelProto | Workload,
    hardware: str | Path | Accelerator,
    mapping: str | Path | NetworkMapping,
    *,
    objectives: Sequence[str] = (),
    bits: Bits | str | None = None,
    dims: Mapping[str, int] | None = None,
    host_operators: bool = False,
) -> PointMetrics:
    """Evaluate one mapping: exactly the numbers of the front it comes from.

    Args:
        network: Name in the catalogue, ONNX file, ONNX model, or workload.
        hardware: Name in the catalogue, YAML file, or accelerator.
        mapping: Mapping file or value.
        objectives: Objectives beyond the metrics whose values are wanted, too: names of the catalogue, or ``FILE.py:NAME``.
        bits: Bits per element, in place of what the graph says.
        dims: Sizes of dimensions that the file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.

    Raises:
        UnknownNameError: an unknown network, accelerator or objective.
        InputError: arguments of wrong types, a file with faults, or a mapping for another network or accelerator.
        PluginError: an objective breaks its contract.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> stream_evo.evaluate("squeezenet", "homogeneous_quad", result[0].mapping).feasible
        True
    """
    given = check_arguments("evaluate", locals())
    session, value = _session_and_mapping(given)
    return session.point_of(value, own_objectives([name for name in given["objectives"] if name not in OBJECTIVES]))


def explain(
    network: str | Path | onnx.ModelProto | Workload,
    hardware: str | Path | Accelerator,
    mapping: str | Path | NetworkMapping,
    *,
    bits: Bits | str | None = None,
    dims: Mapping[str, int] | None = None,
    host_operators: bool = False,
) -> Explanation:
    """Say why a mapping has the numbers it has, and what would make it fit if it does not.

    Args:
        network: Name in the catalogue, ONNX file, ONNX model, or workload.
        hardware: Name in the catalogue, YAML file, or accelerator.
        mapping: Mapping file or value.
        bits: Bits per element, in place of what the graph says.
        dims: Sizes of dimensions that the file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.

    Raises:
        UnknownNameError: an unknown network or accelerator.
        InputError: arguments of wrong types, a file with faults, or a mapping for another network or accelerator.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> explanation = stream_evo.explain("squeezenet", "homogeneous_quad", result[0].mapping)
        >>> explanation.path.binding_core in ("core0", "core1", "core2", "core3", "pooling", "simd")
        True
    """
    session, value = _session_and_mapping(check_arguments("explain", locals()))
    return explain_mapping(session.workload, session.accelerator, value)


def simulate(
    network: str | Path | onnx.ModelProto | Workload,
    hardware: str | Path | Accelerator,
    mapping: str | Path | NetworkMapping,
    *,
    bits: Bits | str | None = None,
    dims: Mapping[str, int] | None = None,
    host_operators: bool = False,
) -> PointSchedule:
    """Schedule one mapping and return everything that happens: tiles, transfers and memories over time.

    Args:
        network: Name in the catalogue, ONNX file, ONNX model, or workload.
        hardware: Name in the catalogue, YAML file, or accelerator.
        mapping: Mapping file or value.
        bits: Bits per element, in place of what the graph says.
        dims: Sizes of dimensions that the file leaves open, by their symbols; one without symbol is ``INPUT[AXIS]``.
        host_operators: Treat operators without compute meaning as work of the host.

    Raises:
        UnknownNameError: an unknown network or accelerator.
        InputError: arguments of wrong types, a file with faults, or a mapping for another network or accelerator.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> schedule = stream_evo.simulate("squeezenet", "homogeneous_quad", result[0].mapping)
        >>> schedule.record == result[0].schedule.record
        True
    """
    session, value = _session_and_mapping(check_arguments("simulate", locals()))
    record = schedule_mapping(session.workload, session.accelerator, value)
    return PointSchedule(f"{session.title}: schedule", session.workload, session.accelerator, record)


def _session_and_mapping(given: Mapping[str, Any]) -> tuple[Session, NetworkMapping]:
    """Load what arguments that were checked name."""
    session = open_session(
        given["network"], given["hardware"], bits=given["bits"], dims=given["dims"], host_operators=given["host_operators"]
    )
    mapping = given["mapping"]
    if not isinstance(mapping, NetworkMapping):
        return session, load_mapping(mapping, session.workload, session.accelerator)
    faults = check_mapping(mapping, session.workload, session.accelerator)
    if faults:
        raise InputError(f"mapping of {mapping.network}", faults)
    return session, mapping


def run_job(
    job: Job, out: Path, *, workers: int | None = None, reuse: Sequence[Path] = (), on_progress: _ProgressCallback | None = None
) -> Result:
    """Do a job and write its results into a new folder, with the evaluations of other runs where they are known.

    Raises:
        KeyboardInterrupt: interrupted before anything was evaluated; the folder is as it was.
    """
    RunFolder.check_free(out)
    return _run(job, session_of(job), out, workers=workers, reuse=reuse, on_progress=on_progress)


def job_of(folder: Path) -> Job:
    """Return the job of a run folder.

    Raises:
        RunFolderError: the folder holds no run, one of another version, or one that cannot be continued from files.
    """
    return job_in(read_manifest(folder), folder)


def resume_job(folder: Path, *, workers: int | None = None, on_progress: _ProgressCallback | None = None) -> Result:
    """Continue the run of a folder, to the same result as if it had never stopped.

    Raises:
        RunFolderError: the folder holds no run, or its network, hardware or settings changed since.
    """
    manifest = read_manifest(folder)
    job = job_in(manifest, folder)
    if not EvaluationArchive.exists(folder):
        _LOG.warning("%s holds no evaluations (%s is missing or empty): the search starts from the beginning", folder, ARCHIVE_NAME)
    session = session_of(job, recorded=_fingerprint(manifest))
    result = _prepared(job, session, workers=workers, reuse=(), on_progress=on_progress)(folder)
    written = [folder / str(name) for name in manifest.get("files") or ()]
    is_new = manifest.get("state") != "finished" or manifest.get("evaluations") != result.search.evaluations
    if is_new or not all(path.exists() for path in written):  # else nothing is written: the folder may be read-only
        save_result(result, RunFolder.open(folder))
    return result


def _fingerprint(manifest: Mapping[str, Any]) -> dict[str, str]:
    parts = {part: manifest.get(part) for part in ("network", "hardware")}
    return {part: str(held.get("sha256", "")) for part, held in parts.items() if isinstance(held, dict)}


def _run(
    job: Job, session: Session, out: Path | None, *, workers: int | None, reuse: Sequence[Path], on_progress: _ProgressCallback | None
) -> Result:
    # Before the folder is claimed: bad input leaves nothing.
    search = _prepared(job, session, workers=workers, reuse=reuse, on_progress=on_progress)
    if out is None:
        return search(None)
    folder = start_folder(out, job, session, command=" ".join(sys.argv))
    try:
        result = search(out)
    except BaseException:
        # Only an empty run is removed: what was evaluated can be resumed.
        if not EvaluationArchive.exists(out) or _is_empty(out):
            folder.discard()
        raise
    if result.search.interrupted and not result.search.evaluations:
        folder.discard()
        raise KeyboardInterrupt
    save_result(result, folder)
    return result


def _prepared(
    job: Job, session: Session, *, workers: int | None, reuse: Sequence[Path], on_progress: _ProgressCallback | None
) -> Callable[[Path | None], Result]:
    """Load and check objectives, engine and operators, once; return the search, which takes the folder for its archive."""
    for name, limit in job.metric_limits.items():
        bound = session.lower_bounds.get(name, 0.0)
        if bound > limit:
            _LOG.warning(
                "nothing can be feasible: %s is limited to %s, and no mapping can be below %s", name, number_text(limit), number_text(bound)
            )
    own = own_objectives(job.own_objectives)
    engine, operators = engine_of(job.engine), operator_set(job.operators, session)

    def search(folder: Path | None) -> Result:
        problem = search_problem(job, session, own)
        # First, so that compiling kernels and making cost tables counts neither as search time nor against a time limit.
        baseline = session.layer_by_layer(own)
        found = search_front(
            problem,
            operators=operators,
            budget=Budget(evaluations=job.evaluations, generations=job.generations, seconds=job.time_limit_s),
            engine=engine,
            population=job.population,
            seed=job.seed,
            workers=workers or os.cpu_count() or 1,
            folder=folder,
            resume=folder is not None,
            shared=reuse,
            callbacks=() if on_progress is None else (on_progress,),
        )
        history = None if folder is None else read_history(folder, problem)
        best = None if history is None else history.best
        return Result(
            job, session, found, session.lower_bounds, baseline, best, {each.metric: OwnMetric(each.unit, each.fingerprint) for each in own}
        )

    return search


def _is_empty(folder: Path) -> bool:
    try:
        with EvaluationArchive.read(folder) as archive:
            return next(archive.batches(), None) is None
    except RunFolderError:
        return False
