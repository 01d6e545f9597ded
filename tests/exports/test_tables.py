"""What is written as a table, JSON, YAML or Markdown is read back to the same values."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

import stream_evo
from stream_evo.exports import FORMATS, Front, export, front_of
from stream_evo.mapping import load_mapping
from tests.exports.conftest import ODD

METRICS = ["latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes"]


@pytest.fixture(scope="module")
def front(run: Path) -> Front:
    return front_of(run)


def test_a_folder_and_its_result_give_the_same_files(run: Path, result: stream_evo.Result) -> None:
    for name, kind in FORMATS.items():
        assert export(run, name, point=0) == export(result, name, point=0), name
        if kind.of_front is not None:
            assert export(run, name) == export(result, name), name


def test_the_front_as_csv_is_the_table_of_the_run(run: Path, front: Front) -> None:
    content = export(run, "csv")
    assert content == (run / "pareto.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [[float(row[name]) for name in METRICS] for row in rows] == front.metrics.tolist()
    assert all((run / row["mapping"]).is_file() for row in rows)


def test_layers_as_csv(run: Path, result: stream_evo.Result) -> None:
    rows = list(csv.DictReader(io.StringIO(export(run, "csv", point=0).decode())))
    mapping, schedule = result[0].mapping, result[0].schedule
    assert [row["layer"] for row in rows] == ODD
    assert [tuple(json.loads(row["cores"])) for row in rows] == [entry.cores for entry in mapping.layers]
    assert [int(row["tile_rows"]) for row in rows] == [entry.tile_rows for entry in mapping.layers]
    assert sum(int(row["tiles"]) for row in rows) == len(schedule.record.tiles)
    assert sum(int(row["busy_cycles"]) for row in rows) == sum(schedule.core_busy_cycles.values())
    inputs = sum(item.pj for item in result[0].explain().energy.items if item.layer not in ODD)
    assert sum(float(row["energy_pj"]) for row in rows) + inputs == pytest.approx(result[0].metrics.energy_pj, rel=1e-12)


def test_the_front_as_json(run: Path, front: Front, result: stream_evo.Result) -> None:
    content = json.loads(export(run, "json"), parse_constant=pytest.fail)
    assert content["format"] == "stream-evo front"
    assert [[point[name] for name in METRICS] for point in content["points"]] == front.metrics.tolist()
    assert [point["genome"] for point in content["points"]] == front.genomes.tolist()
    assert content["units"]["energy_pj"] == "pJ"
    entry = result[0].mapping.layers[0]
    assert content["points"][0]["mapping"]["layers"][ODD[0]] == {
        "cores": list(entry.cores),
        "tile_rows": entry.tile_rows,
        "tile_columns": entry.tile_columns,
        "parts": entry.parts,
        "stack": entry.stack,
    }


def test_a_point_as_json_holds_its_schedule(run: Path, result: stream_evo.Result) -> None:
    content = json.loads(export(run, "json", point=0), parse_constant=pytest.fail)
    schedule = result[0].schedule.record
    assert len(content["tiles"]) == len(schedule.tiles)
    assert len(content["transfers"]) == len(schedule.transfers)
    assert max(entry["end_cycles"] for entry in content["tiles"] + content["transfers"]) == content["point"]["latency_cycles"]
    assert sum(content["energy_pj"]["level"].values()) == pytest.approx(content["point"]["energy_pj"], rel=1e-12)
    assert {tile["layer"] for tile in content["tiles"]} == set(ODD)
    assert "x" in {move["data"] for move in content["transfers"]}


def test_the_front_as_parquet_knows_its_units(run: Path, front: Front, tmp_path: Path) -> None:
    path = tmp_path / "front.parquet"
    export(run, "parquet", path)
    table = pq.read_table(path)
    for index, name in enumerate(METRICS):
        assert table.column(name).to_numpy().tolist() == front.metrics[:, index].tolist()
    assert table.column("genome").to_pylist() == front.genomes.tolist()
    units = {field.name: field.metadata.get(b"unit", b"").decode() for field in table.schema}
    assert {name: units[name] for name in METRICS} == dict(zip(METRICS, ("cycles", "pJ", "bytes", "pJ x cycles", "bytes"), strict=True))
    about = json.loads(table.schema.metadata[b"stream_evo"])
    assert about["network"] == front.network
    assert about["units"]["energy_pj"] == "pJ"
    frame = pd.read_parquet(path)
    assert frame["latency_cycles"].min() == front.metrics[:, 0].min()


def test_layers_as_parquet(run: Path, result: stream_evo.Result) -> None:
    table = pq.read_table(io.BytesIO(export(run, "parquet", point=0)))
    assert table.column("layer").to_pylist() == ODD
    assert [tuple(cores) for cores in table.column("cores").to_pylist()] == [entry.cores for entry in result[0].mapping.layers]
    assert table.schema.field("start_cycles").metadata[b"unit"] == b"cycles"
    assert all(field.metadata[b"description"] for field in table.schema)


def test_a_mapping_as_yaml_is_read_back(run: Path, result: stream_evo.Result, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    for point in range(len(result)):
        export(run, "yaml", path, point=point)
        session = result.session
        assert load_mapping(path, session.workload, session.accelerator) == result[point].mapping


def test_formats_of_single_points_take_the_least_energy_x_delay(run: Path, result: stream_evo.Result) -> None:
    for name in ("yaml", "perfetto", "stream", "stream-2024"):
        assert export(run, name) == export(run, name, point=result.best_edp)


@pytest.mark.parametrize("name", ["stream", "stream-2024"])
def test_mappings_for_stream_are_yaml_of_its_form(run: Path, name: str) -> None:
    content = yaml.safe_load(export(run, name, point=0))
    entries = content["layers"] if name == "stream" else content
    assert [entry["name"] for entry in entries[:3]] == ODD
    if name == "stream":
        # The rules of its validator: groups name layers, splits and tiles are above 0.
        named = {entry["name"] for entry in entries}
        assert all(set(group["layers"]) <= named for group in content["fused_groups"])
        tilings = [item for group in content["fused_groups"] for item in group.get("intra_core_tiling", [])]
        assert all(set(item) == {"dim", "tile"} and item["tile"] > 0 for item in tilings)
    else:
        assert entries[-1]["name"] == "default"


def _tables(markdown: str) -> list[list[list[str]]]:
    """Return the cells of each table; pipes that are escaped do not end a cell."""
    tables: list[list[list[str]]] = [[]]
    for line in markdown.splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in line.replace("\\|", "\0")[1:-1].split("|")])
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


@pytest.mark.parametrize("point", [None, 0])
def test_markdown_holds_well_formed_tables(run: Path, point: int | None) -> None:
    text = export(run, "markdown", point=point).decode()
    for table in _tables(text):
        assert len({len(row) for row in table}) == 1
        assert all(set(cell) <= set("-:") for cell in table[1])
    assert "<b>" not in text
    assert "Netz mit Größe on heterogeneous_quad" in text


def test_markdown_shows_the_whole_front(run: Path, front: Front) -> None:
    tables = _tables(export(run, "markdown").decode())
    points = next(table for table in tables if table[0][0] == "point")
    assert [float(row[1].replace(",", "")) for row in points[2:]] == np.round(front.metrics[:, 0]).tolist()


def test_markdown_of_a_point_lists_its_layers(run: Path, result: stream_evo.Result) -> None:
    tables = _tables(export(run, "markdown", point=0).decode())
    layers = next(table for table in tables if table[0][0] == "layer")
    assert [row[0].replace("\0", "|").replace("\\", "") for row in layers[2:]] == ODD
    stacks = next(table for table in tables if table[0][0] == "stack")
    assert sum(int(row[1]) for row in stacks[2:]) == len(result[0].mapping.layers)
