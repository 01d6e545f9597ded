"""The critical path: from the end of the schedule back to cycle 0, over what held up each start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from stream_evo.explanation._bounds import Bounds
from stream_evo.explanation._compress import compress
from stream_evo.explanation._path_values import CriticalPath, Hold, Step
from stream_evo.explanation._subject import ACTIVITIES, COMPUTE, STREAMED, Event, Subject
from stream_evo.explanation._tile_details import TileDetails
from stream_evo.schedule import TileRun, Transfer

__all__ = ["critical_path"]

WAITING = "waiting"


def critical_path(subject: Subject, details: TileDetails) -> CriticalPath:
    """Return the critical path of a schedule.

    Args:
        subject: The schedule.
        details: Divides the runtime of tiles into computing, stalls, filling and draining.
    """
    steps = tuple(_steps(subject))
    names = [slot.name for slot in subject.accelerator.cores]
    busy = {name: sum(run.end_cycles - run.start_cycles for run in runs) for name, runs in zip(names, subject.core_runs, strict=True)}
    carried: Counter[str] = Counter()
    for move in subject.schedule.transfers:
        for link in move.links:
            carried[subject.accelerator.links[link].name] += move.end_cycles - move.start_cycles
    return CriticalPath(
        steps=steps,
        chain=compress(steps),
        cycles_by_activity=_activities(subject, details, steps),
        cycles_by_hold=_total(steps, lambda step: [step.holds]),
        cycles_by_core=_total(steps, lambda step: [step.core] if step.core else []),
        cycles_by_link=_total(steps, lambda step: step.links),
        cycles_by_layer=_total(steps, lambda step: [step.layer] if step.layer else []),
        core_busy_cycles=busy,
        link_busy_cycles=dict(carried),
    )


def _steps(subject: Subject) -> list[Step]:
    """Walk back from the last event; every step ends where the one found before it starts."""
    if not subject.events:
        return []
    bounds = Bounds(subject)
    event = max(subject.events, key=lambda e: e.end_cycles)
    hold = Hold.FINISH
    found: list[Step] = []
    while True:
        streaming = _streaming(subject, event)
        if streaming is not None:
            event, hold = streaming, Hold.STREAMING if hold is not Hold.FINISH else hold
        found.append(_step(subject, event, hold))
        if event.start_cycles == 0:
            return found[::-1]
        hold, held_by = _held_by(bounds, event)
        if held_by.end_cycles < event.start_cycles:
            gap = Step(WAITING, "", 0, -1, "", (), (), held_by.end_cycles, event.start_cycles, Hold.UNKNOWN)
            found.append(gap)
        event = held_by


def _streaming(subject: Subject, event: Event) -> Transfer | None:
    """Return the transfer of streamed operands that a tile's end waited for, if it did."""
    if not isinstance(event, TileRun) or subject.computed_until(event) == event.end_cycles:
        return None
    for move in subject.ending[event.end_cycles]:
        if isinstance(move, Transfer) and move.cause in STREAMED and (move.stream, move.tile) == (event.stream, event.tile):
            return move
    return None


def _held_by(bounds: Bounds, event: Event) -> tuple[Hold, Event]:
    """Return what held up an event that starts after cycle 0, and the event that ended when it started.

    Where an event starts together with another, what held up that one held up both.
    """
    first: Hold | None = None
    seen = [event]
    while True:
        bound = next((b for b in bounds.of(seen[-1]) if not b.at_start or b.event not in seen), None)
        if bound is None:
            earlier = (e for e in bounds.subject.events if e.end_cycles <= event.start_cycles)
            return Hold.UNKNOWN, max(earlier, key=lambda e: e.end_cycles)
        first = first or bound.hold
        if not bound.at_start:
            return first or Hold.MEMORY, bound.event
        seen.append(bound.event)


def _step(subject: Subject, event: Event, hold: Hold) -> Step:
    name, part = subject.names[event.stream], subject.plan.streams[event.stream].part
    if isinstance(event, TileRun):
        core = subject.nodes[event.core]
        return Step(COMPUTE, name, part, event.tile, core, (), (), event.start_cycles, event.end_cycles, hold)
    route = subject.nodes[event.source], subject.nodes[event.target]
    links = tuple(subject.accelerator.links[link].name for link in event.links)
    return Step(ACTIVITIES[event.cause], name, part, event.tile, "", route, links, event.start_cycles, event.end_cycles, hold)


def _activities(subject: Subject, details: TileDetails, steps: Iterable[Step]) -> dict[str, int]:
    found: Counter[str] = Counter()
    streams = {(name, stream.part): index for index, (name, stream) in enumerate(zip(subject.names, subject.plan.streams, strict=True))}
    for step in steps:
        if step.core:
            stream = streams[step.layer, step.part]
            found.update(details.cycles(stream, subject.corner(stream, step.tile)))
        else:
            found[step.activity] += step.cycles
    return _ranked(found)


def _total(steps: Iterable[Step], keys: Callable[[Step], Iterable[str]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for step in steps:
        for key in keys(step):
            found[str(key)] += step.cycles
    return _ranked(found)


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return {name: cycles for name, cycles in counts.most_common() if cycles}
