"""The study of search quality in small: contenders keep the law of engines, runs continue, best known fronts hold and only improve."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from stream_evo.evaluation import Evaluator
from stream_evo.operators import generic_operators
from stream_evo.problems import PROBLEMS, best_front
from stream_evo.search import nondominated
from stream_evo.search.testing import check_engine

FOLDER = Path(__file__).parents[2] / "experiments" / "search_quality"
RENEW = "the model changed since: python experiments/search_quality/best_known.py --renew"
QUICK = "squeezenet_homo_quad"


@pytest.fixture(scope="module", name="parts")
def modules_of_the_study() -> Iterator[SimpleNamespace]:
    """The study's modules, without leaving their common names behind for other studies."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    try:
        names = ("study", "tables", "best_known")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(FOLDER))
        for name in set(sys.modules) - before:
            module = sys.modules[name]
            if str(FOLDER) in (getattr(module, "__file__", None) or ""):
                del sys.modules[name]


@pytest.fixture(scope="module", name="study")
def study_module(parts: SimpleNamespace) -> ModuleType:
    return parts.study  # type: ignore[no-any-return]  # a namespace knows no types


@pytest.fixture(scope="module", name="bench")
def bench_of_squeezenet(study: ModuleType) -> object:
    return study.Bench(PROBLEMS[QUICK])


@pytest.mark.parametrize("name", ["annealing", "layer_core_ga"])
def test_contenders_of_the_study_are_engines(study: ModuleType, name: str) -> None:
    check_engine(study.CONTENDERS[name].engine, generic_operators())


@pytest.mark.parametrize("name", ["default", "annealing", "layer_core_ga", "smsemoa"])
def test_a_longer_run_continues_a_shorter_one(study: ModuleType, bench: object, tmp_path: Path, name: str) -> None:
    contender = study.CONTENDERS[name]
    for evaluations in (130, 300):
        bench.search(contender, 3, evaluations, tmp_path / "parts")  # type: ignore[attr-defined]  # a Bench
    bench.search(contender, 3, 300, tmp_path / "whole")  # type: ignore[attr-defined]  # a Bench
    metrics = PROBLEMS[QUICK].metrics
    parts, whole = (study.objectives_of(tmp_path / folder, metrics) for folder in ("parts", "whole"))
    assert len(whole[0]) == 300
    np.testing.assert_array_equal(parts[0], whole[0])
    np.testing.assert_array_equal(parts[1], whole[1])


def test_a_trace_tells_hypervolume_and_what_was_needed(study: ModuleType, tmp_path: Path) -> None:
    objectives = np.full((1200, 2), 10.0)
    objectives[99], objectives[150], objectives[1100] = (5.0, 5.0), (np.inf, np.inf), (1.0, 1.0)
    trace = study.Trace.of(objectives, np.array([10.0, 10.0]))
    assert trace.at(100) == pytest.approx(0.25)
    assert trace.at(1000) == pytest.approx(0.25)
    assert trace.at(1200) == pytest.approx(0.81)
    assert np.isnan(trace.at(5000))
    assert trace.needed(0.2) == 100
    assert 1100 < trace.needed(0.5) <= 1200
    assert np.isinf(trace.needed(0.9))
    np.testing.assert_array_equal(trace.fronts[1000], [[5.0, 5.0]])
    study.keep(tmp_path, "p", "c", 4, trace)
    study.keep(tmp_path, "p", "c", 2, study.Trace.of(objectives[:500], np.array([10.0, 10.0])))
    stored = study.read_results(tmp_path, "p", "c")
    assert list(stored) == [2, 4]
    np.testing.assert_array_equal(stored[4].hypervolume, trace.hypervolume)
    np.testing.assert_array_equal(stored[4].fronts[1000], trace.fronts[1000])
    assert stored[2].evaluations[-1] == 500


