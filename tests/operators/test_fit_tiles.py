"""The repair of tiles that do not fit, on chips whose memories were made small."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from stream_evo import registry
from stream_evo.evaluation import Evaluator
from stream_evo.mapping import GenomeOptions, GenomeSpec, LayerPin, Pins
from stream_evo.operators import OPERATORS, FitTiles
from stream_evo.search.testing import TRIAL_SPECS, check_repair
from stream_evo.workload import Workload


@cache
def _evaluator(*, split: bool, cores: tuple[str, ...] = ("core3",), room_bits: int = 1024, pins: Pins = Pins()) -> Evaluator:  # noqa: B008  # frozen
    """The first layers of ResNet-18 on the heterogeneous quad with little memory for activations on some cores."""
    whole, chip = registry.load_network("resnet18"), registry.load_hardware("heterogeneous_quad")
    slots = []
    for slot in chip.cores:
        memories = tuple(replace(m, size_bits=room_bits) if m.name == "activation_sram" else m for m in slot.core.memories)
        slots.append(replace(slot, core=replace(slot.core, memories=memories)) if slot.name in cores else slot)
    first = Workload("first", whole.layers[:6], whole.inputs)
    return Evaluator(GenomeSpec(first, replace(chip, cores=tuple(slots)), GenomeOptions(split=split), pins))


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("cores", "room_bits"), [(("core3",), 1024), (("core0", "core1", "core2", "core3"), 512)])
def test_what_does_not_fit_is_made_to(split: bool, cores: tuple[str, ...], room_bits: int) -> None:
    evaluator = _evaluator(split=split, cores=cores, room_bits=room_bits)
    spec = evaluator.spec
    genomes = spec.canonical(np.random.default_rng(0).integers(spec.lower, spec.upper + 1, size=(100, spec.length)))
    missing = evaluator.missing_tile_bits()
    assert missing is not None
    repaired = FitTiles(missing)(spec, genomes)
    before, after = evaluator.evaluate(genomes).violation_bytes, evaluator.evaluate(repaired).violation_bytes
    assert (before > 0).mean() > 0.2
    assert (after == 0).all()
    np.testing.assert_array_equal(repaired[before == 0], genomes[before == 0], err_msg="what fits is left alone")
    cut = spec.segments["cut"]
    np.testing.assert_array_equal(repaired[:, cut], genomes[:, cut])


@pytest.mark.parametrize(("room_bits", "kind"), [(2048, "finer"), (1024, "moved")])
def test_the_smallest_change_is_made(room_bits: int, kind: str) -> None:
    """The coarsest of the finer tiles that fit on the same core, if there is one, else another core with the tile it had."""
    evaluator = _evaluator(split=False, cores=("core0", "core1", "core2", "core3"), room_bits=room_bits)
    spec, missing = evaluator.spec, evaluator.missing_tile_bits()
    assert missing is not None
    allocation, tile = spec.segments["allocation"], spec.segments["tile"]
    seen = {"finer": 0, "moved": 0}
    for layer, choice, size, _ in np.argwhere(missing > 0).tolist():
        genome = spec.lower.copy()
        genome[allocation.start + layer], genome[tile.start + layer] = choice, size
        repaired = FitTiles(missing)(spec, genome[None])[0]
        finer = [other for other in range(size, len(spec.tiles[layer])) if missing[layer, choice, other, 0] == 0]
        seen["finer" if finer else "moved"] += 1
        if finer:
            assert (repaired[allocation.start + layer], repaired[tile.start + layer]) == (choice, finer[0])
        else:
            assert repaired[allocation.start + layer] != choice
            assert missing[layer, repaired[allocation.start + layer], repaired[tile.start + layer], 0] == 0
    assert seen[kind] > 0


def test_pinned_layers_stay() -> None:
    pins = Pins((LayerPin("conv1", cores=("core3",)),))
    evaluator = _evaluator(split=True, pins=pins)
    spec = evaluator.spec
    genomes = spec.canonical(np.random.default_rng(1).integers(spec.lower, spec.upper + 1, size=(50, spec.length)))
    repaired = FitTiles(evaluator.missing_tile_bits())(spec, genomes)
    assert (repaired[:, 0] == spec.lower[0]).all()
    np.testing.assert_array_equal(spec.canonical(repaired), repaired)


def test_contract_and_spaces_it_does_not_know() -> None:
    evaluator = _evaluator(split=True)
    for repair in (FitTiles(), FitTiles(evaluator.missing_tile_bits()), OPERATORS["repair.fit_tiles"]()):
        check_repair(repair, (*TRIAL_SPECS, evaluator.spec))
    genomes = TRIAL_SPECS[0].canonical(np.zeros((3, len(TRIAL_SPECS[0].lower)), dtype=np.int64))
    np.testing.assert_array_equal(FitTiles(evaluator.missing_tile_bits())(TRIAL_SPECS[0], genomes), genomes)


def test_where_all_fits_there_is_no_table() -> None:
    spec = GenomeSpec(registry.load_network("squeezenet"), registry.load_hardware("homogeneous_quad"))
    assert Evaluator(spec).missing_tile_bits() is None
