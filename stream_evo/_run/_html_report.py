"""A run as one page: its front, and for each point what is told of it."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np

from stream_evo._run._load import load_run
from stream_evo._run._point import Point
from stream_evo._run._result import Result
from stream_evo.report import METRIC_LABELS
from stream_evo.report.html import Front, PointDetails, Subject, build_page

__all__ = ["MOST_DETAILED", "RunSource", "html_report", "points_to_detail"]

_LOGGER = logging.getLogger(__name__)

MOST_DETAILED = 200
"""Points that a page tells details of, if no number is given."""

_TELL_EVERY_S = 1.0
_MEASURED = 8  # points that tell how long the others will take
_WORTH_A_POOL_S = 15.0  # of work: a further process needs seconds until it can begin


@dataclass(frozen=True, slots=True)
class RunSource:
    """Where a run is read from: folder, and what is used in place of the network, accelerator and pins it recorded."""

    folder: Path
    network: str | None = None
    hardware: str | None = None
    pin: str | None = None

    def load(self) -> Result:
        """Return the result; raises as `load_run`."""
        return load_run(self.folder, network=self.network, hardware=self.hardware, pin=self.pin)


def html_report(source: RunSource, *, detailed: int = MOST_DETAILED, workers: int = 1) -> str:
    """Return the page of a run; how far it is goes to the logger.

    Args:
        source: The run.
        detailed: Most points of which mapping, schedule and explanation are told; the others are in the table and the pictures.
        workers: Processes that schedule and explain points; the page does not depend on them.

    Raises:
        RunFolderError: the folder holds no run, one that is still being written, one of another version or damaged files; or network or
            hardware are not those of the run.
        UnknownNameError: network or accelerator are in no catalogue any more.
        InputError: their files cannot be read.
    """
    result = source.load()
    subject = Subject(result.session.workload, result.session.accelerator)
    points = points_to_detail(result, detailed)
    found: dict[int, PointDetails] = {}
    changed = 0
    begun = told = time.monotonic()
    for point, details in _details(source, result, points, workers):
        found[point] = details
        changed += details.timeline.latency_cycles != result[point].metrics.latency_cycles
        now = time.monotonic()
        if len(found) == 1:
            begun = now  # until then processes started and tables were made, which says nothing of the points to come
        if now - told >= _TELL_EVERY_S or len(found) == len(points):
            told = now
            left = (now - begun) / max(len(found) - 1, 1) * (len(points) - len(found))
            _LOGGER.info("explained %d of %d points%s", len(found), len(points), f", about {left:.0f} s left" if left else "")
    return build_page(_front(result, changed), subject.as_dict(), found)


def points_to_detail(result: Result, most: int) -> list[int]:
    """Return the points to tell details of, ascending: the best of each metric, the others evenly along the front.

    The one with the least energy x delay comes before all: the page opens with it.
    """
    count = len(result)
    if count <= most:
        return list(range(count))
    order = sorted(result.metric_names, key=lambda name: name != "edp_pj_cycles")
    bests = (int(np.argmin(result.metrics[:, result.metric_names.index(name)])) for name in order)
    best = list(dict.fromkeys(bests))[:most]
    rest = [point for point in range(count) if point not in best]
    free = most - len(best)
    even = (rest[int(place)] for place in np.linspace(0, len(rest) - 1, free).round()) if free > 0 else ()
    return sorted({*best, *even})


def _details(source: RunSource, result: Result, points: Sequence[int], workers: int) -> Iterator[tuple[int, PointDetails]]:
    subject = Subject(result.session.workload, result.session.accelerator)
    begun = time.monotonic()
    for done, point in enumerate(points, 1):
        yield point, _explain(subject, result[point])
        if done == 1:
            begun = time.monotonic()  # the first one made tables, too
        elif workers > 1 and done >= _MEASURED and (time.monotonic() - begun) / (done - 1) * (len(points) - done) >= _WORTH_A_POOL_S:
            break
    else:
        return
    # Fresh processes: one that is copied from here could inherit the locks of running threads.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_die_quietly) as pool:
        jobs = [pool.submit(_explain_elsewhere, source, point) for point in points[done:]]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _die_quietly() -> None:
    """Let Ctrl-C end a further process at once and without a word: the first one says what there is to say."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@lru_cache(maxsize=1)
