"""Checks that any sampling, crossover, mutation, repair or engine must pass, for tests of one's own and for plug-ins as they are loaded.

Each check runs the object on trial batches in small spaces of the real structure and raises `PluginError` with what is wrong. In a
test, one line is enough::

    from stream_evo.search.testing import check_mutation

    def test_my_mutation():
        check_mutation(MyMutation())

Functions:
    check_sampling, check_crossover, check_mutation, check_repair, check_engine
Material:
    TRIAL_SPECS: the spaces tried by default; SyntheticSpec, SyntheticEvaluator, synthetic_problem: a made-up chip that scores in
    microseconds.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from stream_evo.errors import PluginError
from stream_evo.search._contracts import Crossover, Engine, EngineContext, EngineFactory, Mutation, OperatorSet, Repair, Sampling, Spec
from stream_evo.search._ledger import Ledger, genome_keys
from stream_evo.search._synthetic import SyntheticEvaluator, SyntheticSpec, synthetic_problem
from stream_evo.typing import BoolArray, IntArray

__all__ = [
    "TRIAL_SPECS",
    "SyntheticEvaluator",
    "SyntheticSpec",
    "check_crossover",
    "check_engine",
    "check_mutation",
    "check_repair",
    "check_sampling",
    "synthetic_problem",
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
    for spec in specs:
        if not _applies(crossover, spec):
            continue
        for count in (1, _COUNT):
            parents = _genomes(spec, 2 * count)
            first, second = parents[:count], parents[count:]
            _trial(crossover, partial(crossover, spec, first, second), spec, count, (first, second))
            twins = crossover(spec, first, first.copy(), np.random.default_rng(0))
            if not np.array_equal(spec.canonical(twins), first):
                raise PluginError(f"{_name(crossover)}: the child of two equal parents differs from them; changing genes is for a mutation")


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
        raise PluginError(f"{_name(mutation)}: it applies to none of the trial spaces")
    if not changed:
        raise PluginError(f"{_name(mutation)}: none of {tried} genomes was changed")


def check_repair(repair: Repair, specs: Sequence[Spec] = TRIAL_SPECS) -> None:
    """Check that a repair returns legal genomes, leaves its argument alone, uses no chance, and does not repair what it has repaired.

    Raises:
        PluginError: It does not.
    """
    for spec in specs:
        genomes = _genomes(spec, _COUNT)
        repaired = _trial(repair, partial(_without_chance, repair, spec, genomes), spec, _COUNT, (genomes,))
        if not np.array_equal(repair(spec, repaired), repaired):
            raise PluginError(f"{_name(repair)}: repairing twice differs from repairing once")


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
    name = getattr(factory, "__qualname__", repr(factory))
    with _global_seeds(1):
        batches = _Drive(factory, operators, population).batches(generations)
    with _global_seeds(2):
        again = _Drive(factory, operators, population).batches(generations)
    if not all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True)):
        raise PluginError(f"engine {name}: the same seed asks for other genomes; all chance must come from the context's generator")
    first, second = _Drive(factory, operators, population), _Drive(factory, operators, population)
    first.batches(generations // 2)
    state = first.engine.state()
    if state is None:
        return
    state = copy.deepcopy(state)
    second.ledger = copy.deepcopy(first.ledger)
    expected = first.batches(generations)
    second.engine.restore(state)
    if not all(np.array_equal(a, b) for a, b in zip(expected, second.batches(generations), strict=True)):
        raise PluginError(f"engine {name}: restored from its state it continues differently")


class _Drive:
    """An engine and the loop around it, on the synthetic problem."""

    def __init__(self, factory: EngineFactory, operators: OperatorSet, population: int) -> None:
        self._problem = synthetic_problem()
        self._spec = self._problem.evaluator.spec
        self.ledger = Ledger(len(self._problem.metrics))
        self.engine: Engine = factory(
            EngineContext(
                self._spec,
                len(self._problem.objectives),
                population,
                operators,
                np.random.default_rng(7),
                self._known,
            )
        )

    def _known(self, genomes: IntArray) -> BoolArray:
        return self.ledger.contains(genomes)

    def batches(self, generations: int) -> list[IntArray]:
        """Drive the engine on and return what it asked for."""
        asked = []
        for _ in range(generations):
            genomes = np.array(self.engine.ask())
            _legal("the engine", genomes, self._spec, None)
            if not np.array_equal(self._spec.canonical(genomes), genomes):
                raise PluginError("the engine asked for genomes that are not canonical")
            scores = self._problem.evaluator.evaluate(genomes)
            new = {key: row for row, key in reversed(list(enumerate(genome_keys(genomes)))) if self.ledger.rows([key])[0] < 0}
            rows = list(new.values())
            self.ledger.add(list(new), scores.metrics[rows], scores.violation_bytes[rows])
            violation = self._problem.violation(scores.metrics, scores.violation_bytes)
            objectives = self._problem.objective_values(scores.metrics)
            # Objectives of infeasible genomes mean nothing; an engine that looks at them stumbles here.
            objectives[violation > 0.0] = np.inf
            self.engine.tell(genomes, objectives, violation)
            asked.append(genomes)
        return asked


def _without_chance(repair: Repair, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
    del rng
    return repair(spec, genomes)


def _applies(operator: object, spec: Spec) -> bool:
    applies = getattr(operator, "applies", None)
    return applies is None or bool(applies(spec))


def _genomes(spec: Spec, count: int) -> IntArray:
    rng = np.random.default_rng(11)
    return spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower))))


def _trial(operator: object, call: _Call, spec: Spec, count: int, given: tuple[IntArray, ...]) -> IntArray:
    """Call under different global seeds and compare; return the genomes."""
    name = _name(operator)
    before = [array.copy() for array in given]
    results = []
    for seed in range(_GLOBAL_SEEDS):
        with _global_seeds(seed):
            results.append(_called(name, call))
        if not all(np.array_equal(array, copied) for array, copied in zip(given, before, strict=True)):
            raise PluginError(f"{name}: it writes into its arguments; change a copy")
        _legal(name, results[-1], spec, count)
        if not np.array_equal(results[0], results[-1]):
            raise PluginError(f"{name}: calls with equally seeded generators differ; all chance must come from the generator passed")
    return np.asarray(results[0])


def _called(name: str, call: _Call) -> Any:
    try:
        return call(np.random.default_rng(3))
    except Exception as error:  # whatever a user's code raises has to be told as such
        raise PluginError(f"{name}: {type(error).__name__} on a trial batch: {error}") from error


def _legal(name: str, genomes: Any, spec: Spec, count: int | None) -> None:
    if not isinstance(genomes, np.ndarray) or genomes.dtype.kind not in "iu":
        found = genomes.dtype if isinstance(genomes, np.ndarray) else type(genomes).__name__
        raise PluginError(f"{name}: genomes must be a NumPy array of integers, found {found}")
    genes = len(spec.lower)
    if genomes.ndim != 2 or genomes.shape[1] != genes or (len(genomes) != count if count is not None else not len(genomes)):
        raise PluginError(f"{name}: the shape must be ({'P' if count is None else count}, {genes}), found {genomes.shape}")
    outside = np.argwhere((genomes < spec.lower) | (genomes > spec.upper))
    if outside.size:
        row, gene = outside[0]
        raise PluginError(
            f"{name}: gene {gene} of genome {row} is {genomes[row, gene]}, legal is {spec.lower[gene]} to {spec.upper[gene]}; "
            f"{len(outside)} genes are outside the bounds. spec.canonical(genomes) brings them back"
        )


def _name(operator: object) -> str:
    return getattr(operator, "__qualname__", type(operator).__qualname__)


@contextmanager
def _global_seeds(seed: int) -> Iterator[None]:
    """Seed the global generators, which nothing should use, and put them back afterwards."""
    plain, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  # the global state is what is being guarded
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # as above
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(numpy_state)  # noqa: NPY002  # as above
