"""Matrix products: Gemm, MatMul and their quantised and fused forms.

Rows go to OY, columns of the product to K, the reduction to C. Leading dimensions beyond the batch go to G (heads) if both operands have
them, and join the rows if the second operand is shared by them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from stream_evo.workload._builder import Builder
from stream_evo.workload._layer import Axis, LoopSizes, Operand, OperatorKind
from stream_evo.workload._node import Node, Unsupported
from stream_evo.workload._view import Role, Roles, View, default_roles
from stream_evo.workload.parsers._elementwise import add_elementwise

__all__ = [
    "multiply",
    "parse_fused_matmul",
    "parse_gemm",
    "parse_matmul",
    "parse_matmul_integer",
    "parse_matmul_narrow",
    "parse_qgemm",
    "parse_qlinear_matmul",
]


def parse_gemm(node: Node, build: Builder) -> None:
    """Gemm: ``alpha A' B' + beta C``; a constant C is part of the layer, another one is added by a layer of its own."""
    addend = node.input(2)
    folded = build.is_constant(addend)
    inner = None if folded else ""
    out = _product(node, build, node.input(0), node.input(1), bool(node.integer("transA", 0)), bool(node.integer("transB", 0)), inner)
    if not folded:
        add_elementwise(node, build, [out, build.view(addend)], name=f"{node.name}/add", operator="Add")


def parse_qgemm(node: Node, build: Builder) -> None:
    """com.microsoft QGemm: inputs A, a_scale, a_zero_point, B, ..."""
    _product(node, build, node.input(0), node.input(3), bool(node.integer("transA", 0)), bool(node.integer("transB", 0)))


def parse_matmul(node: Node, build: Builder) -> None:
    """MatMul and MatMulInteger's first two inputs, batched and broadcast as in NumPy."""
    _product(node, build, node.input(0), node.input(1))


def parse_matmul_integer(node: Node, build: Builder) -> None:
    """MatMulInteger and com.microsoft MatMulIntegerToFloat, DynamicQuantizeMatMul: inputs A, B, then scales, zero points and a bias."""
    _product(node, build, node.input(0), node.input(1))


def parse_qlinear_matmul(node: Node, build: Builder) -> None:
    """QLinearMatMul: inputs a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point."""
    _product(node, build, node.input(0), node.input(3))


def parse_matmul_narrow(node: Node, build: Builder) -> None:
    """com.microsoft MatMulNBits: A times constant weights of a few bits, stored in blocks; attributes K, N, bits."""
    inner, features = node.integer("K", 0), node.integer("N", 0)
    if not build.is_constant(node.input(1)):
        raise Unsupported("narrow weights that are not constant")
    weights = View((inner, features), default_roles(2, matrix=True), (), node.integer("bits", 4))
    multiply(node, build, build.view(node.input(0)), weights, weights=node.input(1))


def parse_fused_matmul(node: Node, build: Builder) -> None:
    """com.microsoft FusedMatMul: MatMul with transposed operands."""
    if node.integer("transBatchA", 0) or node.integer("transBatchB", 0):
        raise Unsupported("transBatchA and transBatchB")
    _product(node, build, node.input(0), node.input(1), bool(node.integer("transA", 0)), bool(node.integer("transB", 0)))


def _product(
    node: Node,
    build: Builder,
    left: str,
    right: str,
    transpose_left: bool = False,
    transpose_right: bool = False,
    result: str | None = None,
) -> View:
    """Add the layer of a product and return its output."""
    a, b = _matrix(build.view(left), transpose_left, column=False), _matrix(build.view(right), transpose_right, column=True)
    constant = left if build.is_constant(left) else right
    product = multiply(node, build, a, b, weights=constant if build.is_constant(constant) else None, result=result)
    out = build.shape(node.outputs[0])
    if product.shape != out:  # a vector operand's dimension is dropped
        product = product.reshape(out)
        if result is None:
            build.present(node, product)
    return product


def multiply(
    node: Node, build: Builder, a: View, b: View, *, weights: str | None = None, result: str | None = None, name: str | None = None
) -> View:
    """Add the layer of ``a @ b``, batched and broadcast as in NumPy, and return its output.

    Args:
        node: The graph node it stands for.
        build: The workload under construction.
        a: Left operand, at least two dimensions.
        b: Right operand, at least two dimensions.
        weights: Name of the operand that is constant, if one is; its view has no pieces, and states the bits of a weight.
        result: Tensor the layer writes, as in `Builder.add_layer`.
        name: Layer name; the node's by default.
    """
    flip = weights is not None and not a.pieces and bool(b.pieces)
    if not flip and math.prod(b.shape[:-2]) == 1:
        return _shared_operand(node, build, a, b, weights, result, name)
    return _batched(node, build, a, b, weights, result, name, flip=flip)


