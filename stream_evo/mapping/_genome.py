"""Mappings as integer vectors."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from stream_evo._yaml import near_matches
from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator
from stream_evo.mapping._mapping import (
    PRIORITIES,
    LayerMapping,
    Mapping,
    Priority,
    check_mapping,
    default_dataflow,
    resolve_dataflow,
    splittable_channels,
)
from stream_evo.mapping._narrow import narrow
from stream_evo.mapping._pins import Pins
from stream_evo.mapping._space import GenomeOptions, TileSize, capable_cores, default_tiles, fewest_parts, weight_room_bits
from stream_evo.typing import BoolArray, IntArray
from stream_evo.workload import Workload

__all__ = ["GenomeSpec"]


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
    ``dataflow``    N or none   index into `flows` of the core; a core without a choice has a gene that is always 0
    ``priority``    1 or none   0: memory, 1: latency
    ==============  ==========  ================================================================================

    Every vector inside the bounds decodes to a legal mapping. Pinned decisions narrow the bounds of their genes, so they hold in everything
    that respects the bounds. One tile per layer and every boundary cut is classical layer-by-layer execution.

    Two genomes mean the same if and only if they decode to equal mappings, and then `canonical` makes them equal. The one freedom it takes
    out (besides clipping) is a dataflow gene that changes nothing: that of a core that runs no layer, or only layers which resolve to the
    same dataflow either way. Cores of the same kind are *not* merged, although exchanging them often changes no result: they differ in
    links, in shared memories, and in the order in which the scheduler settles ties. Neither are cuts between layers that do not depend
    on each other, because stacks order the schedule.

    Args:
        workload: The network.
        accelerator: The chip.
        options: Which optional segments exist.
        pins: Decisions that are fixed.
        tiles: Tile sizes on offer per layer; by default those of `default_tiles`.

    Raises:
        InputError: a forbidden core that does not exist, a layer that no core can run, tile sizes that do not fit the layers, or pins that
            are not on offer, contradict each other or leave open where cuts lie.
    """

    workload: Workload
    accelerator: Accelerator
    options: GenomeOptions = GenomeOptions()  # noqa: RUF009  # frozen, so sharing is safe
    pins: Pins = Pins()  # noqa: RUF009  # as above
    tiles: tuple[tuple[TileSize, ...], ...] = field(default=())

    def __post_init__(self) -> None:
        faults = [
            Fault(f"no core is called {name!r}", hint=near_matches(name, self.core_names))
            for name in self.options.forbidden_cores
            if name not in self.core_names
        ]
        if faults:
            raise InputError("forbidden cores", faults)
        if not self.tiles:
            object.__setattr__(self, "tiles", default_tiles(self.workload, self.accelerator, self.capable))
        self._check_tiles()
        _ = self._bounds

    def __reduce__(self) -> tuple[type[GenomeSpec], tuple[object, ...]]:
        # Without what is cached: a mapping proxy can neither be copied deeply nor sent to another process.
        return GenomeSpec, (self.workload, self.accelerator, self.options, self.pins, self.tiles)

    @cached_property
    def core_names(self) -> tuple[str, ...]:
        """Names of the cores, by index."""
        return tuple(slot.name for slot in self.accelerator.cores)

    @cached_property
    def capable(self) -> tuple[tuple[int, ...], ...]:
        """Core indices that can run each layer."""
        return capable_cores(self.workload, self.accelerator, self.options)

    @cached_property
    def allocation_cores(self) -> IntArray:
        """Core that each value of an allocation gene stands for, shape ``(L, A)``; -1 beyond a layer's last. Read-only."""
        table = np.full((len(self.capable), max(map(len, self.capable))), -1, dtype=np.int64)
        for layer, cores in enumerate(self.capable):
            table[layer, : len(cores)] = cores
        table.setflags(write=False)
        return table

    @cached_property
    def alike_cores(self) -> tuple[tuple[int, ...], ...]:
        """Groups of cores that can change places in every mapping of this space; what scores differ by then is noise.

        They are those of `Accelerator.alike_cores` which pins treat alike. None where layers can be spread over several cores: those that
        follow each other count then.
        """
        splits = self.upper[self.segments["split"]] if "split" in self.segments else self.upper[:0]
        if splits.any():
            return ()
        part = self.segments["allocation"]
        free = [cores[low : high + 1] for cores, low, high in zip(self.capable, self.lower[part], self.upper[part], strict=True)]
        groups: dict[tuple[object, ...], list[int]] = {}
        for number, group in enumerate(self.accelerator.alike_cores()):
            for core in group:
                allowed = tuple(core in cores for cores in free)
                if any(allowed):
                    groups.setdefault((number, allowed, self._flow_range(core)), []).append(core)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)

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
    def default_priority(self) -> Priority:
        """Scheduling priority where the genome has no gene for it: the pinned one, or ``memory``."""
        return self.pins.priority if self.pins.priority is not None else Priority.MEMORY

    @property
    def length(self) -> int:
        """Number of genes ``V``."""
        return max(int(segment.stop) for segment in self.segments.values())

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
        for layer, cores in enumerate(self.capable):
            exponent = 0
            while 2 ** (exponent + 1) <= len(cores) and self._parts(layer, cores[: 2 ** (exponent + 1)]):
                exponent += 1
            found.append(tuple(range(exponent + 1)))
        return tuple(found)

    def spread(self, layer: int, choice: int, exponent: int) -> tuple[tuple[int, ...], int]:
        """Return the cores and the number of K-parts of `layer` for allocation gene `choice` and split gene `exponent`."""
        cores = self.capable[layer]
        chosen = tuple(cores[(choice + offset) % len(cores)] for offset in range(2**exponent))
        return chosen, self._parts(layer, chosen)

    def _parts(self, layer: int, cores: tuple[int, ...]) -> int:
        """Return what `parts_for` does, without asking the chip again."""
        channels, weight_bits = self._weights[layer]
        return fewest_parts(channels, len(cores), weight_bits, min(self._weight_rooms[core] for core in cores))

    @cached_property
    def _weights(self) -> tuple[tuple[int, int], ...]:
        return tuple((splittable_channels(layer), layer.weight_bits) for layer in self.workload.layers)

    @cached_property
    def _weight_rooms(self) -> tuple[int, ...]:
        return tuple(weight_room_bits(slot.core) for slot in self.accelerator.cores)

    def canonical(self, genomes: IntArray) -> IntArray:
        """Return `genomes`, shape ``(P, V)`` or ``(V,)``, clipped to the bounds; vectors with the same meaning become the same vector.

        Raises:
            ValueError: a genome does not have ``V`` genes.
        """
        genomes = np.asarray(genomes, dtype=np.int64)
        if genomes.shape[-1:] != self.lower.shape:
            raise ValueError(f"genomes of this space have shape (P, {self.length}), not {genomes.shape}")
        found: IntArray = np.minimum(np.maximum(genomes, self.lower), self.upper)
        if self._idle_flows:
            self._settle_flows(found.reshape(-1, self.length))
        return found

    def decode(self, genome: IntArray) -> Mapping:
        """Return the mapping that a genome of shape ``(V,)`` stands for."""
        legal = self.canonical(genome)
        genes = {name: legal[part].tolist() for name, part in self.segments.items()}
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
        priority = PRIORITIES[genes["priority"][0]] if "priority" in genes else self.default_priority
        return Mapping(self.workload.name, self.accelerator.name, tuple(layers), flows, priority)

    def encode(self, mapping: Mapping) -> IntArray:
        """Return the canonical genome of `mapping`, shape ``(V,)``.

        Raises:
            InputError: the mapping does not fit network and accelerator, or is not a point of this space; everything wrong is listed.
        """
        source = f"mapping of {mapping.network}"
        faults = check_mapping(mapping, self.workload, self.accelerator)
        if faults:
            raise InputError(source, faults)
        genome = self.lower.copy()
        genome[self.segments["cut"]] = np.diff([entry.stack for entry in mapping.layers])
        for index, entry in enumerate(mapping.layers):
            try:
                self._encode_layer(index, entry, genome)
            except ValueError as error:
                faults.append(Fault(str(error), path=f"$.layers.{entry.layer}"))
        faults += self._encode_flows(mapping, genome)
        if "priority" in self.segments:
            genome[self.segments["priority"]] = PRIORITIES.index(mapping.priority)
        elif mapping.priority is not self.default_priority:
            faults.append(Fault("this space has a fixed priority", "$.priority", expected=self.default_priority, found=mapping.priority))
        faults += self._outside(genome)
        if faults:
            raise InputError(source, faults)
        return self.canonical(genome)

    def _encode_layer(self, index: int, entry: LayerMapping, genome: IntArray) -> None:
        size = TileSize(entry.tile_rows, entry.tile_columns)
        if size not in self.tiles[index]:
            offered = ", ".join(f"{known.rows} x {known.columns}" for known in self.tiles[index])
            raise ValueError(f"a tile of {size.rows} x {size.columns} is not on offer; sizes: {offered}")
        genome[self.segments["tile"].start + index] = self.tiles[index].index(size)
        cores = tuple(self.core_names.index(core) for core in entry.cores)
        exponent = len(cores).bit_length() - 1
        allowed = self.ways[index] if "split" in self.segments else (0,)
        choice = self.capable[index].index(cores[0]) if cores[0] in self.capable[index] else 0
        if exponent not in allowed or self.spread(index, choice, exponent) != (cores, entry.parts):
            raise ValueError(f"running on {', '.join(entry.cores)} in {entry.parts} parts is not on offer")
        genome[self.segments["allocation"].start + index] = choice
        if "split" in self.segments:
            genome[self.segments["split"].start + index] = exponent

    def _encode_flows(self, mapping: Mapping, genome: IntArray) -> Iterator[Fault]:
        """Set the dataflow genes of `genome` to the meaning of `mapping`; yield the cores whose dataflow is not on offer."""
        for core, slot in enumerate(self.accelerator.cores):
            runs = [layer for layer, entry in zip(self.workload.layers, mapping.layers, strict=True) if slot.name in entry.cores]
            wanted = [resolve_dataflow(slot.core, layer, mapping.dataflows.get(slot.name)) for layer in runs]
            low, high = self._flow_range(core)
            for gene in range(low, high + 1):
                if [resolve_dataflow(slot.core, layer, self.flows[core][gene]) for layer in runs] == wanted:
                    if "dataflow" in self.segments:
                        genome[self.segments["dataflow"].start + core] = gene
                    break
            else:
                offered = ", ".join(self.flows[core][low : high + 1])
                yield Fault(
                    "this dataflow is not on offer", f"$.dataflows.{slot.name}", expected=offered, found=mapping.dataflows[slot.name]
                )

    def _outside(self, genome: IntArray) -> Iterator[Fault]:
        """Yield the genes of an encoded mapping that contradict pins."""
        for position in np.flatnonzero((genome < self.lower) | (genome > self.upper)).tolist():
            segment, part = next((name, part) for name, part in self.segments.items() if part.start <= position < part.stop)
            place = "$.priority" if segment == "priority" else f"$.layers.{self.workload.layers[position - part.start].name}"
            yield Fault(f"this contradicts what is pinned of the {segment} gene", place)

    def _flow_range(self, core: int) -> tuple[int, int]:
        """Return the first and last dataflow gene value of `core` inside the bounds."""
        if "dataflow" not in self.segments:
            return 0, 0
        position = self.segments["dataflow"].start + core
        return int(self.lower[position]), int(self.upper[position])

    @cached_property
    def _idle_flows(self) -> tuple[tuple[int, int, int, IntArray], ...]:
        """(core, gene, lower gene, layers in whose dataflow they differ), ascending; the gene is idle if none of these runs on the core."""
        found = []
        for core, slot in enumerate(self.accelerator.cores):
            low, high = self._flow_range(core)
            able = [layer for layer, cores in enumerate(self.capable) if core in cores] if high > low else []
            resolved = [[resolve_dataflow(slot.core, self.workload.layers[at], flow) for at in able] for flow in self.flows[core]]
            for gene in range(low + 1, high + 1):
                for other in range(low, gene):
                    differ = [at for at, one, two in zip(able, resolved[gene], resolved[other], strict=True) if one != two]
                    found.append((core, gene, other, np.array(differ, dtype=np.int64)))
        return tuple(found)

    def _settle_flows(self, genomes: IntArray) -> None:
        """Lower every idle dataflow gene of `genomes`, shape ``(P, V)``, in place to the least value of the same meaning."""
        first = self.segments["dataflow"].start
        runs: dict[int, BoolArray] = {}
        for core, gene, lower, layers in self._idle_flows:
            asked = genomes[:, first + core] == gene
            if not asked.any():
                continue
            if core not in runs:
                runs[core] = self._runs_on(genomes, core)
            idle = asked & ~runs[core][:, layers].any(axis=1)
            genomes[idle, first + core] = lower

    def _runs_on(self, genomes: IntArray, core: int) -> BoolArray:
        """Return which layers of legal `genomes`, shape ``(P, V)``, run on `core`, shape ``(P, L)``."""
        layers, rank, count = self._places[core]
        steps = (rank - genomes[:, self.segments["allocation"]][:, layers]) % count
        width = 2 ** genomes[:, self.segments["split"]][:, layers] if "split" in self.segments else 1
        found = np.zeros((len(genomes), len(self.capable)), dtype=np.bool_)
        found[:, layers] = steps < width
        return found

    @cached_property
    def _places(self) -> tuple[tuple[IntArray, IntArray, IntArray], ...]:
        """Per core: the layers that can run on it, its place among their capable cores, and how many those are."""
        found = []
        for core in range(len(self.core_names)):
            able = [layer for layer, cores in enumerate(self.capable) if core in cores]
            table = [able, [self.capable[layer].index(core) for layer in able], [len(self.capable[layer]) for layer in able]]
            found.append((np.array(table[0], dtype=np.int64), np.array(table[1], dtype=np.int64), np.array(table[2], dtype=np.int64)))
        return tuple(found)

    def _check_tiles(self) -> None:
        layers = self.workload.layers
        if len(self.tiles) != len(layers):
            raise InputError("tile sizes", [Fault("every layer needs tile sizes", expected=str(len(layers)), found=str(len(self.tiles)))])
        faults = []
        for layer, sizes in zip(layers, self.tiles, strict=True):
            inside = all(1 <= size.rows <= layer.rows and 1 <= size.columns <= layer.columns for size in sizes)
            if not sizes or len(set(sizes)) != len(sizes) or not inside:
                expected = f"different sizes of at most {layer.rows} x {layer.columns}"
                offered = ", ".join(f"{size.rows} x {size.columns}" for size in sizes)
                faults.append(Fault(f"layer {layer.name} cannot be cut like this", expected=expected, found=offered or "none"))
        if faults:
            raise InputError("tile sizes", faults)

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
            upper[self.segments["priority"]] = len(PRIORITIES) - 1
        narrow(self, lower, upper)
        lower.setflags(write=False)
        upper.setflags(write=False)
        return lower, upper
