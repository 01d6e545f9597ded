"""The fast scheduler as an object: tables and workspaces in, results and traces out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from stream_evo.schedule import _layout as at
from stream_evo.schedule._chip import Chip
from stream_evo.schedule._kernel import schedule_batch
from stream_evo.schedule._schedule import Block, Cause, MemoryUsage, Schedule, TileRun, Totals, Transfer
from stream_evo.schedule._tables import Tables
from stream_evo.typing import FloatArray, IntArray

__all__ = ["Raw", "Simulator"]

_START_WORDS = 1 << 16
_START_CROWDING = 1
_NO_RECORD: IntArray = np.empty(0, dtype=np.int64)


@dataclass
class _Workspace:
    """A thread's buffer; it grows when a genome needs more and stays grown."""

    words: IntArray = field(default_factory=lambda: np.empty(_START_WORDS, dtype=np.int64))
    crowding: int = _START_CROWDING

    def grow(self, problem: int) -> None:
        """Make room after `schedule_batch` said what it lacks."""
        if problem > 0:
            self.words = np.empty(problem + problem // 4, dtype=np.int64)
        else:
            self.crowding *= 4


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What the kernel writes.

    Attributes:
        sums: One row per genome, in the order of `_layout.OUT_*`, shape ``(P, OUT_SIZE)``.
        blocks: For each genome a row per layer, in the order of `_layout.B_*`; that of a block's first layer says what the block
            contributes, others are zero. Shape ``(P, L, B_SIZE)``.
    """

    sums: FloatArray
    blocks: FloatArray

    @classmethod
    def zeros(cls, genomes: int, layers: int) -> Raw:
        """Return room for the results of some genomes."""
        return cls(np.zeros((genomes, at.OUT_SIZE)), np.zeros((genomes, layers, at.B_SIZE)))


@dataclass
class Simulator:
    """Schedules decisions against one problem's tables.

    Args:
        tables: The problem.
        chip: Its chip, for names.
    """

    tables: Tables
    chip: Chip
    _workspaces: list[_Workspace] = field(default_factory=list, repr=False)

    def run(self, decisions: IntArray, workers: int = 1) -> Raw:
        """Schedule decisions of shape ``(P, D)`` on `workers` threads.

        Returns:
            Raw results.
        """
        found = Raw.zeros(len(decisions), self._layers)
        if workers == 1 or len(decisions) < 2 * workers:
            self._run_part(decisions, found)
            return found
        edges = np.linspace(0, len(decisions), workers + 1).astype(int)
        with ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(self._run_part, decisions[a:b], Raw(found.sums[a:b], found.blocks[a:b])) for a, b in pairwise(edges)]
            for job in jobs:
                job.result()
        return found

    @property
    def _layers(self) -> int:
        return int(self.tables.integers[at.Q_LAYERS])

    def _run_part(self, decisions: IntArray, out: Raw) -> None:
        space = self._workspaces.pop() if self._workspaces else _Workspace()  # list methods are atomic: no two threads share one
        begin = 0
        while True:
            begin, problem = self._schedule(decisions, space, _NO_RECORD, out, begin)
            if problem == 0:
                break
            space.grow(problem)
        self._workspaces.append(space)

    def _schedule(self, decisions: IntArray, space: _Workspace, record: IntArray, out: Raw, begin: int) -> tuple[int, int]:
        t = self.tables
        blocks = out.blocks.reshape(len(out.blocks), self._layers * at.B_SIZE)
        costs = t.energies, t.ports, t.links, t.dram
        return schedule_batch(t.integers, decisions, space.words, record, space.crowding, *costs, out.sums, blocks, begin)

    def trace(self, decisions: IntArray) -> Schedule:
        """Schedule one genome's decisions, shape ``(D,)``, and return everything that happened."""
        space = _Workspace()
        rows = 1 << 12
        raw = Raw.zeros(1, self._layers)
        while True:
            record = np.zeros(rows * at.TRACE_COLUMNS, dtype=np.int64)
            _, problem = self._schedule(decisions[np.newaxis], space, record, raw, 0)
            if problem == 0:
                break
            if problem == -2:
                rows *= 4
            else:
                space.grow(problem)
        return self._read(space.words, record.reshape(-1, at.TRACE_COLUMNS)[: space.words[at.W_RECORDED]], raw)

    def _read(self, words: IntArray, record: IntArray, raw: Raw) -> Schedule:
        """Give names to what the kernel wrote down."""
        streams = words[words[at.W_STREAM] :][: words[at.W_STREAMS] * at.S_SIZE].reshape(-1, at.S_SIZE)
        first = streams[:, at.S_FIRST]
        paths = self.chip.paths
        tiles: list[TileRun] = []
        transfers: list[Transfer] = []
        for row in record.tolist():
            if row[at.TRACE_KIND] == 0:
                _, stream, tile, core, ready, start, end = row[:7]
                tiles.append(
                    TileRun(stream, int(streams[stream, at.S_LAYER]), int(streams[stream, at.S_PART]), tile, core, ready, start, end)
                )
                continue
            _, cause, tensor, source, target, sender, receiver, bits, start, end = row[:10]
            if tensor >= words[at.W_TENSORS]:
                stream, tile = tensor - int(words[at.W_TENSORS]), -1
            else:
                stream = int(np.searchsorted(first, tensor, side="right")) - 1
                tile = tensor - int(first[stream])
            path = paths[source][target] or ()
            transfers.append(Transfer(Cause(cause), stream, tile, source, target, sender, receiver, path, bits, start, end))
        totals, blocks = totals_of(raw.sums[0]), tuple(_blocks(raw.blocks[0]))
        return Schedule(totals, tuple(tiles), tuple(transfers), tuple(self._usage(words)), blocks)

    def _usage(self, words: IntArray) -> Sequence[MemoryUsage]:
        found = []
        size = at.STORE_EVENTS + at.EVENT_SIZE * int(words[at.W_STORE_CAPACITY])
        for memory, (name, capacity) in enumerate(zip(self.chip.names, self.chip.capacities, strict=True)):
            base = int(words[at.W_STORE]) + memory * size
            count = int(words[base + at.STORE_COUNT])
            events = words[base + at.STORE_EVENTS :][: at.EVENT_SIZE * count].reshape(-1, at.EVENT_SIZE)
            held, activation = np.cumsum(events[:, 1]), np.cumsum(events[:, 2])
            found.append(MemoryUsage(name, capacity, tuple(events[:, 0].tolist()), tuple(held.tolist()), tuple(activation.tolist())))
        return found


def _blocks(rows: FloatArray) -> Iterator[Block]:
    for first, row in enumerate(rows.tolist()):
        if row[at.B_BEHIND]:
            yield Block(
                first,
                int(row[at.B_BEHIND]),
                int(row[at.B_LATENCY]),
                row[at.B_ENERGY],
                dram_bytes=row[at.B_DRAM],
                memory_bytes=row[at.B_PEAK],
            )


def metrics_of(raw: FloatArray) -> dict[str, FloatArray]:
    """Return what a search compares, by name, shape ``(P,)`` each, from raw results ``(P, OUT_SIZE)``: sums and order as in `Totals`."""
    energy = raw[:, at.OUT_MAC] + raw[:, at.OUT_MEMORY] + raw[:, at.OUT_TRANSFER] + raw[:, at.OUT_LINK] + raw[:, at.OUT_DRAM]
    latency = raw[:, at.OUT_LATENCY]
    return {
        "latency_cycles": latency,
        "energy_pj": energy,
        "memory_bytes": raw[:, at.OUT_PEAK_BITS] / 8,
        "edp_pj_cycles": energy * latency,
        "dram_bytes": raw[:, at.OUT_DRAM_BITS] / 8,
        "violation_bytes": raw[:, at.OUT_VIOLATION_BITS] / 8,
    }


def parts_of(raw: FloatArray) -> dict[str, FloatArray]:
    """Return what else a batch is known by, by name as in `Totals`, shape ``(P,)`` each: the parts of the energy, and evictions."""
    columns = {
        "mac_pj": at.OUT_MAC,
        "memory_pj": at.OUT_MEMORY,
        "transfer_pj": at.OUT_TRANSFER,
        "link_pj": at.OUT_LINK,
        "dram_pj": at.OUT_DRAM,
        "evictions": at.OUT_EVICTIONS,
    }
    return {name: raw[:, column].copy() for name, column in columns.items()}


def totals_of(raw: FloatArray) -> Totals:
    """Return named totals from one row of raw results."""
    return Totals(
        latency_cycles=int(raw[at.OUT_LATENCY]),
        mac_pj=float(raw[at.OUT_MAC]),
        memory_pj=float(raw[at.OUT_MEMORY]),
        transfer_pj=float(raw[at.OUT_TRANSFER]),
        link_pj=float(raw[at.OUT_LINK]),
        dram_pj=float(raw[at.OUT_DRAM]),
        memory_bytes=float(raw[at.OUT_PEAK_BITS]) / 8,
        dram_bytes=float(raw[at.OUT_DRAM_BITS]) / 8,
        violation_bytes=float(raw[at.OUT_VIOLATION_BITS]) / 8,
        evictions=int(raw[at.OUT_EVICTIONS]),
    )
