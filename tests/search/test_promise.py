"""Small spaces: what promises most there, and the search that goes by it."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo import registry
from stream_evo.evaluation import METRICS, Evaluator
from stream_evo.mapping import GenomeOptions, GenomeSpec
from stream_evo.operators import RandomReset, default_operators
from stream_evo.search import (
    Budget,
    EngineContext,
    EvaluationArchive,
    KnowsAlikeCores,
    KnowsCores,
    NsgaTwo,
    SearchProblem,
    SearchResult,
    Spec,
    StopReason,
    nondominated,
    optimize,
)
from stream_evo.search._codec import pack_state, unpack_state
from stream_evo.search._promise import Promise, is_small
from stream_evo.search._promise_kernel import spread
from stream_evo.search.testing import SyntheticSpec
from stream_evo.typing import BoolArray, FloatArray, IntArray
from stream_evo.workload import Workload

Genome = tuple[int, ...]
OBJECTIVES = ("energy_pj", "latency_cycles", "memory_bytes")

# -------------------------------------------------------------------------------------------------------------- spaces


@dataclass(frozen=True)
class TwinSpec:
    """A made-up space with equal cores.

    Attributes:
        kinds: Kind of each core; cores of one kind are equal.
        capable: Cores that can run each layer: all or none of a kind, in any order.
        flows: Dataflows of each kind; empty leaves the segment out.
        pins: Smallest and largest value of some genes.
    """

    kinds: tuple[int, ...]
    capable: tuple[tuple[int, ...], ...]
    flows: tuple[int, ...] = ()
    pins: tuple[tuple[int, int, int], ...] = ()

    @cached_property
    def segments(self) -> Mapping[str, slice]:
        layers = len(self.capable)
        found = {"allocation": slice(0, layers), "cut": slice(layers, 2 * layers - 1), "tile": slice(2 * layers - 1, 3 * layers - 1)}
        if self.flows:
            found["dataflow"] = slice(3 * layers - 1, 3 * layers - 1 + len(self.kinds))
        return found

    @cached_property
    def lower(self) -> IntArray:
        lower = np.zeros_like(self._free)
        for gene, low, _ in self.pins:
            lower[gene] = low
        return lower

    @cached_property
    def upper(self) -> IntArray:
        upper = self._free.copy()
        for gene, _, high in self.pins:
            upper[gene] = high
        return upper

    @cached_property
    def _free(self) -> IntArray:
        """Upper bounds without pins."""
        tiles = [1 + layer % 2 for layer in range(len(self.capable))]
        flows = [self.flows[kind] - 1 for kind in self.kinds] if self.flows else []
        return np.array([*(len(cores) - 1 for cores in self.capable), *[1] * (len(self.capable) - 1), *tiles, *flows], dtype=np.int64)

    @cached_property
    def alike_cores(self) -> tuple[tuple[int, ...], ...]:
        """Cores of one kind that pins treat alike, also those on which nothing runs."""
        groups: dict[object, list[int]] = {}
        for core, kind in enumerate(self.kinds):
            runs = tuple(core in able[low : high + 1] for able, low, high in zip(self.capable, self.lower, self.upper, strict=False))
            gene = self._flow(core)
            bounds = (self.lower[gene], self.upper[gene]) if gene is not None else ()
            groups.setdefault((kind, runs, bounds), []).append(core)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)

    def canonical(self, genomes: IntArray) -> IntArray:
        """Clip, and lower the dataflows of idle cores."""
        found = np.clip(np.asarray(genomes, dtype=np.int64), self.lower, self.upper)
        for genome in found:
            busy = {able[value] for able, value in zip(self.capable, genome, strict=False)}
            for core in set(range(len(self.kinds))) - busy:
                gene = self._flow(core)
                if gene is not None:
                    genome[gene] = self.lower[gene]
        return found

    def _flow(self, core: int) -> int | None:
        return self.segments["dataflow"].start + core if self.flows else None


@st.composite
def twin_specs(draw: st.DrawFn) -> TwinSpec:
    kinds = tuple(draw(st.lists(st.integers(0, 1), min_size=1, max_size=4)))
    able = []
    for _ in range(2):  # so that layers often run on the same cores, and can be exchanged
        chosen = draw(st.sets(st.sampled_from(kinds), min_size=1))
        able.append(tuple(draw(st.permutations([core for core, kind in enumerate(kinds) if kind in chosen]))))
    capable = tuple(draw(st.lists(st.sampled_from(able), min_size=1, max_size=3)))
    free = TwinSpec(kinds, capable, draw(st.sampled_from([(), (2, 1), (2, 3)])))
    pins = []
    for gene in draw(st.lists(st.sampled_from(range(len(free.upper))), max_size=3, unique=True)):
        low = draw(st.integers(0, int(free.upper[gene])))
        pins.append((gene, low, draw(st.integers(low, int(free.upper[gene])))))
    return dataclasses.replace(free, pins=tuple(pins))


@st.composite
def plain_specs(draw: st.DrawFn) -> SyntheticSpec:
    split = draw(st.booleans())
    layers, cores = draw(st.integers(1, 2 if split else 3)), draw(st.integers(1, 4 if split else 3))  # four can be shared in three ways
    free = SyntheticSpec(layers, cores, split, draw(st.integers(1, 2)), draw(st.booleans()))
    genes = st.sampled_from(range(len(free.upper)))
    pins = {gene: draw(st.integers(0, int(free.upper[gene]))) for gene in draw(st.lists(genes, max_size=3))}
    return dataclasses.replace(free, pins=pins)


@cache
def real_spec(name: str) -> GenomeSpec:
    """Return a small part of the real space: a network's first layers, with few of the usual tile sizes."""
    network, layers, hardware, step, options = REAL[name]
    whole, chip = registry.load_network(network), registry.load_hardware(hardware)
    first = Workload(f"{network}_first_{layers}", whole.layers[:layers], whole.inputs)
    return GenomeSpec(first, chip, options, tiles=tuple(sizes[::step] for sizes in GenomeSpec(first, chip).tiles))


