"""Convolutions: Conv, ConvTranspose and their quantised forms."""

from __future__ import annotations

import math

from stream_evo.workload._builder import Builder
from stream_evo.workload._layer import LoopSizes, Operand, OperatorKind, Padding
from stream_evo.workload._node import Broken, Node, Unsupported
from stream_evo.workload._view import View, default_roles
from stream_evo.workload.parsers._elementwise import add_elementwise
from stream_evo.workload.parsers._window import Window, check_windows, read_windows

__all__ = ["parse_conv", "parse_conv_integer", "parse_conv_transpose", "parse_fused_conv", "parse_qlinear_conv"]


def parse_conv(node: Node, build: Builder) -> None:
    """Conv: inputs X, W, B."""
    _convolve(node, build, node.input(0), node.input(1))


def parse_fused_conv(node: Node, build: Builder) -> None:
    """com.microsoft FusedConv: Conv with an activation function, and an added tensor where it has a fourth input."""
    if build.is_constant(node.input(3)):
        parse_conv(node, build)
        return
    out = _convolve(node, build, node.input(0), node.input(1), result="")
    add_elementwise(node, build, [out, build.view(node.input(3))], name=f"{node.name}/add", operator="Add")


def parse_conv_integer(node: Node, build: Builder) -> None:
    """ConvInteger: inputs x, w, zero points."""
    _convolve(node, build, node.input(0), node.input(1))


def parse_qlinear_conv(node: Node, build: Builder) -> None:
    """QLinearConv: inputs x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B."""
    _convolve(node, build, node.input(0), node.input(3))


def _convolve(node: Node, build: Builder, data: str, weights: str, *, result: str | None = None) -> View:
    view = build.view(data)
    filters = _filter_shape(node, build, weights, view)
    groups = node.integer("group", 1)
    check_windows(node, filters[2:], view.shape[2:])
    _check_groups(groups, filters[0], "filters")
    if filters[1] * groups != view.shape[1]:
        found = f"{filters[1]} channels per filter in {groups} groups" if groups > 1 else f"{filters[1]} channels per filter"
        raise Broken("the weights do not fit the input", f"filters for its {view.shape[1]} channels", found)
    out = build.shape(node.outputs[0])
    _check_outputs(out[1], filters[0])
    rows, columns = read_windows(node, filters[2:], view.shape[2:], out[2:])
    sizes = LoopSizes(
        B=out[0],
        G=groups,
        K=out[1] // groups,
        C=view.shape[1] // groups,
        OY=rows.steps,
        OX=columns.steps,
        FY=rows.filter,
        FX=columns.filter,
    )
    read = _grouped(_windowed(view, rows, columns), groups, sizes.K)
    return build.add_layer(
        node,
        OperatorKind.CONV,
        sizes,
        _operands(build, read, weights),
        roles=default_roles(len(out)),
        result=result,
        shape=out,
        weights=weights if build.is_constant(weights) else None,
        stride=(rows.stride, columns.stride),
        dilation=(rows.dilation, columns.dilation),
        padding=Padding(rows.before, columns.before, rows.after, columns.after),
    )


