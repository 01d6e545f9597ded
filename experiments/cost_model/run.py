"""Compare the cost model with the 146 reference rows: table of errors, scatter plot, mappings that beat the reference.

Run ``python experiments/cost_model/run.py [--goal edp] [--max-factors 6] [--plot FILE.png] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stream_evo import registry
from stream_evo.cost import LAYER_TYPES, OFFCHIP, Goal, TileCost, TileRequest, evaluate_tiles, tile_cost
from stream_evo.typing import AnyArray, FloatArray
from stream_evo.workload import LoopSizes, Operand

ROWS = Path(__file__).parents[2] / "tests" / "data" / "cost_rows.json"
PLOT = Path(__file__).parent / "scatter.png"


@dataclass(frozen=True)
class Case:
    """One reference row: the tile and what the reference found for the goal."""

    name: str
    core: str
    request: TileRequest
    latency_cycles: float
    ideal_cycles: float
    energy_pj: float
    mac_pj: float
    memory_pj: dict[str, list[float]]


def read_cases(goal: str) -> list[Case]:
    """Read the reference rows with their best mapping for `goal`."""
    cores = {name: registry.load_core(name) for name in ("tpu_like", "meta_prototype", "eyeriss_like", "pooling", "simd")}
    cases = []
    for row in json.loads(ROWS.read_text(encoding="utf-8"))["rows"]:
        kind, two_inputs = LAYER_TYPES[row["type"]]
        streamed = frozenset(Operand) if row["dram"] else frozenset[Operand]()
        request = TileRequest(
            kind,
            LoopSizes(**row["dims"]),
            cores[row["core"]],
            row["dataflow"],
            stride=(row["stride"], row["stride"]),
            two_inputs=two_inputs,
            streamed=streamed,
            dram=OFFCHIP if streamed else None,
        )
        best = row["best"][goal] if row["best"][goal] != "edp" else row["best"]["edp"]
        name = f"{row['name']} on {row['core']} {row['dataflow']}{' + DRAM' if streamed else ''}"
        latency, ideal = best["cycles"][:2]
        cases.append(Case(name, row["core"], request, latency, ideal, best["energy_pj"], best["mac_pj"], best["memory_pj"]))
    return cases


def summarise(errors: FloatArray) -> dict[str, float]:
    """Return median, 90th percentile and maximum of absolute errors."""
    size = np.abs(errors)
    return {"median": float(np.median(size)), "p90": float(np.quantile(size, 0.9)), "max": float(size.max())}


def level_errors(cases: list[Case], details: list[TileCost]) -> FloatArray:
    """Return the relative error of the energy of every memory level of every operand."""
    errors = []
    for case, detail in zip(cases, details, strict=True):
        for operand, energies in detail.memory_energy_pj.items():
            errors += [(ours - theirs) / max(theirs, 1.0) for ours, theirs in zip(energies, case.memory_pj[operand], strict=True)]
    return np.array(errors)


def describe_loops(detail: TileCost) -> str:
    """Return the loops each level of each operand keeps, inner first."""
    parts = []
    for operand, levels in detail.temporal_mapping.items():
        text = " | ".join(" ".join(f"{loop}{size}" for loop, size in level) or "-" for level in levels)
        parts.append(f"{operand}: {text}")
    return "; ".join(parts)


def compare(goal: str, max_factors: int) -> tuple[dict[str, Any], list[Case], AnyArray, AnyArray]:
    """Return the report, the cases, and our latency and energy."""
    cases = read_cases(goal)
    requests = [case.request for case in cases]
    evaluate_tiles(requests[:1])
    start = time.process_time()
    costs = evaluate_tiles(requests, goal, max_factors=max_factors)
    seconds = time.process_time() - start
    details = [tile_cost(request, goal, max_factors=max_factors) for request in requests]
    latency = np.array([case.latency_cycles for case in cases])
    energy = np.array([case.energy_pj for case in cases])
    value = {
        Goal.LATENCY: costs.latency_cycles / latency,
        Goal.ENERGY: costs.energy_pj / energy,
        Goal.EDP: costs.latency_cycles * costs.energy_pj / (latency * energy),
    }[Goal(goal)] - 1
    order = np.argsort(value)
    report = {
        "rows": len(cases),
        "goal": goal,
        "max_factors": max_factors,
        "microseconds_per_tile": seconds / len(cases) * 1e6,
        "latency_error": summarise(costs.latency_cycles / latency - 1),
        "energy_error": summarise(costs.energy_pj / energy - 1),
        "level_energy_error": summarise(level_errors(cases, details)),
        "goal_worst": float(value.max()),
        "goal_best": float(value.min()),
        "ideal_cycles_differ": int(sum(int(c) != case.ideal_cycles for c, case in zip(costs.ideal_cycles, cases, strict=True))),
        "mac_energy_error_max": float(np.abs(costs.mac_pj / np.array([case.mac_pj for case in cases]) - 1).max()),
        "better": [{"tile": cases[i].name, goal: float(value[i]), "loops": describe_loops(details[i])} for i in order if value[i] < -1e-6],
        "worse": [{"tile": cases[i].name, goal: float(value[i])} for i in order[::-1] if value[i] > 1e-6],
    }
    return report, cases, costs.latency_cycles, costs.energy_pj


def plot(cases: list[Case], latency: AnyArray, energy: AnyArray, target: Path) -> None:
    """Draw ours against the reference's, latency and energy."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # only needed here

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots(1, 2)
    names = sorted({case.core for case in cases})
    panels = (("latency (cycles)", latency, [c.latency_cycles for c in cases]), ("energy (pJ)", energy, [c.energy_pj for c in cases]))
    for axis, (label, ours, theirs) in zip(axes, panels, strict=True):
        for name in names:
            picks = [i for i, case in enumerate(cases) if case.core == name]
            axis.loglog([theirs[i] for i in picks], [ours[i] for i in picks], "o", ms=4, alpha=0.7, label=name)
        ends = [min(theirs), max(theirs)]
        axis.loglog(ends, ends, "-", color="0.4", lw=0.8)
        axis.set_xlabel(f"{label}, exhaustive reference")
        axis.set_ylabel(f"{label}, ours")
    axes[0].legend(fontsize=8)
    figure.savefig(target, dpi=120)


