"""The evaluator on real networks and chips: genomes and mappings give the same numbers, with any number of workers, above the bounds."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

import stream_evo
from stream_evo.bounds import lower_bounds
from stream_evo.cost import Goal
from stream_evo.errors import InputError
from stream_evo.evaluation import METRICS, Evaluation, Evaluator, evaluate_mapping, schedule_mapping
from stream_evo.hardware import load_accelerator
from stream_evo.hw_library import ACCELERATORS
from stream_evo.mapping import GenomeOptions, GenomeSpec, LayerMapping, Mapping, weight_room_bits
from stream_evo.problems.networks import NETWORKS
from stream_evo.typing import IntArray
from stream_evo.workload import Operand, Workload, load_onnx

PLAIN, EVERYTHING = GenomeOptions(), GenomeOptions(split=True, dataflow=True, priority=True)

PAIRS = [
    ("resnet18", "heterogeneous_quad", EVERYTHING),
    ("mobilenetv2", "homogeneous_quad", PLAIN),
    ("resnet18", "tpu_quad", PLAIN),
    ("squeezenet", "eyeriss_single", PLAIN),
    ("bert_layer", "simba_2x2", EVERYTHING),
    ("fsrcnn", "meta_prototype_dual", PLAIN),
    ("gpt2_decode", "heterogeneous_quad", PLAIN),
    ("tiny_yolov2", "single_core", PLAIN),
    ("fsrcnn", "depfin", PLAIN),
    ("resnet18", "diana", PLAIN),
]
IDS = [f"{network}-{chip}" for network, chip, _ in PAIRS]


@cache
def network(name: str) -> Workload:
    return load_onnx(NETWORKS[name](), name=name)


@cache
def space(name: str, chip: str, options: GenomeOptions = PLAIN) -> GenomeSpec:
    return GenomeSpec(network(name), load_accelerator(ACCELERATORS[chip]), options)


@cache
def evaluator(name: str, chip: str, options: GenomeOptions = PLAIN) -> Evaluator:
    return Evaluator(space(name, chip, options))


def random_genomes(spec: GenomeSpec, count: int, seed: int = 0) -> IntArray:
    return np.random.default_rng(seed).integers(spec.lower, spec.upper + 1, size=(count, spec.length))


def layer_by_layer(spec: GenomeSpec) -> IntArray:
    genome = spec.lower.copy()
    genome[spec.segments["cut"]] = 1
    return genome[np.newaxis]


def same_results(one: Evaluation, two: Evaluation) -> None:
    assert np.array_equal(one.metrics, two.metrics)
    assert np.array_equal(one.violation_bytes, two.violation_bytes)
    assert list(one.totals) == list(two.totals)


@pytest.mark.parametrize(("name", "chip", "options"), PAIRS, ids=IDS)
def test_no_genome_beats_a_bound(name: str, chip: str, options: GenomeOptions) -> None:
    spec = space(name, chip, options)
    found = evaluator(name, chip, options).evaluate(np.concatenate([layer_by_layer(spec), random_genomes(spec, 12)]))
    assert found.metrics.shape == (13, len(METRICS))
    assert np.isfinite(found.metrics).all()
    bounds = dataclasses.asdict(lower_bounds(spec.workload, spec.accelerator, options))
    least = np.array([bounds[metric] for metric in METRICS])
    feasible = found.metrics[found.violation_bytes == 0]
    assert len(feasible)
    assert (feasible >= least).all(), (feasible / least).min(axis=0)


@pytest.mark.parametrize(("name", "chip", "options"), PAIRS[:6], ids=IDS[:6])
def test_a_genome_and_its_mapping_give_the_same_numbers(name: str, chip: str, options: GenomeOptions) -> None:
    spec = space(name, chip, options)
    for genome in random_genomes(spec, 2, seed=1):
        by_genome = evaluator(name, chip, options).evaluate(genome[np.newaxis])
        same_results(by_genome, evaluate_mapping(spec.workload, spec.accelerator, spec.decode(genome)))


@pytest.mark.parametrize(("name", "chip", "options"), PAIRS[:3], ids=IDS[:3])
def test_workers_batches_and_repetition_change_nothing(name: str, chip: str, options: GenomeOptions) -> None:
    spec, under_test = space(name, chip, options), evaluator(name, chip, options)
    genomes = random_genomes(spec, 9, seed=2)
    together = under_test.evaluate(genomes)
    same_results(together, under_test.evaluate(genomes, workers=2))
    assert np.array_equal(under_test.evaluate(genomes[::-1]).metrics, together.metrics[::-1])
    assert np.array_equal(under_test.evaluate(genomes[4:5]).metrics, together.metrics[4:5])


def test_the_recorded_schedule_has_the_same_totals() -> None:
    spec, under_test = space("resnet18", "tpu_quad"), evaluator("resnet18", "tpu_quad")
    genome = random_genomes(spec, 1, seed=3)[0]
    schedule = under_test.schedule(genome)
    (totals,) = under_test.evaluate(genome[np.newaxis]).totals
    assert schedule.totals == totals
    assert totals.latency_cycles == max(item.end_cycles for item in schedule.tiles + schedule.transfers)
    assert schedule_mapping(spec.workload, spec.accelerator, spec.decode(genome)) == schedule


def test_columns_are_what_their_names_say() -> None:
    spec, under_test = space("resnet18", "tpu_quad"), evaluator("resnet18", "tpu_quad")
    genomes = np.random.default_rng(1).integers(spec.lower, spec.upper + 1, size=(20, spec.length))
    found = under_test.evaluate(np.concatenate([layer_by_layer(spec), genomes]))
    for row, missing, totals in zip(found.metrics, found.violation_bytes, found.totals, strict=True):
        assert row.tolist() == [getattr(totals, name) for name in METRICS]  # to the last bit
        assert missing == totals.violation_bytes


def test_genomes_outside_the_bounds_mean_what_they_are_clipped_to() -> None:
    spec, under_test = space("resnet18", "tpu_quad"), evaluator("resnet18", "tpu_quad")
    genomes = random_genomes(spec, 3, seed=4)
    wild = np.where(genomes == spec.upper, genomes + 7, genomes)
    same_results(under_test.evaluate(genomes), under_test.evaluate(wild))


def test_an_empty_batch() -> None:
    spec, under_test = space("resnet18", "tpu_quad"), evaluator("resnet18", "tpu_quad")
    found = under_test.evaluate(np.empty((0, spec.length), dtype=np.int64), workers=2)
    assert found.metrics.shape == (0, len(METRICS))
    assert found.violation_bytes.shape == (0,)


@pytest.mark.parametrize("shape", [(3,), (2, 5), (1, 2, 3)])
def test_a_wrong_shape_is_told(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected genomes of shape \(P, "):
        evaluator("resnet18", "tpu_quad").evaluate(np.zeros(shape, dtype=np.int64))


def test_cores_of_one_kind_can_change_places() -> None:
    """Four equal cores on one bus with one DRAM port: names of cores cannot matter; sums of energies may be added in another order."""
    spec = space("resnet18", "homogeneous_quad")
    mapping = spec.decode(random_genomes(spec, 1, seed=5)[0])
    kinds = {slot.name: slot.core for slot in spec.accelerator.cores}
    twins = [name for name in kinds if kinds[name] == spec.accelerator.cores[0].core]
    assert len(twins) > 1
    other = dict(zip(twins, twins[1:] + twins[:1], strict=True))

    def moved(entry: LayerMapping) -> LayerMapping:
        return dataclasses.replace(entry, cores=tuple(other.get(name, name) for name in entry.cores))

    turned = dataclasses.replace(mapping, layers=tuple(moved(entry) for entry in mapping.layers))
    assert turned != mapping
    one, two = (evaluate_mapping(spec.workload, spec.accelerator, m).totals[0] for m in (mapping, turned))
    assert (one.latency_cycles, one.memory_bytes, one.dram_bytes, one.evictions) == (
        two.latency_cycles,
        two.memory_bytes,
        two.dram_bytes,
        two.evictions,
    )
    assert one.energy_pj == pytest.approx(two.energy_pj, rel=1e-12)


def test_twin_cores_may_run_different_dataflows_in_one_mapping() -> None:
    """A mapping is tabulated alone; its cores of one kind must not be mixed up."""
    spec = space("squeezenet", "tpu_quad", GenomeOptions(dataflow=True))
    genome = random_genomes(spec, 1, seed=6)[0]
    genome[spec.segments["dataflow"]] = [index % 2 for index in range(len(spec.core_names))]
    mapping = spec.decode(genome)
    assert len({mapping.dataflows[name] for name in spec.core_names[:4]}) == 2
    same_results(Evaluator(spec).evaluate(genome[np.newaxis]), evaluate_mapping(spec.workload, spec.accelerator, mapping))


def test_the_goal_of_tiles_changes_the_costs() -> None:
    spec = space("squeezenet", "eyeriss_single")
    mapping = spec.decode(layer_by_layer(spec)[0])
    by_goal = {goal: evaluate_mapping(spec.workload, spec.accelerator, mapping, goal).totals[0] for goal in Goal}
    energy = {goal: totals.mac_pj + totals.memory_pj for goal, totals in by_goal.items()}
    assert energy[Goal.ENERGY] == min(energy.values())
    assert by_goal[Goal.LATENCY].latency_cycles == min(totals.latency_cycles for totals in by_goal.values())


def test_layer_costs_guide() -> None:
    """Every core that can run a layer has a cost, others are out of reach."""
    spec = space("resnet18", "heterogeneous_quad", EVERYTHING)
    latency, energy, weights = evaluator("resnet18", "heterogeneous_quad", EVERYTHING).layer_costs()
    assert latency.shape == energy.shape == weights.shape == (len(spec.workload.layers), len(spec.accelerator.cores))
    for index, slot in enumerate(spec.accelerator.cores):
        memory = slot.core.top_memory(Operand.W)
        if memory is not None:
            np.testing.assert_allclose(weights[0, index], spec.workload.layers[0].weight_bits / weight_room_bits(slot.core))
    for layer, capable in enumerate(spec.capable):
        assert set(np.flatnonzero(np.isfinite(latency[layer]))) == set(capable)
        assert set(np.flatnonzero(np.isfinite(energy[layer]))) == set(capable)
        operations = spec.workload.layers[layer].operations
        for core in capable:
            assert latency[layer, core] >= operations / spec.accelerator.cores[core].core.processing_elements
            assert energy[layer, core] > 0


def test_mappings_outside_a_space_can_be_evaluated() -> None:
    """Tiles of three rows are not on offer in the genome."""
    workload, chip = network("resnet18"), load_accelerator(ACCELERATORS["single_core"])
    spec = GenomeSpec(workload, chip)
    whole = spec.decode(spec.lower)
    odd = Mapping(
        whole.network,
        whole.accelerator,
        tuple(dataclasses.replace(entry, tile_rows=min(3, entry.tile_rows)) for entry in whole.layers),
    )
    found = evaluate_mapping(workload, chip, odd)
    assert (found.metrics > 0).all()
    tiles = sum(entry.parts * -(-layer.rows // 3) for entry, layer in zip(odd.layers, workload.layers, strict=True))
    assert len(schedule_mapping(workload, chip, odd).tiles) == tiles


def test_a_mapping_value_for_another_network_is_refused() -> None:
    other = space("squeezenet", "eyeriss_single")
    mapping = other.decode(other.lower)
    for ask in (stream_evo.evaluate, stream_evo.explain):
        with pytest.raises(InputError, match="this mapping is for another network"):
            ask("resnet18", "eyeriss_single", mapping)