def parse_conv_transpose(node: Node, build: Builder) -> None:
    """ConvTranspose as the sub-pixel convolution it equals.

    With stride s, output ``o = s q + r`` depends on inputs around q only, through the taps that hit remainder r: a convolution of stride 1
    with s x s times the channels and ``ceil(f / s)`` taps per axis, whose channels are then spread over the s x s remainders. Where s does
    not divide the filter, some remainders have fewer taps: those weights are zero.
    (Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.)
    """
    data, weights = node.input(0), node.input(1)
    view = build.view(data)
    _check_rank(view)
    groups = node.integer("group", 1)
    filters = build.shape(weights)
    check_windows(node, filters[2:], view.shape[2:], slides=False)
    _check_groups(groups, view.shape[1], "input channels")
    if filters[0] != view.shape[1]:
        raise Broken("the weights do not fit the input", f"weights for its {view.shape[1]} channels", f"weights for {filters[0]}")
    out = build.shape(node.outputs[0])
    _check_outputs(out[1], filters[1] * groups)
    rows, columns = read_windows(node, filters[2:], view.shape[2:], out[2:], transposed=True)
    phases = rows.stride * columns.stride
    sizes = LoopSizes(
        B=out[0],
        G=groups,
        K=out[1] // groups * phases,
        C=view.shape[1] // groups,
        OY=math.ceil(rows.steps / rows.stride),
        OX=math.ceil(columns.steps / columns.stride),
        FY=math.ceil((rows.reach + 1) / rows.stride),
        FX=math.ceil((columns.reach + 1) / columns.stride),
    )
    read = view
    for dim, axis, steps in ((2, rows, sizes.OY), (3, columns, sizes.OX))[: len(out) - 2]:
        last = axis.before + axis.stride - 1  # of the taps that reach outputs s q .. s q + s - 1
        read = read.map_dim(dim, steps, scale=axis.stride, low=last - axis.reach, high=last, divisor=axis.stride)
    inner = (out[0], groups * sizes.K, sizes.OY, sizes.OX)[: len(out)]
    spread = build.add_layer(
        node,
        OperatorKind.CONV,
        sizes,
        _operands(build, _grouped(read, groups, sizes.K), weights),
        roles=default_roles(len(out)),
        shape=inner,
        weights=weights if build.is_constant(weights) else None,
        zero_weights=groups * sizes.K // phases * sizes.C * (phases * sizes.FY * sizes.FX - rows.filter * columns.filter),
    )
    result = spread.map_dim(1, out[1], scale=phases, low=0, high=phases - 1)
    for dim, axis in ((2, rows), (3, columns))[: len(out) - 2]:
        result = result.map_dim(dim, out[dim], divisor=axis.stride)
    build.present(node, result)


def _filter_shape(node: Node, build: Builder, weights: str, view: View) -> tuple[int, ...]:
    """Return the filter's shape; from the kernel_shape attribute and the output where the file leaves it out."""
    _check_rank(view)
    shape = build.graph.known_shape(weights)
    if shape is not None:
        return shape
    kernel = node.integers("kernel_shape", ())
    if not kernel:
        return build.shape(weights)
    return (build.shape(node.outputs[0])[1], view.shape[1] // node.integer("group", 1), *kernel)


def _check_rank(view: View) -> None:
    if not 3 <= len(view.shape) <= 4:
        raise Unsupported(f"{len(view.shape) - 2}-D convolution; 1-D and 2-D are known")


def _check_groups(groups: int, channels: int, what: str) -> None:
    if groups < 1 or channels % groups:
        raise Broken(f"attribute group does not divide the {what}", f"a divisor of {channels}", str(groups))


def _check_outputs(channels: int, filters: int) -> None:
    if channels != filters:
        raise Broken("the output does not fit the weights", f"{filters} channels", str(channels))


def _windowed(view: View, rows: Window, columns: Window) -> View:
    """Let the spatial dimensions be those of the output, reading windows of the input."""
    for dim, axis in ((2, rows), (3, columns))[: len(view.shape) - 2]:
        view = view.map_dim(dim, axis.steps, scale=axis.stride, low=-axis.before, high=axis.reach - axis.before)
    return view.with_roles(default_roles(len(view.shape)))


def _grouped(view: View, groups: int, outputs: int) -> View:
    """Let the channel dimension be that of the output: each of its groups of `outputs` channels reads the input channels of its group."""
    if groups == 1:
        return view.whole(1, outputs)
    batch, channels, *spatial = view.shape
    split = view.reshape((batch, groups, channels // groups, *spatial)).whole(2, outputs)
    return split.reshape((batch, groups * outputs, *spatial)).with_roles(view.roles)


def _operands(build: Builder, read: View, weights: str) -> list[tuple[Operand, View]]:
    """Return the activations of a convolution; filters that are computed are read whole for every tile."""
    if build.is_constant(weights):
        return [(Operand.I, read)]
    filters = build.view(weights)
    for dim in range(len(filters.shape)):
        filters = filters.whole(dim)
    return [(Operand.I, read), (Operand.W, filters)]
