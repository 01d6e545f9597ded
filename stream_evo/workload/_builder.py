"""What a parser works with: it reads operands as views, and adds layers, folds nodes into layers, or passes views on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import onnx

from stream_evo.workload._graph import Graph
from stream_evo.workload._input_roles import input_roles
from stream_evo.workload._layer import Bits, Edge, Layer, LoopSizes, Operand, OperatorKind, Padding
from stream_evo.workload._node import Node, Unsupported, reads
from stream_evo.workload._view import Piece, Relation, Roles, View, default_roles
from stream_evo.workload._workload import NetworkInput, Workload

__all__ = ["Builder", "Status"]

_BITS_BY_NAME = {
    **dict.fromkeys(("UINT2", "INT2"), 2),
    **dict.fromkeys(("UINT4", "INT4", "FLOAT4E2M1"), 4),
    **dict.fromkeys(("UINT8", "INT8", "BOOL", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0"), 8),
    **dict.fromkeys(("FLOAT16", "BFLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("INT32", "UINT32"), 32),
    **dict.fromkeys(("INT64", "UINT64"), 64),
}
# by name, because older releases of onnx lack the narrowest types
_TYPE_BITS: Mapping[int, int] = {number: _BITS_BY_NAME[name] for name, number in onnx.TensorProto.DataType.items() if name in _BITS_BY_NAME}
"""Bits of an element type. float32 and float64 are missing: networks are published in them but run in 8 bits, so they take `Bits()`."""


class Status(StrEnum):
    """What became of a graph node."""

    SUPPORTED = "supported"
    FOLDED = "folded"
    VIEW = "view"
    REMOVED = "removed"
    HOST = "host"
    UNSUPPORTED = "unsupported"


class Builder:
    """A workload under construction.

    Attributes:
        graph: The graph being translated.
        status: What became of each node, by node name.
    """

    def __init__(self, graph: Graph, bits: Bits | None = None) -> None:
        self.graph = graph
        self.status: dict[str, Status] = {}
        self._bits = bits
        self._layers: list[Layer] = []
        self._inputs: list[NetworkInput] = []
        self._views: dict[str, View] = {}
        self._owners: dict[str, int] = {}
        self._shapeless: set[str] = set()

    # Reading operands

    def view(self, tensor: str) -> View:
        """Return where a tensor comes from; a constant has no pieces."""
        if tensor not in self._views:
            self._views[tensor] = self._new_view(tensor)
        return self._views[tensor]

    def is_constant(self, *tensors: str) -> bool:
        """Return True if all these tensors are constants or omitted."""
        return self.graph.is_constant(*tensors)

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return a tensor's shape; raises `InputError` if it cannot be resolved."""
        return self.graph.shape(tensor)

    def bits_of(self, tensor: str, default: int) -> int:
        """Return the bits of a tensor's elements, `default` for float32. A dequantised constant keeps its stored width."""
        node = self.graph.producer(tensor)
        while node is not None and node.operator == "DequantizeLinear":
            tensor = node.input(0)
            node = self.graph.producer(tensor)
        return _TYPE_BITS.get(self.graph.element_type(tensor), default)

    # Adding work

    def add_layer(
        self,
        node: Node,
        kind: OperatorKind,
        sizes: LoopSizes,
        operands: Sequence[tuple[Operand, View]],
        *,
        roles: Roles,
        result: str | None = None,
        shape: Sequence[int] | None = None,
        weights: str | None = None,
        weight_bits: int | None = None,
        name: str | None = None,
        operator: str | None = None,
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: Padding | None = None,
        cycles: int = 1,
        zero_weights: int = 0,
        folded: tuple[str, ...] = (),
    ) -> View:
        """Add a layer and return its output.

        Args:
            node: The graph node it stands for.
            kind: What the cost model must know.
            sizes: Loop sizes.
            operands: Operands that are activations; each view tells, for the layer's output index, what is read.
            roles: Meaning of the dimensions of the output.
            result: Tensor the layer writes; the node's first output by default. Empty for an inner step of a node.
            shape: Shape of the output; that of `result` by default.
            weights: Tensor of the constant weights, if it has any.
            weight_bits: Bits per weight; those of the tensor's elements by default.
            name: Layer name; the node's by default.
            operator: Operator's name for people; the node's by default.
            stride: Step of the window.
            dilation: Spacing of the filter taps.
            padding: Zeros around the input.
            cycles: Cycles one operation occupies a processing element.
            zero_weights: Weights of the loop nest that are zero by construction.
            folded: Names of further nodes the layer stands for.
        """
        result = node.outputs[0] if result is None else result
        shape = self.shape(result) if shape is None else shape
        precisions = {operand: view.bits for operand, view in reversed(operands)}
        default = self._bits or Bits()
        width_in = precisions.get(Operand.I, default.I)
        width_weights = self.bits_of(weights, default.W) if weights else precisions.get(Operand.W, default.W)
        width_weights = weight_bits or width_weights
        width_out = self.bits_of(result, default.O_final) if result else width_in
        bits = self._bits or Bits(width_in, width_weights, max(width_in + width_weights, width_out), width_out)
        layer = Layer(
            name=self._free_name(name or node.name),
            kind=kind,
            operator=operator or node.operator,
            sizes=sizes,
            stride=stride,
            dilation=dilation,
            padding=padding or Padding(),
            bits=bits,
            constant_weights=weights is not None,
            cycles_per_operation=cycles,
            zero_weights=zero_weights,
            edges=tuple(edge for operand, view in operands for edge in self._edges(operand, view, sizes)),
            folded=folded,
        )
        self._layers.append(layer)
        self.status[node.name] = Status.SUPPORTED
        view = View.of_producer(len(self._layers) - 1, shape, roles, bits.O_final)
        if result:
            self._views[result] = view
            self._owners[result] = len(self._layers) - 1
        return view

    def present(self, node: Node, view: View) -> None:
        """Replace the view of the first output of `node`, whose layer computes it in another arrangement."""
        self._views[node.outputs[0]] = view

    def mark(self, nodes: Iterable[Node], status: Status) -> None:
        """Report `status` of nodes."""
        self.status.update((node.name, status) for node in nodes)

    def fold(self, nodes: Sequence[Node], source: str, result: str) -> bool:
        """Make `nodes`, which compute `result` from `source` element by element, part of the layer that produces `source`.

        Returns:
            True if they are folded; False if `source` is no layer's whole output, is needed elsewhere, or changes its shape.
        """
        if not self._is_private(source, nodes) or self.shape(source) != self.shape(result):
            return False
        owner = self._owners[source]
        layer = self._layers[owner]
        self._layers[owner] = dataclasses.replace(layer, folded=(*layer.folded, *(node.name for node in nodes)))
        self._views[result] = self._views[source]
        self._owners[result] = owner
        self.mark(nodes, Status.FOLDED)
        return True

    def requantize(self, node: Node, bits: int) -> None:
        """Pass the node's first input on in another precision; its producer writes that precision if nobody else reads it."""
        source, result = node.input(0), node.outputs[0]
        if self._bits is not None:
            self.rearrange(node, self.view(source), keeps_all=True, status=Status.REMOVED)
            return
        self.rearrange(node, self.view(source).with_bits(bits), keeps_all=True, status=Status.REMOVED)
        if result in self._owners:
            layer = self._layers[self._owners[result]]
            widths = dataclasses.replace(layer.bits, O=max(layer.bits.I + layer.bits.W, bits), O_final=bits)
            self._layers[self._owners[result]] = dataclasses.replace(layer, bits=widths, folded=(*layer.folded, node.name))
            self.status[node.name] = Status.FOLDED

    # Passing views on

    def rearrange(
        self, node: Node, view: View, *, output: int = 0, source: str | None = None, keeps_all: bool = False, status: Status = Status.VIEW
    ) -> None:
        """Bind an output of `node` to a view, without work.

        Args:
            node: The node.
            view: What its output reads.
            output: Position of the output.
            source: The tensor it rearranges; the first input by default.
            keeps_all: True if the output holds exactly the elements of `source`, so that later nodes may still fold into its producer.
            status: What to report of the node.
        """
        source = node.input(0) if source is None else source
        result = node.outputs[output]
        self._views[result] = view
        if keeps_all and self._is_private(source, [node]):
            self._owners[result] = self._owners[source]
        self.status[node.name] = status

    def opaque(self, node: Node, status: Status) -> None:
        """Let every output of `node` depend on all of its inputs, as zero work."""
        known = [name for name in reads(node.proto) if name in self._views or name in self.graph.inputs]
        pieces = [piece for name in known if not self.is_constant(name) for piece in self.view(name).pieces]
        for name in (name for name in node.outputs if name):
            shape = self.graph.known_shape(name)
            whole = {piece.producer: Piece(piece.producer, *self._whole_of(piece.producer)) for piece in pieces}
            dims = shape if shape is not None else ()
            if shape is None:
                self._shapeless.add(name)
            self._views[name] = View(dims, default_roles(len(dims)), tuple(whole.values()), self.bits_of(name, Bits().O_final))
        self.status[node.name] = status

    def declare_input(self, node: Node, tensor: str, shape: Sequence[int]) -> None:
        """Let a tensor that `node` makes on the host come from outside, as the rows of an embedding table do."""
        self.add_input(tensor, shape, input_roles(self.graph, tensor, tuple(shape)))
        self.status[node.name] = Status.VIEW

    def add_input(self, tensor: str, shape: Sequence[int], roles: Roles) -> View:
        """Declare a tensor that comes from outside."""
        bits = self._bits.I if self._bits else self.bits_of(tensor, Bits().I)
        self._inputs.append(NetworkInput(tensor, 1, bits=bits))
        view = View.of_producer(-len(self._inputs), shape, roles, bits)
        batch, channels, rows, columns = view.canonical().shape
        self._inputs[-1] = NetworkInput(tensor, channels, rows, columns, batch, bits)
        self._views[tensor] = view
        return view

    def is_out_of_reach(self, node: Node) -> bool:
        """Return True if a shape of `node` follows from that of an operator without parser, whose own shape is unknown."""
        if not self._shapeless or all(self.graph.known_shape(name) is not None for name in (*node.inputs, *node.outputs) if name):
            return False
        waiting, seen = list(node.inputs), set(node.inputs)
        while waiting:
            name = waiting.pop()
            if name in self._shapeless:
                return True
            maker = self.graph.producer(name)
            if maker is not None and (self.graph.known_shape(name) is None or self.is_constant(name)):
                fresh = [source for source in maker.inputs if source not in seen]
                seen.update(fresh)
                waiting.extend(fresh)
        return False

    def finish(self, name: str, host_operators: Iterable[str]) -> Workload:
        """Return the workload; inputs that no layer reads are left out."""
        used = sorted({edge.producer for layer in self._layers for edge in layer.edges if edge.reads_network_input}, reverse=True)
        number = {old: -1 - new for new, old in enumerate(used)}
        layers = [
            dataclasses.replace(
                layer,
                edges=tuple(dataclasses.replace(edge, producer=number.get(edge.producer, edge.producer)) for edge in layer.edges),
            )
            for layer in self._layers
        ]
        ends = {piece.producer for tensor in self.graph.outputs if tensor in self._views for piece in self._views[tensor].pieces}
        return Workload(
            name=name,
            layers=tuple(layers),
            inputs=tuple(self._inputs[-1 - old] for old in used),
            outputs=tuple(sorted(end for end in ends if end >= 0)),
            host_operators=tuple(host_operators),
        )

    @property
    def has_layers(self) -> bool:
        """True if there is any work."""
        return bool(self._layers)

    def _is_private(self, tensor: str, nodes: Sequence[Node]) -> bool:
        """Return True if `tensor` is all of a layer's output and read by `nodes` only."""
        names = {node.name for node in nodes}
        only_here = all(user.name in names for user in self.graph.users(tensor)) and not self.graph.is_output(tensor)
        return tensor in self._owners and only_here

    def _new_view(self, tensor: str) -> View:
        shape = self.shape(tensor)
        if not self.is_constant(tensor) and tensor not in self.graph.inputs:
            raise Unsupported(f"it reads {tensor!r}, an output that the operator before it is not known to have")
        if self.is_constant(tensor):
            return View(shape, default_roles(len(shape)), (), self.bits_of(tensor, Bits().W))
        return self.add_input(tensor, shape, input_roles(self.graph, tensor, shape))

    def _free_name(self, name: str) -> str:
        taken = {layer.name for layer in self._layers}
        return name if name not in taken else next(fresh for k in range(2, len(taken) + 3) if (fresh := f"{name}_{k}") not in taken)

    def _extents(self, producer: int) -> tuple[int, int, int]:
        """Return (rows, columns, channels) of a producer."""
        source = self._layers[producer] if producer >= 0 else self._inputs[-1 - producer]
        return source.rows, source.columns, source.channels

    def _whole_of(self, producer: int) -> tuple[Relation, Relation, Relation]:
        rows, columns, channels = (Relation((), 0, extent - 1) for extent in self._extents(producer))
        return rows, columns, channels

    def _edges(self, operand: Operand, view: View, sizes: LoopSizes) -> list[Edge]:
        """Return the edges of an operand whose view is over the output's index; extents of 1 where the operand is repeated."""
        canonical = view.canonical()
        expected = (sizes.G * sizes.K, sizes.OY, sizes.OX)
        if math.prod(canonical.shape[1:]) > 1 and any(n not in (1, m) for n, m in zip(canonical.shape[1:], expected, strict=True)):
            raise ValueError(f"operand view {canonical.shape} does not match the output {expected}")
        edges = []
        for piece in canonical.pieces:
            rows, columns, channels = self._extents(piece.producer)
            edges.append(
                Edge(
                    piece.producer,
                    operand,
                    canonical.axis_map(piece.rows, rows),
                    canonical.axis_map(piece.columns, columns),
                    canonical.axis_map(piece.channels, channels),
                )
            )
        return edges