REAL = {
    "one pair": ("resnet18", 3, "heterogeneous_quad", 4, GenomeOptions(dataflow=True, priority=True)),  # of 6 cores; 4,608 genomes
    "two pairs": ("bert_layer", 3, "tpu_quad", 4, GenomeOptions(dataflow=True)),  # with a choice of dataflows; 32,768 genomes
    "four alike": ("resnet18", 3, "homogeneous_quad", 4, GenomeOptions()),
}


def real_specs() -> st.SearchStrategy[GenomeSpec]:
    return st.sampled_from(sorted(REAL)).map(real_spec)


def specs() -> st.SearchStrategy[Any]:  # any Spec
    return st.one_of(plain_specs(), twin_specs(), real_specs())


def _whole(spec: Spec) -> IntArray:
    """Return every genome inside the bounds."""
    return np.array(list(itertools.product(*(range(low, high + 1) for low, high in zip(spec.lower, spec.upper, strict=True)))))


# ----------------------------------------------------------------------------------------------------------- plain Python


def _twins(spec: Spec, genome: Genome) -> frozenset[Genome]:
    """Return a mapping with its twins: what all ways of exchanging alike cores make of it."""
    if not isinstance(spec, KnowsAlikeCores) or not isinstance(spec, KnowsCores):
        return frozenset([genome])
    first, flow = spec.segments["allocation"].start, spec.segments.get("dataflow")
    found = set()
    for orders in itertools.product(*(itertools.permutations(group) for group in spec.alike_cores)):
        moved = {old: new for group, order in zip(spec.alike_cores, orders, strict=True) for old, new in zip(group, order, strict=True)}
        twin = list(genome)
        for layer, able in enumerate(spec.capable):
            core = able[genome[first + layer]]
            twin[first + layer] = able.index(moved.get(core, core))
        for old, new in moved.items():
            if flow is not None:
                twin[flow.start + new] = genome[flow.start + old]
        found.add(tuple(twin))
    return frozenset(found)


