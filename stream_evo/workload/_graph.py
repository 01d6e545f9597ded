"""An ONNX file as a clean graph: constants told from activations, dead branches gone, every shape known that can be known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import networkx as nx
import numpy as np
import onnx

from stream_evo.errors import Fault, InputError
from stream_evo.typing import AnyArray
from stream_evo.workload._consistency import check_readers, check_writers, listed
from stream_evo.workload._dims import open_dimensions, set_dimensions
from stream_evo.workload._model import SHORT, check_model, expanded, read_file, read_short_tensors
from stream_evo.workload._node import Node, reads
from stream_evo.workload._shapes import SHAPED_BY_DATA, infer_outputs, misfit
from stream_evo.workload._tensor import Tensor, stated_tensor
from stream_evo.workload._weights import weight_inputs

__all__ = ["Graph", "read_graph"]

_SMALL = 65536  # elements; only shapes, axes, pads, indices and scales are ever evaluated, weights are not
# What NumPy and ONNX's reference implementation raise on operators or values they cannot handle; the value is then not known.
_EVALUATION_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
    *(onnx.checker.ValidationError, onnx.shape_inference.InferenceError),
)
_SHAPE_ONLY = ("Shape", "Size")


class Graph:
    """The live part of an ONNX graph.

    Attributes:
        name: Name of the model.
        source: The file, for messages.
        nodes: Nodes that act on activations, in topological order.
        removed: Nodes without effect on the outputs or computed from constants only.
        inputs: Graph inputs that are activations, in order of the file.
        outputs: Graph outputs, in order of the file.
        contradictions: Shapes that the file states and the inputs of its nodes do not give.
    """

    def __init__(self, model: onnx.ModelProto, source: str, name: str, dims: Mapping[str, int]) -> None:
        self.name = name
        self.source = source
        self._opsets = {item.domain: item.version for item in model.opset_import}
        self._initializers = {item.name: item for item in model.graph.initializer}
        nodes = _named_nodes(model, self._opsets)
        check_writers(nodes, source)
        nodes = _sorted_nodes(nodes, source)
        self._producers = {tensor: node for node in nodes for tensor in node.outputs if tensor}
        self.outputs = tuple(item.name for item in model.graph.output)
        live = _live_nodes(nodes, self.outputs, self._producers)
        check_readers(
            live, {*self._producers, *self._initializers, *_sparse(model), *(item.name for item in model.graph.input)}, self.outputs, source
        )
        free = [item for item in model.graph.input if item.name not in self._initializers]
        weights = weight_inputs({item.name: stated_tensor(item.type) for item in free}, live, self._producers)
        self._constants = _constant_tensors(live, [*self._initializers, *weights, *_sparse(model)])
        self._values: dict[str, AnyArray | None] = {}
        self.tensors = _stated_tensors(model)
        faults: list[Fault] = []
        activations = [item for item in free if item.name not in weights]
        self.inputs = tuple(item.name for item in activations)
        are_fixed = all(self.tensors[name].fixed_shape is not None for name in self.inputs)
        stated = {name: shape for name, tensor in self.tensors.items() if are_fixed and (shape := tensor.fixed_shape) is not None}
        set_dimensions(dims, self.inputs, self.tensors, source)
        _fix_inputs(self.inputs, self.tensors, faults)
        for node in live:
            self._infer(node)
        self.nodes = tuple(node for node in live if not self.is_constant(*node.outputs))
        self.contradictions = tuple(fault for node in self.nodes if (fault := self._contradiction(node, stated)) is not None)
        kept = {id(node) for node in self.nodes}
        self.removed = tuple(node for node in nodes if id(node) not in kept)
        self._users: dict[str, list[Node]] = {}
        for node in self.nodes:
            for tensor in dict.fromkeys(node.data_inputs):
                self._users.setdefault(tensor, []).append(node)
        used = [fault for fault in faults if fault.path in self._users]
        if used:
            raise InputError(source, used)

    def is_constant(self, *tensors: str) -> bool:
        """Return True if all these tensors are known before the run; omitted ones (empty name) are."""
        return all(not tensor or tensor in self._constants for tensor in tensors)

    def producer(self, tensor: str) -> Node | None:
        """Return the node that writes a tensor."""
        return self._producers.get(tensor)

    def users(self, tensor: str) -> tuple[Node, ...]:
        """Return the live nodes that read a tensor."""
        return tuple(self._users.get(tensor, ()))

    def is_output(self, tensor: str) -> bool:
        """Return True if the tensor leaves the network."""
        return tensor in self.outputs

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Raises:
            InputError: the shape depends on data, or on a dimension that the file leaves open.
        """
        shape = self.known_shape(tensor)
        if shape is None:
            node = self.producer(tensor)
            if node is not None and (cause := self._cause(node)) is not None:
                raise InputError(self.source, [cause])
            maker = f", made by {node.name} ({node.operator})," if node else ""
            found = self.tensors[tensor].described if tensor in self.tensors else "nothing"
            unset = open_dimensions(self.inputs, self.tensors)
            hint = (
                f"Say how large its open dimensions are, --dim NAME=SIZE (dims={{...}}): {', '.join(unset)}"
                if unset
                else f"State the shape of {tensor!r} in the file's value_info"
            )
            raise InputError(
                self.source,
                [
                    Fault(
                        f"shape of tensor {tensor!r}{maker} cannot be resolved", tensor, expected="fixed dimensions", found=found, hint=hint
                    )
                ],
            )
        return shape

    def known_shape(self, tensor: str) -> tuple[int, ...] | None:
        """Return the shape of a tensor, None if a dimension is not known."""
        if tensor in self._initializers:
            return tuple(self._initializers[tensor].dims)
        return self.tensors[tensor].fixed_shape if tensor in self.tensors else None

    def element_type(self, tensor: str) -> int:
        """Return the ONNX element type of a tensor, ``TensorProto.UNDEFINED`` if it is not known."""
        if tensor in self._initializers:
            return int(self._initializers[tensor].data_type)
        return self.tensors[tensor].element_type if tensor in self.tensors else onnx.TensorProto.UNDEFINED

    def value(self, tensor: str) -> AnyArray | None:
        """Return the value of a small constant, None if it is large, missing from disk, or not constant."""
        if tensor not in self._constants:
            return None
        if tensor not in self._values:
            self._values[tensor] = None  # a cycle cannot occur, but an evaluation that fails must not be tried again
            self._values[tensor] = self._evaluate(tensor)
        return self._values[tensor]

    def integers(self, tensor: str) -> tuple[int, ...] | None:
        """Return the value of a small constant as integers, None if it is not known."""
        value = self.value(tensor)
        return None if value is None else tuple(int(item) for item in value.reshape(-1))

    def _evaluate(self, tensor: str) -> AnyArray | None:
        if tensor in self._initializers:
            return _read_tensor(self._initializers[tensor])
        node = self.producer(tensor)
        if node is None:
            return None
        shape = self.known_shape(tensor)
        if shape is not None and int(np.prod(shape, dtype=np.int64)) > _SMALL:
            return None
        if node.operator == "Constant" and "value" in node.attributes:
            return _read_tensor(node.attributes["value"])
        if node.operator in _SHAPE_ONLY:
            return self._shape_value(node)
        values = {name: self.value(name) for name in node.inputs if name}
        known = {name: value for name, value in values.items() if value is not None}
        return _run_node(node, known, self._opsets).get(tensor) if len(known) == len(values) else None

    def _shape_value(self, node: Node) -> AnyArray | None:
        shape = self.known_shape(node.input(0))
        if shape is None:
            return None
        if node.operator == "Size":
            return np.array(int(np.prod(shape, dtype=np.int64)), np.int64)
        return np.array(shape[slice(node.integer("start", 0), node.attributes.get("end"))], np.int64)

    def _infer(self, node: Node) -> None:
        """Add what is known of the outputs of `node`."""
        inputs, data = self._operands(node)
        for name, tensor in infer_outputs(node, inputs, data, self._opsets).items():
            self.tensors[name] = tensor.merged(self.tensors.get(name))

    def _operands(self, node: Node) -> tuple[dict[str, Tensor], dict[str, AnyArray]]:
        """Return what is known of the inputs of `node`, and the values of those that state a shape."""
        inputs = {name: self._tensor(name) for name in node.inputs if name}
        steering = [name for name in inputs if node.operator in SHAPED_BY_DATA and self.is_constant(name)]
        return inputs, {name: value for name in steering if (value := self.value(name)) is not None and value.size <= SHORT}

    def _contradiction(self, node: Node, stated: Mapping[str, tuple[int, ...]]) -> Fault | None:
        """Return the fault that the file states another shape of an output of `node` than its inputs give it.

        Compared are operators of the standard whose shape follows from those of the inputs alone, without rounding up, automatic padding or
        subgraphs: runtimes agree on these. A statement of another rank is none, as exporters state no dimensions where they know none.
        """
        rounds = any(item.name in ("ceil_mode", "auto_pad", "output_shape") for item in node.proto.attribute)
        if rounds or node.operator in SHAPED_BY_DATA or node.proto.domain or any(item.HasField("g") for item in node.proto.attribute):
            return None
        for name in node.outputs:
            own, other = self.known_shape(name), stated.get(name)
            if own is not None and other is not None and own != other and len(own) == len(other):
                what = f"{node.operator}: the file states another shape for its output {name!r} than its inputs give it"
                hint = "Correct the statement in the file, or export the network again"
                return Fault(what, node.name, expected=str(own), found=str(other), hint=hint)
        return None

    def _cause(self, node: Node) -> Fault | None:
        """Return why the shape of an output of `node` is not known, where more can be said than that it is not."""
        for name in (name for name in node.inputs if name in self._initializers and node.operator in SHAPED_BY_DATA):
            item = self._initializers[name]
            if item.data_location == onnx.TensorProto.EXTERNAL and self.value(name) is None:
                location = next((entry.value for entry in item.external_data if entry.key == "location"), "")
                what = (
                    f"{node.operator}: its input {name!r} says how large the output is, and is stored in another file, which cannot be read"
                )
                hint = "Put the file beside the network, or save the network with its data inside (onnx.save)"
                return Fault(what, node.name, expected=f"the file {location} beside the network", found="none", hint=hint)
        if reason := misfit(node, *self._operands(node), self._opsets):
            shapes = ", ".join(str(self.known_shape(name) or "unknown") for name in node.inputs if name)
            what = f"{node.operator}: its attributes and inputs do not fit together ({reason})"
            return Fault(
                what, node.name, expected="inputs of fitting shapes", found=shapes, hint="Correct the node, or export the network again"
            )
        return None

    def _tensor(self, name: str) -> Tensor:
        if name in self._initializers:
            item = self._initializers[name]
            return Tensor(item.data_type, tuple(item.dims))
        return self.tensors.get(name, Tensor())