def print_report(report: dict[str, Any]) -> None:
    """Print the table of errors and the rows that differ."""
    print(f"{report['rows']} tiles, goal {report['goal']}, at most {report['max_factors']} loop factors")
    print(f"{report['microseconds_per_tile']:.0f} us of CPU time per tile\n")
    print("| relative error | median | 90th percentile | maximum |\n|---|---|---|---|")
    for label, key in (("latency", "latency_error"), ("energy", "energy_error"), ("energy of each memory level", "level_energy_error")):
        error = report[key]
        print(f"| {label} | {error['median']:.2%} | {error['p90']:.2%} | {error['max']:.2%} |")
    print(
        f"\nideal cycles differ in {report['ideal_cycles_differ']} rows; MAC energy differs by at most {report['mac_energy_error_max']:.1e}"
    )
    print(f"{report['goal']}: at worst {report['goal_worst']:+.2%}, at best {report['goal_best']:+.2%}")
    for kind in ("worse", "better"):
        print(f"\n{len(report[kind])} {kind} than the reference")
        for row in report[kind]:
            loops = f": {row['loops']}" if "loops" in row else ""
            print(f"  {row[report['goal']]:+.3%}  {row['tile']}{loops}")


def main() -> None:
    """Read the arguments and print table or JSON."""
    parser = argparse.ArgumentParser(description="Cost model against the reference rows.")
    parser.add_argument("--goal", choices=[str(goal) for goal in Goal], default="edp")
    parser.add_argument("--max-factors", type=int, default=6, help="most loop factors the search permutes, up to 8")
    parser.add_argument("--plot", type=Path, default=PLOT, help="where the scatter plot goes")
    parser.add_argument("--json", action="store_true", help="print the report as JSON and draw nothing")
    arguments = parser.parse_args()
    report, cases, latency, energy = compare(arguments.goal, arguments.max_factors)
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    print_report(report)
    plot(cases, latency, energy, arguments.plot)
    print(f"\nscatter plot: {arguments.plot}")


if __name__ == "__main__":
    main()
