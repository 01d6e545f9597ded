"""One point of a front: numbers, mapping, schedule, explanation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stream_evo._html import card, facts, text_table
from stream_evo._run._metrics import PointMetrics
from stream_evo.hardware import Accelerator
from stream_evo.schedule import Cause, Schedule, Totals
from stream_evo.typing import IntArray
from stream_evo.workload import Workload

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from stream_evo._run._session import Session
    from stream_evo.explanation import Explanation
    from stream_evo.mapping import Mapping

__all__ = ["Point", "PointSchedule"]


@dataclass(frozen=True)
class PointSchedule:
    """What happens when: every tile and transfer of one mapping, with names.

    Attributes:
        title: Heading of its pictures.
        workload: The network.
        accelerator: The chip.
        record: The schedule by numbers of layers, cores and links.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> schedule = result[0].schedule
        >>> schedule.totals.latency_cycles == result[0].metrics.latency_cycles
        True
        >>> schedule.tiles.columns.to_list()
        ['layer', 'part', 'tile', 'core', 'ready_cycles', 'start_cycles', 'end_cycles']
        >>> schedule.plot().savefig("schedule.png")
    """

    title: str
    workload: Workload = field(repr=False)
    accelerator: Accelerator = field(repr=False)
    record: Schedule = field(repr=False)

    @property
    def totals(self) -> Totals:
        """What the schedule adds up to."""
        return self.record.totals

    @property
    def core_busy_cycles(self) -> dict[str, int]:
        """Core name -> cycles in which a tile runs on it."""
        busy = dict.fromkeys((slot.name for slot in self.accelerator.cores), 0)
        for run in self.record.tiles:
            busy[self.accelerator.cores[run.core].name] += run.end_cycles - run.start_cycles
        return busy

    @cached_property
    def tiles(self) -> pd.DataFrame:
        """One row per tile, by start: layer, K-part, tile, core; when its data were ready, when it started and ended, in cycles."""
        import pandas as pd  # noqa: PLC0415  # takes half a second to import

        layers, cores = self.workload.layers, self.accelerator.cores
        rows = [
            (layers[run.layer].name, run.part, run.tile, cores[run.core].name, run.ready_cycles, run.start_cycles, run.end_cycles)
            for run in sorted(self.record.tiles, key=lambda run: (run.start_cycles, run.core))
        ]
        return pd.DataFrame(rows, columns=["layer", "part", "tile", "core", "ready_cycles", "start_cycles", "end_cycles"])

    @cached_property
    def transfers(self) -> pd.DataFrame:
        """One row per transfer, by start: why, what (layer or network input; tile, -1 for weights), way, bits, start and end in cycles."""
        import pandas as pd  # noqa: PLC0415  # as above

        nodes = [*(slot.name for slot in self.accelerator.cores), self.accelerator.dram.name]
        names = {stream: source.name for stream, source in enumerate(self.workload.inputs)}  # streams of inputs come first
        names |= {run.stream: self.workload.layers[run.layer].name for run in self.record.tiles}
        rows = [
            (
                move.cause.name.lower(),
                names[move.stream],
                move.tile,
                nodes[move.source],
                nodes[move.target],
                " ".join(self.accelerator.links[link].name for link in move.links),
                move.bits,
                move.start_cycles,
                move.end_cycles,
            )
            for move in sorted(self.record.transfers, key=lambda move: (move.start_cycles, move.end_cycles))
        ]
        columns = ["cause", "layer", "tile", "source", "target", "links", "bits", "start_cycles", "end_cycles"]
        return pd.DataFrame(rows, columns=columns)

    def plot(self) -> Figure:
        """Draw cores, links, DRAM and memories over time."""
        from stream_evo.report import plot_schedule  # noqa: PLC0415  # matplotlib takes a second to import

        return plot_schedule(self.record, self.workload, self.accelerator, title=self.title)

    def _repr_html_(self) -> str:
        totals = self.totals
        busy = [(name, cycles, f"{cycles / (totals.latency_cycles or 1):.1%}") for name, cycles in self.core_busy_cycles.items()]
        moved: Counter[Cause] = Counter()
        for move in self.record.transfers:
            moved[move.cause] += move.bits
        moves = [(cause.name.lower().replace("_", " "), bits // 8) for cause, bits in moved.most_common()]
        record = self.record
        return card(
            self.title,
            facts({"latency": f"{totals.latency_cycles:,} cycles", "tiles": len(record.tiles), "transfers": len(record.transfers)}),
            text_table(("core", "busy cycles", "share"), busy, numeric=("busy cycles", "share")),
            text_table(("moved because of", "bytes"), moves, numeric=("bytes",)),
        )


@dataclass(frozen=True, eq=False)
class Point:
    """One point of a front.

    Attributes:
        index: Its number on the front.
        metrics: Its numbers.
        genome: Its genome, shape ``(V,)``.
        session: The network on the chip.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> point = result[result.best_edp]
        >>> point.metrics == stream_evo.evaluate("squeezenet", "homogeneous_quad", point.mapping)
        True
        >>> point.explain().path.latency_cycles == point.metrics.latency_cycles
        True
    """

    index: int
    metrics: PointMetrics
    genome: IntArray = field(repr=False)
    session: Session = field(repr=False)

    @cached_property
    def mapping(self) -> Mapping:
        """Layers to cores, tiles and stacks."""
        return self.session.spec.decode(self.genome)

    @cached_property
    def schedule(self) -> PointSchedule:
        """What happens when; scheduled when it is first asked for."""
        session = self.session
        title = f"{session.title}: schedule of point {self.index}"
        return PointSchedule(title, session.workload, session.accelerator, session.evaluator.schedule(self.genome))

    def explain(self) -> Explanation:
        """Say what latency, energy and peak memory come from."""
        return self.session.explainer.explain(self.mapping)

    def _repr_html_(self) -> str:
        bounds = self.session.lower_bounds
        rows = []
        for name, value in self.metrics.numbers.items():
            bound = bounds.get(name)  # none is known of objectives of a user's own
            ratio = f"{value / bound:.2f}" if bound and np.isfinite(value) else ""
            rows.append((name, value, "" if bound is None else bound, ratio))
        columns = ("metric", "value", "lower bound", "ratio")
        stacks = 1 + self.mapping.layers[-1].stack
        layers: Counter[str] = Counter()
        for entry in self.mapping.layers:
            layers.update(entry.cores)
        used = ", ".join(f"{name} {count}" for name, count in sorted(layers.items()))
        return card(
            f"{self.session.title}: point {self.index}",
            text_table(columns, rows, numeric=columns[1:]),
            facts({"fused stacks": stacks, "layers per core": used}),
        )
