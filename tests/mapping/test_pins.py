"""Pins: what they fix, and what is said when they cannot be had."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("stacks", "cuts", "bounds"),
    [
        ({"stem": 0, "pointwise": 0, "add": 1}, {}, [(0, 0), (0, 0), (1, 1), (0, 1)]),
        ({"add": 0}, {}, [(0, 0), (0, 0), (0, 0), (0, 1)]),  # the first layer is in stack 0
        ({"pointwise": 2}, {}, [(1, 1), (1, 1), (0, 1), (0, 1)]),
        ({"stem": 0}, {}, [(0, 1), (0, 1), (0, 1), (0, 1)]),
        ({"add": 1}, {"depthwise": True}, [(0, 0), (1, 1), (0, 0), (0, 1)]),  # no cut is missing
        ({"add": 2}, {"stem": False}, [(0, 0), (1, 1), (1, 1), (0, 1)]),  # as many are missing as are open
        ({"add": 1}, {"stem": False, "pointwise": False}, [(0, 0), (1, 1), (0, 0), (0, 1)]),
        ({"pointwise": 1, "pool": 2}, {"stem": True, "add": False}, [(1, 1), (0, 0), (1, 1), (0, 0)]),
    ],
)
def test_stacks_are_cuts(
    network: Workload, chip: Accelerator, stacks: dict[str, int], cuts: dict[str, bool], bounds: list[tuple[int, int]]
) -> None:
    spec = GenomeSpec(network, chip, pins=_pins(stacks, cuts))
    part = spec.segments["cut"]
    assert list(zip(spec.lower[part].tolist(), spec.upper[part].tolist(), strict=True)) == bounds


COUNTED = "no such stack here: stacks are counted from 0 at the first layer, at most one more per layer"


@pytest.mark.parametrize(
    ("stacks", "cuts", "layer", "words"),
    [
        (
            {"pointwise": 1},
            {},
            "pointwise",
            "stacks 0 of stem and 1 here leave open where the cut lies. Pin stack or cut_after of layers from stem",
        ),
        ({"depthwise": 1, "pool": 3}, {}, "pool", "stacks 1 of depthwise and 3 here leave open where the 2 cuts lie"),
        ({"pool": 2}, {"depthwise": True}, "pool", "leave open where the cut lies"),
        ({"stem": 3}, {}, "stem", f"{COUNTED}; expected stack 0; found 3"),
        ({"pool": 99}, {}, "pool", f"{COUNTED}; expected a stack from 0 to 4; found 99"),
        ({"pool": 99}, {"stem": True, "add": False}, "pool", f"{COUNTED}; expected a stack from 1 to 3; found 99"),
        ({"pool": -1}, {}, "pool", f"{COUNTED}; expected a stack from 0 to 4; found -1"),
        ({"depthwise": 1, "pool": 0}, {}, "pool", f"{COUNTED}, and depthwise is in stack 1; expected a stack from 1 to 4; found 0"),
        ({"stem": 1, "pointwise": 0}, {}, "stem", "expected stack 0; found 1"),
        ({"pointwise": 0}, {"depthwise": True}, "pointwise", "this contradicts the pin $.layers.depthwise about the cut gene; expected"),
        (
            {"depthwise": 1, "add": 3},
            {"depthwise": False, "pointwise": False},
            "add",
            "$.layers.depthwise, the pin $.layers.pointwise about the cut gene, as depthwise is in stack 1; expected stack 1; found 3",
        ),
        ({"pool": 0}, dict.fromkeys(("stem", "depthwise", "pointwise", "add"), True), "pool", "pointwise and 1 more about the cut gene"),
        ({"pool": 2, "pointwise": 9}, {}, "pointwise", "from 0 to 2; found 9"),  # what is missing may say where the cuts lie
    ],
)
def test_stacks_that_cannot_be_had(
    network: Workload, chip: Accelerator, faults_of: FaultsOf, stacks: dict[str, int], cuts: dict[str, bool], layer: str, words: str
) -> None:
    (fault,) = faults_of(lambda: GenomeSpec(network, chip, pins=_pins(stacks, cuts)))
    assert fault.path == f"$.layers.{layer}"
    assert words in str(fault)


def test_every_impossible_stack_is_told(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    faults = faults_of(lambda: GenomeSpec(network, chip, pins=_pins({"stem": 1, "depthwise": 1, "pointwise": 9, "pool": 0}, {})))
    assert [(fault.path, fault.expected, fault.found) for fault in faults] == [
        ("$.layers.stem", "stack 0", "1"),
        ("$.layers.pointwise", "a stack from 1 to 2", "9"),
        ("$.layers.pool", "a stack from 1 to 4", "0"),
    ]


def test_a_layer_that_is_unknown_may_say_where_the_cuts_lie(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    (fault,) = faults_of(lambda: GenomeSpec(network, chip, pins=_pins({"stem": 0, "deepwise": 1, "pool": 2}, {})))
    assert fault.path == "$.layers.deepwise"


def _pins(stacks: Mapping[str, int | None], cuts: Mapping[str, bool | None]) -> Pins:
    return Pins(tuple(LayerPin(name, stack=stacks.get(name), cut_after=cuts.get(name)) for name in {**stacks, **cuts}))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_stacks_and_cuts_hold_what_all_mappings_that_agree_have_in_common(
    network: Workload, chip: Accelerator, data: st.DataObject
) -> None:
    names = [layer.name for layer in network.layers]
    every = np.array(list(itertools.product((0, 1), repeat=len(names) - 1)))
    numbers = np.hstack([np.zeros((len(every), 1), dtype=int), every.cumsum(axis=1)])
    one = data.draw(st.integers(0, len(every) - 1))  # pins drawn at random would hardly ever agree
    slips = data.draw(st.dictionaries(st.integers(0, len(names) - 1), st.integers(-2, 2), max_size=2))
    stacks = {at: int(numbers[one, at]) + slips.get(at, 0) for at in data.draw(st.sets(st.integers(0, len(names) - 1)))}
    cuts = {at: bool(every[one, at]) for at in data.draw(st.sets(st.integers(0, len(names) - 2)))}
    by_cuts = np.array([all(row[at] == cut for at, cut in cuts.items()) for row in every])
    agree = by_cuts & np.array([all(row[at] == stack for at, stack in stacks.items()) for row in numbers])
    pins = _pins({names[at]: stack for at, stack in stacks.items()}, {names[at]: cut for at, cut in cuts.items()})
    try:
        spec = GenomeSpec(network, chip, pins=pins)
    except InputError as error:
        told = [fault for fault in error.faults if "leave open" not in fault.what]
        assert bool(told) == (not agree.any())
        if agree.any():  # ... but no bounds hold exactly these
            assert agree.sum() < np.prod(np.ptp(every[agree], axis=0) + 1)
        elif len(stacks) == 1:  # the range that is told is what the cuts leave
            possible = numbers[by_cuts][:, list(stacks)]
            low, high = possible.min(), possible.max()
            assert [fault.expected for fault in told] == [f"stack {low}" if low == high else f"a stack from {low} to {high}"]
        return
    part = spec.segments["cut"]
    assert agree.sum() == np.prod(spec.upper[part] - spec.lower[part] + 1)
    assert (every[agree].min(axis=0) == spec.lower[part]).all()
    assert (every[agree].max(axis=0) == spec.upper[part]).all()


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


def test_faults_of_form_and_unknown_names_are_told_together(
    network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf
) -> None:
    text = """\
