"""Core files: what a legal one becomes, and where each kind of fault is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_evo.errors import Fault, InputError
from stream_evo.hardware import ArrayDimension, ArrayTiming, Dataflow, Direction, Memory, Port, PortKind, load_core
from stream_evo.workload import Operand, OperatorKind

Broken = Callable[[str, str], tuple[tuple[Fault, ...], str]]
I, W, O = Operand.I, Operand.W, Operand.O  # noqa: E741  # the field's own letters
TO_LOW, FROM_LOW, TO_HIGH, FROM_HIGH = Direction.TO_LOW, Direction.FROM_LOW, Direction.TO_HIGH, Direction.FROM_HIGH


def test_a_legal_file_becomes_the_core_it_describes(core_file: Path) -> None:
    core = load_core(core_file)
    assert core.name == "tiny"
    assert core.array == (ArrayDimension("D1", 8), ArrayDimension("D2", 4))
    assert core.operation_pj == 0.04
    assert core.area is None
    assert core.operators == (OperatorKind.CONV, OperatorKind.GEMM)
    assert core.dataflows == (
        Dataflow("KC", (("D1", (("K", 8),)), ("D2", (("C", 4),)))),
        Dataflow("G", (("D1", (("G", 8),)),), depthwise_only=True),
    )
    weights = Memory(
        "weights",
        512,
        (W,),
        ("D2",),
        (Port("read", PortKind.READ, 8, 8, ((W, TO_LOW),)), Port("write", PortKind.WRITE, 8, 8, ((W, FROM_HIGH),))),
        0.06,
        0.05,
    )
    sram = Memory(
        "sram",
        256 * 1024 * 8,
        (I, W, O),
        ("D1", "D2"),
        (
            Port("read", PortKind.READ, 64, 256, ((I, TO_LOW), (W, TO_LOW), (O, TO_LOW), (O, TO_HIGH))),
            Port("write", PortKind.WRITE, 256, 256, ((I, FROM_HIGH), (W, FROM_HIGH), (O, FROM_LOW), (O, FROM_HIGH))),
        ),
        52.0,
        47.3,
    )
    assert core.memories == (weights, sram)


# old text, new text, text whose line is the fault's, key path, part of the message
def test_an_array_may_state_its_times(core_file: Path) -> None:
    """Ten cycles per input bit are 40 for inputs of 4 bits, and its rests are kept; without a statement a step is a cycle."""
    assert load_core(core_file).timing == ArrayTiming()
    assert load_core(core_file).timing.step(8) == 1
    text = core_file.read_text()
    core_file.write_text(text + "timing: {input_bit: 10 cycle, output_tile: 23 cycle, input_row: 2 cycle, source: paper}\n")
    timing = load_core(core_file).timing
    assert timing == ArrayTiming(1, 10, 23, 2)
    assert timing.step(4) == 40
    core_file.write_text(text + "timing: {step: 19 cycle}\n")
    assert load_core(core_file).timing.step(4) == load_core(core_file).timing.step(8) == 19


@pytest.mark.parametrize(
    ("written", "path", "what"),
    [
        ("{step: 0 cycle}", "$.timing.step", "out of range"),
        ("{step: 1.5 cycle}", "$.timing.step", "out of range"),
        ("{step: 3}", "$.timing.step", "missing unit"),
        ("{step: 3 ns}", "$.timing.step", "wrong unit 'ns'"),
        ("{input_row: -1 cycle}", "$.timing.input_row", "out of range"),
        ("{step: 3 cycle, input_bit: 2 cycle}", "$.timing.input_bit", "a step has two times"),
        ("{setp: 3 cycle}", "$.timing.setp", "unknown key 'setp'"),
        ("3 cycle", "$.timing", "wrong type"),
    ],
)
def test_faults_in_times_are_found_where_they_are(core_file: Path, written: str, path: str, what: str) -> None:
    core_file.write_text(core_file.read_text() + f"timing: {written}\n")
    with pytest.raises(InputError) as caught:
        load_core(core_file)
    (fault,) = caught.value.faults
    assert fault.path == path
    assert what in fault.what
    assert fault.line == core_file.read_text().count("\n")


@pytest.mark.parametrize("times", [(0, 0, 0, 0), (1, -1, 0, 0), (1, 0, -1, 0), (1, 0, 0, -1), (2, 1, 0, 0)])
def test_impossible_times_are_refused(times: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="a step"):
        ArrayTiming(*times)


FAULTS = [
    ("size: 64 B", "size: [64]", "size: [64]", "$.memories[0].size", "wrong type"),
    ("size: 64 B", "size: 64", "size: 64", "$.memories[0].size", "missing unit"),
    ("size: 64 B", 'size: "64"', 'size: "64"', "$.memories[0].size", "missing unit"),
    ("size: 64 B", "size: 64 pJ", "size: 64 pJ", "$.memories[0].size", "wrong unit 'pJ'"),
    ("size: 64 B", "size: large", "size: large", "$.memories[0].size", "not a quantity"),
    ("size: 64 B", "size: -64 B", "size: -64 B", "$.memories[0].size", "out of range"),
    ("size: 64 B", "size: 0.3 bit", "size: 0.3 bit", "$.memories[0].size", "out of range"),
    ("read_energy: 52.0 pJ", "read_energy: -1 pJ", "read_energy: -1 pJ", "$.memories[1].read_energy", "out of range"),
    ("operation_energy: 0.04 pJ", "operation_energy: 0.04", "operation_energy: 0.04", "$.array.operation_energy", "missing unit"),
    (
        "        min_bandwidth: 64 bit/cycle",
        "        min_bandwidth: 512 bit/cycle",
        "512 bit",
        "$.memories[1].ports[0].min_bandwidth",
        "range",
    ),
    ("kind: r, bandwidth: 8 bit/cycle", "kind: r, bandwidth: 0 bit/cycle", "0 bit", "$.memories[0].ports[0].bandwidth", "out of range"),
    ("kind: r, bandwidth", "kind: x, bandwidth", "kind: x", "$.memories[0].ports[0].kind", "unknown value 'x'"),
    ("operands: [W]", "operand: [W]", "operand: [W]", "$.memories[0].operand", "unknown key 'operand'"),
    ("operands: [W]", "operand: [W]", "- name: weights", "$.memories[0]", "missing key 'operands'"),
    ("operands: [W]", "operands: []", "operands: []", "$.memories[0].operands", "no operand uses memory weights"),
    ("operands: [W]", "operands: [X]", "operands: [X]", "$.memories[0].operands[0]", "unknown name 'X'"),
    ("operands: [W]", "operands: W", "operands: W", "$.memories[0].operands", "wrong type"),
    ("shared_over: [D2]", "shared_over: [D3]", "[D3]", "$.memories[0].shared_over[0]", "unknown array dimension 'D3'"),
    ("shared_over: all", "shared_over: [D1]", "[D1]", "$.memories[1].shared_over", "lies outside weights for operand W but serves less"),
    (
        "shared_over: all",
        "shared_over: [D2]",
        "shared_over: [D2]\n    read_energy: 52",
        "$.memories[1].shared_over",
        "must serve the whole array",
    ),
    (
        "[W.to_low]",
        "[W.from_high]",
        "serves: [W.from_high]}",
        "$.memories[0].ports[0].serves[0]",
        "a port of kind r cannot serve from_high",
    ),
    ("[W.to_low]", "[]", "ports:", "$.memories[0].ports", "no port serves W.to_low"),
    ("[W.to_low]", "[W.to_low, W.to_low]", "[W.to_low, W", "$.memories[0].ports[0].serves[1]", "listed twice"),
    ("[W.to_low]", "[I.to_low]", "[I.to_low]}", "$.memories[0].ports[0].serves[0]", "does not hold operand 'I'"),
    ("[W.to_low]", "[W.to_hihg]", "to_hihg", "$.memories[0].ports[0].serves[0]", "unknown direction 'to_hihg'"),
    ("[W.to_low]", "[W.to_high]", "to_high]}", "$.memories[0].ports[0].serves[0]", "operand W is only read by the array"),
    ("[W.to_low]", "[down]", "[down]", "$.memories[0].ports[0].serves[0]", "wrong type"),
    (
        "name: write, kind: w, bandwidth: 8",
        "name: read, kind: w, bandwidth: 8",
        "kind: w, bandwidth: 8",
        "$.memories[0].ports[1].name",
        "duplicate name",
    ),
    ("name: sram", "name: weights", "name: weights\n    size: 256", "$.memories[1].name", "duplicate name 'weights'"),
    ("name: G", "name: KC", "name: KC\n", "$.dataflows[1].name", "duplicate name 'KC'"),
    ("D1: {G: 8}", "D4: {G: 8}", "D4: {G", "$.dataflows[1].unroll.D4", "unknown array dimension 'D4'"),
    ("D1: {G: 8}", "D1: {Z: 8}", "D1: {Z", "$.dataflows[1].unroll.D1.Z", "unknown loop 'Z'"),
    ("D1: {G: 8}", "D1: {G: 0}", "D1: {G", "$.dataflows[1].unroll.D1.G", "out of range"),
    ("D1: {G: 8}", "D1: {G: 4, K: 3}", "D1: {G", "$.dataflows[1].unroll.D1", "unrolls more than the array has along D1"),
    ("depthwise_only: true", "depthwise_only: yes", "depthwise_only", "$.dataflows[1].depthwise_only", "wrong type"),
    ("{D1: 8, D2: 4}", "{D1: 8, D2: 0}", "{D1", "$.array.dimensions.D2", "out of range"),
    ("{D1: 8, D2: 4}", "{D1: 8, D2: 4.5}", "{D1", "$.array.dimensions.D2", "wrong type"),
    ("{D1: 8, D2: 4}", "{D1: 8, D1: 4}", "{D1", "$.array.dimensions.D1", "duplicate key"),
    ("{D1: 8, D2: 4}", "{}", "{}", "$.array.dimensions", "the array has no dimension"),
    ("operators: [conv, gemm]", "operators: [conv, matmul]", "matmul", "$.operators[1]", "unknown name 'matmul'"),
    ("operators: [conv, gemm]", "operators: []", "operators", "$.operators", "too few entries"),
    ("operators: [conv, gemm]", "operators: [pool]", "operands: [W]", "$.memories[0].operands", "no operand uses memory weights"),
    ("name: tiny", "nam: tiny", "nam", "$", "missing key 'name'"),
    ("name: tiny", "name: ' '", "name: ' '", "$.name", "a name of blanks only"),
    ("name: sram", "name: ' '", "name: ' '", "$.memories[1].name", "a name of blanks only"),
    ("name: G", "name: ' '", "name: ' '", "$.dataflows[1].name", "a name of blanks only"),
    ("{D1: 8, D2: 4}", "{D1: 8, D2: 4, '': 2}", "{D1", "$.array.dimensions.", "a name that is empty"),
]


@pytest.mark.parametrize(("old", "new", "at", "path", "what"), FAULTS, ids=[f"{i}-{fault[4]}" for i, fault in enumerate(FAULTS)])
def test_a_fault_is_found_with_its_line_and_path(broken_core: Broken, old: str, new: str, at: str, path: str, what: str) -> None:
    faults, text = broken_core(old, new)
    line = text[: text.index(at)].count("\n") + 1
    assert [fault for fault in faults if (fault.line, fault.path) == (line, path) and what in fault.what], "\n".join(map(str, faults))


def test_two_ports_cannot_serve_the_same_direction(core_file: Path) -> None:
    text = core_file.read_text().replace(
        "kind: w\n        bandwidth: 256 bit/cycle\n        serves: [",
        "kind: rw\n        bandwidth: 256 bit/cycle\n        serves: [O.to_high, ",
    )
    core_file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_core(core_file)
    (fault,) = caught.value.faults
    assert (fault.line, fault.path, fault.what) == (28, "$.memories[1].ports", "memory sram: 2 ports serve O.to_high")
    assert fault.found == "read, write"


def test_one_fault_does_not_echo_in_others(broken_core: Broken) -> None:
    faults, _ = broken_core("operands: [W]", "operands: [X]")
    assert [fault.path for fault in faults] == ["$.memories[0].operands[0]"]


@pytest.mark.parametrize("size", ["-3", "eight", "8.0", "0", "99999999999999999999"])
def test_a_faulty_array_dimension_does_not_echo_in_the_dataflows(broken_core: Broken, size: str) -> None:
    faults, _ = broken_core("D1: 8,", f"D1: {size},")
    assert [fault.path for fault in faults] == ["$.array.dimensions.D1"]


def test_the_message_names_expected_found_and_near_names(broken_core: Broken) -> None:
    faults, _ = broken_core("min_bandwidth", "min_bandwith")
    (fault,) = faults
    assert fault.hint == "Did you mean min_bandwidth or bandwidth? Known: name, kind, bandwidth, min_bandwidth, serves"
    assert str(fault).startswith("line 32: $.memories[1].ports[0].min_bandwith: unknown key 'min_bandwith'")


def test_all_faults_of_a_file_are_reported_at_once_in_its_order(core_file: Path) -> None:
    text = core_file.read_text().replace("64 B", "64").replace("operators: [conv", "operators: [con").replace("0.04 pJ", "-2 pJ")
    core_file.write_text(text.replace("kind: w\n", "kind: x\n") + "extra: 1\n")
    with pytest.raises(InputError) as caught:
        load_core(core_file)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (4, "$.array.operation_energy"),
        (5, "$.operators[0]"),
        (14, "$.memories[0].size"),
        (35, "$.memories[1].ports[1].kind"),
        (38, "$.extra"),
    ]


@pytest.mark.parametrize(
    ("operands", "missing"),
    [("[W, O]", "no memory holds operand I"), ("[I, W]", "no memory holds operand O"), ("[I, O]", None)],
)
def test_every_operand_the_operators_need_has_a_memory(tmp_path: Path, operands: str, missing: str | None) -> None:
    path = tmp_path / "core.yaml"
    letters = [letter for letter in "IWO" if letter in operands]
    reads = [f"{letter}.to_low" for letter in letters] + ["O.to_high"] * ("O" in letters)
    writes = [f"{letter}.from_high" for letter in letters] + ["O.from_low"] * ("O" in letters)
    ports = f"[{{name: p, kind: rw, bandwidth: 8 bit/cycle, serves: [{', '.join(reads + writes)}]}}]"
    path.write_text(
        "name: c\narray: {dimensions: {D1: 2}, operation_energy: 1 pJ}\noperators: [conv]\ndataflows: [{name: K, unroll: {D1: {K: 2}}}]\n"
        f"memories:\n  - {{name: m, size: 8 B, operands: {operands}, shared_over: all, read_energy: 1 pJ, write_energy: 1 pJ, "
        f"ports: {ports}}}\n"
    )
    with pytest.raises(InputError) as caught:
        load_core(path)
    expected = missing or "no memory holds operand W"
    assert [(fault.what, fault.path, fault.line) for fault in caught.value.faults] == [(expected, "$.memories", 5)]


def test_a_pooling_core_needs_no_weight_memory(core_file: Path) -> None:
    text = core_file.read_text().replace("[conv, gemm]", "[pool]")
    first, second = text.index("  - name: weights"), text.index("  - name: sram")
    text = text[:first] + text[second:].replace("[I, W, O]", "[I, O]").replace(" W.to_low,", "").replace(" W.from_high,", "")
    core_file.write_text(text)
    assert load_core(core_file).top_memory(W) is None


def test_area_is_read_where_it_is_stated(core_file: Path) -> None:
    text = core_file.read_text().replace("0.04 pJ", "0.04 pJ\n  area: 1.5 mm2").replace("size: 64 B", "size: 64 B\n    area: 0.25 mm2")
    core_file.write_text(text)
    core = load_core(core_file)
    assert (core.area, core.memories[0].area, core.memories[1].area) == (1.5, 0.25, None)


def test_a_key_that_stands_twice_hides_and_echoes_nothing(core_file: Path) -> None:
    text = core_file.read_text()
    text = text.replace("D1: {K: 8}, D2: {C: 4}", "D1: {K: 8}, D1: {C: 8}").replace("size: 64 B", "size: 64 B\n    size: 64 KiB")
    text = text.replace("size: 256 KiB", "size: 256").replace("operators:", "operators: [conv]\noperators:")
    core_file.write_text(text + "memories: []\n")
    with pytest.raises(InputError) as caught:
        load_core(core_file)
    assert sorted((fault.path, fault.what) for fault in caught.value.faults) == [
        ("$.dataflows[0].unroll.D1", "duplicate key"),
        ("$.memories", "duplicate key"),
        ("$.memories[0].size", "duplicate key"),
        ("$.memories[1].size", "missing unit"),
        ("$.operators", "duplicate key"),
    ]


@pytest.mark.parametrize(
    ("dimensions", "path"),
    [("{D1: 8, D1: 4}", "$.array.dimensions.D1"), ("[8, 4]", "$.array.dimensions"), ("{}", "$.array.dimensions")],
)
def test_faulty_dimensions_of_the_array_do_not_echo_where_they_are_used(core_file: Path, dimensions: str, path: str) -> None:
    core_file.write_text(core_file.read_text().replace("{D1: 8, D2: 4}", dimensions).replace("{C: 4}", "{C: 0}"))
    with pytest.raises(InputError) as caught:
        load_core(core_file)
    assert [fault.path for fault in caught.value.faults] == [path, "$.dataflows[0].unroll.D2.C"]


def test_names_that_cannot_be_read_are_not_held_against_each_other(core_file: Path) -> None:
    core_file.write_text(core_file.read_text().replace("name: weights", "name: ''").replace("name: sram", "name: ' '"))
    with pytest.raises(InputError) as caught:
        load_core(core_file)
    assert [fault.path for fault in caught.value.faults] == ["$.memories[0].name", "$.memories[1].name"]
