"""No mapping goes below the bounds: random mappings of random networks on random chips, and of the library's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_evo.bounds import lower_bounds
from stream_evo.evaluation import METRICS, Evaluator
from stream_evo.hardware import load_accelerator
from stream_evo.hw_library import ACCELERATORS
from stream_evo.mapping import GenomeOptions, GenomeSpec
from stream_evo.problems.networks import NETWORKS
from stream_evo.schedule import Chip, TileBook, build_plan, schedule_plan
from stream_evo.workload import load_onnx
from tests import strategies

FEW_TILES = 400


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data(), strategies.specs(max_layers=6))
def test_random_mappings_of_random_networks(data: st.DataObject, spec: GenomeSpec) -> None:
    mapping = data.draw(strategies.mappings(spec).filter(lambda m: strategies.total_tiles(m, spec.workload) <= FEW_TILES))
    bounds = lower_bounds(spec.workload, spec.accelerator, spec.options)
    book = TileBook(spec.workload, spec.accelerator)
    totals = schedule_plan(build_plan(spec.workload, spec.accelerator, mapping, book), Chip(spec.accelerator)).totals
    if totals.violation_bytes == 0:
        for name in METRICS:
            assert getattr(bounds, name) <= getattr(totals, name) * (1 + 1e-12), name


@pytest.mark.parametrize(
    ("network", "accelerator"),
    [
        ("resnet18", "heterogeneous_quad"),
        ("mobilenetv2", "homogeneous_quad"),
        ("squeezenet", "single_core"),
        ("bert_layer", "heterogeneous_quad_mesh"),
        ("resnet18", "diana_physical"),
    ],
)
@pytest.mark.parametrize("optional", [False, True])
def test_random_genomes_of_the_library(network: str, accelerator: str, optional: bool) -> None:
    options = GenomeOptions(split=optional, dataflow=optional, priority=optional)
    spec = GenomeSpec(load_onnx(NETWORKS[network]()), load_accelerator(ACCELERATORS[accelerator]), options)
    rng = np.random.default_rng(0)
    genomes = rng.integers(spec.lower, spec.upper + 1, size=(40, spec.length))
    cut, tile, allocation = (spec.segments[name] for name in ("cut", "tile", "allocation"))
    genomes[:10, cut], genomes[10:20, cut] = 0, 1  # fused throughout; layer by layer
    genomes[5:10, tile], genomes[10:15, tile] = spec.upper[tile], spec.lower[tile]
    genomes[20:25, allocation] = 0
    found = Evaluator(spec).evaluate(genomes)
    bounds = np.array([getattr(lower_bounds(spec.workload, spec.accelerator, options), name) for name in METRICS])
    feasible = found.violation_bytes == 0
    assert feasible.any()
    assert (bounds <= found.metrics[feasible]).all()
    assert (bounds > 0).all()


@settings(max_examples=60)
@given(strategies.specs(max_layers=6), st.integers(1, 100))
def test_a_wider_dram_never_raises_a_bound_of_latency(spec: GenomeSpec, more: int) -> None:
    """Schedules have anomalies, bounds have not: no busy time grows. Its sum is rounded up, and its weights are a solver's."""
    chip = spec.accelerator
    off_chip = {index for index, link in enumerate(chip.links) if any(chip.dram_node in pair for pair in link.connects)}
    links = tuple(
        replace(link, bits_per_cycle=link.bits_per_cycle + more) if at in off_chip else link for at, link in enumerate(chip.links)
    )
    wider = replace(chip, links=links, dram=replace(chip.dram, bits_per_cycle=chip.dram.bits_per_cycle + more))
    narrow, wide = (lower_bounds(spec.workload, each, spec.options).latency_cycles for each in (chip, wider))
    assert wide <= narrow * (1 + 1e-6) + 1
