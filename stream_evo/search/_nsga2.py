"""NSGA-II, vectorised over the population, with two measures of diversity."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stream_evo.search._block_pool import BlockPool
from stream_evo.search._contracts import Engine, EngineContext, EngineState
from stream_evo.search._local_steps import local_steps
from stream_evo.search._pareto import (
    constrained_ranks,
    crowding_distances,
    hypervolume_contributions,
    repeated_rows,
)
from stream_evo.search._promise import Promise, is_small
from stream_evo.search._rng import restore_rng, rng_state
from stream_evo.search._segments import segment
from stream_evo.search._variation import Brood, Variation
from stream_evo.typing import FloatArray, IntArray

__all__ = ["Diversity", "NsgaTwo"]

_NOVELTY_ROUNDS = 5
# Rounds in which a front is cut down by hypervolume contribution, with contributions computed anew in each; more rounds brought nothing. In
# 4-D a round costs 7 ms, beyond that far more; one objective has no diversity.
_TRUNCATION_ROUNDS = {2: 4, 3: 4, 4: 2}
_PLAIN = 1 / 6
_LOCAL_PER_REPEAT, _MOST_LOCAL = 4.0, 0.9  # of the children, in small spaces
_MEMORY = 0.5
_CHANGES = 4
_REFERENCE = 2.0  # on objectives normalised to [0, 1]; so far out that the ends of a front are worth their place, as in SMS-EMOA


class Diversity(StrEnum):
    """What decides between members of one front."""

    CROWDING = "crowding"
    HYPERVOLUME = "hypervolume"


@dataclass(frozen=True, slots=True)
class _Population:
    """Survivors of one generation, best rank first."""

    genomes: IntArray
    objectives: FloatArray
    violation: FloatArray
    ranks: IntArray
    diversity: FloatArray


class NsgaTwo:
    """NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002) with constrained domination.

    Parents win tournaments by rank, then diversity; children are made by `Variation`; parents and children together are cut down to
    half the population by rank, then diversity: fewer parents than children (mu + lambda) make the search settle faster, and what they
    give up is kept in the front found so far. Points with equal objectives count once. Children evaluated before give way to steps of
    Pareto local search (from the front found so far, `local_steps`; in small spaces to what promises most, `Promise`), then are made anew
    up to three times, then drawn at random. In small spaces one of several mappings that differ only in which of equal cores does what
    stands for all of them.

    With ``Diversity.HYPERVOLUME`` members of a front are judged by the hypervolume that only they dominate, as in SMS-EMOA (Beume, Naujoks,
    Emmerich 2007), with a whole generation of children at a time; contributions are computed on normalised objectives, anew after each of
    at most four rounds of removals. It serves two to four objectives; for one, and for five or more, where exact contributions cost much,
    crowding distance stands in.

    Tournaments of ten, a half that survives and the far reference were chosen by measurement, against smaller tournaments, other numbers of
    parents and of children, and crowding (``experiments/search_quality/README.md``).

    An operator's gain is 1 for each child that survives, 0 otherwise.

    Args:
        context: Space, operators and source of chance.
        diversity: Measure of diversity.
        tournament: Members that compete to be a parent; two is classical.
        local_share: Part of the children that are such steps from the start. By default only what would be repeated gives way to them in
            large spaces, where they bring less than what is bred. In small ones, up to a million mappings, their part is four times that of
            the bred children which were known already of late, up to nine in ten (``experiments/small_cases/README.md``).
        survivors: Survivors of a generation as part of the population; at least two survive. One is classical.
        assembled: Part of the children that are put together from the best blocks of all mappings seen (`BlockPool`), where the evaluator
            says what blocks contribute. One in six of them stays as it is; the others take on up to four changes in several places at once:
            what a change was worth is told by the block it is in. Nothing is assembled classically.

    Raises:
        ValueError: The tournament has no member, or a share is not between 0 and 1.
    """

    def __init__(
        self,
        context: EngineContext,
        diversity: Diversity = Diversity.HYPERVOLUME,
        tournament: int = 10,
        local_share: float | None = None,
        survivors: float = 0.5,
        assembled: float = 0.6,
    ) -> None:
        if tournament < 1:
            raise ValueError(f"a tournament needs at least one member, got {tournament}")
        self._promise = Promise(context.spec, context.objectives) if is_small(context.spec) else None
        self._local_share = 0.0 if local_share is None and self._promise is None else local_share
        for name, share in (("local_share", local_share or 0.0), ("survivors", survivors), ("assembled", assembled)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, got {share}")
        self._context = context
        self._parents = max(2, round(survivors * context.population))
        self._members = tournament
        self._by_hypervolume = diversity is Diversity.HYPERVOLUME and context.objectives in _TRUNCATION_ROUNDS
        self._variation = Variation(context.spec, context.operators, context.rng)
        self._assembled = assembled
        cut = segment(context.spec, "cut")
        knows_blocks = assembled > 0.0 and context.blocks is not None and cut.stop > cut.start
        self._pool = BlockPool(context.spec, context.sums) if knows_blocks else None
        self._population: _Population | None = None
        self._brood: Brood | None = None
        self._repeats = 0.0  # part of the bred children that were known already, of late
        self._stepped = 0  # steps of local search at the head of the brood

    @classmethod
    def by_crowding(cls, context: EngineContext) -> Engine:
        """Return the classical variant: binary tournaments, diversity by crowding distance."""
        return cls(context, Diversity.CROWDING, tournament=2, local_share=0.0, survivors=1.0, assembled=0.0)

    @classmethod
    def with_local_search(cls, context: EngineContext) -> Engine:
        """Return the memetic variant: three children in ten are steps of Pareto local search."""
        return cls(context, local_share=0.3)

    def ask(self) -> IntArray:
        """Return the next generation's genomes, see `Engine`."""
        brood = self._represented(self._first() if self._population is None else self._next())
        for attempt in range(_NOVELTY_ROUNDS):
            stale = self._stale(brood.genomes)
            if attempt == 0 and self._population is not None:
                repeats = np.count_nonzero(stale >= self._stepped) / max(1, len(brood.genomes) - self._stepped)
                self._repeats += (1.0 - _MEMORY) * (repeats - self._repeats)
            if not stale.size:
                break
            if attempt == _NOVELTY_ROUNDS - 1:
                other = self._anywhere(stale.size)
            elif self._population is None:
                other = self._variation.children(brood.genomes[stale], brood.genomes[stale])
            elif attempt == 0 and len(steps := self._steps(stale.size)):
                stale, other = stale[: len(steps)], self._unbred(steps)
            else:
                other = self._breed(stale.size)
            brood = brood.replaced(stale, self._represented(other))
        self._brood = brood
        return brood.genomes

    def tell(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Take the scores of the genomes asked for, see `Engine`."""
        if self._brood is None or len(genomes) != len(self._brood.genomes):
            raise RuntimeError("tell takes the scores of exactly the genomes that ask returned")
        if self._pool is not None and self._context.blocks is not None:
            blocks = self._context.blocks()
            if blocks is not None:
                self._pool.take_in(genomes, blocks)
        if self._promise is not None:
            self._promise.take_in(genomes, objectives, violation)
        old = self._population
        if old is not None:
            genomes = np.concatenate([old.genomes, genomes])
            objectives = np.concatenate([old.objectives, objectives])
            violation = np.concatenate([old.violation, violation])
        kept, self._population = self._survivors(genomes, objectives, violation)
        if old is not None:
            survived = np.zeros(len(genomes))
            survived[kept] = 1.0
            self._variation.learn(self._brood, survived[len(old.genomes) :])
        self._brood = None

    def state(self) -> EngineState:
        """Return population, what was learnt about operators, and the state of chance."""
        state: EngineState = {"rng": rng_state(self._context.rng), "repeats": self._repeats, **self._variation.state()}
        if self._population is not None:
            state |= {name: getattr(self._population, name) for name in _Population.__slots__}
        if self._pool is not None:
            state |= self._pool.state()
        if self._promise is not None:
            state |= self._promise.state()
        return state

    def restore(self, state: EngineState) -> None:
        """Continue from `state`."""
        restore_rng(self._context.rng, state["rng"])
        self._variation.restore(state)
        self._repeats = float(state["repeats"])
        self._population = _Population(**{name: state[name] for name in _Population.__slots__}) if "genomes" in state else None
        self._brood = None
        if self._pool is not None:
            self._pool.restore(state)
        if self._promise is not None:
            self._promise.restore(state)

    def _represented(self, brood: Brood) -> Brood:
        """Return the brood with the twins that stand for its children, where the space is small enough to tell."""
        if self._promise is None:
            return brood
        return Brood(self._promise.representatives(brood.genomes), brood.crossovers, brood.mutations)

    def _first(self) -> Brood:
        context = self._context
        return self._unbred(context.operators.sampling(context.spec, context.population, context.rng))

    def _anywhere(self, count: int) -> Brood:
        """Draw from the whole space: when the neighbourhood of the population is used up, chance still finds what is new."""
        spec = self._context.spec
        return self._unbred(self._context.rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower))))

    def _unbred(self, genomes: IntArray) -> Brood:
        nothing = np.full(len(genomes), -1, dtype=np.int64)
        return Brood(self._context.operators.prepare(self._context.spec, genomes), nothing, nothing)

    def _steps(self, count: int) -> IntArray:
        """Return up to `count` unknown neighbours of the best genomes, (K, V).

        Of the front found so far, where somebody keeps it: on a front larger than the population most members were given up.
        """
        context = self._context
        if self._promise is not None:
            return self._promise.best(count, context.is_known, context.rng)
        best = np.empty((0, len(context.spec.lower)), dtype=np.int64) if context.best_found is None else context.best_found()
        if not len(best) and self._population is not None:
            best = self._population.genomes[self._population.ranks == 0]
        return local_steps(context.spec, best, count, context.is_known, context.rng)

    def _next(self) -> Brood:
        population = self._context.population
        share = min(_MOST_LOCAL, _LOCAL_PER_REPEAT * self._repeats) if self._local_share is None else self._local_share
        steps = self._steps(round(share * population))
        self._stepped = len(steps)
        plain, varied = self._assemble(round(self._assembled * (population - len(steps))))
        unbred = np.concatenate([steps, plain])[:population]
        varied = varied[: population - len(unbred)]
        if len(unbred) == population:
            return self._unbred(unbred)
        bred = self._breed(population - len(unbred) - len(varied), varied)
        return self._unbred(unbred).joined(bred) if len(unbred) else bred

    def _assemble(self, count: int) -> tuple[IntArray, IntArray]:
        """Put `count` mappings together from the best blocks, (K, V) and (count - K, V): some that are new, and others to vary.

        None where blocks are not known.
        """
        if self._pool is None or self._pool.is_empty or self._population is None or not count:
            nothing = np.empty((0, len(self._context.spec.lower)), dtype=np.int64)
            return nothing, nothing
        rng = self._context.rng
        bases = self._population.genomes[rng.integers(len(self._population.genomes), size=count)]
        # Of two sums, one counts 2.6 times as much as the other, or more, in half of the mappings.
        weights = np.exp(rng.standard_normal((count, self._context.sums)))
        built = self._context.spec.canonical(self._pool.assembled(bases, weights, rng.random(count)))
        varied = np.arange(count) >= max(1, round(_PLAIN * count))
        varied[self._stale(built[~varied])] = True
        return built[~varied], built[varied]

    def _breed(self, count: int, varied: IntArray | None = None) -> Brood:
        if self._population is None:
            raise RuntimeError("there are no parents yet")
        parents = self._tournament(self._population, 2 * count)
        genomes = self._population.genomes
        changes = None
        if varied is not None:
            stacks = 1 + varied[:, segment(self._context.spec, "cut")].sum(axis=1)
            changes = np.minimum(stacks, _CHANGES)  # about one in each stack
        return self._variation.children(genomes[parents[:count]], genomes[parents[count:]], varied, changes)

    def _tournament(self, population: _Population, count: int) -> IntArray:
        """Return the winners of `count` tournaments, (count,); ties go to the first drawn, which is as good as chance."""
        # Places in the order by rank, then diversity: the smallest place wins.
        order = np.lexsort((-population.diversity, population.ranks))
        place = np.empty(len(order), dtype=np.int64)
        ranks, diversity = population.ranks[order], population.diversity[order]
        worse = (ranks[1:] != ranks[:-1]) | (diversity[1:] != diversity[:-1])
        place[order[0]] = 0
        place[order[1:]] = np.cumsum(worse)
        drawn = self._context.rng.integers(len(order), size=(self._members, count))
        return np.asarray(drawn[place[drawn].argmin(axis=0), np.arange(count)])

    def _stale(self, genomes: IntArray) -> IntArray:
        """Return the indices of children that are known or repeat an earlier child."""
        stale = self._context.is_known(genomes)
        # Slices of one string of bytes and a set take 0.03 ms where np.unique along rows takes 1 ms.
        data, width = genomes.tobytes(), genomes.itemsize * genomes.shape[1]
        rows = [data[start : start + width] for start in range(0, len(data), width)]
        if len(set(rows)) < len(rows):
            seen: set[bytes] = set()
            for index, row in enumerate(rows):
                stale[index] |= row in seen
                seen.add(row)
        return np.flatnonzero(stale)

    def _survivors(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> tuple[IntArray, _Population]:
        ranks = constrained_ranks(objectives, violation)
        count = min(self._parents, len(ranks))
        order = np.argsort(ranks, kind="stable")
        last = ranks[order[count - 1]]
        sure = order[ranks[order] < last]
        torn = order[ranks[order] == last]
        free = count - len(sure)
        if len(torn) > free:
            torn = self._truncated(torn, free, objectives, violation, ranks)
        kept = np.concatenate([sure, torn])
        diversity = self._diversity(objectives[kept], violation[kept], ranks[kept])
        return kept, _Population(genomes[kept], objectives[kept], violation[kept], ranks[kept], diversity)

    def _truncated(self, torn: IntArray, free: int, objectives: FloatArray, violation: FloatArray, ranks: IntArray) -> IntArray:
        """Choose `free` members of the front that does not fit whole; indices (K,) to (free,)."""
        if violation[torn[0]] > 0.0:
            return torn[:free]
        points = objectives[torn]
        # Copies of points share a rank with nothing else: any of them will do.
        if repeated_rows(points).any() or not self._by_hypervolume:
            best = np.argsort(-crowding_distances(points, ranks[torn]), kind="stable")[:free]
            return torn[np.sort(best)]
        points = _normalised(points)
        reference = np.full(points.shape[1], _REFERENCE)
        left = np.arange(len(torn))
        rounds = _TRUNCATION_ROUNDS[points.shape[1]]
        while len(left) > free:
            contributions = hypervolume_contributions(points[left], reference)
            drop = max(1, -(-(len(torn) - free) // rounds))
            drop = min(drop, len(left) - free)
            left = np.sort(left[np.argsort(contributions, kind="stable")[drop:]])
        return torn[left]

    def _diversity(self, objectives: FloatArray, violation: FloatArray, ranks: IntArray) -> FloatArray:
        feasible = np.flatnonzero(violation <= 0.0)
        diversity = np.zeros(len(ranks))
        if not feasible.size:
            return diversity
        if not self._by_hypervolume:
            diversity[feasible] = crowding_distances(objectives[feasible], ranks[feasible])
            return diversity
        # Only the first front is worth the computation: parents of later ones win by rank alone or lose.
        first = feasible[ranks[feasible] == 0]
        points = _normalised(objectives[first])
        diversity[first] = hypervolume_contributions(points, np.full(points.shape[1], _REFERENCE))
        return diversity


def _normalised(points: FloatArray) -> FloatArray:
    low = points.min(axis=0)
    span = points.max(axis=0) - low
    return np.asarray((points - low) / np.where(span > 0.0, span, 1.0))
