"""Search every problem with every contender; continues where it was stopped.

``python experiments/search_quality/run.py`` runs 1,000 and 5,000 evaluations with ten seeds. All evaluations go to archives in
``runs/search_quality`` (not in version control), what tables and pictures need to ``results``. A longer run continues a shorter one and
holds what an unbroken one would.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from pathlib import Path

import numpy as np
from study import CONTENDERS, RESULTS, Bench, Trace, keep, objectives_of, read_results

from stream_evo.problems import PROBLEMS
from stream_evo.search import Progress

ARCHIVES = Path("runs") / "search_quality"


class _Clock:
    """Says how far the whole study is and how long it will take at the speed so far."""

    def __init__(self, evaluations: int) -> None:
        self._total = evaluations
        self._done = self._before = 0
        self._begun = self._said = time.monotonic()
        self._label = ""

    def begin(self, label: str, held: int) -> None:
        self._label, self._before = label, held

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._said > 1.0:
            self._say(self._done + max(0, progress.evaluations - self._before), f"{progress.evaluations:,} evaluations")

    def end(self, evaluations: int) -> None:
        self._done += evaluations
        self._say(self._done, "done")

    def _say(self, done: int, what: str) -> None:
        self._said = time.monotonic()
        left = (self._total - done) * (self._said - self._begun) / max(done, 1)
        ending = "\n" if what == "done" or not sys.stderr.isatty() else "\r"
        sys.stderr.write(f"{done / self._total:6.1%}, {left / 60:5.1f} min left; {self._label}: {what:24}{ending}")
        sys.stderr.flush()


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[1_000, 5_000], metavar="N", help="budgets, one after the other")
    parser.add_argument("--seeds", type=int, default=10, help="seeds 0, 1, ...")
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), metavar="NAME", help="of " + ", ".join(PROBLEMS))
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), metavar="NAME", help="of " + ", ".join(CONTENDERS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--archives", type=Path, default=ARCHIVES, help="where all evaluations go")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where traces and fronts go")
    options = parser.parse_args()
    for what, names, known in (("problem", options.problems, PROBLEMS), ("contender", options.contenders, CONTENDERS)):
        unknown = sorted(set(names) - set(known))
        if unknown:
            parser.error(f"no such {what}: {', '.join(unknown)}; there are {', '.join(known)}")
    if min(options.evaluations) < 1 or options.seeds < 1:
        parser.error("evaluations and seeds must be positive")
    missing = [name for name in options.problems if PROBLEMS[name].best_known is None]
    if missing:
        parser.error(f"no reference point for {', '.join(missing)}; best_known.py makes one")
    tiers = sorted(set(options.evaluations))
    benches = {name: Bench(PROBLEMS[name]) for name in options.problems}
    jobs = [
        (tier, seed, problem, contender)
        for tier, seed, problem, contender in itertools.product(tiers, range(options.seeds), options.problems, options.contenders)
        if not _is_done(options.results, problem, contender, seed, tier)
    ]
    steps = dict(zip(tiers, np.diff([0, *tiers]).tolist(), strict=True))
    clock = _Clock(sum(steps[tier] for tier, *_ in jobs))
    for tier, seed, problem, contender in jobs:
        folder = options.archives / problem / contender / str(seed)
        clock.begin(f"{problem}, {contender}, seed {seed}", tier - steps[tier])
        benches[problem].search(CONTENDERS[contender], seed, tier, folder, options.workers, clock)
        best = PROBLEMS[problem].best_known
        if best is not None:
            _, objectives = objectives_of(folder, PROBLEMS[problem].metrics)
            keep(options.results, problem, contender, seed, Trace.of(objectives, np.array(best.reference_point)))
        clock.end(steps[tier])


def _is_done(results: Path, problem: str, contender: str, seed: int, evaluations: int) -> bool:
    traces = read_results(results, problem, contender)
    return seed in traces and int(traces[seed].evaluations[-1]) >= evaluations


if __name__ == "__main__":
    main()
