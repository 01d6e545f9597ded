"""Checks that any sampling, crossover, mutation, repair, objective or engine must pass: for one's own tests, and when plug-ins are loaded.

Each check runs the object on trial batches in small spaces of the real structure and raises `PluginError` with what is wrong. In a
test, one line is enough::

    from stream_evo.search.testing import check_mutation

    def test_my_mutation():
        check_mutation(MyMutation())

Functions:
    check_sampling, check_crossover, check_mutation, check_repair, check_objective, check_engine
Material:
    trial_metrics: made-up metrics that objectives are tried on.
    TRIAL_SPECS: the spaces tried by default; SyntheticSpec, SyntheticEvaluator, synthetic_problem: a made-up chip that scores in
    microseconds.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from stream_evo.errors import PluginError
from stream_evo.search._blocks import BlockTable
from stream_evo.search._check_genomes import check_genomes
from stream_evo.search._check_objective import check_objective, trial_metrics
from stream_evo.search._codec import pack_state, unpack_state
from stream_evo.search._contracts import (
    Crossover,
    Engine,
    EngineContext,
    EngineFactory,
    EngineState,
    Mutation,
    OperatorSet,
    Repair,
    Sampling,
    Spec,
)
from stream_evo.search._front import ParetoFront
from stream_evo.search._ledger import Ledger, genome_keys
from stream_evo.search._segments import layer_count
from stream_evo.search._synthetic import SyntheticEvaluator, SyntheticSpec, synthetic_problem
from stream_evo.search._trial import called, global_seeds, name_of
from stream_evo.typing import BoolArray, IntArray

__all__ = [
    "TRIAL_SPECS",
    "SyntheticEvaluator",
    "SyntheticSpec",
    "check_crossover",
    "check_engine",
    "check_mutation",
    "check_objective",
    "check_repair",
    "check_sampling",
    "synthetic_problem",
    "trial_metrics",
]

TRIAL_SPECS: tuple[Spec, ...] = (
    SyntheticSpec(),
    SyntheticSpec(layers=9, cores=5, split=True, dataflows=3, priority=True, pins={0: 1, 4: 2, 10: 1, 20: 0}),
    SyntheticSpec(layers=2, cores=1),
    SyntheticSpec(layers=1, cores=2),
)
"""A usual space; one with all segments and pins; one without a choice of cores; one without boundaries."""

_COUNT = 32
_GLOBAL_SEEDS = 5  # a coin from a global generator falls alike in all with odds of 1/16, and in all batches with next to none
_TIGHT_LATENCY = 180.0  # a limit that about half of random genomes of the synthetic problem exceed
_STATE = "engine."  # an archive keeps an engine's state under such names
_Call = Callable[[np.random.Generator], Any]


def check_sampling(sampling: Sampling, specs: Sequence[Spec] = TRIAL_SPECS) -> None:
    """Check that a sampling returns as many legal genomes as asked for, and draws from nothing but its generator.

    Raises:
        PluginError: It does not.
    """
    for spec in specs:
        for count in (1, 2, _COUNT):
            _trial(sampling, partial(sampling, spec, count), spec, count, ())


def check_crossover(crossover: Crossover, specs: Sequence[Spec] = TRIAL_SPECS) -> None:
    """Check that a crossover makes one legal child per pair, leaves its parents alone, and draws from nothing but its generator.

    Children of twin parents must be their twins: whatever is mixed from equal genomes is equal.

    Raises:
        PluginError: It does not.
    """
    name = name_of(crossover)
    for spec in specs:
        if not _applies(crossover, spec):
            continue
        for count in (1, _COUNT):
            parents = _genomes(spec, 2 * count)
            first, second = parents[:count], parents[count:]
            _trial(crossover, partial(crossover, spec, first, second), spec, count, (first, second))
            twins = called(name, partial(crossover, spec, first, first.copy(), np.random.default_rng(0)))
            check_genomes(name, twins, spec, count)
            if not np.array_equal(spec.canonical(twins), first):
                raise PluginError(f"{name}: the child of two equal parents differs from them; changing genes is for a mutation")


def check_mutation(mutation: Mutation, specs: Sequence[Spec] = TRIAL_SPECS) -> None:
    """Check that a mutation returns legal mutants, leaves its argument alone, draws from nothing but its generator, and changes something.

    Raises:
        PluginError: It does not.
    """
    changed = tried = 0
    for spec in specs:
        if not _applies(mutation, spec):
            continue
        for count in (1, _COUNT):
            genomes = _genomes(spec, count)
            mutants = _trial(mutation, partial(mutation, spec, genomes), spec, count, (genomes,))
            changed += int(np.any(spec.canonical(mutants) != genomes, axis=1).sum())
            tried += count
    if not tried:
        raise PluginError(f"{name_of(mutation)}: it applies to none of the trial spaces")
    if not changed:
        raise PluginError(f"{name_of(mutation)}: none of {tried} genomes was changed")


def check_repair(repair: Repair, specs: Sequence[Spec] = TRIAL_SPECS) -> None:
    """Check that a repair returns legal genomes, leaves its argument alone, uses no chance, and does not repair what it has repaired.

    Raises:
        PluginError: It does not.
    """
    for spec in specs:
        genomes = _genomes(spec, _COUNT)
        repaired = _trial(repair, partial(_without_chance, repair, spec, genomes), spec, _COUNT, (genomes,))
        if not np.array_equal(called(name_of(repair), partial(repair, spec, repaired)), repaired):
            raise PluginError(f"{name_of(repair)}: repairing twice differs from repairing once")


def check_engine(factory: EngineFactory, operators: OperatorSet, *, generations: int = 4, population: int = 20) -> None:
    """Check the laws of `Engine`: legal and repeatable batches, exact continuation from a state, no chance but the generator's.

    Args:
        factory: Builds the engine.
        operators: Operators it gets.
        generations: How long it is driven.
        population: Population it gets.

    Raises:
        PluginError: A law is broken.
    """
    name = name_of(factory)
    if not callable(factory):
        raise PluginError(f"{factory!r} cannot be called, so it makes no engine: a class or function that takes an EngineContext does")
    called(f"engine {name}", partial(_check_engine, name, factory, operators, generations, population), "on a trial run")


def _check_engine(name: str, factory: EngineFactory, operators: OperatorSet, generations: int, population: int) -> None:
    with global_seeds(1):
        batches = _Drive(factory, operators, population).batches(generations)
    with global_seeds(2):
        again = _Drive(factory, operators, population).batches(generations)
    if not all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True)):
        raise PluginError(f"engine {name}: the same seed asks for other genomes; all chance must come from the context's generator")
    first, second = _Drive(factory, operators, population), _Drive(factory, operators, population)
    first.batches(generations // 2)
    state = first.engine.state()
    if state is None:
        return
    state = _stored(name, state)
    second.ledger, second.front = copy.deepcopy(first.ledger), first.front
    expected = first.batches(generations)
    second.engine.restore(state)
    if not all(np.array_equal(a, b) for a, b in zip(expected, second.batches(generations), strict=True)):
        raise PluginError(
            f"engine {name}: restored from its state it continues differently; an engine that cannot say its state returns None there"
        )


def _stored(name: str, state: EngineState) -> EngineState:
    """Return a state as it comes back from disk."""
    found: object = state  # a user's engine may give anything
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise PluginError(f"engine {name}: its state must be None or a dict with string keys, found {type(found).__name__}")
    try:
        stored = unpack_state(pack_state({_STATE + key: value for key, value in state.items()}))
    except (TypeError, ValueError) as error:
        raise PluginError(f"engine {name}: its state holds what is neither an array of numbers nor JSON: {error}") from error
    return {key.removeprefix(_STATE): value for key, value in stored.items()}


class _Drive:
    """An engine and the loop around it, on the synthetic problem."""

    def __init__(self, factory: EngineFactory, operators: OperatorSet, population: int) -> None:
        whole = synthetic_problem()
        self._problem = dataclasses.replace(whole, limits={"latency_cycles": _TIGHT_LATENCY})
        self._blocks: BlockTable | None = None
        self._spec = self._problem.evaluator.spec
        self.ledger = Ledger(len(self._problem.metrics))
        self.front = ParetoFront.empty(len(self._spec.lower), len(self._problem.objectives), len(self._problem.metrics))
        engine = factory(
            EngineContext(
                self._spec,
                len(self._problem.objectives),
                population,
                operators,
                np.random.default_rng(7),
                self._known,
                lambda: self.front.genomes,
                lambda: self._blocks,
                len(self._problem.block_columns[0]),
            )
        )
        missing = [name for name in ("ask", "tell", "state", "restore") if not callable(getattr(engine, name, None))]
        if missing:
            raise PluginError(
                f"{name_of(factory)}: an engine has ask, tell, state and restore; {name_of(engine)} lacks {', '.join(missing)}"
            )
        self.engine: Engine = engine

    def _known(self, genomes: IntArray) -> BoolArray:
        return self.ledger.contains(genomes)

    def batches(self, generations: int) -> list[IntArray]:
        """Drive the engine on and return what it asked for."""
        asked = []
        for _ in range(generations):
            genomes = np.array(self.engine.ask())
            check_genomes("the engine", genomes, self._spec, None)
            if not np.array_equal(self._spec.canonical(genomes), genomes):
                raise PluginError("the engine asked for genomes that are not canonical")
            scores = self._problem.evaluator.evaluate(genomes)
            new = {key: row for row, key in reversed(list(enumerate(genome_keys(genomes)))) if self.ledger.rows([key])[0] < 0}
            rows = list(new.values())
            wanted = np.isin(np.arange(len(genomes)), rows) & (scores.violation_bytes <= 0.0)
            table = BlockTable.of_evaluation(scores, wanted, layer_count(self._spec))
            self._blocks = None if table is None else table.chosen(*self._problem.block_columns)
            self.ledger.add(list(new), scores.metrics[rows], scores.violation_bytes[rows])
            violation = self._problem.violation(scores.metrics, scores.violation_bytes)
            objectives = self._problem.objective_values(scores.metrics)
            # Objectives of infeasible genomes mean nothing; an engine that looks at them stumbles here.
            objectives[violation > 0.0] = np.inf
            told = (genomes.copy(), objectives.copy(), violation.copy())
            self.engine.tell(*told)
            if not all(np.array_equal(a, b) for a, b in zip(told, (genomes, objectives, violation), strict=True)):
                raise PluginError("the engine writes into what it is told; change a copy")
            fits = violation <= 0.0
            self.front = self.front.extended(genomes[fits], objectives[fits], scores.metrics[fits])
            asked.append(genomes)
        return asked


def _without_chance(repair: Repair, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
    del rng
    return repair(spec, genomes)


def _applies(operator: object, spec: Spec) -> bool:
    applies = getattr(operator, "applies", None)
    return applies is None or bool(called(f"{name_of(operator)}.applies", partial(applies, spec), "on a trial space"))


def _genomes(spec: Spec, count: int) -> IntArray:
    rng = np.random.default_rng(11)
    return spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower))))


def _trial(operator: object, call: _Call, spec: Spec, count: int, given: tuple[IntArray, ...]) -> IntArray:
    """Call under different global seeds and compare; return the genomes."""
    name = name_of(operator)
    before = [array.copy() for array in given]
    results = []
    for seed in range(_GLOBAL_SEEDS):
        with global_seeds(seed) as touched:
            results.append(called(name, lambda: call(np.random.default_rng(3))))
            if touched():
                raise PluginError(
                    f"{name}: it uses random or np.random, the global generators; all chance must come from the generator passed"
                )
        if not all(np.array_equal(array, copied) for array, copied in zip(given, before, strict=True)):
            raise PluginError(f"{name}: it writes into its arguments; change a copy")
        check_genomes(name, results[-1], spec, count)
        if not np.array_equal(results[0], results[-1]):
            raise PluginError(f"{name}: calls with equally seeded generators differ; all chance must come from the generator passed")
    return np.asarray(results[0])
