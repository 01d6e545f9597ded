"""The choices on offer: tile sizes, K-parts, cores, genes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator, Direction
from stream_evo.mapping import (
    GenomeOptions,
    GenomeSpec,
    LayerPin,
    Pins,
    Priority,
    TileSize,
    check_mapping,
    parts_for,
    resolve_dataflow,
)
from stream_evo.workload import Layer, LoopSizes, Operand, OperatorKind, Workload

FaultsOf = Callable[[Callable[[], object]], list[Fault]]
FULL = GenomeOptions(split=True, dataflow=True, priority=True)


def test_tile_sizes_halve_rows_then_columns(network: Workload, chip: Accelerator) -> None:
    spec = GenomeSpec(network, chip)
    assert [(s.rows, s.columns) for s in spec.tiles[0]] == [(16, 64), (8, 64), (4, 64), (2, 64), (1, 64), (1, 32), (1, 16)]
    assert spec.tiles[4] == (TileSize(1, 1),)


def test_no_layer_is_cut_into_more_tiles_than_can_be_scheduled(chip: Accelerator) -> None:
    def smallest(channels: int) -> TileSize:
        layer = Layer("wide", OperatorKind.CONV, "Conv", LoopSizes(K=channels, C=1024, OY=1024), constant_weights=True)
        return GenomeSpec(Workload("n", (layer,)), chip).tiles[0][-1]

    assert smallest(16) == TileSize(1, 1)
    assert smallest(4096) == TileSize(8, 1)  # 1024 parts of 4 channels, 128 tiles of each


def test_segments_and_bounds(network: Workload, chip: Accelerator) -> None:
    spec = GenomeSpec(network, chip, FULL)
    assert {name: (part.start, part.stop) for name, part in spec.segments.items()} == {
        "allocation": (0, 5),
        "cut": (5, 9),
        "tile": (9, 14),
        "split": (14, 19),
        "dataflow": (19, 23),
        "priority": (23, 24),
    }
    assert spec.upper.tolist() == [2, 2, 2, 0, 0, 1, 1, 1, 1, 6, 6, 6, 6, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1]
    assert not spec.lower.any()
    with pytest.raises(ValueError, match="read-only"):
        spec.upper[0] = 5
    assert spec.allocation_cores.tolist() == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [3, -1, -1], [3, -1, -1]]


def test_layer_by_layer_is_a_point(network: Workload, chip: Accelerator) -> None:
    spec = GenomeSpec(network, chip)
    genome = np.zeros(spec.length, dtype=np.int64)
    genome[spec.segments["cut"]] = 1
    mapping = spec.decode(genome)
    assert [entry.stack for entry in mapping.layers] == [0, 1, 2, 3, 4]
    assert [(entry.tile_rows, entry.tile_columns) for entry in mapping.layers] == [(16, 64)] * 4 + [(1, 1)]
    assert mapping.priority is Priority.MEMORY


def roomy(chip: Accelerator, factor: int) -> Accelerator:
    """Return the chip with weight memories `factor` times as large on its first two cores."""
    slots = list(chip.cores)
    for index in (0, 1):
        core = slots[index].core
        weights = core.top_memory(Operand.W)
        memories = tuple(dataclasses.replace(m, size_bits=m.size_bits * factor) if m is weights else m for m in core.memories)
        slots[index] = dataclasses.replace(slots[index], core=dataclasses.replace(core, memories=memories))
    return dataclasses.replace(chip, cores=tuple(slots))


def test_parts_follow_from_the_weights_that_fit(network: Workload, chip: Accelerator) -> None:
    layer = dataclasses.replace(network.layers[2], sizes=LoopSizes(K=96, C=1024))  # 96 * 1024 * 8 bits = 12 x 64 Kib
    assert parts_for(layer, (0,), chip) == 24  # 12 parts would fill the memory; two at a time fit if there are 24
    assert parts_for(layer, (0, 1), chip) == 24
    assert parts_for(layer, (0, 1), roomy(chip, 6)) == 2  # half the weights on each core fill its memory: nothing else is to be loaded
    assert parts_for(dataclasses.replace(layer, sizes=LoopSizes(K=97, C=1024)), (0,), chip) == 97  # a prime: 25 does not divide it
    assert parts_for(dataclasses.replace(layer, sizes=LoopSizes(K=97)), (0, 1), chip) == 0
    assert parts_for(network.layers[3], (3,), chip) == 1  # no weights


def test_weights_leave_half_of_a_common_memory_to_activations(network: Workload, chip: Accelerator) -> None:
    slot, own = chip.cores[0], chip.cores[0].core.memories[0]
    port = dataclasses.replace(own.ports[0], serves=tuple((operand, direction) for operand in Operand for direction in Direction))
    common = dataclasses.replace(own, operands=tuple(Operand), ports=(port,))
    joined = dataclasses.replace(slot, core=dataclasses.replace(slot.core, memories=(common,)))
    joint = dataclasses.replace(chip, cores=(joined, *chip.cores[1:]))
    layer = dataclasses.replace(network.layers[2], sizes=LoopSizes(K=96, C=1024))
    assert parts_for(layer, (0,), joint) == 48


def test_grouped_layers_are_cut_between_groups(network: Workload, chip: Accelerator) -> None:
    grouped = dataclasses.replace(network.layers[1], sizes=LoopSizes(G=3, K=4))
    assert parts_for(grouped, (0, 1), chip) == 0  # three groups cannot be shared out to two cores, whatever K
    assert parts_for(grouped, (0, 1, 2), chip) == 3


def test_spreading_takes_neighbours_in_a_circle(network: Workload, chip: Accelerator) -> None:
    spec = GenomeSpec(network, chip, GenomeOptions(split=True))
    assert spec.spread(0, 2, 1) == ((2, 0), 2)


def test_depthwise_layers_take_the_dataflow_meant_for_them(network: Workload, chip: Accelerator) -> None:
    core = chip.cores[2].core
    assert [resolve_dataflow(core, layer, "OXK").name for layer in network.layers[:3]] == ["OXK", "G", "OXK"]
    assert resolve_dataflow(core, network.layers[0], None).name == "KC"
    with pytest.raises(KeyError):
        resolve_dataflow(core, network.layers[1], "nonsense")


def test_a_dataflow_that_is_not_offered_for_a_kind_gives_way(network: Workload, chip: Accelerator) -> None:
    core = chip.cores[2].core
    narrow = dataclasses.replace(core.dataflows[1], operators=(OperatorKind.GEMM,))
    core = dataclasses.replace(core, dataflows=(core.dataflows[0], narrow, core.dataflows[2]))
    assert resolve_dataflow(core, network.layers[0], "OXK").name == "KC"


def test_idle_dataflow_genes_are_canonical_zero(network: Workload, chip: Accelerator) -> None:
    spec = GenomeSpec(network, chip, FULL)
    gene = spec.segments["dataflow"].start + 2
    unused, depthwise_only, used, shared = (np.zeros(spec.length, dtype=np.int64) for _ in range(4))
    depthwise_only[1] = 2
    used[0] = 2
    shared[0], shared[spec.segments["split"].start] = 1, 1  # cores b and c
    batch = np.stack([unused, depthwise_only, used, shared])
    batch[:, gene] = 1
    assert spec.canonical(batch)[:, gene].tolist() == [0, 0, 1, 1]


def test_layers_no_core_can_run_are_all_told(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    options = GenomeOptions(forbidden_cores=("v",))
    faults = faults_of(lambda: GenomeSpec(network, chip, options))
    assert [fault.what for fault in faults] == [
        "layer add (Add) needs a core that runs elementwise layers; none may",
        "layer pool (GlobalAveragePool) needs a core that runs pool layers; none may",
    ]
    assert {fault.hint for fault in faults} == {"Allow v, which could and is forbidden"}


def without_weights(chip: Accelerator, *names: str) -> Accelerator:
    """Return the chip with no memory for W in some of its cores, all of which run elementwise layers and pools now."""
    slots = []
    for slot in chip.cores:
        core = slot.core
        if slot.name in names:
            memories = tuple(memory for memory in core.memories if Operand.W not in memory.operands)
            core = dataclasses.replace(core, memories=memories, operators=(OperatorKind.POOL, OperatorKind.ELEMENTWISE))
        slots.append(dataclasses.replace(slot, core=core))
    return dataclasses.replace(chip, cores=tuple(slots))


@pytest.mark.parametrize(
    ("names", "verb", "hint"),
    [(("v",), "v runs", "a memory of v"), (("b", "v"), "b, v run", "a memory of b or v")],
)
def test_a_core_without_a_memory_for_an_operand_is_told_as_the_reason(
    network: Workload, chip: Accelerator, faults_of: FaultsOf, names: tuple[str, ...], verb: str, hint: str
) -> None:
    (fault,) = faults_of(lambda: GenomeSpec(network, without_weights(chip, *names)))
    needed = "layer add (Add) needs a core that runs elementwise layers and has a memory for W, its second operand"
    assert (fault.what, fault.hint) == (f"{needed}; {verb} them without one", f"Add W to the operands of {hint}")


def test_mappings_and_pins_tell_the_memory_that_a_core_lacks(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    poor = without_weights(chip, "b")
    pins = Pins((LayerPin("add", ("b",)),))
    mapping = GenomeSpec(network, chip).decode(np.zeros(GenomeSpec(network, chip).length, dtype=np.int64))
    layers = tuple(dataclasses.replace(entry, cores=("b",)) if entry.layer == "add" else entry for entry in mapping.layers)
    told = check_mapping(dataclasses.replace(mapping, layers=layers), network, poor)
    for fault in (*faults_of(lambda: GenomeSpec(network, poor, pins=pins)), *told):
        assert fault.what.startswith("core 'b' cannot run this elementwise layer: it has no memory for W, its second operand")
    assert len(told) == 1


def test_forbidden_cores_run_nothing(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    spec = GenomeSpec(network, chip, GenomeOptions(forbidden_cores=("a", "b")))
    assert spec.capable == ((2,), (2,), (2,), (3,), (3,))
    (fault,) = faults_of(lambda: GenomeSpec(network, chip, GenomeOptions(forbidden_cores=("aa",))))
    assert "aa" in fault.what
    assert "a, b, c, v" in fault.hint


def test_tile_sizes_of_ones_own(network: Workload, chip: Accelerator, faults_of: FaultsOf) -> None:
    whole = tuple((TileSize(layer.rows, layer.columns),) for layer in network.layers)
    assert GenomeSpec(network, chip, tiles=whole).upper[9:14].tolist() == [0] * 5
    with pytest.raises(InputError, match="every layer needs tile sizes"):
        GenomeSpec(network, chip, tiles=whole[:-1])
    bad = ((TileSize(17, 64),), (TileSize(4, 64), TileSize(4, 64)), (), *whole[3:])
    faults = faults_of(lambda: GenomeSpec(network, chip, tiles=bad))
    assert [fault.found for fault in faults] == ["17 x 64", "4 x 64, 4 x 64", "none"]


def test_genomes_of_the_wrong_length_are_refused(network: Workload, chip: Accelerator) -> None:
    spec = GenomeSpec(network, chip)
    with pytest.raises(ValueError, match="14"):
        spec.canonical(np.zeros((3, 1), dtype=np.int64))


def test_layers_without_room_for_their_operands_are_not_runnable(network: Workload, chip: Accelerator) -> None:
    slot = chip.cores[3]
    bare = dataclasses.replace(slot, core=dataclasses.replace(slot.core, memories=slot.core.memories[1:]))
    with pytest.raises(InputError, match="layer add") as caught:  # it has two inputs, the pool only one
        GenomeSpec(network, dataclasses.replace(chip, cores=(*chip.cores[:3], bare)))
    assert len(caught.value.faults) == 1


def test_a_network_of_one_layer_has_no_cut(network: Workload, chip: Accelerator) -> None:
    layer: Layer = network.layers[0]
    spec = GenomeSpec(Workload("one", (layer,), network.inputs), chip)
    assert spec.length == 2
    assert np.array_equal(spec.encode(spec.decode(spec.upper)), spec.upper)
