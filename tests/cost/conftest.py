"""Cores, reference rows and strategies that several cost tests need."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from stream_evo.cost import OFFCHIP, DramLevel, TileRequest
from stream_evo.hardware import ArrayDimension, ArrayTiming, Core, Dataflow, Direction, Memory, Port, PortKind, load_core
from stream_evo.hw_library import CORES
from stream_evo.workload import Bits, LoopSizes, Operand, OperatorKind

ROWS = Path(__file__).parents[1] / "data" / "cost_rows.json"
KINDS = {"conv": OperatorKind.CONV, "gemm": OperatorKind.GEMM, "pool": OperatorKind.POOL, "add": OperatorKind.ELEMENTWISE}
LOOPS = ("B", "G", "K", "C", "OY", "OX", "FY", "FX")


@dataclass(frozen=True)
class Row:
    """One row of the reference table: the tile, what was unrolled, and the best mapping for each goal."""

    name: str
    request: TileRequest
    unrolled: dict[str, float]
    best: dict[str, dict[str, Any]]
    raw: dict[str, Any]


def _read_rows(cores: dict[str, Core]) -> list[Row]:
    rows = []
    for raw in json.loads(ROWS.read_text())["rows"]:
        kind = KINDS[raw["type"]]
        request = TileRequest(
            kind,
            LoopSizes(**raw["dims"]),
            cores[raw["core"]],
            raw["dataflow"],
            stride=(raw["stride"], raw["stride"]),
            two_inputs=kind is OperatorKind.ELEMENTWISE,
            streamed=frozenset(Operand) if raw["dram"] else frozenset(),
            dram=OFFCHIP if raw["dram"] else None,
        )
        best = {goal: raw["best"]["edp"] if entry == "edp" else entry for goal, entry in raw["best"].items()}
        rows.append(Row(f"{raw['core']}/{raw['dataflow']}{'+dram' * raw['dram']}/{raw['name']}", request, raw["unrolled"], best, raw))
    return rows


@pytest.fixture(scope="session")
def cores() -> dict[str, Core]:
    """The five cores of the reference rows, from the hardware library."""
    return {name: load_core(CORES[name]) for name in ("tpu_like", "meta_prototype", "eyeriss_like", "pooling", "simd")}


@pytest.fixture(scope="session")
def rows(cores: dict[str, Core]) -> list[Row]:
    """All 146 reference rows."""
    return _read_rows(cores)


@st.composite
def ports_of(draw: st.DrawFn, operands: tuple[Operand, ...]) -> tuple[Port, ...]:
    """One read and one write port, two ports for both ways, or a single port."""
    reads = [(o, Direction.TO_LOW) for o in operands] + [(o, Direction.TO_HIGH) for o in operands if o is Operand.O]
    writes = [(o, Direction.FROM_HIGH) for o in operands] + [(o, Direction.FROM_LOW) for o in operands if o is Operand.O]
    width = draw(st.sampled_from([8, 16, 24, 64, 72, 128, 512]))
    granule = draw(st.sampled_from([g for g in (8, 16, 24, 64, 72, 128, 512) if g <= width]))
    style = draw(st.sampled_from(["split", "two", "single"]))
    if style == "single":
        return (Port("rw", PortKind.READ_WRITE, granule, width, tuple(reads + writes)),)
    if style == "two":
        low = tuple((o, d) for o, d in reads + writes if d in (Direction.TO_LOW, Direction.FROM_LOW))
        high = tuple((o, d) for o, d in reads + writes if d in (Direction.TO_HIGH, Direction.FROM_HIGH))
        return Port("low", PortKind.READ_WRITE, granule, width, low), Port("high", PortKind.READ_WRITE, granule, width, high)
    return Port("r", PortKind.READ, granule, width, tuple(reads)), Port("w", PortKind.WRITE, granule, width, tuple(writes))


@st.composite
def cores_strategy(draw: st.DrawFn) -> Core:
    """A core of one to four array dimensions, with private, partly shared and common memories of any size."""
    names = ("D1", "D2", "D3", "D4")[: draw(st.integers(1, 4))]
    array = tuple(ArrayDimension(name, draw(st.integers(1, 16))) for name in names)
    unrolling = []
    for name in names:
        loops = draw(st.lists(st.sampled_from(LOOPS), min_size=0, max_size=2, unique=True))
        unrolling.append((name, tuple((loop, draw(st.integers(1, 16))) for loop in loops)))
    memories: list[Memory] = []
    served: dict[Operand, tuple[str, ...]] = dict.fromkeys(Operand, ())
    for depth in range(draw(st.integers(0, 2))):
        for operand in draw(st.lists(st.sampled_from(tuple(Operand)), max_size=2, unique=True)):
            shared = tuple(name for name in names if name in served[operand] or draw(st.booleans()))
            served[operand] = shared
            size = draw(st.sampled_from([16, 64, 512, 4096, 32768]))
            energies = draw(st.tuples(st.floats(0, 10), st.floats(0, 10)))
            memories.append(Memory(f"m{depth}{operand}", size, (operand,), shared, draw(ports_of((operand,))), *energies))
    groups = draw(st.sampled_from([(tuple(Operand),), ((Operand.I, Operand.O), (Operand.W,)), ((Operand.I,), (Operand.W,), (Operand.O,))]))
    for group in groups:
        size = draw(st.sampled_from([1 << 12, 1 << 16, 1 << 20, 1 << 24]))
        energies = draw(st.tuples(st.floats(0, 100), st.floats(0, 100)))
        memories.append(Memory("top" + "".join(group), size, group, names, draw(ports_of(group)), *energies))
    step, input_bit = draw(st.sampled_from([(1, 0), (1, 0), (19, 0), (1, 10)]))
    timing = ArrayTiming(step, input_bit, draw(st.sampled_from([0, 0, 23])), draw(st.sampled_from([0, 0, 2])))
    flow = Dataflow("D", tuple(unrolling))
    return Core("drawn", array, tuple(memories), (flow,), tuple(OperatorKind), draw(st.floats(0, 2)), None, timing)


@st.composite
def sizes_strategy(draw: st.DrawFn, kind: OperatorKind) -> LoopSizes:
    """Loop sizes that divide badly as often as well, within what an exhaustive look at a test can take."""
    number = st.sampled_from([1, 1, 2, 3, 4, 7, 8, 9, 14, 16, 17, 25, 30, 56, 64])
    taps = st.sampled_from([1, 1, 2, 3, 5, 7])
    if kind is OperatorKind.ELEMENTWISE:
        return LoopSizes(B=draw(st.integers(1, 2)), K=draw(number), OY=draw(number), OX=draw(number))
    if kind is OperatorKind.GEMM:
        return LoopSizes(B=draw(number), G=draw(st.integers(1, 3)), K=draw(number), C=draw(number), OY=draw(number))
    c = draw(number) if kind is OperatorKind.CONV else 1
    return LoopSizes(
        B=1, G=draw(st.sampled_from([1, 1, 6])), K=draw(number), C=c, OY=draw(number), OX=draw(number), FY=draw(taps), FX=draw(taps)
    )


@st.composite
def requests_strategy(draw: st.DrawFn, core: st.SearchStrategy[Core]) -> TileRequest:
    """Any tile on any core, with any subset of operands streamed."""
    kind = draw(st.sampled_from(tuple(OperatorKind)))
    streamed = draw(st.frozensets(st.sampled_from(tuple(Operand))))
    widths = draw(st.tuples(st.sampled_from([8, 64, 100]), st.sampled_from([8, 64, 100])))
    dram = DramLevel(widths[0], widths[1], draw(st.sampled_from([16, 64])), 100.0, 110.0, single_port=draw(st.booleans()))
    chosen = draw(core)
    sizes = draw(sizes_strategy(kind))
    return TileRequest(
        kind,
        sizes,
        chosen,
        draw(st.sampled_from(chosen.dataflows)).name,
        stride=draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        dilation=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        bits=draw(st.builds(Bits, *(st.sampled_from([1, 4, 8, 16, 24, 32]) for _ in range(4)))),
        two_inputs=kind in (OperatorKind.ELEMENTWISE, OperatorKind.GEMM) and draw(st.booleans()),
        cycles_per_operation=draw(st.sampled_from([1, 1, 4])),
        streamed=streamed,
        dram=dram if streamed else None,
        input_extent=draw(st.none() | st.tuples(st.integers(1, 60), st.integers(1, 60))),
    )


@pytest.fixture(scope="session")
def drawn_requests() -> st.SearchStrategy[TileRequest]:
    """Tiles on cores nobody would build."""
    return requests_strategy(cores_strategy())


@pytest.fixture(scope="session")
def library_requests(cores: dict[str, Core]) -> st.SearchStrategy[TileRequest]:
    """Tiles on the reference cores, some with their memories resized."""

    def resized(core: Core, factor: float) -> Core:
        memories = tuple(replace(memory, size_bits=max(8, int(memory.size_bits * factor))) for memory in core.memories)
        return replace(core, memories=memories)

    return requests_strategy(st.builds(resized, st.sampled_from(list(cores.values())), st.sampled_from([0.25, 1.0, 4.0])))