priority: fast
dataflows: {a: 5, x: KC}
layers:
  stem: {core: z, tile_rows: four}
  stemm: {tile_rows: four}
  adds: v
  depthwise: {cores: [a, 5], parts: 7}
  pointwise: {core: a, parts: 7, colour: red}
  add: {stack: 1}
  pool: {stack: 9}
"""
    file = write(text)
    faults = faults_of(lambda: GenomeSpec(network, chip, FULL, load_pins(file, defer=True)))
    assert [(fault.line, fault.path, fault.what) for fault in faults] == [
        (1, "$.priority", "unknown value 'fast'"),
        (2, "$.dataflows.a", "wrong type"),
        (2, "$.dataflows.x", "no core is called 'x'"),
        (4, "$.layers.stem.tile_rows", "wrong type"),
        (4, "$.layers.stem", "no core is called 'z'; the cores are a, b, c, v"),
        (5, "$.layers.stemm.tile_rows", "wrong type"),
        (5, "$.layers.stemm", "net has no layer 'stemm'"),
        (6, "$.layers.adds", "wrong type"),
        (6, "$.layers.adds", "net has no layer 'adds'"),
        (7, "$.layers.depthwise.cores[1]", "wrong type"),  # what else is pinned there may follow from the cores
        (8, "$.layers.pointwise.colour", "unknown key 'colour'"),
        # Where the cut before add lies may be what could not be read.
        (10, "$.layers.pool", f"{COUNTED}, and add is in stack 1"),
    ]
    assert set(faults_of(lambda: load_pins(file))) < set(faults)


def test_a_key_that_stands_twice_in_pins_hides_and_echoes_nothing(
    network: Workload, chip: Accelerator, write: Write, faults_of: FaultsOf
) -> None:
    text = """\
dataflows: {x: KC}
layers:
  stem: {cores: [b, c], tile_rows: 4, tile_rows: 5}
  add: {stack: 9, stack: 1}
  pool: {cores: [z]}
"""
    file = write(text)
    faults = faults_of(lambda: GenomeSpec(network, chip, FULL, load_pins(file, defer=True)))
    assert [(fault.line, fault.path, fault.what) for fault in faults] == [
        (1, "$.dataflows.x", "no core is called 'x'"),
        (3, "$.layers.stem.tile_rows", "duplicate key"),
        (4, "$.layers.add.stack", "duplicate key"),
        (5, "$.layers.pool", "no core is called 'z'; the cores are a, b, c, v"),
    ]
    assert [fault.line for fault in faults_of(lambda: load_pins(file))] == [3, 4]


def test_an_empty_pin_file_pins_nothing(network: Workload, chip: Accelerator, write: Write) -> None:
    pins = load_pins(write("layers: {}\n"))
    assert (pins.layers, pins.dataflows, pins.priority) == ((), (), None)
    free = GenomeSpec(network, chip, FULL)
    assert (GenomeSpec(network, chip, FULL, pins).upper == free.upper).all()


def test_pin_files_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_pins(tmp_path / "none.yaml")
