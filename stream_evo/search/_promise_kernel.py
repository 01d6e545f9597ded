"""Compiled parts of `Promise`: places of mappings in a small space, their twins, and what is around what is known.

The place of a mapping is its number when all are counted with the last gene running fastest. `sizes` (V,) are the numbers of values of the
genes, `strides` (V,) what a step of each adds to the place; a digit is a gene minus its lower bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream_evo._jit import inlined, kernel
from stream_evo.typing import AnyArray, BoolArray, FloatArray, IntArray

__all__ = ["UNKNOWN", "Space", "homes_of", "spread"]

UNKNOWN = -1
_NO_CORE = -1


class Space(NamedTuple):
    """A space of S mappings, and which of them are twins.

    Attributes:
        sizes: Number of values of each gene, (V,).
        strides: What a step of each gene adds to a place, (V,).
        allocation: First allocation gene.
        flows: First dataflow gene, negative if there is none.
        core_of: Core of each digit of each allocation gene, (L, A); no rows where no cores are alike.
        digit_of: Digit of each core, negative where the gene has none, (L, N).
        kinds: Number of the group of cores that each core is alike to, negative for none, (N,).
        members: Cores of each group, ascending, (C, M).
        homes: The place that stands for each place and its twins as far as that was asked for, else `UNKNOWN`, int32 (S,).
    """

    sizes: IntArray
    strides: IntArray
    allocation: int
    flows: int
    core_of: IntArray
    digit_of: IntArray
    kinds: IntArray
    members: IntArray
    homes: AnyArray


@inlined
def _digit(space: Space, place: int, gene: int) -> int:
    return int((place // space.strides[gene]) % space.sizes[gene])


@inlined
def _rename(space: Space, cores: IntArray, renamed: IntArray, used: IntArray) -> None:
    """Write the new name of each core (N,): cores that are alike take their names in the order in which the layers (L,) use them."""
    renamed[:], used[:] = _NO_CORE, 0
    for core in cores:
        kind = space.kinds[core]
        if kind >= 0 and renamed[core] == _NO_CORE:
            renamed[core] = space.members[kind, used[kind]]
            used[kind] += 1
    for core in range(len(renamed)):
        kind = space.kinds[core]
        if kind < 0:
            renamed[core] = core
        elif renamed[core] == _NO_CORE:  # idle ones take what is left
            renamed[core] = space.members[kind, used[kind]]
            used[kind] += 1


@inlined
def _twin(space: Space, place: int, cores: IntArray, renamed: IntArray, used: IntArray) -> int:
    """Return the place of the twin whose cores are named in the order of their use; of the mapping itself if no gene says so."""
    for layer in range(len(cores)):
        cores[layer] = space.core_of[layer, _digit(space, place, space.allocation + layer)]
    _rename(space, cores, renamed, used)
    twin = place
    for layer in range(len(cores)):
        gene = space.allocation + layer
        digit = space.digit_of[layer, renamed[cores[layer]]]
        if digit < 0:
            return place
        twin += (digit - _digit(space, place, gene)) * space.strides[gene]
    if space.flows >= 0:
        for core in range(len(renamed)):
            own, new = space.flows + core, space.flows + renamed[core]
            digit = _digit(space, place, own)
            if digit >= space.sizes[new]:
                return place
            twin += digit * (space.strides[new] - space.strides[own])
    return twin


@kernel
def homes_of(space: Space, places: IntArray) -> IntArray:
    """Return the places that stand for mappings at `places` and their twins, (P,)."""
    cores = np.zeros(len(space.core_of), dtype=np.int64)
    renamed, used = np.empty(len(space.kinds), dtype=np.int64), np.empty(len(space.members), dtype=np.int64)
    found = np.empty(len(places), dtype=np.int64)
    for number, place in enumerate(places):
        if space.homes[place] == UNKNOWN:
            space.homes[place] = _twin(space, place, cores, renamed, used)
        found[number] = space.homes[place]
    return found


@inlined
def _look_around(
    space: Space,
    place: int,
    closeness: FloatArray,
    ordered: BoolArray,
    pairs: IntArray,
    swapped: IntArray,
    near: IntArray,
    part: FloatArray,
) -> int:
    """Write the places around one, and the part of its weight that goes there; return how many there are."""
    sizes, strides = space.sizes, space.strides
    digits = (place // strides) % sizes
    count = 0
    for gene, own in enumerate(digits):
        for digit in range(sizes[gene]):
            if digit != own:
                near[count] = place + (digit - own) * strides[gene]
                part[count] = closeness[abs(digit - own) - 1] if ordered[gene] else 1.0
                count += 1
    for pair in range(len(pairs)):
        other, legal = place, True
        for start in swapped:
            one, two = start + pairs[pair, 0], start + pairs[pair, 1]
            legal = legal and digits[one] < sizes[two] and digits[two] < sizes[one]
            other += (digits[two] - digits[one]) * (strides[one] - strides[two])
        if legal and other != place:
            near[count], part[count] = other, 1.0
            count += 1
    return count


@kernel
def spread(
    space: Space,
    places: IntArray,
    weights: FloatArray,
    closeness: FloatArray,
    ordered: BoolArray,
    pairs: IntArray,
    swapped: IntArray,
    known: BoolArray,
    promise: FloatArray,
    touched: AnyArray,
) -> int:
    """Add to the promise of all mappings around some, and return how many mappings have any.

    Args:
        space: The space.
        places: What was learnt, (K,).
        weights: What each of it is worth to what is around it, (K,).
        closeness: Part of the weight that goes 1, 2, ... steps along an ordered gene, (D,).
        ordered: Genes whose values are ordered, (V,).
        pairs: Layers that may change places, (E, 2).
        swapped: First genes of the segments that change places with them, (G,).
        known: Places of no interest, (S,).
        promise: Promise of each place, zero at first, (S,).
        touched: The places whose promise is not zero are written here, (S,).
    """
    cores = np.zeros(len(space.core_of), dtype=np.int64)
    renamed, used = np.empty(len(space.kinds), dtype=np.int64), np.empty(len(space.members), dtype=np.int64)
    most, homes = space.sizes.sum() + len(pairs), space.homes
    near, part = np.empty(most, dtype=np.int64), np.empty(most)
    count = 0
    for number, place in enumerate(places):
        for index in range(_look_around(space, place, closeness, ordered, pairs, swapped, near, part)):
            home = homes[near[index]]
            if home == UNKNOWN:
                home = homes[near[index]] = _twin(space, near[index], cores, renamed, used)
            more = weights[number] * part[index]
            if more > 0.0 and not known[home]:  # what is far behind adds nothing, and must not be written down again and again
                if promise[home] == 0.0:
                    touched[count] = home
                    count += 1
                promise[home] += more
    return count
