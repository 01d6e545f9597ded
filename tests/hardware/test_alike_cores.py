"""Cores that can change places: of one kind, and wired alike."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from stream_evo.hardware import Accelerator, CoreSlot, Dram, Link, SharedMemory, load_accelerator, load_core
from stream_evo.hw_library import ACCELERATORS, CORES

SIMD, POOLING = load_core(CORES["simd"]), load_core(CORES["pooling"])
MEMORY = SIMD.memories[-1].name


def chip(*links: Link, cores: int = 4, shared: tuple[SharedMemory, ...] = ()) -> Accelerator:
    """Return an accelerator of equal cores, all on one way to the DRAM."""
    slots = tuple(CoreSlot(f"core{index}", SIMD) for index in range(cores))
    dram = Link("dram", 8, 0.0, tuple(pair for core in range(cores) for pair in ((core, cores), (cores, core))))
    return Accelerator("chip", slots, Dram("dram", 8, 64, 1.0, 1.0), (*links, dram), shared)


def wire(start: int, end: int, bits_per_cycle: int = 8, pj_per_bit: float = 0.0) -> Link:
    return Link(f"{start}->{end}", bits_per_cycle, pj_per_bit, ((start, end),))


def common(name: str, *cores: int) -> SharedMemory:
    return SharedMemory(name, tuple((core, MEMORY) for core in cores))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("single_core", ()),
        ("homogeneous_quad", ((0, 1, 2, 3),)),
        ("heterogeneous_quad", ((0, 1),)),
        ("heterogeneous_16", ((0, 1, 4, 5, 8, 9, 12, 13), (2, 6, 10, 14), (3, 7, 11, 15))),
        ("simba_2x2", ((0, 3), (1, 2))),  # a mesh: those across have the same neighbours, and a bus leads from one to the other
        ("homogeneous_quad_mesh", ()),  # one way across goes over one neighbour, the way back over the other
        ("homogeneous_64", (tuple(range(64)),)),
        ("simba_6x6", ()),
        ("eyeriss_quad", ((2, 3),)),  # a triangle of wires, with the fourth core at one corner
    ],
)
def test_groups_of_chips_in_the_library(name: str, expected: tuple[tuple[int, ...], ...]) -> None:
    assert load_accelerator(ACCELERATORS[name]).alike_cores() == expected


def test_cores_of_other_kinds_are_not_alike() -> None:
    slots = tuple(CoreSlot(f"core{index}", kind) for index, kind in enumerate((SIMD, POOLING, SIMD, POOLING, SIMD)))
    assert replace(chip(cores=5), cores=slots).alike_cores() == ((0, 2, 4), (1, 3))
    changed = replace(SIMD, operation_pj=SIMD.operation_pj + 1.0)
    assert replace(chip(cores=2), cores=(slots[0], CoreSlot("core1", changed))).alike_cores() == ()


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ((), ((0, 1, 2, 3),)),
        ((wire(0, 1),), ((2, 3),)),  # one way: the two ends differ
        ((wire(0, 1), wire(1, 0)), ((0, 1), (2, 3))),
        ((wire(0, 1), wire(1, 0, bits_per_cycle=16)), ((2, 3),)),
        ((wire(0, 1), wire(1, 0, pj_per_bit=0.5)), ((2, 3),)),
        ((Link("bus", 8, 0.0, ((0, 1), (1, 0))), Link("again", 8, 0.0, ((2, 3), (3, 2)))), ((0, 1), (2, 3))),
        ((Link("bus", 8, 0.0, tuple(itertools.permutations((0, 2, 3), 2))),), ((0, 2, 3),)),
        ((wire(0, 1), wire(2, 1), wire(3, 1)), ((0, 2, 3),)),
        ((wire(0, 1), wire(2, 1), wire(3, 1, 16)), ((0, 2),)),
        ((wire(0, 4), wire(1, 4), wire(2, 4, 16), wire(3, 4, 16)), ((0, 1), (2, 3))),  # private ways to the DRAM
        ((wire(0, 1), wire(1, 2), wire(2, 3), wire(3, 0)), ()),  # a ring: each has another place in it
    ],
)
def test_alike_cores_are_at_the_same_ends_of_links(links: tuple[Link, ...], expected: tuple[tuple[int, ...], ...]) -> None:
    assert chip(*links).alike_cores() == expected


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        ((common("all", 0, 1, 2, 3),), ((0, 1, 2, 3),)),
        ((common("some", 0, 1, 3),), ((0, 1, 3),)),
        ((common("one", 0, 2), common("two", 1, 3)), ((0, 2), (1, 3))),
        ((common("one", 0, 2),), ((0, 2), (1, 3))),
    ],
)
def test_alike_cores_share_the_same_memories(shared: tuple[SharedMemory, ...], expected: tuple[tuple[int, ...], ...]) -> None:
    assert chip(shared=shared).alike_cores() == expected


def test_of_two_equal_cores_one_may_share_a_memory_with_a_third() -> None:
    other = replace(SIMD, name="other")
    slots = CoreSlot("a", SIMD), CoreSlot("b", SIMD), CoreSlot("c", other)
    both = replace(chip(cores=3), cores=slots)
    assert both.alike_cores() == ((0, 1),)
    assert replace(both, shared_memories=(common("m", 0, 1, 2),)).alike_cores() == ((0, 1),)
    assert replace(both, shared_memories=(common("m", 0, 2),)).alike_cores() == ()


def test_names_and_the_order_of_links_do_not_count() -> None:
    plain = chip(wire(0, 1), wire(1, 0), wire(2, 0), wire(2, 1))
    slots = tuple(CoreSlot(f"another {4 - index}", slot.core) for index, slot in enumerate(plain.cores))
    links = tuple(replace(link, name=f"link {number}", connects=link.connects[::-1]) for number, link in enumerate(plain.links[::-1]))
    assert plain.alike_cores() == ((0, 1),)
    assert replace(plain, cores=slots, links=links).alike_cores() == ((0, 1),)
