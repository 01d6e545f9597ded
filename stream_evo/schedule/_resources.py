"""What tiles and transfers compete for: links and memories, as the reference scheduler keeps them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

__all__ = ["Link", "Store", "first_window"]


@dataclass(slots=True)
class Link:
    """A link with the intervals in which it is busy, ascending and disjoint."""

    busy: list[tuple[int, int]] = field(default_factory=list)


def first_window(links: Iterable[Link], start: int, cycles: int) -> int:
    """Return the earliest time from `start` on at which all `links` are idle for `cycles`, and occupy them then."""
    chosen = tuple(links)
    while True:
        later = _conflict_end(chosen, start, cycles)
        if later == start:
            break
        start = later
    for link in chosen:
        insort(link.busy, (start, start + cycles))
    return start


def _conflict_end(links: tuple[Link, ...], start: int, cycles: int) -> int:
    """Return `start` if all links are idle for `cycles` from there, else the end of the first interval found in the way."""
    for link in links:
        for begin, end in link.busy:
            if begin < start + cycles and start < end:
                return end
    return start


@dataclass(slots=True)
class Store:
    """A memory instance: what was reserved and released when.

    Attributes:
        capacity_bits: Capacity.
        events: (time, change in bits, change in activation bits), ascending.
    """

    capacity_bits: int
    events: list[tuple[int, int, int]] = field(default_factory=list)

    def record(self, time: int, bits: int, *, activation: bool) -> None:
        """Reserve (positive) or release (negative) `bits` from `time` on."""
        insort(self.events, (time, bits, bits if activation else 0))

    def profile(self) -> list[tuple[int, int, int]]:
        """Return (time, bits held, activation bits held) after each time of change; releases come first."""
        held = activation = 0
        found = []
        for time, group in groupby(self.events, key=lambda event: event[0]):
            for _, change, share in group:
                held += change
                activation += share
            found.append((time, held, activation))
        return found

    @property
    def finally_held_bits(self) -> int:
        """Bits that no recorded release frees."""
        return sum(change for _, change, _ in self.events)

    @property
    def last_change(self) -> int:
        """Time of the last event; 0 if there is none."""
        return self.events[-1][0] if self.events else 0

    def room_from(self, bits: int, start: int) -> int:
        """Return the earliest time from `start` on after which `bits` more always fit with all that is recorded.

        The caller has made sure that they fit after the last event.
        """
        profile = self.profile()
        for index in range(len(profile) - 1, -1, -1):
            if profile[index][1] + bits > self.capacity_bits:
                return max(start, profile[index + 1][0]) if index + 1 < len(profile) else start
        return start
