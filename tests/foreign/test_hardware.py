"""Chips of the reference framework become the library's own values, whatever spelling they are written in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_evo import registry
from stream_evo.cli import main
from stream_evo.evaluation import Evaluator
from stream_evo.foreign import ImportedHardware, hardware_files, is_foreign_hardware, kinds_of_cores, read_hardware
from stream_evo.hardware import Accelerator, ArrayTiming, load_accelerator
from stream_evo.mapping import GenomeSpec
from stream_evo.workload import Operand, OperatorKind
from tests.foreign.support import DATA, assert_same_core, core_document, links_of, small_network, write_chip

HARDWARE = DATA / "hardware"
LIBRARY = {
    "tpu_like_quad_core": "tpu_quad",
    "eyeriss_like_quad_core": "eyeriss_quad",
    "meta_prototype_dual": "meta_prototype_dual",
    "simba_small": "simba_2x2",
}


def _same_chip(found: Accelerator, expected: Accelerator) -> None:
    assert len(found.cores) == len(expected.cores)
    for slot, wanted in zip(found.cores, expected.cores, strict=True):
        assert_same_core(slot.core, wanted.core)
    assert links_of(found) == links_of(expected)
    dram, wanted_dram = found.dram, expected.dram
    assert (dram.size_bits, dram.bits_per_cycle, dram.read_pj, dram.write_pj) == (
        wanted_dram.size_bits,
        wanted_dram.bits_per_cycle,
        wanted_dram.read_pj,
        wanted_dram.write_pj,
    )
    assert {frozenset(shared.members) for shared in found.shared_memories} == {
        frozenset(shared.members) for shared in expected.shared_memories
    }


def _write(folder: Path, content: Any, name: str = "chip.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def _said(imported: ImportedHardware, phrase: str) -> bool:
    return any(phrase in str(note) for note in imported.notes)


@pytest.mark.parametrize(("file", "name"), LIBRARY.items())
def test_published_chips_equal_those_of_the_library(file: str, name: str) -> None:
    imported = read_hardware(HARDWARE / f"{file}.yaml")
    _same_chip(imported.accelerator, registry.load_hardware(name))


def test_both_spellings_of_connections_differ_only_in_the_way_off_the_chip() -> None:
    new, old = (read_hardware(HARDWARE / f"{name}.yaml").accelerator for name in ("simba_small", "simba_small_2024"))
    assert [slot.core for slot in new.cores] == [slot.core for slot in old.cores]
    assert links_of(new)[1:] == links_of(old)[:-1]  # the mesh; there a bus to all, here the DRAM's own port
    assert new.links[:8] == old.links[:8]
    assert (old.links[8].name, old.links[8].bits_per_cycle, len(old.links[8].connects)) == ("dram", 64, 8)


@pytest.mark.parametrize("old_ports", [True, False], ids=["ports per operand", "ports as a list"])
def test_chips_of_the_library_survive_the_way_through_the_reference_form(tmp_path: Path, old_ports: bool) -> None:
    carried = []
    for name in registry.accelerators():
        chip = registry.load_hardware(name)
        folder = tmp_path / name
        folder.mkdir()
        written = write_chip(folder, chip, old_ports=old_ports) if len(chip.cores) <= 8 else None
        if written is not None:
            imported = read_hardware(written)
            _same_chip(imported.accelerator, chip)
            assert [set(slot.core.operators) for slot in imported.accelerator.cores] == [set(slot.core.operators) for slot in chip.cores]
            carried.append(name)
    expected = {"depfin", "diana", "tpu_quad", "eyeriss_quad", "meta_prototype_dual", "simba_2x2", "heterogeneous_quad"}
    assert set(carried) >= (expected - {"diana"} if old_ports else expected), carried


@pytest.mark.parametrize("file", sorted(HARDWARE.glob("*.yaml")), ids=lambda path: path.stem)
def test_written_files_are_read_back_to_the_same_chip(tmp_path: Path, file: Path) -> None:
    imported = read_hardware(file)
    for path, content in hardware_files(imported, tmp_path / "chip with spaces.yaml").items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    assert load_accelerator(tmp_path / "chip with spaces.yaml", cores={}) == imported.accelerator


def test_the_mesh_is_filled_column_by_column_and_the_simd_core_is_never_held_up() -> None:
    imported = read_hardware(HARDWARE / "tpu_mesh_2024.yaml")
    chip = imported.accelerator
    mesh = {link.connects[0] for link in chip.links if link.bits_per_cycle == 32 and max(link.connects[0]) < 4}
    assert mesh == {(a, b) for pair in ((0, 2), (1, 3), (0, 1), (2, 3)) for a, b in (pair, pair[::-1])}
    widest = max(port.max_bits_per_cycle for slot in chip.cores for memory in slot.core.memories for port in memory.ports)
    assert {link.bits_per_cycle for link in chip.links if 5 in link.connects[0] and len(link.connects) == 1} == {widest}
    assert _said(imported, "no limit of bandwidth")
    kinds = [slot.core.operators for slot in chip.cores]
    assert kinds == [(OperatorKind.CONV, OperatorKind.GEMM)] * 4 + [(OperatorKind.POOL,), (OperatorKind.ELEMENTWISE,)]


def test_numbers_of_cores_stay_known_when_the_off_chip_core_is_not_the_last() -> None:
    imported = read_hardware(HARDWARE / "tpu_bus_2024.yaml")
    assert imported.core_names == {0: "pooling_0", 1: "dram", 2: "tpu_like_2", 3: "tpu_like_3"}
    bus = next(link for link in imported.accelerator.links if link.name == "bus")
    assert bus.connects == ((1, 2), (2, 1))
    assert bus.pj_per_bit == 16 / 32  # stated per cycle in which 32 bits pass


def test_a_core_with_its_off_chip_memory_is_a_chip() -> None:
    imported = read_hardware(HARDWARE / "zigzag_tpu_like.yaml")
    (slot,) = imported.accelerator.cores
    assert (imported.accelerator.dram.read_pj, imported.accelerator.dram.write_pj) == (700, 750)
    front = slot.core.top_memory(Operand.W)
    assert front is not None
    assert (front.size_bits, front.read_pj, front.write_pj) == (32 * 1024, 0, 0)  # served along D2: 32 registers in front of the DRAM
    assert front.port(Operand.W, next(iter(front.ports[0].serves))[1]).max_bits_per_cycle == 64
    for phrase in ("taken to be off the chip", "has no memory that serves the whole array", "0 ports are stated, 1 are named"):
        assert _said(imported, phrase)


def test_a_mapping_tells_which_cores_run_what() -> None:
    runs = kinds_of_cores(DATA / "mapping" / "tpu_like_quad_core.yaml").value
    chip = read_hardware(HARDWARE / "tpu_like_quad_core.yaml", runs=runs).accelerator
    kinds = {slot.name: set(slot.core.operators) for slot in chip.cores}
    assert kinds["pooling_4"] == {OperatorKind.POOL}
    assert kinds["simd_5"] == {OperatorKind.ELEMENTWISE}
    assert kinds["tpu_like_0"] == {OperatorKind.CONV, OperatorKind.GEMM, OperatorKind.ELEMENTWISE}  # Relu runs there


@pytest.mark.parametrize("file", ["tpu_like_quad_core", "tpu_mesh_2024", "simba_small_2024", "zigzag_tpu_like"])
def test_imported_chips_evaluate(file: str) -> None:
    chip = registry.load_hardware(HARDWARE / f"{file}.yaml")
    spec = GenomeSpec(small_network(), chip)
    scored = Evaluator(spec).evaluate(spec.lower[None, :])
    assert (scored.metrics > 0).all()


def test_library_and_imported_chip_give_the_same_numbers() -> None:
    workload = small_network()
    runs = dict.fromkeys(range(4), (OperatorKind.CONV, OperatorKind.GEMM)) | {
        4: (OperatorKind.POOL,),
        5: (OperatorKind.ELEMENTWISE, OperatorKind.POOL),
    }
    metrics = []
    for chip in (read_hardware(HARDWARE / "tpu_like_quad_core.yaml", runs=runs).accelerator, registry.load_hardware("tpu_quad")):
        spec = GenomeSpec(workload, chip)
        metrics.append(Evaluator(spec).evaluate(spec.lower[None, :]).metrics.tolist())
    assert metrics[0] == metrics[1]


# ------------------------------------------------------------------------------------------------------------ sharing, roles, details


def _two_cores(folder: Path, change: Callable[[dict[str, Any]], object] = dict.copy) -> Path:
    """Write two TPU-like cores and the off-chip memory; `change` edits the accelerator file."""
    for name in ("tpu_like", "offchip", "simd"):
        (folder / f"{name}.yaml").write_text((HARDWARE / "cores" / f"{name}.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    chip: dict[str, Any] = {
        "name": "two",
        "cores": {0: "tpu_like.yaml", 1: "tpu_like.yaml", 2: "offchip.yaml"},
        "offchip_core_id": 2,
        "core_connectivity": [{"type": "bus", "cores": [0, 1, 2], "bandwidth": 64}],
    }
    change(chip)
    return _write(folder, chip)


def test_cores_share_their_outermost_memory(tmp_path: Path) -> None:
    def share(chip: dict[str, Any]) -> None:
        links = [{"cores": [0, 2], "bandwidth": 64}, {"type": "link", "cores": [1, 2], "bandwidth": 64}]
        chip.update(core_memory_sharing=["0, 1"], core_connectivity=links)

    chip = read_hardware(_two_cores(tmp_path, share)).accelerator
    assert [(shared.name, shared.members) for shared in chip.shared_memories] == [("sram_2MB", ((0, "sram_2MB"), (1, "sram_2MB")))]
    assert len(chip.links) == 4


def test_a_core_of_memory_alone_gives_its_links_to_those_that_share_it(tmp_path: Path) -> None:
    memory = yaml.safe_load((HARDWARE / "cores" / "tpu_like.yaml").read_text(encoding="utf-8"))
    memory = {"name": "l2", "type": "zigzag.memory", "memories": {"sram_2MB": memory["memories"]["sram_2MB"]}}
    memory["operational_array"] = {"dimensions": ["D1", "D2"], "sizes": [0, 0]}
    _write(tmp_path, memory, "l2.yaml")

    def add(chip: dict[str, Any]) -> None:
        chip["cores"][3] = "l2.yaml"
        chip.update(core_memory_sharing=["3, 0, 1"], core_connectivity=[{"cores": [3, 2], "bandwidth": 64}])

    imported = read_hardware(_two_cores(tmp_path, add))
    assert [(link.name, set(link.connects)) for link in imported.accelerator.links] == [
        ("dram_read", {(2, 0), (2, 1)}),
        ("dram_write", {(0, 2), (1, 2)}),
    ]
    assert _said(imported, "only holds memory")


def test_a_core_of_memory_that_nobody_shares_is_left_out(tmp_path: Path) -> None:
    _write(tmp_path, {"name": "l2", "type": "memory", "memories": {}}, "l2.yaml")

    def add(chip: dict[str, Any]) -> None:
        chip["cores"][3] = "simd.yaml"
        chip["cores"][4] = dict(yaml.safe_load((HARDWARE / "cores" / "simd.yaml").read_text(encoding="utf-8")), type="memory")
        chip["core_connectivity"] += [{"cores": [3, 4], "bandwidth": 8}, {"type": "bus", "cores": [2, 3, 4], "bandwidth": 8}]

    imported = read_hardware(_two_cores(tmp_path, add))
    assert [slot.name for slot in imported.accelerator.cores] == ["tpu_like_0", "tpu_like_1", "simd_3"]
    assert [set(link.connects) for link in imported.accelerator.links][1:] == [{(2, 3), (3, 2)}]
    assert _said(imported, "left out with its links")


def test_cores_may_be_written_into_the_accelerator_file(tmp_path: Path) -> None:
    def inline(chip: dict[str, Any]) -> None:
        chip["cores"][1] = yaml.safe_load((HARDWARE / "cores" / "simd.yaml").read_text(encoding="utf-8"))

    chip = read_hardware(_two_cores(tmp_path, inline)).accelerator
    assert [slot.name for slot in chip.cores] == ["tpu_like_0", "simd_1"]


def test_core_files_are_found_where_the_reference_looks(tmp_path: Path) -> None:
    hardware = tmp_path / "stream" / "inputs" / "hardware"
    (hardware / "cores").mkdir(parents=True)
    path = _two_cores(hardware)
    (hardware / "tpu_like.yaml").rename(hardware / "cores" / "tpu_like.yaml")
    chip = yaml.safe_load(path.read_text(encoding="utf-8"))
    chip["cores"] = {0: "tpu_like", 1: "stream/inputs/hardware/cores/tpu_like.yaml", 2: "./offchip.yaml"}
    assert len(read_hardware(_write(hardware, chip)).accelerator.cores) == 2


@pytest.mark.parametrize("old_ports", [True, False])
def test_a_direction_without_a_port_is_given_one(tmp_path: Path, old_ports: bool) -> None:
    document = core_document(registry.load_core("tpu_like"), old_ports=old_ports)
    ports = document["memories"]["weight_registers"]["ports"]
    if old_ports:
        del ports[0]["fh"]
        document["memories"]["weight_registers"]["w_port"] = 0
    else:
        del ports[1]
    _write(tmp_path, document, "odd.yaml")
    imported = read_hardware(_two_cores(tmp_path, lambda chip: chip["cores"].update({0: "odd.yaml"})))
    assert _said(imported, "no port is stated for W.from_high")


def test_words_of_an_allocation_may_stand_one_after_the_other(tmp_path: Path) -> None:
    document = core_document(registry.load_core("tpu_like"), old_ports=False)
    for memory in document["memories"].values():
        for port in memory["ports"]:
            port["allocation"] = [word for pair in port["allocation"] for word in pair.split(", ")]
    _write(tmp_path, document, "odd.yaml")
    chip = read_hardware(_two_cores(tmp_path, lambda chip: chip["cores"].update({0: "odd.yaml"}))).accelerator
    assert_same_core(chip.cores[0].core, registry.load_core("tpu_like"))


def test_a_key_that_stands_twice_counts_where_it_stands_last(tmp_path: Path) -> None:
    path = _two_cores(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + "name: three\n", encoding="utf-8")
    imported = read_hardware(path)
    assert imported.accelerator.name == "three"
    assert _said(imported, "stands twice")


def test_an_off_chip_memory_may_be_as_large_as_it_likes(tmp_path: Path) -> None:
    path = _two_cores(tmp_path)
    document = yaml.safe_load((tmp_path / "offchip.yaml").read_text(encoding="utf-8"))
    document["memories"]["dram"]["size"] = 10**16  # as that of stream-dse 2.1.1, fusemax_dram.yaml
    _write(tmp_path, document, "offchip.yaml")
    imported = read_hardware(path)
    assert imported.accelerator.dram.size_bits == 2**50
    assert _said(imported, "never limits anything")


def test_an_in_memory_array_takes_a_step_for_each_share_of_its_inputs(tmp_path: Path) -> None:
    document = core_document(registry.load_core("tpu_like"), old_ports=True)
    array = document["operational_array"]
    array |= {"is_imc": True, "imc_type": "analog", "input_precision": [8, 8], "bit_serial_precision": 2, "adc_resolution": 8}
    _write(tmp_path, document, "imc.yaml")
    imported = read_hardware(_two_cores(tmp_path, lambda chip: chip["cores"].update({0: "imc.yaml"})))
    assert imported.accelerator.cores[0].core.timing == ArrayTiming(step_cycles=4)
    array["bit_serial_precision"] = 1
    _write(tmp_path, document, "imc.yaml")
    again = read_hardware(tmp_path / "chip.yaml")
    assert again.accelerator.cores[0].core.timing == ArrayTiming(input_bit_cycles=1)


def test_what_has_no_counterpart_is_reported_at_its_place(tmp_path: Path) -> None:
    def add(chip: dict[str, Any]) -> None:
        chip.update(core_coordinates={0: [0, 0]}, technology_node="n3", something_new=1)

    notes = [str(note) for note in read_hardware(_two_cores(tmp_path, add)).notes]
    for phrase in (
        "line 14, $.core_coordinates",
        "technology",
        "the key 'something_new' is not known here",
        "does not say which operators",
    ):
        assert any(phrase in note for note in notes), notes


def test_own_files_are_not_taken_for_foreign_ones(tmp_path: Path) -> None:
    assert not any(is_foreign_hardware(path) for path in (*registry.accelerators().values(), *registry.cores().values()))
    assert all(is_foreign_hardware(path) for path in HARDWARE.rglob("*.yaml"))
    assert not is_foreign_hardware(tmp_path / "missing.yaml")
    assert not is_foreign_hardware(_write(tmp_path, [1, 2]))


def test_a_command_says_that_a_file_was_read_with_notes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    chip = HARDWARE / "simba_small.yaml"
    words = ["import-mapping", str(_write(tmp_path, [], "none.yaml")), "--network", "squeezenet", "--hardware", "tpu_quad"]
    assert main([*words, "-o", str(tmp_path / "out.yaml")]) == 0
    assert "note" not in capsys.readouterr().err
    mapping = tmp_path / "missing.yaml"
    assert main(["evaluate", "--network", "squeezenet", "--hardware", str(chip), "--mapping", str(mapping)]) == 2
    assert f"note: {chip}: not all was read as it is written there; stream-evo import-hardware" in capsys.readouterr().err
    assert main(["evaluate", "-q", "--network", "squeezenet", "--hardware", str(chip), "--mapping", str(mapping)]) == 2
    assert "note" not in capsys.readouterr().err
