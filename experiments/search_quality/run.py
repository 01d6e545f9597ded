"""Search every problem with every contender; continues where it was stopped.

``python experiments/search_quality/run.py`` runs 1,000 and 5,000 evaluations with ten seeds, one search per process. All evaluations go to
archives in ``runs/search_quality`` (not in version control), what tables and pictures need to ``results``. A longer run continues a shorter
one and holds what an unbroken one would.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from study import CONTENDERS, RESULTS, Bench, Trace, keep, objectives_of, read_results

from stream_evo.problems import PROBLEMS

ARCHIVES = Path("runs") / "search_quality"
_bench = lru_cache(maxsize=4)(lambda problem: Bench(PROBLEMS[problem]))  # in each process; tables of costs are made once


@dataclass(frozen=True)
class _Job:
    """One search, up to a number of evaluations."""

    evaluations: int
    seed: int
    problem: str
    contender: str

    def run(self, archives: Path) -> Trace:
        """Search, continuing what the archive holds."""
        folder = archives / self.problem / self.contender / str(self.seed)
        _bench(self.problem).search(CONTENDERS[self.contender], self.seed, self.evaluations, folder)
        problem = PROBLEMS[self.problem]
        if problem.best_known is None:
            raise ValueError(f"{self.problem} has no reference point")
        return Trace.of(objectives_of(folder, problem.metrics)[1], np.array(problem.best_known.reference_point))


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[1_000, 5_000], metavar="N", help="budgets, one after the other")
    parser.add_argument("--seeds", type=int, default=10, help="seeds 0, 1, ...")
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), metavar="NAME", help="of " + ", ".join(PROBLEMS))
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), metavar="NAME", help="of " + ", ".join(CONTENDERS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, each with a search of its own")
    parser.add_argument("--archives", type=Path, default=ARCHIVES, help="where all evaluations go")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where traces and fronts go")
    options = parser.parse_args()
    for what, names, known in (("problem", options.problems, PROBLEMS), ("contender", options.contenders, CONTENDERS)):
        unknown = sorted(set(names) - set(known))
        if unknown:
            parser.error(f"no such {what}: {', '.join(unknown)}; there are {', '.join(known)}")
    if min(options.evaluations) < 1 or options.seeds < 1 or options.workers < 1:
        parser.error("evaluations, seeds and workers must be positive")
    missing = [name for name in options.problems if PROBLEMS[name].best_known is None]
    if missing:
        parser.error(f"no reference point for {', '.join(missing)}; best_known.py makes one")
    for jobs in _rounds(options):
        _run(jobs, options)


def _rounds(options: argparse.Namespace) -> list[list[_Job]]:
    """Return what is missing, budget by budget: a search waits for its shorter self."""
    return [
        [
            _Job(tier, seed, problem, contender)
            for seed, problem, contender in itertools.product(range(options.seeds), options.problems, options.contenders)
            if not _is_done(options.results, problem, contender, seed, tier)
        ]
        for tier in sorted(set(options.evaluations))
    ]


def _run(jobs: list[_Job], options: argparse.Namespace) -> None:
    begun = time.monotonic()
    pool = ProcessPoolExecutor(options.workers)
    try:
        futures = {pool.submit(job.run, options.archives): job for job in jobs}
        for done, future in enumerate(as_completed(futures), 1):
            job = futures[future]
            keep(options.results, job.problem, job.contender, job.seed, future.result())
            left = (len(jobs) - done) * (time.monotonic() - begun) / done / 60
            what = f"{job.problem}, {job.contender}, seed {job.seed}, {job.evaluations:,} evaluations"
            print(f"{done}/{len(jobs)}, {left:.0f} min left: {what}", file=sys.stderr, flush=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _is_done(results: Path, problem: str, contender: str, seed: int, evaluations: int) -> bool:
    traces = read_results(results, problem, contender)
    return seed in traces and int(traces[seed].evaluations[-1]) >= evaluations


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; what is finished is kept, and the same command continues")
