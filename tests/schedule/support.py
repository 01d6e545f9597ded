"""What the tests of the scheduler share: costs without a cost model, and schedules side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

import pytest

from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping
from stream_evo.schedule import Chip, Schedule, Simulator, TileBook, TileFigures, build_tables, choices_of_mapping, decisions_of_mapping
from stream_evo.schedule._costs import TileKey
from stream_evo.schedule._figures import operand_mask, streamed_of
from stream_evo.workload import Workload

__all__ = ["FixedBook", "RandomBook", "held_over_time", "same_blocks", "same_schedule", "trace_mapping"]


@dataclass
class FixedBook(TileBook):
    """Tiles of layer ``l`` take ``cycles[l]`` cycles, whatever their size, and nothing else.

    Streamed operands read and write as many bits as `streamed_bits` says and hold nothing.
    """

    cycles: Sequence[int] = ()
    streamed_bits: tuple[int, int, int] = (0, 0, 0)

    def prepare(self, keys: Iterable[TileKey]) -> None:
        """Know everything already."""
        for _ in keys:
            pass

    def figures(self, key: TileKey) -> TileFigures:
        """Return the fixed runtime."""
        moved = [bits if key.mask >> position & 1 else 0 for position, bits in enumerate(self.streamed_bits)]
        return TileFigures(
            self.cycles[key.layer],
            0.0,
            0.0,
            dram_read_bits=moved[0] + moved[1],
            dram_write_bits=moved[2],
            streamed=streamed_of(key.mask),
        )


@dataclass
class RandomBook(TileBook):
    """Random figures that depend on the tile alone: the same for the same `seed`, whoever asks and in whatever order.

    A share of `illegal` sets of streamed operands has no legal loop order, so that larger sets are taken, or none is legal.
    """

    seed: int = 0
    illegal: float = 0.1

    def prepare(self, keys: Iterable[TileKey]) -> None:
        """Know everything already."""
        for _ in keys:
            pass

    def figures(self, key: TileKey) -> TileFigures:
        """Return figures drawn for this tile."""
        mask = key.mask & operand_mask(self._operands(self.workload.layers[key.layer]))
        draw = Random(f"{self.seed} {key.layer} {key.parts} {key.rows} {key.columns} {key.core_class} {key.dataflow} {mask}")  # noqa: S311  # no secret
        streams = [mask >> position & 1 for position in range(3)]
        return TileFigures(
            latency_cycles=draw.choice((1, draw.randint(1, 9), draw.randint(1, 300))),
            mac_pj=draw.uniform(0, 10),
            memory_pj=draw.uniform(0, 10),
            dram_read_bits=draw.randint(1, 2000) if streams[0] or streams[1] else 0,
            dram_write_bits=draw.randint(1, 2000) if streams[2] else 0,
            held_bits=(draw.randint(0, 800), draw.randint(0, 800), draw.randint(0, 800)),
            missing_bits=draw.randint(1, 500) if draw.random() < self.illegal else 0,
            streamed=streamed_of(mask),
        )


def trace_mapping(workload: Workload, accelerator: Accelerator, mapping: Mapping, book: TileBook) -> Schedule:
    """Return the kernel's recorded schedule of one mapping."""
    chip = Chip(accelerator)
    simulator = Simulator(build_tables(workload, chip, choices_of_mapping(mapping, accelerator), book), chip)
    return simulator.trace(decisions_of_mapping(workload, accelerator, mapping)[0])


def held_over_time(schedule: Schedule) -> list[list[tuple[int, int, int]]]:
    """Return per memory (time, bits, activation bits) at every time at which the last two really change."""
    found = []
    for usage in schedule.memories:
        steps, before = [], (0, 0)
        for time, bits, activation in zip(usage.times, usage.bits, usage.activation_bits, strict=True):
            if (bits, activation) != before:
                steps.append((time, bits, activation))
                before = bits, activation
        found.append(steps)
    return found


def same_schedule(one: Schedule, two: Schedule) -> None:
    """Assert that two schedules are equal in everything: tiles, transfers, memories over time, totals."""
    for kind, first, second in (("tile", one.tiles, two.tiles), ("transfer", one.transfers, two.transfers)):
        for number, (a, b) in enumerate(zip(first, second, strict=False)):
            assert a == b, f"{kind} {number}: {a} is not {b}"
        assert len(first) == len(second), f"{len(first)} and {len(second)} {kind}s"
    assert held_over_time(one) == held_over_time(two), "memories hold different things"
    assert one.totals == two.totals, f"{one.totals} is not {two.totals}"
    same_blocks(one, two)


def same_blocks(one: Schedule, two: Schedule) -> None:
    """Assert that blocks are equal, their energies but for the order of summation, and add up to the totals."""
    plain = [[dataclasses.replace(block, energy_pj=0.0) for block in schedule.blocks] for schedule in (one, two)]
    assert plain[0] == plain[1], f"{plain[0]} is not {plain[1]}"
    assert [block.energy_pj for block in one.blocks] == pytest.approx([block.energy_pj for block in two.blocks])
    assert sum(block.energy_pj for block in one.blocks) == pytest.approx(one.totals.energy_pj)
    assert sum(block.latency_cycles for block in one.blocks) == one.totals.latency_cycles
    assert sum(block.dram_bytes for block in one.blocks) == one.totals.dram_bytes
    assert max(block.memory_bytes for block in one.blocks) == one.totals.memory_bytes
    assert [block.first for block in one.blocks[1:]] == [block.behind for block in one.blocks[:-1]]