def _around(spec: Spec, genome: Genome) -> Iterator[tuple[Genome, int]]:
    """Yield what is around a mapping, and how many steps away."""
    lower, upper = spec.lower.tolist(), spec.upper.tolist()
    for name, part in spec.segments.items():
        for gene in range(part.start, part.stop):
            for value in range(lower[gene], upper[gene] + 1):
                if value != genome[gene]:
                    yield (*genome[:gene], value, *genome[gene + 1 :]), abs(value - genome[gene]) if name in ("tile", "split") else 1
    start, layers = spec.segments["allocation"].start, spec.segments["allocation"].stop - spec.segments["allocation"].start
    cores = spec.capable if isinstance(spec, KnowsCores) else ((),) * layers
    for one, two in itertools.combinations(range(layers), 2):
        if (cores[one], lower[start + one]) != (cores[two], lower[start + two]):
            continue
        other = list(genome)
        for name in ("allocation", "tile", "split"):
            if name in spec.segments:  # values count from the smallest that pins leave
                a, b = (spec.segments[name].start + layer for layer in (one, two))
                other[a], other[b] = genome[b] - lower[b] + lower[a], genome[a] - lower[a] + lower[b]
        if tuple(other) != genome and all(value <= high for value, high in zip(other, upper, strict=True)):
            yield tuple(other), 1


@dataclass(frozen=True)
class Learnt:
    """Representatives of a space and made-up scores with many ties."""

    spec: Any
    genomes: IntArray
    objectives: FloatArray
    violation: FloatArray

    @property
    def rows(self) -> list[Genome]:
        return [tuple(row) for row in self.genomes.tolist()]

    def told(self, batches: int = 1) -> Promise:
        """Return a promise that has learnt all of it, in batches."""
        promise = Promise(self.spec, self.objectives.shape[1])
        for part in np.array_split(np.arange(len(self.genomes)), batches):
            promise.take_in(self.genomes[part], self.objectives[part], self.violation[part])
        return promise

    def ranks(self) -> list[int]:
        """Peel fronts off one by one; what is not feasible follows by violation."""
        points = self.objectives.tolist()
        left = {index for index, missing in enumerate(self.violation) if missing <= 0.0}
        ranks = [0] * len(points)
        behind = 0
        while left:
            front = {one for one in left if not any(_dominates(points[two], points[one]) for two in left)}
            for index in front:
                ranks[index] = behind
            left -= front
            behind += 1
        for place, missing in enumerate(sorted({missing for missing in self.violation.tolist() if missing > 0.0})):
            for index in np.flatnonzero(self.violation == missing).tolist():
                ranks[index] = behind + place
        return ranks

    def promises(self) -> dict[frozenset[Genome], float]:
        """Return the promise of everything around what was learnt, twins together."""
        found: dict[frozenset[Genome], float] = {}
        for genome, rank in zip(self.rows, self.ranks(), strict=True):
            for other, steps in _around(self.spec, genome):
                home = _twins(self.spec, other)
                found[home] = found.get(home, 0.0) + math.exp(-(rank + steps - 1) / 2.0)
        return found


def _dominates(one: list[float], two: list[float]) -> bool:
    return one != two and all(a <= b for a, b in zip(one, two, strict=True))


def _random(spec: Spec, count: int, rng: np.random.Generator) -> IntArray:
    """Return representatives of different mappings."""
    genomes = spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower))))
    found = np.unique(Promise(spec, 1).representatives(genomes), axis=0)
    return rng.permutation(found)


