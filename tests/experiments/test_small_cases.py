"""Exact fronts of small problems: what is stored is true, and the default search finds all of it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from stream_evo.evaluation import METRICS, Evaluator
from stream_evo.operators import SeedHints, default_operators
from stream_evo.search import Budget, SearchProblem, optimize

FOLDER = Path(__file__).parents[2] / "experiments" / "small_cases"
RENEW = "the model changed since: python experiments/small_cases/run.py --enumerate"


def _cases() -> ModuleType:
    spec = importlib.util.spec_from_file_location("small_cases", FOLDER / "cases.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


cases = _cases()


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return Evaluator(cases.CASES["resnet_3"].space())


@pytest.mark.parametrize("name", cases.CASES)
def test_every_case_is_stored_with_its_command(name: str) -> None:
    stored = cases.read_front(name)
    space = cases.CASES[name].space()
    assert stored["case"] == vars(cases.CASES[name])
    assert name in stored["command"]
    assert stored["genomes"] == int((space.upper - space.lower + 1).prod())
    genomes = np.array([point["genome"] for point in stored["front"]])
    np.testing.assert_array_equal(space.canonical(genomes), genomes)


def test_the_stored_front_is_that_of_the_model(evaluator: Evaluator) -> None:
    """Its points have the stored values, and none of a thousand random genomes is better than all of them."""
    stored = cases.read_front("resnet_3")["front"]
    columns = [METRICS.index(name) for name in cases.OBJECTIVES]
    genomes = np.array([point["genome"] for point in stored])
    values = np.array([point["objectives"] for point in stored])
    np.testing.assert_array_equal(evaluator.evaluate(genomes).metrics[:, columns], values, err_msg=RENEW)
    spec = evaluator.spec
    others = np.random.default_rng(0).integers(spec.lower, spec.upper + 1, size=(1000, spec.length))
    for point in evaluator.evaluate(others).metrics[:, columns]:
        assert (values <= point).all(axis=1).any(), RENEW


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["resnet_3", "bert_3", "fsrcnn_3"])
def test_the_default_search_finds_the_whole_front(name: str, seed: int) -> None:
    stored = cases.read_front(name)
    evaluator = Evaluator(cases.CASES[name].space())
    found = optimize(
        SearchProblem(evaluator, metrics=METRICS, objectives=cases.OBJECTIVES),
        operators=default_operators(SeedHints(*evaluator.layer_costs())),
        budget=Budget(evaluations=stored["genomes"] // 10),
        seed=seed,
    )
    assert set(map(tuple, found.front.objectives)) == {tuple(point["objectives"]) for point in stored["front"]}


def test_all_genomes_are_all_and_each_once(evaluator: Evaluator) -> None:
    genomes = np.concatenate(list(cases.all_genomes(evaluator.spec)))
    assert len(np.unique(genomes, axis=0)) == len(genomes) == cases.read_front("resnet_3")["genomes"]
    assert (genomes >= evaluator.spec.lower).all()
    assert (genomes <= evaluator.spec.upper).all()
