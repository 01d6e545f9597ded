"""Problem files: what is read, and that every fault is reported with its line and key path."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from stream_evo import registry
from stream_evo._yaml_nodes import Dumper
from stream_evo.errors import InputError
from stream_evo.problems import OBJECTIVES, Problem, RunSettings, load_problem


@pytest.fixture(autouse=True, scope="module")
def catalogues() -> Iterator[None]:
    """Small catalogues, so that these tests depend on no other folder."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(registry, "networks", lambda: MappingProxyType({"resnet18": None, "fsrcnn": None}))
    monkeypatch.setattr(registry, "accelerators", lambda: MappingProxyType({"homogeneous_quad": None, "heterogeneous_quad": None}))
    monkeypatch.setattr(registry, "operators", lambda: MappingProxyType({"StackCutCrossover": None}))
    yield
    monkeypatch.undo()


def write(folder: Path, text: str, name: str = "problem.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_two_keys_are_enough(tmp_path: Path) -> None:
    problem = load_problem(write(tmp_path, "network: resnet18\nhardware: heterogeneous_quad\n", "mine.yaml"))
    assert problem == Problem("mine", "resnet18", "heterogeneous_quad", ("energy", "latency", "memory"))
    assert problem.settings == RunSettings()


def test_every_key_is_read(tmp_path: Path) -> None:
    for file in ("net.onnx", "chip.yaml", "ops.py", "fixed.yaml"):
        write(tmp_path, "", file)
    text = """
name: all
description: every key
network: net.onnx
hardware: ./chip.yaml
objectives: [latency, dram]
population: 40
generations: 7
evaluations: 250
time_limit: 1.5 min
seed: 3
engine: pymoo:SMSEMOA
operators: [StackCutCrossover, ops.py:SwapCores]
pin: fixed.yaml
forbidden_cores: [core3, pool]
split: true
dataflow: true
priority: true
bits: {W: 4, O_final: 12}
dims: {sequence: 128, 'ids[1]': 7}
host_operators: true
limits: {latency: 2e6, dram: 4096}
"""
    problem = load_problem(write(tmp_path, text))
    folder = tmp_path.resolve()
    settings = RunSettings(
        population=40,
        generations=7,
        evaluations=250,
        time_limit_s=90.0,
        seed=3,
        engine="pymoo:SMSEMOA",
        operators=("StackCutCrossover", f"{folder / 'ops.py'}:SwapCores"),
        pin=folder / "fixed.yaml",
        forbidden_cores=("core3", "pool"),
        split=True,
        dataflow=True,
        priority=True,
        bits="W=4 O_final=12",
        dims={"sequence": 128, "ids[1]": 7},
        host_operators=True,
        limits={"latency": 2e6, "dram": 4096.0},
    )
    expected = Problem("all", str(folder / "net.onnx"), str(folder / "chip.yaml"), ("latency", "dram"), "every key", settings)
    assert problem == expected


POSITIVE = st.floats(1e-3, 1e15).map(lambda value: float(f"{value:.6g}"))
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "population": st.integers(2, 10**6),
        "generations": st.integers(1, 10**6),
        "evaluations": st.integers(1, 10**9),
        "time_limit": POSITIVE,
        "seed": st.integers(0, 2**63),
        "engine": st.sampled_from(["nsga2", "pymoo:NSGA3", "deap:nsga2"]),
        "split": st.booleans(),
        "dataflow": st.booleans(),
        "priority": st.booleans(),
        "dims": st.dictionaries(st.text(string.ascii_letters, min_size=1), st.integers(1, 2**31 - 1)),
        "host_operators": st.booleans(),
        "limits": st.dictionaries(st.sampled_from(sorted(OBJECTIVES)), POSITIVE, min_size=1),
    },
)


@example(settings={}, objectives=["dram"], name="0E0")  # a number since YAML 1.2
@example(settings={}, objectives=["dram"], name="1e5")
@given(settings=SETTINGS, objectives=st.lists(st.sampled_from(sorted(OBJECTIVES)), min_size=1, unique=True), name=st.text(min_size=1))
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any], objectives: list[str], name: str
) -> None:
    """For any valid content, whatever the letters of the name: reading inverts writing."""
    content = {"name": name, "network": "fsrcnn", "hardware": "homogeneous_quad", "objectives": objectives, **settings}
    path = tmp_path_factory.mktemp("problem") / "problem.yaml"
    path.write_text(yaml.dump(content, Dumper=Dumper, allow_unicode=False), encoding="utf-8")
    expected = RunSettings(**{"time_limit_s" if key == "time_limit" else key: value for key, value in settings.items()})
    assert load_problem(path) == Problem(name, "fsrcnn", "homogeneous_quad", tuple(objectives), settings=expected)


