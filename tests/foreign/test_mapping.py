"""Mapping files of the reference framework, both spellings, and the way there and back."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo import registry
from stream_evo.cli import main
from stream_evo.errors import InputError
from stream_evo.exports._stream import mapping_to_stream, mapping_to_stream_2024
from stream_evo.foreign import derived_tiles, kinds_of_cores, loop_position, pins_to_yaml, read_mapping
from stream_evo.mapping import GenomeSpec, load_pins
from stream_evo.workload import Axis, LoopSizes, OperatorKind
from tests import strategies
from tests.foreign.support import DATA, small_network


def _file(folder: Path, content: Any) -> Path:
    path = folder / "mapping.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def test_a_file_of_2024_fixes_what_it_fixes() -> None:
    found = read_mapping(DATA / "mapping" / "fixed_2024.yaml", small_network(), registry.load_hardware("tpu_quad"))
    first, second, join = found.pins.layers
    assert (first.cores, first.tile_rows, first.tile_columns) == (("core1",), 1, 16)
    assert (second.cores, second.tile_rows, second.tile_columns) == (("core1", "core3"), 2, 2)  # five of eight columns: four parts
    assert (join.cores, join.tile_rows, join.stack) == (("simd",), None, None)
    assert found.mapping is None


def test_what_a_file_fixes_can_be_pinned(tmp_path: Path) -> None:
    workload, chip = small_network(), registry.load_hardware("tpu_quad")
    found = read_mapping(DATA / "mapping" / "fixed_2024.yaml", workload, chip)
    path = tmp_path / "pins.yaml"
    path.write_text(pins_to_yaml(found.pins), encoding="utf-8")
    pins = load_pins(path)
    assert [dataclasses.replace(pin, line=0) for pin in pins.layers] == list(found.pins.layers)
    spec = GenomeSpec(workload, chip, pins=dataclasses.replace(pins, layers=pins.layers[:1]))
    assert spec.decode(spec.lower).layers[0].cores == ("core1",)


def test_a_file_of_version_2_states_a_whole_mapping(tmp_path: Path) -> None:
    content = {
        "layers": [
            {"name": "Conv", "core_allocation": [[0, 1]], "inter_core_tiling": [[{"dim": "D6", "split": 2}]]},
            {"name": "join", "core_allocation": [[5]]},
        ],
        "fused_groups": [
            {"name": "a", "layers": ["first", "second"], "intra_core_tiling": [{"dim": "second.D2", "tile": 2}]},
            {"name": "b", "layers": ["Add"]},
        ],
    }
    found = read_mapping(_file(tmp_path, content), small_network(), registry.load_hardware("tpu_quad"))
    assert found.mapping is not None
    rows = [(entry.cores, entry.parts, entry.tile_rows, entry.tile_columns, entry.stack) for entry in found.mapping.layers]
    pair = ("core0", "core1")
    assert rows == [(pair, 2, 4, 16, 0), (pair, 2, 2, 8, 0), (("simd",), 1, 8, 8, 1)]  # a stride of two: twice the rows before it
    assert found.notes == ()


def test_alternatives_are_left_to_the_search(tmp_path: Path) -> None:
    content = [{"name": "default", "core_allocation": [0, 1]}, {"name": "join", "core_allocation": 5}]
    found = read_mapping(_file(tmp_path, content), small_network(), registry.load_hardware("tpu_quad"))
    assert [pin.layer for pin in found.pins.layers] == ["join"]
    assert any("left to the search" in note.what for note in found.notes)


def test_numbers_of_cores_are_those_of_the_hardware_file(tmp_path: Path) -> None:
    chip = registry.load_hardware("tpu_quad")
    names = {7: "core2", 9: "simd"}
    found = read_mapping(_file(tmp_path, [{"name": "Conv", "core_allocation": [7]}]), small_network(), chip, names)
    assert found.pins.layers[0].cores == ("core2",)
    with pytest.raises(InputError, match="there is no core 0; expected one of 7, 9"):
        read_mapping(_file(tmp_path, [{"name": "Conv", "core_allocation": [0]}]), small_network(), chip, names)


@pytest.mark.parametrize(
    ("entry", "phrase"),
    [
        ({"name": "Conv", "core_allocation": ["x"]}, "not a core number"),
        ({"name": "Conv", "core_allocation": [0], "intra_core_tiling": ["OY: 4"]}, "not a tiling"),
        ({"name": "Conv", "core_allocation": [5]}, "layer first (Conv) cannot run on simd"),
        ({"core_allocation": [0]}, "missing key 'name'"),
    ],
)
def test_faults_of_entries(tmp_path: Path, entry: dict[str, Any], phrase: str) -> None:
    with pytest.raises(InputError) as caught:
        read_mapping(_file(tmp_path, [entry]), small_network(), registry.load_hardware("tpu_quad"))
    assert phrase in str(caught.value)
    assert "line " in str(caught.value)


@pytest.mark.parametrize(
    ("tiling", "phrase"),
    [
        ([{"dim": "frist.D2", "tile": 2}], "has no layer 'frist'; Did you mean first"),
        ([{"dim": "first.rows", "tile": 2}], "not a loop"),
        ([{"dim": "first.D2", "tile": 0}], "out of range"),
        ([{"dim": "first.D2"}], "missing key 'tile'"),
    ],
)
def test_faults_of_groups(tmp_path: Path, tiling: list[dict[str, Any]], phrase: str) -> None:
    content = {"layers": [], "fused_groups": [{"name": "a", "layers": ["first"], "intra_core_tiling": tiling}]}
    with pytest.raises(InputError) as caught:
        read_mapping(_file(tmp_path, content), small_network(), registry.load_hardware("tpu_quad"))
    assert phrase.replace("; ", ". ") in str(caught.value) or phrase in str(caught.value)


def test_what_is_spread_over_cores_otherwise_is_reported(tmp_path: Path) -> None:
    content = [
        {
            "name": "first",
            "core_allocation": [0, 1],
            "core_allocation_is_fixed": True,
            "inter_core_tiling": ["OY, 2"],
            "spatial_mapping": {},
        },
        {"name": "second", "core_allocation": [0], "intra_core_tiling": ["C, 2", "K, 3"]},
        {"name": "first/odd", "core_allocation": [0]},
    ]
    notes = " ".join(
        str(note) for note in read_mapping(_file(tmp_path, content), small_network(), registry.load_hardware("tpu_quad")).notes
    )
    for phrase in ("rows are not spread over cores", "not along C", "not of a layer", "has no layer or operator 'first/odd'"):
        assert phrase in notes


@given(strategies.specs(), st.data(), st.booleans())
@settings(max_examples=50)
def test_every_mapping_survives_but_for_what_the_file_says(
    tmp_path_factory: pytest.TempPathFactory, spec: GenomeSpec, data: st.DataObject, newer: bool
) -> None:
    workload, chip, mapping = spec.workload, spec.accelerator, data.draw(strategies.mappings(spec))
    text = (mapping_to_stream if newer else mapping_to_stream_2024)(mapping, workload, chip)
    path = tmp_path_factory.mktemp("mapping") / "m.yaml"
    path.write_text(text, encoding="utf-8")
    said = [line.removeprefix("#   ").partition(": ") for line in text.splitlines() if line.startswith("#   ")]
    found = read_mapping(path, workload, chip)
    for index, entry in enumerate(mapping.layers):
        pin = next(pin for pin in found.pins.layers if pin.layer == entry.layer)
        about = [what for layers, _, what in said if entry.layer in layers.split(", ")]
        if not any("channels" in line for line in about):
            assert pin.cores == entry.cores
        if not about:
            tile = (pin.tile_rows, pin.tile_columns)
            whole = (workload.layers[index].rows, workload.layers[index].columns)
            assert tile == (entry.tile_rows, entry.tile_columns) or (
                tile == (None, None) and (entry.tile_rows, entry.tile_columns) == whole
            )
        if newer:
            assert pin.stack == entry.stack
            if found.mapping is not None and not about:
                assert found.mapping.layers[index].parts == entry.parts


def test_tiles_that_follow_from_a_reader() -> None:
    workload = small_network()
    assert derived_tiles(workload, [0, 1, 2], {2: (2, 8)}) == {2: (2, 8), 1: (2, 8), 0: (4, 16)}
    assert derived_tiles(workload, [0, 1], {}) == {1: (8, 8), 0: (16, 16)}


def test_loops_are_counted_as_in_the_nests_of_the_reference() -> None:
    conv, join = small_network().layers[0], small_network().layers[2]
    assert [loop_position(conv, axis) for axis in (Axis.COLUMNS, Axis.ROWS, Axis.CHANNELS)] == [1, 2, 6]
    assert [loop_position(join, axis) for axis in (Axis.COLUMNS, Axis.ROWS, Axis.CHANNELS)] == [3, 2, 1]
    grouped = dataclasses.replace(conv, sizes=LoopSizes(G=8, K=1, C=1, OY=4, OX=4))
    assert loop_position(grouped, Axis.CHANNELS) == 7


def test_operators_of_a_mapping_tell_what_cores_run(tmp_path: Path) -> None:
    runs = kinds_of_cores(
        _file(tmp_path, [{"name": "/pool/MaxPool", "core_allocation": [2]}, {"name": "default", "core_allocation": [0]}])
    ).value
    assert set(runs[2]) == {OperatorKind.POOL}
    assert set(runs[0]) == {OperatorKind.CONV, OperatorKind.GEMM, OperatorKind.ELEMENTWISE}


def test_the_command_writes_decisions_or_a_whole_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chip, out = DATA / "hardware" / "tpu_like_quad_core.yaml", tmp_path / "out.yaml"
    words = ["import-mapping", str(DATA / "mapping" / "tpu_like_quad_core.yaml"), "--network", "squeezenet", "--hardware", str(chip)]
    assert main([*words, "-o", str(out), "--json"]) == 0
    assert '"complete": false' in capsys.readouterr().out
    layers = yaml.safe_load(out.read_text(encoding="utf-8"))["layers"]
    assert set(map(tuple, (entry["cores"] for entry in layers.values()))) >= {tuple(f"tpu_like_{n}" for n in range(4)), ("pooling_4",)}
    assert main([*words[:-1], "no_such_chip", "-o", str(out)]) == 2
    assert "unknown hardware" in capsys.readouterr().err
