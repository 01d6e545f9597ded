"""Operators and engine of a run, from the names a user gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stream_evo import registry
from stream_evo._plugin_file import FAILURES, failure, is_reference, made
from stream_evo._run._session import Session
from stream_evo.errors import Fault, InputError, PluginError, UnknownNameError
from stream_evo.mapping import GenomeSpec
from stream_evo.search import (
    ENGINES,
    EngineFactory,
    OperatorSet,
    PluginKind,
    WatchedEngineFactory,
    WatchedOperator,
    check_engine_factory,
    check_operator,
    load_engine,
    load_operator,
)
from stream_evo.typing import FloatArray

__all__ = ["engine_of", "operator_set"]

_DEFAULT = "set.default"
_FIT_TILES = "repair.fit_tiles"


@dataclass(frozen=True, eq=False)
class LayerCosts:
    """What the default operators may know beforehand: the cost of each whole layer on each core, shapes ``(L, N)``.

    Attributes:
        latency_cycles: Cycles; infinite where a layer cannot run.
        energy_pj: Energy in pJ; infinite at the same places.
        weight_share: Weights as share of the bits that the core's memory has for them.
    """

    latency_cycles: FloatArray
    energy_pj: FloatArray
    weight_share: FloatArray


def operator_set(names: Sequence[str], session: Session) -> OperatorSet:
    """Return the operators of a run.

    Without names, the default set, with a repair where tiles may not fit. A name ``set.*`` chooses another set to start from, and what else
    is named is added to it; without one, each kind that is named takes the place of that kind in the default set.

    Args:
        names: Names of the catalogue, or ``FILE.py:NAME``.
        session: What is searched; operators of files and of other packages are tried on its space before they are used.

    Raises:
        UnknownNameError: a name that is not in the catalogue.
        InputError: two sets, samplings or repairs are named.
        PluginError: an operator of a file or of another package cannot be loaded or breaks the contract of its kind.
    """
    known = registry.operators()
    sets = [name for name in names if name.startswith("set.")]
    for name in names:
        if not is_reference(name) and name not in known:
            if ":" in name or "/" in name:  # no operator is called so
                raise PluginError(f"{name}: an operator of a file is named FILE.py:NAME")
            raise UnknownNameError("operator", name, list(known))
    plain = bool(sets) and sets[-1] != _DEFAULT
    base: OperatorSet = (
        _set(sets[-1], known[sets[-1]], session.spec) if plain else known[_DEFAULT](LayerCosts(*session.evaluator.layer_costs()))
    )
    missing = None if plain and _FIT_TILES not in names else session.evaluator.missing_tile_bits()
    if missing is not None and not plain:
        base = dataclasses.replace(base, repair=known[_FIT_TILES](missing))
    found: dict[PluginKind, list[Any]] = {kind: [] for kind in PluginKind}
    for name in names:
        if is_reference(name):
            kind, operator = load_operator(name, session.spec)
            found[kind].append(WatchedOperator(operator, name))
        elif name not in sets and not _is_builtin(known[name]):
            kind, operator = check_operator(name, made(name, known[name]), session.spec)
            found[kind].append(WatchedOperator(operator, name))
        elif name not in sets:
            found[PluginKind(name.partition(".")[0])].append(known[name](missing) if name == _FIT_TILES else known[name]())
    changes: dict[str, Any] = {}
    for kind, field in ((PluginKind.CROSSOVER, "crossovers"), (PluginKind.MUTATION, "mutations")):
        if found[kind]:
            changes[field] = (*(getattr(base, field) if sets else ()), *found[kind])
    _check_single(names, sets, found)
    for kind in (PluginKind.SAMPLING, PluginKind.REPAIR):
        if found[kind]:
            changes[str(kind)] = found[kind][-1]
    return dataclasses.replace(base, **changes)


def _check_single(names: Sequence[str], sets: Sequence[str], found: Mapping[PluginKind, Sequence[Any]]) -> None:
    """Refuse two of what a search has one of; which of them was meant cannot be told."""
    counts = {"set to start from": len(sets), "sampling": len(found[PluginKind.SAMPLING]), "repair": len(found[PluginKind.REPAIR])}
    faults = [
        Fault(f"a search has one {what}, and {count} are named", found=", ".join(names)) for what, count in counts.items() if count > 1
    ]
    if faults:
        raise InputError("operators", faults)


def engine_of(name: str) -> EngineFactory | str:
    """Return what the search takes for an engine's name, or for ``FILE.py:NAME``: a class or function that takes an `EngineContext`.

    Raises:
        UnknownNameError: there is no such engine.
        PluginError: an engine of a file or of another package cannot be loaded or breaks a law of engines; it is tried on a made-up problem
            before it is used.
    """
    operators: OperatorSet = registry.operators()["set.generic"]()
    if is_reference(name):
        return WatchedEngineFactory(load_engine(name, operators), name)
    known = registry.engines()
    if name not in known:
        raise UnknownNameError("engine", name, list(known))
    return name if name in ENGINES else WatchedEngineFactory(check_engine_factory(name, known[name], operators), name)


def _set(name: str, factory: Any, spec: GenomeSpec) -> OperatorSet:
    """Return a set of the catalogue; the operators of one from another package are checked."""
    found = factory if isinstance(factory, OperatorSet) else made(name, factory) if isinstance(factory, type) else _called(name, factory)
    if not isinstance(found, OperatorSet):
        raise PluginError(f"{name} must give a stream_evo.search.OperatorSet, not {type(found).__name__}")
    if _is_builtin(factory):
        return found

    def checked(operator: Any) -> Any:
        check_operator(name, operator, spec)
        return WatchedOperator(operator, name)

    return dataclasses.replace(
        found,
        sampling=checked(found.sampling),
        crossovers=tuple(map(checked, found.crossovers)),
        mutations=tuple(map(checked, found.mutations)),
        repair=None if found.repair is None else checked(found.repair),
    )


def _called(name: str, factory: Any) -> Any:
    try:
        return factory()
    except FAILURES as error:
        raise PluginError(f"{name}: {failure(error, 'while the set was made')}") from error


def _is_builtin(operator: Any) -> bool:
    """Return True for what this package brings: it is tested, and need not be tried again for each run."""
    return str(getattr(operator, "__module__", "")).startswith("stream_evo.")
