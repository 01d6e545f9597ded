"""Six ways to run a network on a chip, each a space of mappings that is searched.

The first and the two of fixed granularity are modelled on the study of Stream (Symons et al., arXiv 2212.10612; settings as in
KULeuven-MICAS/stream, branch Exploration @4b73270a).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from stream_evo.hardware import Accelerator
from stream_evo.mapping import GenomeOptions, GenomeSpec, LayerPin, Pins, Priority, TileSize, weight_room_bits
from stream_evo.workload import Layer, Workload

__all__ = ["METHODS", "Space"]

Space = Callable[[Workload, Accelerator], GenomeSpec]


def layer_by_layer(workload: Workload, chip: Accelerator) -> GenomeSpec:
    """Whole layers, each on one core; allocation and, of cores that have a choice, dataflow are searched."""
    return _whole_layers(workload, chip, GenomeOptions(dataflow=True))


def layer_by_layer_split(workload: Workload, chip: Accelerator) -> GenomeSpec:
    """Whole layers, each spread over as many cores as the search likes."""
    return _whole_layers(workload, chip, GenomeOptions(dataflow=True, split=True))


def layer_by_layer_tiled(workload: Workload, chip: Accelerator) -> GenomeSpec:
    """Everything is searched but fusion: a layer begins when all it reads is there, runs in tiles of any size, spread over cores.

    What `full` gains beyond this is due to fusion alone.
    """
    options = GenomeOptions(split=True, dataflow=True, priority=True)
    return GenomeSpec(workload, chip, options, _cut_everywhere(workload))


def rows(workload: Workload, chip: Accelerator) -> GenomeSpec:
    """One row a tile, the earliest tile first, stacks as deep as their weights fit the chip; allocation is searched.

    A layer that is alone in its stack stays whole: it is fused with nothing, and rows would only load its weights again.
    """
    return _fixed_rows(workload, chip, 1, Priority.LATENCY, GenomeOptions())


def rows_4(workload: Workload, chip: Accelerator) -> GenomeSpec:
    """Four rows a tile where four divide the rows, else one; the deepest tile first; stacks as for `rows`; allocation and split searched.

    The authors allocate the K-parts of a layer whose weights exceed a memory one by one; here any layer may be spread over 2, 4, ... cores.
    """
    return _fixed_rows(workload, chip, 4, Priority.MEMORY, GenomeOptions(split=True))


def full(workload: Workload, chip: Accelerator) -> GenomeSpec:
    """Everything is searched: allocation, stacks, tile sizes, dataflows, splits over cores, priority."""
    return GenomeSpec(workload, chip, GenomeOptions(split=True, dataflow=True, priority=True))


METHODS: Mapping[str, Space] = MappingProxyType(
    {space.__name__: space for space in (layer_by_layer, layer_by_layer_split, layer_by_layer_tiled, rows, rows_4, full)}
)


def _whole_layers(workload: Workload, chip: Accelerator, options: GenomeOptions) -> GenomeSpec:
    whole = tuple((TileSize(layer.rows, layer.columns),) for layer in workload.layers)
    return GenomeSpec(workload, chip, options, _cut_everywhere(workload), whole)


def _cut_everywhere(workload: Workload) -> Pins:
    return Pins(tuple(LayerPin(layer.name, cut_after=True) for layer in workload.layers[:-1]))


def _fixed_rows(workload: Workload, chip: Accelerator, most: int, priority: Priority, options: GenomeOptions) -> GenomeSpec:
    capable = GenomeSpec(workload, chip).capable
    runs_weights = {core for layer, cores in zip(workload.layers, capable, strict=True) if layer.weight_bits for core in cores}
    ends = _stack_ends(workload, sum(weight_room_bits(chip.cores[core].core) for core in runs_weights))
    last = len(workload.layers) - 1

    def tile(index: int, layer: Layer) -> TileSize:
        alone = (index == 0 or index - 1 in ends) and (index == last or index in ends)
        return TileSize(layer.rows if alone else most if layer.rows % most == 0 else 1, layer.columns)

    pins = Pins(tuple(LayerPin(layer.name, cut_after=index in ends) for index, layer in enumerate(workload.layers[:-1])), priority=priority)
    tiles = tuple((tile(index, layer),) for index, layer in enumerate(workload.layers))
    return GenomeSpec(workload, chip, options, pins, tiles)


def _stack_ends(workload: Workload, room_bits: int) -> set[int]:
    """Return the last layers of stacks that are as long as their weights fit into `room_bits` together."""
    ends = set()
    held = 0
    for index, layer in enumerate(workload.layers):
        if index > 0 and held + layer.weight_bits > room_bits:
            ends.add(index - 1)
            held = 0
        held += layer.weight_bits
    return ends
