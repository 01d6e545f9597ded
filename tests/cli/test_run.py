"""The main job in small: what it writes, that it is reproducible, and that every point evaluates to its own numbers."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import yaml

import stream_evo
from stream_evo import registry
from stream_evo.cli import main
from stream_evo.registry import accelerators

CHIP = "heterogeneous_quad"
Cli: TypeAlias = Callable[..., Any]  # runs one command; see conftest.py
METRICS = ("latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes")
SMALL = ("--population", "12", "--generations", "4", "--seed", "3")


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "pareto.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(small_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    assert main(["run", "--network", str(small_network), "--hardware", CHIP, "--out", str(folder), *SMALL]) == 0
    return folder


def test_the_folder_holds_what_the_contract_says(finished: Path) -> None:
    rows = _rows(finished)
    assert (finished / "pareto.csv").read_text().splitlines()[0] == f"point,{','.join(METRICS)},mapping"
    expected = {
        "pareto.csv",
        "pareto.json",
        "mappings",
        "pareto.png",
        "convergence.png",
        "schedule.png",
        "manifest.yaml",
        "evaluations.sqlite",
    }
    assert {entry.name for entry in finished.iterdir()} == expected
    assert {f"mappings/{entry.name}" for entry in (finished / "mappings").iterdir()} == {row["mapping"] for row in rows}
    for name in ("pareto.png", "convergence.png", "schedule.png"):
        assert (finished / name).read_bytes().startswith(b"\x89PNG")
    manifest = yaml.safe_load((finished / "manifest.yaml").read_text())
    assert manifest["state"] == "finished"
    assert manifest["points"] == len(rows)
    assert all((finished / name).is_file() for name in manifest["files"])


def test_the_json_front_is_the_csv_front_with_its_origin(finished: Path) -> None:
    content = json.loads((finished / "pareto.json").read_text())
    rows = _rows(finished)
    assert [[repr(point[name]) for name in METRICS] for point in content["points"]] == [[row[name] for name in METRICS] for row in rows]
    assert content["objectives"] == ["energy_pj", "latency_cycles", "memory_bytes"]
    assert content["seed"] == content["settings"]["seed"] == 3
    assert set(content["lower_bounds"]) == set(METRICS)
    assert {"python", "stream-evo", "numpy", "numba"} <= set(content["versions"])
    genes = content["genome_segments"]
    assert all(len(point["genome"]) == max(end for _, end in genes.values()) for point in content["points"])


def test_no_point_is_below_a_bound_or_dominated(finished: Path) -> None:
    content = json.loads((finished / "pareto.json").read_text())
    values = np.array([[point[name] for name in METRICS] for point in content["points"]])
    assert (values >= [content["lower_bounds"][name] for name in METRICS]).all()
    chosen = values[:, [METRICS.index(name) for name in content["objectives"]]]
    for point in chosen:
        assert not ((chosen <= point).all(axis=1) & (chosen < point).any(axis=1)).any()
    assert [row[0] for row in values] == sorted(row[0] for row in values)


def test_every_mapping_evaluates_to_exactly_its_row(cli: Cli, finished: Path, small_network: Path) -> None:
    for row in _rows(finished):
        outcome = cli("evaluate", "--network", small_network, "--hardware", CHIP, "--mapping", finished / row["mapping"], "--json")
        numbers = json.loads(outcome.out)
        assert {name: repr(numbers[name]) for name in METRICS} == {name: row[name] for name in METRICS}
        assert numbers["feasible"] is True
        assert numbers["violation_bytes"] == 0


def test_a_mapping_for_another_network_is_refused(cli: Cli, finished: Path) -> None:
    outcome = cli("evaluate", "--network", "resnet18", "--hardware", CHIP, "--mapping", finished / "mappings" / "point_000.yaml")
    assert outcome.code == 2
    assert "another network" in outcome.err
    assert outcome.out == ""


def test_a_mapping_for_another_chip_is_refused(cli: Cli, finished: Path, small_network: Path) -> None:
    mapping = finished / "mappings" / "point_000.yaml"
    outcome = cli("evaluate", "--network", small_network, "--hardware", "homogeneous_quad", "--mapping", mapping)
    assert outcome.code == 2
    assert "another accelerator" in outcome.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_same_seed_gives_the_same_bytes_in_a_fresh_process(finished: Path, small_network: Path, tmp_path: Path, workers: str) -> None:
    again = tmp_path / "again"
    words = ["run", "--network", str(small_network), "--hardware", CHIP, "--out", str(again), *SMALL, "--workers", workers, "--quiet"]
    environment = os.environ | {"PYTHONHASHSEED": workers}
    subprocess.run([sys.executable, "-m", "stream_evo", *words], env=environment, check=True, capture_output=True)
    for name in ("pareto.csv", "pareto.json", "pareto.png", "convergence.png", "schedule.png"):
        assert (again / name).read_bytes() == (finished / name).read_bytes(), name


def test_another_seed_gives_another_search(cli: Cli, finished: Path, small_network: Path, tmp_path: Path) -> None:
    cli("run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "b", *SMALL[:-1], "4")
    first, second = (json.loads((folder / "pareto.json").read_text())["points"] for folder in (finished, tmp_path / "b"))
    assert [point["genome"] for point in first] != [point["genome"] for point in second]


def test_results_are_on_standard_output_and_the_rest_is_not(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    outcome = cli("run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "o", *SMALL, "--json")
    summary = json.loads(outcome.out)
    assert summary["folder"] == str(tmp_path / "o")
    assert summary["points"] == len(summary["front"]) == len(_rows(tmp_path / "o"))
    assert "minimising energy, latency, memory" in outcome.err
    assert "\x1b" not in outcome.out + outcome.err


def test_quiet_says_nothing_but_the_result(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    outcome = cli("run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "o", *SMALL, "--quiet")
    assert outcome.err == ""
    assert "lower bound" in outcome.out
    assert "layer by layer" in outcome.out


def test_budget_of_evaluations_is_kept_exactly(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    outcome = cli(
        "run",
        "--network",
        small_network,
        "--hardware",
        CHIP,
        "--out",
        tmp_path / "o",
        "--evaluations",
        "37",
        "--population",
        "10",
        "--json",
    )
    assert json.loads(outcome.out)["evaluations"] == 37


def test_time_limit_ends_the_search(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    outcome = cli(
        "run", "--network", "resnet18", "--hardware", CHIP, "--out", tmp_path / "o", "--time-limit", "0.3", "--population", "4", "--json"
    )
    assert outcome.code == 0
    assert json.loads(outcome.out)["stopped"] == "the time limit is reached"
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("objectives", ["latency", "energy,edp", "energy,latency,memory,edp,dram"])
def test_any_objectives_can_be_chosen(cli: Cli, small_network: Path, tmp_path: Path, objectives: str) -> None:
    outcome = cli(
        "run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "o", *SMALL, "--objectives", objectives, "--json"
    )
    summary = json.loads(outcome.out)
    assert [name.partition("_")[0] for name in summary["objectives"]] == objectives.split(",")
    assert (tmp_path / "o" / "pareto.png").is_file()
    if "," not in objectives:
        assert summary["points"] == 1


def test_pins_hold_in_every_mapping(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    pins = tmp_path / "pins.yaml"
    pins.write_text("layers: {first: {core: core2}, second: {tile_rows: 4, cut_after: true}}\n")
    cli("run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "o", *SMALL, "--pin", pins)
    found = [yaml.safe_load(path.read_text())["layers"] for path in (tmp_path / "o" / "mappings").iterdir()]
    assert found
    for layers in found:
        assert layers["first"]["cores"] == ["core2"]
        assert layers["second"]["tile_rows"] == 4
        assert layers["join"]["stack"] == layers["second"]["stack"] + 1


def test_forbidden_cores_run_nothing(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    problem = tmp_path / "problem.yaml"
    problem.write_text(f"network: {small_network}\nhardware: {CHIP}\nforbidden_cores: [core0, core3]\n")
    words = ("--network", small_network, "--hardware", CHIP, "--forbid-core", "core0", "--forbid-core", "core3")
    assert cli("run", *words, "--out", tmp_path / "words", *SMALL).code == 0
    assert cli("run", problem, "--out", tmp_path / "file", *SMALL).code == 0
    assert (tmp_path / "words" / "pareto.csv").read_bytes() == (tmp_path / "file" / "pareto.csv").read_bytes()
    for path in (tmp_path / "words" / "mappings").iterdir():
        for layer in yaml.safe_load(path.read_text())["layers"].values():
            assert not {"core0", "core3"} & set(layer["cores"])
    assert yaml.safe_load((tmp_path / "words" / "manifest.yaml").read_text())["settings"]["forbidden_cores"] == ["core0", "core3"]
    assert cli("resume", tmp_path / "words", "--quiet").code == 0


def test_limits_hold_or_the_nearest_mapping_is_told(cli: Cli, finished: Path, small_network: Path, tmp_path: Path) -> None:
    latencies = sorted(float(row["latency_cycles"]) for row in _rows(finished))
    limit = latencies[len(latencies) // 2]
    cli("run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "a", *SMALL, "--max-latency", limit)
    assert all(float(row["latency_cycles"]) <= limit for row in _rows(tmp_path / "a"))
    outcome = cli("run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "b", *SMALL, "--max-latency", "1")
    assert outcome.code == 3
    assert "no feasible mapping was found" in outcome.err
    assert "latency_cycles" in outcome.err
    assert _rows(tmp_path / "b") == []


def test_optional_genes_can_be_searched_and_their_mappings_evaluated(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    options = ("--split", "--dataflow", "--priority")
    outcome = cli("run", "--network", small_network, "--hardware", CHIP, "--out", tmp_path / "o", *SMALL, *options)
    assert outcome.code == 0, outcome
    segments = json.loads((tmp_path / "o" / "pareto.json").read_text())["genome_segments"]
    assert {"split", "dataflow", "priority"} <= set(segments)
    for row in _rows(tmp_path / "o"):
        outcome = cli("evaluate", "--network", small_network, "--hardware", CHIP, "--mapping", tmp_path / "o" / row["mapping"], "--json")
        assert {name: repr(json.loads(outcome.out)[name]) for name in METRICS} == {name: row[name] for name in METRICS}


def test_a_problem_file_and_options_on_top_of_it(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    problem = tmp_path / "problem.yaml"
    limits = "limits: {memory: 1.0e9, energy: 1.0e15}"
    problem.write_text(f"network: {small_network}\nhardware: {CHIP}\nobjectives: [latency]\npopulation: 12\ngenerations: 2\n{limits}\n")
    outcome = cli("run", problem, "--out", tmp_path / "o", "--seed", "7", "--objectives", "energy,latency", "--max-energy", "2e15")
    assert outcome.code == 0, outcome
    settings = json.loads((tmp_path / "o" / "pareto.json").read_text())["settings"]
    assert (settings["population"], settings["generations"], settings["seed"]) == (12, 2, 7)
    assert settings["objectives"] == ["energy", "latency"]
    assert settings["limits"] == {"memory": 1e9, "energy": 2e15}


def test_a_chip_of_ones_own(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    chip = tmp_path / "mine.yaml"
    shutil.copy(accelerators()[CHIP], chip)
    outcome = cli("run", "--network", small_network, "--hardware", chip, "--out", tmp_path / "o", *SMALL)
    assert outcome.code == 0, outcome


def test_the_same_from_python(finished: Path, small_network: Path, tmp_path: Path) -> None:
    result = stream_evo.optimize(small_network, CHIP, population=12, generations=4, seed=3)
    assert [[repr(value) for value in row] for row in result.metrics.tolist()] == [
        [row[name] for name in METRICS] for row in _rows(finished)
    ]
    result.save(tmp_path / "python")
    assert (tmp_path / "python" / "pareto.csv").read_bytes() == (finished / "pareto.csv").read_bytes()
    point = result.best_edp
    assert stream_evo.evaluate(small_network, CHIP, result[point].mapping) == result[point].metrics


def test_resume_of_a_finished_run_changes_nothing(cli: Cli, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    names = ("pareto.csv", "pareto.json", "pareto.png", "convergence.png", "schedule.png")
    before = {name: (finished / name).read_bytes() for name in names}
    assert cli("resume", copy).code == 0
    assert {name: (copy / name).read_bytes() for name in names} == before


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders mean little there")
def test_resume_of_a_finished_run_writes_nothing(cli: Cli, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    for path in (copy, *before):
        path.chmod(path.stat().st_mode & ~0o222)
    assert cli("resume", copy).code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for path in (copy, *before):
        path.chmod(path.stat().st_mode | 0o200)
    (copy / "pareto.csv").unlink()
    assert cli("resume", copy).code == 0
    assert (copy / "pareto.csv").read_bytes() == (finished / "pareto.csv").read_bytes(), "what is missing is written again"


def test_resume_says_which_file_changed_before_pins_are_compared_with_it(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    network, chip, pins = tmp_path / "mine.onnx", tmp_path / "chip.yaml", tmp_path / "pins.yaml"
    shutil.copy(small_network, network)
    shutil.copy(accelerators()[CHIP], chip)
    pins.write_text("layers: {first: {core: core1}}\n")
    assert cli("run", "--network", network, "--hardware", chip, "--pin", pins, "--out", tmp_path / "o", *SMALL).code == 0
    other = registry.networks()["squeezenet"]().SerializeToString()
    changes = {("hardware", chip): chip.read_bytes().replace(b"bandwidth: 64 bit", b"bandwidth: 32 bit"), ("network", network): other}
    for (part, file), content in changes.items():
        kept = file.read_bytes()
        file.write_bytes(content)
        outcome = cli("resume", tmp_path / "o")
        assert outcome.code == 2
        assert f"the {part} {file} changed since the run began" in outcome.err
        assert "Put it back as it was, or start another run in another folder" in outcome.err
        file.write_bytes(kept)
    assert cli("resume", tmp_path / "o").code == 0


def test_resume_without_an_archive_says_that_it_starts_again(cli: Cli, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "evaluations.sqlite").unlink()
    outcome = cli("resume", copy)
    assert outcome.code == 0
    assert "holds no evaluations (evaluations.sqlite is missing or empty): the search starts from the beginning" in outcome.err
    assert (copy / "pareto.csv").read_bytes() == (finished / "pareto.csv").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("evaluations: null", "evaluations: abc", r"manifest\.yaml holds damaged settings: .*\. Restore the file from a copy"),
        ("population: 12", "populations: 12", r"manifest\.yaml holds no settings .*differ in population, populations\. Restore"),
        ("population: 12", "population: {12", r"manifest\.yaml is damaged: line \d+: .*\. Restore it from a copy"),
    ],
)
def test_a_damaged_manifest_is_told(cli: Cli, finished: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    manifest = (copy / "manifest.yaml").read_text()
    assert old in manifest
    (copy / "manifest.yaml").write_text(manifest.replace(old, new))
    outcome = cli("resume", copy)
    assert outcome.code == 2
    assert re.search(said, " ".join(outcome.err.split())), outcome.err


def test_resume_refuses_what_changed(cli: Cli, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    manifest = (copy / "manifest.yaml").read_text()
    (copy / "manifest.yaml").write_text(manifest.replace("population: 12", "population: 14"))
    outcome = cli("resume", copy)
    assert outcome.code == 2
    assert "population" in outcome.err


@pytest.fixture
def long_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a search that would take minutes, writing into ``tmp_path / "o"``."""
    words = ["run", "--network", "mobilenetv2", "--hardware", CHIP, "--out", str(tmp_path / "o"), "--generations", "100000"]
    command = [sys.executable, "-m", "stream_evo", *words]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would their children
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        yield process
        process.kill()


