"""What the schedule keeps as one number per tile, in detail: cycles by kind, energy by memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from stream_evo.cost import TileCost, TileRequest, TileShortage, tile_cost
from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping as NetworkMapping
from stream_evo.mapping import resolve_dataflow
from stream_evo.schedule import Plan, Stream, TileBook
from stream_evo.workload import Workload

__all__ = ["ModelledTiles", "TileDetails"]


class TileDetails(Protocol):
    """Where tiles are looked up in detail; `corner` is ``2 * (last row) + (last column)`` of the stream's grid."""

    def cycles(self, stream: int, corner: int) -> Mapping[str, int]:
        """Return the runtime of a tile in cycles by kind; the kinds add up to the latency in the plan."""
        ...

    def memory_pj(self, stream: int, corner: int) -> Mapping[str, float]:
        """Return the energy of the memories on the core while a tile runs, by name of the memory."""
        ...

    def shortage(self, stream: int) -> TileShortage | None:
        """Return what does not fit when a full tile runs; ``None`` if it can run."""
        ...


@dataclass(frozen=True)
class ModelledTiles:
    """Details from the cost model; each different tile is computed once, also for other mappings with the same `costs`.

    Args:
        workload: The network.
        accelerator: The chip.
        mapping: The mapping.
        plan: The same, spelled out.
        book: Where the plan has its costs from.
        costs: What is known of tiles of this network on this chip; grows.
    """

    workload: Workload
    accelerator: Accelerator
    mapping: NetworkMapping
    plan: Plan
    book: TileBook
    costs: dict[TileRequest, TileCost] = field(default_factory=dict, repr=False)

    def cycles(self, stream: int, corner: int) -> Mapping[str, int]:
        """Return computing, stalls, filling and draining."""
        cost = self._cost(stream, corner)
        parts = {"compute": cost.temporal_cycles, "stall": cost.stall_cycles, "fill": cost.onload_cycles, "drain": cost.offload_cycles}
        parts["compute"] += self.plan.streams[stream].figures[corner].latency_cycles - cost.latency_cycles  # a tile takes at least a cycle
        return {name: cycles for name, cycles in parts.items() if cycles}

    def memory_pj(self, stream: int, corner: int) -> Mapping[str, float]:
        """Return the energy of each memory of the core, over all operands it holds."""
        cost, streamed = self._cost(stream, corner), self.plan.streams[stream].figures[corner].streamed
        found: dict[str, float] = {}
        for operand, energies in cost.memory_energy_pj.items():
            last = len(energies) - (operand in streamed)  # the outermost level of what is streamed is the DRAM
            for name, energy in zip(cost.memories[operand][:last], energies, strict=False):
                found[name] = found.get(name, 0.0) + energy
        return found

    def shortage(self, stream: int) -> TileShortage | None:
        """Return what does not fit when a full tile runs; ``None`` if it can run."""
        return self._cost(stream, 0).shortage

    def _cost(self, stream: int, corner: int) -> TileCost:
        request = self._request(self.plan.streams[stream], corner)
        if request not in self.costs:
            self.costs[request] = tile_cost(request, self.book.goal)
        return self.costs[request]

    def _request(self, stream: Stream, corner: int) -> TileRequest:
        rows, columns = stream.row_bounds, stream.column_bounds
        at_row, at_column = (len(rows) - 2 if corner & 2 else 0), (len(columns) - 2 if corner & 1 else 0)
        slot = self.accelerator.cores[stream.core]
        layer = self.workload.layers[stream.layer]
        return self.book.request(
            stream.layer,
            self.mapping.layers[stream.layer].parts,
            rows[at_row + 1] - rows[at_row],
            columns[at_column + 1] - columns[at_column],
            stream.core,
            resolve_dataflow(slot.core, layer, self.mapping.dataflows.get(slot.name)).name,
            stream.figures[corner].streamed,
        )
