"""Where two mappings differ in latency, energy and memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stream_evo._html import text_table
from stream_evo._run._job import METRICS
from stream_evo._run._metrics import PointMetrics

if TYPE_CHECKING:
    from stream_evo.explanation import Explanation

__all__ = ["Breakdown", "Effects", "Share", "effects_of"]


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a total in two mappings.

    Attributes:
        name: What the part belongs to: a layer, a core, a cause, ...
        first: Its amount in the first mapping.
        second: Its amount in the second.
    """

    name: str
    first: float
    second: float

    @property
    def change(self) -> float:
        """What the second has more than the first; negative if it has less."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A total divided in one way.

    Attributes:
        metric: The total, whose unit is that of the parts.
        by: By what it is divided.
        shares: The parts, what changes most first. Their changes add up to that of the metric, with two exceptions: ``busy core``
            and ``busy link`` count work on the critical path and off it, and memory by layer counts the room that streamed weights pass
            through.
    """

    metric: str
    by: str
    shares: tuple[Share, ...]

    @property
    def changes(self) -> tuple[Share, ...]:
        """The parts that differ by more than the order of additions explains."""
        return tuple(share for share in self.shares if not math.isclose(share.first, share.second, rel_tol=1e-9))


@dataclass(frozen=True, eq=False)
class Effects:
    """What the differences between two mappings do.

    Attributes:
        metrics: The numbers of both.
        breakdowns: Latency along the critical path by activity, layer, core and cause of waiting; busy cycles by core and link; energy by
            layer, core, level and cause; peak memory by memory and by layer.
        explanations: All there is to say about each.
    """

    metrics: tuple[PointMetrics, PointMetrics]
    breakdowns: tuple[Breakdown, ...]
    explanations: tuple[Explanation, Explanation] = field(repr=False)

    def breakdown(self, metric: str, by: str) -> Breakdown:
        """Return one breakdown.

        Raises:
            KeyError: there is none of that kind.
        """
        for breakdown in self.breakdowns:
            if (breakdown.metric, breakdown.by) == (metric, by):
                return breakdown
        raise KeyError(f"no breakdown of {metric} by {by}; there are {', '.join(f'{b.metric} by {b.by}' for b in self.breakdowns)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers of both and all that differs, as JSON can hold it."""
        return {
            "metrics": [metrics.as_dict() for metrics in self.metrics],
            "breakdowns": [
                {
                    "metric": breakdown.metric,
                    "by": breakdown.by,
                    "changes": [
                        {"name": share.name, "first": share.first, "second": share.second, "change": share.change}
                        for share in breakdown.changes
                    ],
                }
                for breakdown in self.breakdowns
            ],
        }

    def metrics_html(self, labels: tuple[str, str]) -> str:
        """Return the numbers of both as an HTML table."""
        first, second = self.metrics
        rows = [(name, getattr(first, name), getattr(second, name)) for name in (*METRICS, "violation_bytes")]
        return text_table(("metric", *labels), rows, numeric=labels)


def effects_of(explanations: tuple[Explanation, Explanation]) -> Effects:
    """Return what differs between two explained mappings."""
    first, second = explanations
    divisions = (_divisions(first), _divisions(second))
    breakdowns = [Breakdown(metric, by, _shares(divisions[0][metric, by], divisions[1][metric, by])) for metric, by in divisions[0]]
    return Effects((_metrics(first), _metrics(second)), tuple(breakdowns), explanations)


def _divisions(explanation: Explanation) -> dict[tuple[str, str], Mapping[str, float]]:
    path, energy, peak = explanation.path, explanation.energy, explanation.peak
    layers: dict[str, float] = {}
    for tensor in peak.tensors:
        if tensor.kind != "weights":
            layers[tensor.layer] = layers.get(tensor.layer, 0.0) + tensor.bits / 8
    return {
        ("latency_cycles", "activity"): path.cycles_by_activity,
        ("latency_cycles", "hold"): path.cycles_by_hold,
        ("latency_cycles", "layer"): path.cycles_by_layer,
        ("latency_cycles", "busy core"): path.core_busy_cycles,
        ("latency_cycles", "busy link"): path.link_busy_cycles,
        ("energy_pj", "layer"): energy.by_layer(),
        ("energy_pj", "core"): energy.by_core(),
        ("energy_pj", "level"): energy.by_level(),
        ("energy_pj", "cause"): energy.by_cause(),
        ("memory_bytes", "memory"): {fill.memory: fill.activation_bits / 8 for fill in peak.memories},
        ("memory_bytes", "layer"): layers,
    }


def _shares(first: Mapping[str, float], second: Mapping[str, float]) -> tuple[Share, ...]:
    names = dict.fromkeys((*first, *second))
    shares = [Share(str(name), float(first.get(name, 0.0)), float(second.get(name, 0.0))) for name in names]
    return tuple(sorted(shares, key=lambda share: -abs(share.change)))


def _metrics(explanation: Explanation) -> PointMetrics:
    totals = explanation.totals
    return PointMetrics.of_totals(totals)
