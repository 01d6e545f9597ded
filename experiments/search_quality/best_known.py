"""Bring the best known fronts of the shipped problems up to date with what was found. A front is only ever improved.

``python experiments/search_quality/best_known.py [FOLDER ...]`` takes every archive below the folders (``runs/search_quality`` if none
is given) that lies in a folder called like a problem; runs of one's own are added with ``stream-evo run PROBLEM ... --out
runs/mine/PROBLEM``. Every new point is evaluated again before it is stored. ``--first N`` searches problems without a front for N
evaluations, so that they get a reference point.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from run import ARCHIVES
from study import CONTENDERS, Bench, objectives_of, volume

from stream_evo.problems import PROBLEMS, BestFront, Problem, best_front
from stream_evo.problems._best_known import DIGITS, FOLDER
from stream_evo.report import write_atomic
from stream_evo.search import ARCHIVE_NAME, nondominated, reference_point
from stream_evo.typing import BoolArray, FloatArray, IntArray


def found(problem: Problem, folders: list[Path]) -> BestFront:
    """Return the non-dominated points of all archives of a problem below the folders, (0, V) if there are none."""
    parts: list[tuple[IntArray, FloatArray, list[str]]] = []
    for folder in folders:
        for archive in sorted(folder.rglob(ARCHIVE_NAME)):
            if problem.name not in archive.parts:
                continue
            genomes, objectives = objectives_of(archive.parent, problem.metrics)
            feasible = np.isfinite(objectives).all(axis=1)
            if not feasible.any():
                continue
            kept = np.flatnonzero(feasible)[nondominated(objectives[feasible])]
            after = archive.parts[archive.parts.index(problem.name) + 1 : -1]
            parts.append((genomes[kept], objectives[kept], ["/".join(after) or "run"] * len(kept)))
    if not parts:
        return BestFront(np.empty((0, 0), dtype=np.int64), np.empty((0, len(problem.metrics))), ())
    genomes, objectives = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
    return _front(genomes, objectives, [name for part in parts for name in part[2]])


def _front(genomes: IntArray, objectives: FloatArray, sources: list[str]) -> BestFront:
    """Return the non-dominated ones of some points, in ascending order; of equal ones the first."""
    order = np.lexsort(objectives.T[::-1])
    kept = order[nondominated(objectives[order])]
    return BestFront(genomes[kept], objectives[kept], tuple(sources[row] for row in kept))


def _holds(bench: Bench, front: BestFront) -> BoolArray:
    """Return which points evaluate to their objectives, (P,)."""
    evaluation = bench.search_problem.evaluator.evaluate(front.genomes)
    same = (bench.search_problem.objective_values(evaluation.metrics) == front.objectives).all(axis=1)
    return np.asarray(same & (evaluation.violation_bytes <= 0.0))


def improved(bench: Bench, stored: BestFront | None, new: BestFront) -> BestFront | None:
    """Return the front of stored and new points, ``None`` if it is the stored one.

    New points that do not evaluate to their numbers are left out.

    Raises:
        SystemExit: stored points do not evaluate to what is stored: the model changed since.
    """
    known = {tuple(row) for row in ([] if stored is None else stored.objectives.tolist())}
    fresh = np.array([tuple(row) not in known for row in new.objectives.tolist()], dtype=np.bool_)
    if stored is not None and not _holds(bench, stored).all():
        raise SystemExit(f"{bench.problem.name}: stored points evaluate to other numbers; the model changed. --renew evaluates them anew")
    if stored is not None and fresh.any():
        # Most of what is new to the list is dominated by it; only the rest is worth an evaluation.
        both = np.concatenate([stored.objectives, new.objectives[fresh]])
        fresh[np.flatnonzero(fresh)] = nondominated(both)[len(stored.objectives) :]
    if not fresh.any():
        return None
    candidates = BestFront(new.genomes[fresh], new.objectives[fresh], tuple(np.array(new.sources, dtype=object)[fresh]))
    held = _holds(bench, candidates)
    if not held.all():
        sys.stderr.write(f"{bench.problem.name}: {int((~held).sum())} points evaluate to other numbers and are left out\n")
    parts = [candidates] if stored is None else [stored, candidates]
    keep = np.concatenate([np.ones(len(part.objectives), dtype=np.bool_) if part is stored else held for part in parts])
    if stored is not None and not held.any():
        return None
    return _front(
        np.concatenate([part.genomes for part in parts])[keep],
        np.concatenate([part.objectives for part in parts])[keep],
        list(np.array([source for part in parts for source in part.sources], dtype=object)[keep]),
    )


def renewed(bench: Bench, stored: BestFront) -> BestFront:
    """Return the stored points with the objectives that the model gives them now."""
    evaluation = bench.search_problem.evaluator.evaluate(stored.genomes)
    fits = evaluation.violation_bytes <= 0.0
    objectives = bench.search_problem.objective_values(evaluation.metrics)
    return _front(stored.genomes[fits], objectives[fits], list(np.array(stored.sources, dtype=object)[fits]))


def first_reference(front: FloatArray) -> FloatArray:
    """Return the reference point of a problem that has none, from its first front (P, F): (F,).

    The worst value of each objective and a tenth of the range beyond, but at least 1.5 and at most 10 times the best value: with less, a
    front that is narrow in one objective makes all that is near it worth nothing; with more, a front with far ends makes everything look
    alike.
    """
    best = front.min(axis=0)
    return np.clip(reference_point(front), 1.5 * best, 10.0 * best)


def store(folder: Path, problem: Problem, front: BestFront, command: str) -> float:
    """Write a front and its line of the index; return its hypervolume."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "index.json"
    index = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    entry = index.get(problem.name, {})
    reference = np.array(entry["reference_point"]) if entry else first_reference(front.objectives)
    hypervolume = volume(front.objectives, reference)
    index[problem.name] = {
        "metrics": list(problem.metrics),
        "reference_point": reference.tolist(),
        "hypervolume": hypervolume,
        "points": len(front.objectives),
        "provenance": f"{command}; stream-evo {version('stream-evo')}; {datetime.now(UTC).date().isoformat()}; "
        f"{len(set(front.sources))} runs named in {problem.name}.csv",
    }
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*problem.metrics, "genome", "run"])
    for genome, objectives, source in zip(front.genomes.tolist(), front.objectives.tolist(), front.sources, strict=True):
        rows.writerow([*map(_digits, objectives), "".join(DIGITS[gene] for gene in genome), source])
    write_atomic(folder / f"{problem.name}.csv", text.getvalue(), durable=False)
    write_atomic(file, json.dumps(dict(sorted(index.items())), indent=1) + "\n", durable=False)
    return hypervolume


