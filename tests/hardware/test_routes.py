"""Ways between nodes: fewest links, then private before shared, then fast before slow, then first in the file."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo.hardware import Accelerator, CoreSlot, Dram, Link, load_core
from stream_evo.hw_library import CORES

DRAM = Dram("dram", 8, 64, 1.0, 1.0)
CORE = load_core(CORES["simd"])


def chip(cores: int, *links: Link) -> Accelerator:
    """Return an accelerator whose cores all have a slow way to the DRAM over one link, the last."""
    pairs = tuple(pair for core in range(cores) for pair in ((core, cores), (cores, core)))
    slots = tuple(CoreSlot(f"core{index}", CORE) for index in range(cores))
    return Accelerator("chip", slots, DRAM, (*links, Link("dram", 1, 0.0, pairs)))


def wire(start: int, end: int, bits_per_cycle: int = 8, name: str = "") -> Link:
    return Link(name or f"{start}->{end}", bits_per_cycle, 0.0, ((start, end),))


def mesh(rows: int, columns: int) -> list[Link]:
    links = []
    for row, column in itertools.product(range(rows), range(columns)):
        here = row * columns + column
        if column + 1 < columns:
            links += [wire(here, here + 1), wire(here + 1, here)]
        if row + 1 < rows:
            links += [wire(here, here + columns), wire(here + columns, here)]
    return links


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (2, 2), (3, 4), (6, 6)])
def test_a_way_through_a_mesh_is_as_long_as_the_manhattan_distance_and_connected(rows: int, columns: int) -> None:
    accelerator = chip(rows * columns, *mesh(rows, columns))
    for start, end in itertools.product(range(rows * columns), repeat=2):
        way = accelerator.path(start, end)
        assert way is not None
        distance = abs(start // columns - end // columns) + abs(start % columns - end % columns)
        assert len(way) == distance
        here = start
        for index in way:
            ((source, here_next),) = accelerator.links[index].connects
            assert source == here
            here = here_next
        assert here == end


def test_a_node_reaches_itself_without_links() -> None:
    assert chip(2).path(1, 1) == ()


def test_no_way_leads_through_the_dram() -> None:
    accelerator = chip(2)
    assert accelerator.path(0, 1) is None
    assert accelerator.path(0, accelerator.dram_node) == (0,)
    assert accelerator.path(accelerator.dram_node, 1) == (0,)


def test_fewer_links_win_over_private_ones() -> None:
    bus = Link("bus", 1, 0.0, tuple(itertools.permutations(range(3), 2)))
    assert chip(3, wire(0, 1, 64), wire(1, 2, 64), bus).path(0, 2) == (2,)


def test_a_private_link_wins_over_a_faster_bus() -> None:
    bus = Link("bus", 64, 0.0, tuple(itertools.permutations(range(3), 2)))
    assert chip(3, bus, wire(0, 1, 1)).path(0, 1) == (1,)


def test_of_equally_private_links_the_faster_wins_and_then_the_first() -> None:
    assert chip(2, wire(0, 1, 8, "slow"), wire(0, 1, 32, "fast"), wire(0, 1, 32, "late")).path(0, 1) == (1,)


def test_the_whole_way_counts_and_not_its_first_link() -> None:
    # 0 -> 1 -> 3 begins with the better link, 0 -> 2 -> 3 is better as a whole: its links are private.
    bus = Link("bus", 64, 0.0, ((1, 3), (3, 1)))
    accelerator = chip(4, wire(0, 1, 64), wire(0, 2, 8), bus, wire(2, 3, 8))
    assert accelerator.path(0, 3) == (1, 3)


@st.composite
def networks(draw: st.DrawFn) -> Accelerator:
    cores = draw(st.integers(2, 6))
    pairs = st.lists(
        st.tuples(st.integers(0, cores), st.integers(0, cores)).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=4
    )
    links = [Link(f"link{i}", draw(st.sampled_from([8, 16, 32])), 0.0, tuple(draw(pairs))) for i in range(draw(st.integers(0, 8)))]
    return chip(cores, *links)


def every_way(accelerator: Accelerator, source: int, target: int) -> list[tuple[int, ...]]:
    """Return all ways without a repeated node, by exhaustive search."""
    found = []

    def walk(node: int, way: tuple[int, ...], seen: frozenset[int]) -> None:
        if node == target:
            found.append(way)
        elif node != accelerator.dram_node or node == source:
            for index, link in enumerate(accelerator.links):
                for start, end in link.connects:
                    if start == node and end not in seen:
                        walk(end, (*way, index), seen | {end})

    walk(source, (), frozenset({source}))
    return found


@given(networks())
def test_the_way_is_the_best_of_all_ways(accelerator: Accelerator) -> None:
    links = accelerator.links
    nodes = range(accelerator.dram_node + 1)
    for source, target in itertools.product(nodes, repeat=2):
        ways = every_way(accelerator, source, target)
        best = min(
            ways,
            key=lambda way: (len(way), sum(len(links[i].connects) for i in way), sum(1 / links[i].bits_per_cycle for i in way), way),
            default=None,
        )
        assert accelerator.path(source, target) == best


def test_asking_for_ways_does_not_change_the_value(tmp_path: Path) -> None:
    asked, fresh = chip(4, *mesh(2, 2)), chip(4, *mesh(2, 2))
    asked.path(0, 3)
    assert asked == fresh
    assert hash(asked) == hash(fresh)
    assert pickle.loads(pickle.dumps(asked)) == fresh  # noqa: S301  # our own bytes: worker processes get accelerators this way


@pytest.mark.parametrize(
    ("links", "match"),
    [
        ((Link("far", 8, 0.0, ((0, 9),)),), "ends at a node that does not exist"),
        ((wire(0, 1), wire(0, 1)), "must be unique"),
    ],
)
def test_links_that_make_no_sense_are_refused(links: tuple[Link, ...], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        chip(2, *links)


def test_a_core_cut_off_from_the_dram_is_refused() -> None:
    with pytest.raises(ValueError, match="no links join core core1 and the DRAM in both directions"):
        Accelerator("chip", (CoreSlot("core0", CORE), CoreSlot("core1", CORE)), DRAM, (Link("dram", 8, 0.0, ((0, 2), (2, 0), (2, 1))),))
