"""Operators, objectives and engines from a user's own file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from stream_evo._plugin_file import load_reference, made
from stream_evo.errors import PluginError
from stream_evo.search import testing
from stream_evo.search._contracts import EngineFactory, Objective, OperatorSet, Spec

__all__ = [
    "PluginKind",
    "check_engine_factory",
    "check_named_objective",
    "check_operator",
    "load_engine",
    "load_objective",
    "load_operator",
    "operator_kind",
]


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
    return check_operator(reference, made(reference, load_reference(reference)), spec)


def check_operator(name: str, operator: Any, spec: Spec | None = None) -> tuple[PluginKind, Any]:
    """Check an operator, wherever it comes from.

    Args:
        name: What messages call it.
        operator: The operator.
        spec: The space of the search; the operator is tried there too.

    Returns:
        What kind it is, and the operator.

    Raises:
        PluginError: It breaks the contract of its kind; the error says how.
    """
    specs = testing.TRIAL_SPECS if spec is None else (*testing.TRIAL_SPECS, spec)
    try:
        kind = operator_kind(operator)
        _CHECKS[kind](operator, specs)
    except PluginError as error:
        raise PluginError(f"{name}: {error}") from error
    return kind, operator


def load_objective(reference: str) -> Objective:
    """Load, make and check an objective from ``FILE.py:NAME``: a function of ``metrics``, or a class without arguments that makes one.

    Raises:
        PluginError: The file cannot be run, has no such name, or the objective breaks its contract; the error says how.
    """
    return check_named_objective(reference, made(reference, load_reference(reference)))


def check_named_objective(name: str, objective: Any) -> Objective:
    """Check an objective, wherever it comes from, and return it.

    Raises:
        PluginError: It breaks its contract; the error says how.
    """
    try:
        testing.check_objective(objective)
    except PluginError as error:
        raise PluginError(f"{name}: {error}") from error
    checked: Objective = objective
    return checked


def load_engine(reference: str, operators: OperatorSet) -> EngineFactory:
    """Load and check an engine from ``FILE.py:NAME``: a class or function that takes an `EngineContext`.

    Raises:
        PluginError: The file cannot be run, has no such name, or the engine breaks a law of `Engine`; the error says which.
    """
    return check_engine_factory(reference, load_reference(reference), operators)


def check_engine_factory(name: str, factory: Any, operators: OperatorSet) -> EngineFactory:
    """Check an engine, wherever it comes from, and return it.

    Args:
        name: What messages call it.
        factory: A class or function that takes an `EngineContext`.
        operators: Operators that it is tried with.

    Raises:
        PluginError: It breaks a law of `Engine`; the error says which.
    """
    try:
        testing.check_engine(factory, operators)
    except PluginError as error:
        raise PluginError(f"{name}: {error}") from error
    checked: EngineFactory = factory
    return checked


def operator_kind(operator: object) -> PluginKind:
    """Return what kind an operator is, by the names of its parameters.

    Raises:
        PluginError: It is not callable, or its parameters fit no kind.
    """
    if not callable(operator):
        raise PluginError(f"{operator!r} cannot be called, so it is no operator")
    try:
        names = tuple(inspect.signature(operator).parameters)
    except (TypeError, ValueError) as error:  # a function of C that does not tell
        raise PluginError(f"{operator!r} does not tell its parameters: {error}") from error
    for kind, expected in _PARAMETERS.items():
        if names == expected:
            return kind
    if names in (("metrics",), ("context",)):
        what = "objective, for --objectives" if names == ("metrics",) else "engine, for --engine"
        raise PluginError(f"parameters ({', '.join(names)}) are those of an {what}, not of an operator")
    known = "; ".join(f"{kind}: ({', '.join(expected)})" for kind, expected in _PARAMETERS.items())
    raise PluginError(f"parameters ({', '.join(names)}) fit no kind of operator. {known}")