def _digits(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def main() -> None:
    """Improve what can be improved."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[ARCHIVES], metavar="FOLDER")
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="evaluations of a search for problems without a front")
    parser.add_argument("--renew", action="store_true", help="evaluate stored points anew, after the model changed")
    options = parser.parse_args()
    command = " ".join(["python", "experiments/search_quality/best_known.py", *sys.argv[1:]])
    for name in options.problems:
        bench, stored = Bench(PROBLEMS[name]), best_front(name)
        if stored is None and options.first:
            bench.search(CONTENDERS["default"], 0, options.first, ARCHIVES / name / "default" / "0")
        if stored is not None and options.renew:
            stored = renewed(bench, stored)
            store(FOLDER, PROBLEMS[name], stored, command)
        new = found(PROBLEMS[name], [*options.folders, *([ARCHIVES] if options.first else [])])
        front = improved(bench, stored, new) if len(new.objectives) else None
        if front is None:
            print(f"{name}: nothing better")
            continue
        best = PROBLEMS[name].best_known
        before = 0.0 if best is None else best.hypervolume
        after = store(FOLDER, PROBLEMS[name], front, command)
        print(f"{name}: {len(front.objectives)} points" + (f", hypervolume + {after / before - 1.0:.4%}" if before else ""))


if __name__ == "__main__":
    main()
