"""Compare modelled latency with three measured chips: DepFiN, the 4 x 4 in-memory chip of Jia et al., and DIANA.

Run ``python experiments/validation/run.py [--sensitivity] [--rows N] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from typing import Any

from chips import BUILDERS, Study, TileTime
from facts import CHANGES, changed
from rules import VARIANTS, scheduled
from study import GivenRuntimes, accuracy, busiest_core, computing_cycles, simulator_of

from stream_evo import registry
from stream_evo.mapping import Mapping
from stream_evo.schedule import Schedule, TileBook, decisions_of_mapping, totals_of
from stream_evo.workload import Workload

WAITS = ("predecessor", "dram", "link", "space")


def run_description(workload: Workload, chip: str, mapping: Mapping, times: Sequence[TileTime] | None) -> tuple[dict[str, Any], Schedule]:
    """Schedule one description of a chip.

    Args:
        workload: What runs.
        chip: Name of the accelerator.
        mapping: How it runs.
        times: Tile runtimes to use; ``None``: those of the cost model.

    Returns:
        Cycles, time taken, and where the cycles of the busiest core go; and the schedule.
    """
    accelerator = registry.load_hardware(chip)
    start = time.perf_counter()
    book = GivenRuntimes(workload, accelerator, cycles=[t.total for t in times]) if times is not None else TileBook(workload, accelerator)
    simulator = simulator_of(workload, accelerator, mapping, book)
    decisions = decisions_of_mapping(workload, accelerator, mapping)
    simulator.run(decisions)
    seconds = time.perf_counter() - start
    schedule = simulator.trace(decisions[0])
    computing = [t.compute for t in times] if times is not None else computing_cycles(mapping, accelerator, book)
    spent = busiest_core(schedule, accelerator, computing)
    causes = {"compute": spent.compute_cycles, "stall": spent.stall_cycles, **{wait: getattr(spent, f"{wait}_cycles") for wait in WAITS}}
    report = {
        "cycles": schedule.totals.latency_cycles,
        "seconds": seconds,
        "evictions": schedule.totals.evictions,
        "violation_bytes": schedule.totals.violation_bytes,
        "busiest_core": spent.core,
        "cycles_by_cause": causes,
    }
    return report, schedule


def run_chip(study: Study) -> dict[str, Any]:
    """Schedule both descriptions of a chip and return its rows of all tables."""
    theirs, schedule = run_description(study.workload, study.chip, study.mapping, study.tile_times)
    ours, _ = run_description(study.physical_workload, study.physical_chip, study.physical_mapping, None)
    measured = study.measured_cycles
    return {
        "name": study.name,
        "measured_cycles": measured,
        "cycles": ours["cycles"],
        "accuracy": accuracy(ours["cycles"], measured),
        "reference_description_cycles": theirs["cycles"],
        "reference_description_accuracy": accuracy(theirs["cycles"], measured),
        "reference_framework_cycles": study.reference.cycles,
        "reference_framework_accuracy": accuracy(study.reference.cycles, measured),
        "reference_framework_cpu_seconds": study.reference.cpu_seconds,
        "tiles": len(schedule.tiles),
        "description": ours,
        "reference_description": theirs,
        "peak_bytes": peaks(study, schedule),
    }


def facts(studies: MappingABC[str, Study]) -> list[dict[str, Any]]:
    """Return cycles and accuracy of the descriptions from facts, with one fact changed in each row."""
    rows = []
    for change in CHANGES:
        study = changed(studies[change.study], change)
        chip = change.chip(registry.load_hardware(study.physical_chip))
        workload, mapping = study.physical_workload, study.physical_mapping
        raw = simulator_of(workload, chip, mapping, TileBook(workload, chip)).run(decisions_of_mapping(workload, chip, mapping))
        totals = totals_of(raw.sums[0])
        rows.append(
            {
                "name": study.name,
                "change": change.title,
                "cycles": totals.latency_cycles,
                "accuracy": accuracy(totals.latency_cycles, study.measured_cycles),
                "violation_bytes": totals.violation_bytes,
            }
        )
    return rows


def peaks(study: Study, schedule: Schedule) -> list[dict[str, Any]]:
    """Return peak bytes per memory instance, ours beside the reference framework's."""
    return [
        {
            "memory": usage.memory,
            "capacity_bytes": usage.capacity_bits // 8,
            "peak_bytes": usage.peak_bits / 8,
            "reference_framework_peak_bytes": study.reference.peak_bytes[usage.memory],
        }
        for usage in schedule.memories
    ]


