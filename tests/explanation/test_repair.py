"""What does not fit on a chip with one starved core, and what is found to help, held against evaluations of the very mappings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_evo import registry
from stream_evo.cost import tile_cost
from stream_evo.evaluation import evaluate_mapping
from stream_evo.explanation import Explanation, explain_mapping
from stream_evo.hardware import Accelerator
from stream_evo.mapping import LayerMapping, Mapping
from stream_evo.schedule import TileBook
from stream_evo.workload import Operand, Workload

STARVED, ROOM_BITS = "core3", 1024


@pytest.fixture(scope="module", name="chip")
def starved_chip() -> Accelerator:
    """The heterogeneous quad with 128 bytes of activation memory on one core."""
    chip = registry.load_hardware("heterogeneous_quad")
    cores = []
    for slot in chip.cores:
        memories = tuple(replace(m, size_bits=ROOM_BITS) if m.name == "activation_sram" else m for m in slot.core.memories)
        cores.append(replace(slot, core=replace(slot.core, memories=memories)) if slot.name == STARVED else slot)
    return replace(chip, cores=tuple(cores))


@pytest.fixture(scope="module", name="workload")
def resnet18() -> Workload:
    return registry.load_network("resnet18", bits=None, host_operators=False)


@pytest.fixture(scope="module", name="mapping")
def first_layer_on_the_starved_core(workload: Workload, chip: Accelerator) -> Mapping:
    """A row of 112 pixels of the first layer at a time; everything else on cores with room."""
    capable = {"pool": "pooling", "elementwise": "simd"}
    entries = [
        LayerMapping(layer.name, (capable.get(layer.kind, "core0"),), min(4, layer.rows), layer.columns, stack=index)
        for index, layer in enumerate(workload.layers)
    ]
    return Mapping(workload.name, chip.name, (replace(entries[0], cores=(STARVED,), tile_rows=1), *entries[1:]))


@pytest.fixture(scope="module", name="explained")
def explanation(workload: Workload, chip: Accelerator, mapping: Mapping) -> Explanation:
    return explain_mapping(workload, chip, mapping)


def test_shortage_is_that_of_the_cost_model(explained: Explanation, workload: Workload, chip: Accelerator, mapping: Mapping) -> None:
    (found,) = explained.shortages
    assert (found.kind, found.core, found.layer, found.memory) == ("tile", STARVED, "conv1", f"{STARVED}.activation_sram")
    assert found.available_bits == ROOM_BITS
    assert found.missing_bits / 8 == explained.totals.violation_bytes > 0
    # The tile as it runs, all operands streamed or not, lacks exactly that.
    book = TileBook(workload, chip)
    flow = next(slot for slot in chip.cores if slot.name == STARVED).core.dataflows[0].name
    core = [slot.name for slot in chip.cores].index(STARVED)
    figures = book.tile(0, 1, 1, mapping.layers[0].tile_columns, core, flow, frozenset({Operand.I, Operand.O}))
    assert figures.missing_bits == found.missing_bits
    shortage = tile_cost(book.request(0, 1, 1, mapping.layers[0].tile_columns, core, flow, figures.streamed)).shortage
    assert shortage is not None
    assert (shortage.needed_bits, shortage.available_bits) == (found.needed_bits, found.available_bits)


def test_every_change_was_tried(explained: Explanation, workload: Workload, chip: Accelerator, mapping: Mapping) -> None:
    repair = explained.repair
    assert repair is not None
    assert {change.kind for change in repair.changes} >= {"finer tile", "another core"}
    for change in repair.changes:
        layers = tuple(change.after if entry.layer == change.layer else entry for entry in mapping.layers)
        totals = evaluate_mapping(workload, chip, replace(mapping, layers=layers)).totals[0]
        assert (totals.violation_bytes, totals.latency_cycles) == (change.violation_bytes, change.latency_cycles)
        assert totals.energy_pj == pytest.approx(change.energy_pj)
        assert change.violation_bytes < explained.totals.violation_bytes


def test_the_repaired_mapping_fits(explained: Explanation, workload: Workload, chip: Accelerator) -> None:
    repair = explained.repair
    assert repair is not None
    assert repair.fits
    assert evaluate_mapping(workload, chip, repair.mapping).violation_bytes[0] == 0
    assert [step.layer for step in repair.steps] == ["conv1"]


def test_a_finer_tile_is_no_finer_than_needed(explained: Explanation, workload: Workload, chip: Accelerator, mapping: Mapping) -> None:
    """The tile found is the first that fits: twice its columns do not."""
    assert explained.repair is not None
    finer = next(change.after for change in explained.repair.changes if change.kind == "finer tile")
    coarser = replace(finer, tile_columns=finer.tile_columns * 2)
    assert evaluate_mapping(workload, chip, replace(mapping, layers=(coarser, *mapping.layers[1:]))).violation_bytes[0] > 0


def test_no_trial_is_made_beyond_the_budget(workload: Workload, chip: Accelerator, mapping: Mapping) -> None:
    limited = explain_mapping(workload, chip, mapping, repair_trials=2).repair
    assert limited is not None
    assert limited.trials == 2
    assert explain_mapping(workload, chip, mapping, repair_trials=0).repair is None
