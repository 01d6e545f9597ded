"""Cores that can change places in every mapping of a space, and what that does to its scores."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo import registry
from stream_evo.evaluation import Evaluator
from stream_evo.hardware import Accelerator, CoreSlot
from stream_evo.mapping import DataflowPin, GenomeOptions, GenomeSpec, LayerPin, Pins
from stream_evo.typing import IntArray
from stream_evo.workload import Layer, LoopSizes, OperatorKind, Workload
from tests import strategies

Groups = tuple[tuple[int, ...], ...]


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ((), ((0, 1),)),
        ((LayerPin("stem", cores=("a",)),), ()),
        ((LayerPin("stem", cores=("c",)),), ((0, 1),)),
        (tuple(LayerPin(name, cores=("c",)) for name in ("stem", "depthwise", "pointwise")), ()),  # nothing runs on them
        ((LayerPin("pool", cores=("v",)), LayerPin("stem", cut_after=True), LayerPin("depthwise", tile_rows=4)), ((0, 1),)),
        ((LayerPin("stem", cores=("a",)), LayerPin("depthwise", cores=("b",))), ()),
    ],
)
def test_pinned_layers_tell_cores_apart(network: Workload, chip: Accelerator, pins: tuple[LayerPin, ...], expected: Groups) -> None:
    assert GenomeSpec(network, chip, pins=Pins(pins)).alike_cores == expected


def four_with_a_choice(chip: Accelerator) -> Accelerator:
    """Return the chip with four times its third core, which has a choice of dataflows, and its last."""
    slots = (*(CoreSlot(name, chip.cores[2].core) for name in "abcd"), chip.cores[3])
    pairs = tuple((one, two) for one in range(6) for two in range(6) if one != two)
    return dataclasses.replace(chip, cores=slots, links=(dataclasses.replace(chip.links[0], connects=pairs),))


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ((), ((0, 1, 2, 3),)),
        ((("b", "OXK"),), ((0, 2, 3),)),
        ((("b", "OXK"), ("d", "OXK")), ((0, 2), (1, 3))),
        ((("b", "OXK"), ("d", "KC")), ((0, 2),)),
    ],
)
def test_pinned_dataflows_tell_cores_apart(
    network: Workload, chip: Accelerator, pins: tuple[tuple[str, str], ...], expected: Groups
) -> None:
    options = GenomeOptions(dataflow=True)
    pinned = Pins(dataflows=tuple(DataflowPin(core, flow) for core, flow in pins))
    assert GenomeSpec(network, four_with_a_choice(chip), options, pinned).alike_cores == expected


@pytest.mark.parametrize(("forbidden", "expected"), [("d", ((0, 1, 2),)), ("ac", ((1, 3),)), ("abc", ())])
def test_forbidden_cores_are_like_no_others(network: Workload, chip: Accelerator, forbidden: str, expected: Groups) -> None:
    options = GenomeOptions(forbidden_cores=tuple(forbidden))
    assert GenomeSpec(network, four_with_a_choice(chip), options).alike_cores == expected


def test_where_layers_can_be_spread_no_cores_are_alike(chip: Accelerator) -> None:
    def groups(channels: int) -> Groups:
        layer = Layer("conv", OperatorKind.CONV, "Conv", LoopSizes(K=channels, C=8, OY=8), constant_weights=True)
        return GenomeSpec(Workload("n", (layer,)), chip, GenomeOptions(split=True)).alike_cores

    assert groups(96) == ()
    assert groups(97) == ((0, 1),), "a prime: it cannot be shared out"


def exchanged(spec: GenomeSpec, genome: IntArray, one: int, two: int) -> IntArray:
    """Return the genome of the mapping in which two cores have changed places, by way of their names."""
    names = spec.core_names
    other = {names[one]: names[two], names[two]: names[one]}
    mapping = spec.decode(genome)
    layers = tuple(dataclasses.replace(entry, cores=tuple(other.get(core, core) for core in entry.cores)) for entry in mapping.layers)
    flows = {other.get(core, core): flow for core, flow in mapping.dataflows.items()}
    return spec.encode(dataclasses.replace(mapping, layers=layers, dataflows=flows))


def check_that_exchanging_changes_nothing(spec: GenomeSpec, genomes: IntArray) -> None:
    evaluator = Evaluator(spec)
    scored = evaluator.evaluate(genomes)
    for group in spec.alike_cores:
        for one, two in combinations(group, 2):
            again = evaluator.evaluate(np.array([exchanged(spec, genome, one, two) for genome in genomes]))
            np.testing.assert_allclose(again.metrics, scored.metrics, rtol=1e-12)
            np.testing.assert_array_equal(again.violation_bytes, scored.violation_bytes)


@pytest.mark.parametrize("hardware", ["heterogeneous_quad", "homogeneous_quad", "homogeneous_quad_mesh", "simba_2x2", "tpu_quad"])
@pytest.mark.parametrize(("network", "layers"), [("resnet18", 4), ("mobilenetv2", 6), ("bert_layer", 4)])
def test_exchanging_alike_cores_changes_no_score_to_speak_of(network: str, layers: int, hardware: str) -> None:
    """On real chips, without and with ways of equal length between cores; these are settled by the order of links."""
    whole = registry.load_network(network)
    first = Workload("first", whole.layers[:layers], whole.inputs)
    spec = GenomeSpec(first, registry.load_hardware(hardware), GenomeOptions(dataflow=True, priority=True))
    genomes = np.random.default_rng(0).integers(spec.lower, spec.upper + 1, size=(100, spec.length))
    check_that_exchanging_changes_nothing(spec, spec.canonical(genomes))


@given(st.data(), strategies.workloads(max_layers=5), strategies.accelerators(), st.booleans(), st.booleans())
def test_exchanging_alike_cores_changes_no_score_to_speak_of_on_made_up_chips(
    data: st.DataObject, network: Workload, chip: Accelerator, dataflow: bool, priority: bool
) -> None:
    """Nearly half of these chips have a pair of equal cores, perhaps with a memory in common."""
    spec = GenomeSpec(network, chip, GenomeOptions(dataflow=dataflow, priority=priority))
    if spec.alike_cores:
        genomes = spec.canonical(np.array(data.draw(st.lists(strategies.genomes(spec), min_size=1, max_size=3))))
        check_that_exchanging_changes_nothing(spec, genomes)
