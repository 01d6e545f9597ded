"""Objectives of a user's own: what is accepted, and what every refusal says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from stream_evo.errors import PluginError
from stream_evo.search import load_objective, objective_values
from stream_evo.search.testing import check_objective, trial_metrics
from stream_evo.typing import FloatArray


def _file(folder: Path, body: str) -> str:
    (folder / "mine.py").write_text(f"import random\nimport numpy as np\nn = [0]\n\ndef own(metrics):\n    {body}\n")
    return f"{folder / 'mine.py'}:own"


@pytest.mark.parametrize(
    "body",
    [
        "return metrics['energy_pj'] * metrics['latency_cycles'] ** 2",
        "return 0.3 * metrics['energy_pj'] + 0.7 * metrics['memory_bytes']",
        "return np.sqrt(metrics['dram_bytes']) * np.log1p(metrics['edp_pj_cycles']) + metrics['link_pj'] ** 1.5",
        "return (metrics['evictions'] > 2).astype(int)",
        "return np.exp(-metrics['evictions'])",
    ],
)
def test_element_wise_arithmetic_is_accepted(tmp_path: Path, body: str) -> None:
    objective = load_objective(_file(tmp_path, body))
    check_objective(objective)
    check_objective(objective, trial_metrics(5))
    assert objective_values("own", objective, trial_metrics(3)).dtype == np.float64


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "must return a NumPy array of numbers, one per mapping; found NoneType"),
        ("return 3.0", "found float"),
        ("return metrics['energy_pj'].astype(object)", "found an array of object"),
        ("return metrics['energy_pj'] > 0", "found an array of bool"),
        ("return metrics['energy_pj'] * 1j", "found an array of complex128"),
        ("return np.ma.masked_array(metrics['energy_pj'])", "found MaskedArray"),
        ("return metrics['energy_pj'][:, None]", r"the shape must be \(64,\), one value per mapping; found \(64, 1\)"),
        ("return metrics['energy_pj'][:-1]", r"found \(63,\)"),
        ("return metrics['energy_pj'] * np.nan", r"every value must be finite and at least 0 .*; found not a number for latency_cycles="),
        ("return metrics['energy_pj'] / metrics['link_pj']", "found inf for"),
        ("return -metrics['energy_pj']", "It is minimised; of what is to be large, give the reciprocal"),
        ("return metrics['energy_pj'] / metrics['energy_pj'].max()", "depends on the batch it is in"),
        ("return np.argsort(metrics['energy_pj'])", "depends on the batch it is in"),
        ("return metrics['energy_pj'] + np.arange(len(metrics['energy_pj']))", "depends on the batch it is in"),
        ("return metrics['energy_pj'] * random.random()", "the global generators; an objective knows no chance"),
        ("return metrics['energy_pj'] * np.random.default_rng().random()", "two calls with the same metrics differ"),
        ("n[0] += 1; return metrics['energy_pj'] * n[0]", "two calls with the same metrics differ"),
        ("metrics['energy_pj'] *= 2; return metrics['energy_pj']", "does not support item assignment"),
        ("x = metrics['energy_pj']; x *= 2; return x", "writes into its argument; work on a copy"),
        ("return metrics['latency']", r"KeyError on a batch of metrics: 'latency' \(mine.py, line \d\)\. Known metrics: .*latency_cycles"),
        ("return 1 / 0", r"ZeroDivisionError on a batch of metrics: division by zero \(mine.py, line \d\)"),
        ("raise SystemExit(0)", "SystemExit on a batch of metrics: 0"),
    ],
)
def test_a_broken_objective_is_told_what_is_wrong(tmp_path: Path, body: str, said: str) -> None:
    reference = _file(tmp_path, body)
    with pytest.raises(PluginError, match=said) as caught:
        load_objective(reference)
    assert str(caught.value).startswith(f"{reference}: own: ")


def test_sums_that_depend_on_the_number_of_rows_are_refused() -> None:
    weights = np.array([0.3, 0.7, 0.1])

    def dot(metrics: Mapping[str, FloatArray]) -> FloatArray:
        columns = np.stack([metrics[name] for name in ("energy_pj", "latency_cycles", "memory_bytes")])
        total: FloatArray = (weights @ columns) * (1.0 + 1e-15 * len(columns[0]))  # what another order of additions does, on any machine
        return total

    with pytest.raises(PluginError, match="no @ or dot, which add up in another order"):
        check_objective(dot)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("own = 3", "3 cannot be called, so it is no objective"),
        ("def own(metrics, weight): return metrics", r"an objective takes \(metrics\) alone, found \(metrics, weight\)"),
        ("class own:\n    def __init__(self, weight): ...", "must be made without arguments"),
        ("class own:\n    def __init__(self):\n        {}['a']", r"KeyError as it was made: 'a' \(mine.py, line 3\)"),
        ("import sys\nsys.exit()", r"SystemExit while the file was run:  \(mine.py, line 2\)"),
        ("from . import beside", "A file stands alone: it may import what is installed, nothing beside it"),
    ],
)
def test_what_is_no_objective_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(PluginError, match=said):
        load_objective(f"{tmp_path / 'mine.py'}:own")


def test_columns_are_handed_out_as_they_are() -> None:
    columns = trial_metrics(4)
    for column in columns.values():
        column.setflags(write=False)

    def greedy(metrics: Mapping[str, FloatArray]) -> FloatArray:
        metrics["energy_pj"][0] = 0.0
        return metrics["energy_pj"]

    with pytest.raises(PluginError, match="read-only"):
        objective_values("greedy", greedy, columns)