def test_p_values_are_adjusted_as_by_holm(parts: SimpleNamespace) -> None:
    np.testing.assert_allclose(parts.tables.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(parts.tables.holm([0.9, 0.8]), [1.0, 1.0])


def test_the_commands_in_small(tmp_path: Path) -> None:
    """Two contenders, one problem, a few evaluations: progress with time left, results, tables, pictures; run again, nothing is left to

    do.
    """

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(FOLDER / script), "--results", str(tmp_path / "results"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    small = ["--archives", str(tmp_path / "archives"), "--seeds", "2", "--problems", QUICK, "--workers", "1"]
    small += ["--evaluations", "1000", "--contenders", "default", "random"]
    first = run("run.py", *small)
    assert first.returncode == 0, first.stderr
    assert "min left" in first.stderr
    assert run("run.py", *small).stderr == "", "all is done"
    drawn = run("tables.py", "--pictures")
    assert drawn.returncode == 0, drawn.stderr
    assert "The default has the higher median in 1 of 1 comparisons" in drawn.stdout
    assert {path.name for path in (tmp_path / "results").glob("*.png")} == {"hypervolume.png", "attainment.png", "surfaces.png"}
    wrong = run("run.py", "--problems", "nothing")
    assert wrong.returncode == 2
    assert "no such problem: nothing" in wrong.stderr


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_best_known_front_is_stored_for_every_problem(study: ModuleType, name: str) -> None:
    problem, front = PROBLEMS[name], best_front(name)
    assert problem.best_known is not None
    assert front is not None
    assert nondominated(front.objectives).all()
    assert study.volume(front.objectives, np.array(problem.best_known.reference_point)) == pytest.approx(problem.best_known.hypervolume)
    assert "best_known.py" in problem.best_known.provenance
    assert all(front.sources)


@pytest.mark.parametrize("name", ["resnet18_hetero_quad", "squeezenet_homo_quad", "fsrcnn_homo_quad"])
def test_stored_mappings_have_their_stored_values(name: str) -> None:
    front = best_front(name)
    assert front is not None
    _check_values(name, np.linspace(0, len(front.objectives) - 1, 6).astype(int))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBLEMS)
def test_all_stored_mappings_have_their_stored_values(name: str) -> None:
    front = best_front(name)
    assert front is not None
    _check_values(name, np.arange(len(front.objectives)))


def _check_values(name: str, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
    from stream_evo import registry
    from stream_evo.mapping import GenomeSpec

    problem, front = PROBLEMS[name], best_front(name)
    assert front is not None
    spec = GenomeSpec(registry.load_network(problem.network), registry.load_hardware(problem.hardware))
    np.testing.assert_array_equal(spec.canonical(front.genomes), front.genomes)
    evaluation = Evaluator(spec).evaluate(front.genomes[rows])
    from stream_evo.evaluation import METRICS

    columns = [METRICS.index(metric) for metric in problem.metrics]
    np.testing.assert_array_equal(evaluation.metrics[:, columns], front.objectives[rows], err_msg=RENEW)
    assert (evaluation.violation_bytes == 0).all()


def test_best_known_fronts_only_improve(parts: SimpleNamespace, study: ModuleType, tmp_path: Path) -> None:
    bench, problem = study.Bench(PROBLEMS[QUICK]), PROBLEMS[QUICK]
    best_known = parts.best_known
    bench.search(study.CONTENDERS["default"], 0, 100, tmp_path / QUICK / "default" / "0")
    bench.search(study.CONTENDERS["default"], 1, 100, tmp_path / QUICK / "default" / "1")
    assert len(best_known.found(PROBLEMS["resnet18_homo_quad"], [tmp_path]).objectives) == 0
    everything = best_known.found(problem, [tmp_path])
    assert set(everything.sources) == {"default/0", "default/1"}
    half = best_known._front(everything.genomes[::2], everything.objectives[::2], list(everything.sources[::2]))
    store = tmp_path / "store"
    before = best_known.store(store, problem, half, "a test")
    index = json.loads((store / "index.json").read_text())[QUICK]
    assert best_known.improved(bench, half, half) is None, "nothing better"
    # What is told to be better than it is does not get in.
    lies = best_known.BestFront(everything.genomes[:1], everything.objectives[:1] * 0.5, ("lie",))
    assert best_known.improved(bench, half, lies) is None
    better = best_known.improved(bench, half, everything)
    np.testing.assert_array_equal(better.objectives, everything.objectives)
    assert best_known.store(store, problem, better, "a test") > before
    assert json.loads((store / "index.json").read_text())[QUICK]["reference_point"] == index["reference_point"], "it never moves"
    changed = best_known.BestFront(half.genomes, half.objectives * 2.0, half.sources)
    with pytest.raises(SystemExit, match="the model changed"):
        best_known.improved(bench, changed, everything)
    np.testing.assert_array_equal(best_known.renewed(bench, changed).objectives, half.objectives)
