"""The decisions that tables are made for, from a whole genome space or from a single mapping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream_evo.hardware import Accelerator
from stream_evo.mapping import GenomeSpec, Mapping, Priority, TileSize
from stream_evo.typing import IntArray
from stream_evo.workload import Workload

__all__ = ["Choices", "Placement", "choices_of_mapping", "choices_of_spec", "decisions_of_genomes", "decisions_of_mapping"]

_PRIORITIES = (Priority.MEMORY, Priority.LATENCY)


@dataclass(frozen=True, slots=True)
class Placement:
    """Cores of a layer and its number of K-parts; part ``p`` runs on ``cores[p % len(cores)]``."""

    cores: tuple[int, ...]
    parts: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from.

    Attributes:
        placements: Per layer.
        tiles: Tile sizes per layer.
        dataflows: Names of general dataflows per core; ``None`` is the default one.
    """

    placements: tuple[tuple[Placement, ...], ...]
    tiles: tuple[tuple[TileSize, ...], ...]
    dataflows: tuple[tuple[str | None, ...], ...]


def choices_of_spec(spec: GenomeSpec) -> Choices:
    """Return every choice a genome of `spec` can make; placement ``choice * ways + exponent``."""
    placements = tuple(
        tuple(
            Placement(*spec.spread(layer, choice, exponent))
            for choice in range(len(spec.capable[layer]))
            for exponent in _ways(spec, layer)
        )
        for layer in range(len(spec.workload.layers))
    )
    flows = spec.flows if "dataflow" in spec.segments else tuple(names[:1] for names in spec.flows)
    return Choices(placements, spec.tiles, flows)


def choices_of_mapping(mapping: Mapping, accelerator: Accelerator) -> Choices:
    """Return the single choice of everything that makes `mapping`."""
    names = [slot.name for slot in accelerator.cores]
    return Choices(
        tuple((Placement(tuple(names.index(core) for core in entry.cores), entry.parts),) for entry in mapping.layers),
        tuple((TileSize(entry.tile_rows, entry.tile_columns),) for entry in mapping.layers),
        tuple((mapping.dataflows.get(slot.name),) for slot in accelerator.cores),
    )


def _ways(spec: GenomeSpec, layer: int) -> tuple[int, ...]:
    return spec.ways[layer] if "split" in spec.segments else (0,)


def decisions_of_genomes(spec: GenomeSpec, genomes: IntArray) -> IntArray:
    """Return what the kernel reads, shape ``(P, 3 L + N + 1)``: placement, tile and stack per layer, dataflow per core, priority."""
    count, layers = len(genomes), len(spec.workload.layers)
    genes = {name: genomes[:, part] for name, part in spec.segments.items()}
    ways = np.array([len(_ways(spec, layer)) for layer in range(layers)])
    found = np.zeros((count, 3 * layers + len(spec.accelerator.cores) + 1), dtype=np.int64)
    found[:, :layers] = genes["allocation"] * ways + genes.get("split", 0)
    found[:, layers : 2 * layers] = genes["tile"]
    found[:, 2 * layers + 1 : 3 * layers] = np.cumsum(genes["cut"], axis=1)
    if "dataflow" in genes:
        found[:, 3 * layers : -1] = genes["dataflow"]
    found[:, -1] = genes["priority"][:, 0] if "priority" in genes else _PRIORITIES.index(spec.default_priority)
    return found


def decisions_of_mapping(workload: Workload, accelerator: Accelerator, mapping: Mapping) -> IntArray:
    """Return the decisions of `mapping` among its own `choices_of_mapping`, shape ``(1, 3 L + N + 1)``."""
    layers = len(workload.layers)
    found = np.zeros((1, 3 * layers + len(accelerator.cores) + 1), dtype=np.int64)
    found[0, 2 * layers : 3 * layers] = [entry.stack for entry in mapping.layers]
    found[0, -1] = _PRIORITIES.index(mapping.priority)
    return found
