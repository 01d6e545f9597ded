"""An ONNX file as a clean graph: constants told from activations, dead branches gone, every shape known that can be known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import networkx as nx
import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

from stream_evo.errors import Fault, InputError
from stream_evo.typing import AnyArray
from stream_evo.workload._dims import open_dimensions, set_dimensions
from stream_evo.workload._node import Node, reads
from stream_evo.workload._shapes import SHAPED_BY_DATA, infer_outputs
from stream_evo.workload._tensor import Tensor, stated_tensor
from stream_evo.workload._weights import weight_inputs

__all__ = ["Graph", "read_graph"]

_OLDEST_OPSET = 7
_SMALL = 65536  # elements; only shapes, axes, pads, indices and scales are ever evaluated, weights are not
_SHORT = 256  # elements of a vector that may state a shape, pads, repeats or the sizes of a split
_DEFINED_BY_OTHERS = frozenset({"Attention", "CausalConvWithState", "SwiGLU"})
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
    """

    def __init__(self, model: onnx.ModelProto, source: str, name: str, dims: Mapping[str, int]) -> None:
        self.name = name
        self.source = source
        self._opsets = {item.domain: item.version for item in model.opset_import}
        self._initializers = {item.name: item for item in model.graph.initializer}
        nodes = _sorted_nodes(_named_nodes(model, self._opsets), source)
        self._producers = {tensor: node for node in nodes for tensor in node.outputs if tensor}
        self.outputs = tuple(item.name for item in model.graph.output)
        live = _live_nodes(nodes, self.outputs, self._producers)
        free = [item for item in model.graph.input if item.name not in self._initializers]
        weights = weight_inputs({item.name: stated_tensor(item.type) for item in free}, live, self._producers)
        self._constants = _constant_tensors(live, [*self._initializers, *weights, *_sparse(model)])
        self._values: dict[str, AnyArray | None] = {}
        self.tensors = _stated_tensors(model)
        faults: list[Fault] = []
        activations = [item for item in free if item.name not in weights]
        self.inputs = tuple(item.name for item in activations)
        set_dimensions(dims, self.inputs, self.tensors, source)
        _fix_inputs(self.inputs, self.tensors, faults)
        for node in live:
            self._infer(node)
        self.nodes = tuple(node for node in live if not self.is_constant(*node.outputs))
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
        inputs = {name: self._tensor(name) for name in node.inputs if name}
        steering = [name for name in inputs if node.operator in SHAPED_BY_DATA and self.is_constant(name)]
        data = {name: value for name in steering if (value := self.value(name)) is not None and value.size <= _SHORT}
        for name, tensor in infer_outputs(node, inputs, data, self._opsets).items():
            self.tensors[name] = tensor.merged(self.tensors.get(name))

    def _tensor(self, name: str) -> Tensor:
        if name in self._initializers:
            item = self._initializers[name]
            return Tensor(item.data_type, tuple(item.dims))
        return self.tensors.get(name, Tensor())


def read_graph(source: str | Path | onnx.ModelProto, name: str | None = None, dims: Mapping[str, int] | None = None) -> Graph:
    """Read an ONNX file, or take a model in memory, as a clean graph. Weight data are not read.

    Args:
        source: Path of an ONNX file, or a model; the model is not changed.
        name: Name of the network; the file's stem or the graph's own name by default.
        dims: Sizes of dimensions that the model leaves open.

    Raises:
        InputError: the file cannot be read, is no ONNX model, is older than opset 7, or leaves an input's shape open; `dims`
            names what is not open.
    """
    model = source if isinstance(source, onnx.ModelProto) else _read_file(Path(source))
    title = model.graph.name if isinstance(source, onnx.ModelProto) else Path(source).stem
    label = f"ONNX model {model.graph.name!r}" if isinstance(source, onnx.ModelProto) else str(source)
    _check_model(model, label)
    model = _expanded(model)
    return Graph(model, label, name or title or "network", dims or {})


def _expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Inline the file's own functions, and operators that ONNX defines by way of simpler ones and we have no parser for."""
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    found = {node.op_type for node in model.graph.node if node.domain in ("", "ai.onnx") and node.op_type in _DEFINED_BY_OTHERS}
    if not found:
        return model
    try:
        return onnx.inliner.inline_selected_functions(model, [("", name) for name in sorted(found)], inline_schema_functions=True)
    except (TypeError, RuntimeError):  # older onnx cannot; the operators are then reported as unsupported
        return model


def _read_file(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise InputError(str(path), [Fault(f"the file cannot be read: {error.strerror or error}", expected="an ONNX file")]) from error
    except (DecodeError, ValueError, UnicodeDecodeError) as error:
        hint = "Export the network again; a download may have been cut short, or be a Git LFS pointer"
        raise InputError(str(path), [Fault("the file is truncated or not an ONNX model", expected="an ONNX model", hint=hint)]) from error


def _check_model(model: onnx.ModelProto, label: str) -> None:
    if not _is_text(model.graph):
        raise InputError(label, [Fault("the file is damaged: names in it are not text", expected="an ONNX model")])
    if not model.graph.node:
        raise InputError(label, [Fault("the file holds no network", expected="an ONNX model with at least one node")])
    if not model.graph.output:
        raise InputError(label, [Fault("the graph has no outputs", "graph.output", expected="at least one output")])
    version = next((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), None)
    if version is None and any(node.domain in ("", "ai.onnx") for node in model.graph.node):
        raise InputError(label, [Fault("the file does not say which operator set it uses", "opset_import")])
    if version is not None and version < _OLDEST_OPSET:
        hint = "Convert it with onnx.version_converter.convert_version"
        raise InputError(label, [Fault("the operator set is too old", "opset_import", 0, f"at least {_OLDEST_OPSET}", str(version), hint)])


def _is_text(graph: onnx.GraphProto) -> bool:
    """Return True if all names are strings; protobuf hands out bytes where a file holds broken UTF-8."""
    names = [name for node in graph.node for name in (node.name, node.op_type, node.domain, *node.input, *node.output)]
    names += [attribute.name for node in graph.node for attribute in node.attribute]
    names += [item.name for item in (*graph.input, *graph.output, *graph.value_info, *graph.initializer)]
    return all(isinstance(name, str) for name in names)


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
        raise InputError(source, [Fault("the graph has a cycle", "graph.node", expected="an acyclic graph")]) from error


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
