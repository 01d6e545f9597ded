"""Trials of what users plug in: calls whose failures are told, under global seeds that must not matter."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from stream_evo._plugin_file import FAILURES, failure
from stream_evo.errors import PluginError

__all__ = ["called", "global_seeds", "name_of"]


def name_of(plugin: object) -> str:
    """Return what messages call a function, a class or an object of one."""
    return getattr(plugin, "__qualname__", type(plugin).__qualname__)


def called(name: str, call: Callable[[], Any], when: str = "on a trial batch") -> Any:
    """Call a user's code.

    Raises:
        PluginError: It raised something, or tried to end the program.
    """
    try:
        return call()
    except PluginError:
        raise
    except FAILURES as error:
        raise PluginError(f"{name}: {failure(error, when)}") from error


@contextmanager
def global_seeds(seed: int) -> Iterator[Callable[[], bool]]:
    """Seed the global generators, which nothing should use, and put them back afterwards.

    Yields:
        A function that tells whether one of them was drawn from or seeded since.
    """
    plain, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  # the global state is what is being guarded
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # as above
    before = random.getstate(), _numpy_state()
    try:
        yield lambda: (random.getstate(), _numpy_state()) != before
    finally:
        random.setstate(plain)
        np.random.set_state(numpy_state)  # noqa: NPY002  # as above


def _numpy_state() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002  # as above
    return name, np.asarray(keys).tobytes(), *rest
