"""How fronts relate, as numbers; everything is minimised.

Definitions: hypervolume and coverage of Zitzler and Thiele, IEEE Trans. Evolutionary Computation 3(4), 1999; epsilon indicators of Zitzler,
Thiele, Laumanns, Fonseca and Grunert da Fonseca, IEEE Trans. Evolutionary Computation 7(2), 2003. Hypervolume and epsilon are computed by
moocore.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import moocore
import numpy as np

from stream_evo.search import hypervolume, nondominated, reference_point
from stream_evo.typing import FloatArray, IntArray

__all__ = ["Indicators", "indicators"]


@dataclass(frozen=True, slots=True, eq=False)
class Indicators:
    """What is measured between ``R`` fronts of ``F`` objectives.

    Attributes:
        reference: Reference point of the hypervolumes, shape ``(F,)``: the worst value on any front and a tenth of the range beyond.
        hypervolume: Share of the box between the origin and `reference` that each front dominates, shape ``(R,)``.
        joint_hypervolume: The share that all fronts together dominate.
        alone: Share of what all dominate that this front alone does, shape ``(R,)``.
        unbeaten: Points of each front that no point of another dominates, shape ``(R,)``; equal points count for every front.
        coverage: ``[a, b]``: share of the points of ``b`` that some point of ``a`` equals or dominates, shape ``(R, R)``; not a number
            where ``b`` is empty.
        epsilon_factor: ``[a, b]``: least factor by which the values of ``b`` must be multiplied so that ``a`` covers ``b``, shape
            ``(R, R)``: 1.05 says that ``a`` is nowhere more than 5 % behind ``b``, a number below 1 that it is ahead everywhere. Not a
            number where a front is empty or a value is 0.
        epsilon_range: ``[a, b]``: least share of each objective's range that must be added to the values of ``b`` so that ``a`` covers
            ``b``, shape ``(R, R)``; the range is that over all fronts. Not a number where a front is empty.
    """

    reference: FloatArray
    hypervolume: FloatArray
    joint_hypervolume: float
    alone: FloatArray
    unbeaten: IntArray
    coverage: FloatArray
    epsilon_factor: FloatArray
    epsilon_range: FloatArray


def indicators(fronts: Sequence[FloatArray]) -> Indicators:
    """Measure fronts against each other.

    Args:
        fronts: Objective values, shapes ``(P, F)``, each of distinct, mutually non-dominated points; some may be empty, not all.
    """
    everything = np.concatenate(fronts)
    reference = reference_point(everything)
    joint = everything[nondominated(everything)]
    volume = hypervolume(joint, reference)
    without = [np.concatenate([other for at, other in enumerate(fronts) if at != place]) for place in range(len(fronts))]
    alone = [volume - hypervolume(rest[nondominated(rest)], reference) for rest in without]
    lowest, range_ = everything.min(axis=0), np.ptp(everything, axis=0)
    scaled = [(front - lowest) / np.where(range_ > 0.0, range_, 1.0) for front in fronts]
    return Indicators(
        reference=reference,
        hypervolume=np.array([hypervolume(front, reference) for front in fronts]),
        joint_hypervolume=volume,
        alone=np.maximum(np.array(alone), 0.0) / volume,
        unbeaten=_unbeaten(fronts),
        coverage=_matrix(fronts, _coverage),
        epsilon_factor=_matrix(fronts, _epsilon_factor),
        epsilon_range=_matrix(scaled, _epsilon_range),
    )


def _unbeaten(fronts: Sequence[FloatArray]) -> IntArray:
    marks = np.asarray(moocore.is_nondominated(np.concatenate(fronts), keep_weakly=True), dtype=np.bool_)
    ends = np.cumsum([len(front) for front in fronts])
    return np.array([np.count_nonzero(part) for part in np.split(marks, ends[:-1])], dtype=np.int64)


def _matrix(fronts: Sequence[FloatArray], measure: Callable[[FloatArray, FloatArray], float]) -> FloatArray:
    return np.array([[measure(first, second) for second in fronts] for first in fronts])


def _coverage(first: FloatArray, second: FloatArray) -> float:
    if not len(second):
        return np.nan
    # Of equal points the earlier one stays; so what goes of the second is what the first equals or dominates.
    kept = nondominated(np.concatenate([first, second]))[len(first) :]
    return 1.0 - np.count_nonzero(kept) / len(second)


def _epsilon_factor(first: FloatArray, second: FloatArray) -> float:
    if not len(first) or not len(second) or min(first.min(), second.min()) <= 0.0:
        return np.nan
    return float(moocore.epsilon_mult(first, ref=second))


def _epsilon_range(first: FloatArray, second: FloatArray) -> float:
    if not len(first) or not len(second):
        return np.nan
    return float(moocore.epsilon_additive(first, ref=second))