def read_graph(source: str | Path | onnx.ModelProto, name: str | None = None, dims: Mapping[str, int] | None = None) -> Graph:
    """Read an ONNX file, or take a model in memory, as a clean graph. Weight data in other files are not read, short vectors are.

    Args:
        source: Path of an ONNX file, or a model; the model is not changed.
        name: Name of the network; the file's stem or the graph's own name by default.
        dims: Sizes of dimensions that the model leaves open.

    Raises:
        InputError: the file cannot be read, is no ONNX model, is older than opset 7, leaves an input's shape open, or contradicts itself
            (tensors written twice or never, cycles); `dims` names what is not open.
    """
    model = source if isinstance(source, onnx.ModelProto) else read_file(Path(source))
    title = model.graph.name if isinstance(source, onnx.ModelProto) else Path(source).stem
    label = f"ONNX model {model.graph.name!r}" if isinstance(source, onnx.ModelProto) else str(source)
    if not isinstance(source, onnx.ModelProto):
        read_short_tensors(model, Path(source).parent)
    check_model(model, label)
    model = expanded(model)
    return Graph(model, label, name or title or "network", dims or {})


def _named_nodes(model: onnx.ModelProto, opsets: Mapping[str, int]) -> list[Node]:
    """Wrap the nodes, giving each a unique name."""
    taken: set[str] = set()
    nodes = []
    for position, proto in enumerate(model.graph.node):
        name = proto.name or f"{proto.op_type}_{position}"
        if name in taken:
            name = next(f"{name}_{k}" for k in range(position, 2 * position + len(taken) + 2) if f"{name}_{k}" not in taken)
        taken.add(name)
        nodes.append(Node(name, proto, opsets.get(proto.domain, opsets.get("", opsets.get("ai.onnx", 1)))))
    return nodes


