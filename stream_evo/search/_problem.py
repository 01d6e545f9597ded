"""A search problem: something that scores genomes, and what is wanted of the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from stream_evo.errors import Fault, InputError, UnknownNameError
from stream_evo.search._blocks import BLOCK_METRICS
from stream_evo.search._contracts import BatchEvaluator
from stream_evo.typing import FloatArray

__all__ = ["SearchProblem"]

_BIT = 1 / 8  # in bytes


@dataclass(frozen=True)
class SearchProblem:
    """An evaluator with objectives and limits chosen from its metrics.

    Attributes:
        evaluator: Scores batches of genomes.
        metrics: Names of the evaluator's metrics, in column order.
        objectives: The metrics to minimise, in the order of the front's columns.
        limits: Largest allowed value of some metrics; a genome above a limit is infeasible.
        fingerprint: What identifies the problem beyond the space, e.g. ``{"network": sha256, "hardware": sha256}``; a run is only continued
            with an equal one.

    Raises:
        UnknownNameError: If an objective or a limit is not one of the metrics.
        InputError: If there is no objective, one is named twice, a limit is not a positive finite number, or a gene can be negative.
    """

    evaluator: BatchEvaluator
    metrics: tuple[str, ...]
    objectives: tuple[str, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    fingerprint: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.objectives:
            if name not in self.metrics:
                raise UnknownNameError("objective", name, self.metrics)
        for name in self.limits:
            if name not in self.metrics:
                raise UnknownNameError("limit", name, self.metrics)
        faults = []
        if not self.objectives:
            faults.append(Fault("there is no objective", expected="at least one of " + ", ".join(self.metrics)))
        if len(set(self.objectives)) != len(self.objectives):
            faults.append(Fault("an objective is named twice", found=", ".join(self.objectives)))
        faults += [
            Fault("a limit must be a positive finite number", path=name, found=repr(value))
            for name, value in self.limits.items()
            if not (np.isfinite(value) and value > 0)
        ]
        if (self.evaluator.spec.lower < 0).any():
            faults.append(Fault("a gene can be negative", path="evaluator.spec.lower", expected="values from 0 on"))
        if faults:
            raise InputError("search problem", faults)
        object.__setattr__(self, "limits", MappingProxyType(dict(self.limits)))
        object.__setattr__(self, "fingerprint", MappingProxyType(dict(self.fingerprint)))

    def objective_values(self, metrics: FloatArray) -> FloatArray:
        """Objective columns (P, F) of metrics (P, M)."""
        return metrics[:, [self.metrics.index(name) for name in self.objectives]]

    @property
    def block_columns(self) -> tuple[list[int], bool]:
        """Columns of `BLOCK_METRICS` that add up to what objectives and limits ask for, and whether they ask for the peak of memory.

        What is none of these metrics is taken to depend on latency and energy; where nothing adds up, these stand in.
        """
        asked = set(self.objectives) | set(self.limits)
        if asked - set(BLOCK_METRICS):
            asked |= {"latency_cycles", "energy_pj"}
        sums = [column for column, name in enumerate(BLOCK_METRICS[:-1]) if name in asked]
        return sums or [0, 1], BLOCK_METRICS[-1] in asked

    def violation(self, metrics: FloatArray, violation_bytes: FloatArray) -> FloatArray:
        """How far each genome is from feasible, (P,); 0 = feasible.

        Missing bytes count whole; metrics above their limits add less than one bit together (mean over the limits of ``x / (1 + x)``, x
        the relative excess), so a mapping that fits the chip is always nearer to feasible than one that does not.
        """
        total = violation_bytes.astype(np.float64, copy=True)
        for name, limit in self.limits.items():
            value = metrics[:, self.metrics.index(name)]
            # A metric that is infinite or not a number belongs to a mapping that does not fit; it misses the limit wholly.
            excess = np.where(np.isfinite(value), np.maximum(value / limit - 1.0, 0.0), np.inf)
            share = np.where(np.isinf(excess), 1.0, excess / (1.0 + np.where(np.isinf(excess), 0.0, excess)))
            total += _BIT * share / len(self.limits)
        return total

    def missed(self, metrics: FloatArray, violation_bytes: float) -> tuple[str, ...]:
        """Names of the limits that one genome's metrics (M,) miss; ``memory`` first if it does not fit the chip."""
        names = ("memory capacity of the chip",) if violation_bytes > 0 else ()
        over = tuple(name for name, limit in self.limits.items() if not metrics[self.metrics.index(name)] <= limit)
        return names + over
