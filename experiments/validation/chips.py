"""The three measured chips: what they ran, how it was mapped, and what was measured.

Networks, mappings, tile runtimes, measured cycles and the reference framework's own results: KULeuven-MICAS/stream, branch validation
@34853444 (MIT; the same inputs @1458a26c), scripts ``main_validation_depfin.py``, ``main_validation_verma_ocn.py`` and
``main_validation_diana_test.py``; see Symons et al., arXiv 2212.10612. Its results are those of a run of these scripts, with zigzag-dse
2.3.8; its CPU time is of the whole script.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stream_evo.mapping import LayerMapping, Mapping, Priority
from stream_evo.workload import WHOLE, Axis, AxisMap, Bits, Edge, Layer, LoopSizes, NetworkInput, Operand, OperatorKind, Padding, Workload

__all__ = ["BUILDERS", "Reference", "Study", "TileTime", "aimc_4x4", "depfin", "diana"]

_SAME = AxisMap(Axis.ROWS), AxisMap(Axis.COLUMNS), AxisMap(Axis.CHANNELS)
_CONV, _POOL = OperatorKind.CONV, OperatorKind.POOL


@dataclass(frozen=True, slots=True)
class TileTime:
    """Runtime of one tile in the reference framework, in cycles.

    Attributes:
        compute: Steps of the array.
        stall: Waiting for memory ports while the array runs.
        load: First fill before it.
        drain: Last outputs after it.
    """

    compute: int
    stall: int
    load: int
    drain: int

    @property
    def total(self) -> int:
        """Cycles from the first fill to the last output."""
        return self.compute + self.stall + self.load + self.drain


@dataclass(frozen=True, slots=True)
class Reference:
    """What the reference framework finds for the same chip.

    Attributes:
        cycles: Latency.
        cpu_seconds: User CPU time of its script.
        peak_bytes: Peak of each on-chip memory, under the names of the hardware library.
    """

    cycles: int
    cpu_seconds: int
    peak_bytes: MappingABC[str, int]


@dataclass(frozen=True)
class Study:
    """A chip at work.

    Attributes:
        name: Chip.
        chip: Its name in the hardware library.
        workload: What it ran.
        mapping: How.
        tile_times: Runtime of a full tile of each layer in the reference framework.
        measured_cycles: Latency of silicon.
        reference: What the reference framework finds.
        bits: Precisions on silicon, for the description from facts; ``None``: those of `workload`.
        dataflows: Dataflow per core in the description from facts.
    """

    name: str
    chip: str
    workload: Workload
    mapping: Mapping
    tile_times: tuple[TileTime, ...]
    measured_cycles: int
    reference: Reference
    bits: Bits | None = None
    dataflows: MappingABC[str, str] = field(default_factory=dict)

    @property
    def physical_chip(self) -> str:
        """Name of the description from facts in the hardware library."""
        return f"{self.chip}_physical"

    @property
    def physical_workload(self) -> Workload:
        """The workload with the precisions of silicon."""
        if self.bits is None:
            return self.workload
        layers = tuple(replace(layer, bits=self.bits) for layer in self.workload.layers)
        return replace(self.workload, layers=layers, inputs=tuple(replace(source, bits=self.bits.I) for source in self.workload.inputs))

    @property
    def physical_mapping(self) -> Mapping:
        """The same mapping on the description from facts."""
        return replace(self.mapping, accelerator=self.physical_chip, dataflows=self.dataflows)


def depfin(rows: int = 540) -> Study:
    """FSRCNN on images of 960 columns, line by line on the one core of DepFiN (12 nm)."""
    shapes = [(56, 1, 5), (12, 56, 1), (12, 12, 3), (12, 12, 3), (12, 12, 3), (12, 12, 3), (56, 12, 1), (16, 56, 3)]
    layers = _chain(shapes, (rows, 960))
    entries = tuple(LayerMapping(layer.name, ("core0",), 1, 960) for layer in layers)
    middle = TileTime(864, 0, 1, 12)
    return Study(
        "DepFiN",
        "depfin",
        Workload("fsrcnn_540x960", layers, (NetworkInput("image", 1, rows, 960),)),
        Mapping("fsrcnn_540x960", "depfin", entries),
        (
            TileTime(800, 0, 1, 14),
            TileTime(448, 0, 1, 12),
            *(middle,) * 4,
            TileTime(384, 62, 1, 14),
            TileTime(4032, 0, 1, 15),
        ),
        6_180_000,
        Reference(6_370_024, 81, {"core0.activation_sram": 268_800, "core0.weight_sram": 15_992}),
    )


def aimc_4x4(rows: int = 56) -> Study:
    """A segment of ResNet-50 on the 4 x 4 in-memory chip of Jia et al. (16 nm), layer by layer on five groups of cores, two pixels a tile.

    How the chip split the work is not published; the grouping is the reference framework's. It calculates with 8 bits; a group of two units
    with 256 columns each has room for 64 output channels and two pixels at 4 bits, at which the chip's ResNet-50 was published.
    """
    shapes = [(64, 256, 1), (64, 64, 3), (256, 64, 1), (64, 256, 1), (64, 64, 3)]
    layers = _chain(shapes, (rows, 56))
    cores = ("cimu_0_1", "cimu_2_3", "cimu_4_11", "cimu_12_13", "cimu_14_15")
    entries = tuple(LayerMapping(layer.name, (core,), 1, 2) for layer, core in zip(layers, cores, strict=True))
    narrow, wide = TileTime(1, 0, 32, 1), TileTime(1, 0, 36, 1)
    buffers, weights = (16_384, 7_808, 1_152, 4_864, 7_808), (16_384, 36_864, 16_384, 16_384, 36_864)
    peaks = {f"{core}.io_buffer": peak for core, peak in zip(cores, buffers, strict=True)}
    peaks |= {f"{core}.weight_memory": peak for core, peak in zip(cores, weights, strict=True)}
    return Study(
        "AiMC 4x4",
        "aimc_4x4",
        Workload("resnet50_segment", layers, (NetworkInput("map", 256, rows, 56),)),
        Mapping("resnet50_segment", "aimc_4x4", entries, priority=Priority.LATENCY),
        (narrow, wide, narrow, narrow, wide),
        66_302,
        Reference(63_820, 304, peaks),
        Bits(I=4, W=4, O=16, O_final=4),
        dict.fromkeys(("cimu_2_3", "cimu_14_15"), "CFXFYKOX"),
    )


def diana(rows: int = 56) -> Study:
    """The first segment of ResNet-18 on the four cores of DIANA (22 nm); the first layer is cut in four K-parts and eight column tiles."""
    half = (rows, 56)
    layers = (
        _window("stem", _CONV, (64, 3), (2 * rows, 112), 7, 3, -1, 2),
        _window("pool", _POOL, (64, 1), half, 2, 0, 0, 2),
        _window("conv1", _CONV, (64, 64), half, 3, 1, 1),
        _window("shortcut", _CONV, (64, 64), half, 1, 0, 1),
        _window("conv2", _CONV, (64, 64), half, 3, 1, 2),
        _add("add1", 3, 4, half),
        _window("conv3", _CONV, (64, 64), half, 3, 1, 5),
        _window("conv4", _CONV, (64, 64), half, 3, 1, 6),
        _add("add2", 5, 7, half),
    )
    cores = ("digital", "pooling", "analog", "analog", "analog", "simd", "analog", "analog", "simd")
    columns, parts = (14, 14, 56, 56, 56, 56, 56, 56, 56), (4, 1, 1, 1, 1, 1, 1, 1, 1)
    entries = tuple(
        LayerMapping(layer.name, (core,), 1, width, count) for layer, core, width, count in zip(layers, cores, columns, parts, strict=True)
    )
    cube, addition = TileTime(896, 1790, 3, 1), TileTime(56, 1705, 32, 1)
    return Study(
        "DIANA",
        "diana",
        Workload("resnet18_segment", layers, (NetworkInput("image", 3, 4 * rows, 224),)),
        Mapping("resnet18_segment", "diana", entries),
        (TileTime(147, 0, 1, 4), TileTime(64, 0, 0, 0), cube, TileTime(896, 0, 1, 1), cube, addition, cube, cube, addition),
        812_000,
        Reference(791_852, 57, {"l1": 114_709, "digital.weight_sram": 9_408, "analog.weight_memory": 151_552}),
    )


BUILDERS = {"depfin": depfin, "aimc_4x4": aimc_4x4, "diana": diana}
"""Studies by name; each takes the number of output rows, so that a strip of the image can be run in small."""


def _window(
    name: str, kind: OperatorKind, channels: tuple[int, int], extent: tuple[int, int], taps: int, pad: int, producer: int, stride: int = 1
) -> Layer:
    """Return a convolution or pooling with (outputs, inputs) channels and (rows, columns) of output."""
    rows, columns = (AxisMap(axis, stride, -pad, taps - 1 - pad) for axis in (Axis.ROWS, Axis.COLUMNS))
    relation = WHOLE if kind is _CONV else AxisMap(Axis.CHANNELS)
    return Layer(
        name,
        kind,
        "Conv" if kind is _CONV else "MaxPool",
        LoopSizes(K=channels[0], C=channels[1], OY=extent[0], OX=extent[1], FY=taps, FX=taps),
        stride=(stride, stride),
        padding=Padding(pad, pad, pad, pad),
        constant_weights=kind is _CONV,
        edges=(Edge(producer, Operand.I, rows, columns, relation),),
    )


def _chain(shapes: Sequence[tuple[int, int, int]], extent: tuple[int, int]) -> tuple[Layer, ...]:
    """Return convolutions of stride 1 one after the other: (outputs, inputs, taps) each."""
    return tuple(
        _window(f"layer{index}", _CONV, (outputs, inputs), extent, taps, taps // 2, index - 1)
        for index, (outputs, inputs, taps) in enumerate(shapes)
    )


def _add(name: str, one: int, two: int, extent: tuple[int, int]) -> Layer:
    edges = Edge(one, Operand.I, *_SAME), Edge(two, Operand.W, *_SAME)
    return Layer(name, OperatorKind.ELEMENTWISE, "Add", LoopSizes(K=64, OY=extent[0], OX=extent[1]), edges=edges)
