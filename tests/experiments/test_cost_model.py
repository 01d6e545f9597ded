"""The study of the cost of a tile, as its commands print it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "cost_model"


@cache
def run(script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, str(FOLDER / script), *arguments], capture_output=True, text=True, check=True, timeout=300)
    return done.stdout


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("run.py", "--json"))
    return found


def test_errors_against_the_reference_rows(report: dict[str, Any]) -> None:
    """Median at most 0.1 %, 90th percentile at most 2 %, energy x delay never more than 30 % worse; what is exact stays exact."""
    assert report["rows"] == 146
    for error in (report["latency_error"], report["energy_error"]):
        assert error["median"] <= 0.001
        assert error["p90"] <= 0.02
    assert report["goal_worst"] <= 0.30
    assert report["ideal_cycles_differ"] == 0
    assert report["mac_energy_error_max"] == 0
    assert report["level_energy_error"]["p90"] <= 0.02


def test_rows_that_differ_are_listed(report: dict[str, Any]) -> None:
    """Better ones with their loops."""
    wider = json.loads(run("run.py", "--json", "--max-factors", "8"))
    assert len(wider["better"]) > len(report["better"])
    assert all(row["edp"] < 0 and "O: " in row["loops"] for row in wider["better"])
    assert all(row["edp"] > 0 for row in report["worse"])
    assert wider["goal_worst"] <= report["goal_worst"] + 1e-9


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    target = tmp_path / "scatter.png"
    text = run("run.py", "--plot", str(target))
    assert target.stat().st_size > 10_000
    assert "| latency |" in text
    assert "146 tiles, goal edp, at most 6 loop factors" in text


def test_tiles_and_cores_that_are_in_no_table() -> None:
    """The search finds a legal order whenever there is one, and mostly the best."""
    found = json.loads(run("unseen.py", "--tiles", "6", "--seed", "3", "--json"))
    (everything,) = [row for row in found["rows"] if row["tiles"] == "all"]
    assert everything["count"] == 6
    assert everything["orders"]["median"] == pytest.approx(1)
    assert everything["orders"]["max"] < 1.3
    assert min(row["ratio"] for row in found["worst_allocations"]) > 1
