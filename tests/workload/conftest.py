"""Building small models, and the check that no access relation is too small.

The check perturbs a producer's tensor along one axis at a time, runs the part of the model between producer and consumer with ONNX's
reference implementation, and looks which elements of the consumer's tensor change: their tiles must claim the perturbed place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from stream_evo.workload import Axis, AxisMap, Edge, Layer
from stream_evo.workload._builder import Builder
from stream_evo.workload._graph import read_graph
from stream_evo.workload._load import _translate
from stream_evo.workload._view import View
from stream_evo.workload.parsers import PARSERS

AXES = (Axis.ROWS, Axis.COLUMNS, Axis.CHANNELS)


@dataclasses.dataclass
class Net:
    """A model under construction; every call of `op` adds a node and returns its first output."""

    opset: int = 21
    seed: int = 0
    nodes: list[onnx.NodeProto] = dataclasses.field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = dataclasses.field(default_factory=list)
    initializers: list[onnx.TensorProto] = dataclasses.field(default_factory=list)

    def input(self, shape: Sequence[int | str | None], name: str = "x", kind: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def constant(self, value: object, dtype: type = np.float32) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weights(self, *shape: int) -> str:
        return self.constant(np.random.default_rng(self.seed + len(self.initializers)).uniform(0.5, 1.5, shape))

    def op(self, kind: str, *inputs: str, outputs: int = 1, name: str = "", domain: str = "", **attributes: Any) -> str:
        place = len(self.nodes)
        results = [f"t{place}_{k}" if k else f"t{place}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), results, name=name or f"{kind}_{place}", domain=domain, **attributes))
        return results[0]

    def model(self, *outputs: str, infos: Iterable[onnx.ValueInfoProto] = (), opsets: Mapping[str, int] | None = None) -> onnx.ModelProto:
        results = [helper.make_empty_tensor_value_info(name) for name in outputs or (self.nodes[-1].output[0],)]
        graph = helper.make_graph(self.nodes, "net", self.inputs, results, self.initializers, value_info=list(infos))
        imports = [helper.make_opsetid(domain, version) for domain, version in {"": self.opset, **(opsets or {})}.items()]
        return helper.make_model(graph, opset_imports=imports)


@pytest.fixture
def net() -> type[Net]:
    return Net


@dataclasses.dataclass(frozen=True)
class Source:
    """A producer, the tensor that holds its output, and how that tensor lies in the producer's axes."""

    producer: int
    tensor: str
    view: View

    def coordinates(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return (rows, columns, channels) of every element of the tensor, shape ``(3, *shape)``."""
        piece = self.view.pieces[0]
        found = np.empty((3, *shape), int)
        for index in np.ndindex(*shape):
            box = [(i, i + 1) for i in index]
            for k, relation in enumerate((piece.rows, piece.columns, piece.channels)):
                found[(k, *index)] = relation.interval(box)[0]
        return found


def _sources(builder: Builder, model: onnx.ModelProto) -> dict[int, Source]:
    """Return the tensor in which each producer's output first appears as it lies in the producer."""
    found: dict[int, Source] = {}
    order = [*(item.name for item in model.graph.input), *(name for node in model.graph.node for name in node.output)]
    for tensor in order:
        view = builder._views.get(tensor)
        if view is None or len(view.pieces) != 1:
            continue
        producer = view.pieces[0].producer
        own = builder._owners.get(tensor)
        if producer not in found and (own == producer or (producer < 0 and builder._inputs[-1 - producer].name == tensor)):
            found[producer] = Source(producer, tensor, view)
    return found


def _last_tensor(builder: Builder, layer: int, model: onnx.ModelProto) -> str:
    """Return the tensor after everything that is folded into a layer, as long as it has the shape of the layer's output."""
    names: list[str] = [name for node in model.graph.node for name in node.output if builder._owners.get(name) == layer]
    base = builder._views[names[0]]
    return [name for name in names if builder._views[name] == base][-1]


class Span:
    """The nodes between one tensor and another, ready to be run with changed values; `fixed` tensors, of other layers, keep theirs."""

    def __init__(self, model: onnx.ModelProto, start: str, end: str, values: Mapping[str, np.ndarray], fixed: set[str]) -> None:
        moved, nodes = {start}, []
        for node in model.graph.node:
            if start not in node.output and moved.intersection(node.input):
                nodes.append(node)
                moved.update(set(node.output) - fixed)
        needed = {end}
        kept: list[onnx.NodeProto] = []
        for node in reversed(nodes):
            if needed.intersection(node.output):
                kept.insert(0, node)
                needed.update(set(node.input) - fixed)
        made = {name for node in kept for name in node.output}
        self._start, self._end = start, end
        self._feeds = {name: values[name] for node in kept for name in node.input if name and name not in made}
        infos = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in self._feeds.items()]
        graph = helper.make_graph(kept, "span", infos, [helper.make_empty_tensor_value_info(end)])
        self._run = ReferenceEvaluator(helper.make_model(graph, opset_imports=model.opset_import))

    def __call__(self, changed: np.ndarray) -> np.ndarray:
        return np.asarray(cast("list[Any]", self._run.run(None, {**self._feeds, self._start: changed}))[0])


