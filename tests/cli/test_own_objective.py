"""An objective of one's own, from the command line to every file that tells of it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import stream_evo
from stream_evo._api import resume_job
from stream_evo.errors import InputError, PluginError, RunFolderError
from stream_evo.search import EvaluationArchive
from tests.cli.conftest import Outcome

Cli = Callable[..., Outcome]

TEXT = '''
import numpy as np

def ed2p(metrics):
    """Energy x delay squared."""
    return metrics["energy_pj"] * metrics["latency_cycles"] ** 2

class Cost:
    unit = "EUR"
    def __call__(self, metrics):
        return 1.0 + np.sqrt(metrics["memory_bytes"]) + 1e-9 * metrics["link_pj"]
'''
SETTINGS = ("--hardware", "homogeneous_quad", "--population", "10", "--generations", "3", "--seed", "2", "--quiet")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(file: Path, small_network: Path) -> tuple[stream_evo.Result, Path]:
    """A run that minimises one of one's own and limits another."""
    out = file.parent / "run"
    result = stream_evo.optimize(
        small_network,
        "homogeneous_quad",
        objectives=["latency", f"{file}:Cost"],
        limits={f"{file}:ed2p": 1e30},
        population=10,
        generations=3,
        seed=2,
        out=out,
    )
    return result, out


def test_its_values_are_columns_of_the_result(run: tuple[stream_evo.Result, Path]) -> None:
    result, out = run
    assert result.metric_names[-2:] == ("Cost", "ed2p")
    front = result.front
    assert front.attrs["units"]["Cost"] == "EUR"
    assert front.attrs["objectives"] == ["latency_cycles", "Cost"]
    np.testing.assert_array_equal(front["ed2p"], front["energy_pj"] * front["latency_cycles"] ** 2)
    assert (front["Cost"] >= 1.0 + np.sqrt(front["memory_bytes"])).all()
    assert result[0].metrics.own == {"Cost": front["Cost"][0], "ed2p": front["ed2p"][0]}
    assert result[0].metrics.as_dict()["Cost"] == front["Cost"][0]
    assert result.layer_by_layer is not None
    assert result.layer_by_layer.own["Cost"] > 1.0
    assert "Cost" in result._repr_html_()
    assert "Cost" in result[0]._repr_html_()
    rows = list(csv.DictReader((out / "pareto.csv").read_text().splitlines()))
    assert [float(row["Cost"]) for row in rows] == front["Cost"].tolist()
    record = json.loads((out / "pareto.json").read_text())
    assert record["own_objectives"]["Cost"]["unit"] == "EUR"
    assert record["points"][0]["ed2p"] == front["ed2p"][0]


def test_a_mapping_file_evaluates_to_exactly_its_row(
    run: tuple[stream_evo.Result, Path], cli: Cli, small_network: Path, file: Path
) -> None:
    result, out = run
    words = ("evaluate", "--network", small_network, "--hardware", "homogeneous_quad", "--mapping", out / "mappings" / "point_000.yaml")
    for explain in ((), ("--explain",)):
        record = json.loads(cli(*words, "--objective", f"{file}:Cost", "--objective", f"{file}:ed2p", *explain, "--json").out)
        assert {name: record[name] for name in result.metric_names} == dict(result.front.iloc[0])
    assert cli(*words, "--objective", "coolness").code == 2


def test_the_front_is_minimal_in_it(run: tuple[stream_evo.Result, Path]) -> None:
    values = run[0].front[["latency_cycles", "Cost"]].to_numpy()
    assert all(not ((values <= point).all(axis=1) & (values < point).any(axis=1)).any() for point in values)


