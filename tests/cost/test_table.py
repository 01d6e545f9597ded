"""Strings of the command line and JSON tables: read right, and every fault told at once."""

from __future__ import annotations

from typing import Any

import pytest

from stream_evo.cost import parse_bits, parse_dims, run_table
from stream_evo.errors import InputError
from stream_evo.hardware import Core
from stream_evo.workload import Bits, LoopSizes


def test_dims_as_on_the_command_line() -> None:
    assert parse_dims("K=64 C=64 OX=56 OY=1 FX=3 FY=3") == LoopSizes(K=64, C=64, OX=56, FX=3, FY=3)
    assert parse_dims("K=2,C=3") == LoopSizes(K=2, C=3)
    assert parse_dims("") == LoopSizes()


def test_bits_as_on_the_command_line() -> None:
    assert parse_bits("I=4 W=2 O=24 O_final=4") == Bits(4, 2, 24, 4)
    assert parse_bits("O=32") == Bits(O=32)


def test_all_faults_of_a_string_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_dims("K=0 Z=3 OX=a K=2 junk FX=3")
    text = str(caught.value)
    assert caught.value.source == "--dims"
    assert len(caught.value.faults) == 5
    for part in ("K has no usable size", "unknown loop 'Z'", "OX has no usable size", "K is given twice", "junk"):
        assert part in text


def test_bits_out_of_range() -> None:
    with pytest.raises(InputError, match="1 to 128"):
        parse_bits("I=129")


@pytest.mark.parametrize("rows", [None, "text", {"about": 1}, {"rows": 3}])
def test_a_table_without_rows(rows: object, cores: dict[str, Core]) -> None:
    with pytest.raises(InputError, match="no rows"):
        run_table(rows, cores)  # type: ignore[arg-type]  # that is the point


def test_all_faults_of_a_table_at_once(cores: dict[str, Core]) -> None:
    rows: list[Any] = [
        {"core": "tpu_lik", "layer": {"type": "conv", "dims": {"K": 4}}},
        {"core": "simd", "dataflow": "KC", "layer": {"type": "convolution", "dims": {"K": -4, "Q": 1}, "stride": [1, 2, 3]}},
        {"core": "simd", "layer": 7},
        11,
        {"core": "tpu_like", "layer": {"type": "gemm", "dims": "K=x", "bits": {"I": 0}, "dilation": 0, "cycles_per_operation": 0}},
        {"core": "tpu_like", "layer": {"type": "gemm"}},
    ]
    with pytest.raises(InputError) as caught:
        run_table(rows, cores)
    paths = [fault.path for fault in caught.value.faults]
    assert paths == [
        "$[0].core",
        "$[1].dataflow",
        "$[1].layer.type",
        "$[1].layer.dims.K",
        "$[1].layer.dims.Q",
        "$[1].layer.stride",
        "$[2].layer",
        "$[3]",
        "$[4].layer.dims.K",
        "$[4].layer.bits.I",
        "$[4].layer.dilation",
        "$[4].layer.cycles_per_operation",
        "$[5].layer.dims",
    ]
    assert "Did you mean tpu_like" in str(caught.value)


def test_dataflow_defaults_to_the_first_and_bits_are_read(cores: dict[str, Core]) -> None:
    layer = {"type": "gemm", "dims": "K=64 C=64 B=8", "bits": "I=4 W=4 O=16 O_final=4"}
    (result,) = run_table([{"core": "tpu_like", "layer": layer}], cores)
    (named,) = run_table([{"core": "tpu_like", "dataflow": "KC", "layer": layer, "dram": False}], cores)
    (wide,) = run_table([{"core": "tpu_like", "layer": {**layer, "bits": {}}}], cores)
    assert result == named
    assert result["energy_pj"] < wide["energy_pj"]
    assert list(result["memory_energy_pj"]) == ["O", "W", "I"]


def test_a_row_that_does_not_fit_says_why(cores: dict[str, Core]) -> None:
    (result,) = run_table([{"core": "simd", "layer": {"type": "add", "dims": {"K": 512, "OX": 112, "OY": 112}}}], cores)
    assert not result["feasible"]
    assert result["shortage"]["memory"] == "sram"
    assert result["shortage"]["needed_bits"] == 3 * 8 * 512 * 112 * 112
    assert result["shortage"]["available_bits"] == 1 << 20


def test_a_table_may_be_empty(cores: dict[str, Core]) -> None:
    assert run_table([], cores) == []


@pytest.mark.parametrize("dims", ["K=99999999999999999999", "K=1000000 C=1000000 OX=1000000"])
def test_a_tile_too_large_to_count_is_refused(cores: dict[str, Core], dims: str) -> None:
    """Before anything overflows."""
    row = {"core": "tpu_like", "layer": {"type": "conv", "dims": dims}}
    with pytest.raises(InputError, match=r"the tile is too large; expected at most 1e\+15 operations"):
        run_table([row], cores)
