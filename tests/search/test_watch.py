"""Plug-ins that pass their trials and fail at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stream_evo.errors import PluginError
from stream_evo.operators import generic_operators
from stream_evo.search import EngineContext, SearchResult, WatchedEngineFactory, WatchedOperator, describe, operator_kind
from stream_evo.search._random import RandomSearch
from stream_evo.search.testing import SyntheticSpec, check_engine
from stream_evo.typing import IntArray

SPEC = SyntheticSpec()
GENOMES = np.tile(SPEC.lower, (3, 1))


def _raise(error: BaseException) -> Callable[..., IntArray]:
    def operator(spec: SyntheticSpec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        raise error

    return operator


def _gives(change: Callable[[IntArray], Any]) -> Callable[..., Any]:
    def operator(spec: SyntheticSpec, genomes: IntArray, rng: np.random.Generator) -> Any:
        return change(genomes)

    return operator


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        (_raise(RuntimeError("no")), "mine: RuntimeError in the middle of the search: no"),
        (_raise(SystemExit(0)), "mine: SystemExit in the middle of the search: 0"),
        (_gives(lambda genomes: genomes + 1000), "mine: gene 0 of genome 0 is 1000"),
        (_gives(lambda genomes: genomes[:1]), r"mine: the shape must be \(3, 35\), found \(1, 35\)"),
        (_gives(lambda genomes: genomes * 1.0), "mine: genomes must be a NumPy array of integers, found float64"),
    ],
)
def test_a_failing_operator_is_named(operator: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        WatchedOperator(operator, "mine")(SPEC, GENOMES, np.random.default_rng(0))


def test_a_sampling_must_make_as_many_as_asked_for() -> None:
    sampling = WatchedOperator(_gives(lambda count: GENOMES + 0 * count), "mine")
    assert len(sampling(SPEC, np.int64(3), np.random.default_rng(0))) == 3
    with pytest.raises(PluginError, match=r"mine: the shape must be \(4, 35\)"):
        sampling(SPEC, 4, np.random.default_rng(0))


def test_watching_changes_neither_kind_nor_fingerprint() -> None:
    mutation = generic_operators().mutations[0]
    watched = WatchedOperator(mutation, "mine")
    assert operator_kind(watched) is operator_kind(mutation)
    assert describe(watched) == describe(mutation)
    assert describe(WatchedEngineFactory(RandomSearch, "mine")) == describe(RandomSearch)
    assert watched.applies(SPEC)


class Tired(RandomSearch):
    """An engine that fails in its third generation."""

    asked = 0

    def ask(self) -> IntArray:
        self.asked += 1
        if self.asked == 3:
            raise ZeroDivisionError("tired")
        return super().ask()


class Vague(RandomSearch):
    """An engine with a state that no file can hold."""

    def state(self) -> Any:
        return {"seen": {1, 2}}


def test_a_failing_engine_is_named(search: Callable[..., SearchResult]) -> None:
    with pytest.raises(PluginError, match="mine: ZeroDivisionError in the middle of the search: tired"):
        search(engine=WatchedEngineFactory(Tired, "mine"))


def test_a_state_that_cannot_be_stored_is_told(search: Callable[..., SearchResult], tmp_path: Any) -> None:
    with pytest.raises(PluginError, match="mine: TypeError in the middle of the search: Object of type set"):
        search(engine=WatchedEngineFactory(Vague, "mine"), folder=tmp_path / "run")


def test_a_watched_engine_obeys_the_laws() -> None:
    check_engine(WatchedEngineFactory(RandomSearch, "mine"), generic_operators())


def test_an_engine_that_cannot_be_made_is_named(search: Callable[..., SearchResult]) -> None:
    def factory(context: EngineContext) -> Any:
        raise ValueError(f"{context.objectives} objectives are too many")

    with pytest.raises(PluginError, match="mine: ValueError as it was made: 3 objectives are too many"):
        search(engine=WatchedEngineFactory(factory, "mine"))
