"""The shipped library: complete, sourced, and with the totals of its sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_evo._yaml import Node, read_yaml
from stream_evo.hardware import Accelerator, ArrayTiming, Direction, load_accelerator, load_core
from stream_evo.hw_library import ACCELERATORS, CORES
from stream_evo.workload import Operand, OperatorKind

KIB = 8 * 1024
CONTRACT_ACCELERATORS = {
    *("single_core", "homogeneous_quad", "heterogeneous_quad", "homogeneous_16", "heterogeneous_16", "homogeneous_64", "heterogeneous_64"),
    *("tpu_quad", "eyeriss_single", "eyeriss_dual", "eyeriss_quad", "meta_prototype_dual", "simba_2x2", "simba_6x6"),
    *("depfin", "aimc_4x4", "diana"),
}
CONTRACT_DATAFLOWS = {
    "tpu_like": ["KC", "KOX", "G"],
    "meta_prototype": ["KCXY", "GXY"],
    "eyeriss_like": ["KC", "RS", "G"],
    "pooling": ["P"],
    "simd": ["K"],
}


@pytest.fixture(scope="module")
def accelerators() -> dict[str, Accelerator]:
    return {name: load_accelerator(path) for name, path in ACCELERATORS.items()}


def test_the_names_that_others_rely_on_are_there() -> None:
    assert set(ACCELERATORS) >= CONTRACT_ACCELERATORS
    for name, dataflows in CONTRACT_DATAFLOWS.items():
        assert [flow.name for flow in load_core(CORES[name]).dataflows] == dataflows


@pytest.mark.parametrize("name", CORES)
def test_a_core_loads_under_the_name_of_its_file(name: str) -> None:
    assert load_core(CORES[name]).name == name


@pytest.mark.parametrize("name", ACCELERATORS)
def test_an_accelerator_loads_under_the_name_of_its_file(name: str, accelerators: dict[str, Accelerator]) -> None:
    assert accelerators[name].name == name


def unsourced(node: Node, inherited: bool = False) -> list[str]:
    """Return the paths of quantities that have no source on their own block."""
    if isinstance(node.value, tuple):
        return [path for item in node.value for path in unsourced(item, inherited)]
    if not isinstance(node.value, dict):
        return []
    # A port's numbers are covered by its memory's source; nothing else inherits one.
    sourced = "source" in node.value or inherited
    quantities = {"size", "bandwidth", "min_bandwidth", "energy", "read_energy", "write_energy", "operation_energy", "area"}
    found = [] if sourced else [item.path for key, item in node.value.items() if key in quantities]
    for key, item in node.value.items():
        found += unsourced(item, sourced and key == "ports")
    return found


@pytest.mark.parametrize("path", [*CORES.values(), *ACCELERATORS.values()], ids=lambda path: path.stem)
def test_every_file_and_every_block_of_numbers_has_a_source(path: Path) -> None:
    root = read_yaml(path)
    assert isinstance(root.value, dict)
    assert "(MIT)" in str(root.value["source"].value), "repository, commit and licence"
    assert unsourced(root) == []


def test_the_descriptions_from_facts_state_the_times_of_arrays(accelerators: dict[str, Accelerator]) -> None:
    """50 ns per input bit at 200 MHz; 70 ns at 260 MHz are 18.2 cycles; C FY FX + 2 C FY + 23 cycles per digital tile."""
    times = {slot.name: slot.core.timing for slot in accelerators["diana_physical"].cores}
    assert times["digital"] == ArrayTiming(output_tile_cycles=23, input_row_cycles=2)
    assert times["analog"] == ArrayTiming(step_cycles=19)
    assert times["pooling"] == times["simd"] == ArrayTiming()
    assert {slot.core.timing for slot in accelerators["aimc_4x4_physical"].cores} == {ArrayTiming(input_bit_cycles=10)}
    for name in ("depfin", "aimc_4x4", "diana", "depfin_physical"):
        assert all(slot.core.timing == ArrayTiming() for slot in accelerators[name].cores)


def test_the_search_for_missing_sources_finds_them(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "source: s\nmemories:\n  - {size: 3 B, ports: [{bandwidth: 3 B/cycle}]}\n"
        "  - {size: 4 B, source: t, ports: [{bandwidth: 1 B/cycle}]}\n"
    )
    assert unsourced(read_yaml(path)) == ["$.memories[0].size", "$.memories[0].ports[0].bandwidth"]


# Processing elements of the compute cores and KiB of SRAM (pooling and SIMD core included), counted from the files of
# KULeuven-MICAS/stream, branch Exploration @4b73270a.
TOTALS = {
    "single_core_16x16": (256, 1056),
    "single_core": (1024, 2688),
    "single_core_32x32": (1024, 2688),
    "single_core_64x64": (4096, 9216),
    "single_core_128x128": (16384, 35328),
    "single_core_32x32_big_weights": (1024, 5760),
    "homogeneous_quad": (1024, 2688),
    "homogeneous_quad_mesh": (1024, 2688),
    "homogeneous_quad_mesh_dual_port": (1024, 2688),
    "homogeneous_quad_mesh_dual_port_big_weights": (1024, 18048),
    "heterogeneous_quad": (1020, 2688),
    "heterogeneous_quad_mesh": (1020, 2688),
    "heterogeneous_quad_mesh_dual_port": (1020, 2688),
    "homogeneous_16": (4096, 9216),
    "heterogeneous_16": (4080, 9216),
    "homogeneous_64": (16384, 35328),
    "heterogeneous_64": (16320, 35328),
}


@pytest.mark.parametrize("name", TOTALS)
def test_the_totals_of_the_exploration_hold(name: str, accelerators: dict[str, Accelerator]) -> None:
    cores = [slot.core for slot in accelerators[name].cores]
    elements = sum(core.processing_elements for core in cores if OperatorKind.CONV in core.operators)
    sram = sum(memory.size_bits for core in cores for memory in core.memories if memory.size_bits >= 16 * KIB)
    assert (elements, sram / KIB) == TOTALS[name]


@pytest.mark.parametrize("name", ACCELERATORS)
def test_every_kind_of_layer_can_run_where_the_chip_is_known_to_run_it(name: str, accelerators: dict[str, Accelerator]) -> None:
    chip = accelerators[name]
    kinds = {kind for slot in chip.cores for kind in slot.core.operators}
    expected = {"depfin": {OperatorKind.CONV}, "aimc_4x4": {OperatorKind.CONV, OperatorKind.GEMM}}
    assert kinds == expected.get(name.removesuffix("_physical"), set(OperatorKind))


@pytest.mark.parametrize("name", ACCELERATORS)
def test_every_core_has_a_way_to_the_dram_and_back(name: str, accelerators: dict[str, Accelerator]) -> None:
    chip = accelerators[name]
    for core in range(len(chip.cores)):
        assert chip.path(core, chip.dram_node)
        assert chip.path(chip.dram_node, core)


def test_single_port_drams_have_one_link_and_dual_port_drams_two(accelerators: dict[str, Accelerator]) -> None:
    for name, ports, energy in [
        ("heterogeneous_quad_mesh", 1, 650.0),
        ("heterogeneous_quad_mesh_dual_port", 2, 700.0),
        ("homogeneous_64", 2, 700.0),
    ]:
        chip = accelerators[name]
        reaching = [link for link in chip.links if any(chip.dram_node in pair for pair in link.connects)]
        assert (len(reaching), chip.dram.read_pj) == (ports, energy)


def test_the_mesh_is_filled_column_by_column(accelerators: dict[str, Accelerator]) -> None:
    chip = accelerators["homogeneous_quad_mesh"]
    lengths = {(a, b): len(chip.path(a, b) or ()) for a in range(4) for b in range(4) if a != b}
    assert {pair for pair, length in lengths.items() if length == 2} == {(0, 3), (3, 0), (1, 2), (2, 1)}


def test_the_in_memory_chip_has_private_dram_links_and_a_one_way_chain(accelerators: dict[str, Accelerator]) -> None:
    chip = accelerators["aimc_4x4"]
    to_dram = [chip.path(core, chip.dram_node) for core in range(5)]
    assert len(set(to_dram)) == 5
    assert [chip.path(chip.dram_node, core) for core in range(5)] == to_dram
    assert [len(chip.path(0, core) or ()) for core in range(1, 5)] == [1, 2, 3, 4]
    assert chip.path(4, 0) is None
    assert {link.bits_per_cycle for link in chip.links} == {128}


def test_diana_has_one_l1_for_all_cores(accelerators: dict[str, Accelerator]) -> None:
    instances = dict(accelerators["diana"].memory_instances())
    users = instances.pop("l1")
    assert {core for core, _ in users} == {0, 1, 2, 3}
    assert set(instances) == {"digital.weight_sram", "analog.weight_memory"}


def test_energies_and_widths_of_an_exploration_core() -> None:
    sram = load_core(CORES["c16_k16"]).top_memory(Operand.I)
    assert sram is not None
    port = sram.port(Operand.O, Direction.TO_HIGH)
    assert (sram.size_bits, sram.read_pj, sram.write_pj) == (256 * KIB, 52.0, 47.3)
    assert (port.min_bits_per_cycle, port.max_bits_per_cycle) == (128, 256)


def test_areas_are_carried_where_the_source_has_them() -> None:
    core = load_core(CORES["eyeriss_like"])
    assert [memory.area for memory in core.memories] == [0.3, 0.3, 0.95, 3, 6, 25]
    assert core.area == pytest.approx(168 * 0.1)


def test_the_dataflows_for_depthwise_layers_are_marked() -> None:
    marked = {name: [flow.name for flow in load_core(path).dataflows if flow.depthwise_only] for name, path in CORES.items()}
    systolic = {"c16_k16", "c32_k32", "c64_k64", "c128_k128", "c16_k16_big_w", "c32_k32_big_w", "ox16_k16"}
    assert {name for name, flows in marked.items() if flows} == {"tpu_like", "meta_prototype", "eyeriss_like"} | systolic
