"""The whole explanation of a mapping."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stream_evo.cost import Goal, TileCost, TileRequest
from stream_evo.explanation._energy import Energy, energy
from stream_evo.explanation._path import critical_path
from stream_evo.explanation._path_values import CriticalPath
from stream_evo.explanation._peak import PeakMemory, peak_memory
from stream_evo.explanation._plain import plain
from stream_evo.explanation._repair import Repair, repair
from stream_evo.explanation._residency import stays
from stream_evo.explanation._shortage import Shortage, shortages
from stream_evo.explanation._subject import Subject
from stream_evo.explanation._tile_details import ModelledTiles
from stream_evo.hardware import Accelerator
from stream_evo.mapping import Mapping
from stream_evo.schedule import (
    Chip,
    Simulator,
    TileBook,
    Totals,
    build_plan,
    build_tables,
    choices_of_mapping,
    decisions_of_mapping,
    totals_of,
)
from stream_evo.workload import Workload

__all__ = ["Explainer", "Explanation", "explain_mapping"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a mapping has the numbers it has.

    Attributes:
        totals: The numbers.
        path: What the latency is made of.
        energy: What the energy is made of.
        peak: When activations fill the chip most, and with what.
        shortages: What does not fit; empty for a feasible mapping.
        repair: What would make it fit; ``None`` for a feasible mapping, or if it was not looked for.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> explanation = stream_evo.explain("squeezenet", "homogeneous_quad", result[0].mapping)
        >>> sum(explanation.path.cycles_by_layer.values()) == result[0].metrics.latency_cycles
        True
        >>> list(explanation.energy.by_level())[0] in ("mac", "memory", "transfer", "link", "dram")
        True
    """

    totals: Totals
    path: CriticalPath
    energy: Energy
    peak: PeakMemory
    shortages: tuple[Shortage, ...]
    repair: Repair | None

    @property
    def feasible(self) -> bool:
        """True if the mapping fits on the chip."""
        return self.totals.violation_bytes == 0

    def as_dict(self) -> MappingABC[str, Any]:
        """Return everything as dictionaries, lists, strings and finite numbers: what JSON can hold."""
        path = {name: value for name, value in plain(self.path).items() if name != "steps"}
        grouped = {name: getattr(self.energy, name)() for name in ("by_level", "by_core", "by_place", "by_layer", "by_cause")}
        return {
            "totals": plain(self.totals) | {"energy_pj": self.totals.energy_pj, "feasible": self.feasible},
            "path": {"binding_core": self.path.binding_core, "binding_link": self.path.binding_link, **path},
            "energy_pj": {"total": self.energy.total_pj, **grouped, "items": plain(self.energy.items)},
            "peak_memory": plain(self.peak) | {"bytes": self.peak.bytes},
            "shortages": [plain(shortage) | {"missing_bits": shortage.missing_bits} for shortage in self.shortages],
            "repair": None if self.repair is None else plain(self.repair) | {"fits": self.repair.fits},
        }


@dataclass(frozen=True)
class Explainer:
    """Explains mappings of one network on one chip; what it learns about tiles is kept from mapping to mapping.

    Args:
        workload: The network.
        accelerator: The chip.
        goal: What the mapping search inside a core minimises.

    Example:
        >>> result = stream_evo.optimize("squeezenet", "homogeneous_quad", population=4, generations=1)
        >>> explainer = stream_evo.explanation.Explainer(result.session.workload, result.session.accelerator)
        >>> [explainer.explain(point.mapping).path.latency_cycles == point.metrics.latency_cycles for point in result[:2]]
        [True, True]
    """

    workload: Workload
    accelerator: Accelerator
    goal: Goal = Goal.EDP

    @cached_property
    def _chip(self) -> Chip:
        return Chip(self.accelerator)

    @cached_property
    def _book(self) -> TileBook:
        return TileBook(self.workload, self.accelerator, self.goal)

    @cached_property
    def _costs(self) -> dict[TileRequest, TileCost]:
        return {}

    def explain(self, mapping: Mapping, *, repair_trials: int = 400) -> Explanation:
        """Explain the numbers of a mapping; see `explain_mapping`."""
        subject = self._subject(mapping)
        details = self._details(mapping, subject)
        held = stays(subject)
        totals = subject.schedule.totals
        lacking = shortages(subject, details, held) if totals.violation_bytes else ()
        way_out = (
            repair(self.workload, self.accelerator, mapping, totals.violation_bytes, self._totals, self._shortages, repair_trials)
            if lacking and repair_trials
            else None
        )
        return Explanation(
            totals=totals,
            path=critical_path(subject, details),
            energy=energy(subject, details),
            peak=peak_memory(subject, held),
            shortages=lacking,
            repair=way_out,
        )

    def _simulator(self, mapping: Mapping) -> Simulator:
        """Return the scheduler with the tables of one mapping."""
        return Simulator(build_tables(self.workload, self._chip, choices_of_mapping(mapping, self.accelerator), self._book), self._chip)

    def _subject(self, mapping: Mapping) -> Subject:
        """Return a mapping with its plan and its recorded schedule."""
        plan = build_plan(self.workload, self.accelerator, mapping, self._book)
        schedule = self._simulator(mapping).trace(decisions_of_mapping(self.workload, self.accelerator, mapping)[0])
        return Subject(self.workload, self._chip, plan, schedule)

    def _details(self, mapping: Mapping, subject: Subject) -> ModelledTiles:
        """Return where the tiles of a mapping are looked up in detail."""
        return ModelledTiles(self.workload, self.accelerator, mapping, subject.plan, self._book, self._costs)

    def _totals(self, mapping: Mapping) -> Totals:
        """Return the numbers of a mapping."""
        return totals_of(self._simulator(mapping).run(decisions_of_mapping(self.workload, self.accelerator, mapping)).sums[0])

    def _shortages(self, mapping: Mapping) -> tuple[Shortage, ...]:
        """Return what of a mapping does not fit."""
        subject = self._subject(mapping)
        return shortages(subject, self._details(mapping, subject), stays(subject))


def explain_mapping(
    workload: Workload, accelerator: Accelerator, mapping: Mapping, goal: Goal = Goal.EDP, *, repair_trials: int = 400
) -> Explanation:
    """Explain the numbers of a mapping; they are those of `stream_evo.evaluation.evaluate_mapping`.

    Of several mappings of one network on one chip, an `Explainer` does this faster.

    Args:
        workload: The network.
        accelerator: The chip.
        mapping: A mapping of it, whether or not it fits.
        goal: What the mapping search inside a core minimises.
        repair_trials: Most mappings to try in search of one that fits, if this one does not.
    """
    return Explainer(workload, accelerator, goal).explain(mapping, repair_trials=repair_trials)