def sensitivity(studies: Sequence[Study]) -> list[dict[str, Any]]:
    """Return cycles and accuracy of every chip under every variant of the rules."""
    rows = []
    for variant in VARIANTS:
        row: dict[str, Any] = {"variant": variant.title, "cycles": {}, "accuracy": {}}
        for study in studies:
            schedule = scheduled(study, registry.load_hardware(study.chip), variant)
            row["cycles"][study.name] = schedule.totals.latency_cycles
            row["accuracy"][study.name] = accuracy(schedule.totals.latency_cycles, study.measured_cycles)
        rows.append(row)
    return rows


def print_chips(chips: Sequence[dict[str, Any]]) -> None:
    """Print accuracy, where the cycles go, and peaks."""
    print("(a) the reference framework's description and tile runtimes, (b) the description from facts and our tile runtimes\n")
    print("| chip | measured cycles | (b) | accuracy | (a) | accuracy | reference framework | accuracy | tiles | our s | its CPU s |")
    print("|---" * 11 + "|")
    for chip in chips:
        print(
            f"| {chip['name']} | {chip['measured_cycles']:,} | {chip['cycles']:,} | {chip['accuracy']:.2f} % "
            f"| {chip['reference_description_cycles']:,} | {chip['reference_description_accuracy']:.2f} % "
            f"| {chip['reference_framework_cycles']:,} | {chip['reference_framework_accuracy']:.2f} % | {chip['tiles']:,} "
            f"| {chip['description']['seconds']:.2f} | {chip['reference_framework_cpu_seconds']} |"
        )
    keys = ("accuracy", "reference_description_accuracy", "reference_framework_accuracy")
    means = [sum(chip[key] for chip in chips) / len(chips) for key in keys]
    print(f"\nmean accuracy: (b) {means[0]:.2f} %, (a) {means[1]:.2f} %, reference framework {means[2]:.2f} %\n")
    print("Where the cycles of the busiest core go:\n")
    print("| chip | core | compute | stall, fill, drain, rest | waits for predecessor | for DRAM | for link | for space |")
    print("|---" * 8 + "|")
    for letter, key in (("a", "reference_description"), ("b", "description")):
        for chip in chips:
            spent = chip[key]["cycles_by_cause"].values()
            print(f"| {chip['name']} ({letter}) | {chip[key]['busiest_core']} | " + " | ".join(f"{n:,}" for n in spent) + " |")
    print("\nPeak bytes, (a):\n\n| chip | memory | capacity | ours | reference framework |\n|---|---|---|---|---|")
    for chip in chips:
        for row in chip["peak_bytes"]:
            print(
                f"| {chip['name']} | {row['memory']} | {row['capacity_bytes']:,} | {row['peak_bytes']:,.0f} "
                f"| {row['reference_framework_peak_bytes']:,} |"
            )


def print_sensitivity(rows: Sequence[dict[str, Any]]) -> None:
    """Print cycles and accuracy with each rule switched off."""
    names = list(rows[0]["cycles"])
    print("\nOne rule of the schedule switched off at a time: cycles (accuracy in %)\n")
    print("| variant | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for row in rows:
        cells = [f"{row['cycles'][name]:,} ({row['accuracy'][name]:.1f})" for name in names]
        print(f"| {row['variant']} | " + " | ".join(cells) + " |")


def print_facts(rows: Sequence[dict[str, Any]]) -> None:
    """Print what single facts are worth."""
    print("\nDescription (b) with one fact changed:\n\n| chip | change | cycles | accuracy |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['name']} | {row['change']} | {row['cycles']:,} | {row['accuracy']:.1f} % |")


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sensitivity", action="store_true", help="also switch off one rule at a time (plain Python: minutes)")
    parser.add_argument("--rows", type=int, default=0, help="rows of output instead of whole maps; accuracies then mean nothing")
    parser.add_argument("--json", action="store_true", help="print data instead of tables")
    arguments = parser.parse_args()
    if arguments.rows < 0:
        parser.error("--rows: expected at least 1")
    run_chip(BUILDERS["depfin"](4))  # kernels are compiled or loaded here, outside of what is timed
    studies = {name: build(arguments.rows) if arguments.rows else build() for name, build in BUILDERS.items()}
    report: dict[str, Any] = {"chips": [run_chip(study) for study in studies.values()], "facts": facts(studies)}
    if arguments.sensitivity:
        report["sensitivity"] = sensitivity(list(studies.values()))
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    print_chips(report["chips"])
    print_facts(report["facts"])
    if arguments.sensitivity:
        print_sensitivity(report["sensitivity"])


if __name__ == "__main__":
    main()
