"""Any legal description, written as YAML, loads as the same value."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.hardware import (
    Accelerator,
    ArrayDimension,
    ArrayTiming,
    Core,
    CoreSlot,
    Dataflow,
    Direction,
    Dram,
    Link,
    Memory,
    Port,
    PortKind,
    WeightLoad,
    load_accelerator,
    load_core,
)
from stream_evo.workload import Operand, OperatorKind

LOOPS = ("B", "G", "K", "C", "OY", "OX", "FY", "FX")
names = st.text("abcdefghij_", min_size=1, max_size=8)
energies = st.floats(0, 1e6, allow_nan=False).map(lambda x: round(x, 6))
sizes = st.integers(1, 2**40)


def directions(operand: Operand) -> list[tuple[Operand, Direction]]:
    found = list(Direction) if operand is Operand.O else [Direction.TO_LOW, Direction.FROM_HIGH]
    return [(operand, direction) for direction in found]


@st.composite
def ports(draw: st.DrawFn, operands: tuple[Operand, ...]) -> tuple[Port, ...]:
    """Spread all directions over up to four ports that may serve them."""
    served = [pair for operand in operands for pair in directions(operand)]
    groups: dict[tuple[PortKind, int], list[tuple[Operand, Direction]]] = {}
    for pair in draw(st.permutations(served)):
        fitting = PortKind.READ if pair[1].reads else PortKind.WRITE
        groups.setdefault((draw(st.sampled_from([fitting, PortKind.READ_WRITE])), draw(st.integers(0, 1))), []).append(pair)
    found = []
    for (kind, number), pairs in groups.items():
        low, high = sorted((draw(st.integers(1, 4096)), draw(st.integers(1, 4096))))
        found.append(Port(f"{kind}{number}", kind, low, high, tuple(pairs)))
    return tuple(found)


@st.composite
def memories(draw: st.DrawFn, dims: list[str]) -> tuple[Memory, ...]:
    """Draw a hierarchy whose sharing never shrinks from the inside out and ends with the whole array."""
    count = draw(st.integers(1, 4))
    cuts = sorted(draw(st.lists(st.integers(0, len(dims)), min_size=count - 1, max_size=count - 1)))
    order = draw(st.permutations(dims))
    found = []
    for level in range(count):
        top = level == count - 1
        operands = tuple(Operand) if top else tuple(draw(st.sets(st.sampled_from(Operand), min_size=1)))
        shared = tuple(dims) if top else tuple(dim for dim in dims if dim in order[: cuts[level]])
        area = draw(st.none() | st.floats(0, 100, allow_nan=False))
        found.append(Memory(f"m{level}", draw(sizes), operands, shared, draw(ports(operands)), draw(energies), draw(energies), area))
    return tuple(found)


@st.composite
def cores(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> Core:
    array = tuple(ArrayDimension(f"D{i}", draw(st.integers(1, 64))) for i in range(draw(st.integers(1, 4))))
    flows = []
    for index in range(draw(st.integers(1, 3))):
        unrolling = []
        for dimension in draw(st.lists(st.sampled_from(array), unique=True)):
            loops = draw(st.lists(st.sampled_from(LOOPS), unique=True, max_size=2))
            limit = math.isqrt(dimension.size) if len(loops) == 2 else dimension.size
            unrolling.append((dimension.name, tuple((loop, draw(st.integers(1, limit))) for loop in loops)))
        offered = tuple(draw(st.lists(st.sampled_from(OperatorKind), unique=True, max_size=2)))
        flows.append(Dataflow(f"f{index}", tuple(unrolling), offered, draw(st.booleans())))
    # A core for pooling alone may not have a memory of weights alone: nothing would use it.
    kinds = st.lists(st.sampled_from(OperatorKind), unique=True, min_size=1).filter(lambda kinds: kinds != [OperatorKind.POOL])
    operators = tuple(draw(kinds))
    area = draw(st.none() | st.floats(0, 100, allow_nan=False))
    dims = [dimension.name for dimension in array]
    step, input_bit = draw(st.tuples(st.integers(1, 99), st.just(0)) | st.tuples(st.just(1), st.integers(1, 99)))
    timing = ArrayTiming(step, input_bit, draw(st.integers(0, 99)), draw(st.integers(0, 99)))
    return Core(draw(name), array, draw(memories(dims)), tuple(flows), operators, draw(energies), area, timing)


def quantity(value: float, unit: str) -> str:
    return f"{value!r} {unit}"


def core_document(core: Core) -> dict[str, object]:
    array = {"dimensions": {d.name: d.size for d in core.array}, "operation_energy": quantity(core.operation_pj, "pJ")}
    flows = [
        {
            "name": flow.name,
            "unroll": {dim: dict(loops) for dim, loops in flow.unrolling},
            "operators": [str(kind) for kind in flow.operators],
            "depthwise_only": flow.depthwise_only,
        }
        for flow in core.dataflows
    ]
    levels = []
    for memory in core.memories:
        level: dict[str, object] = {
            "name": memory.name,
            "size": quantity(memory.size_bits, "bit"),
            "operands": [str(operand) for operand in memory.operands],
            "shared_over": list(memory.shared_over),
            "read_energy": quantity(memory.read_pj, "pJ"),
            "write_energy": quantity(memory.write_pj, "pJ"),
            "ports": [
                {
                    "name": port.name,
                    "kind": str(port.kind),
                    "bandwidth": quantity(port.max_bits_per_cycle, "bit/cycle"),
                    "min_bandwidth": quantity(port.min_bits_per_cycle, "bit/cycle"),
                    "serves": [f"{operand}.{direction}" for operand, direction in port.serves],
                }
                for port in memory.ports
            ],
        }
        levels.append(level | ({} if memory.area is None else {"area": quantity(memory.area, "mm2")}))
    if core.area is not None:
        array["area"] = quantity(core.area, "mm2")
    timing = core.timing
    times = {"step": timing.step_cycles if timing.step_cycles > 1 else 0, "input_bit": timing.input_bit_cycles}
    times |= {"output_tile": timing.output_tile_cycles, "input_row": timing.input_row_cycles}
    array_times = {key: quantity(cycles, "cycle") for key, cycles in times.items() if cycles}
    document = {"timing": array_times} if array_times else {}
    return document | {
        "name": core.name,
        "array": array,
        "operators": [str(kind) for kind in core.operators],
        "dataflows": flows,
        "memories": levels,
    }


@given(cores())
def test_a_core_survives_the_way_through_yaml(core: Core) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "core.yaml"
        path.write_text(yaml.safe_dump(core_document(core), sort_keys=False))
        assert load_core(path) == core


@st.composite
def accelerators(draw: st.DrawFn) -> tuple[Accelerator, list[dict[str, object]]]:
    """Draw an accelerator and, written by hand for this test, the description of its links."""
    kinds = [draw(cores(st.just(f"kind{i}"))) for i in range(draw(st.integers(1, 2)))]
    slots = tuple(CoreSlot(f"c{i}", draw(st.sampled_from(kinds))) for i in range(draw(st.integers(1, 5))))
    count = len(slots)
    labels = [slot.name for slot in slots] + ["dram"]
    dram = Dram("dram", draw(sizes), draw(st.integers(1, 4096)), draw(energies), draw(energies))
    rate, cost = draw(st.integers(1, 4096)), draw(energies)
    terms = {"bandwidth": quantity(rate, "bit/cycle"), "energy": quantity(cost, "pJ/bit")}
    links: list[Link] = []
    written: list[dict[str, object]] = []
    if count > 1:
        members = draw(st.lists(st.integers(0, count), unique=True, min_size=2))
        links.append(Link("bus", rate, cost, tuple(itertools.permutations(members, 2))))
        written.append({"type": "bus", "nodes": [labels[m] for m in members], **terms})
        a, b = draw(st.permutations(range(count + 1)))[:2]
        links += [Link(f"{labels[a]}->{labels[b]}", rate, cost, ((a, b),)), Link(f"{labels[b]}->{labels[a]}", rate, cost, ((b, a),))]
        written.append({"type": "point_to_point", "pairs": [[labels[a], labels[b]]], **terms})
    reads, writes = tuple((count, core) for core in range(count)), tuple((core, count) for core in range(count))
    port = draw(st.sampled_from(["single", "dual", "private"]))
    links += {
        "single": [Link("dram", dram.bits_per_cycle, cost, reads + writes)],
        "dual": [Link("dram_read", dram.bits_per_cycle, cost, reads), Link("dram_write", dram.bits_per_cycle, cost, writes)],
        "private": [Link(f"dram_c{i}", dram.bits_per_cycle, cost, (reads[i], writes[i])) for i in range(count)],
    }[port]
    written.append({"type": "dram", "ports": port, "nodes": "all", "energy": terms["energy"]})
    chip = Accelerator(draw(names), slots, dram, tuple(links), (), draw(st.integers(1, 2)), draw(st.sampled_from(WeightLoad)))
    return chip, written


@given(accelerators())
@settings(max_examples=50)
def test_an_accelerator_survives_the_way_through_yaml(drawn: tuple[Accelerator, list[dict[str, object]]]) -> None:
    chip, links = drawn
    with TemporaryDirectory() as folder:
        for core in {slot.core for slot in chip.cores}:
            (Path(folder) / f"{core.name}.yaml").write_text(yaml.safe_dump(core_document(core), sort_keys=False))
        document = {
            "name": chip.name,
            "cores": {slot.name: f"{slot.core.name}.yaml" for slot in chip.cores},
            "dram": {
                "size": quantity(chip.dram.size_bits, "bit"),
                "bandwidth": quantity(chip.dram.bits_per_cycle, "bit/cycle"),
                "read_energy": quantity(chip.dram.read_pj, "pJ"),
                "write_energy": quantity(chip.dram.write_pj, "pJ"),
            },
            "links": links,
            "dma_channels": chip.dma_channels,
            "weight_load": str(chip.weight_load),
        }
        path = Path(folder) / "chip.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        assert load_accelerator(path) == chip