def _matrix(view: View, transposed: bool, *, column: bool) -> View:
    """Return an operand with at least two dimensions; a vector is a row on the left and a column on the right."""
    if len(view.shape) == 1:
        return view.reshape((view.shape[0], 1) if column else (1, view.shape[0]))
    rank = len(view.shape)
    return view.transpose((*range(rank - 2), rank - 1, rank - 2)) if transposed else view


def _leading_roles(view: View) -> Roles:
    """Return what the dimensions before the last mean: rows and columns of a map with channels last are kept, other ones are rows."""
    *leading, _ = view.roles
    spatial = [role for role, extent in zip(leading, view.shape, strict=False) if role is not None and extent > 1]
    if spatial == [Axis.ROWS, Axis.COLUMNS]:
        return tuple(leading)
    return tuple(role if role is None else Axis.ROWS for role in leading)


def _shared_operand(node: Node, build: Builder, a: View, b: View, weights: str | None, result: str | None, name: str | None) -> View:
    """Add a product whose right operand is one matrix: every leading dimension of the left one is rows (or batch)."""
    leading = _leading_roles(a)
    roles: Roles = (*leading, Axis.CHANNELS)
    features = b.shape[-1]
    sizes = _extents(a.shape[:-1], leading)
    loops = LoopSizes(B=sizes[None], K=features, C=a.shape[-1], OY=sizes[Axis.ROWS], OX=sizes[Axis.COLUMNS])
    operands = [(Operand.I, a.whole(len(a.shape) - 1, features).with_roles(roles))]
    if weights is None:
        second = b.reshape(b.shape[-2:]).whole(0)
        operands.append((Operand.W, second.with_roles((None, Axis.CHANNELS))))
    return build.add_layer(
        node,
        OperatorKind.GEMM,
        loops,
        operands,
        roles=roles,
        shape=(*a.shape[:-1], features),
        weights=weights,
        weight_bits=b.bits if weights else None,
        result=result,
        name=name,
    )


def _batched(
    node: Node, build: Builder, a: View, b: View, weights: str | None, result: str | None, name: str | None, *, flip: bool
) -> View:
    """Add a product with a right operand of its own for every head; `flip` if the left operand is the constant one."""
    rank = max(len(a.shape), len(b.shape))
    a, b = _padded(a, rank), _padded(b, rank)
    heads = _head_roles(a, b, (a if flip else b) if weights is not None else None)
    lead = tuple(max(pair) for pair in zip(a.shape[:-2], b.shape[:-2], strict=True))
    m, n, c = a.shape[-2], b.shape[-1], a.shape[-1]
    roles: Roles = (*heads, Axis.CHANNELS, Axis.ROWS) if flip else (*heads, Axis.ROWS, Axis.CHANNELS)
    sizes = _extents(lead, heads)
    loops = LoopSizes(B=sizes[None], G=sizes[Axis.CHANNELS], K=m if flip else n, C=c, OY=sizes[Axis.ROWS] * (n if flip else m))
    first = a.broadcast((*lead, m, c)).whole(rank - 1, n).with_roles(roles)
    second = b.broadcast((*lead, c, n)).whole(rank - 2, m).with_roles(roles)
    operands = [(Operand.I, second if flip else first)]
    if weights is None:
        operands.append((Operand.W, second))
    return build.add_layer(
        node,
        OperatorKind.GEMM,
        loops,
        operands,
        roles=roles,
        shape=(*lead, m, n),
        weights=weights,
        weight_bits=(a if flip else b).bits if weights else None,
        result=result,
        name=name,
    )


def _head_roles(a: View, b: View, constant: View | None) -> list[Role]:
    """Return what the leading dimensions of a product are: batch, heads, or rows where they share a constant operand."""
    heads: list[Role] = []
    for dim in range(len(a.shape) - 2):
        role = a.roles[dim] if a.shape[dim] > 1 else b.roles[dim]
        if constant is not None and constant.shape[dim] > 1:
            heads.append(Axis.CHANNELS)  # weights of its own for every index, so it is no batch whatever the activation says
        elif role is None:
            heads.append(None)
        else:
            heads.append(Axis.CHANNELS if constant is None else Axis.ROWS)
    return heads


def _extents(shape: Sequence[int], roles: Sequence[Role]) -> dict[Role, int]:
    """Return the number of elements along the dimensions of each role."""
    return {role: math.prod(n for n, own in zip(shape, roles, strict=True) if own is role) for role in (None, *Axis)}


def _padded(view: View, rank: int) -> View:
    """Add leading dimensions of extent 1."""
    return view.broadcast((*(1,) * (rank - len(view.shape)), *view.shape))
