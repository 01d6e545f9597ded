"""Mapping files: what they say, and what is said of their faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stream_evo.errors import Fault
from stream_evo.hardware import Accelerator
from stream_evo.mapping import LayerMapping, Mapping, Priority, load_mapping, mapping_to_yaml
from stream_evo.workload import Workload

FaultsOf = Callable[[Callable[[], object]], list[Fault]]
Write = Callable[[str], Path]

FILE = """\
network: net
accelerator: chip
priority: latency
dataflows: {c: OXK}
layers:
  stem: {cores: [b, c], tile_rows: 4, tile_columns: 64, parts: 2, stack: 0}
  depthwise: {cores: [a], tile_rows: 4, tile_columns: 64, parts: 1, stack: 0}
  pointwise: {cores: [a], tile_rows: 4, tile_columns: 64, parts: 1, stack: 1}
  add: {cores: [v], tile_rows: 4, tile_columns: 64, parts: 1, stack: 1}
  pool: {cores: [v], tile_rows: 1, tile_columns: 1, parts: 1, stack: 2}
"""

MAPPING = Mapping(
    "net",
    "chip",
    (
        LayerMapping("stem", ("b", "c"), 4, 64, 2, 0),
        LayerMapping("depthwise", ("a",), 4, 64, 1, 0),
        LayerMapping("pointwise", ("a",), 4, 64, 1, 1),
        LayerMapping("add", ("v",), 4, 64, 1, 1),
        LayerMapping("pool", ("v",), 1, 1, 1, 2),
    ),
    {"c": "OXK"},
    Priority.LATENCY,
)


def test_a_file_says_what_it_says(network: Workload, chip: Accelerator, write: Write) -> None:
    assert load_mapping(write(FILE), network, chip) == MAPPING


def test_writing_is_stable(network: Workload, chip: Accelerator, write: Write) -> None:
    text = mapping_to_yaml(MAPPING)
    assert text == FILE.replace("dataflows: {c: OXK}", "dataflows:\n  c: OXK")
    assert mapping_to_yaml(load_mapping(write(text), network, chip)) == text


def test_names_that_look_like_something_else_survive(chip: Accelerator, write: Write, network: Workload) -> None:
    strange = ["null", "1e3", "a: b", "{x}", "#5", "yes", "é", "'", "long " * 60 + "name"]
    layers = tuple(network.layers[0].__class__(name, network.layers[0].kind, "Conv", network.layers[0].sizes) for name in strange)
    odd = Workload("on", layers)
    entries = tuple(LayerMapping(name, ("a",), 1, 1) for name in strange)
    mapping = Mapping("on", "chip", entries, {"a": "KC"})
    assert load_mapping(write(mapping_to_yaml(mapping)), odd, chip) == mapping


def test_the_order_in_the_file_does_not_matter(network: Workload, chip: Accelerator, write: Write) -> None:
    *head, first, second, third, fourth, fifth = FILE.splitlines()
    assert load_mapping(write("\n".join([*head, fifth, second, third, first, fourth])), network, chip) == MAPPING


def test_another_network_is_one_fault(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
    file = write(FILE.replace("network: net", "network: resnet18").replace("stem", "conv1"))
    (fault,) = faults_of(lambda: load_mapping(file, network, chip))
    assert str(fault) == "line 1: $.network: this mapping is for another network; expected net; found resnet18"


def test_unknown_and_missing_layers_are_named(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
    file = write(
        FILE.replace("  stem:", "  stam:").replace("  add: {cores: [v], tile_rows: 4, tile_columns: 64, parts: 1, stack: 1}\n", "")
    )
    faults = faults_of(lambda: load_mapping(file, network, chip))
    assert [(fault.line, fault.what) for fault in faults] == [
        (5, "2 of 5 layers are missing: stem, add"),
        (6, "net has no layer 'stam'"),
    ]
    assert "Did you mean stem" in faults[1].hint


def test_every_layer_at_fault_has_its_line(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
    text = FILE.replace("dataflows: {c: OXK}", "dataflows: {c: OXX, q: KC}").replace("cores: [b, c]", "cores: [b, w]")
    file = write(text.replace("add: {cores: [v], tile_rows: 4", "add: {cores: [a], tile_rows: 44"))
    faults = faults_of(lambda: load_mapping(file, network, chip))
    assert [(fault.line, fault.path) for fault in faults] == [
        (4, "$.dataflows.c"),
        (4, "$.dataflows.q"),
        (6, "$.layers.stem.cores"),
        (9, "$.layers.add.cores"),
        (9, "$.layers.add.tile_rows"),
    ]
    assert (faults[3].hint, faults[4].expected, faults[4].found) == ("Cores that can: v", "at most 16", "44")


def test_stacks_out_of_order_have_their_lines(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
    file = write(FILE.replace("stack: 2", "stack: 3").replace("parts: 2, stack: 0", "parts: 2, stack: 1"))
    faults = faults_of(lambda: load_mapping(file, network, chip))
    assert [(fault.line, fault.expected, fault.found) for fault in faults] == [(6, "0", "1"), (7, "1 or 2", "0"), (10, "1 or 2", "3")]


def test_form_is_checked_all_at_once(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
    text = """\
network: net
priority: slow
layers:
  stem: {cores: [], tile_rows: 4, tile_columns: 64}
  depthwise: {cores: [a], tile_columns: -1, colour: red}
  pointwise: {cores: [a, b], tile_rows: 4, tile_columns: 64, parts: 1}
  add: 5
"""
    file = write(text)
    faults = faults_of(lambda: load_mapping(file, network, chip))
    assert [(fault.line, fault.path, fault.what) for fault in faults] == [
        (1, "$", "missing key 'accelerator'"),
        (2, "$.priority", "unknown value 'slow'"),
        (4, "$.layers.stem.cores", "too few entries"),
        (5, "$.layers.depthwise", "missing key 'tile_rows'"),
        (5, "$.layers.depthwise.tile_columns", "out of range"),
        (5, "$.layers.depthwise.colour", "unknown key 'colour'"),
        (6, "$.layers.pointwise", "layer pointwise: 2 cores need at least as many parts, not 1"),
        (7, "$.layers.add", "wrong type"),
    ]
