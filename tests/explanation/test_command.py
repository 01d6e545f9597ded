"""``stream-evo evaluate --explain`` and ``stream_evo.explain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stream_evo
from stream_evo import registry
from stream_evo.cli import main
from stream_evo.mapping import LayerMapping, Mapping, mapping_to_yaml
from stream_evo.workload import Workload


@pytest.fixture(scope="module", name="mapping_file")
def mapping_of_fsrcnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workload = registry.load_network("fsrcnn", bits=None, host_operators=False)
    entries = tuple(LayerMapping(layer.name, ("core0",), 60, layer.columns) for layer in workload.layers)
    path = tmp_path_factory.mktemp("mapping") / "fsrcnn.yaml"
    path.write_text(mapping_to_yaml(Mapping(workload.name, "homogeneous_quad", entries)), encoding="utf-8")
    return path


def evaluate(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["evaluate", "--network", "fsrcnn", "--hardware", "homogeneous_quad", "--mapping", str(path), *words]) == 0
    return capsys.readouterr().out


def test_json_is_the_value_of_python(mapping_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = json.loads(evaluate(mapping_file, capsys, "--explain", "--json"))
    explained = stream_evo.explain("fsrcnn", "homogeneous_quad", mapping_file)
    assert printed["explanation"] == json.loads(json.dumps(explained.as_dict()))
    assert printed["latency_cycles"] == explained.totals.latency_cycles == explained.path.latency_cycles
    assert sum(printed["explanation"]["path"]["cycles_by_hold"].values()) == printed["latency_cycles"]
    assert printed["explanation"]["peak_memory"]["bytes"] == printed["memory_bytes"]
    plain = json.loads(evaluate(mapping_file, capsys, "--json"))
    assert plain == {name: value for name, value in printed.items() if name != "explanation"}


def test_the_network_is_loaded_once(mapping_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    load, loaded = registry.load_network, []

    def count(name: str, **options: Any) -> Workload:
        loaded.append(name)
        return load(name, **options)

    monkeypatch.setattr(registry, "load_network", count)
    evaluate(mapping_file, capsys, "--explain")
    assert loaded == ["fsrcnn"]


def test_tables_name_what_binds(mapping_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = evaluate(mapping_file, capsys, "--explain")
    explained = stream_evo.explain("fsrcnn", "homogeneous_quad", mapping_file)
    assert f"Latency: {explained.totals.latency_cycles:,} cycles, bound most by core 'core0' and link" in text
    assert f"Energy: {explained.totals.energy_pj:,.0f} pJ" in text
    assert f"Peak memory: {explained.totals.memory_bytes:,.0f} bytes" in text
    assert "Does not fit" not in text
    assert "Latency:" not in evaluate(mapping_file, capsys)
