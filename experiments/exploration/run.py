"""Run the study, as far as it has not been run; continues where it was stopped.

``python experiments/exploration/run.py`` searches every network on every chip in six ways with three seeds; the first seed of everything
comes first. ``--network N --chip C --anew`` makes one pair anew, to the same bytes. ``python experiments/exploration/figures.py`` makes
tables and figures from what is there.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from methods import METHODS
from study import ALL_CHIPS, BUDGET, NETWORKS, RESULTS, SEEDS, Found, Pair


def search_pair(pair: Pair, results: Path, methods: Sequence[str], seeds: Sequence[int], share: float) -> float:
    """Search what is missing of one pair and write it; return the seconds that took."""
    begun = time.monotonic()
    found = pair.read(results)
    for method in methods:
        searcher = pair.searcher(method)
        for seed in seeds:
            if (method, seed) not in found:
                found[method, seed] = searcher.search(seed, max(1, round(BUDGET[method] * share)))
                pair.write(results, found)
    return time.monotonic() - begun


def forget(pair: Pair, results: Path, methods: Sequence[str], seeds: Sequence[int]) -> None:
    """Drop the results of some methods and seeds, and only these."""
    found = pair.read(results)
    kept = {key: one for key, one in found.items() if not (key[0] in methods and key[1] in seeds)}
    if kept:
        pair.write(results, kept)
    else:
        pair.path(results).unlink(missing_ok=True)


def _is_done(found: dict[tuple[str, int], Found], methods: Sequence[str], seeds: Sequence[int]) -> bool:
    return all((method, seed) in found for method in methods for seed in seeds)


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--chip", nargs="+", choices=ALL_CHIPS, default=ALL_CHIPS, metavar="CHIP", help=f"of {', '.join(ALL_CHIPS)}")
    parser.add_argument("--method", nargs="+", choices=tuple(METHODS), default=tuple(METHODS))
    parser.add_argument("--seeds", type=int, default=SEEDS, help="seeds 0, 1, ...")
    parser.add_argument("--share", type=float, default=1.0, help="part of the budget of evaluations, for a try; needs --results")
    parser.add_argument("--anew", action="store_true", help="forget what is there of these pairs, methods and seeds first")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, each with a pair of its own")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.share != 1.0 and options.results.resolve() == RESULTS.resolve():
        parser.error("a share of the budget is no result of the study: give --results FOLDER, too")
    if options.seeds < 1 or options.workers < 1 or not 0 < options.share <= 1:
        parser.error("seeds and workers must be positive, the share above 0 and at most 1")
    pairs = [Pair(network, chip) for chip in options.chip for network in options.network]
    if options.anew:
        for pair in pairs:
            forget(pair, options.results, options.method, range(options.seeds))
    jobs = [
        (pair, range(seed + 1))
        for seed in range(options.seeds)
        for pair in pairs
        if not _is_done(pair.read(options.results), options.method, range(seed + 1))
    ]
    if not jobs:
        print("everything has been run")
        return
    begun = time.monotonic()
    print(f"{len(jobs)} searches of a pair to do")
    waiting, running, done = list(reversed(jobs)), dict[Future[float], Pair](), 0
    with ProcessPoolExecutor(options.workers) as pool:
        while waiting or running:
            while waiting and len(running) < options.workers:
                free = next((job for job in reversed(waiting) if job[0] not in running.values()), None)
                if free is None:  # what is left is about pairs that are being searched
                    break
                waiting.remove(free)
                pair, seeds = free
                running[pool.submit(search_pair, pair, options.results, options.method, seeds, options.share)] = pair
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                pair, done = running.pop(future), done + 1
                left = (len(jobs) - done) * (time.monotonic() - begun) / done
                print(f"{done}/{len(jobs)}, {left / 60:.0f} min left: {pair.network} on {pair.chip} in {future.result():.0f} s", flush=True)
    print(f"done in {(time.monotonic() - begun) / 60:.1f} min on {options.workers} processes")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; what is finished is kept, and the same command continues")
