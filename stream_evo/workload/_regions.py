"""Functions of one tensor that exporters write as several nodes: Gelu, Silu, LayerNormalization, Softmax, ...

Such a group starts at one tensor, branches, and joins again: ``x * sigmoid(x)``, ``(x - mean(x)) / sqrt(var(x) + eps)``. It is
recognised by its form, not by a list of patterns: going back from a join through elementwise operators and reductions over kept
dimensions, all branches meet in one tensor, and nothing inside is read from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stream_evo.workload._graph import Graph
from stream_evo.workload._node import Node

__all__ = ["Region", "find_regions"]

_LARGEST = 24
_JOINS = frozenset({"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub", "Sum", "Where"})
_MAPS = _JOINS | frozenset(
    {"Abs", "Cast", "CastLike", "Clip", "DequantizeLinear", "Elu", "Equal", "Erf", "Exp", "HardSigmoid", "Identity", "LeakyRelu", "Log"}
    | {"Neg", "QuantizeLinear", "Reciprocal", "Relu", "Sigmoid", "Softplus", "Sqrt", "Tanh"}
)
_REDUCTIONS = frozenset({"ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare"})


@dataclass(frozen=True, slots=True)
class Region:
    """Nodes that compute one tensor from one other tensor of the same shape.

    Attributes:
        nodes: The nodes, in topological order; the last one is the join that ends the region.
        source: The tensor all of them depend on.
        axes: Dimensions some of them reduce; every output depends on the whole of these.
        operator: Name of the function, for people.
    """

    nodes: tuple[Node, ...]
    source: str
    axes: tuple[int, ...]
    operator: str

    @property
    def result(self) -> str:
        """The tensor the region computes."""
        return self.nodes[-1].outputs[0]


def find_regions(graph: Graph) -> Mapping[str, Region]:
    """Return the largest regions, by name of each node inside; regions do not overlap."""
    position = {node.name: place for place, node in enumerate(graph.nodes)}
    found: dict[str, Region] = {}
    for node in reversed(graph.nodes):  # the last join first, so that the largest region is seen first
        if node.operator in _JOINS and node.name not in found and len(_activations(graph, node)) > 1:
            region = _region_before(graph, node, position)
            if region is not None:
                found.update((inner.name, region) for inner in region.nodes)
    return found


def _activations(graph: Graph, node: Node) -> tuple[str, ...]:
    """Return the operands that are no constants."""
    return tuple(name for name in node.data_inputs if not graph.is_constant(name))


def _region_before(graph: Graph, join: Node, position: Mapping[str, int]) -> Region | None:
    """Walk back from a join, always through the latest open tensor, and keep the longest stretch that starts at one tensor."""
    nodes, inside = [join], {join.name}
    frontier = set(_activations(graph, join))
    best: Region | None = None
    while len(nodes) < _LARGEST:
        if len(frontier) == 1:
            best = _closed(graph, nodes, next(iter(frontier)), position) or best
        latest = max(frontier, key=lambda name: position[node.name] if (node := graph.producer(name)) else -1)
        node = graph.producer(latest)
        private = all(user.name in inside for user in graph.users(latest)) and not graph.is_output(latest)
        if node is None or not private or not _may_lie_inside(graph, node):
            break
        nodes.append(node)
        inside.add(node.name)
        frontier.discard(latest)
        frontier.update(_activations(graph, node))
    return best


def _may_lie_inside(graph: Graph, node: Node) -> bool:
    if len([name for name in node.outputs if name]) > 1:
        return False
    if node.operator in _REDUCTIONS:
        return bool(node.integer("keepdims", 1)) and _reduced_axes(graph, node) is not None
    return node.operator in _MAPS


def _reduced_axes(graph: Graph, node: Node) -> tuple[int, ...] | None:
    shape = graph.known_shape(node.input(0))
    axes = graph.integers(node.input(1)) if node.input(1) else node.integers("axes", ())
    if shape is None or axes is None:
        return None
    return tuple(sorted({axis % len(shape) for axis in axes} or range(len(shape))))


def _closed(graph: Graph, nodes: Sequence[Node], source: str, position: Mapping[str, int]) -> Region | None:
    """Return the region if its shapes fit: source and result agree, and inside only reduced dimensions differ, by being 1."""
    shape = graph.known_shape(source)
    ordered = tuple(sorted(nodes, key=lambda node: position[node.name]))
    axes = tuple(sorted({axis for node in nodes if node.operator in _REDUCTIONS for axis in _reduced_axes(graph, node) or ()}))
    if shape is None or graph.known_shape(ordered[-1].outputs[0]) != shape:
        return None
    for node in ordered:
        inner = graph.known_shape(node.outputs[0]) or ()
        if len(inner) != len(shape) or any(
            n != m and not (n == 1 and d in axes) for d, (n, m) in enumerate(zip(inner, shape, strict=True))
        ):
            return None
    return Region(ordered, source, axes, _function_name({node.operator for node in nodes}, ordered[-1].operator, reduces=bool(axes)))


def _function_name(operators: Iterable[str], last: str, *, reduces: bool) -> str:
    """Name a function after the operators it is made of."""
    parts = set(operators)
    known = (
        ("Softmax", reduces and {"Exp", "ReduceSum", "Div"} <= parts),
        ("LayerNormalization", reduces and bool({"Sqrt", "Pow"} & parts) and "ReduceMean" in parts and "Sub" in parts),
        ("RMSNormalization", reduces and "ReduceMean" in parts),
        ("LpNormalization", reduces),
        ("Gelu", bool({"Erf", "Tanh"} & parts) and "Mul" in parts),
        ("Swish", {"Sigmoid", "Mul"} <= parts),
        ("HardSwish", bool({"HardSigmoid", "Clip", "Relu"} & parts) and "Mul" in parts),
    )
    return next((name for name, fits in known if fits), last)
