"""A trace for the Perfetto viewer: a stream of ``TracePacket`` messages, the protocol-buffer form of its track events.

The messages are those of the package ``perfetto`` (https://perfetto.dev/docs/reference/synthetic-track-event). A cycle is a nanosecond.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream_evo.exports._front import PointOfFront
from stream_evo.exports._trace import Sample, Slice, Track, build_trace

__all__ = ["point_to_perfetto"]

_SEQUENCE = 1
_PACKETS_AT_ONCE = 4096


def point_to_perfetto(point: PointOfFront) -> bytes:
    """Return the schedule of a point as a trace."""
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace  # noqa: PLC0415  # a third of a second to import

    trace = build_trace(point)
    packets = [_track(track, rank) for rank, track in enumerate(trace.tracks)]
    timed = [event for piece in trace.slices for event in _events(piece)] + [_sample(sample) for sample in trace.samples]
    packets += [packet for _, packet in sorted(timed, key=lambda event: event[0])]
    packets[0].sequence_flags = packets[0].SEQ_INCREMENTAL_STATE_CLEARED
    packets[0].first_packet_on_sequence = True
    # Messages of one type add up when their bytes are put together, so that the whole need not be in memory twice.
    pieces = (Trace(packet=packets[begin : begin + _PACKETS_AT_ONCE]) for begin in range(0, len(packets), _PACKETS_AT_ONCE))
    return b"".join(piece.SerializeToString(deterministic=True) for piece in pieces)


def _packet(at_cycles: int | None = None) -> Any:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket  # noqa: PLC0415  # as above

    packet = TracePacket(trusted_packet_sequence_id=_SEQUENCE)
    if at_cycles is not None:
        packet.timestamp = at_cycles
    return packet


def _track(track: Track, rank: int) -> Any:
    packet = _packet()
    about = packet.track_descriptor
    about.uuid, about.name, about.sibling_order_rank = track.uuid, track.name, rank
    about.child_ordering = about.EXPLICIT
    about.sibling_merge_behavior = about.SIBLING_MERGE_BEHAVIOR_NONE  # two things of one name stay two
    if track.parent:
        about.parent_uuid = track.parent
    if track.description:
        about.description = track.description
    if track.is_counter:
        about.counter.unit = about.counter.UNIT_SIZE_BYTES
    return packet


def _events(piece: Slice) -> Iterator[tuple[tuple[int, int, int], Any]]:
    """Yield begin and end of a slice, each with what it is sorted by: time, then ends, slices without duration, begins; then track."""
    instant = piece.start_cycles == piece.end_cycles
    packet = _packet(piece.start_cycles)
    event = packet.track_event
    event.type, event.track_uuid, event.name = event.TYPE_SLICE_BEGIN, piece.track, piece.name
    event.categories.append(piece.category)
    event.flow_ids.extend(piece.begins)
    event.terminating_flow_ids.extend(piece.ends)
    for name, value in piece.details.items():
        note = event.debug_annotations.add(name=name)
        if isinstance(value, str):
            note.string_value = value
        else:
            note.int_value = value
    yield (piece.start_cycles, 1 if instant else 2, piece.track), packet
    packet = _packet(piece.end_cycles)
    packet.track_event.type, packet.track_event.track_uuid = event.TYPE_SLICE_END, piece.track
    yield (piece.end_cycles, 1 if instant else 0, piece.track), packet


def _sample(sample: Sample) -> tuple[tuple[int, int, int], Any]:
    packet = _packet(sample.at_cycles)
    event = packet.track_event
    event.type, event.track_uuid, event.double_counter_value = event.TYPE_COUNTER, sample.track, sample.value_bytes
    return (sample.at_cycles, 3, sample.track), packet
