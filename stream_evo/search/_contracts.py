"""What the search needs from the outside, and what it asks of its own parts.

The search knows no chip and no network: it sees a box of integers (`Spec`), something that scores batches (`BatchEvaluator`), and small
callables that make and change genomes. Shapes use the letters of `stream_evo.typing`; everything is minimised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from stream_evo.search._blocks import BlockTable
from stream_evo.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "BatchEvaluation",
    "BatchEvaluator",
    "Conditional",
    "Crossover",
    "Engine",
    "EngineContext",
    "EngineFactory",
    "EngineState",
    "KnowsAlikeCores",
    "KnowsCores",
    "Mutation",
    "Objective",
    "OperatorSet",
    "Repair",
    "Sampling",
    "Spec",
]

EngineState: TypeAlias = dict[str, Any]
"""State of an engine between two generations: string keys; values are NumPy arrays (no object dtype) or what JSON can hold."""


class Spec(Protocol):
    """The search space: `stream_evo.mapping.GenomeSpec` as seen from here.

    `segments` names the parts of a genome. With L layers: ``allocation`` (L genes), ``cut`` (L - 1 genes, 1 = cut), ``tile`` (L genes,
    coarsest first), and where there is such a choice ``split`` (L), ``dataflow`` (one per core), ``priority`` (1).

    A space that also has ``capable`` (see `KnowsCores`) lets operators tell which values of different allocation genes mean the same core.
    """

    @property
    def lower(self) -> IntArray:
        """Smallest value of each gene, at least 0, int64 (V,)."""

    @property
    def upper(self) -> IntArray:
        """Largest value of each gene, inclusive, int64 (V,)."""

    @property
    def segments(self) -> Mapping[str, slice]:
        """Named parts of a genome."""

    def canonical(self, genomes: IntArray) -> IntArray:
        """Genomes (P, V) with pins applied, values inside the bounds, and equal meaning written equally."""


@runtime_checkable
class KnowsCores(Protocol):
    """A space that says which core each value of an allocation gene stands for."""

    @property
    def capable(self) -> tuple[tuple[int, ...], ...]:
        """Core indices per layer; value ``v`` of the layer's allocation gene is its ``v``-th entry."""


@runtime_checkable
class KnowsAlikeCores(Protocol):
    """A space that says which cores can stand in for each other: exchanging two of a group everywhere changes no score to speak of.

    It knows its cores (`KnowsCores`), and a ``dataflow`` segment has a gene for each of them.
    """

    @property
    def alike_cores(self) -> tuple[tuple[int, ...], ...]:
        """Groups of at least two core indices, ascending, no core in two of them."""


class BatchEvaluation(Protocol):
    """Scores of a batch: `stream_evo.evaluation.Evaluation` as seen from here."""

    @property
    def metrics(self) -> FloatArray:
        """All metrics, float64 (P, M), all minimised."""

    @property
    def violation_bytes(self) -> FloatArray:
        """Bytes by which each genome misses the memories, float64 (P,); 0 = fits."""


class BatchEvaluator(Protocol):
    """Scores batches of genomes; the same genome must always score the same, whatever the batch and the workers."""

    @property
    def spec(self) -> Spec:
        """The space the genomes live in."""

    def evaluate(self, genomes: IntArray, workers: int = 1) -> BatchEvaluation:
        """Score genomes, int64 (P, V)."""


class Sampling(Protocol):
    """Makes first genomes."""

    def __call__(self, spec: Spec, count: int, rng: np.random.Generator) -> IntArray:
        """Return `count` genomes inside the bounds, int64 (count, V)."""


class Crossover(Protocol):
    """Mixes pairs of parents, one child per pair. Must not write into its arguments."""

    def __call__(self, spec: Spec, parents_a: IntArray, parents_b: IntArray, rng: np.random.Generator) -> IntArray:
        """Return children (P, V) of two aligned batches of parents (P, V); the child mainly follows `parents_a`."""


