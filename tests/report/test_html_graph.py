"""The network's picture: every tensor has a lane for itself as long as it lives."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo.report.html import NetworkGraph, network_graph
from stream_evo.workload import Edge, Layer, LoopSizes, NetworkInput, Operand, OperatorKind, Workload
from tests.strategies import workloads


def _network(producers: list[list[int]]) -> Workload:
    layers = tuple(
        Layer(f"l{index}", OperatorKind.ELEMENTWISE, "Add", LoopSizes(), edges=tuple(Edge(one, Operand.I) for one in reads))
        for index, reads in enumerate(producers)
    )
    return Workload("net", layers, (NetworkInput("x", 1),))


def _overlapping(graph: NetworkGraph) -> list[tuple[int, int]]:
    """Return pairs of rows whose tensors are on one lane at once; where one ends the next may begin."""
    ends = list(range(len(graph.lanes)))
    for producer, consumer in graph.edges:
        ends[producer] = max(ends[producer], consumer)
    rows = range(len(graph.lanes))
    return [(a, b) for a in rows for b in rows if a < b < ends[a] and graph.lanes[a] == graph.lanes[b]]


@given(workloads())
def test_no_two_living_tensors_share_a_lane(workload: Workload) -> None:
    graph = network_graph(workload)
    assert len(graph.lanes) == len(workload.inputs) + len(workload.layers)
    assert not _overlapping(graph)


@given(st.data())
def test_no_two_living_tensors_share_a_lane_in_any_graph(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 24))
    producers = [data.draw(st.lists(st.integers(-1, index - 1), min_size=1, max_size=4)) for index in range(count)]
    graph = network_graph(_network(producers))
    assert not _overlapping(graph)
    read = {(1 + one, 1 + index) for index, reads in enumerate(producers) for one in reads}
    assert set(graph.edges) == read


def test_a_chain_is_one_lane_and_a_branch_comes_back() -> None:
    assert network_graph(_network([[-1], [0], [1]])).lanes == (0, 0, 0, 0)
    # l0 -> l1 -> l2, and l0 + l2: the tensor of l0 stays on lane 0 until it is added.
    assert network_graph(_network([[-1], [0], [1], [0, 2]])).lanes == (0, 0, 1, 1, 0)


@given(workloads())
def test_every_tensor_is_drawn_from_its_producer_to_each_consumer(workload: Workload) -> None:
    graph = network_graph(workload)
    consumers: dict[int, list[int]] = {}
    for producer, consumer in graph.edges:
        consumers.setdefault(producer, []).append(consumer)
    paths = graph.paths()
    assert len(paths) == len(consumers)
    for path, (producer, read_by) in zip(paths, sorted(consumers.items()), strict=True):
        start = re.match(r"M([\d.]+) ([\d.]+)", path)
        assert start
        x, y = map(float, start.groups())
        ends = {(float(a), float(b)) for a, b in re.findall(r"C\S+ \S+ \S+ \S+ ([\d.]+) ([\d.]+)", path)}
        bottoms = {(x, float(bottom)) for bottom in re.findall(r"V([\d.]+)", path)}
        assert (x, y) == pytest.approx(graph.centre(producer))
        for consumer in read_by:
            assert any(end == pytest.approx(graph.centre(consumer), rel=1e-4) for end in ends | bottoms)


def test_thousands_of_layers_and_dense_connections_are_laid_out_in_a_moment() -> None:
    count = 400
    graph = network_graph(_network([list(range(-1, index)) for index in range(count)]))
    assert len(graph.edges) == count * (count + 1) // 2
    assert graph.width <= 4.0 * (max(graph.lanes) + 1)
    assert len(network_graph(_network([[index - 1] for index in range(5000)])).lanes) == 5001
