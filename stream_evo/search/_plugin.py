"""Operators and engines from a user's own file."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from stream_evo.errors import PluginError, UnknownNameError
from stream_evo.search import testing
from stream_evo.search._contracts import EngineFactory, OperatorSet, Spec

__all__ = ["PluginKind", "load_engine", "load_operator", "operator_kind"]


class PluginKind(StrEnum):
    """What an operator is."""

    SAMPLING = "sampling"
    CROSSOVER = "crossover"
    MUTATION = "mutation"
    REPAIR = "repair"


_PARAMETERS: Mapping[PluginKind, tuple[str, ...]] = MappingProxyType(
    {
        PluginKind.SAMPLING: ("spec", "count", "rng"),
        PluginKind.CROSSOVER: ("spec", "parents_a", "parents_b", "rng"),
        PluginKind.MUTATION: ("spec", "genomes", "rng"),
        PluginKind.REPAIR: ("spec", "genomes"),
    }
)
_CHECKS: Mapping[PluginKind, Callable[..., None]] = MappingProxyType(
    {
        PluginKind.SAMPLING: testing.check_sampling,
        PluginKind.CROSSOVER: testing.check_crossover,
        PluginKind.MUTATION: testing.check_mutation,
        PluginKind.REPAIR: testing.check_repair,
    }
)


def load_operator(reference: str, spec: Spec | None = None) -> tuple[PluginKind, Any]:
    """Load, make and check an operator from ``FILE.py:NAME``.

    The file is run, so it must be one the user trusts; nothing is ever loaded that was not named. A class is made without arguments. The
    kind follows from the parameter names: ``(spec, count, rng)`` samples, ``(spec, parents_a, parents_b, rng)`` crosses, ``(spec,
    genomes, rng)``
    mutates, ``(spec, genomes)`` repairs.

    Args:
        reference: File and name, e.g. ``mine.py:MyMutation``.
        spec: The space of the search; the operator is tried there too.

    Returns:
        What kind it is, and the operator.

    Raises:
        PluginError: The file cannot be run, has no such name, or the operator breaks the contract of its kind; the error says how.
    """
    operator = _made(reference, _load(reference))
    specs = testing.TRIAL_SPECS if spec is None else (*testing.TRIAL_SPECS, spec)
    try:
        kind = operator_kind(operator)
        _CHECKS[kind](operator, specs)
    except PluginError as error:
        raise PluginError(f"{reference}: {error}") from error
    return kind, operator


def load_engine(reference: str, operators: OperatorSet) -> EngineFactory:
    """Load and check an engine from ``FILE.py:NAME``: a class or function that takes an `EngineContext`.

    Raises:
        PluginError: The file cannot be run, has no such name, or the engine breaks a law of `Engine`; the error says which.
    """
    factory: EngineFactory = _load(reference)
    try:
        testing.check_engine(factory, operators)
    except PluginError as error:
        raise PluginError(f"{reference}: {error}") from error
    except Exception as error:  # whatever a user's code raises has to be told as such
        raise PluginError(f"{reference}: {type(error).__name__} on a trial run: {error}") from error
    return factory


def operator_kind(operator: object) -> PluginKind:
    """Return what kind an operator is, by the names of its parameters.

    Raises:
        PluginError: It is not callable, or its parameters fit no kind.
    """
    if not callable(operator):
        raise PluginError(f"{operator!r} cannot be called, so it is no operator")
    names = tuple(inspect.signature(operator).parameters)
    for kind, expected in _PARAMETERS.items():
        if names == expected:
            return kind
    known = "; ".join(f"{kind}: ({', '.join(expected)})" for kind, expected in _PARAMETERS.items())
    raise PluginError(f"parameters ({', '.join(names)}) fit no kind of operator. {known}")


def _load(reference: str) -> Any:
    """Run the file and return the named object."""
    file, _, name = reference.rpartition(":")
    if not file or not name.isidentifier():
        raise PluginError(f"{reference!r} must be FILE.py:NAME")
    path = Path(file)
    if not path.is_file():
        raise PluginError(f"{reference}: there is no file {path}")
    module = _module(reference, path.resolve())
    if not hasattr(module, name):
        known = [key for key, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == module.__name__]
        raise PluginError(f"{reference}: " + str(UnknownNameError(f"name in {path.name}", name, known)))
    return getattr(module, name)


def _module(reference: str, path: Path) -> ModuleType:
    # Named by its place, so two files of one name do not meet, and registered, as dataclasses look their module up.
    module_name = f"stream_evo_plugin_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    found = importlib.util.spec_from_file_location(module_name, path)
    if found is None or found.loader is None:
        raise PluginError(f"{reference}: {path} is not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[module_name] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:  # whatever a user's file raises has to be told as such
        del sys.modules[module_name]
        raise PluginError(f"{reference}: {type(error).__name__} while the file was run: {error}") from error
    return module


def _made(reference: str, found: Any) -> Any:
    if not isinstance(found, type):
        return found
    try:
        return found()
    except Exception as error:  # as above
        raise PluginError(f"{reference}: it must be made without arguments; {type(error).__name__}: {error}") from error
