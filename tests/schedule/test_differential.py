"""The compiled scheduler equals the plain one to the last bit: on random cases by the thousand, and with bounds checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.mapping import GenomeSpec
from stream_evo.schedule import (
    Chip,
    Simulator,
    TileBook,
    build_plan,
    build_tables,
    choices_of_spec,
    decisions_of_genomes,
    schedule_plan,
    totals_of,
)
from stream_evo.typing import IntArray
from tests import strategies
from tests.schedule.support import RandomBook, same_schedule, trace_mapping


def compare(spec: GenomeSpec, genomes: list[IntArray], book: TileBook) -> None:
    """Assert that both schedulers agree on every genome, in a batch of all, recorded or not, and in tables of one mapping alone."""
    chip = Chip(spec.accelerator)
    simulator = Simulator(build_tables(spec.workload, chip, choices_of_spec(spec), book), chip)
    decisions = decisions_of_genomes(spec, spec.canonical(np.array(genomes)))
    raw = simulator.run(decisions)
    for row, genome in enumerate(genomes):
        mapping = spec.decode(genome)
        plain = schedule_plan(build_plan(spec.workload, spec.accelerator, mapping, book), chip)
        same_schedule(plain, simulator.trace(decisions[row]))
        assert totals_of(raw.sums[row]) == plain.totals
    same_schedule(plain, trace_mapping(spec.workload, spec.accelerator, mapping, book))


@settings(max_examples=400)
@given(st.data())
def test_random_cases(data: st.DataObject) -> None:
    """Some 2,400 mappings with random costs: branches, transposed reads, K-parts, evictions, shared memories, chips without links, ..."""
    spec = data.draw(strategies.specs())
    genomes = data.draw(st.lists(strategies.genomes(spec), min_size=4, max_size=8))
    illegal = data.draw(st.sampled_from((0.0, 0.0, 0.1, 0.6)))
    compare(spec, genomes, RandomBook(spec.workload, spec.accelerator, seed=data.draw(st.integers(0, 10**6)), illegal=illegal))


@settings(max_examples=10)
@given(st.data())
def test_random_cases_with_real_costs(data: st.DataObject) -> None:
    spec = data.draw(strategies.specs(max_layers=4, max_cores=3))
    genomes = data.draw(st.lists(strategies.genomes(spec), min_size=4, max_size=8))
    compare(spec, genomes, TileBook(spec.workload, spec.accelerator))


@settings(max_examples=30)
@given(st.data())
def test_workers_and_batches_change_nothing(data: st.DataObject) -> None:
    spec = data.draw(strategies.specs())
    chip = Chip(spec.accelerator)
    book = RandomBook(spec.workload, spec.accelerator, seed=data.draw(st.integers(0, 10**6)))
    simulator = Simulator(build_tables(spec.workload, chip, choices_of_spec(spec), book), chip)
    genomes = data.draw(st.lists(strategies.genomes(spec), min_size=8, max_size=12))
    decisions = decisions_of_genomes(spec, spec.canonical(np.array(genomes)))
    together = simulator.run(decisions)
    by_three, backwards = simulator.run(decisions, workers=3), simulator.run(decisions[::-1].copy())
    single = [simulator.run(row[np.newaxis]) for row in decisions]
    for part in ("sums", "blocks"):
        assert np.array_equal(getattr(together, part), getattr(by_three, part))
        assert np.array_equal(getattr(together, part)[::-1], getattr(backwards, part))
        assert np.array_equal(getattr(together, part), np.concatenate([getattr(each, part) for each in single]))


_FEW = """
import sys
import tests.conftest  # the profile
from hypothesis import given, seed, settings, strategies as st
from tests import strategies
from tests.schedule.support import RandomBook
from tests.schedule.test_differential import compare

@seed(1)
@settings(max_examples=int(sys.argv[1]), database=None)
@given(st.data())
def run(data):
    spec = data.draw(strategies.specs())
    genomes = data.draw(st.lists(strategies.genomes(spec), min_size=2, max_size=3))
    compare(spec, genomes, RandomBook(spec.workload, spec.accelerator, seed=data.draw(st.integers(0, 1000))))

run()
"""


@pytest.mark.parametrize(
    ("variable", "examples"),
    [
        pytest.param("NUMBA_DISABLE_JIT", 15, id="interpreted"),  # every read of an array past its end is an IndexError
        pytest.param("STREAM_EVO_BOUNDSCHECK", 300, id="compiled with bounds checks", marks=pytest.mark.slow),  # compiles for a minute
    ],
)
def test_no_read_or_write_past_an_array(variable: str, examples: int) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, variable: "1", "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])}
    subprocess.run([sys.executable, "-c", _FEW, str(examples)], cwd=root, env=environment, check=True, capture_output=True, text=True)
