"""Matrix products: Gemm, MatMul and their quantised and fused forms.

Rows go to OY, columns of the product to K, the reduction to C. Leading dimensions beyond the batch go to G (heads) if both operands have
them, and join the rows if the second operand is shared by them.
"""

from __future__ import annotations

import math

from stream_evo.workload._builder import Builder
from stream_evo.workload._layer import Axis, LoopSizes, Operand, OperatorKind
from stream_evo.workload._node import Node, Unsupported
from stream_evo.workload._view import Role, Roles, View
from stream_evo.workload.parsers._elementwise import add_elementwise

__all__ = ["parse_fused_matmul", "parse_gemm", "parse_matmul", "parse_matmul_integer", "parse_qgemm", "parse_qlinear_matmul"]


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
    """MatMulInteger: inputs A, B, zero points."""
    _product(node, build, node.input(0), node.input(1))


def parse_qlinear_matmul(node: Node, build: Builder) -> None:
    """QLinearMatMul: inputs a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point."""
    _product(node, build, node.input(0), node.input(3))


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
    out = build.shape(node.outputs[0])
    if build.is_constant(left):
        view, weights, flip = b, left, True
    else:
        view, weights, flip = a, right if build.is_constant(right) else "", False
    other = a if flip else b
    if not flip and math.prod(other.shape[:-2]) == 1:
        return _shared_weights(node, build, view, other, weights, out, result)
    return _batched(node, build, a, b, weights, flip, out, result)


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


def _shared_weights(node: Node, build: Builder, view: View, other: View, weights: str, out: tuple[int, ...], result: str | None) -> View:
    """Add a product whose right operand is one matrix: every leading dimension of the left one is rows (or batch)."""
    leading = _leading_roles(view)
    roles: Roles = (*leading, Axis.CHANNELS)
    features = other.shape[-1]
    sizes = {role: math.prod(n for n, own in zip(view.shape[:-1], leading, strict=True) if own is role) for role in (None, *Axis)}
    loops = LoopSizes(B=sizes[None], K=features, C=view.shape[-1], OY=sizes[Axis.ROWS], OX=sizes[Axis.COLUMNS])
    operands = [(Operand.I, view.whole(len(view.shape) - 1, features).with_roles(roles))]
    if not weights:
        second = other.reshape(other.shape[-2:]).whole(0)
        operands.append((Operand.W, second.with_roles((None, Axis.CHANNELS))))
    shape = (*view.shape[:-1], features)
    product = build.add_layer(node, OperatorKind.GEMM, loops, operands, roles=roles, shape=shape, weights=weights or None, result=result)
    return _presented(node, build, product, out, result)


def _batched(node: Node, build: Builder, a: View, b: View, weights: str, flip: bool, out: tuple[int, ...], result: str | None) -> View:
    """Add a product with a right operand of its own for every leading index; `flip` if the left operand is the constant one."""
    rank = max(len(a.shape), len(b.shape))
    lead = tuple(max(x, y) for x, y in zip(_padded(a, rank).shape[:-2], _padded(b, rank).shape[:-2], strict=True))
    m, n, c = a.shape[-2], b.shape[-1], a.shape[-1]
    a, b = _padded(a, rank).broadcast((*lead, m, c)), _padded(b, rank).broadcast((*lead, c, n))
    activation = b if flip else a
    heads: list[Role] = [None if role is None else Axis.CHANNELS for role in activation.roles[:-2]]
    if weights:  # constant weights are stored once per leading index, so none of them is batch unless they are shared along it
        shared = _padded(build.view(weights), rank).shape[:-2]
        heads = [None if extent == 1 else Axis.CHANNELS for extent in shared]
    groups = math.prod(extent for extent, role in zip(lead, heads, strict=True) if role is Axis.CHANNELS)
    batch = math.prod(lead) // groups
    roles: Roles = (*heads, Axis.CHANNELS, Axis.ROWS) if flip else (*heads, Axis.ROWS, Axis.CHANNELS)
    loops = LoopSizes(B=batch, G=groups, K=m if flip else n, C=c, OY=n if flip else m)
    first = a.whole(rank - 1, n).with_roles(roles)
    second = b.whole(rank - 2, m).with_roles(roles)
    operands = [(Operand.I, second if flip else first)]
    if not weights:
        operands.append((Operand.W, second))
    shape = (*lead, m, n)
    product = build.add_layer(node, OperatorKind.GEMM, loops, operands, roles=roles, shape=shape, weights=weights or None, result=result)
    return _presented(node, build, product, out, result)


def _padded(view: View, rank: int) -> View:
    """Add leading dimensions of extent 1."""
    return view.broadcast((*(1,) * (rank - len(view.shape)), *view.shape))


def _presented(node: Node, build: Builder, product: View, out: tuple[int, ...], result: str | None) -> View:
    """Give the product the shape the graph states (a vector operand's dimension is dropped)."""
    if product.shape != out:
        product = product.reshape(out)
        if result is None:
            build.present(node, product)
    return product
