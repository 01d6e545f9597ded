"""Mappings as integer vectors."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator
from stream_evo.mapping._mapping import LayerMapping, Mapping, Priority, default_dataflow
from stream_evo.mapping._pins import Pins
from stream_evo.mapping._space import GenomeOptions, TileSize, capable_cores, parts_for, tile_sizes
from stream_evo.typing import IntArray
from stream_evo.workload import Workload

__all__ = ["GenomeSpec"]

_PRIORITIES = (Priority.MEMORY, Priority.LATENCY)


@dataclass(frozen=True)
class GenomeSpec:
    """The space of mappings of one network on one accelerator, encoded as integers.

    A genome is an int64 vector of ``V`` genes in these segments:

    ==============  ==========  ================================================================================
    segment         genes       meaning
    ==============  ==========  ================================================================================
    ``allocation``  L           index into the layer's capable cores
    ``cut``         L - 1       1: a new fused stack begins after this layer
    ``tile``        L           index into the layer's tile sizes, coarsest first
    ``split``       L or none   exponent: K-parts are spread over ``2**gene`` cores from the allocated one onwards
    ``dataflow``    N or none   index into the core's dataflows that are not for depthwise layers only
    ``priority``    1 or none   0: memory, 1: latency
    ==============  ==========  ================================================================================

    Every vector inside the bounds decodes to a legal mapping. Pinned decisions narrow the bounds of their genes, so they hold in everything
    that respects the bounds. One tile per layer and every boundary cut is classical layer-by-layer execution.

    Args:
        workload: The network.
        accelerator: The chip.
        options: Which optional segments exist.
        pins: Decisions that are fixed.
        tiles: Tile sizes on offer per layer; by default those of `tile_sizes`.

    Raises:
        InputError: a layer that no core can run, or pins that contradict the space.
    """

    workload: Workload
    accelerator: Accelerator
    options: GenomeOptions = GenomeOptions()  # noqa: RUF009  # frozen, so sharing is safe
    pins: Pins = Pins()  # noqa: RUF009  # as above
    tiles: tuple[tuple[TileSize, ...], ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.tiles:
            object.__setattr__(self, "tiles", tuple(tile_sizes(layer) for layer in self.workload.layers))
        unknown = [name for name in self.options.forbidden_cores if name not in self.core_names]
        if unknown:
            raise InputError(
                "forbidden cores", [Fault(f"no core is called {name!r}", hint=f"Known: {', '.join(self.core_names)}") for name in unknown]
            )
        _ = self._bounds

    @cached_property
    def core_names(self) -> tuple[str, ...]:
        """Names of the cores, by index."""
        return tuple(slot.name for slot in self.accelerator.cores)

    @cached_property
    def capable(self) -> tuple[tuple[int, ...], ...]:
        """Core indices that can run each layer."""
        return capable_cores(self.workload, self.accelerator, self.options)

    @cached_property
    def flows(self) -> tuple[tuple[str, ...], ...]:
        """Names of the dataflows each core can choose among; the first is the default."""
        found = []
        for slot in self.accelerator.cores:
            first = default_dataflow(slot.core).name
            rest = tuple(flow.name for flow in slot.core.dataflows if not flow.depthwise_only and flow.name != first)
            found.append((first, *rest))
        return tuple(found)

    @cached_property
    def segments(self) -> MappingABC[str, slice]:
        """Where each segment lies in the genome; optional segments that are off are missing."""
        layers = len(self.workload.layers)
        lengths = {"allocation": layers, "cut": layers - 1, "tile": layers}
        if self.options.split:
            lengths["split"] = layers
        if self.options.dataflow:
            lengths["dataflow"] = len(self.accelerator.cores)
        if self.options.priority:
            lengths["priority"] = 1
        ends = np.cumsum(list(lengths.values()))
        return MappingProxyType(
            {name: slice(int(end - length), int(end)) for (name, length), end in zip(lengths.items(), ends, strict=True)}
        )

    @property
    def length(self) -> int:
        """Number of genes ``V``."""
        return max(segment.stop for segment in self.segments.values())

    @property
    def lower(self) -> IntArray:
        """Smallest legal value of each gene, shape ``(V,)``, read-only."""
        return self._bounds[0]

    @property
    def upper(self) -> IntArray:
        """Largest legal value of each gene, inclusive, shape ``(V,)``, read-only."""
        return self._bounds[1]

    @cached_property
    def ways(self) -> tuple[tuple[int, ...], ...]:
        """Per layer: exponents ``e`` for which the layer can be spread over ``2**e`` cores, ascending from 0 without gaps."""
        found = []
        for layer, cores in zip(self.workload.layers, self.capable, strict=True):
            exponent = 0
            while 2 ** (exponent + 1) <= len(cores) and parts_for(layer, cores[: 2 ** (exponent + 1)], self.accelerator):
                exponent += 1
            found.append(tuple(range(exponent + 1)))
        return tuple(found)

    def spread(self, layer: int, choice: int, exponent: int) -> tuple[tuple[int, ...], int]:
        """Return the cores and the number of K-parts of `layer` for allocation gene `choice` and split gene `exponent`."""
        cores = self.capable[layer]
        chosen = tuple(cores[(choice + offset) % len(cores)] for offset in range(2**exponent))
        return chosen, parts_for(self.workload.layers[layer], chosen, self.accelerator)

    def canonical(self, genomes: IntArray) -> IntArray:
        """Return `genomes`, shape ``(P, V)``, clipped to the bounds; vectors with the same meaning become the same vector."""
        return np.clip(np.asarray(genomes, dtype=np.int64), self.lower, self.upper)

    def decode(self, genome: IntArray) -> Mapping:
        """Return the mapping that a genome of shape ``(V,)`` stands for."""
        genes = {name: self.canonical(genome)[part].tolist() for name, part in self.segments.items()}
        stacks = np.concatenate([[0], np.cumsum(genes["cut"])]).astype(int).tolist()
        exponents = genes.get("split", [0] * len(self.workload.layers))
        layers = []
        for index, layer in enumerate(self.workload.layers):
            cores, parts = self.spread(index, genes["allocation"][index], exponents[index])
            size = self.tiles[index][genes["tile"][index]]
            names = tuple(self.core_names[core] for core in cores)
            layers.append(LayerMapping(layer.name, names, size.rows, size.columns, parts, stacks[index]))
        flow_genes = genes.get("dataflow", [0] * len(self.core_names))
        flows = {name: self.flows[core][gene] for core, (name, gene) in enumerate(zip(self.core_names, flow_genes, strict=True))}
        priority = _PRIORITIES[genes["priority"][0]] if "priority" in genes else self.pins.priority
        return Mapping(self.workload.name, self.accelerator.name, tuple(layers), flows, priority)

    def encode(self, mapping: Mapping) -> IntArray:
        """Return the canonical genome of `mapping`, shape ``(V,)``.

        Raises:
            InputError: the mapping is not a point of this space; every layer that is not is listed.
        """
        genome = self.lower.copy()
        faults: list[Fault] = []
        for index, entry in enumerate(mapping.layers):
            try:
                self._encode_layer(index, entry, genome)
            except ValueError as error:
                faults.append(Fault(str(error), path=f"$.layers[{index}]"))
        stacks = np.array([entry.stack for entry in mapping.layers])
        genome[self.segments["cut"]] = np.diff(stacks)
        if "dataflow" in self.segments:
            for core, name in enumerate(self.core_names):
                genome[self.segments["dataflow"].start + core] = self.flows[core].index(mapping.dataflows.get(name, self.flows[core][0]))
        if "priority" in self.segments:
            genome[self.segments["priority"]] = _PRIORITIES.index(mapping.priority)
        if not faults and not np.array_equal(self.canonical(genome), genome):
            faults.append(Fault("the mapping contradicts pinned decisions"))
        if faults:
            raise InputError(f"mapping of {mapping.network}", faults)
        return genome

    def _encode_layer(self, index: int, entry: LayerMapping, genome: IntArray) -> None:
        size = TileSize(entry.tile_rows, entry.tile_columns)
        if size not in self.tiles[index]:
            raise ValueError(f"tile {size.rows} x {size.columns} of layer {entry.layer} is not on offer")
        cores = tuple(self.core_names.index(core) for core in entry.cores)
        exponents = self.ways[index] if "split" in self.segments else (0,)
        for choice in range(len(self.capable[index])):
            for exponent in exponents:
                if self.spread(index, choice, exponent) == (cores, entry.parts):
                    genome[self.segments["allocation"].start + index] = choice
                    genome[self.segments["tile"].start + index] = self.tiles[index].index(size)
                    if "split" in self.segments:
                        genome[self.segments["split"].start + index] = exponent
                    return
        raise ValueError(f"layer {entry.layer} on {', '.join(entry.cores)} in {entry.parts} parts is not on offer")

    @cached_property
    def _bounds(self) -> tuple[IntArray, IntArray]:
        lower = np.zeros(self.length, dtype=np.int64)
        upper = np.zeros(self.length, dtype=np.int64)
        upper[self.segments["allocation"]] = [len(cores) - 1 for cores in self.capable]
        upper[self.segments["cut"]] = 1
        upper[self.segments["tile"]] = [len(sizes) - 1 for sizes in self.tiles]
        if "split" in self.segments:
            upper[self.segments["split"]] = [ways[-1] for ways in self.ways]
        if "dataflow" in self.segments:
            upper[self.segments["dataflow"]] = [len(flows) - 1 for flows in self.flows]
        if "priority" in self.segments:
            upper[self.segments["priority"]] = len(_PRIORITIES) - 1
        self.pins.narrow(self, lower, upper)
        lower.setflags(write=False)
        upper.setflags(write=False)
        return lower, upper
