"""What is too large to be scheduled is refused before anything overflows."""

from __future__ import annotations

import pytest

from stream_evo.errors import InputError
from stream_evo.evaluation import evaluate_mapping
from stream_evo.mapping import LayerMapping, Mapping
from stream_evo.workload import NetworkInput, Workload
from tests.schedule.test_by_hand import chip, conv, core


@pytest.mark.parametrize(
    ("rows", "channels", "tile_rows", "message"),
    [
        (10**5, (10**6, 10**6), 10**5, r"layer L0 has 1e\+17 operations; expected at most 1e\+15"),
        (1 << 24, (1, 1), 1, "layer L0 can be cut into 16777216 tiles; at most 16777215 can be scheduled"),
    ],
)
def test_too_large(rows: int, channels: tuple[int, int], tile_rows: int, message: str) -> None:
    workload = Workload("net", (conv(0, rows, channels=channels),), (NetworkInput("x", channels[1], rows),))
    mapping = Mapping("net", "chip", (LayerMapping("L0", ("core0",), tile_rows, 1),))
    with pytest.raises(InputError, match=message):
        evaluate_mapping(workload, chip(core()), mapping)