def test_a_run_is_read_shown_and_compared_without_the_file(
    run: tuple[stream_evo.Result, Path], cli: Cli, tmp_path: Path, file: Path
) -> None:
    result, out = run
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    hidden = file.with_suffix(".hidden")
    file.rename(hidden)
    try:
        loaded = stream_evo.load_run(copy)
        assert loaded.front.equals(result.front)
        assert loaded.own == result.own
        assert loaded.best_history is not None
        assert loaded.best_history.shape == (3, 2)
        assert cli("report", copy, "--details", "1").code == 0
        assert '"Cost, EUR"' in (copy / "report.html").read_text(encoding="utf-8")
        for form in ("csv", "json", "markdown", "parquet"):
            assert cli("export", copy, "--format", form, "-o", tmp_path / f"front.{form}").code == 0
        assert "Cost (EUR)" in (tmp_path / "front.markdown").read_text()
        assert cli("export", copy, "--format", "markdown", "--point", "0", "-o", tmp_path / "point.md").code == 0
        assert cli("export", copy, "--format", "yaml", "-o", tmp_path / "point.yaml").code == 0
        assert "# EUR" in (tmp_path / "point.yaml").read_text()
        compared = cli("compare", copy, out, "--objectives", "latency,Cost", "--json")
        assert json.loads(compared.out)["objectives"] == ["latency_cycles", "Cost"]
        again = cli("resume", copy)
        assert again.code == 2
        assert f"there is no file {file}" in again.err
    finally:
        hidden.rename(file)


def test_a_run_resumes_to_the_same_bytes(run: tuple[stream_evo.Result, Path], tmp_path: Path) -> None:
    result, out = run
    shutil.copytree(out, tmp_path / "copy")
    again = resume_job(tmp_path / "copy", workers=3)
    assert again.front.equals(result.front)
    assert (tmp_path / "copy" / "pareto.json").read_bytes() == (out / "pareto.json").read_bytes()


def test_a_changed_file_is_refused_and_compared_as_another(run: tuple[stream_evo.Result, Path], tmp_path: Path, file: Path) -> None:
    _, out = run
    shutil.copytree(out, tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "pareto.json").read_text())
    record["own_objectives"]["Cost"]["fingerprint"] = "mine.py: another"
    (tmp_path / "copy" / "pareto.json").write_text(json.dumps(record))
    assert any("Cost in copy is not the same objective" in note for note in stream_evo.compare([out, tmp_path / "copy"]).notes)
    file.write_text(TEXT.replace("1.0 +", "2.0 +"), encoding="utf-8")
    try:
        with pytest.raises(RunFolderError, match=r"these changed since: problem\.objective Cost \(was mine\.py .*: Cost, now mine\.py"):
            resume_job(tmp_path / "copy")
    finally:
        file.write_text(TEXT, encoding="utf-8")


def test_a_problem_file_names_it_relative_to_itself(cli: Cli, small_network: Path, file: Path, tmp_path: Path) -> None:
    problem = file.parent / "problem.yaml"
    problem.write_text(
        f"network: {small_network}\nhardware: homogeneous_quad\nobjectives: [energy, mine.py:ed2p]\nlimits: {{mine.py:Cost: 1.0e+9}}\n"
        "population: 6\ngenerations: 1\n",
        encoding="utf-8",
    )
    assert cli("run", problem, "--out", tmp_path / "run").code == 0
    header = (tmp_path / "run" / "pareto.csv").read_text().partition("\n")[0]
    assert header.endswith("dram_bytes,ed2p,Cost,mapping")
    problem.write_text(
        "network: fsrcnn\nhardware: homogeneous_quad\nobjectives: [energy, nothing.py:ed2p, mine.py, coolness]\nlimits: {cool: 1}\n"
    )
    wrong = cli("run", problem, "--out", tmp_path / "wrong")
    assert wrong.code == 2
    for said in (
        "objectives[1]: no such file",
        "objectives[2]: no name of an objective after the file",
        "unknown objective 'coolness'",
        "'cool'",
    ):
        assert said in wrong.err


def test_a_problem_may_be_a_value_in_a_python_file(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from stream_evo.problems import Problem, RunSettings\n"
        f"P = Problem('own', {str(small_network)!r}, 'homogeneous_quad', settings=RunSettings(population=6, generations=1))\nnumber = 3\n"
    )
    assert cli("run", f"{tmp_path / 'mine.py'}:P", "--out", tmp_path / "run").code == 0
    wrong = cli("run", f"{tmp_path / 'mine.py'}:number", "--out", tmp_path / "none")
    assert wrong.code == 2
    assert "must be a stream_evo.problems.Problem, found 3" in wrong.err


