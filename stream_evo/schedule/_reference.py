"""The scheduler in plain Python, written to be read; the kernel must equal it.

The rules are those of ``stream_evo/README.md``, section 4; the numbers in comments refer to them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from stream_evo.mapping import Priority
from stream_evo.schedule._blocks import Opening, blocks_of, traffic
from stream_evo.schedule._chip import Chip
from stream_evo.schedule._figures import OPERANDS, TileFigures
from stream_evo.schedule._plan import Plan, Reads, Stream
from stream_evo.schedule._resources import Link, Store, first_window
from stream_evo.schedule._schedule import Cause, MemoryUsage, Schedule, TileRun, Totals, Transfer

__all__ = ["schedule_plan"]

NEVER = -1
WEIGHTS = -1  # the tile number that stands for a stream's weights
Key = tuple[int, int, int]
Pair = tuple[int, int]


def schedule_plan(plan: Plan, chip: Chip) -> Schedule:
    """Schedule all tiles of `plan` on `chip` and return what happened."""
    return _Scheduler(plan, chip).run()


@dataclass(slots=True)
class _Slot:
    """A tensor in a memory: since when, and until when something recorded uses it."""

    available: int
    latest_use: int


@dataclass(slots=True)
class _Tensor:
    """The output of one tile, one piece of input, or the weights of one stream.

    Attributes:
        key: (0, stream, tile) for activations, (1, stream, WEIGHTS) for weights; their order is the order of tensor ids.
        bits: Size.
        home: Memory it is produced in; -1 for what comes from DRAM.
        end: When it exists.
        dram: When its copy in DRAM is complete; NEVER if there is none.
        spilled: True if DRAM is the place to fetch it from.
        readers: Tiles that still read it, per memory in which they read it.
        unsent: Memories that still wait for it from its home.
        slots: Where it is.
    """

    key: Key
    bits: int
    home: int
    end: int
    dram: int
    spilled: bool
    readers: Counter[int] = field(default_factory=Counter)
    unsent: set[int] = field(default_factory=set)
    slots: dict[int, _Slot] = field(default_factory=dict)

    @property
    def at_home(self) -> bool:
        """True if it can be fetched from where it was produced."""
        return not self.spilled and self.home in self.slots

    @property
    def is_activation(self) -> bool:
        """False for weights."""
        return self.key[0] == 0


class _Scheduler:
    def __init__(self, plan: Plan, chip: Chip) -> None:
        self.plan, self.chip = plan, chip
        cores = len(chip.accelerator.cores)
        self.dram_node = cores
        self.links = [Link() for _ in chip.accelerator.links]
        self.stores = [Store(capacity) for capacity in chip.capacities]
        self.core_free = [0] * cores
        self.last_start = [0] * cores
        self.dma_free = [[0, 0] for _ in range(cores)]
        self.barrier = 0
        self.done = [0] * len(plan.streams)
        self.tensors: dict[Key, _Tensor] = {}
        self.readers = [self._reader_counts(index) for index in range(len(plan.streams))]
        self.tiles: list[TileRun] = []
        self.transfers: list[Transfer] = []
        self.evictions = 0
        self.opened: list[Opening] = []

    def run(self) -> Schedule:
        """Schedule until no tile is left."""
        for index, stream in enumerate(self.plan.streams):
            if stream.layer < 0:
                for tile in range(stream.tiles):
                    self._create(index, tile, home=-1, end=0)
                self.done[index] = stream.tiles
            elif stream.weight_bits:
                readers = Counter({self.chip.core_memories[stream.core][1]: stream.tiles})
                key = (1, index, WEIGHTS)
                self.tensors[key] = _Tensor(key, stream.weight_bits, -1, 0, 0, spilled=True, readers=readers)
        if self._weights_fit():  # rule 10
            for index, stream in enumerate(self.plan.streams):
                if stream.weight_bits:
                    memory = self.chip.core_memories[stream.core][1]
                    self.barrier = max(self.barrier, self._fetch(self.tensors[1, index, WEIGHTS], memory, stream.core, 0, set()))
        while (chosen := self._choose()) is not None:
            self._run_tile(*chosen)
        return self._result()

    # ------------------------------------------------------------------------------------------------ preparation

    def _reader_counts(self, producer: int) -> list[tuple[int, Counter[int]]]:
        """Return, per edge out of stream `producer`, the memory its tiles are read in (-1: in DRAM) and the readers of each tile."""
        found = []
        for consumer in self.plan.streams:
            for reads in consumer.reads:
                if producer in reads.producers:
                    counts: Counter[int] = Counter()
                    for tile in range(consumer.tiles):
                        counts.update(consumer.tiles_read(reads, tile, self.plan.streams[producer]))
                    found.append((self._memory_of(consumer, reads), counts))
        return found

    def _memory_of(self, stream: Stream, reads: Reads) -> int:
        """Return the memory in which `stream` reads an operand; -1 if it is streamed from DRAM."""
        return -1 if reads.operand in stream.streamed else self.chip.core_memories[stream.core][OPERANDS.index(reads.operand)]

    def _weights_fit(self) -> bool:
        """Return True if all weights fit beside the largest tile of each memory, so that they are loaded once, at the start."""
        streams = [s for s in self.plan.streams if s.layer >= 0]
        if not self.chip.loads_weights_first or any(s.streams_weights for s in streams):
            return False
        for memory, capacity in enumerate(self.chip.capacities):
            weights = sum(s.weight_bits for s in streams if self.chip.core_memories[s.core][1] == memory)
            if weights and weights + max(self._working_bits(s, memory) for s in streams) > capacity:
                return False
        return True

    def _working_bits(self, stream: Stream, memory: int) -> int:
        """Return the space that one tile needs in `memory` besides weights."""
        homes = self.chip.core_memories[stream.core]
        return sum(
            stream.buffer_bits[position] if OPERANDS[position] in stream.streamed else stream.needed_bits[position]
            for position in range(3)
            if homes[position] == memory
        )

    # ------------------------------------------------------------------------------------------------ the next tile

    def _choose(self) -> tuple[int, int] | None:
        """Return the stream to continue and when its next tile's predecessors end (rules 1 and 2)."""
        best: tuple[tuple[int, ...], int, int] | None = None
        for index, stream in enumerate(self.plan.streams):
            tile = self.done[index]
            ready = self._ready(stream, index, tile) if tile < stream.tiles else None
            if ready is None:
                continue
            if self.plan.priority is Priority.MEMORY:
                key: tuple[int, ...] = (stream.stack, -stream.layer, tile, stream.part)
            else:
                key = (ready, stream.layer, tile, stream.part)
            if best is None or key < best[0]:
                best = key, index, ready
        return None if best is None else best[1:]

    def _ready(self, stream: Stream, index: int, tile: int) -> int | None:
        """Return when the last predecessor of a tile ends, or None if one is not scheduled yet."""
        ready = self.tensors[0, index, tile - 1].end if tile else 0
        for reads in stream.reads:
            for producer in reads.producers:
                source = self.plan.streams[producer]
                read = stream.tiles_read(reads, tile, source)
                if reads.cut:
                    read = (*read, source.tiles - 1)
                if read and max(read) >= self.done[producer]:
                    return None
                ready = max([ready, *(self.tensors[0, producer, t].end for t in read)])
        return ready

    # ------------------------------------------------------------------------------------------------ one tile

    def _run_tile(self, index: int, ready: int) -> None:
        stream, tile = self.plan.streams[index], self.done[index]
        if not self.opened or stream.stack > self.opened[-1].stack:
            self.opened.append(Opening(stream.stack, len(self.tiles), len(self.transfers)))
        core, figures = stream.core, stream.tile_figures(tile)
        operands, exist = self._operands(index, stream, tile)
        own = {(tensor.key, memory) for tensor, memory in operands}
        missing = [(tensor, memory) for tensor, memory in operands if memory not in tensor.slots]
        for tensor, memory in sorted(missing, key=lambda pair: (pair[0].bits, pair[0].key)):  # rule 4
            if memory not in tensor.slots:  # the same tensor may be wanted twice
                self._fetch(tensor, memory, core, self.last_start[core], own)  # rule 5
        arrived = [tensor.slots[memory].available for tensor, memory in operands]
        start = max([self.core_free[core], ready, exist, self.barrier, *arrived])  # rule 3
        reserved = self._reservations(stream, tile)
        for memory, bits in reserved.items():  # rule 12
            start = self._make_room(memory, core, bits, start, own)
        end = self._stream_operands(index, tile, start, start + figures.latency_cycles)  # rule 11
        self._record_buffers(stream, start, end)
        self.core_free[core], self.last_start[core] = end, start
        self.done[index] += 1
        self.tiles.append(TileRun(index, stream.layer, stream.part, tile, core, ready, start, end))
        self._produce(index, tile, start, end)
        for tensor, memory in operands:  # rule 13
            tensor.readers[memory] -= 1
            tensor.slots[memory].latest_use = max(tensor.slots[memory].latest_use, end)
        for tensor, memory in operands:
            self._free_if_done(tensor, memory)

    def _operands(self, index: int, stream: Stream, tile: int) -> tuple[list[tuple[_Tensor, int]], int]:
        """Return (tensor, memory) of all operands that must be on the core, and when all streamed ones exist in DRAM."""
        found, exist = [], 0
        for reads in stream.reads:
            memory = self._memory_of(stream, reads)
            for producer in reads.producers:
                for read in stream.tiles_read(reads, tile, self.plan.streams[producer]):
                    tensor = self.tensors[0, producer, read]
                    if memory < 0:
                        exist = max(exist, tensor.dram)
                    else:
                        found.append((tensor, memory))
        if stream.weight_bits:
            found.append((self.tensors[1, index, WEIGHTS], self.chip.core_memories[stream.core][1]))
        return found, exist

    def _reservations(self, stream: Stream, tile: int) -> dict[int, int]:
        """Return the bits to reserve when the tile starts, per memory: buffers of streamed operands, and the output."""
        reserved: dict[int, int] = {}
        for position, memory in enumerate(self.chip.core_memories[stream.core]):
            output = stream.tile_bits(tile) if position == 2 else 0
            bits = stream.buffer_bits[position] if OPERANDS[position] in stream.streamed else output
            if bits:
                reserved[memory] = reserved.get(memory, 0) + bits
        return reserved

    def _record_buffers(self, stream: Stream, start: int, end: int) -> None:
        for position, memory in enumerate(self.chip.core_memories[stream.core]):
            bits = stream.buffer_bits[position]
            if bits:
                activation = not (position == 1 and stream.streams_weights)
                self.stores[memory].record(start, bits, activation=activation)
                self.stores[memory].record(end, -bits, activation=activation)

    def _stream_operands(self, index: int, tile: int, start: int, end: int) -> int:
        """Move streamed operands while the tile runs; return when both the tile and its transfers have ended."""
        core = self.plan.streams[index].core
        figures = self.plan.streams[index].tile_figures(tile)
        for bits, source, target, cause in (
            (figures.dram_read_bits, self.dram_node, core, Cause.STREAMED_READ),
            (figures.dram_write_bits, core, self.dram_node, Cause.STREAMED_WRITE),
        ):
            if bits:
                cycles = self.chip.stream_cycles(bits, source, target)
                end = max(end, self._off_chip(cause, (0, index, tile), (source, target), (-1, -1), bits, cycles, start))
        return end

    def _produce(self, index: int, tile: int, start: int, end: int) -> None:
        """Put the output of a tile where it belongs (rules 9 and 13)."""
        stream = self.plan.streams[index]
        if OPERANDS[2] in stream.streamed:
            self._create(index, tile, home=-1, end=end)
            return
        home = self.chip.core_memories[stream.core][2]
        tensor = self._create(index, tile, home=home, end=end)
        tensor.slots[home] = _Slot(end, end)
        self.stores[home].record(start, tensor.bits, activation=True)
        readers = [memory for memory, counts in self.readers[index] if counts[tile]]
        tensor.unsent = {m for m in readers if m not in (-1, home) and self.chip.entry(stream.core, m) >= 0}
        if stream.is_output or any(m == -1 or (m != home and self.chip.entry(stream.core, m) < 0) for m in readers):
            self._write_back(tensor, home, stream.core, end, Cause.OUTPUT)
            tensor.slots[home].latest_use = max(tensor.slots[home].latest_use, tensor.dram)
        self._free_if_done(tensor, home)

    def _create(self, index: int, tile: int, *, home: int, end: int) -> _Tensor:
        key = (0, index, tile)
        in_dram = home < 0
        tensor = _Tensor(key, self.plan.streams[index].tile_bits(tile), home, end, end if in_dram else NEVER, spilled=in_dram)
        for memory, counts in self.readers[index]:
            if memory >= 0:
                tensor.readers[memory] += counts[tile]
        self.tensors[key] = tensor
        return tensor

    # ------------------------------------------------------------------------------------------------ transfers

    def _fetch(self, tensor: _Tensor, memory: int, core: int, floor: int, own: set[tuple[Key, int]]) -> int:
        """Bring `tensor` to `memory` for a tile on `core`; return when it is there (rules 4 to 7)."""
        home_core = self.plan.streams[tensor.key[1]].core
        entry = self.chip.entry(home_core, memory) if tensor.at_home else -1
        if entry >= 0:
            start = self._make_room(memory, core, tensor.bits, max(tensor.end, floor), own)
            cycles = self.chip.transfer_cycles(tensor.bits, home_core, entry, tensor.home, memory)
            end = self._transfer(Cause.ACTIVATION, tensor.key, (home_core, entry), (tensor.home, memory), tensor.bits, cycles, start)
        else:
            wanted = max(tensor.dram, floor, self.dma_free[core][0])
            start = self._make_room(memory, core, tensor.bits, wanted, own)
            cycles = self.chip.transfer_cycles(tensor.bits, self.dram_node, core, -1, memory)
            weights, inputs = not tensor.is_activation, self.plan.streams[tensor.key[1]].layer < 0
            cause = Cause.WEIGHTS if weights else Cause.NETWORK_INPUT if inputs else Cause.REFETCH
            end = self._off_chip(cause, tensor.key, (self.dram_node, core), (-1, memory), tensor.bits, cycles, start)
        begin = end - cycles
        self.stores[memory].record(begin, tensor.bits, activation=tensor.is_activation)
        tensor.slots[memory] = _Slot(end, end)
        if entry >= 0:
            tensor.unsent.discard(memory)
            tensor.slots[tensor.home].latest_use = max(tensor.slots[tensor.home].latest_use, end)
            self._free_if_done(tensor, tensor.home)
        return end

    def _write_back(self, tensor: _Tensor, memory: int, core: int, start: int, cause: Cause) -> None:
        cycles = self.chip.transfer_cycles(tensor.bits, core, self.dram_node, memory, -1)
        tensor.dram = self._off_chip(cause, tensor.key, (core, self.dram_node), (memory, -1), tensor.bits, cycles, start)

    def _off_chip(self, cause: Cause, key: Key, nodes: Pair, memories: Pair, bits: int, cycles: int, start: int) -> int:
        """Move data from or to DRAM through the DMA engine of the core, one after another in issue order (rule 7)."""
        reads = nodes[0] == self.dram_node
        core = nodes[1] if reads else nodes[0]
        engine = 0 if reads or self.chip.accelerator.dma_channels == 1 else 1
        end = self._transfer(cause, key, nodes, memories, bits, cycles, max(start, self.dma_free[core][engine]))
        self.dma_free[core][engine] = end
        return end

    def _transfer(self, cause: Cause, key: Key, nodes: Pair, memories: Pair, bits: int, cycles: int, start: int) -> int:
        """Occupy all links of the path at once in the first idle window; return the end (rule 6)."""
        path = self.chip.paths[nodes[0]][nodes[1]] or ()
        start = first_window([self.links[link] for link in path], start, cycles)
        self.transfers.append(Transfer(cause, key[1], key[2], *nodes, *memories, path, bits, start, start + cycles))
        return start + cycles

    # ------------------------------------------------------------------------------------------------ memory

    def _make_room(self, memory: int, core: int, bits: int, start: int, own: set[tuple[Key, int]]) -> int:
        """Return from when on `bits` fit in `memory` for good, evicting only if no recorded release helps (rule 12)."""
        store = self.stores[memory]
        if store.finally_held_bits + bits > store.capacity_bits:
            held = [t for t in self.tensors.values() if memory in t.slots and (t.key, memory) not in own]
            held.sort(key=lambda tensor: tensor.key, reverse=True)
            idle = [t for t in held if max(t.slots[memory].available, t.slots[memory].latest_use) <= start]
            for tensor in (*idle, *(t for t in held if t not in idle)):
                if store.finally_held_bits + bits <= store.capacity_bits:
                    break
                self._evict(tensor, memory, core, start)
        if store.finally_held_bits + bits > store.capacity_bits:
            return max(start, store.last_change)  # it overflows, and is reported as a violation
        return store.room_from(bits, start)

    def _evict(self, tensor: _Tensor, memory: int, core: int, start: int) -> None:
        self.evictions += 1
        slot = tensor.slots[memory]
        release = max(start, slot.available, slot.latest_use)
        if tensor.at_home and memory != tensor.home:
            if self.chip.entry(self.plan.streams[tensor.key[1]].core, memory) >= 0:
                tensor.unsent.add(memory)  # it can be sent again
        elif tensor.dram == NEVER:
            self._write_back(tensor, memory, core, release, Cause.EVICTION)
            release = tensor.dram
        if not tensor.at_home or memory == tensor.home:
            tensor.spilled = True
            tensor.unsent.clear()
        self.stores[memory].record(release, -tensor.bits, activation=tensor.is_activation)
        del tensor.slots[memory]

    def _free_if_done(self, tensor: _Tensor, memory: int) -> None:
        slot = tensor.slots.get(memory)
        waits = memory == tensor.home and not tensor.spilled and bool(tensor.unsent)
        if slot is None or tensor.readers[memory] > 0 or waits:
            return
        self.stores[memory].record(slot.latest_use, -tensor.bits, activation=tensor.is_activation)
        del tensor.slots[memory]

    # ------------------------------------------------------------------------------------------------ results

    def _result(self) -> Schedule:
        chip = self.chip
        overflow = sum(max(0, *(held for _, held, _ in s.profile()), s.capacity_bits) - s.capacity_bits for s in self.stores if s.events)
        missing = sum(s.figures[0].missing_bits for s in self.plan.streams if s.figures)
        on_chip, links, dram, dram_bits = traffic(chip, self.transfers)
        latency = max(0, *(t.end_cycles for t in self.tiles), *(t.end_cycles for t in self.transfers), 0)
        held = [event[::2] for store in self.stores for event in store.events]
        blocks = blocks_of(self.plan, chip, self.opened, self.tiles, self.transfers, held, latency)
        totals = Totals(
            latency_cycles=latency,
            mac_pj=sum(times * figures.mac_pj for times, figures in self._figures()),
            memory_pj=sum(times * figures.memory_pj for times, figures in self._figures()),
            transfer_pj=on_chip,
            link_pj=links,
            dram_pj=dram,
            memory_bytes=max(block.memory_bytes for block in blocks),
            dram_bytes=dram_bits / 8,
            violation_bytes=(overflow + missing) / 8,
            evictions=self.evictions,
        )
        usage = []
        for name, store in zip(chip.names, self.stores, strict=True):
            profile = store.profile()
            times, bits, activation = (tuple(p[i] for p in profile) for i in range(3))
            usage.append(MemoryUsage(name, store.capacity_bits, times, bits, activation))
        return Schedule(totals, tuple(self.tiles), tuple(self.transfers), tuple(usage), blocks)

    def _figures(self) -> list[tuple[int, TileFigures]]:
        """Return how many tiles have which cost, stream by stream and corner by corner: the kernel adds in the same order."""
        found = []
        for stream in self.plan.streams:
            rows, columns = stream.tile_rows - 1, stream.tile_columns - 1
            found += list(zip((rows * columns, rows, columns, 1), stream.figures, strict=False))
        return found
