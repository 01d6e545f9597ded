"""Pins: what they fix, and what is said when they cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator
from stream_evo.mapping import GenomeOptions, GenomeSpec, LayerPin, Pins, Priority, load_pins
from stream_evo.workload import Workload

FaultsOf = Callable[[Callable[[], object]], list[Fault]]
Write = Callable[[str], Path]
FULL = GenomeOptions(split=True, dataflow=True, priority=True)

FILE = """\
priority: latency
dataflows: {c: OXK}
layers:
  stem: {cores: [b, c], tile_rows: 4, parts: 2}
  depthwise: {core: a, cut_after: true}
  pointwise: {tile_rows: 1}
"""


def test_pins_narrow_the_bounds(network: Workload, chip: Accelerator, write: Write) -> None:
    spec = GenomeSpec(network, chip, FULL, load_pins(write(FILE)))
    fixed = {}
    for name, part in spec.segments.items():
        fixed[name] = [(low, high) for low, high in zip(spec.lower[part].tolist(), spec.upper[part].tolist(), strict=True)]
    assert fixed == {
        "allocation": [(1, 1), (0, 0), (0, 2), (0, 0), (0, 0)],
        "cut": [(0, 1), (1, 1), (0, 1), (0, 1)],
        "tile": [(2, 2), (0, 6), (4, 6), (0, 6), (0, 0)],  # one row leaves the columns of pointwise open
        "split": [(1, 1), (0, 0), (0, 1), (0, 0), (0, 0)],
        "dataflow": [(0, 0), (0, 0), (1, 1), (0, 0)],
        "priority": [(1, 1)],
    }


def test_without_a_gene_the_pinned_priority_holds(network: Workload, chip: Accelerator) -> None:
    spec = GenomeSpec(network, chip, pins=Pins(priority=Priority.LATENCY))
    assert spec.decode(spec.lower).priority is Priority.LATENCY
    assert GenomeSpec(network, chip).decode(spec.lower).priority is Priority.MEMORY


def test_everything_wrong_is_told_with_its_line(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
    text = """\
dataflows:
  a: OXK
  x: KC
layers:
  stem: {core: v}
  stemm: {core: a}
  depthwise: {core: a, tile_rows: 5}
  pointwise:
    cores: [a, c]
  add: {core: v, parts: 2}
  pool: {cut_after: false}
