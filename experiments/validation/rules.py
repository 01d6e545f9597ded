"""The scheduler with single rules switched off, to see what carries the agreement with silicon.

The rules of the shipped scheduler cannot be switched. This is its plain-Python twin (`stream_evo.schedule.schedule_plan`) with a tile step
of its own that asks `Rules` what to do: seconds per run instead of milliseconds. With all rules on it must give the shipped result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chips import Study, TileTime
from study import GivenRuntimes

from stream_evo.hardware import Accelerator, WeightLoad
from stream_evo.mapping import Priority
from stream_evo.schedule import Cause, Chip, Plan, Schedule, TileRun, build_plan
from stream_evo.schedule._reference import Key, Pair, _Scheduler, _Tensor
from stream_evo.schedule._resources import Store

__all__ = ["VARIANTS", "Rules", "Variant", "scheduled"]

_UNLIMITED_BITS = 1 << 60


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rules hold; the numbers are those of ``stream_evo/README.md``, section 4.

    Attributes:
        cores_fill_gaps: False (rule 3): cores run tiles in the order decided.
        smallest_first: True (rule 4): operands are fetched smallest first.
        fetch: ``ahead`` (rule 5): from the start of the tile before on that core; ``early``: from when the data exist; ``late``: from when
            core and predecessors are done.
        links_fill_gaps: True (rule 6): a transfer takes the first idle window; False: links serve in order of request.
        inputs_stay: True (rule 8): pieces of network input stay for the next window; False: every window is fetched whole again.
        writes_outputs: True (rule 9): outputs are written off-chip.
        limited_space: True (rule 12): memories have their capacity.
        transfers_take_time: True; False: all transfers are instantaneous.
    """

    cores_fill_gaps: bool = False
    smallest_first: bool = True
    fetch: str = "ahead"
    links_fill_gaps: bool = True
    inputs_stay: bool = True
    writes_outputs: bool = True
    limited_space: bool = True
    transfers_take_time: bool = True


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the sensitivity table: what differs from the shipped model.

    Attributes:
        title: What is switched off.
        rules: Rules of the schedule.
        chip: Changes the chip.
        other_priority: True to run with the priority that the mapping does not have.
        tile_cycles: Runtime of a tile.
    """

    title: str
    rules: Rules = Rules()
    chip: Callable[[Accelerator], Accelerator] = lambda chip: chip
    other_priority: bool = False
    tile_cycles: Callable[[TileTime], int] = lambda time: time.total


VARIANTS = (
    Variant("all rules as they are"),
    Variant("2: the other priority", other_priority=True),
    Variant("3: cores fill earlier gaps", Rules(cores_fill_gaps=True)),
    Variant("4: operands fetched largest first", Rules(smallest_first=False)),
    Variant("5: fetched as early as data exist", Rules(fetch="early")),
    Variant("5: fetched once core and predecessors are done", Rules(fetch="late")),
    Variant("6: links serve in order of request", Rules(links_fill_gaps=False)),
    Variant("7: two DMA engines, reads and writes", chip=lambda chip: replace(chip, dma_channels=2)),
    Variant("8: whole input windows fetched again", Rules(inputs_stay=False)),
    Variant("9: outputs not written off-chip", Rules(writes_outputs=False)),
    Variant("10: weights loaded at first use", chip=lambda chip: replace(chip, weight_load=WeightLoad.ON_DEMAND)),
    Variant("11: tile runtime without last drain", tile_cycles=lambda time: time.total - time.drain),
    Variant("11: tile runtime without first fill and last drain", tile_cycles=lambda time: time.compute + time.stall),
    Variant("11: tile runtime without stalls", tile_cycles=lambda time: time.total - time.stall),
    Variant("12: unlimited memories", Rules(limited_space=False)),
    Variant("no transfer takes time", Rules(transfers_take_time=False)),
)


def scheduled(study: Study, accelerator: Accelerator, variant: Variant) -> Schedule:
    """Return the schedule of a chip with the tile runtimes of the reference framework under one variant."""
    chip = variant.chip(accelerator)
    mapping = study.mapping
    if variant.other_priority:
        mapping = replace(mapping, priority=Priority.LATENCY if mapping.priority is Priority.MEMORY else Priority.MEMORY)
    book = GivenRuntimes(study.workload, chip, cycles=[max(1, variant.tile_cycles(time)) for time in study.tile_times])
    return _VariedScheduler(build_plan(study.workload, chip, mapping, book), Chip(chip), variant.rules).run()


@dataclass
class _QuickStore(Store):
    """The same answers without walking through all of the past: dozens of runs of whole chips are to end within minutes."""

    held_bits: int = 0

    def record(self, time: int, bits: int, *, activation: bool) -> None:
        """Reserve or release, and keep the sum."""
        super().record(time, bits, activation=activation)
        self.held_bits += bits

    @property
    def finally_held_bits(self) -> int:
        """Bits that no recorded release frees."""
        return self.held_bits

    def room_from(self, bits: int, start: int) -> int:
        """Return the earliest time from `start` on after which `bits` more always fit; what was full before `start` does not matter."""
        held = self.held_bits
        position = len(self.events) - 1
        while position >= 0 and self.events[position][0] > start:
            time = self.events[position][0]
            while position >= 0 and self.events[position][0] == time:
                held -= self.events[position][1]
                position -= 1
            if held + bits > self.capacity_bits:
                return time
        return start


class _InstantChip(Chip):
    """A chip on which data are everywhere at once."""

    def transfer_cycles(self, bits: int, source: int, target: int, sender: int, receiver: int) -> int:  # noqa: ARG002  # the signature is given
        """Return no time at all."""
        return 0

    def stream_cycles(self, bits: int, source: int, target: int) -> int:  # noqa: ARG002  # the signature is given
        """Return no time at all."""
        return 0


class _VariedScheduler(_Scheduler):
    """The plain scheduler with switches. It overrides private steps, which only this study may do."""

    def __init__(self, plan: Plan, chip: Chip, rules: Rules) -> None:
        super().__init__(plan, chip if rules.transfers_take_time else _InstantChip(chip.accelerator))
        self.rules = rules
        self.running: list[list[tuple[int, int]]] = [[] for _ in chip.accelerator.cores]
        self.stores = [_QuickStore(store.capacity_bits if rules.limited_space else _UNLIMITED_BITS) for store in self.stores]

    def _run_tile(self, index: int, ready: int) -> None:
        stream, tile = self.plan.streams[index], self.done[index]
        core, figures = stream.core, stream.tile_figures(tile)
        operands, exist = self._operands(index, stream, tile)
        own = {(tensor.key, memory) for tensor, memory in operands}
        missing = [(tensor, memory) for tensor, memory in operands if memory not in tensor.slots]
        sign = 1 if self.rules.smallest_first else -1
        floor = {"ahead": self.last_start[core], "early": 0, "late": max(self.core_free[core], ready)}[self.rules.fetch]
        for tensor, memory in sorted(missing, key=lambda pair: (sign * pair[0].bits, pair[0].key)):
            if memory not in tensor.slots:
                self._fetch(tensor, memory, core, floor, own)
        arrived = [tensor.slots[memory].available for tensor, memory in operands]
        start = self._free_core(core, max([ready, exist, self.barrier, *arrived]), figures.latency_cycles)
        for memory, bits in self._reservations(stream, tile).items():
            start = self._make_room(memory, core, bits, start, own)
        end = self._stream_operands(index, tile, start, start + figures.latency_cycles)
        self._record_buffers(stream, start, end)
        self.running[core].append((start, end))
        self.core_free[core], self.last_start[core] = max(self.core_free[core], end), start
        self.done[index] += 1
        self.tiles.append(TileRun(index, stream.layer, stream.part, tile, core, ready, start, end))
        self._produce(index, tile, start, end)
        for tensor, memory in operands:
            tensor.readers[memory] -= 1
            tensor.slots[memory].latest_use = max(tensor.slots[memory].latest_use, end)
        for tensor, memory in operands:
            self._free_if_done(tensor, memory)
            if not self.rules.inputs_stay and self.plan.streams[tensor.key[1]].layer < 0 and tensor.is_activation:
                self._drop(tensor, memory, end)

    def _free_core(self, core: int, start: int, cycles: int) -> int:
        if not self.rules.cores_fill_gaps:
            return max(start, self.core_free[core])
        for begin, end in sorted(self.running[core]):
            if begin < start + cycles and start < end:
                start = end
        return start

    def _drop(self, tensor: _Tensor, memory: int, end: int) -> None:
        if memory in tensor.slots:
            self.stores[memory].record(end, -tensor.bits, activation=True)
            del tensor.slots[memory]

    def _write_back(self, tensor: _Tensor, memory: int, core: int, start: int, cause: Cause) -> None:
        if self.rules.writes_outputs or cause is not Cause.OUTPUT:
            super()._write_back(tensor, memory, core, start, cause)
        else:
            tensor.dram = start

    def _transfer(self, cause: Cause, key: Key, nodes: Pair, memories: Pair, bits: int, cycles: int, start: int) -> int:
        links = [self.links[link] for link in self.chip.paths[nodes[0]][nodes[1]] or ()]
        if not self.rules.links_fill_gaps:
            start = max([start, *(link.busy[-1][1] for link in links if link.busy)])
        return super()._transfer(cause, key, nodes, memories, bits, cycles, start)