class Mutation(Protocol):
    """Changes genomes a little. Must not write into its arguments."""

    def __call__(self, spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        """Return changed copies, int64 (P, V)."""


class Repair(Protocol):
    """Makes genomes better without chance, e.g. by undoing what cannot work. Must not write into its arguments."""

    def __call__(self, spec: Spec, genomes: IntArray) -> IntArray:
        """Return repaired copies, int64 (P, V)."""


class Objective(Protocol):
    """Something to minimise that the evaluator does not know: a function of what it says of each mapping.

    The value of a mapping depends on its own metrics alone: not on the batch, on chance or on earlier calls. It is finite and at least 0.
    An attribute ``unit``, if there is one, is the unit's name.
    """

    def __call__(self, metrics: Mapping[str, FloatArray]) -> FloatArray:
        """Return one value per mapping, (P,), of columns (P,) by name; must not write into them."""


@runtime_checkable
class Conditional(Protocol):
    """An operator that makes sense in some spaces only; the search leaves it out of the others."""

    def applies(self, spec: Spec) -> bool:
        """True if the operator can change anything in this space."""


@dataclass(frozen=True, slots=True)
class OperatorSet:
    """All operators of one search.

    Each child takes one crossover (with `crossover_rate`, else it copies its first parent) and one mutation (with `mutation_rate`; always
    if it was not crossed). Which ones is drawn anew for each child; with `adaptive` the odds follow the operators' past gain (see
    `Variation`).

    Attributes:
        sampling: Makes the first population.
        crossovers: Crossovers to draw from; may be empty.
        mutations: Mutations to draw from; at least one.
        repair: Applied to every genome before it is evaluated; ``None`` for none.
        crossover_rate: Part of the children that are crossed.
        mutation_rate: Part of the crossed children that are also mutated.
        adaptive: Let the odds of the operators follow their gain.
    """

    sampling: Sampling
    crossovers: tuple[Crossover, ...]
    mutations: tuple[Mutation, ...]
    repair: Repair | None = None
    crossover_rate: float = 0.8
    mutation_rate: float = 0.75
    adaptive: bool = True

    def __post_init__(self) -> None:
        if not self.mutations:
            raise ValueError("a search needs at least one mutation")
        for name, rate in (("crossover_rate", self.crossover_rate), ("mutation_rate", self.mutation_rate)):
            if not 0.0 <= rate <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, got {rate}")

    def prepare(self, spec: Spec, genomes: IntArray) -> IntArray:
        """Repair (if there is one) and make canonical, (P, V) to (P, V)."""
        repaired = genomes if self.repair is None else self.repair(spec, genomes)
        return spec.canonical(repaired)


class Engine(Protocol):
    """A population-based optimiser, driven from outside: ask, evaluate, tell, again.

    Laws, checked by `stream_evo.search.testing.check_engine`: genomes asked for are canonical; the same context with the same seed
    asks the same; a restored engine continues exactly like the one whose state was taken; nothing else than the context's generator is
    random.
    """

    def ask(self) -> IntArray:
        """Return the next genomes to evaluate, int64 (P, V), P >= 1; the batch size may change from call to call."""

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Take the scores of exactly the genomes that were asked for, in their order.

        Args:
            genomes: What `ask` returned, (P, V).
            objectives: Objectives, all minimised, (P, F). Rows of infeasible genomes may be anything, also infinite.
            violation: 0 for feasible genomes, else the larger the worse, (P,).
        """

    def state(self) -> EngineState | None:
        """Return all that is needed to continue, between a `tell` and the next `ask`; ``None`` if the engine cannot say.

        A search with an engine that cannot say is resumed by telling it everything again.
        """

    def restore(self, state: EngineState) -> None:
        """Continue from a state of an engine with the same context."""


@dataclass(frozen=True, slots=True)
class EngineContext:
    """All that an engine is built from.

    Attributes:
        spec: The search space.
        objectives: Number of objectives F.
        population: Genomes per generation.
        operators: Operators for this search.
        rng: The only source of chance.
        is_known: Tells which canonical genomes (P, V) were evaluated before in this run, bool (P,); evaluating them again costs and
        brings nothing.
        best_found: Returns the genomes of all non-dominated feasible points of this run so far, (P, V), in an order that does not depend on
            interruptions; ``None`` if nobody keeps them.
        blocks: Returns the blocks of the genomes that were evaluated in the batch that the engine is being told of and that fit the chip,
            numbered by their places in it; figures are the `sums` that matter to the objectives, then the peak of memory (0 where nobody
            asks for it). ``None``, here or there, if the evaluator cannot say.
        sums: Number of sums.
    """

    spec: Spec
    objectives: int
    population: int
    operators: OperatorSet
    rng: np.random.Generator
    is_known: Callable[[IntArray], BoolArray]
    best_found: Callable[[], IntArray] | None = None
    blocks: Callable[[], BlockTable | None] | None = None
    sums: int = 0

    def __post_init__(self) -> None:
        if self.population < 2:
            raise ValueError(f"population must be at least 2, got {self.population}")
        if self.objectives < 1:
            raise ValueError(f"there must be at least one objective, got {self.objectives}")


EngineFactory: TypeAlias = Callable[[EngineContext], Engine]
