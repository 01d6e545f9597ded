"""Costs of tiles, computed in batches and kept: the link between the cost model and the scheduler."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from stream_evo.cost import DramLevel, Goal, TileRequest, evaluate_tiles
from stream_evo.cost._spatial import input_window
from stream_evo.hardware import Accelerator
from stream_evo.schedule._figures import OPERANDS, TileFigures, operand_mask, streamed_of
from stream_evo.workload import Layer, Operand, OperatorKind, Workload

__all__ = ["TileBook", "TileKey"]


@dataclass(frozen=True, slots=True)
class TileKey:
    """One tile on one kind of core: `mask` has bit 0, 1, 2 set for streamed I, W, O."""

    layer: int
    parts: int
    rows: int
    columns: int
    core_class: int
    dataflow: str
    mask: int


@dataclass
class TileBook:
    """Looks up what tiles cost; asks the cost model for what it does not know yet.

    Args:
        workload: The network.
        accelerator: The chip.
        goal: What the mapping search inside a core minimises.
    """

    workload: Workload
    accelerator: Accelerator
    goal: Goal = Goal.EDP
    _known: dict[TileRequest, TileFigures] = field(default_factory=dict, repr=False)
    _requests: dict[TileKey, TileRequest] = field(default_factory=dict, repr=False)

    @cached_property
    def core_classes(self) -> tuple[int, ...]:
        """Per core: a number that equal cores with equally wide ways to the DRAM share."""
        seen: dict[object, int] = {}
        slots = self.accelerator.cores
        return tuple(seen.setdefault((slot.core, self._dram_level(index)), len(seen)) for index, slot in enumerate(slots))

    def prepare(self, keys: Iterable[TileKey]) -> None:
        """Compute the costs of all `keys` that are not known, in one batch."""
        wanted = {self._request(key): None for key in keys}
        missing = [request for request in wanted if request not in self._known]
        if not missing:
            return
        costs = evaluate_tiles(missing, self.goal)
        for index, request in enumerate(missing):
            held = costs.held_bits[index]
            read, written = _least_traffic(request)
            self._known[request] = TileFigures(
                latency_cycles=max(1, int(costs.latency_cycles[index])),
                mac_pj=float(costs.mac_pj[index]),
                memory_pj=float(costs.memory_pj[index]),
                dram_read_bits=max(int(costs.dram_read_bits[index]), read),
                dram_write_bits=max(int(costs.dram_write_bits[index]), written),
                held_bits=(int(held[0]), int(held[1]), int(held[2])),
                missing_bits=0 if costs.feasible[index] else max(1, int(costs.missing_bits[index])),
                streamed=request.streamed,
            )

    def figures(self, key: TileKey) -> TileFigures:
        """Return the figures of `key` itself, legal or not."""
        self.prepare([key])
        return self._known[self._request(key)]

    def resolve(self, key: TileKey) -> TileFigures:
        """Return the figures of `key`, or of the smallest larger set of streamed operands that has a legal order, if any has."""
        figures = self.figures(key)
        if not figures.missing_bits:
            return figures
        present = operand_mask(self._operands(self.workload.layers[key.layer]))
        larger = [mask for mask in range(8) if mask & key.mask == key.mask and mask & ~present == 0 and mask != key.mask]
        for mask in sorted(larger, key=lambda m: (m.bit_count(), m)):
            found = self.figures(TileKey(key.layer, key.parts, key.rows, key.columns, key.core_class, key.dataflow, mask))
            if not found.missing_bits:
                return found
        return figures

    def tile(self, layer: int, parts: int, rows: int, columns: int, core: int, dataflow: str, streamed: frozenset[Operand]) -> TileFigures:
        """Return the resolved figures of a tile on a core; see `CostBook`."""
        return self.resolve(TileKey(layer, parts, rows, columns, self.core_classes[core], dataflow, operand_mask(streamed)))

    def request(
        self, layer: int, parts: int, rows: int, columns: int, core: int, dataflow: str, streamed: frozenset[Operand]
    ) -> TileRequest:
        """Return what the cost model is asked for a tile on a core, with exactly these operands streamed."""
        return self._request(TileKey(layer, parts, rows, columns, self.core_classes[core], dataflow, operand_mask(streamed)))

    def _request(self, key: TileKey) -> TileRequest:
        found = self._requests.get(key)
        if found is None:
            found = self._requests[key] = self._build(key)
        return found

    def _build(self, key: TileKey) -> TileRequest:
        layer = self.workload.layers[key.layer]
        core = self.core_classes.index(key.core_class)
        loop = "G" if layer.sizes.G > 1 else "K"
        share = {loop: getattr(layer.sizes, loop) // key.parts}
        present = operand_mask(self._operands(layer))
        return TileRequest(
            kind=layer.kind,
            sizes=layer.sizes.replace(OY=key.rows, OX=key.columns, **share),
            core=self.accelerator.cores[core].core,
            dataflow=key.dataflow,
            stride=layer.stride,
            dilation=layer.dilation,
            bits=layer.bits,
            two_inputs=layer.has_two_inputs,
            cycles_per_operation=layer.cycles_per_operation,
            streamed=streamed_of(key.mask & present),
            dram=self._dram_level(core) if key.mask & present else None,
            input_extent=_input_extent(layer),
        )

    def _operands(self, layer: Layer) -> list[Operand]:
        second = layer.constant_weights or layer.has_two_inputs
        return [operand for operand in OPERANDS if operand is not Operand.W or second]

    def _dram_level(self, core: int) -> DramLevel:
        chip, node = self.accelerator, self.accelerator.dram_node
        links = [chip.path(node, core) or (), chip.path(core, node) or ()]
        read, write = (min([chip.dram.bits_per_cycle, *(chip.links[link].bits_per_cycle for link in path)]) for path in links)
        shared = bool(set(links[0]) & set(links[1]))
        return DramLevel(read, write, chip.dram.bits_per_cycle, chip.dram.read_pj, chip.dram.write_pj, single_port=shared)


def _least_traffic(request: TileRequest) -> tuple[int, int]:
    """Return the bits that streamed operands must at least read from and write to DRAM: every element once.

    The cost model averages over fractional tiles and may count a few elements less.
    """
    s, bits = request.sizes, request.bits
    points = s.B * s.G * s.K * s.OY * s.OX
    extent = request.input_extent or (0, 0)
    if request.kind is OperatorKind.ELEMENTWISE:
        inputs, second = points, points
    elif request.kind is OperatorKind.GEMM:
        inputs, second = s.B * s.G * s.C * s.OY * s.OX, s.G * s.K * s.C * (s.B if request.two_inputs else 1)
    else:
        rows = input_window(s.OY, s.FY, request.stride[0], request.dilation[0], extent[0])
        columns = input_window(s.OX, s.FX, request.stride[1], request.dilation[1], extent[1])
        inputs = s.B * s.G * s.C * rows * columns * (s.K if request.kind is OperatorKind.POOL else 1)
        second = s.G * s.K * s.C * s.FY * s.FX
    read = inputs * bits.I * (Operand.I in request.streamed) + second * bits.W * (Operand.W in request.streamed)
    return read, points * bits.O_final * (Operand.O in request.streamed)


def _input_extent(layer: Layer) -> tuple[int, int] | None:
    """Return rows and columns that exist of the input map of a windowed layer."""
    if layer.kind not in (OperatorKind.CONV, OperatorKind.POOL):
        return None
    sizes, pad = layer.sizes, layer.padding
    rows = (sizes.OY - 1) * layer.stride[0] + layer.dilation[0] * (sizes.FY - 1) + 1 - pad.top - pad.bottom
    columns = (sizes.OX - 1) * layer.stride[1] + layer.dilation[1] * (sizes.FX - 1) + 1 - pad.left - pad.right
    return max(1, rows), max(1, columns)