def evaluate(model: onnx.ModelProto, seed: int = 0) -> dict[str, np.ndarray]:
    """Return every tensor of a model on random inputs."""
    rng = np.random.default_rng(seed)
    known = {item.name for item in model.graph.initializer}
    feeds = {}
    for item in model.graph.input:
        if item.name not in known:
            kind = helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type)
            shape = [dim.dim_value or 1 for dim in item.type.tensor_type.shape.dim]
            feeds[item.name] = (rng.uniform(0.1, 2, shape) * (20 if np.issubdtype(kind, np.integer) else 1)).astype(kind)
    names = [name for node in model.graph.node for name in node.output if name]
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    del wide.graph.output[:]
    wide.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    values = dict(zip(names, ReferenceEvaluator(wide).run(None, feeds), strict=True))
    return {**{item.name: numpy_helper.to_array(item) for item in model.graph.initializer}, **feeds, **values}


def _claims(edge: Edge, consumer: Layer, at: np.ndarray, axis: Axis, extent: int) -> tuple[int, int]:
    """Return what the tile of one element at (row, column, channel) claims along an axis of the producer."""
    axis_map: AxisMap = getattr(edge, axis.value)
    if axis_map.source is None:
        return 0, extent
    place = int(at[AXES.index(axis_map.source)])
    return axis_map.interval(place, place + 1, extent)


def assert_reads_are_claimed(model: onnx.ModelProto, seed: int = 0) -> list[tuple[Layer, Layer | None, Edge]]:
    """Check every edge of a model by perturbation and return (consumer, producer or None, edge) of those checked."""
    graph = read_graph(model)
    builder, reports = _translate(graph, None, PARSERS, host_operators=False)
    assert not [report for report in reports if report.reason], [report.reason for report in reports]
    workload_layers = builder._layers
    values, sources, checked = evaluate(model, seed), _sources(builder, model), []
    rng = np.random.default_rng(seed)
    for consumer, layer in enumerate(workload_layers):
        if consumer not in sources:
            continue  # an inner step of a node has no tensor of its own
        target = sources[consumer]
        for producer in {edge.producer for edge in layer.edges} & set(sources):
            source, edges = sources[producer], [edge for edge in layer.edges if edge.producer == producer]
            start = source.tensor if producer < 0 else _last_tensor(builder, producer, model)
            fixed = {name for name, owner in builder._owners.items() if owner not in (producer, consumer)}
            span = Span(model, start, target.tensor, values, fixed)
            base = span(values[start])
            places, reads = target.coordinates(base.shape), source.coordinates(values[start].shape)
            extents = builder._extents(producer)
            _check_layout(places, builder._extents(consumer))
            for k, axis in enumerate(AXES):
                for place in range(extents[k]):
                    mask = reads[k] == place
                    noise = (rng.uniform(5, 9, values[start].shape) * mask).astype(values[start].dtype)
                    changed = np.argwhere(span(values[start] + noise) != base)
                    for index in changed:
                        at = places[(slice(None), *index)]
                        claims = [_claims(edge, layer, at, axis, extents[k]) for edge in edges]
                        assert any(lo <= place < hi for lo, hi in claims), (layer.name, axis, place, tuple(at), claims, edges)
            checked += [(layer, workload_layers[producer] if producer >= 0 else None, edge) for edge in edges]
    assert checked, "nothing was checked"
    return checked


def _check_layout(places: np.ndarray, extents: tuple[int, int, int]) -> None:
    """Assert that elements lie inside the layer and that different elements of a batch item lie at different places."""
    flat = places.reshape(3, -1)
    assert (flat >= 0).all()
    assert (flat.max(axis=1) < extents).all()


@pytest.fixture
def check() -> Callable[..., list[tuple[Layer, Layer | None, Edge]]]:
    return assert_reads_are_claimed
