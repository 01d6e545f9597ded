"""Does the search find what there is? Exact fronts by exhaustive search, and the default search against them.

``python experiments/small_cases/run.py [CASE ...]`` searches each case with 20 seeds, at a tenth of the evaluations of its enumeration, and
tells which seeds find the whole exact front. ``--enumerate`` first evaluates every mapping and writes the exact fronts to ``fronts/``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

from cases import CASES, FRONTS, OBJECTIVES, Case, Memory, exact_front, read_front

from stream_evo.evaluation import METRICS, Evaluator
from stream_evo.operators import SeedHints, default_operators
from stream_evo.search import Budget, SearchProblem, find_engine, optimize

SHARE = 0.1


def enumerate_case(name: str, case: Case, workers: int) -> dict[str, Any]:
    """Evaluate every mapping of a case and return the exact front as it is stored."""
    evaluator = Evaluator(case.space())
    begun = time.monotonic()
    front, feasible = exact_front(evaluator, workers)
    sizes = evaluator.spec.upper - evaluator.spec.lower + 1
    return {
        "case": vars(case),
        "command": f"python experiments/small_cases/run.py {name} --enumerate",
        "genomes": int(sizes.prod()),
        "feasible": feasible,
        "seconds": round(time.monotonic() - begun, 1),
        "objectives": list(OBJECTIVES),
        "front": [
            {"genome": genome, "objectives": values}
            for genome, values in zip(front.genomes.tolist(), front.objectives.tolist(), strict=True)
        ],
    }


def missed(memory: Memory, evaluator: Evaluator, exact: dict[str, Any], seed: int, engine: str) -> int:
    """Return how many points of the exact front one search at a tenth of the evaluations does not find."""
    result = optimize(
        SearchProblem(memory, metrics=METRICS, objectives=OBJECTIVES),
        operators=default_operators(SeedHints(*evaluator.layer_costs())),
        budget=Budget(evaluations=int(SHARE * exact["genomes"])),
        engine=find_engine(engine),
        seed=seed,
        workers=os.cpu_count() or 1,
    )
    found = set(map(tuple, result.front.objectives.tolist()))
    return sum(tuple(point["objectives"]) not in found for point in exact["front"])


def main() -> None:
    """Enumerate where asked to, then search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all if not given")
    parser.add_argument("--enumerate", action="store_true", help="compute the exact fronts anew")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--engine", default="nsga2")
    options = parser.parse_args()
    unknown = sorted(set(options.cases) - set(CASES))
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}")
    print(f"{'case':18} {'genomes':>9} {'front':>6} {'budget':>7}  seeds with the whole front")
    for name in options.cases or CASES:
        case = CASES[name]
        if options.enumerate:
            FRONTS.mkdir(exist_ok=True)
            text = json.dumps(enumerate_case(name, case, os.cpu_count() or 1), indent=1)
            (FRONTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        exact = read_front(name)
        evaluator = Evaluator(case.space())
        memory = Memory(evaluator)
        missing = [missed(memory, evaluator, exact, seed, options.engine) for seed in range(options.seeds)]
        whole = sum(count == 0 for count in missing)
        worst = "" if whole == len(missing) else f"; misses: {missing}"
        print(
            f"{name:18} {exact['genomes']:9,} {len(exact['front']):6} {int(SHARE * exact['genomes']):7,}  {whole} of {len(missing)}{worst}",
            flush=True,
        )


if __name__ == "__main__":
    main()