def _sorted_nodes(nodes: list[Node], source: str) -> list[Node]:
    """Sort topologically, keeping the file's order where it is free."""
    writers = {tensor: position for position, node in enumerate(nodes) for tensor in node.outputs if tensor}
    order: nx.DiGraph[int] = nx.DiGraph()
    order.add_nodes_from(range(len(nodes)))
    order.add_edges_from((writers[name], position) for position, node in enumerate(nodes) for name in reads(node.proto) if name in writers)
    try:
        return [nodes[position] for position in nx.lexicographical_topological_sort(order)]
    except nx.NetworkXUnfeasible as error:
        cycle = [nodes[start] for start, *_ in nx.find_cycle(order)]
        what, hint = "nodes read each other's outputs in a cycle", "A loop over time must be an operator Loop or Scan"
        raise InputError(source, [Fault(what, cycle[0].name, expected="an acyclic graph", found=listed(cycle), hint=hint)]) from error


def _live_nodes(nodes: list[Node], outputs: Iterable[str], producers: Mapping[str, Node]) -> list[Node]:
    """Return the nodes some output depends on, in order."""
    waiting, live = list(outputs), set()
    while waiting:
        node = producers.get(waiting.pop())
        if node is not None and id(node) not in live:
            live.add(id(node))
            waiting.extend(reads(node.proto))
    return [node for node in nodes if id(node) in live]


