"""Operators that work element by element, with one or several operands."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stream_evo.workload._builder import Builder
from stream_evo.workload._layer import Axis, LoopSizes, Operand, OperatorKind
from stream_evo.workload._node import Broken, Node
from stream_evo.workload._view import Roles, View, default_roles

__all__ = ["SLOW", "add_elementwise", "combine", "cycles_of", "parse_broadcast", "parse_elementwise", "parse_qlinear_binary", "sizes_of"]

SLOW = frozenset(
    {"Celu", "Elu", "Erf", "Exp", "Gelu", "Log", "LogSoftmax", "Mish", "Selu", "Sigmoid", "Silu", "Softmax", "Softplus", "Swish", "Tanh"}
    | {"com.microsoft::BiasGelu", "com.microsoft::FastGelu", "com.microsoft::Gelu", "com.microsoft::QuickGelu"}
    | {"com.microsoft::QLinearSigmoid", "com.microsoft::QLinearSoftmax"}
)
"""Operators built on an exponential: 4 cycles each, as in KULeuven-MICAS/stream (cost of exp, silu and sigmoid), MIT; all others take 1."""


def cycles_of(operator: str) -> int:
    """Return the cycles one operation occupies a processing element."""
    return 4 if operator in SLOW else 1


def sizes_of(shape: Sequence[int], roles: Roles) -> LoopSizes:
    """Return the loops over all elements of a tensor."""
    extent = {role: math.prod(n for n, own in zip(shape, roles, strict=True) if own is role) for role in (None, *Axis)}
    return LoopSizes(B=extent[None], K=extent[Axis.CHANNELS], OY=extent[Axis.ROWS], OX=extent[Axis.COLUMNS])


def parse_elementwise(node: Node, build: Builder) -> None:
    """Any function of one or more operands, element by element, with broadcasting.

    Constants are part of the layer. With one activation the node folds into its producer where it can; n activations make n - 1 layers.
    """
    operands = [name for name in node.inputs if not build.is_constant(name)]
    _elementwise(node, build, operands)


def parse_broadcast(node: Node, build: Builder) -> None:
    """Add, Mul, Where, ...: any function of operands whose shapes broadcast against each other."""
    _check_broadcast(build, node.inputs)
    parse_elementwise(node, build)


def parse_qlinear_binary(node: Node, build: Builder) -> None:
    """com.microsoft QLinearAdd, QLinearMul: inputs A, A_scale, A_zero_point, B, ..."""
    _check_broadcast(build, (node.input(0), node.input(3)))
    _elementwise(node, build, [name for name in (node.input(0), node.input(3)) if not build.is_constant(name)])


def _check_broadcast(build: Builder, operands: Sequence[str]) -> None:
    shapes = [shape for name in operands if name and (shape := build.graph.known_shape(name)) is not None]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        found = " and ".join(str(shape) for shape in shapes)
        raise Broken("the operands do not fit together", "shapes that broadcast", found) from error


def _elementwise(node: Node, build: Builder, operands: Sequence[str]) -> None:
    if len(operands) == 1 and build.fold([node], operands[0], node.outputs[0]):
        return
    add_elementwise(node, build, [build.view(name) for name in operands])


def add_elementwise(node: Node, build: Builder, operands: Sequence[View], *, name: str | None = None, operator: str | None = None) -> None:
    """Add the layers of an elementwise function: one for up to two operands, a chain of two-operand layers for more."""
    combine(node, build, operands, build.shape(node.outputs[0]), name=name, operator=operator)


def combine(
    node: Node,
    build: Builder,
    operands: Sequence[View],
    shape: Sequence[int],
    *,
    result: str | None = None,
    name: str | None = None,
    operator: str | None = None,
) -> View:
    """Add the layers of an elementwise function of `operands`, broadcast to `shape`, and return the output; see `Builder.add_layer`."""
    base = name or node.name
    left, *rest = [view for view in operands if view.pieces] or operands
    steps: list[View | None] = [*rest] if rest else [None]
    for position, right in enumerate(steps):
        last = position == len(steps) - 1
        roles = _roles(shape, [left] if right is None else [left, right])
        views = [(Operand.I, left.broadcast(shape).with_roles(roles))]
        if right is not None:
            views.append((Operand.W, right.broadcast(shape).with_roles(roles)))
        left = build.add_layer(
            node,
            OperatorKind.ELEMENTWISE,
            sizes_of(shape, roles),
            views,
            roles=roles,
            shape=shape,
            result=result if last else "",
            name=base if last else f"{base}/{position + 1}",
            operator=operator,
            cycles=cycles_of(operator or node.operator),
        )
    return left


def _roles(shape: Sequence[int], operands: Sequence[View]) -> Roles:
    """Return what the output's dimensions mean: what they mean in the largest operand that is not repeated along them."""
    roles = list(default_roles(len(shape), matrix=len(shape) == 3))
    for view in sorted(operands, key=lambda view: math.prod(view.shape)):  # the largest has the last word
        added = len(shape) - len(view.shape)
        for dim, (extent, role) in enumerate(zip(view.shape, view.roles, strict=True), start=added):
            if extent > 1:
                roles[dim] = role
    return tuple(roles)
