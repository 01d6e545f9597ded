"""What the tests of explanations share: schedules worked out by hand, without a cost model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stream_evo.cost import TileShortage
from stream_evo.explanation._subject import Subject
from stream_evo.hardware import Accelerator
from stream_evo.mapping import LayerMapping
from stream_evo.mapping import Mapping as NetworkMapping
from stream_evo.schedule import Chip, Plan, build_plan
from stream_evo.workload import Layer, NetworkInput, Workload
from tests.schedule.support import FixedBook, trace_mapping

__all__ = ["PlanTiles", "scheduled"]


@dataclass(frozen=True)
class PlanTiles:
    """Details of tiles as far as their figures go."""

    plan: Plan

    def cycles(self, stream: int, corner: int) -> Mapping[str, int]:
        return {"compute": self.plan.streams[stream].figures[corner].latency_cycles}

    def memory_pj(self, stream: int, corner: int) -> Mapping[str, float]:
        return {"memories": self.plan.streams[stream].figures[corner].memory_pj}

    def shortage(self, stream: int) -> TileShortage | None:
        del stream
        return None


def scheduled(
    layers: Sequence[Layer],
    accelerator: Accelerator,
    cores: Sequence[int],
    *,
    stacks: Sequence[int] | None = None,
    cycles: int = 10,
    streamed_bits: tuple[int, int, int] = (0, 0, 0),
) -> Subject:
    """Return the schedule of `layers`, one row per tile, layer ``i`` on core ``cores[i]``; every tile runs for `cycles`."""
    workload = Workload("net", tuple(layers), (NetworkInput("x", layers[0].sizes.C, layers[0].rows),))
    entries = tuple(
        LayerMapping(layer.name, (f"core{place}",), 1, 1, 1, stack)
        for layer, place, stack in zip(layers, cores, stacks or [0] * len(layers), strict=True)
    )
    mapping = NetworkMapping("net", "chip", entries)
    book = FixedBook(workload, accelerator, cycles=[cycles] * len(layers), streamed_bits=streamed_bits)
    plan = build_plan(workload, accelerator, mapping, book)
    return Subject(workload, Chip(accelerator), plan, trace_mapping(workload, accelerator, mapping, book))
