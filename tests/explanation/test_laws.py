"""Laws of explanations, on random networks, chips and mappings."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_evo.evaluation import evaluate_mapping
from stream_evo.explanation import Energy, Explainer, Hold, explain_mapping
from stream_evo.explanation._energy import energy
from stream_evo.explanation._path import critical_path
from stream_evo.explanation._peak import peak_memory
from stream_evo.explanation._residency import stays
from stream_evo.explanation._shortage import shortages
from stream_evo.explanation._subject import Subject
from stream_evo.schedule import Chip, TileBook, Totals, build_plan
from tests import strategies
from tests.explanation.support import PlanTiles
from tests.schedule.support import RandomBook, held_over_time, trace_mapping


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    """Schedules with random costs; a part of them with tiles that cannot run."""
    spec = draw(strategies.specs())
    mapping = draw(strategies.mappings(spec))
    illegal = draw(st.sampled_from((0.0, 0.1, 0.6)))
    book: TileBook = RandomBook(spec.workload, spec.accelerator, seed=draw(st.integers(0, 10**6)), illegal=illegal)
    plan = build_plan(spec.workload, spec.accelerator, mapping, book)
    return Subject(spec.workload, Chip(spec.accelerator), plan, trace_mapping(spec.workload, spec.accelerator, mapping, book))


@settings(max_examples=200)
@given(subjects())
def test_the_path_is_contiguous_and_as_long_as_the_latency(subject: Subject) -> None:
    path = critical_path(subject, PlanTiles(subject.plan))
    latency = subject.schedule.totals.latency_cycles
    assert path.steps[0].start_cycles == 0
    assert path.steps[-1].end_cycles == path.latency_cycles == latency
    assert all(before.end_cycles == after.start_cycles for before, after in pairwise(path.steps))
    assert sum(step.cycles for step in path.steps) == latency
    assert sum(path.cycles_by_hold.values()) == sum(path.cycles_by_activity.values()) == sum(path.cycles_by_layer.values()) == latency
    assert all(step.holds is not Hold.UNKNOWN for step in path.steps)  # the reason is always found
    assert [step.holds for step in path.steps].count(Hold.FINISH) == 1
    # The chain is the same path: nothing left out, nothing in another place.
    assert sum(stretch.cycles for stretch in path.chain) == latency
    assert all(before.end_cycles == after.start_cycles for before, after in pairwise(path.chain))
    assert sum(len(stretch.pattern) * stretch.repeats for stretch in path.chain) == len(path.steps)


@settings(max_examples=60)
@given(subjects())
def test_steps_happened(subject: Subject) -> None:
    """Every step of the path is a tile or transfer of the schedule, with its times."""
    path = critical_path(subject, PlanTiles(subject.plan))
    names = subject.names
    happened = {(names[e.stream], e.tile, e.start_cycles, e.end_cycles) for e in subject.events}
    assert {(step.layer, step.tile, step.start_cycles, step.end_cycles) for step in path.steps} <= happened


@settings(max_examples=60)
@given(subjects())
def test_energies_add_up_to_the_totals(subject: Subject) -> None:
    _adds_up(energy(subject, PlanTiles(subject.plan)), subject.schedule.totals)


def _adds_up(found: Energy, totals: Totals) -> None:
    levels = found.by_level()
    for level in ("mac", "memory", "transfer", "link", "dram"):
        assert levels.get(level, 0.0) == pytest.approx(getattr(totals, f"{level}_pj"), rel=1e-12, abs=1e-9)
    for parts in (found.by_core(), found.by_layer(), found.by_cause(), found.by_place()):
        assert sum(parts.values()) == pytest.approx(totals.energy_pj, rel=1e-12, abs=1e-9)
    assert all(item.pj > 0 for item in found.items)


# The same cases each time: once in thousands, copies that were dropped cannot be told apart, and the sums differ.
@settings(max_examples=300, derandomize=True)
@given(subjects())
def test_tensors_fill_memories_as_recorded_at_every_time(subject: Subject) -> None:
    """What is said to lie in a memory has the size that the scheduler recorded, activations and all, whenever anything changes."""
    held = stays(subject)
    for memory, recorded in enumerate(held_over_time(subject.schedule)):
        changes: Counter[tuple[int, bool]] = Counter()
        for stay in held:
            if stay.memory == memory:
                changes[stay.begin_cycles, stay.activation] += stay.bits
                changes[stay.end_cycles, stay.activation] -= stay.bits
        bits = activation = 0
        found = [(0, 0)]
        steps = []
        for time in sorted({time for time, _ in changes}):
            activation += changes[time, True]
            bits += changes[time, True] + changes[time, False]
            if (bits, activation) != found[-1]:
                found.append((bits, activation))
                steps.append((time, bits, activation))
        assert steps == recorded
    peak = peak_memory(subject, held)
    assert peak.bytes == subject.schedule.totals.memory_bytes
    assert sum(tensor.bits for tensor in peak.tensors) == sum(fill.bits for fill in peak.memories)
    assert sum(fill.activation_bits for fill in peak.memories) == peak.activation_bits


@settings(max_examples=100)
@given(subjects())
def test_shortages_add_up_to_the_violation(subject: Subject) -> None:
    found = shortages(subject, PlanTiles(subject.plan), stays(subject))
    assert sum(shortage.missing_bits for shortage in found) / 8 == subject.schedule.totals.violation_bytes
    assert all(shortage.needed_bits > shortage.available_bits for shortage in found)


@settings(max_examples=15)
@given(st.data())
def test_explanations_with_the_cost_model(data: st.DataObject) -> None:
    """The numbers are those of the evaluation, energies by memory add up, JSON holds it all, and a repaired mapping does fit."""
    spec = data.draw(strategies.specs(max_layers=4, max_cores=3))
    mapping = data.draw(strategies.mappings(spec))
    explained = explain_mapping(spec.workload, spec.accelerator, mapping, repair_trials=40)
    scored = evaluate_mapping(spec.workload, spec.accelerator, mapping)
    assert explained.totals == scored.totals[0]
    _adds_up(explained.energy, explained.totals)
    assert sum(explained.path.cycles_by_activity.values()) == explained.totals.latency_cycles
    assert json.loads(json.dumps(explained.as_dict(), allow_nan=False))["totals"]["latency_cycles"] == explained.totals.latency_cycles
    assert (explained.repair is None) == explained.feasible
    if explained.repair is not None:
        again = evaluate_mapping(spec.workload, spec.accelerator, explained.repair.mapping)
        assert again.violation_bytes[0] == explained.repair.violation_bytes <= explained.totals.violation_bytes


@settings(max_examples=15)
@given(st.data())
def test_what_an_explainer_keeps_changes_no_later_explanation(data: st.DataObject) -> None:
    spec = data.draw(strategies.specs(max_layers=4, max_cores=3))
    mappings = data.draw(st.lists(strategies.mappings(spec), min_size=2, max_size=3))
    explainer = Explainer(spec.workload, spec.accelerator)
    for mapping in mappings:
        assert explainer.explain(mapping, repair_trials=5) == explain_mapping(spec.workload, spec.accelerator, mapping, repair_trials=5)