def test_limits_of_any_objective(cli: Cli, small_network: Path, file: Path, tmp_path: Path) -> None:
    words = ("run", "--network", small_network, *SETTINGS[:-1])
    assert cli(*words, "--limit", f"{file}:Cost=1e9", "--limit", "dram=1e9", "--out", tmp_path / "wide").code == 0
    tight = cli(*words, "--limit", f"{file}:Cost=1e-9", "--max-latency", "1", "--out", tmp_path / "tight")
    assert tight.code == 3
    assert "nothing can be feasible: latency_cycles is limited to 1, and no mapping can be below" in tight.err
    assert "The nearest one misses latency_cycles (" in tight.err
    assert "allowed 1, and no mapping can be below" in tight.err
    assert "Cost (" in tight.err
    wrong = cli(*words, "--limit", "dram", "--limit", "=3", "--limit", "edp=1", "--limit", "edp=2", "--out", tmp_path / "none")
    assert wrong.code == 2
    assert wrong.err.count("not a limit; expected OBJECTIVE=VALUE") == 2
    assert "'edp' is limited twice" in wrong.err
    assert not (tmp_path / "none").exists()


def test_names_of_columns_must_differ(file: Path, small_network: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(TEXT.replace("ed2p", "energy_pj"), encoding="utf-8")
    for objectives, said in (
        ([f"{file}:Cost", f"{tmp_path / 'other.py'}:Cost"], "two objectives are called 'Cost'"),
        ([f"{tmp_path / 'other.py'}:energy_pj"], "an objective cannot be called 'energy_pj'"),
        (["energy", "energy"], "an objective is named twice"),
    ):
        with pytest.raises(InputError, match=said):
            stream_evo.optimize(small_network, "homogeneous_quad", objectives=objectives)


def test_a_mapping_that_fits_must_have_a_value(small_network: Path, tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(
        "import numpy as np\ndef late(metrics):\n    return np.where(metrics['memory_bytes'] % 1 == 0, 1.0, 1.0)\n"
    )
    text = (tmp_path / "late.py").read_text().replace("1.0, 1.0", "np.where(metrics['energy_pj'] == ENERGY, np.nan, 1.0), 1.0")
    found = stream_evo.optimize(small_network, "homogeneous_quad", population=6, generations=1, seed=1)
    (tmp_path / "late.py").write_text(f"ENERGY = {found.metrics[0, 1]!r}\n".replace("np.float64(", "(") + text)
    with pytest.raises(PluginError, match=r"a mapping that fits must have a finite value of at least 0; found nan for latency_cycles="):
        stream_evo.optimize(
            small_network,
            "homogeneous_quad",
            objectives=[f"{tmp_path / 'late.py'}:late"],
            population=6,
            generations=1,
            seed=1,
            out=tmp_path / "r",
        )


def test_evaluations_of_another_run_are_taken(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    words = ("run", "--network", small_network, *SETTINGS)
    assert cli(*words, "--out", tmp_path / "first").code == 0
    assert cli(*words, "--out", tmp_path / "second", "--reuse", tmp_path / "first").code == 0
    with EvaluationArchive.read(tmp_path / "first") as one, EvaluationArchive.read(tmp_path / "second") as other:
        assert one.digest() == other.digest()
    wrong = cli(*words, "--out", tmp_path / "none", "--reuse", tmp_path / "first", "--forbid-core", "core1")
    assert wrong.code == 2
    assert "cannot lend its evaluations, it differs in: problem.forbidden_cores" in wrong.err
    assert not (tmp_path / "none").exists()


def test_what_a_plug_in_prints_is_no_result(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("def loud(metrics):\n    print('here I am')\n    return metrics['energy_pj']\n")
    words = ("run", "--network", small_network, *SETTINGS, "--objectives", f"latency,{tmp_path / 'loud.py'}:loud", "--json")
    outcome = cli(*words, "--out", tmp_path / "run")
    assert outcome.code == 0
    assert json.loads(outcome.out)["objectives"] == ["latency_cycles", "loud"]
