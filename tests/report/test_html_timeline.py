"""Schedules in a page: exact when there is room, and never wrong about ends, order and peaks when there is not."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo.report.html import Bar, Timeline, TraceLine, timeline_of
from stream_evo.report.html._page import _fitted, _share
from stream_evo.schedule import Cause, MemoryUsage, Schedule, TileRun, Totals, Transfer


@st.composite
def _bars(draw: st.DrawFn) -> tuple[Bar, ...]:
    found, at = [], 0
    for _ in range(draw(st.integers(0, 30))):
        start = at + draw(st.integers(0, 50))
        at = start + draw(st.integers(1, 50))
        found.append(
            Bar(start, at, draw(st.integers(0, 3)), draw(st.integers(0, 1)), draw(st.integers(-1, 9)), critical=draw(st.booleans()))
        )
    return tuple(found)


@st.composite
def _traces(draw: st.DrawFn) -> TraceLine:
    times = sorted(draw(st.sets(st.integers(0, 2000), max_size=40)))
    bits = [draw(st.integers(0, 99)) for _ in times]
    return TraceLine(tuple(times), tuple(bits), tuple(draw(st.integers(0, most)) for most in bits))


@st.composite
def _timelines(draw: st.DrawFn) -> Timeline:
    cores = tuple(draw(st.lists(_bars(), min_size=1, max_size=3)))
    moves = draw(_bars())
    end = max([bar.end_cycles for bars in (*cores, moves) for bar in bars], default=1)
    return Timeline(end, cores, {(0, 1): moves} if moves else {}, (draw(_traces()),))


def _decoded(columns: Sequence[Sequence[int]], *, moves: bool) -> list[Bar]:
    """The rules of `timeline.js`, in Python."""
    gaps, lengths, rows, parts, tiles, counts, critical, *more = columns
    causes, bits = more if moves else ([0] * len(gaps), [0] * len(gaps))
    expected: dict[tuple[int, int], int] = {}
    found, before = [], 0
    for gap, length, row, part, tile, count, on_path, cause, size in zip(
        gaps, lengths, rows, parts, tiles, counts, critical, causes, bits, strict=True
    ):
        start = before + gap
        before = start if moves else start + length
        number = tile + expected.get((row, part), 0)
        expected[row, part] = number + count
        found.append(Bar(start, start + length, row, part, number, count, cause, size, bool(on_path)))
    return found


@given(_timelines())
def test_encoded_bars_read_back(timeline: Timeline) -> None:
    encoded = timeline.encoded()
    assert [tuple(_decoded(columns, moves=False)) for columns in encoded["cores"]] == list(timeline.cores)
    routes = {(source, target): tuple(_decoded(columns, moves=True)) for source, target, *columns in encoded["routes"]}
    assert routes == dict(timeline.routes)


@given(_timelines(), st.integers(1, 60))
def test_coarser_bars_cover_the_exact_ones_in_order(timeline: Timeline, cells: int) -> None:
    coarse = timeline.coarser(cells)
    step = coarse.resolution_cycles
    assert step * cells >= timeline.latency_cycles
    for exact, drawn in zip(timeline.cores, coarse.cores, strict=True):
        assert sum(bar.count for bar in drawn) == len(exact)
        assert all(one.end_cycles <= other.start_cycles for one, other in pairwise(drawn))
        assert all(any(one.start_cycles <= bar.start_cycles and bar.end_cycles <= one.end_cycles for one in drawn) for bar in exact)
        # Idle time as long as a step stays visible, so what is drawn as busy is off by less than a step for each gap that was closed.
        gaps = [after.start_cycles - bar.end_cycles for bar, after in pairwise(exact) if after.start_cycles - bar.end_cycles >= step]
        kept = [after.start_cycles - bar.end_cycles for bar, after in pairwise(drawn)]
        assert all(gap in kept for gap in gaps)


@given(_timelines(), st.integers(1, 60))
def test_coarser_memories_keep_their_peaks(timeline: Timeline, cells: int) -> None:
    coarse = timeline.coarser(cells)
    for exact, drawn in zip(timeline.memories, coarse.memories, strict=True):
        assert max(exact.bits, default=0) == max(drawn.bits, default=0)
        assert max(exact.activation_bits, default=0) == max(drawn.activation_bits, default=0)
        assert exact.bits[-1:] == drawn.bits[-1:]
        assert list(drawn.times) == sorted(set(drawn.times))


def test_a_coarse_timeline_is_small_whatever_the_bars_are() -> None:
    # Two layers in turn on one core: neighbours are never alike.
    bars = tuple(Bar(10 * index, 10 * index + 10, index % 2, 0, index // 2) for index in range(20_000))
    line = TraceLine(tuple(range(0, 200_000, 5)), tuple(range(40_000)), tuple(range(40_000)))
    coarse = Timeline(200_000, (bars,), {}, (line,)).coarser(500)
    assert len(coarse.cores[0]) <= 2 * 500 + 1
    assert len(coarse.memories[0].times) <= 3 * 500 + 3


def test_schedules_are_made_coarser_only_where_room_is_short() -> None:
    small = Timeline(100, ((Bar(0, 100, 0, 0, 0),),), {}, ())
    rng = np.random.default_rng(1)
    ends = np.cumsum(rng.integers(10, 90, 8000)).tolist()
    bars = tuple(Bar(end - 8, end, row, 0, tile) for end, row, tile in zip(ends, *rng.integers(0, 1000, (2, 8000)).tolist(), strict=True))
    large = Timeline(ends[-1], (bars,), {}, ())
    exact = _fitted({0: small, 1: large}, 10_000_000)
    short = _fitted({0: small, 1: large}, len(exact[0]) + len(exact[1]) // 4)
    assert short[0] == exact[0]
    assert len(short[0]) + len(short[1]) <= len(exact[0]) + len(exact[1]) // 4


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(0, 8000))
def test_room_is_shared_fairly(sizes: list[int], room: int) -> None:
    share = _share(sizes, room)
    if sum(sizes) <= room:
        assert share == float("inf")
    else:
        assert sum(min(size, share) for size in sizes) == pytest.approx(room)


def test_tiles_and_transfers_are_named_by_their_rows() -> None:
    totals = Totals(9, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    tiles = (TileRun(stream=2, layer=1, part=1, tile=4, core=1, ready_cycles=0, start_cycles=3, end_cycles=9),)
    moves = (
        Transfer(Cause.NETWORK_INPUT, 0, 7, 2, 1, -1, 0, (0,), 64, 0, 3),
        Transfer(Cause.WEIGHTS, 2, -1, 2, 1, -1, 0, (0,), 8, 1, 3),
    )
    schedule = Schedule(totals, tiles, moves, (MemoryUsage("m", 10, (0,), (5,), (5,)),))
    critical = {(1, 1, 2, 4, 3), (2, 1, 0, 7, 0)}
    timeline = timeline_of(schedule, cores=2, inputs=1, rows=[0, 1, 2], critical=critical)
    assert timeline.cores == ((), (Bar(3, 9, 2, 1, 4, critical=True),))
    assert timeline.routes == {
        (2, 1): (Bar(0, 3, 0, 0, 7, cause=0, bits=64, critical=True), Bar(1, 3, 2, 1, -1, cause=1, bits=8)),
    }
