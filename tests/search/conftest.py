"""What several test files of the search share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from stream_evo.operators import default_operators
from stream_evo.search import Budget, SearchProblem, SearchResult, optimize
from stream_evo.search.testing import SyntheticEvaluator, synthetic_problem
from stream_evo.typing import IntArray


@dataclass(frozen=True)
class CountingEvaluator:
    """The synthetic evaluator, with a list of all genomes it was asked to score."""

    inner: SyntheticEvaluator
    scored: list[bytes] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)

    @property
    def spec(self) -> Any:
        return self.inner.spec

    def evaluate(self, genomes: IntArray, workers: int = 1) -> Any:
        self.scored.extend(genome.tobytes() for genome in genomes)
        self.workers.append(workers)
        return self.inner.evaluate(genomes, workers)


@pytest.fixture
def counting_problem() -> SearchProblem:
    problem = synthetic_problem()
    return SearchProblem(CountingEvaluator(SyntheticEvaluator()), problem.metrics, problem.objectives, fingerprint=problem.fingerprint)


@pytest.fixture
def search() -> Callable[..., SearchResult]:
    """A short default search; any argument of `optimize` can be given."""

    def run(problem: SearchProblem | None = None, **settings: Any) -> SearchResult:
        given: dict[str, Any] = {"operators": default_operators(), "budget": Budget(evaluations=400), "population": 40} | settings
        return optimize(problem or synthetic_problem(), **given)

    return run
