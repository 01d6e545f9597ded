"""Mapping files: what they say, and what is said of their faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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


def test_form_is_checked_together_with_what_is_missing(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
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
        (3, "$.layers", "1 of 5 layers are missing: pool"),
        (4, "$.layers.stem.cores", "too few entries"),
        (5, "$.layers.depthwise", "missing key 'tile_rows'"),
        (5, "$.layers.depthwise.tile_columns", "out of range"),
        (5, "$.layers.depthwise.colour", "unknown key 'colour'"),
        (6, "$.layers.pointwise", "layer pointwise: 2 cores need at least as many parts, not 1"),
        (7, "$.layers.add", "wrong type"),
    ]


# pieces of the file and what to put in their place -> line, key path and a part of each fault
AT_ONCE = {
    "form, names, sizes, parts, stacks and dataflows": (
        {
            "c: OXK": "c: OXX, q: KC",
            "stem: {cores: [b, c], tile_rows: 4, tile_columns: 64, parts: 2, stack: 0}": "stem: {cores: [b, w], tile_rows: 99, "
            "tile_columns: 64, parts: 5, stack: 1}",
            "depthwise: {cores: [a], tile_rows: 4": "depthwise: {cores: [a], tile_rows: four",
            "  add:": "  sum:",
            "stack: 2": "stack: 9",
        },
        [
            (4, "$.dataflows.c", "has no dataflow 'OXX'"),
            (4, "$.dataflows.q", "no core is called 'q'"),
            (5, "$.layers", "1 of 5 layers are missing: add"),
            (6, "$.layers.stem.cores", "no core is called 'w'"),
            (6, "$.layers.stem.parts", "parts must divide the 32 output channels"),
            (6, "$.layers.stem.tile_rows", "the tile exceeds the output"),
            (6, "$.layers.stem", "stacks are numbered"),
            (7, "$.layers.depthwise.tile_rows", "wrong type"),
            (7, "$.layers.depthwise", "stacks are numbered"),
            (9, "$.layers.sum", "net has no layer 'sum'"),
            (10, "$.layers.pool", "stacks are numbered"),
        ],
    ),
    "the rest of a layer of which something cannot be read": (
        {"cores: [b, c], tile_rows: 4, tile_columns: 64, parts: 2": "cores: [w, 7, v], tile_rows: x, tile_columns: 65, parts: 1"},
        [
            (6, "$.layers.stem", "2 cores need at least as many parts, not 1"),
            (6, "$.layers.stem.cores", "no core is called 'w'"),
            (6, "$.layers.stem.cores", "core 'v' cannot run this conv layer"),
            (6, "$.layers.stem.cores[1]", "wrong type"),
            (6, "$.layers.stem.tile_columns", "the tile exceeds the output"),
            (6, "$.layers.stem.tile_rows", "wrong type"),
        ],
    ),
    "a stack that cannot be read is not held against those after it": (
        {"parts: 1, stack: 1}\n  add": "parts: 1, stack: one}\n  add"},
        [(8, "$.layers.pointwise.stack", "wrong type")],
    ),
    "nor is one whose key is misspelt": (
        {"parts: 1, stack: 1}\n  add": "parts: 1, stak: 1}\n  add"},
        [(8, "$.layers.pointwise.stak", "unknown key 'stak'")],
    ),
    "nor one of a layer that is no mapping": (
        {"pointwise: {cores: [a], tile_rows: 4, tile_columns: 64, parts: 1, stack: 1}": "pointwise: a"},
        [(8, "$.layers.pointwise", "wrong type")],
    ),
    "parts whose key is misspelt are not held against the cores": (
        {"parts: 2": "part: 2"},
        [(6, "$.layers.stem.part", "unknown key 'part'")],
    ),
    "a dataflow that cannot be read, of a core that is not there": (
        {"c: OXK": "c: 7, q: []"},
        [(4, "$.dataflows.c", "wrong type"), (4, "$.dataflows.q", "no core is called 'q'"), (4, "$.dataflows.q", "wrong type")],
    ),
    "cores of another chip are not looked for on this one": (
        {"accelerator: chip": "accelerator: other", "cores: [a], tile_rows: 4": "cores: [z], tile_rows: 44", "stack: 2": "stack: 3"},
        [
            (2, "$.accelerator", "this mapping is for another accelerator"),
            (7, "$.layers.depthwise.tile_rows", "the tile exceeds the output"),
            (10, "$.layers.pool", "stacks are numbered"),
        ],
    ),
    "layers of another network are not held against this one": (
        {"network: net": "network: other", "  stem:": "  stam:", "stack: 2": "stack: -2", "c: OXK": "q: OXK"},
        [
            (1, "$.network", "this mapping is for another network"),
            (4, "$.dataflows.q", "no core is called 'q'"),
            (10, "$.layers.pool.stack", "out of range"),
        ],
    ),
    "a key that stands twice hides and echoes nothing": (
        {
            "stack: 1}\n  add": "stack: 1, stack: 0, tile_rows: 5}\n  add",
            "parts: 2, stack": "parts: 1, parts: 2, stack",
            "stack: 2": "stack: 4",
            "c: OXK": "c: OXK, c: KC, q: KC",
        },
        [
            (4, "$.dataflows.c", "duplicate key"),
            (4, "$.dataflows.q", "no core is called 'q'"),
            (6, "$.layers.stem.parts", "duplicate key"),
            (8, "$.layers.pointwise.stack", "duplicate key"),
            (8, "$.layers.pointwise.tile_rows", "duplicate key"),
            (10, "$.layers.pool", "stacks are numbered"),
        ],
    ),
    "layers in two lists are all there": (
        {"  pointwise:": "layers:\n  pointwise:", "tile_rows: 1,": "tile_rows: 2,"},
        [(8, "$.layers", "duplicate key"), (11, "$.layers.pool.tile_rows", "the tile exceeds the output")],
    ),
    "without layers none is missing": (
        {"layers:\n": "layer:\n", "latency": "slow"},
        [
            (1, "$", "missing key 'layers'"),
            (3, "$.priority", "unknown value 'slow'"),
            (5, "$.layer", "unknown key 'layer'"),
        ],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), AT_ONCE.values(), ids=AT_ONCE)
def test_all_faults_are_told_at_once_without_echoes(
    network: Workload,
    chip: Accelerator,
    write: Write,
    faults_of: FaultsOf,
    changes: dict[str, str],
    expected: list[tuple[int, str, str]],
) -> None:
    text = FILE
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    file = write(text)
    faults = faults_of(lambda: load_mapping(file, network, chip))
    assert [fault.line for fault in faults] == sorted(fault.line for fault in faults)
    told = sorted((fault.line, fault.path, fault.what) for fault in faults)
    wanted = sorted(expected)
    assert [(line, path) for line, path, _ in told] == [(line, path) for line, path, _ in wanted], "\n".join(map(str, faults))
    assert all(part in what for (_, _, part), (_, _, what) in zip(wanted, told, strict=True)), "\n".join(map(str, faults))
