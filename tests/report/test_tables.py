"""The front as text: exact, in a fixed order, strict JSON."""

import csv
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo.report import front_csv, json_text, metrics_record, sort_front

NAMES = ("latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes")
FINITE = st.floats(min_value=0, allow_infinity=False, allow_nan=False)


@given(st.lists(st.tuples(*[FINITE] * 5), min_size=0, max_size=6))
def test_csv_reads_back_to_the_same_bits(rows: list[tuple[float, ...]]) -> None:
    metrics = np.array(rows).reshape(-1, 5)
    text = front_csv(NAMES, metrics, [f"mappings/point_{index:03d}.yaml" for index in range(len(rows))])
    read = list(csv.DictReader(io.StringIO(text)))
    assert text.splitlines()[0] == "point,latency_cycles,energy_pj,memory_bytes,edp_pj_cycles,dram_bytes,mapping"
    assert [[float(row[name]) for name in NAMES] for row in read] == metrics.tolist()
    assert [row["point"] for row in read] == [str(index) for index in range(len(rows))]


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_order_does_not_depend_on_the_order_found(seed: int, points: int) -> None:
    rng = np.random.default_rng(seed)
    metrics = rng.integers(0, 2, (points, 5)).astype(float)
    genomes = np.stack([np.arange(points), rng.integers(0, 2, points)], axis=1)
    shuffle = rng.permutation(points)
    first = genomes[sort_front(genomes, metrics)]
    second = genomes[shuffle][sort_front(genomes[shuffle], metrics[shuffle])]
    assert np.array_equal(first, second)


def test_order_is_by_the_first_metric_then_the_next_then_the_genome() -> None:
    metrics = np.array([[2, 1, 0, 0, 0], [1, 2, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]], dtype=float)
    genomes = np.array([[0], [0], [5], [4]])
    assert sort_front(genomes, metrics).tolist() == [3, 2, 1, 0]


def test_numbers_that_json_lacks_become_null_or_an_error() -> None:
    assert metrics_record(("a", "b"), np.array([1.5, math.inf])) == {"a": 1.5, "b": None}
    with pytest.raises(ValueError, match="JSON"):
        json_text({"a": math.nan})


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers()), max_size=3))
def test_json_with_rows_reads_back_and_has_a_line_per_row(rows: list[dict[str, int]]) -> None:
    text = json_text({"a": {"b": 1}}, {"rows": rows})
    assert json.loads(text) == {"a": {"b": 1}, "rows": rows}
    assert text.count("\n") == json_text({"a": {"b": 1}}).count("\n") + 1 + len(rows) + (1 if rows else 0)
