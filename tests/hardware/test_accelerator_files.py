"""Accelerator files: what a legal one becomes, how link shorthands expand, and where each kind of fault is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Accelerator, Dram, Link, SharedMemory, WeightLoad, load_accelerator, load_core

Broken = Callable[[str, str], tuple[tuple[Fault, ...], str]]


def test_a_legal_file_becomes_the_accelerator_it_describes(chip_file: Path, core_file: Path) -> None:
    chip = load_accelerator(chip_file)
    assert chip.name == "chip"
    assert [slot.name for slot in chip.cores] == ["a", "b", "c"]
    assert {slot.core for slot in chip.cores} == {load_core(core_file)}
    assert chip.dram == Dram("dram", 8 * 1024**3, 64, 650.0, 640.0)
    assert chip.links == (
        Link("ring", 32, 0.5, ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))),
        Link("dram", 64, 0.0, ((3, 0), (3, 1), (3, 2), (0, 3), (1, 3), (2, 3))),
    )
    assert (chip.dma_channels, chip.weight_load, chip.shared_memories) == (1, WeightLoad.BEFORE_START, ())


def with_links(chip_file: Path, *links: str) -> Accelerator:
    text = chip_file.read_text()
    chip_file.write_text(text[: text.index("links:")] + "links:\n" + "".join(f"  - {{{link}}}\n" for link in links))
    return load_accelerator(chip_file)


def wires(chip: Accelerator) -> dict[str, tuple[tuple[int, int], ...]]:
    return {link.name: link.connects for link in chip.links}


DRAM = "type: dram, ports: single, nodes: all, energy: 0 pJ/bit"
RATE = "bandwidth: 32 bit/cycle, energy: 0 pJ/bit"


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("single", {"dram": ((3, 0), (3, 1), (3, 2), (0, 3), (1, 3), (2, 3))}),
        ("dual", {"dram_read": ((3, 0), (3, 1), (3, 2)), "dram_write": ((0, 3), (1, 3), (2, 3))}),
        ("private", {"dram_a": ((3, 0), (0, 3)), "dram_b": ((3, 1), (1, 3)), "dram_c": ((3, 2), (2, 3))}),
    ],
)
def test_dram_ports_expand_to_links(chip_file: Path, ports: str, expected: dict[str, tuple[tuple[int, int], ...]]) -> None:
    chip = with_links(chip_file, DRAM.replace("single", ports))
    assert wires(chip) == expected
    assert {link.bits_per_cycle for link in chip.links} == {64}, "the DRAM's own bandwidth"


def test_a_dram_link_may_be_narrower_than_the_dram(chip_file: Path) -> None:
    assert with_links(chip_file, DRAM + ", bandwidth: 16 bit/cycle").links[0].bits_per_cycle == 16


@pytest.mark.parametrize(
    ("directions", "expected"),
    [
        ("", {"a->b": ((0, 1),), "b->a": ((1, 0),), "c->a": ((2, 0),), "a->c": ((0, 2),)}),
        (", directions: separate", {"a->b": ((0, 1),), "b->a": ((1, 0),), "c->a": ((2, 0),), "a->c": ((0, 2),)}),
        (", directions: shared", {"a<->b": ((0, 1), (1, 0)), "c<->a": ((2, 0), (0, 2))}),
        (", directions: one_way", {"a->b": ((0, 1),), "c->a": ((2, 0),)}),
    ],
)
def test_wires_expand_to_links(chip_file: Path, directions: str, expected: dict[str, tuple[tuple[int, int], ...]]) -> None:
    chip = with_links(chip_file, f"type: point_to_point, pairs: [[a, b], [c, a]], {RATE}{directions}", DRAM)
    assert {name: pairs for name, pairs in wires(chip).items() if name != "dram"} == expected


def test_a_mesh_has_one_link_per_neighbour_pair_and_direction(chip_file: Path) -> None:
    chip_file.write_text(chip_file.read_text().replace("  c: tiny.yaml\n", "".join(f"  {name}: tiny.yaml\n" for name in "cdef")))
    chip = with_links(chip_file, f"type: mesh, rows: [[a, b, c], [d, e, f]], {RATE}", DRAM)
    found = [pair for name, pairs in wires(chip).items() if name != "dram" for pair in pairs]
    neighbours = {(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)}
    assert len(found) == 2 * len(neighbours)
    assert set(found) == neighbours | {(b, a) for a, b in neighbours}


def test_a_bus_may_reach_the_dram(chip_file: Path) -> None:
    chip = with_links(chip_file, f"type: bus, nodes: [a, b, c, dram], {RATE}")
    assert len(chip.links[0].connects) == 4 * 3
    assert chip.path(0, chip.dram_node) == (0,)


def test_shared_memories_are_one_instance(chip_file: Path) -> None:
    chip_file.write_text(chip_file.read_text() + "shared_memories:\n  l1: [a.sram, c.sram]\n")
    chip = load_accelerator(chip_file)
    assert chip.shared_memories == (SharedMemory("l1", ((0, "sram"), (2, "sram"))),)
    names = [name for name, _ in chip.memory_instances()]
    assert names == ["l1", "b.sram"]


def test_attributes_of_the_chip_are_read(chip_file: Path) -> None:
    chip_file.write_text(chip_file.read_text() + "dma_channels: 2\nweight_load: on_demand\n")
    chip = load_accelerator(chip_file)
    assert (chip.dma_channels, chip.weight_load) == (2, WeightLoad.ON_DEMAND)


def test_cores_come_from_the_catalogue_or_from_files_beside_the_chip(chip_file: Path, core_file: Path) -> None:
    chip_file.write_text(chip_file.read_text().replace("  b: tiny.yaml", "  b: mine"))
    core_file.rename(core_file.with_name("other.yaml"))
    (core_file.parent / "tiny.yaml").write_text((core_file.parent / "other.yaml").read_text().replace("name: tiny", "name: near"))
    chip = load_accelerator(chip_file, cores={"mine": core_file.parent / "other.yaml"})
    assert [slot.core.name for slot in chip.cores] == ["near", "tiny", "near"]


def test_installed_cores_are_known_by_name(chip_file: Path) -> None:
    chip_file.write_text(chip_file.read_text().replace("  b: tiny.yaml", "  b: tpu_like"))
    assert load_accelerator(chip_file).cores[1].core.name == "tpu_like"


# old text, new text, text whose line is the fault's, key path, part of the message
FAULTS = [
    ("  b: tiny.yaml", "  b: tpu_lik", "tpu_lik", "$.cores.b", "unknown core 'tpu_lik'"),
    ("  b: tiny.yaml", "  b: absent.yaml", "absent", "$.cores.b", "absent.yaml, the file cannot be read"),
    ("  b: tiny.yaml", "  b: 7", "b: 7", "$.cores.b", "wrong type"),
    ("  b: tiny.yaml", "  a: tiny.yaml", "  a: tiny.yaml\n  c", "$.cores.a", "duplicate key"),
    ("size: 1 GiB", "size: 1", "size: 1", "$.dram.size", "missing unit"),
    ("bandwidth: 64 bit/cycle", "bandwidth: 0 bit/cycle", "bandwidth: 0", "$.dram.bandwidth", "out of range"),
    ("bandwidth: 64 bit/cycle", "bandwidth: 1e20 bit/cycle", "bandwidth: 1e20", "$.dram.bandwidth", "out of range"),
    ("size: 1 GiB", "size: 1e20 GiB", "size: 1e20", "$.dram.size", "out of range"),
    ("read_energy: 650 pJ", "read_energy: 1e300 pJ", "1e300", "$.dram.read_energy", "out of range"),
    ("read_energy: 650 pJ", "read_energy: 650 pW", "650 pW", "$.dram.read_energy", "wrong unit 'pW'"),
    ("read_energy: 650 pJ", "read_enrgy: 650 pJ", "read_enrgy", "$.dram.read_enrgy", "unknown key 'read_enrgy'"),
    ("size: 1 GiB", "name: a\n  size: 1 GiB", "name: a", "$.dram.name", "duplicate name 'a'"),
    ("bandwidth: 32 bit/cycle", "bandwidth: 0 bit/cycle", "type: bus", "$.links[0].bandwidth", "out of range"),
    ("energy: 0.5 pJ/bit", "energy: -0.5 pJ/bit", "type: bus", "$.links[0].energy", "out of range"),
    ("energy: 0.5 pJ/bit", "energy: 0.5 pJ", "type: bus", "$.links[0].energy", "wrong unit 'pJ'"),
    ("nodes: [a, b, c]", "nodes: [a, b, d]", "type: bus", "$.links[0].nodes[2]", "unknown name 'd'"),
    ("nodes: [a, b, c]", "nodes: [a, a]", "type: bus", "$.links[0].nodes[1]", "'a' is listed twice"),
    ("nodes: [a, b, c]", "nodes: [a]", "type: bus", "$.links[0].nodes", "a bus joins nodes"),
    ("type: bus", "type: buss", "buss", "$.links[0].type", "unknown value 'buss'"),
    (
        "type: bus, name: ring, nodes: [a, b, c]",
        "type: point_to_point, pairs: [[a, b, c]]",
        "pairs",
        "$.links[0].pairs[0]",
        "two different nodes",
    ),
    (
        "type: bus, name: ring, nodes: [a, b, c]",
        "type: point_to_point, pairs: [[a, a]]",
        "pairs",
        "$.links[0].pairs[0]",
        "two different nodes",
    ),
    ("type: bus, name: ring, nodes: [a, b, c]", "type: point_to_point, pairs: [a]", "pairs", "$.links[0].pairs[0]", "wrong type"),
    (
        "type: bus, name: ring, nodes: [a, b, c]",
        "type: point_to_point, pairs: [[a, x]]",
        "pairs",
        "$.links[0].pairs[0][1]",
        "unknown name 'x'",
    ),
    (
        "type: bus, name: ring, nodes: [a, b, c]",
        "type: point_to_point, pairs: [[a, b], [b, a]]",
        "pairs",
        "$.links[0]",
        "duplicate link 'b->a'",
    ),
    (
        "type: bus, name: ring, nodes: [a, b, c]",
        "type: mesh, rows: [[a, b], [c]]",
        "mesh",
        "$.links[0].rows[1]",
        "rows of a mesh are of equal length",
    ),
    ("type: bus, name: ring, nodes: [a, b, c]", "type: mesh, rows: []", "mesh", "$.links[0].rows", "a mesh joins cores"),
    ("type: bus, name: ring, nodes: [a, b, c]", "type: mesh, rows: [[a, b], [c, a]]", "mesh", "$.links[0].rows", "core 'a' has two places"),
    ("type: bus, name: ring, nodes: [a, b, c]", "type: mesh, rows: [[a, dram]]", "mesh", "$.links[0].rows[0][1]", "unknown name 'dram'"),
    ("name: ring", "name: dram", "type: dram", "$.links[1]", "duplicate link 'dram'"),
    ("ports: single", "ports: triple", "ports", "$.links[1].ports", "unknown value 'triple'"),
    ("name: chip", "name: chip\ndma_channels: 3", "dma_channels", "$.dma_channels", "out of range"),
    ("name: chip", "name: chip\nweight_load: never", "never", "$.weight_load", "unknown value 'never'"),
    ("name: chip", "name: chip\nshared_memories: {l1: [a.sram, z.sram]}", "z.sram", "$.shared_memories.l1[1]", "unknown core 'z'"),
    ("name: chip", "name: chip\nshared_memories: {l1: [a.sram, b.srm]}", "b.srm", "$.shared_memories.l1[1]", "core b has no memory 'srm'"),
    ("name: chip", "name: chip\nshared_memories: {l1: [a.sram]}", "l1", "$.shared_memories.l1", "too few members"),
    ("name: chip", "name: chip\nshared_memories: {l1: [a.sram, a.sram]}", "l1", "$.shared_memories.l1[1]", "belongs to a group already"),
    ("name: chip", "name: chip\nshared_memories: {l1: [a.weights, b.sram]}", "l1", "$.shared_memories.l1[0]", "not the outermost"),
    ("name: chip", "name: chip\ncolour: red", "colour", "$.colour", "unknown key 'colour'"),
    ("links:", "link:", "link:", "$.link", "unknown key 'link'"),
    ("name: chip", "name: ' '", "name: ' '", "$.name", "a name of blanks only"),
    ("  b: tiny.yaml", "  '': tiny.yaml", "'':", "$.cores.", "a name that is empty"),
    ("  b: tiny.yaml", "  '  ': tiny.yaml", "'  '", "$.cores.  ", "a name of blanks only"),
    ("  b: tiny.yaml", "  b: '  '", "b: ", "$.cores.b", "unknown core '  '"),
    ("size: 1 GiB", "name: ' '\n  size: 1 GiB", "name: ' '", "$.dram.name", "a name of blanks only"),
    ("name: ring", "name: ''", "name: ''", "$.links[0].name", "wrong type"),
    ("name: ring", "name: ' '", "name: ' '", "$.links[0].name", "a name of blanks only"),
    ("name: chip", "name: chip\nshared_memories: {'': [a.sram, b.sram]}", "''", "$.shared_memories.", "a name that is empty"),
]


@pytest.mark.parametrize(("old", "new", "at", "path", "what"), FAULTS, ids=[f"{i}-{fault[4]}" for i, fault in enumerate(FAULTS)])
def test_a_fault_is_found_with_its_line_and_path(broken_chip: Broken, old: str, new: str, at: str, path: str, what: str) -> None:
    faults, text = broken_chip(old, new)
    line = text[: text.index(at)].count("\n") + 1
    assert [fault for fault in faults if (fault.line, fault.path) == (line, path) and what in fault.what], "\n".join(map(str, faults))


@pytest.mark.parametrize(
    ("links", "what"),
    [
        ([DRAM.replace("all", "[a, c]")], "no link reaches core b"),
        (
            [DRAM.replace("all", "[a, c]"), f"type: point_to_point, pairs: [[b, a]], directions: one_way, {RATE}"],
            "no link leads from dram to core b",
        ),
        (
            [DRAM.replace("all", "[a, c]"), f"type: point_to_point, pairs: [[a, b]], directions: one_way, {RATE}"],
            "no link leads from core b to dram",
        ),
    ],
)
def test_a_core_that_no_link_reaches_is_a_fault_at_that_core(chip_file: Path, links: list[str], what: str) -> None:
    with pytest.raises(InputError) as caught:
        with_links(chip_file, *links)
    assert [(fault.what, fault.path, fault.line) for fault in caught.value.faults] == [(what, "$.cores.b", 4)]


def test_a_core_may_reach_the_dram_through_another(chip_file: Path) -> None:
    chip = with_links(chip_file, DRAM.replace("all", "[a, c]"), f"type: point_to_point, pairs: [[b, a]], {RATE}")
    assert chip.path(1, chip.dram_node) == (1, 0)


def test_faults_of_a_core_file_are_reported_with_its_name_and_line_where_it_is_used(chip_file: Path, core_file: Path) -> None:
    core_file.write_text(core_file.read_text().replace("64 B", "64"))
    with pytest.raises(InputError) as caught:
        load_accelerator(chip_file)
    (fault,) = caught.value.faults  # once, though three cores are of this kind
    assert (fault.line, fault.path) == (3, "$.cores.a")
    assert f"in {core_file}, line 14: $.memories[0].size: missing unit" in fault.what


def test_an_unknown_core_hints_at_near_names(broken_chip: Broken) -> None:
    faults, _ = broken_chip("  b: tiny.yaml", "  b: tpu_lik")
    assert "Did you mean tpu_like" in faults[0].hint


def test_memories_of_one_instance_are_of_one_size(chip_file: Path, core_file: Path) -> None:
    (core_file.parent / "large.yaml").write_text(core_file.read_text().replace("256 KiB", "512 KiB"))
    chip_file.write_text(chip_file.read_text().replace("  b: tiny.yaml", "  b: large.yaml") + "shared_memories:\n  l1: [a.sram, b.sram]\n")
    with pytest.raises(InputError) as caught:
        load_accelerator(chip_file)
    (fault,) = caught.value.faults
    assert (fault.line, fault.path, fault.what) == (15, "$.shared_memories.l1", "members of one memory differ in size")


def test_a_faulty_link_does_not_make_cores_look_cut_off(broken_chip: Broken) -> None:
    faults, _ = broken_chip("ports: single", "ports: triple")
    assert [fault.path for fault in faults] == ["$.links[1].ports"]


# what stands for the cores, and the faults told of it
FAULTY_CORES = {
    "no mapping": ("cores: [a, b, c]\n", ["$.cores"]),
    "none": ("cores: {}\n", ["$.cores"]),
    "missing": ("", ["$"]),
    "an unknown one": ("cores: {a: tiny.yaml, b: tpu_lik, c: tiny.yaml}\n", ["$.cores.b"]),
    "all unknown": ("cores: {a: tpu_lik, b: 7, c: absent.yaml}\n", ["$.cores.a", "$.cores.b", "$.cores.c"]),
    "one without a name": ("cores: {a: tiny.yaml, b: tiny.yaml, c: tiny.yaml, '': tiny.yaml}\n", ["$.cores."]),
    "one with the name of the DRAM": ("cores: {a: tiny.yaml, b: tiny.yaml, c: tiny.yaml, dram: tiny.yaml}\n", ["$.dram"]),
}


def with_cores(chip_file: Path, cores: str) -> None:
    text = chip_file.read_text()
    start, end = text.index("cores:"), text.index("dram:")
    chip_file.write_text(text[:start] + cores + text[end:])


def fault_paths(chip_file: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_accelerator(chip_file)
    return sorted(fault.path for fault in caught.value.faults)


@pytest.mark.parametrize(("cores", "paths"), FAULTY_CORES.values(), ids=FAULTY_CORES)
@pytest.mark.parametrize(
    "link",
    [
        "type: point_to_point, pairs: [[a, b], [c, a]]",
        "type: mesh, rows: [[a, b, c]]",
        "type: bus, nodes: [a, b, dram]",
        "type: bus, nodes: all",
    ],
)
def test_faulty_cores_do_not_echo_in_links_and_shared_memories(chip_file: Path, cores: str, paths: list[str], link: str) -> None:
    with_cores(chip_file, cores)
    text = chip_file.read_text().replace("type: bus, name: ring, nodes: [a, b, c]", link)
    chip_file.write_text(text + "shared_memories: {l1: [a.sram, b.sram]}\n")
    assert fault_paths(chip_file) == paths


@pytest.mark.parametrize(("cores", "paths"), FAULTY_CORES.values(), ids=FAULTY_CORES)
def test_faulty_cores_do_not_hide_faults_of_links_and_shared_memories(chip_file: Path, cores: str, paths: list[str]) -> None:
    with_cores(chip_file, cores)
    text = chip_file.read_text()
    links = [
        "type: bus, nodes: [a, a], bandwidth: 0 bit/cycle, energy: 0 pJ/bit",
        "type: buss, nodes: [a], bandwidth: 1 bit/cycle, energy: 0 pJ",
        "type: point_to_point, pairs: [[a, a], [a, 7], a], directions: oneway, bandwidth: nan bit/cycle, energy: 0 pJ/bit",
        "type: dram, ports: triple, nodes: all, energy: 0 pJ/bit",
        "type: mesh, rows: [[a, b], [c]], energy: 0 pJ/bit, colour: red",
    ]
    shared = "shared_memories: {l1: [a.sram], l2: sram, l3: [sram, b.sram, b.sram]}\n"
    chip_file.write_text(text[: text.index("links:")] + "links:\n" + "".join(f"  - {{{link}}}\n" for link in links) + shared)
    expected = [
        "$.links[0].bandwidth",
        "$.links[0].nodes",
        "$.links[0].nodes[1]",
        "$.links[1].energy",
        "$.links[1].type",
        "$.links[2].bandwidth",
        "$.links[2].directions",
        "$.links[2].pairs[0]",
        "$.links[2].pairs[1][1]",
        "$.links[2].pairs[2]",
        "$.links[3].ports",
        "$.links[4]",
        "$.links[4].colour",
        "$.links[4].rows[1]",
        "$.shared_memories.l1",
        "$.shared_memories.l2",
        "$.shared_memories.l3[0]",
        "$.shared_memories.l3[2]",
    ]
    assert fault_paths(chip_file) == sorted(paths + expected)


def test_names_in_links_and_shared_memories_are_held_against_cores_that_cannot_be_read(chip_file: Path) -> None:
    with_cores(chip_file, "cores: {a: tiny.yaml, b: absent.yaml, c: tiny.yaml}\n")
    text = chip_file.read_text().replace("nodes: [a, b, c]", "nodes: [a, b, q]")
    chip_file.write_text(text + "shared_memories: {l1: [a.srm, b.srm], l2: [q.sram, c.sram]}\n")
    assert fault_paths(chip_file) == ["$.cores.b", "$.links[0].nodes[2]", "$.shared_memories.l1[0]", "$.shared_memories.l2[0]"]


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ("  b: tiny.yaml", "  a: tpu_like\n  b: tiny.yaml", ["$.cores.a"]),
        ("dram:\n", "cores: {d: tiny.yaml}\ndram:\n", ["$.cores"]),
        ("  size: 1 GiB", "  size: 1 GiB\n  size: 2 GiB\n  colour: red", ["$.dram.colour", "$.dram.size"]),
        ("ports: single", "ports: single, ports: dual", ["$.links[1].ports"]),
        ("ports: single", "ports: triple, ports: dual, bandwidth: 0 bit/cycle", ["$.links[1].bandwidth"] + ["$.links[1].ports"] * 2),
        ("links:\n", "links: []\nlinks:\n", ["$.links"]),
        ("links:\n", "shared_memories: {l1: [a.sram, b.srm], l1: []}\nlinks:\n", ["$.shared_memories.l1", "$.shared_memories.l1[1]"]),
        ("  a: tiny.yaml", "  a: tiny.yaml\n  a: tpu_like\n  d: no", ["$.cores.a", "$.cores.d"]),
    ],
)
def test_a_key_that_stands_twice_hides_and_echoes_nothing(broken_chip: Broken, old: str, new: str, paths: list[str]) -> None:
    faults, _ = broken_chip(old, new)
    assert sorted(fault.path for fault in faults) == paths, "\n".join(map(str, faults))
    assert sum(fault.what == "duplicate key" for fault in faults) == 1


def test_names_that_are_refused_are_not_offered(chip_file: Path) -> None:
    with_cores(chip_file, "cores: {a: tiny.yaml, b: tiny.yaml, dram: tiny.yaml, '': tiny.yaml}\n")
    with pytest.raises(InputError) as caught:
        load_accelerator(chip_file)
    (fault,) = (fault for fault in caught.value.faults if fault.path == "$.links[0].nodes[2]")
    assert fault.hint.endswith("Known: a, b, dram")
