"""Compare modelled latency with three measured chips: DepFiN, the 4 x 4 in-memory chip of Jia et al., and DIANA.

Run ``python experiments/validation/run.py [--sensitivity] [--rows N] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from chips import BUILDERS, Study
from rules import VARIANTS, scheduled
from study import GivenRuntimes, accuracy, busiest_core, simulator_of

from stream_evo import registry
from stream_evo.hardware import Accelerator
from stream_evo.schedule import Schedule, decisions_of_mapping

WAITS = ("predecessor", "dram", "link", "space")


def given_book(study: Study, accelerator: Accelerator) -> GivenRuntimes:
    """Return the tile runtimes of the reference framework as a cost table."""
    return GivenRuntimes(study.workload, accelerator, cycles=[time.total for time in study.tile_times])


def run_chip(study: Study) -> dict[str, Any]:
    """Schedule one chip and return its rows of all tables."""
    accelerator = registry.load_hardware(study.chip)
    start = time.perf_counter()
    simulator = simulator_of(study.workload, accelerator, study.mapping, given_book(study, accelerator))
    decisions = decisions_of_mapping(study.workload, accelerator, study.mapping)
    simulator.run(decisions)
    seconds = time.perf_counter() - start
    schedule = simulator.trace(decisions[0])
    totals = schedule.totals
    spent = busiest_core(schedule, accelerator, [times.compute for times in study.tile_times])
    return {
        "name": study.name,
        "measured_cycles": study.measured_cycles,
        "cycles": totals.latency_cycles,
        "accuracy": accuracy(totals.latency_cycles, study.measured_cycles),
        "reference_description_cycles": totals.latency_cycles,
        "reference_framework_cycles": study.reference.cycles,
        "reference_framework_accuracy": accuracy(study.reference.cycles, study.measured_cycles),
        "reference_framework_cpu_seconds": study.reference.cpu_seconds,
        "tiles": len(schedule.tiles),
        "seconds": seconds,
        "evictions": totals.evictions,
        "violation_bytes": totals.violation_bytes,
        "busiest_core": spent.core,
        "cycles_by_cause": {
            "compute": spent.compute_cycles,
            "stall": spent.stall_cycles,
            **{wait: getattr(spent, f"{wait}_cycles") for wait in WAITS},
        },
        "peak_bytes": peaks(study, schedule),
    }


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
    print("| chip | measured cycles | ours | accuracy | reference framework | accuracy | tiles | our seconds | its CPU seconds |")
    print("|---|---|---|---|---|---|---|---|---|")
    for chip in chips:
        print(
            f"| {chip['name']} | {chip['measured_cycles']:,} | {chip['cycles']:,} | {chip['accuracy']:.2f} % "
            f"| {chip['reference_framework_cycles']:,} | {chip['reference_framework_accuracy']:.2f} % | {chip['tiles']:,} "
            f"| {chip['seconds']:.2f} | {chip['reference_framework_cpu_seconds']} |"
        )
    mean = sum(chip["accuracy"] for chip in chips) / len(chips)
    theirs = sum(chip["reference_framework_accuracy"] for chip in chips) / len(chips)
    print(f"\nmean accuracy {mean:.2f} %, reference framework {theirs:.2f} %\n")
    print("Where the cycles of the busiest core go:\n")
    print("| chip | core | compute | stall, fill, drain | waits for predecessor | for DRAM | for link | for space |")
    print("|---" * 8 + "|")
    for chip in chips:
        print(f"| {chip['name']} | {chip['busiest_core']} | " + " | ".join(f"{n:,}" for n in chip["cycles_by_cause"].values()) + " |")
    print("\nPeak bytes:\n\n| chip | memory | capacity | ours | reference framework |\n|---|---|---|---|---|")
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
    studies = [build(arguments.rows) if arguments.rows else build() for build in BUILDERS.values()]
    report: dict[str, Any] = {"chips": [run_chip(study) for study in studies]}
    if arguments.sensitivity:
        report["sensitivity"] = sensitivity(studies)
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    print_chips(report["chips"])
    if arguments.sensitivity:
        print_sensitivity(report["sensitivity"])


if __name__ == "__main__":
    main()
