"""Speed of full evaluations: all rules of the scheduler, ResNet-18 in row tiles on the heterogeneous quad, random genomes.

Run with ``pytest tests/benchmarks/bench_schedule.py --benchmark-only``. ``extra_info`` holds evaluations and computation nodes per second.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from stream_evo.evaluation import Evaluator
from stream_evo.mapping import GenomeSpec, TileSize
from stream_evo.registry import load_hardware, load_network
from stream_evo.schedule import Chip, TileBook, build_tables, choices_of_spec
from stream_evo.typing import IntArray

_GENOMES = 40


@cache
def evaluator(network: str, accelerator: str, rows: int = 1) -> Evaluator:
    """Return an evaluator that cuts every layer into tiles of `rows` rows."""
    workload, chip = load_network(network), load_hardware(accelerator)
    tiles = tuple((TileSize(min(rows, layer.rows), layer.columns),) for layer in workload.layers)
    return Evaluator(GenomeSpec(workload, chip, tiles=tiles))


def genomes_of(found: Evaluator, cut: int | None = None) -> IntArray:
    """Return random genomes; `cut` fixes all cut genes."""
    spec = found.spec
    genomes = np.random.default_rng(0).integers(spec.lower, spec.upper + 1, size=(_GENOMES, spec.length))
    if cut is not None:
        genomes[:, spec.segments["cut"]] = cut
    return genomes


def nodes_of(found: Evaluator, genomes: IntArray) -> int:
    """Return how many computation nodes all genomes have together."""
    layers = found.spec.workload.layers
    return sum(
        -(-layer.rows // entry.tile_rows) * -(-layer.columns // entry.tile_columns) * entry.parts
        for genome in genomes
        for layer, entry in zip(layers, found.spec.decode(genome).layers, strict=True)
    )


def measure(benchmark: BenchmarkFixture, found: Evaluator, genomes: IntArray, workers: int = 1) -> None:
    """Time a batch and note what it means."""
    found.evaluate(genomes, workers)
    benchmark(found.evaluate, genomes, workers)
    assert benchmark.stats is not None
    seconds = benchmark.stats["median"]
    nodes = nodes_of(found, genomes)
    benchmark.extra_info["evaluations_per_second"] = round(len(genomes) / seconds)
    benchmark.extra_info["million_nodes_per_second"] = round(nodes / seconds / 1e6, 3)
    benchmark.extra_info["nodes_per_genome"] = round(nodes / len(genomes))


@pytest.mark.parametrize("cut", [None, 1], ids=["random stacks", "no fusion"])
def test_resnet18(benchmark: BenchmarkFixture, cut: int | None) -> None:
    found = evaluator("resnet18", "heterogeneous_quad")
    measure(benchmark, found, genomes_of(found, cut))


def test_thrashing(benchmark: BenchmarkFixture) -> None:
    """One stack of all layers: weights are evicted and fetched again all the time."""
    found = evaluator("resnet18", "heterogeneous_quad")
    measure(benchmark, found, genomes_of(found, 0))


def test_two_threads(benchmark: BenchmarkFixture) -> None:
    found = evaluator("resnet18", "heterogeneous_quad")
    measure(benchmark, found, genomes_of(found), workers=2)


@pytest.mark.parametrize(
    ("network", "accelerator", "rows"),
    [
        ("resnet18", "heterogeneous_quad", 4),
        ("fsrcnn", "heterogeneous_quad", 1),
        ("densenet121", "heterogeneous_quad", 1),
        ("resnet18", "heterogeneous_64", 1),
    ],
)
def test_sizes(benchmark: BenchmarkFixture, network: str, accelerator: str, rows: int) -> None:
    found = evaluator(network, accelerator, rows)
    measure(benchmark, found, genomes_of(found, 1)[:8])


def test_tables(benchmark: BenchmarkFixture) -> None:
    """All costs of ResNet-18 on the heterogeneous quad, every tile size."""
    spec = GenomeSpec(load_network("resnet18"), load_hardware("heterogeneous_quad"))

    def tables() -> None:
        build_tables(spec.workload, Chip(spec.accelerator), choices_of_spec(spec), TileBook(spec.workload, spec.accelerator))

    tables()
    benchmark(tables)