"""
    pins = load_pins(write(text))
    faults = faults_of(lambda: GenomeSpec(network, chip, FULL, pins))
    assert [(fault.line, fault.path, fault.what) for fault in faults] == [
        (2, "$.dataflows.a", "core 'a' has no dataflow 'OXK' to choose"),
        (3, "$.dataflows.x", "no core is called 'x'"),
        (5, "$.layers.stem", "core 'v' cannot run this conv layer; capable: a, b, c"),
        (6, "$.layers.stemm", "net has no layer 'stemm'"),
        (
            7,
            "$.layers.depthwise",
            "no tile of 5 rows x any columns is on offer; sizes: 16 x 64, 8 x 64, 4 x 64, 2 x 64, 1 x 64, 1 x 32, 1 x 16",
        ),
        (8, "$.layers.pointwise", "it cannot be spread over a, c"),
        (10, "$.layers.add", "2 parts cannot be had: the cores it may run on make 1"),
        (11, "$.layers.pool", "the last layer has no cut after it"),
    ]
    assert "Did you mean stem" in faults[3].hint
    assert "in this circle of cores: a, b, c" in faults[5].hint


def test_forbidden_cores_cannot_be_pinned(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    options = GenomeOptions(forbidden_cores=("a",))
    (fault,) = faults_of(lambda: GenomeSpec(network, chip, options, Pins((LayerPin("stem", cores=("a",), line=7),))))
    assert (fault.line, fault.what) == (7, "core 'a' is forbidden")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (LayerPin("stem", cores=("a",), line=1), LayerPin("stem", cores=("b",), line=2)),
        (LayerPin("stem", tile_rows=4, line=1), LayerPin("stem", tile_rows=8, line=2)),
        (LayerPin("stem", cut_after=True, line=1), LayerPin("stem", cut_after=False, line=2)),
    ],
)
def test_a_gene_pinned_to_two_values_is_a_fault(
    network: Workload, chip: Accelerator, faults_of: FaultsOf, one: LayerPin, two: LayerPin
) -> None:
    (fault,) = faults_of(lambda: GenomeSpec(network, chip, pins=Pins((one, two))))
    assert fault.line == 2
    assert fault.what.startswith("this contradicts the pin $.layers.stem in line 1 about the ")
    GenomeSpec(network, chip, pins=Pins((one, one)))  # saying it twice is no contradiction


def test_stacks_are_cuts(network: Workload, chip: Accelerator) -> None:
    pins = Pins((LayerPin("stem", stack=0), LayerPin("pointwise", stack=0), LayerPin("add", stack=1)))
    spec = GenomeSpec(network, chip, pins=pins)
    part = spec.segments["cut"]
    assert list(zip(spec.lower[part].tolist(), spec.upper[part].tolist(), strict=True)) == [(0, 0), (0, 0), (1, 1), (0, 1)]


@pytest.mark.parametrize(
    ("stacks", "cut", "words"),
    [
        ({"stem": 0, "pointwise": 1}, None, "leave open where the cut lies"),
        ({"stem": 0, "pointwise": 3}, None, "out of order"),
        ({"stem": 1, "pointwise": 0}, None, "out of order"),
        ({"stem": 0, "pointwise": 0}, "depthwise", "this contradicts the pin $.layers.depthwise"),
    ],
)
def test_stacks_that_cannot_be_had(
    network: Workload, chip: Accelerator, faults_of: FaultsOf, stacks: dict[str, int], cut: str | None, words: str
) -> None:
    pins = [LayerPin(name, stack=stack) for name, stack in stacks.items()]
    pins += [LayerPin(cut, cut_after=True)] if cut else []
    (fault,) = faults_of(lambda: GenomeSpec(network, chip, pins=Pins(tuple(pins))))
    assert words in fault.what
    assert fault.path == "$.layers.pointwise"


def test_what_has_no_gene_cannot_be_pinned_to_another_value(
    network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf
) -> None:
    pins = load_pins(write(FILE))
    assert [(fault.line, fault.what) for fault in faults_of(lambda: GenomeSpec(network, chip, pins=pins))] == [
        (2, "a dataflow other than the first needs the genome option dataflow (--dataflow)"),
        (4, "several cores need the genome option split (--split)"),
        (4, "2 parts cannot be had: the cores it may run on make 1; more need the genome option split (--split)"),
    ]


def test_pins_for_another_network_or_chip(network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf) -> None:
    pins = load_pins(write("network: other\naccelerator: chop\nlayers: {x: {core: y}}\n"))
    assert [fault.what for fault in faults_of(lambda: GenomeSpec(network, chip, pins=pins))] == [
        "these pins are for another network",
        "these pins are for another accelerator",
    ]


def test_columns_alone_may_not_be_expressible(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    spec = GenomeSpec(network, chip, pins=Pins((LayerPin("stem", tile_columns=64),)))
    part = spec.segments["tile"]
    assert (spec.lower[part][0], spec.upper[part][0]) == (0, 4)
    gap = (spec.tiles[0][0], spec.tiles[0][6], spec.tiles[0][4])
    pins = Pins((LayerPin("stem", tile_columns=64),))
    (fault,) = faults_of(lambda: GenomeSpec(network, chip, pins=pins, tiles=(gap, *spec.tiles[1:])))
    assert "not neighbours" in fault.what


def test_pin_files_collect_their_faults(write: Write, faults_of: FaultsOf) -> None:
    text = """\
priority: fast
layers:
  stem: {core: a, cores: [a, b]}
  add: {tile_rows: 0, colour: red}
  pool: {cores: []}
"""
    file = write(text)
    faults = faults_of(lambda: load_pins(file))
    assert [(fault.line, fault.path) for fault in faults] == [
        (1, "$.priority"),
        (3, "$.layers.stem.core"),
        (4, "$.layers.add.tile_rows"),
        (4, "$.layers.add.colour"),
        (5, "$.layers.pool.cores"),
    ]


def test_an_empty_pin_file_pins_nothing(network: Workload, chip: Accelerator, write: Write) -> None:
    pins = load_pins(write("layers: {}\n"))
    assert (pins.layers, pins.dataflows, pins.priority) == ((), (), None)
    free = GenomeSpec(network, chip, FULL)
    assert (GenomeSpec(network, chip, FULL, pins).upper == free.upper).all()


def test_pin_files_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_pins(tmp_path / "none.yaml")
