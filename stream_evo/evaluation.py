"""Genomes or mappings in, objective values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Final

import numpy as np

from stream_evo.cost import Goal
from stream_evo.hardware import Accelerator
from stream_evo.mapping import GenomeSpec, Mapping, TileSize, resolve_dataflow, weight_room_bits
from stream_evo.schedule import (
    Chip,
    Raw,
    Schedule,
    Simulator,
    TileBook,
    Totals,
    build_tables,
    choices_of_mapping,
    choices_of_spec,
    choose_streamed,
    compiled_ahead,
    decisions_of_genomes,
    decisions_of_mapping,
    metrics_of,
    parts_of,
    totals_of,
)
from stream_evo.typing import FloatArray, IntArray
from stream_evo.workload import Workload

__all__ = ["METRICS", "Evaluation", "Evaluator", "evaluate_mapping", "schedule_mapping"]

METRICS: Final = ("latency_cycles", "energy_pj", "memory_bytes", "edp_pj_cycles", "dram_bytes")
"""Columns of the metrics of a batch; all are minimised."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Results of a batch of genomes.

    Attributes:
        metrics: Shape ``(P, 5)``, columns `METRICS`.
        violation_bytes: Shape ``(P,)``; 0 for a feasible genome, else the bytes by which memories overflow and tiles do not fit.
        raw: What the scheduler adds up, one row per genome; `totals` gives it names.
        blocks: What parts of each mapping contribute that run one after the other, shape ``(P, L, 5)``: in the row of a block's first layer
            the layer behind its last, latency in cycles, energy in pJ, DRAM traffic in bytes and peak memory in bytes; other rows are zero.
    """

    metrics: FloatArray
    violation_bytes: FloatArray
    raw: FloatArray = field(repr=False)
    blocks: FloatArray = field(repr=False)

    @property
    def totals(self) -> Sequence[Totals]:
        """Everything the scheduler adds up, per genome."""
        return [totals_of(row) for row in self.raw]

    @property
    def columns(self) -> dict[str, FloatArray]:
        """All that is known of each genome, by name, shape ``(P,)`` each: `METRICS`, the parts of the energy, and evictions."""
        return {name: column.copy() for name, column in zip(METRICS, self.metrics.T, strict=True)} | parts_of(self.raw)


@dataclass(frozen=True)
class Evaluator:
    """Evaluates genomes of one space.

    Costs of tiles are tabulated when the first genome is evaluated; genomes are then scheduled by the compiled kernel, a batch at a
    time. The result of a genome does not depend on the batch it is in nor on the number of workers.

    Args:
        spec: The space of mappings.
        goal: What the mapping of a tile inside a core minimises.
    """

    spec: GenomeSpec
    goal: Goal = Goal.EDP

    @cached_property
    def _chip(self) -> Chip:
        return Chip(self.spec.accelerator)

    @cached_property
    def _book(self) -> TileBook:
        return TileBook(self.spec.workload, self.spec.accelerator, self.goal)

    @cached_property
    def _simulator(self) -> Simulator:
        with compiled_ahead():
            tables = build_tables(self.spec.workload, self._chip, choices_of_spec(self.spec), self._book)
        return Simulator(tables, self._chip)

    def evaluate(self, genomes: IntArray, workers: int = 1) -> Evaluation:
        """Evaluate genomes of shape ``(P, V)`` on `workers` threads.

        Raises:
            ValueError: the array has not the shape ``(P, V)``.
        """
        if genomes.ndim != 2 or genomes.shape[1] != self.spec.length:
            raise ValueError(f"expected genomes of shape (P, {self.spec.length}), got {genomes.shape}")
        decisions = decisions_of_genomes(self.spec, self.spec.canonical(genomes))
        return _evaluation(self._simulator.run(decisions, workers))

    def schedule(self, genome: IntArray) -> Schedule:
        """Return the recorded schedule of one genome, shape ``(V,)``."""
        return self._simulator.trace(decisions_of_genomes(self.spec, self.spec.canonical(genome[np.newaxis]))[0])

    @compiled_ahead()  # a search asks this first
    def layer_costs(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return latency in cycles, energy in pJ and share of weight memory of each whole layer on each core, shape ``(L, N)`` each.

        Latency and energy are infinite where a layer cannot run. The share is that of the bits for weights that the layer's weights
        fill; it may exceed 1. What does not fit on a core is streamed; transfers are left out. Meant to guide a search, not to judge a
        mapping.
        """
        workload, cores = self.spec.workload, self.spec.accelerator.cores
        latency = np.full((len(workload.layers), len(cores)), np.inf)
        energy = np.full_like(latency, np.inf)
        for index, layer in enumerate(workload.layers):
            for choice, core in enumerate(self.spec.capable[index]):
                _, parts = self.spec.spread(index, choice, 0)
                read = [0, layer.weight_bits // parts, layer.output_bits // parts]
                for edge in layer.edges:
                    source = (
                        workload.inputs[-1 - edge.producer].total_bits if edge.producer < 0 else workload.layers[edge.producer].output_bits
                    )
                    read["IW".index(edge.operand)] += source
                streamed = choose_streamed(read, self._chip.core_memories[core], self._chip.capacities)
                flow = resolve_dataflow(cores[core].core, layer, None).name
                figures = self._book.tile(index, parts, layer.rows, layer.columns, core, flow, streamed)
                latency[index, core] = parts * figures.latency_cycles
                energy[index, core] = parts * (figures.mac_pj + figures.memory_pj)
        room = np.array([weight_room_bits(slot.core) for slot in cores])
        weights = np.array([layer.weight_bits for layer in workload.layers])
        return latency, energy, weights[:, np.newaxis] / np.maximum(room, 1)

    def missing_tile_bits(self) -> IntArray | None:
        """Return the bits that lack for a tile to run, for any order of its loops and whatever is streamed; ``None`` if none ever lack.

        Shape ``(L, A, T, E)``: by layer, allocation gene, tile gene and split gene; 0 beyond a layer's choices. With the default dataflow
        of each core. That none ever lack is told from the coarsest tiles, which need most.
        """
        spec = self.spec
        exponents = tuple(ways if spec.options.split else (0,) for ways in spec.ways)
        shape = (len(spec.capable), max(map(len, spec.capable)), max(map(len, spec.tiles)), max(map(len, exponents)))
        missing = np.zeros(shape, dtype=np.int64)
        for tiles in (slice(0, 1), slice(1, None)):
            for layer, choices in enumerate(spec.capable):
                for tile, size in list(enumerate(spec.tiles[layer]))[tiles]:
                    for choice, exponent in product(range(len(choices)), exponents[layer]):
                        missing[layer, choice, tile, exponent] = self._missing_bits(layer, size, *spec.spread(layer, choice, exponent))
            if not missing.any():
                return None
        return missing

    def _missing_bits(self, layer: int, size: TileSize, cores: tuple[int, ...], parts: int) -> int:
        """Return the bits that lack on the worst of some cores."""
        workload, slots = self.spec.workload.layers[layer], self.spec.accelerator.cores
        return max(
            self._book.tile(
                layer, parts, size.rows, size.columns, core, resolve_dataflow(slots[core].core, workload, None).name, frozenset()
            ).missing_bits
            for core in cores
        )


def evaluate_mapping(workload: Workload, accelerator: Accelerator, mapping: Mapping, goal: Goal = Goal.EDP) -> Evaluation:
    """Evaluate one mapping, whether or not some genome stands for it; arrays have one row."""
    simulator = _simulator_of(workload, accelerator, mapping, goal)
    return _evaluation(simulator.run(decisions_of_mapping(workload, accelerator, mapping)))


def schedule_mapping(workload: Workload, accelerator: Accelerator, mapping: Mapping, goal: Goal = Goal.EDP) -> Schedule:
    """Return the recorded schedule of one mapping."""
    simulator = _simulator_of(workload, accelerator, mapping, goal)
    return simulator.trace(decisions_of_mapping(workload, accelerator, mapping)[0])


def _simulator_of(workload: Workload, accelerator: Accelerator, mapping: Mapping, goal: Goal) -> Simulator:
    chip = Chip(accelerator)
    with compiled_ahead():
        tables = build_tables(workload, chip, choices_of_mapping(mapping, accelerator), TileBook(workload, accelerator, goal))
    return Simulator(tables, chip)


def _evaluation(raw: Raw) -> Evaluation:
    found = metrics_of(raw.sums)
    return Evaluation(np.column_stack([found[name] for name in METRICS]), found["violation_bytes"], raw.sums, raw.blocks)