def test_paths_are_relative_to_the_problem_file_not_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chips").mkdir()
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "chips", "", "mine.yaml")
    path = write(tmp_path, "network: resnet18\nhardware: chips/mine.yaml\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_problem(path).hardware == str((tmp_path / "chips" / "mine.yaml").resolve())


@pytest.mark.parametrize(("written", "seconds"), [("90", 90.0), ("0.5", 0.5), ("90 s", 90.0), ("2 min", 120.0), ("1 h", 3600.0)])
def test_time_limit_in_seconds_or_with_unit(tmp_path: Path, written: str, seconds: float) -> None:
    problem = load_problem(write(tmp_path, f"network: resnet18\nhardware: homogeneous_quad\ntime_limit: {written}\n"))
    assert problem.settings.time_limit_s == seconds


def test_all_faults_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    text = """network: resnet81
hardware: chips/none.yaml
objectives: [energy, speed, energy]
population: 1
generations: ten
evaluations: 0
time_limit: 5 weeks
seed: -1
engine: 5
operators: [NoSuch, "none.py:Swap", 3]
pin: none.yaml
split: yes
sede: 3
bits: {W: 0, X: 8}
limits: {latency: 0, energy: none, speed: 3}
"""
    with pytest.raises(InputError) as caught:
        load_problem(write(tmp_path, text))
    found = [(fault.line, fault.path) for fault in caught.value.faults]
    assert sorted(found) == [
        (1, "$.network"),
        (2, "$.hardware"),
        (3, "$.objectives[1]"),
        (3, "$.objectives[2]"),
        (4, "$.population"),
        (5, "$.generations"),
        (6, "$.evaluations"),
        (7, "$.time_limit"),
        (8, "$.seed"),
        (9, "$.engine"),
        (10, "$.operators[0]"),
        (10, "$.operators[1]"),
        (10, "$.operators[2]"),
        (11, "$.pin"),
        (12, "$.split"),
        (13, "$.sede"),
        (14, "$.bits.W"),
        (14, "$.bits.X"),
        (15, "$.limits.energy"),
        (15, "$.limits.latency"),
        (15, "$.limits.speed"),
    ]
    message = str(caught.value)
    assert "Did you mean resnet18" in message
    assert "Did you mean seed" in message
    assert "expected true or false; found yes" in message


@pytest.mark.parametrize(
    ("line", "path", "words"),
    [
        ("network: [resnet18]", "$.network", "wrong type"),
        ("network: ''", "$.network", "wrong type"),
        ("objectives: energy", "$.objectives", "wrong type"),
        ("objectives: []", "$.objectives", "at least 1"),
        ("time_limit: 0", "$.time_limit", "above 0"),
        ("time_limit: -3", "$.time_limit", "out of range"),
        ("time_limit: true", "$.time_limit", "wrong type"),
        ("time_limit: [1]", "$.time_limit", "wrong type"),
        ("operators: StackCutCrossover", "$.operators", "wrong type"),
        ("operators: ['ops.py:']", "$.operators[0]", "FILE.py:NAME"),
        ("operators: ['ops.py:two words']", "$.operators[0]", "FILE.py:NAME"),
        ("bits: 8", "$.bits", "wrong type"),
        ("limits: [latency]", "$.limits", "wrong type"),
        ("limits: {energy: -1}", "$.limits.energy", "out of range"),
        ("pin: 3", "$.pin", "wrong type"),
        ("pin: .", "$.pin", "this is a folder"),
        ("population: 1.5", "$.population", "an integer"),
        ("population: null", "$.population", "an integer"),
    ],
)
def test_one_fault_is_told_with_its_place(tmp_path: Path, line: str, path: str, words: str) -> None:
    write(tmp_path, "", "ops.py")
    key = line.split(":", maxsplit=1)[0]
    lines = [f"{k}: {v}" for k, v in {"network": "resnet18", "hardware": "homogeneous_quad"}.items() if k != key]
    with pytest.raises(InputError) as caught:
        load_problem(write(tmp_path, "\n".join([*lines, line]) + "\n"))
    (fault,) = caught.value.faults
    assert fault.path == path
    assert fault.line == len(lines) + 1
    assert words in str(fault)


def test_required_keys_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing key 'network'") as caught:
        load_problem(write(tmp_path, "seed: 1\n"))
    assert [fault.what for fault in caught.value.faults] == ["missing key 'network'", "missing key 'hardware'"]


@pytest.mark.parametrize("text", ["", "- resnet18\n", "network: &a resnet18\n", "network: !!python/object:os.system x\n", "network: {\n"])
def test_files_that_are_no_plain_mapping_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        load_problem(write(tmp_path, text))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_problem(tmp_path / "none.yaml")


def test_an_engine_of_a_file_is_relative_to_the_problem_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    write(tmp_path, "", "mine.py")
    head = "network: resnet18\nhardware: heterogeneous_quad\n"
    assert load_problem(write(tmp_path, f"{head}engine: mine.py:Walk\n")).settings.engine == f"{tmp_path / 'mine.py'}:Walk"
    for engine, said in (
        ("nsga3000", r"line 3: \$\.engine: unknown engine 'nsga3000'\. Did you mean nsga2"),
        ("other.py:Walk", r"line 3: \$\.engine: no such file"),
        ("mine.py", r"line 3: \$\.engine: no name of an engine after the file; expected FILE\.py:NAME"),
    ):
        with pytest.raises(InputError, match=said):
            load_problem(write(tmp_path, f"{head}engine: {engine}\n"))
