"""A chain of steps as stretches of repeated patterns."""

from __future__ import annotations

from collections.abc import Sequence

from stream_evo.explanation._path_values import PatternStep, Step, Stretch

__all__ = ["compress"]

_LONGEST_PATTERN = 8


def compress(steps: Sequence[Step]) -> tuple[Stretch, ...]:
    """Take repetitions together: from the front, always the pattern that covers most steps, of several the shortest.

    Steps are alike if all but their K-part, tile and times agree. Nothing is left out and nothing changes places.
    """
    labels = [(step.activity, step.layer, step.place, step.holds) for step in steps]
    found: list[Stretch] = []
    at = 0
    while at < len(steps):
        period, repeats = 1, 1
        for length in range(1, _LONGEST_PATTERN + 1):
            times = _repeats(labels, at, length)
            if times > 1 and times * length > period * repeats:
                period, repeats = length, times
        found.append(_stretch(steps[at : at + period * repeats], period))
        at += period * repeats
    return tuple(found)


def _repeats(labels: Sequence[object], at: int, length: int) -> int:
    """Return how often the pattern of `length` labels that begins at `at` comes without a gap."""
    times = 1
    while labels[at + times * length : at + (times + 1) * length] == labels[at : at + length]:
        times += 1
    return times


def _stretch(steps: Sequence[Step], period: int) -> Stretch:
    pattern = []
    for position in range(period):
        alike = steps[position::period]
        one = alike[0]
        cycles = sum(step.cycles for step in alike)
        parts = len({step.part for step in alike})
        pattern.append(PatternStep(one.activity, one.layer, one.place, one.holds, one.tile, alike[-1].tile, parts, cycles))
    return Stretch(tuple(pattern), len(steps) // period, steps[0].start_cycles, steps[-1].end_cycles)
