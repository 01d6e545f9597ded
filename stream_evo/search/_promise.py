"""How promising the unknown mappings of a small space are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, islice
from typing import Final

import moocore
import numpy as np

from stream_evo.search._contracts import EngineState, KnowsAlikeCores, KnowsCores, Spec
from stream_evo.search._promise_kernel import UNKNOWN, Space, homes_of, spread
from stream_evo.search._segments import LAYER_SEGMENTS, layer_count, ordered_genes, segment
from stream_evo.typing import AnyArray, BoolArray, FloatArray, IntArray

__all__ = ["Promise", "is_small"]

_LARGEST: Final = 2**20
_ROOM: Final = 4096
_SCALE: Final = 2.0
_CHUNK: Final = 256
_STATE: Final = "promise."
_MIXED: Final = 0x9E3779B97F4A7C15


def is_small(spec: Spec) -> bool:
    """Return whether a space has so few genomes, up to about a million, that something can be noted for each of them."""
    return bool(np.log2(spec.upper - spec.lower + 1.0).sum() <= np.log2(_LARGEST))


class Promise:
    """Judges the unknown mappings of a small space by what is known around them.

    Where most neighbours of good mappings are known, which of the others to try decides how soon the front is whole. A mapping one decision
    away from several good ones promises more than one next to the best alone: mappings share their figures with many others, of which only
    some are found, and the missing points of a front lie next to those that are not. The promise of a mapping is the sum, over all known
    mappings around it, of ``exp(-(rank + steps - 1) / 2)``: rank counts the fronts that dominate the neighbour's, steps is how far the gene
    lies away where values are ordered (tile sizes, ways of splitting). Around a mapping is what differs in one gene, or in that two layers
    have changed places. The idea is that of pheromones in ant colonies (Dorigo, Maniezzo, Colorni 1996), on places instead of ways.

    Mappings that differ only in which of several equal cores does what (see `KnowsAlikeCores`) are twins: one of them stands for all.

    Args:
        spec: A space that `is_small`.
        objectives: Number of objectives F.
    """

    def __init__(self, spec: Spec, objectives: int) -> None:
        self._spec = spec
        self._space = _space(spec)
        size = len(self._space.homes)
        self._promise, self._known = np.zeros(size), np.zeros(size, dtype=np.bool_)
        self._touched: AnyArray = np.empty(size, dtype=np.int32)
        swapped = [segment(spec, name).start for name in LAYER_SEGMENTS if name != "cut" and name in spec.segments]
        closeness = np.exp(-np.arange(self._space.sizes.max()) / _SCALE)
        self._around = closeness, ordered_genes(spec), _exchangeable(spec), np.array(swapped, dtype=np.int64)
        self._places = np.empty(0, dtype=np.int64)
        self._objectives = np.empty((0, objectives))
        self._violation = np.empty(0)
        self._weights = np.empty(0)
        self._waiting: Iterator[int] | None = None  # unknown mappings, the best first

    def representatives(self, genomes: IntArray) -> IntArray:
        """Return the twins that stand for canonical genomes, (P, V)."""
        return self._genomes(homes_of(self._space, self._placed(genomes)))

    def take_in(self, genomes: IntArray, objectives: FloatArray, violation: FloatArray) -> None:
        """Learn the scores of representatives, see `Engine.tell`; of more than 4,096 the best count, of equals those learnt last."""
        places = self._placed(genomes)
        self._known[places] = True
        self._waiting = None
        new = np.zeros(len(places), dtype=np.bool_)
        new[np.unique(places, return_index=True)[1]] = True  # a batch may hold a genome twice
        new &= ~np.isin(places, self._places)
        self._places = np.append(places[new], self._places)
        self._objectives = np.concatenate([objectives[new], self._objectives])
        self._violation = np.append(violation[new], self._violation)
        ranks = self._ranks()
        if len(ranks) > _ROOM:
            kept = np.sort(np.argsort(ranks, kind="stable")[:_ROOM])
            self._places, self._objectives, self._violation = self._places[kept], self._objectives[kept], self._violation[kept]
            ranks = ranks[kept]
        self._weights = np.exp(-ranks / _SCALE)

    def best(self, count: int, is_known: Callable[[IntArray], BoolArray], rng: np.random.Generator) -> IntArray:
        """Return up to `count` canonical genomes that are not known, those that promise most, (K, V), K <= count.

        Asked again before something new is learnt, the next best. None once nothing around what was learnt is unknown, but for what lies
        around nothing but mappings some thousand fronts behind.

        Args:
            count: Genomes wanted.
            is_known: Tells which canonical genomes need not be evaluated.
            rng: Decides between equal promises.
        """
        if count > 0 and self._waiting is None:
            self._waiting = self._by_promise(is_known, rng.integers(2**63, dtype=np.uint64))
        return self._genomes(np.fromiter(islice(self._waiting or (), count), dtype=np.int64))

    def _by_promise(self, is_known: Callable[[IntArray], BoolArray], salt: np.uint64) -> Iterator[int]:
        """Yield the places of all unknown mappings that have any promise, once each, the best first."""
        reached = spread(self._space, self._places, self._weights, *self._around, self._known, self._promise, self._touched)
        around = self._touched[:reached].astype(np.int64)
        promise = self._promise[around]
        self._promise[around] = 0.0
        # Chance that depends on nothing but the place: what is known already, and since when, must not change a later draw.
        chance = (around.astype(np.uint64) ^ salt) * np.uint64(_MIXED)
        chance ^= chance >> np.uint64(32)
        yielded: set[int] = set()
        while len(around):
            # Only the best need an order.
            wanted = min(_CHUNK, len(around))
            least = np.partition(promise, len(promise) - wanted)[len(promise) - wanted]
            top = np.flatnonzero(promise >= least)
            top = top[np.lexsort((chance[top], -promise[top]))]
            for place in self._fresh(around[top], is_known).tolist():
                if place not in yielded:
                    yielded.add(place)
                    yield place
            left = promise < least
            around, promise, chance = around[left], promise[left], chance[left]

    def state(self) -> EngineState:
        """Return all that is needed to continue."""
        learnt = {"places": self._places.astype(np.int32), "objectives": self._objectives, "violation": self._violation}
        return {_STATE + name: value for name, value in learnt.items()}

    def restore(self, state: EngineState) -> None:
        """Continue from `state`."""
        self._places = state[f"{_STATE}places"].astype(np.int64)
        self._objectives, self._violation = state[f"{_STATE}objectives"], state[f"{_STATE}violation"]
        self._weights = np.exp(-self._ranks() / _SCALE)
        self._known[:] = False
        self._waiting = None

    def _ranks(self) -> IntArray:
        """Return the rank of each mapping learnt, equal mappings alike, (K,): the number of its front, or behind them by violation."""
        feasible = self._violation <= 0.0
        ranks = np.zeros(len(feasible), dtype=np.int64)
        behind = 0
        if feasible.any():
            ranks[feasible] = moocore.pareto_rank(self._objectives[feasible])
            behind = int(ranks.max()) + 1
        ranks[~feasible] = behind + np.unique(self._violation[~feasible], return_inverse=True)[1]
        return ranks

    def _fresh(self, places: IntArray, is_known: Callable[[IntArray], BoolArray]) -> IntArray:
        """Return what stands for the mappings at `places` (P,) as far as it is not known; the others are noted as known."""
        genomes = self.representatives(self._spec.canonical(self._genomes(places)))
        known = is_known(genomes)
        self._known[places[known]] = True
        return self._placed(genomes[~known])

    def _placed(self, genomes: IntArray) -> IntArray:
        return np.asarray((genomes - self._spec.lower) @ self._space.strides)

    def _genomes(self, places: IntArray) -> IntArray:
        return np.asarray(self._spec.lower + places[:, None] // self._space.strides % self._space.sizes)


def _exchangeable(spec: Spec) -> IntArray:
    """Return the pairs of layers that run on the same cores, (E, 2)."""
    layers = layer_count(spec)
    cores = spec.capable if isinstance(spec, KnowsCores) else ((),) * layers
    lower = spec.lower[segment(spec, "allocation")]
    pairs = [(one, two) for one, two in combinations(range(layers), 2) if cores[one] == cores[two] and lower[one] == lower[two]]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _space(spec: Spec) -> Space:
    """Return what the kernels take to tell places, and twins where the space says which cores are alike."""
    sizes = spec.upper - spec.lower + 1
    strides = np.append(np.cumprod(sizes[:0:-1])[::-1], 1)
    homes = np.full(int(sizes.prod()), UNKNOWN, dtype=np.int32)
    part, flows = segment(spec, "allocation"), segment(spec, "dataflow")
    first_flow = flows.start if flows.stop > flows.start else UNKNOWN
    alike = spec.alike_cores if isinstance(spec, KnowsAlikeCores) else ()
    if not alike or not isinstance(spec, KnowsCores):
        nothing = np.zeros((0, 0), dtype=np.int64)
        return Space(sizes, strides, part.start, UNKNOWN, nothing, nothing, np.zeros(0, dtype=np.int64), nothing, homes)
    lower, upper = spec.lower[part], spec.upper[part]
    cores = 1 + max(max(group) for group in (*spec.capable, *alike))
    core_of = np.zeros((len(lower), int((upper - lower).max()) + 1), dtype=np.int64)
    digit_of = np.full((len(lower), cores), UNKNOWN, dtype=np.int64)
    for layer, able in enumerate(spec.capable):
        for digit, core in enumerate(able[lower[layer] : upper[layer] + 1]):
            core_of[layer, digit], digit_of[layer, core] = core, digit
    kinds = np.full(cores, UNKNOWN, dtype=np.int64)
    members = np.full((len(alike), max(map(len, alike))), UNKNOWN, dtype=np.int64)
    for kind, same in enumerate(alike):
        kinds[list(same)], members[kind, : len(same)] = kind, same
    return Space(sizes, strides, part.start, first_flow, core_of, digit_of, kinds, members, homes)
