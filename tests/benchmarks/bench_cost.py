"""Time of the cost model: all tiles of ResNet-18 on the heterogeneous quad, and one reference table.

Run with ``pytest tests/benchmarks/bench_cost.py --benchmark-only``. Aims: below 100 us on average per (tile, core, dataflow), below 1 s for
all tables of ResNet-18 on the heterogeneous quad, kernels warm. ``extra_info`` tells the number of tiles and microseconds per tile.
"""

from __future__ import annotations

import math

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from stream_evo import registry
from stream_evo.cost import DramLevel, TileRequest, evaluate_tiles
from stream_evo.hardware import load_accelerator
from stream_evo.workload import Layer, Operand, load_onnx

_MASKS = (frozenset[Operand](), frozenset({Operand.W}), frozenset(Operand))


def _row_options(layer: Layer) -> list[int]:
    """One row, powers of two, all rows."""
    return sorted({min(1 << p, layer.rows) for p in range(math.ceil(math.log2(layer.rows)) + 1)})


@pytest.fixture(scope="module")
def requests() -> list[TileRequest]:
    workload = load_onnx(registry.networks()["resnet18"]())
    chip = load_accelerator(registry.accelerators()["heterogeneous_quad"])
    dram = DramLevel(64, 64, chip.dram.bits_per_cycle, chip.dram.read_pj, chip.dram.write_pj)
    return [
        TileRequest(
            layer.kind,
            layer.sizes.replace(OY=rows),
            slot.core,
            flow.name,
            stride=layer.stride,
            dilation=layer.dilation,
            bits=layer.bits,
            two_inputs=layer.has_two_inputs,
            streamed=streamed,
            dram=dram if streamed else None,
        )
        for layer in workload.layers
        for slot in chip.cores
        if layer.kind in slot.core.operators
        for flow in slot.core.dataflows
        for rows in _row_options(layer)
        for streamed in _MASKS
    ]


@pytest.mark.parametrize("goal", ["edp", "latency", "energy"])
def test_resnet18_on_the_heterogeneous_quad(benchmark: BenchmarkFixture, requests: list[TileRequest], goal: str) -> None:
    evaluate_tiles(requests[:1])
    costs = benchmark.pedantic(evaluate_tiles, (requests, goal), rounds=3, warmup_rounds=1)
    assert benchmark.stats is not None
    distinct = len(set(requests))
    benchmark.extra_info["requests"] = len(requests)
    benchmark.extra_info["distinct"] = distinct
    benchmark.extra_info["microseconds per distinct tile"] = benchmark.stats["min"] / distinct * 1e6
    assert costs.feasible.any()


def test_more_factors(benchmark: BenchmarkFixture, requests: list[TileRequest]) -> None:
    evaluate_tiles(requests[:1])
    benchmark.pedantic(evaluate_tiles, (requests,), {"max_factors": 8}, rounds=3, warmup_rounds=1)