@st.composite
def learnt(draw: st.DrawFn, spaces: st.SearchStrategy[Any] | None = None) -> Learnt:
    spec = draw(spaces or specs())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    genomes = _random(spec, draw(st.integers(1, 12)), rng)
    violation = np.where(rng.random(len(genomes)) < draw(st.sampled_from([0.0, 0.3, 1.0])), rng.integers(1, 4, size=len(genomes)), 0.0)
    objectives = rng.integers(0, 4, size=(len(genomes), draw(st.integers(1, 4)))).astype(np.float64)
    objectives[violation > 0.0] = np.inf  # they mean nothing, and must not be looked at
    return Learnt(spec, genomes, objectives, violation)


class Known:
    """Tells which genomes are known."""

    def __init__(self, genomes: IntArray) -> None:
        self._rows = set(map(tuple, genomes.tolist()))

    def __call__(self, genomes: IntArray) -> BoolArray:
        return np.array([tuple(row) in self._rows for row in genomes.tolist()], dtype=np.bool_)


def _best(promise: Promise, known: IntArray, count: int = 10**6, seed: int = 0) -> list[Genome]:
    return [tuple(row) for row in promise.best(count, Known(known), np.random.default_rng(seed)).tolist()]


def _spread(promise: Promise) -> tuple[FloatArray, IntArray]:
    """Return what the kernel makes of what was learnt: the promise of every place, and the places it wrote down, with room for many."""
    values, touched = np.zeros(len(promise._promise)), np.full(20 * len(promise._promise), -1, dtype=np.int32)
    count = spread(promise._space, promise._places, promise._weights, *promise._around, promise._known, values, touched)
    assert (touched[count:] == -1).all()
    return values, touched[:count].astype(np.int64)


# ---------------------------------------------------------------------------------------------------------------- promise


@given(learnt(), st.integers(1, 3))
def test_promise_is_the_sum_over_what_is_known_around(case: Learnt, batches: int) -> None:
    """Each figure against plain Python; that of a mapping which is not canonical, and of its twins, may lie in several places."""
    spec, promise = case.spec, case.told(batches)
    values, touched = _spread(promise)
    assert sorted(touched) == np.flatnonzero(values).tolist()
    found = dict(zip(map(tuple, promise._genomes(touched).tolist()), values[touched].tolist(), strict=True))
    expected = {
        frozenset(home): value
        for home, value in case.promises().items()
        if not home & set(case.rows) and (spec.canonical(np.array(list(home))) == np.array(list(home))).all()
    }
    for home, value in expected.items():
        (representative,) = home & found.keys()
        assert found[representative] == pytest.approx(value, rel=1e-12)
    rest = np.array([genome for genome in found if _twins(spec, genome) not in expected]).reshape(-1, len(spec.lower))
    assert (spec.canonical(rest) != rest).any(axis=1).all(), "nothing is promised without a reason"


@given(learnt())
def test_all_around_what_is_known_is_offered_once(case: Learnt) -> None:
    offered = _best(case.told(), case.genomes)
    around = np.array([other for genome in case.rows for other, _ in _around(case.spec, genome)]).reshape(-1, len(case.spec.lower))
    expected = {_twins(case.spec, tuple(row)) for row in case.spec.canonical(around).tolist()}
    expected -= {_twins(case.spec, row) for row in case.rows}
    assert len(offered) == len(expected)
    assert {_twins(case.spec, genome) for genome in offered} == expected


