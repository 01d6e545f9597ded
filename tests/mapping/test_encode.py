"""Mappings that are not points of a space are refused, with everything that is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from stream_evo.errors import Fault
from stream_evo.hardware import Accelerator
from stream_evo.mapping import GenomeOptions, GenomeSpec, LayerMapping, LayerPin, Mapping, Pins, Priority
from stream_evo.workload import Workload

FaultsOf = Callable[[Callable[[], object]], list[Fault]]


def change(mapping: Mapping, position: int, **values: object) -> Mapping:
    layers = list(mapping.layers)
    layers[position] = dataclasses.replace(layers[position], **values)  # type: ignore[arg-type]  # the test names fields
    return dataclasses.replace(mapping, layers=tuple(layers))


@pytest.fixture
def spec(network: Workload, chip: Accelerator) -> GenomeSpec:
    return GenomeSpec(network, chip)


@pytest.fixture
def mapping(spec: GenomeSpec) -> Mapping:
    return spec.decode(spec.lower)


def test_everything_that_is_not_on_offer_is_listed(spec: GenomeSpec, mapping: Mapping, faults_of: FaultsOf) -> None:
    wrong = change(change(mapping, 0, tile_rows=5), 1, cores=("a", "b"), parts=2)
    wrong = dataclasses.replace(wrong, priority=Priority.LATENCY, dataflows={"c": "OXK"})
    wrong = change(wrong, 2, cores=("c",))
    assert [fault.path for fault in faults_of(lambda: spec.encode(wrong))] == [
        "$.layers.stem",
        "$.layers.depthwise",
        "$.dataflows.c",
        "$.priority",
    ]


def test_what_does_not_fit_network_and_chip_is_listed_first(spec: GenomeSpec, mapping: Mapping, faults_of: FaultsOf) -> None:
    wrong = change(change(mapping, 0, cores=("x",)), 3, cores=("a",))
    wrong = change(change(wrong, 1, tile_columns=65), 2, parts=5)
    wrong = dataclasses.replace(wrong, dataflows={"c": "KX", "y": "KC"})
    assert [(fault.path, fault.what) for fault in faults_of(lambda: spec.encode(wrong))] == [
        ("$.layers.stem.cores", "no core is called 'x'"),
        ("$.layers.depthwise.tile_columns", "the tile exceeds the output of 16 x 64"),
        ("$.layers.pointwise.parts", "parts must divide the 32 output channels"),
        ("$.layers.add.cores", "core 'a' cannot run this elementwise layer"),
        ("$.dataflows.c", "core 'c' has no dataflow 'KX'"),
        ("$.dataflows.y", "no core is called 'y'"),
    ]


def test_a_dataflow_of_the_same_meaning_is_accepted(spec: GenomeSpec, mapping: Mapping) -> None:
    """Core c runs nothing, so its dataflow is not a decision."""
    same = dataclasses.replace(mapping, dataflows={"c": "OXK"})
    assert np.array_equal(spec.encode(same), spec.lower)


def test_genes_for_dataflow_and_priority_take_them_in(network: Workload, chip: Accelerator, mapping: Mapping) -> None:
    spec = GenomeSpec(network, chip, GenomeOptions(dataflow=True, priority=True))
    wanted = dataclasses.replace(change(mapping, 0, cores=("c",)), dataflows={"c": "OXK"}, priority=Priority.LATENCY)
    genome = spec.encode(wanted)
    assert genome[spec.segments["dataflow"]].tolist() == [0, 0, 1, 0]
    assert genome[spec.segments["priority"]].tolist() == [1]
    assert spec.decode(genome).priority is Priority.LATENCY


def test_pinned_decisions_are_named(network: Workload, chip: Accelerator, mapping: Mapping, faults_of: FaultsOf) -> None:
    pins = Pins((LayerPin("stem", cores=("b",), cut_after=True), LayerPin("pointwise", tile_rows=1)), priority=Priority.LATENCY)
    spec = GenomeSpec(network, chip, pins=pins)
    faults = faults_of(lambda: spec.encode(mapping))
    assert [(fault.path, fault.what) for fault in faults] == [
        ("$.priority", "this space has a fixed priority"),
        ("$.layers.stem", "this contradicts what is pinned of the allocation gene"),
        ("$.layers.stem", "this contradicts what is pinned of the cut gene"),
        ("$.layers.pointwise", "this contradicts what is pinned of the tile gene"),
    ]


def test_mappings_of_other_networks_are_refused_in_one_sentence(spec: GenomeSpec, mapping: Mapping, faults_of: FaultsOf) -> None:
    (fault,) = faults_of(lambda: spec.encode(dataclasses.replace(mapping, network="other", layers=mapping.layers[:2])))
    assert str(fault) == "$.network: this mapping is for another network; expected net; found other"


def test_missing_and_double_layers_are_named(spec: GenomeSpec, mapping: Mapping, faults_of: FaultsOf) -> None:
    twice = dataclasses.replace(mapping, layers=(*mapping.layers[:3], mapping.layers[2]))
    assert [fault.what for fault in faults_of(lambda: spec.encode(twice))] == [
        "layer 'pointwise' is listed twice",
        "2 of 5 layers are missing: add, pool",
    ]
    swapped = dataclasses.replace(mapping, layers=(mapping.layers[1], mapping.layers[0], *mapping.layers[2:]))
    (fault,) = faults_of(lambda: spec.encode(swapped))
    assert fault.what == "the layers are not in the order of the network"


@pytest.mark.parametrize(
    "values",
    [
        {"cores": ()},
        {"cores": ("a", "a"), "parts": 2},
        {"cores": ("a", "b")},
        {"tile_rows": 0},
        {"tile_columns": 0},
        {"parts": 0},
        {"stack": -1},
    ],
)
def test_layer_mappings_check_themselves(values: dict[str, object]) -> None:
    sound: dict[str, object] = {"layer": "x", "cores": ("a",), "tile_rows": 1, "tile_columns": 1}
    LayerMapping(**sound)  # type: ignore[arg-type]  # as below
    with pytest.raises(ValueError, match="layer x"):
        LayerMapping(**(sound | values))  # type: ignore[arg-type]  # the test names fields


@pytest.mark.parametrize("stacks", [(1, 1), (0, 2), (1, 0), (0, 1, 0)])
def test_stacks_are_numbered_in_order(stacks: tuple[int, ...]) -> None:
    layers = tuple(LayerMapping(str(index), ("a",), 1, 1, stack=stack) for index, stack in enumerate(stacks))
    with pytest.raises(ValueError, match="stacks"):
        Mapping("net", "chip", layers)
