"""Settings as text: equal exactly when the settings are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from stream_evo.search import find_engine
from stream_evo.search._describe import describe


class Way(Enum):
    UP = 1
    DOWN = 2


class Kind(StrEnum):
    ONE = "x"
    TWO = "y"


@dataclass(frozen=True)
class Setting:
    value: Any
    name: str = field(default="", compare=False)


class Plain:
    def __init__(self, rate: Any) -> None:
        self.rate = rate
        self._cache = object()


class Silent:
    pass


DIFFERENT = [
    [Way.UP, Way.DOWN, 1, 2],
    [Kind.ONE, Kind.TWO, "x", "y"],
    [frozenset({1}), frozenset({2}), frozenset({1, 2}), (1,), (2,)],
    [np.int64(3), np.int64(5), np.int32(3), 3],
    [np.float32(0.5), np.float64(0.5), 0.25],
    [np.True_, np.False_, True, False],
    [PurePosixPath("a"), PurePosixPath("b"), "a"],
    [slice(1, 2), slice(1, 3), complex(1, 2), complex(1, 3)],
    [np.arange(3), np.arange(4), np.arange(3.0), (0, 1, 2)],
    [{"a": 1}, {"a": 2}, {"b": 1}, {}, (), ""],
    [partial(describe, 1), partial(describe, 2), describe],
    [Setting(1), Setting(2), Setting(Setting(1))],
    [Plain(1), Plain(2), Plain(np.arange(2)), Plain(Setting(1)), Plain(Way.UP), Silent()],
    [find_engine("pymoo:NSGA3"), find_engine("pymoo:SPEA2"), find_engine("nsga2"), find_engine("nsga2:local")],
]


@pytest.mark.parametrize("values", DIFFERENT, ids=lambda values: type(values[0]).__name__)
def test_different_settings_have_different_texts(values: list[object]) -> None:
    for one, other in itertools.combinations(values, 2):
        assert describe(one) != describe(other)
        assert describe(Setting(one)) != describe(Setting(other))


def test_equal_settings_have_equal_texts() -> None:
    assert describe({"a": 1, "b": 2}) == describe({"b": 2, "a": 1})
    assert describe({"x", "y", "z"}) == describe({"z", "y", "x"})
    assert describe(Setting(1, "a name")) == describe(Setting(1, "another"))
    assert describe(Plain(0.5)) == describe(Plain(0.5)), "what is private may be a cache"


def test_objects_that_know_each_other_are_described() -> None:
    one, other = Plain(1), Plain(2)
    one.rate, other.rate = other, one
    assert describe(one) == describe(other)