@given(learnt(), st.integers(0, 30), st.integers(0, 2**32))
def test_the_best_are_few_canonical_unknown_and_the_most_promising(case: Learnt, count: int, seed: int) -> None:
    promise = case.told()
    everything = _best(case.told(), case.genomes, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_evo.search._promise._CHUNK", 3)  # so many are put in order at once, which must not show
        assert _best(case.told(), case.genomes, seed=seed) == everything
    best = promise.best(count, Known(case.genomes), np.random.default_rng(seed))
    assert best.shape == (min(count, len(everything)), len(case.spec.lower))
    assert [tuple(row) for row in best.tolist()] == everything[:count]
    assert not Known(case.genomes)(best).any()
    np.testing.assert_array_equal(case.spec.canonical(best), best)
    np.testing.assert_array_equal(promise.representatives(best), best)
    if "dataflow" not in case.spec.segments:  # else a mapping may be offered for what another promises that means the same
        promises = case.promises()
        falling = [promises[_twins(case.spec, genome)] for genome in everything]
        assert all(one >= two - 1e-9 for one, two in itertools.pairwise(falling))


@given(learnt(), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2**32))
def test_what_is_known_is_left_out_and_changes_nothing_else(case: Learnt, share: float, seed: int) -> None:
    """Neither the order of the rest nor the draws that follow."""
    offered = np.array(_best(case.told(), case.genomes, seed=seed), dtype=np.int64).reshape(-1, len(case.spec.lower))
    more = offered[np.random.default_rng(seed).random(len(offered)) < share]
    known = Known(np.concatenate([case.genomes, more]))
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed)
    promise = case.told()
    left = promise.best(10**6, known, rng)
    np.testing.assert_array_equal(left, offered[~known(offered)])
    Promise(case.spec, 2).best(3, known, other)  # has learnt nothing
    assert rng.random() == other.random()
    if share == 1.0:
        assert not len(left)


@given(learnt(), st.integers(0, 2**32))
def test_chance_decides_between_equals_and_always_draws_as_much(case: Learnt, seed: int) -> None:
    draws = set()
    for count, known in itertools.product((1, 50), (case.genomes, np.array(_best(case.told(), case.genomes), dtype=np.int64))):
        rng = np.random.default_rng(seed)
        case.told().best(count, Known(known), rng)
        draws.add(rng.random())
    assert len(draws) == 1


@given(learnt(), st.integers(0, 30), st.integers(0, 2**32))
def test_asked_again_the_next_best_follow_until_something_is_learnt(case: Learnt, count: int, seed: int) -> None:
    promise, known, rng = case.told(), Known(case.genomes), np.random.default_rng(seed)
    everything = _best(case.told(), case.genomes, seed=seed)
    asked = [tuple(row) for _ in range(3) for row in promise.best(count, known, rng).tolist()]
    assert asked == everything[: 3 * count]
    promise.take_in(case.genomes[:1], case.objectives[:1], case.violation[:1])
    assert _best(promise, case.genomes, seed=seed) == everything
    promise.restore(promise.state())
    assert _best(promise, case.genomes, seed=seed) == everything
    after = np.random.default_rng(seed)
    case.told().best(1, known, after)
    assert rng.random() == (after if count else np.random.default_rng(seed)).random(), "one draw, and none where nothing is asked for"


def test_of_equal_promises_each_comes_first_at_times() -> None:
    """One known mapping with five others a step away, all of which promise the same."""
    spec = SyntheticSpec(layers=3, cores=3, pins={5: 0, 6: 0, 7: 0})
    case = Learnt(spec, spec.lower[None, :], np.zeros((1, 1)), np.zeros(1))
    offered = {_best(case.told(), case.genomes, 1, seed)[0] for seed in range(100)}
    assert offered == {other for other, _ in _around(spec, case.rows[0])}
    assert len(offered) == 2 + 2 + 1 + 2


def test_nothing_is_promised_before_anything_is_learnt() -> None:
    spec = SyntheticSpec(layers=3, cores=2)
    assert Promise(spec, 3).best(5, Known(spec.lower[None, :]), np.random.default_rng(0)).shape == (0, len(spec.lower))


@given(learnt())
def test_what_is_told_twice_counts_once(case: Learnt) -> None:
    """A batch may hold a mapping twice, and one that was learnt before."""
    once, twice = case.told(), case.told()
    part = np.arange(0, len(case.genomes), 2)
    twice.take_in(case.genomes[part], case.objectives[part], case.violation[part])
    double = np.repeat(np.arange(len(case.genomes)), 2)
    doubled = Learnt(case.spec, case.genomes[double], case.objectives[double], case.violation[double]).told()
    for other in (twice, doubled):
        np.testing.assert_allclose(_spread(other)[0], _spread(once)[0], rtol=1e-12)


