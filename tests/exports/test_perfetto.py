"""A trace is what the schema of Perfetto says, and shows the schedule it was made from."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TracePacket, TrackEvent

import stream_evo
from stream_evo._run._job import Job
from stream_evo._run._session import Session
from stream_evo.exports import Front, export
from stream_evo.exports._perfetto import point_to_perfetto
from stream_evo.mapping import GenomeSpec
from tests import strategies

BEGIN, END, COUNTER = TrackEvent.TYPE_SLICE_BEGIN, TrackEvent.TYPE_SLICE_END, TrackEvent.TYPE_COUNTER
Traced = tuple[list[Any], Any, int]


def _parse(content: bytes) -> list[Any]:
    trace = Trace()
    assert trace.ParseFromString(content) == len(content)
    trace.DiscardUnknownFields()
    assert len(trace.SerializeToString()) == len(content)  # nothing that the schema does not know
    return list(trace.packet)


@pytest.fixture(scope="module", params=[0, -1], ids=["fastest", "least memory"])
def traced(request: pytest.FixtureRequest, run: Path, result: stream_evo.Result) -> Traced:
    point = range(len(result))[request.param]
    return _parse(export(run, "perfetto", point=point)), result, point


def _events(packets: list[Any]) -> list[tuple[int, Any]]:
    return [(packet.timestamp, packet.track_event) for packet in packets if packet.HasField("track_event")]


def _tracks(packets: list[Any]) -> dict[int, Any]:
    return {packet.track_descriptor.uuid: packet.track_descriptor for packet in packets if packet.HasField("track_descriptor")}


def _slices(packets: list[Any]) -> dict[int, list[tuple[int, int]]]:
    """Return per track (start, end); ends close the last begin, as the viewer does it."""
    found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    running: defaultdict[int, list[int]] = defaultdict(list)
    for time, event in _events(packets):
        if event.type == BEGIN:
            running[event.track_uuid].append(time)
        elif event.type == END:
            found[event.track_uuid].append((running[event.track_uuid].pop(), time))
    assert not any(running.values()), "every slice ends"
    return found


def test_packets_keep_the_rules_of_track_events(traced: Traced) -> None:
    packets = traced[0]
    assert {packet.trusted_packet_sequence_id for packet in packets} == {1}
    assert packets[0].sequence_flags & TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
    seen: set[int] = set()
    for packet in packets:
        if packet.HasField("track_descriptor"):
            about = packet.track_descriptor
            assert about.uuid > 0
            assert about.uuid not in seen
            assert about.name
            assert not about.HasField("parent_uuid") or about.parent_uuid in seen
            seen.add(about.uuid)
        else:
            event = packet.track_event
            assert event.track_uuid in seen
            assert event.type in (BEGIN, END, COUNTER)
            assert bool(event.name) == (event.type == BEGIN)
    times = [time for time, _ in _events(packets)]
    assert times == sorted(times)


def test_slices_of_a_track_follow_each_other(traced: Traced) -> None:
    depth: Counter[int] = Counter()
    for _, event in _events(traced[0]):
        if event.type in (BEGIN, END):
            depth[event.track_uuid] += 1 if event.type == BEGIN else -1
            assert 0 <= depth[event.track_uuid] <= 1


def test_there_is_a_track_for_each_core_and_link_and_for_the_dram(traced: Traced) -> None:
    packets, result, point = traced
    tracks = _tracks(packets)
    below: defaultdict[str, list[str]] = defaultdict(list)
    for about in tracks.values():
        below[tracks[about.parent_uuid].name if about.HasField("parent_uuid") else ""].append(about.name)
    chip = result.session.accelerator
    (root,) = below[""]
    assert root == f"{result.title}: point {point}"
    assert below[root] == ["Cores", "Links", f"Off-chip memory {chip.dram.name}", "Memories"]
    assert below["Cores"] == [slot.name for slot in chip.cores]
    assert below["Links"] == [link.name for link in chip.links]
    assert below[f"Off-chip memory {chip.dram.name}"] == ["read", "write"]
    assert "activations on the chip" in below["Memories"]


def test_slices_are_the_tiles_and_transfers_of_the_schedule(traced: Traced) -> None:
    packets, result, point = traced
    schedule = result[point].schedule.record
    slices = _slices(packets)
    names = {about.name: uuid for uuid, about in _tracks(packets).items()}
    chip = result.session.accelerator
    for core, slot in enumerate(chip.cores):
        assert slices[names[slot.name]] == sorted((run.start_cycles, run.end_cycles) for run in schedule.tiles if run.core == core)
    for index, link in enumerate(chip.links):
        busy = sorted((move.start_cycles, move.end_cycles) for move in schedule.transfers if index in move.links)
        assert sorted(slices[names[link.name]]) == busy
    off_chip = [move for move in schedule.transfers if chip.dram_node in (move.source, move.target)]
    assert sum(len(slices[names[lane]]) for lane in ("read", "write")) == len(off_chip)
    assert max(end for found in slices.values() for _, end in found) == result[point].metrics.latency_cycles


def test_counters_show_bytes_and_their_peak_is_the_objective(traced: Traced) -> None:
    packets, result, point = traced
    tracks = _tracks(packets)
    peaks: defaultdict[str, float] = defaultdict(float)
    for _, event in _events(packets):
        if event.type == COUNTER:
            about = tracks[event.track_uuid]
            assert about.counter.unit == about.counter.UNIT_SIZE_BYTES
            assert event.double_counter_value >= 0
            peaks[about.name] = max(peaks[about.name], event.double_counter_value)
    assert peaks["activations on the chip"] == result[point].metrics.memory_bytes
    for usage in result[point].schedule.record.memories:
        assert peaks[usage.memory] == usage.peak_bits / 8


def test_arrows_lead_from_tile_over_transfer_to_tile(traced: Traced) -> None:
    packets, result, point = traced
    tracks = _tracks(packets)
    heading = {uuid: tracks[about.parent_uuid].name for uuid, about in tracks.items() if about.HasField("parent_uuid")}
    steps: defaultdict[int, list[tuple[str, bool]]] = defaultdict(list)
    for _, event in _events(packets):
        for flow in event.flow_ids:
            steps[flow].append((heading[event.track_uuid], False))
        for flow in event.terminating_flow_ids:
            steps[flow].append((heading[event.track_uuid], True))
    assert len(steps) == len(result[point].schedule.record.transfers)  # here, tiles made or use all that is moved
    for way in steps.values():
        kinds = [kind for kind, _ in way]  # in order of time
        assert kinds in (["Cores", "Links", "Cores"], ["Links", "Cores"], ["Cores", "Links"])
        assert [ends for _, ends in way] == [*[False] * (len(way) - 1), kinds[-1] == "Cores"]


def test_the_same_point_is_the_same_trace(run: Path) -> None:
    assert export(run, "perfetto") == export(run, "perfetto")


@given(strategies.specs(max_layers=5), st.data())
@settings(max_examples=25)
def test_traces_of_random_mappings_keep_the_rules(spec: GenomeSpec, data: st.DataObject) -> None:
    genome = data.draw(strategies.genomes(spec))
    session = Session(spec.workload, spec.accelerator, spec)
    front = Front(
        network=spec.workload.name,
        hardware=spec.accelerator.name,
        job=Job(network="n", hardware="h"),
        metrics=np.zeros((1, 5)),
        genomes=genome[np.newaxis],
        lower_bounds={},
        layer_by_layer=None,
        evaluations=1,
        hypervolume=0.0,
        reference=None,
        mapping_text=str,
        open_session=lambda: session,
    )
    point = front.point(0)
    packets = _parse(point_to_perfetto(point))
    test_packets_keep_the_rules_of_track_events((packets, None, 0))
    test_slices_of_a_track_follow_each_other((packets, None, 0))
    slices = _slices(packets)
    headed = sum(len(found) for found in slices.values())
    off_chip = sum(spec.accelerator.dram_node in (move.source, move.target) for move in point.schedule.transfers)
    assert headed == len(point.schedule.tiles) + sum(len(move.links) for move in point.schedule.transfers) + off_chip
    seen: set[int] = set()
    ended: set[int] = set()
    for _, event in _events(packets):
        assert not ended & set(event.flow_ids)
        assert set(event.terminating_flow_ids) <= seen, "an arrow ends after it began"
        seen |= set(event.flow_ids)
        ended |= set(event.terminating_flow_ids)
