"""Operators that need a whole axis, or a window of channels, for each of their outputs."""

from __future__ import annotations

from collections.abc import Iterable

from stream_evo.workload._builder import Builder
from stream_evo.workload._layer import Operand, OperatorKind
from stream_evo.workload._node import Node
from stream_evo.workload._view import View, default_roles
from stream_evo.workload.parsers._elementwise import add_elementwise, cycles_of, sizes_of

__all__ = [
    "add_normalisation",
    "normalise",
    "parse_batch_normalisation",
    "parse_embedding_normalisation",
    "parse_group_normalisation",
    "parse_instance_normalisation",
    "parse_layer_normalisation",
    "parse_lrn",
    "parse_mean_variance_normalisation",
    "parse_one_axis",
    "parse_skip_normalisation",
    "parse_softmax",
]

_SOFTMAX_PER_AXIS_SINCE = 13


def add_normalisation(
    node: Node,
    build: Builder,
    source: str,
    result: str,
    axes: Iterable[int],
    *,
    operator: str | None = None,
    cycles: int = 1,
    folded: Iterable[Node] = (),
) -> None:
    """Add a layer each of whose outputs reads the whole of `axes`; `folded` are further nodes it stands for."""
    names = tuple(inner.name for inner in folded)
    normalise(node, build, build.view(source), axes, result=result, operator=operator, cycles=cycles, folded=names)


def normalise(
    node: Node,
    build: Builder,
    view: View,
    axes: Iterable[int],
    *,
    result: str = "",
    name: str | None = None,
    operator: str | None = None,
    cycles: int = 1,
    folded: tuple[str, ...] = (),
) -> View:
    """Add a layer each of whose outputs reads the whole of `axes` of `view`, and return its output; see `Builder.add_layer`."""
    shape, roles = view.shape, view.roles
    for axis in axes:
        view = view.whole(axis, shape[axis])
    return build.add_layer(
        node,
        OperatorKind.ELEMENTWISE,
        sizes_of(shape, roles),
        [(Operand.I, view)],
        roles=roles,
        shape=shape,
        result=result,
        name=name,
        operator=operator,
        cycles=cycles,
        folded=folded,
    )


def _rank(node: Node, build: Builder) -> int:
    return len(build.shape(node.input(0)))


def parse_softmax(node: Node, build: Builder) -> None:
    """Softmax, LogSoftmax, Hardmax: along one axis; before opset 13 along all axes from the given one on."""
    rank = _rank(node, build)
    if node.opset >= _SOFTMAX_PER_AXIS_SINCE or node.proto.domain not in ("", "ai.onnx"):
        axes: Iterable[int] = (node.integer("axis", -1) % rank,)
    else:
        axes = range(node.integer("axis", 1) % rank, rank)
    add_normalisation(node, build, node.input(0), node.outputs[0], axes, cycles=cycles_of(node.operator))


def parse_one_axis(node: Node, build: Builder) -> None:
    """LpNormalization, CumSum, RotaryEmbedding: each output depends on elements along one axis, the last by default."""
    rank = _rank(node, build)
    axes = build.graph.integers(node.input(1)) if node.operator == "CumSum" else (node.integer("axis", -1),)
    add_normalisation(node, build, node.input(0), node.outputs[0], range(rank) if axes is None else [axes[0] % rank])


def parse_layer_normalisation(node: Node, build: Builder) -> None:
    """LayerNormalization, RMSNormalization: along all axes from the given one on; scale and bias are part of it."""
    rank = _rank(node, build)
    add_normalisation(node, build, node.input(0), node.outputs[0], range(node.integer("axis", -1) % rank, rank))


def parse_skip_normalisation(node: Node, build: Builder) -> None:
    """com.microsoft SkipLayerNormalization: the sum of two activations, normalised along the last axis."""
    operands = [build.view(name) for name in node.inputs[:2] if not build.is_constant(name)]
    rank = _rank(node, build)
    if len(operands) == 1:
        source = next(name for name in node.inputs[:2] if not build.is_constant(name))
        add_normalisation(node, build, source, node.outputs[0], [rank - 1])
        return
    total = node.outputs[3] if len(node.outputs) > 3 and node.outputs[3] else node.outputs[0]
    add_elementwise(node, build, operands, name=f"{node.name}/add", operator="Add")
    if total != node.outputs[0]:
        build.rearrange(node, build.view(node.outputs[0]), output=3)
    add_normalisation(node, build, node.outputs[0], node.outputs[0], [rank - 1])


def parse_embedding_normalisation(node: Node, build: Builder) -> None:
    """com.microsoft EmbedLayerNormalization: rows of constant tables, summed on the host, come from outside and are normalised."""
    shape = build.shape(node.outputs[0])
    embedding = build.add_input(f"{node.name}/embedding", shape, default_roles(len(shape), matrix=True))
    normalise(node, build, embedding, [len(shape) - 1], result=node.outputs[0])


def parse_instance_normalisation(node: Node, build: Builder) -> None:
    """InstanceNormalization: over the map of each channel."""
    add_normalisation(node, build, node.input(0), node.outputs[0], range(2, _rank(node, build)))


def parse_group_normalisation(node: Node, build: Builder) -> None:
    """GroupNormalization: over the maps of a group of channels; all channels are read, which holds for any number of groups."""
    add_normalisation(node, build, node.input(0), node.outputs[0], range(1, _rank(node, build)))


def parse_mean_variance_normalisation(node: Node, build: Builder) -> None:
    """MeanVarianceNormalization: over the given axes."""
    rank = _rank(node, build)
    add_normalisation(node, build, node.input(0), node.outputs[0], sorted({axis % rank for axis in node.integers("axes", (0, 2, 3))}))


def parse_batch_normalisation(node: Node, build: Builder) -> None:
    """BatchNormalization as in inference: a scale and an offset per channel; folds into its producer, else is a layer of its own."""
    if build.fold([node], node.input(0), node.outputs[0]):
        return
    view = build.view(node.input(0))
    add_elementwise(node, build, [view.with_roles(default_roles(len(view.shape)))])


def parse_lrn(node: Node, build: Builder) -> None:
    """LRN: each output reads a window of channels around its own."""
    view = build.view(node.input(0))
    shape, roles = view.shape, default_roles(len(view.shape))
    around = node.integer("size", 1) - 1
    view = view.map_dim(1, shape[1], low=-(around // 2), high=around - around // 2)
    build.add_layer(node, OperatorKind.ELEMENTWISE, sizes_of(shape, roles), [(Operand.I, view.with_roles(roles))], roles=roles)
