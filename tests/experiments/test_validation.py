"""The study of the three measured chips, as its command prints it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "validation" / "run.py"
MEASURED_CYCLES = {"DepFiN": 6_180_000, "AiMC 4x4": 66_302, "DIANA": 812_000}
# Of a scheduler written for trials of the rules, which shares no code with this package; see tests/schedule/test_three_chips.py.
TRIAL_CYCLES = {"DepFiN": 6_107_779, "AiMC 4x4": 64_180, "DIANA": 791_832}


@cache
def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=True, timeout=300)
    return done.stdout


@pytest.fixture(scope="module")
def chips() -> dict[str, dict[str, Any]]:
    return {chip["name"]: chip for chip in json.loads(run("--json"))["chips"]}


def test_the_reference_description_gives_the_totals_of_the_trials(chips: dict[str, dict[str, Any]]) -> None:
    assert {name: chip["reference_description_cycles"] for name, chip in chips.items()} == TRIAL_CYCLES
    assert {name: chip["measured_cycles"] for name, chip in chips.items()} == MEASURED_CYCLES


def test_accuracy_is_that_of_the_cycles_and_as_good_as_stated(chips: dict[str, dict[str, Any]]) -> None:
    """One model and one set of rules for all three: at least 96.5 % on each chip and 97.5 % in the mean."""
    for chip in chips.values():
        assert chip["accuracy"] == pytest.approx(100 - 100 * abs(chip["cycles"] - chip["measured_cycles"]) / chip["measured_cycles"])
        assert chip["accuracy"] > 96.5
        assert chip["description"]["violation_bytes"] == chip["description"]["evictions"] == 0
    assert sum(chip["accuracy"] for chip in chips.values()) / 3 > 97.5


def test_the_in_memory_chip_by_hand(chips: dict[str, dict[str, Any]]) -> None:
    """4 bits x 10 cycles x 1,568 steps in each stage, and 64 x 64 x 9 x 4 bits of weights through 128 bits a cycle before the first.

    The last stage starts when two 3 x 3 layers have a row and two steps each, and three 1 x 1 layers a step: 2 x 30 + 3 steps, less one.
    """
    stage, weights, fill = 1_568 * 40, 64 * 64 * 9 * 4 // 128, 62 * 40
    assert chips["AiMC 4x4"]["cycles"] == pytest.approx(stage + weights + fill, abs=2 * 40)
    assert chips["AiMC 4x4"]["description"]["cycles_by_cause"]["compute"] == stage


def test_diana_is_bound_by_its_digital_core(chips: dict[str, dict[str, Any]]) -> None:
    """3,584 tiles of 3 x 7 x 7 steps, 2 x 3 x 7 cycles of rest between rows, 23 between tiles, and one each to fill and drain."""
    spent = chips["DIANA"]["description"]
    assert spent["busiest_core"] == "digital"
    assert spent["cycles_by_cause"]["compute"] == 3_584 * 147
    assert spent["cycles_by_cause"]["stall"] == 3_584 * (42 + 23 + 1 + 1)


@pytest.mark.parametrize("name", MEASURED_CYCLES)
@pytest.mark.parametrize(("description", "total"), [("description", "cycles"), ("reference_description", "reference_description_cycles")])
def test_every_cycle_of_the_busiest_core_has_one_cause(chips: dict[str, dict[str, Any]], name: str, description: str, total: str) -> None:
    parts = chips[name][description]["cycles_by_cause"]
    assert sum(parts.values()) == chips[name][total]
    assert min(parts.values()) >= 0


def test_facts_that_carry_the_result_are_shown_to() -> None:
    report = json.loads(run("--json"))
    rows = {(row["name"], row["change"]): row["accuracy"] for row in report["facts"]}
    for chip in report["chips"]:
        assert rows[chip["name"], "as described"] == chip["accuracy"]
    assert rows["DIANA", "digital core without rests"] < 75
    assert rows["AiMC 4x4", "weights stay, but a product takes one cycle"] < 50


def test_what_depfin_waits_for(chips: dict[str, dict[str, Any]]) -> None:
    """540 rows x (800 + 448 + 4 x 864 + 384 + 4032) steps; 16 x 960 bytes per row pass 64 bits a cycle; nothing else is waited for."""
    parts = chips["DepFiN"]["reference_description"]["cycles_by_cause"]
    assert parts["compute"] == 540 * 9_120
    assert parts["predecessor"] == parts["link"] == parts["space"] == 0
    assert parts["dram"] > 540 * 16 * 960 * 8 // 64


def test_peaks_stand_beside_those_of_the_reference_framework(chips: dict[str, dict[str, Any]]) -> None:
    peaks = {row["memory"]: row for chip in chips.values() for row in chip["peak_bytes"]}
    assert len(peaks) == 15
    assert all(0 < row["peak_bytes"] <= row["capacity_bytes"] for row in peaks.values())
    assert all(abs(row["peak_bytes"] / row["reference_framework_peak_bytes"] - 1) < 0.1 for row in peaks.values())


@pytest.mark.slow
def test_the_run_is_fast(chips: dict[str, dict[str, Any]]) -> None:
    assert sum(chip[which]["seconds"] for chip in chips.values() for which in ("description", "reference_description")) < 1


def test_rules_switched_off_on_a_strip() -> None:
    """With all rules on, the scheduler with switches is the shipped one; each switch does something to some chip, or is known not to."""
    report = json.loads(run("--sensitivity", "--rows", "12", "--json"))
    shipped = {chip["name"]: chip["reference_description_cycles"] for chip in report["chips"]}
    rows = {row["variant"]: row["cycles"] for row in report["sensitivity"]}
    assert rows.pop("all rules as they are") == shipped
    idle = {title for title, cycles in rows.items() if cycles == shipped}
    assert idle <= {
        "4: operands fetched largest first",
        "5: fetched as early as data exist",
        "6: links serve in order of request",
        "12: unlimited memories",
    }
    assert all(rows["no transfer takes time"][name] < shipped[name] for name in shipped)
    assert rows["7: two DMA engines, reads and writes"]["DepFiN"] < 0.95 * shipped["DepFiN"]


def test_tables_have_a_line_per_chip() -> None:
    text = run("--rows", "4")
    assert text.count("| DepFiN |") >= 3
    assert "mean accuracy" in text