@given(learnt(), st.integers(1, 12), st.integers(0, 2**32))
def test_a_restored_promise_goes_on_as_the_first(case: Learnt, room: int, seed: int) -> None:
    """With so little room that some is forgotten, and over the disk; what the first took note of, the second has yet to find out."""
    objectives = case.objectives.shape[1]
    known = case.genomes
    first, second = case.told(batches=3), Promise(case.spec, objectives)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_evo.search._promise._ROOM", room)
        for turn in range(4):
            best = first.best(4, Known(known), np.random.default_rng(seed + turn))
            if turn:
                np.testing.assert_array_equal(second.best(4, Known(known), np.random.default_rng(seed + turn)), best)
            first.take_in(best, np.full((len(best), objectives), float(turn)), np.zeros(len(best)))
            known = np.concatenate([known, best])
            second.restore(unpack_state(pack_state(first.state())))
    one, two = (np.where(first._known | second._known, 0.0, _spread(promise)[0]) for promise in (first, second))
    np.testing.assert_array_equal(one, two)


@given(learnt(), st.integers(1, 12))
def test_the_best_are_kept_of_equals_those_learnt_last(case: Learnt, room: int) -> None:
    count = len(case.genomes)
    promise = case.told(batches=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_evo.search._promise._ROOM", room)
        promise.take_in(case.genomes[:0], case.objectives[:0], case.violation[:0])
    last = len(np.array_split(np.arange(count), 2)[0])  # where the last batch begins
    ranks = case.ranks()
    best = sorted(range(count), key=lambda index: (ranks[index], index < last, index))[:room]
    assert {tuple(row) for row in promise._genomes(promise._places).tolist()} == {case.rows[index] for index in best}
    np.testing.assert_allclose(sorted(promise._weights), sorted(np.exp([-ranks[index] / 2.0 for index in best])))


def test_what_is_far_behind_does_no_harm() -> None:
    """Weights behind some 1,500 ranks are too small for a number; where they go to is written down once, or never."""
    spec = SyntheticSpec(layers=4, cores=2)
    genomes = _random(spec, 6000, np.random.default_rng(0))[:4000]
    promise = Learnt(spec, genomes, np.full((4000, 2), np.inf), np.arange(1.0, 4001.0)).told()
    assert np.count_nonzero(promise._weights == 0.0) > 2000
    values, touched = _spread(promise)
    assert sorted(touched) == np.flatnonzero(values).tolist()
    assert len(touched) > 1000
    assert set(_best(promise, genomes)) == {tuple(row) for row in promise._genomes(touched).tolist()}


# ------------------------------------------------------------------------------------------------------------------ twins


@given(st.one_of(twin_specs(), real_specs()), st.integers(0, 2**32))
def test_one_of_all_twins_stands_for_them(spec: Any, seed: int) -> None:
    promise, rng = Promise(spec, 1), np.random.default_rng(seed)
    genomes = spec.canonical(rng.integers(spec.lower, spec.upper + 1, size=(4, len(spec.lower))))
    for genome, representative in zip(genomes, promise.representatives(genomes), strict=True):
        twins = _twins(spec, tuple(genome.tolist()))
        every = np.array(sorted(twins))
        np.testing.assert_array_equal(spec.canonical(every), every)
        assert tuple(representative.tolist()) in twins
        np.testing.assert_array_equal(promise.representatives(every), np.tile(representative, (len(every), 1)))


@given(plain_specs(), st.integers(0, 2**32))
def test_without_equal_cores_everything_stands_for_itself(spec: SyntheticSpec, seed: int) -> None:
    genomes = np.random.default_rng(seed).integers(spec.lower, spec.upper + 1, size=(5, len(spec.lower)))
    np.testing.assert_array_equal(Promise(spec, 1).representatives(genomes), genomes)


def test_the_twins_of_a_space_are_counted() -> None:
    """Of two layers on three equal cores, with two dataflows each."""
    spec = TwinSpec((0, 0, 0), ((0, 1, 2), (2, 0, 1)), flows=(2,))
    pinned = dataclasses.replace(spec, pins=((1, 1, 1),))
    assert spec.alike_cores == ((0, 1, 2),)
    assert pinned.alike_cores == ((1, 2),), "the second layer runs on the first core"
    for space in (spec, pinned):
        figures = np.unique(Promise(space, 1).representatives(space.canonical(_whole(space))), axis=0)
        together, apart = 2, 4  # choices of dataflows on one core, and on two
        assert len(figures) == (together + apart) * 2 * 2 * 3, "cut or not, and two and three tile sizes"


def test_equal_cores_on_which_nothing_can_run_do_no_harm() -> None:
    network, chip = registry.load_network("resnet18"), registry.load_hardware("homogeneous_quad")
    options = GenomeOptions(forbidden_cores=("core2", "core3"))
    spec = GenomeSpec(Workload("first", network.layers[:1], network.inputs), chip, options)
    assert spec.capable == ((0, 1),)
    found = Promise(spec, 1).representatives(_whole(spec))
    np.testing.assert_array_equal(found, np.where(np.arange(spec.length) == 0, 0, _whole(spec)))


def test_a_space_is_small_up_to_a_million() -> None:
    def space(flows: int, *free: int) -> TwinSpec:
        """Return ten layers on two cores, with ten cuts less one, and some tile sizes not pinned."""
        return TwinSpec((0, 1), ((0, 1),) * 10, (flows, 1), tuple((gene, 0, 0) for gene in range(19, 29) if gene not in free))

    sizes = {space(1): 2**19, space(2): 2**20, space(1, 20): 3 * 2**19, space(4): 2**21}
    for spec, size in sizes.items():
        assert math.prod((spec.upper - spec.lower + 1).tolist()) == size
        assert is_small(spec) == (size <= 2**20)


# ----------------------------------------------------------------------------------------------------------------- search


def _search(spec: GenomeSpec, **settings: Any) -> SearchResult:
    given: dict[str, Any] = {"operators": default_operators(), "population": 40, "budget": Budget(evaluations=10**6)} | settings
    return optimize(SearchProblem(Evaluator(spec), METRICS, OBJECTIVES), **given)


def _digits(points: FloatArray) -> FloatArray:
    """Round to nine digits: scores of twins differ behind the fifteenth."""
    return np.array([[float(f"{value:.9g}") for value in point] for point in points.tolist()])


@pytest.mark.parametrize("engine", ["nsga2", "nsga2:local", "nsga2:crowding"])
@pytest.mark.parametrize("name", ["one pair", "two pairs"])
def test_a_search_without_end_scores_one_of_all_twins_each_and_finds_the_front(engine: str, name: str) -> None:
    """Against every mapping there is."""
    spec = real_spec(name)
    genomes = np.unique(spec.canonical(_whole(spec)), axis=0)
    twins = {_twins(spec, tuple(genome)) for genome in genomes.tolist()}
    found = _search(spec, engine=engine)
    assert found.stop is StopReason.EXHAUSTED
    assert found.evaluations == len(twins) < 0.7 * len(genomes)
    scored = Evaluator(spec).evaluate(genomes)
    points = _digits(scored.metrics[scored.violation_bytes <= 0.0][:, [METRICS.index(name) for name in OBJECTIVES]])
    front = {tuple(point) for point in points[nondominated(points)].tolist()}
    assert {tuple(point) for point in _digits(found.front.objectives).tolist()} == front
    assert len(front) >= 5


@pytest.mark.parametrize("name", ["one pair", "two pairs"])
def test_a_resumed_search_is_the_unbroken_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken off inside a generation and between two, early and when nearly all is known; with so little room that some is forgotten."""
    monkeypatch.setattr("stream_evo.search._promise._ROOM", 200)
    spec = real_spec(name)
    whole = _search(spec, folder=tmp_path / "whole", budget=Budget(evaluations=1000))
    for evaluations in (80, 130, 500, 501, 1000):
        parts = _search(spec, folder=tmp_path / "parts", budget=Budget(evaluations=evaluations), resume=True)
    assert whole.history == parts.history
    np.testing.assert_array_equal(whole.front.genomes, parts.front.genomes)
    with EvaluationArchive.read(tmp_path / "whole") as one, EvaluationArchive.read(tmp_path / "parts") as other:
        assert one.digest() == other.digest()


def test_operators_have_their_part_to_the_end() -> None:
    calls: list[int] = []

    def counted(spec: Spec, genomes: IntArray, rng: np.random.Generator) -> IntArray:
        calls.append(len(genomes))
        return RandomReset()(spec, genomes, rng)

    seen: list[int] = []
    operators = dataclasses.replace(default_operators(), mutations=(counted,))
    found = _search(real_spec("one pair"), operators=operators, callbacks=[lambda _: seen.append(len(calls))])
    working = [row.evaluations for row in found.history].index(found.evaluations)
    assert working > 20
    assert (np.diff(seen[: working + 1]) > 0).mean() > 0.9, "each generation has children, nearly each of them mutants"


@pytest.mark.parametrize("share", [None, 0.0, 0.25, 1.0])
def test_steps_take_four_times_the_share_of_children_that_were_known(share: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 0.9, and as an average over the last generations; or the share that was asked for."""
    spec, population = SyntheticSpec(layers=4, cores=3), 40
    asked: list[int] = []
    judged: list[IntArray] = []

    def best(_promise: Promise, count: int, _is_known: object, rng: np.random.Generator) -> IntArray:
        asked.append(count)
        return rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower)))

    def is_known(genomes: IntArray) -> BoolArray:
        judged.append(genomes)
        return np.asarray(genomes.sum(axis=1) % 9 == 0)

    monkeypatch.setattr(Promise, "best", best)
    engine = NsgaTwo(EngineContext(spec, 2, population, default_operators(), np.random.default_rng(0), is_known), local_share=share)
    shares: list[float] = []
    repeats = 0.0
    for _ in range(10):
        asked.clear()
        judged.clear()
        genomes = engine.ask()
        if shares:
            assert asked[0] == round(shares[-1] * population)
            bred = np.arange(population) >= asked[0]
            brood = judged[0].tolist()
            stale = np.array([sum(genome) % 9 == 0 or genome in brood[:index] for index, genome in enumerate(brood)])
            repeats = 0.5 * repeats + 0.5 * (stale[bred].mean() if bred.any() else 0.0)
        shares.append(min(0.9, 4.0 * repeats) if share is None else share)
        scores = np.random.default_rng(len(shares)).random((len(genomes), 2))
        engine.tell(genomes, scores, np.zeros(len(genomes)))
    if share is None:
        assert any(0.0 < each < 0.9 for each in shares)
        assert max(shares) == 0.9


def test_the_classical_variant_takes_no_steps_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    best = Promise.best

    def counted(promise: Promise, count: int, *rest: Any) -> IntArray:
        asked.append(count)
        return best(promise, count, *rest)

    monkeypatch.setattr(Promise, "best", counted)
    spec = SyntheticSpec(layers=4, cores=3)
    context = EngineContext(spec, 1, 10, default_operators(), np.random.default_rng(0), lambda genomes: np.zeros(len(genomes), dtype=bool))
    engine = NsgaTwo.by_crowding(context)
    first = engine.ask()
    engine.tell(first, np.ones((len(first), 1)), np.zeros(len(first)))
    asked.clear()
    engine.ask()
    assert asked[0] == 0
