"""Objectives of a user's own: from names to further columns of metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream_evo import registry
from stream_evo._plugin_file import is_reference, made
from stream_evo._run._job import OBJECTIVES, metric_of, objective_faults
from stream_evo.errors import InputError, PluginError, UnknownNameError
from stream_evo.evaluation import Evaluation, Evaluator
from stream_evo.mapping import GenomeSpec
from stream_evo.search import Objective, check_named_objective, describe, load_objective, objective_values
from stream_evo.typing import FloatArray, IntArray

__all__ = ["MeasuringMore", "OwnObjective", "measured_more", "own_objectives"]


@dataclass(frozen=True)
class OwnObjective:
    """An objective that was loaded and checked.

    Attributes:
        reference: ``FILE.py:NAME``, or its name in the catalogue.
        function: What computes it.
    """

    reference: str
    function: Objective

    @property
    def metric(self) -> str:
        """Name of its column."""
        return metric_of(self.reference)

    @property
    def unit(self) -> str:
        """Unit, as the objective says it; empty if it does not."""
        return str(getattr(self.function, "unit", ""))

    @property
    def fingerprint(self) -> str:
        """Text that differs when the objective does."""
        return describe(self.function)

    def values(self, scored: Evaluation) -> FloatArray:
        """Return its values (P,); infinite where a metric is not finite, or where a mapping does not fit and there is no value.

        Raises:
            PluginError: It raises something, or a mapping that fits has no finite value of at least 0.
        """
        columns = scored.columns
        known = np.all(np.isfinite(list(columns.values())), axis=0)
        values = np.full(len(scored.metrics), np.inf)
        if not known.any():
            return values
        given = {name: np.ascontiguousarray(column[known]) for name, column in columns.items()}
        for column in given.values():
            column.setflags(write=False)
        found = objective_values(self.reference, self.function, given)
        usable = np.isfinite(found) & (found >= 0.0)
        wrong = np.flatnonzero(~usable & (scored.violation_bytes[known] == 0))
        if wrong.size:
            row = int(wrong[0])
            shown = ", ".join(f"{name}={float(column[row])!r}" for name, column in given.items())
            raise PluginError(
                f"objective {self.reference}: a mapping that fits must have a finite value of at least 0; found {found[row]} for {shown}"
            )
        values[known] = np.where(usable, found, np.inf)
        return values


@dataclass(frozen=True)
class MeasuringMore:
    """An evaluator whose metrics are another's, and the values of further objectives."""

    evaluator: Evaluator
    own: tuple[OwnObjective, ...]

    @property
    def spec(self) -> GenomeSpec:
        """The space of mappings."""
        return self.evaluator.spec

    def evaluate(self, genomes: IntArray, workers: int = 1) -> Evaluation:
        """Evaluate genomes (P, V); metrics (P, 5 + number of own objectives)."""
        return measured_more(self.evaluator.evaluate(genomes, workers), self.own)


def measured_more(scored: Evaluation, own: Sequence[OwnObjective]) -> Evaluation:
    """Return an evaluation with the values of further objectives as columns after its metrics."""
    further = [objective.values(scored) for objective in own]
    return dataclasses.replace(scored, metrics=np.column_stack([scored.metrics, *further])) if further else scored


def own_objectives(references: Sequence[str]) -> tuple[OwnObjective, ...]:
    """Load and check objectives that are not the evaluator's own.

    Args:
        references: Names of the catalogue, or ``FILE.py:NAME``.

    Raises:
        InputError: two would have the same column, or one an impossible name.
        UnknownNameError: a name that is not in the catalogue.
        PluginError: an objective cannot be loaded or breaks its contract.
    """
    faults = objective_faults(references)
    if faults:
        raise InputError("objectives", faults)
    return tuple(OwnObjective(reference, _loaded(reference)) for reference in references)


def _loaded(reference: str) -> Objective:
    if is_reference(reference):
        return load_objective(reference)
    known = registry.objectives()
    if reference not in known:
        raise UnknownNameError("objective", reference, [*OBJECTIVES, *known])
    return check_named_objective(reference, made(reference, known[reference]))