def _loaded(source: RunSource) -> tuple[Result, Subject]:
    result = source.load()
    return result, Subject(result.session.workload, result.session.accelerator)


def _explain_elsewhere(source: RunSource, point: int) -> tuple[int, PointDetails]:
    result, subject = _loaded(source)
    return point, _explain(subject, result[point])


def _explain(subject: Subject, point: Point) -> PointDetails:
    return subject.point(point.mapping, point.schedule.record, point.explain())


def _front(result: Result, changed: int) -> Front:
    digits = max(3, len(str(len(result) - 1)))
    rows = result.search.history
    bounds: Mapping[str, float] = result.lower_bounds
    baseline = result.layer_by_layer
    kept = rows if rows and rows[0].generation else ()  # a folder without its archive tells only where the search ended
    return Front(
        title=result.title,
        facts=_facts(result),
        metrics=[(name, _label(result, name)) for name in result.metric_names],
        objectives=result.job.metrics,
        points=[[float(value) for value in row] for row in result.metrics],
        mapping_files=[f"point_{point:0{digits}d}.yaml" for point in range(len(result))],
        bounds=[_finite(bounds.get(name)) for name in result.metric_names],
        baseline=None if baseline is None else [_finite(value) for value in baseline.numbers.values()],
        history={
            "evaluations": [row.evaluations for row in kept],
            "hypervolume": [row.hypervolume for row in kept],
            "front_size": [row.front_size for row in kept],
        },
        notices=_notices(result, changed),
    )


def _label(result: Result, name: str) -> str:
    if name in METRIC_LABELS:
        return METRIC_LABELS[name]
    return f"{name}, {result.units[name]}" if result.units[name] else name  # an objective of the user's own


def _facts(result: Result) -> list[tuple[str, str]]:
    job, search, workload = result.job, result.search, result.session.workload
    extras = [name for name in ("split", "dataflow", "priority") if getattr(job, name)]
    facts = {
        "minimised": ", ".join(job.objectives),
        "points": f"{len(result):,}",
        "evaluations": f"{search.evaluations:,}",
        "ended because": str(search.stop),
        "hypervolume": f"{100 * search.hypervolume:.2f} %",
        "engine": job.engine,
        "population": str(job.population),
        "seed": str(job.seed),
        "also searched": ", ".join(extras),
        "operators": ", ".join(job.operators),
        "limits": ", ".join(f"{name} {value:g}" for name, value in job.limits.items()),
        "fixed by": job.pin or "",
        "without cores": ", ".join(job.forbidden_cores),
        "layers": f"{len(workload.layers):,}",
        "MACs": f"{workload.macs:,}",
        "weights": f"{workload.weights:,}",
        "version": f"stream-evo {metadata.version('stream-evo')}",
    }
    return [(name, value) for name, value in facts.items() if value]


def _notices(result: Result, changed: int) -> list[str]:
    found = []
    if not len(result):
        least = result.search.least_infeasible
        reason = result.why_empty() if least is not None else "no feasible mapping was found"
        found.append(f"{reason[0].upper()}{reason[1:]}.")
    if result.layer_by_layer is None:
        found.append("None of the layer-by-layer mappings that were tried fits on the chip, so there is no such point to compare with.")
    if changed:
        found.append(
            f"{changed} of the points have another latency when they are scheduled again than when they were found: the model of this "
            "version differs from the run's. Tables and pictures of the front show the run's numbers, details those of this version."
        )
    hosts = result.session.workload.host_operators
    if hosts:
        found.append("Work of the host, at no cost: " + ", ".join(hosts))
    return found


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
