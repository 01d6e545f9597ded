"""Laws of the genome encoding, on random networks and chips."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_evo.mapping import GenomeSpec, load_mapping, load_pins, mapping_to_yaml, part_core
from tests import strategies

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@few
@given(st.data(), strategies.specs())
def test_every_genome_in_bounds_is_a_mapping_and_comes_back(data: st.DataObject, spec: GenomeSpec) -> None:
    genome = data.draw(strategies.genomes(spec))
    mapping = spec.decode(genome)
    assert np.array_equal(spec.encode(mapping), spec.canonical(genome))
    assert spec.decode(spec.canonical(genome)) == mapping
    for entry, layer, capable in zip(mapping.layers, spec.workload.layers, spec.capable, strict=True):
        assert entry.layer == layer.name
        assert entry.parts == 1 or layer.channels % entry.parts == 0
        assert {part_core(entry, part) for part in range(entry.parts)} == set(entry.cores)
        assert {spec.core_names.index(name) for name in entry.cores} <= set(capable)


@few
@given(st.data(), strategies.specs())
def test_canonical_genomes_are_equal_exactly_when_the_mappings_are(data: st.DataObject, spec: GenomeSpec) -> None:
    one, two = data.draw(strategies.genomes(spec)), data.draw(strategies.genomes(spec))
    if data.draw(st.booleans()):  # else equal meaning is rare
        for name in ("allocation", "cut", "tile", "split"):
            if name in spec.segments:
                two[spec.segments[name]] = one[spec.segments[name]]
    canonical = spec.canonical(np.stack([one, two]))
    assert np.array_equal(canonical[0], spec.canonical(one))
    assert np.array_equal(spec.canonical(canonical), canonical)
    assert np.array_equal(canonical[0], canonical[1]) == (spec.decode(one) == spec.decode(two))


@few
@given(st.data(), strategies.specs())
def test_canonical_clips_and_leaves_its_argument_alone(data: st.DataObject, spec: GenomeSpec) -> None:
    offsets = data.draw(st.lists(st.integers(-5, 5), min_size=spec.length, max_size=spec.length))
    wild = (data.draw(strategies.genomes(spec)) + np.array(offsets))[np.newaxis]
    before = wild.copy()
    legal = spec.canonical(wild)
    assert np.array_equal(wild, before)
    assert (legal >= spec.lower).all()
    assert (legal <= spec.upper).all()


@few
@given(st.data(), strategies.specs())
def test_yaml_round_trip(tmp_path: Path, data: st.DataObject, spec: GenomeSpec) -> None:
    mapping = data.draw(strategies.mappings(spec))
    file = tmp_path / "mapping.yaml"
    file.write_text(mapping_to_yaml(mapping), encoding="utf-8")
    assert load_mapping(file, spec.workload, spec.accelerator) == mapping


@few
@given(st.data(), strategies.specs())
def test_a_whole_mapping_file_pins_to_one_point(tmp_path: Path, data: st.DataObject, spec: GenomeSpec) -> None:
    mapping = data.draw(strategies.mappings(spec))
    file = tmp_path / "pins.yaml"
    file.write_text(mapping_to_yaml(mapping), encoding="utf-8")
    pinned = GenomeSpec(spec.workload, spec.accelerator, spec.options, load_pins(file))
    assert np.array_equal(pinned.lower, pinned.upper)
    assert pinned.decode(data.draw(strategies.genomes(spec))) == mapping


@few
@given(st.data(), strategies.specs())
def test_pins_hold_in_every_genome(data: st.DataObject, spec: GenomeSpec) -> None:
    pins = data.draw(strategies.pins(spec))
    pinned = GenomeSpec(spec.workload, spec.accelerator, spec.options, pins)
    assert (pinned.lower >= spec.lower).all()
    assert (pinned.upper <= spec.upper).all()
    mapping = pinned.decode(data.draw(strategies.genomes(spec)))  # any genome: canonical applies pins
    entries = {entry.layer: (position, entry) for position, entry in enumerate(mapping.layers)}
    for pin in pins.layers:
        position, entry = entries[pin.layer]
        assert pin.cores in (None, entry.cores)
        assert pin.tile_rows in (None, entry.tile_rows)
        assert pin.tile_columns in (None, entry.tile_columns)
        if pin.cut_after is not None:
            assert (mapping.layers[position + 1].stack != entry.stack) == pin.cut_after
    for flow in pins.dataflows:
        assert mapping.dataflows[flow.core] == flow.dataflow
    assert pins.priority in (None, mapping.priority)


@few
@given(st.data(), strategies.specs())
def test_spaces_and_mappings_can_be_copied_and_hashed(data: st.DataObject, spec: GenomeSpec) -> None:
    genome = data.draw(strategies.genomes(spec))
    mapping = spec.decode(genome)
    twin = copy.deepcopy(spec)
    assert twin == spec
    assert twin.decode(genome) == copy.deepcopy(mapping) == mapping
    assert hash(twin.decode(genome)) == hash(mapping)