def _interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=120)  # pictures are drawn meanwhile; a loaded machine takes its time
    finally:
        process.kill()


def test_ctrl_c_saves_the_front(long_run: subprocess.Popen[str], tmp_path: Path) -> None:
    folder = tmp_path / "o"
    wal = folder / "evaluations.sqlite-wal"
    deadline = time.monotonic() + 120
    while not (wal.exists() and wal.stat().st_size > 60_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    out, err = _interrupt(long_run)
    assert long_run.returncode == 0, err
    assert "interrupted" in out
    assert _rows(folder)
    assert yaml.safe_load((folder / "manifest.yaml").read_text())["state"] == "interrupted"


def test_ctrl_c_before_anything_leaves_nothing(long_run: subprocess.Popen[str], tmp_path: Path) -> None:
    assert long_run.stderr is not None
    assert "minimising" in long_run.stderr.readline()
    out, err = _interrupt(long_run)
    assert long_run.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""
    assert not (tmp_path / "o").exists()


def test_a_killed_run_resumes_to_the_bytes_of_an_unbroken_one(cli: Cli, small_network: Path, finished: Path, tmp_path: Path) -> None:
    """Stop after two of four generations by taking the archive back to then, as a kill would leave it."""
    short = tmp_path / "short"
    cli("run", "--network", small_network, "--hardware", CHIP, "--out", short, *SMALL[:2], "--generations", "2", "--seed", "3")
    manifest = (short / "manifest.yaml").read_text()
    for entry in short.iterdir():
        if entry.name not in ("manifest.yaml", "evaluations.sqlite"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (short / "manifest.yaml").write_text(manifest.replace("generations: 2", "generations: 4"))
    assert cli("resume", short).code == 0
    for name in ("pareto.csv", "pareto.json", "convergence.png"):
        assert (short / name).read_bytes() == (finished / name).read_bytes(), name