def _constant_tensors(nodes: Iterable[Node], known: Iterable[str]) -> frozenset[str]:
    """Return the tensors that do not depend on an activation's values; the shape of an activation is known, so it counts as constant."""
    constants = set(known)
    for node in nodes:
        if node.operator in _SHAPE_ONLY or all(name in constants for name in node.data_inputs):
            constants.update(name for name in node.outputs if name)
        elif node.operator == "DynamicQuantizeLinear":
            constants.update(name for name in node.outputs[1:] if name)  # one scale and zero point per tensor: scalars, no activations
    return frozenset(constants)


def _sparse(model: onnx.ModelProto) -> list[str]:
    return [item.values.name for item in model.graph.sparse_initializer]


def _stated_tensors(model: onnx.ModelProto) -> dict[str, Tensor]:
    """Collect the types the file states."""
    tensors: dict[str, Tensor] = {}
    for info in (*model.graph.value_info, *model.graph.output, *model.graph.input):
        tensors[info.name] = stated_tensor(info.type).merged(tensors.get(info.name))
    for item in model.graph.sparse_initializer:
        tensors[item.values.name] = Tensor(item.values.data_type, tuple(item.dims))
    return tensors


def _fix_inputs(inputs: Sequence[str], tensors: dict[str, Tensor], faults: list[Fault]) -> None:
    """Set an open first dimension of the inputs to 1, and its symbol wherever it stands; report other open ones."""
    stated = [tensors[name].shape or () for name in inputs]
    symbols = {shape[0] for shape in stated if len(shape) > 1 and isinstance(shape[0], str) and shape[0]}  # a vector's may be a length
    for name in inputs:
        tensor = tensors[name]
        if tensor.shape:
            dims = (1 if dim in symbols or (place == 0 and not _is_fixed(dim)) else dim for place, dim in enumerate(tensor.shape))
            tensors[name] = tensor = Tensor(tensor.element_type, tuple(dims))
        if tensor.fixed_shape is None:
            names = ", ".join(open_dimensions((name,), {name: tensor}))
            hint = f"Only the batch may stay open. Say how large the others are, --dim NAME=SIZE (dims={{...}}): {names}"
            if tensor.shape is None:
                hint = "State the shape of the input in the file (graph.input), or export the network with it"
            fault = f"input {name!r} has dimensions that cannot be resolved"
            faults.append(Fault(fault, name, expected="fixed dimensions after the first", found=tensor.described, hint=hint))
    for name, tensor in tensors.items():
        if tensor.shape is not None and symbols.intersection(tensor.shape):
            tensors[name] = Tensor(tensor.element_type, tuple(1 if dim in symbols else dim for dim in tensor.shape))


def _is_fixed(dim: int | str) -> bool:
    return isinstance(dim, int) and dim > 0


def _read_tensor(item: onnx.TensorProto) -> AnyArray | None:
    """Return the value of a small tensor that is stored in the file itself."""
    if item.data_location == onnx.TensorProto.EXTERNAL or int(np.prod(item.dims, dtype=np.int64)) > _SMALL:
        return None
    try:
        return np.asarray(onnx.numpy_helper.to_array(item))
    except (ValueError, TypeError, KeyError):  # data stripped from the file, or an element type NumPy does not know
        return None


def _run_node(node: Node, values: Mapping[str, AnyArray], opsets: Mapping[str, int]) -> dict[str, AnyArray]:
    """Evaluate one node on known values with ONNX's reference implementation; nothing if it has none for this operator."""
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415  # slow to import, and only needed where shapes are computed in the graph

    graph = onnx.helper.make_graph(
        [node.proto],
        "constant",
        [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in values],
        [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in node.outputs if name],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()])
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, dict(values))
    except _EVALUATION_ERRORS:
        return {}
    return {name: np.asarray(value) for name, value in zip((n for n in node.outputs if n), results, strict=True)}
