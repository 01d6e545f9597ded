"""The network as a picture: one row per layer, and every tensor on a lane of its own from its producer down to its last consumer.

Rows are in layer order, so that a fused stack, which is a run of consecutive layers, is a band of rows. A layer takes the lane of a tensor
that ends with it where it can: a chain stays on one lane, and a branch leaves it and comes back. Edges of one producer share its lane, so
the width of the picture is the number of tensors that are alive at once, not the number of edges.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream_evo.workload import Workload

__all__ = ["ROW_HEIGHT", "NetworkGraph", "network_graph"]

ROW_HEIGHT = 24
"""Height of a row, in pixels; the table beside the picture has rows of the same height."""

_WIDTH = 168.0  # what the lanes may take
_WIDEST_LANE, _NARROWEST_LANE = 15.0, 4.0


@dataclass(frozen=True, slots=True)
class NetworkGraph:
    """Where things are in the picture.

    Attributes:
        inputs: Names of the network's inputs: the first rows. Layers follow in their order.
        lanes: Lane of each row.
        edges: (row of the producer, row of the consumer), each pair once, ascending.
        lane_width: Distance of lanes, in pixels.
    """

    inputs: tuple[str, ...]
    lanes: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    lane_width: float

    @property
    def width(self) -> float:
        """Width of the picture, in pixels."""
        return self.lane_width * (max(self.lanes, default=0) + 1)

    def centre(self, row: int) -> tuple[float, float]:
        """Return the place of a row's layer, in pixels."""
        return self.lane_width * (self.lanes[row] + 0.5), ROW_HEIGHT * (row + 0.5)

    def paths(self) -> list[str]:
        """Return an SVG path per producer that is read: down its lane, with a curve to each consumer."""
        consumers: dict[int, list[int]] = {}
        for producer, consumer in self.edges:
            consumers.setdefault(producer, []).append(consumer)
        return [self._path(producer, rows) for producer, rows in sorted(consumers.items())]

    def _path(self, producer: int, consumers: list[int]) -> str:
        x, y = self.centre(producer)
        last = max(consumers)
        straight = self.lanes[last] == self.lanes[producer]
        bottom = self.centre(last if straight else last - 1)[1]
        steps = [f"M{x:g} {y:g}V{bottom:g}"] if bottom > y else []
        for consumer in consumers:
            if not (consumer == last and straight):
                end_x, end_y = self.centre(consumer)
                begin_y = end_y - ROW_HEIGHT
                steps.append(f"M{x:g} {begin_y:g}C{x:g} {begin_y + 14:g} {end_x:g} {end_y - 14:g} {end_x:g} {end_y:g}")
        return "".join(steps)


def network_graph(workload: Workload) -> NetworkGraph:
    """Lay out a network; takes time in proportion to its layers and edges."""
    inputs = len(workload.inputs)
    edges = sorted(
        {
            (inputs + edge.producer if edge.producer >= 0 else -1 - edge.producer, inputs + index)
            for index, layer in enumerate(workload.layers)
            for edge in layer.edges
        }
    )
    rows = inputs + len(workload.layers)
    producers: dict[int, list[int]] = {}
    last_use = list(range(rows))
    for producer, consumer in edges:
        producers.setdefault(consumer, []).append(producer)
        last_use[producer] = consumer
    lanes = _lanes(rows, producers, last_use)
    width = min(_WIDEST_LANE, max(_NARROWEST_LANE, _WIDTH / (max(lanes, default=0) + 1)))
    return NetworkGraph(tuple(source.name for source in workload.inputs), lanes, tuple(edges), width)


def _lanes(rows: int, producers: dict[int, list[int]], last_use: list[int]) -> tuple[int, ...]:
    lanes: list[int] = []
    taken_until: list[int] = []  # per lane the row until which a tensor is on it
    for row in range(rows):
        ending = [lanes[producer] for producer in producers.get(row, ()) if last_use[producer] == row]
        free = (lane for lane, until in enumerate(taken_until) if until <= row)
        lane = min(ending) if ending else next(free, len(taken_until))
        if lane == len(taken_until):
            taken_until.append(row)
        # A layer that nobody reads is in the way of nothing, but its mark needs the room of one row.
        taken_until[lane] = max(last_use[row], row + 1)
        lanes.append(lane)
    return tuple(lanes)
