"""Attention as one operator of ONNX Runtime: its two products, its softmax, and the projection where that is part of it.

Masks of padding and of the future cost nothing here: they only say which scores count.
"""

from __future__ import annotations

from stream_evo.workload._builder import Builder, Status
from stream_evo.workload._node import Node, Unsupported
from stream_evo.workload._view import View
from stream_evo.workload.parsers._elementwise import combine, cycles_of
from stream_evo.workload.parsers._matmul import multiply
from stream_evo.workload.parsers._normalise import normalise
from stream_evo.workload.parsers._rearrange import join

__all__ = ["parse_attention", "parse_group_query_attention", "parse_multi_head_attention"]


def parse_attention(node: Node, build: Builder) -> None:
    """com.microsoft Attention: inputs x, weights (D, 3 D), bias, mask, past (2, B, H, P, h), attention_bias; outputs y, present."""
    weights = node.input(1)
    if not build.is_constant(weights):
        raise Unsupported("projection weights that are computed")
    packed = multiply(
        node, build, build.view(node.input(0)), build.view(weights), weights=weights, result="", name=f"{node.name}/projection"
    )
    widths = node.integers("qkv_hidden_sizes", ()) or (packed.shape[2] // 3,) * 3
    heads = node.integer("num_heads", 1)
    query, key, value = (_heads(part, heads) for part in _parts(packed, widths))
    if past := node.input(4):
        pair = build.view(past)
        old_key, old_value = (pair.map_dim(0, 1, low=place).reshape(pair.shape[1:]) for place in (0, 1))
        key, value = join([old_key, key], 2), join([old_value, value], 2)
    _attend(node, build, query, key, value, node.input(5))
    if len(node.outputs) > 1 and node.outputs[1]:
        pair = join([part.reshape((1, *part.shape)) for part in (key, value)], 0)
        build.rearrange(node, pair, output=1, source="", status=Status.SUPPORTED)


def parse_multi_head_attention(node: Node, build: Builder) -> None:
    """com.microsoft MultiHeadAttention: inputs query, key, value, bias, mask, attention_bias, past key, past value."""
    heads = node.integer("num_heads", 1)
    if not node.input(1) or not node.input(2) or len(build.shape(node.input(0))) != 3:
        raise Unsupported("packed queries, keys and values")
    query = _heads(build.view(node.input(0)), heads)
    key, value = (view if len(view.shape) == 4 else _heads(view, heads) for view in map(build.view, (node.input(1), node.input(2))))
    _with_past(node, build, query, key, value, past=(6, 7), bias=node.input(5))


def parse_group_query_attention(node: Node, build: Builder) -> None:
    """com.microsoft GroupQueryAttention: inputs query, key, value, past key and value, ...; several query heads share a key and a value.

    Without key and value, the query holds all three side by side. The rotary embedding is a layer for the query and one for the key.
    """
    heads, shared = node.integer("num_heads", 1), node.integer("kv_num_heads", 1)
    query = build.view(node.input(0))
    if node.input(1):
        key, value = build.view(node.input(1)), build.view(node.input(2))
    else:
        width = query.shape[2] // (heads + 2 * shared)
        query, key, value = _parts(query, (heads * width, shared * width, shared * width))
    query, key, value = _heads(query, heads), _heads(key, shared), _heads(value, shared)
    if node.integer("do_rotary", 0):
        query = normalise(node, build, query, [3], name=f"{node.name}/rotary_query", operator="RotaryEmbedding")
        key = normalise(node, build, key, [3], name=f"{node.name}/rotary_key", operator="RotaryEmbedding")
    _with_past(node, build, query, key, value, past=(3, 4), bias=node.input(10), repeats=heads // shared)


def _parts(packed: View, widths: tuple[int, ...]) -> list[View]:
    """Return the parts that lie side by side along the last of three dimensions."""
    return [packed.map_dim(2, width, low=sum(widths[:place])) for place, width in enumerate(widths)]


def _heads(view: View, heads: int) -> View:
    """Return (B, S, heads * d) as (B, heads, S, d)."""
    batch, rows, width = view.shape
    return view.reshape((batch, rows, heads, width // heads)).transpose((0, 2, 1, 3))


def _repeated(view: View, repeats: int) -> View:
    """Return (B, heads, S, d) with every head `repeats` times."""
    batch, heads, rows, width = view.shape
    apart = view.reshape((batch, heads, 1, rows, width))
    return apart.broadcast((batch, heads, repeats, rows, width)).reshape((batch, heads * repeats, rows, width))


def _with_past(
    node: Node, build: Builder, query: View, key: View, value: View, *, past: tuple[int, int], bias: str, repeats: int = 1
) -> None:
    """Put past keys and values before the new ones, which are outputs too, and attend."""
    if node.input(past[0]):
        key, value = join([build.view(node.input(past[0])), key], 2), join([build.view(node.input(past[1])), value], 2)
    _attend(node, build, query, _repeated(key, repeats), _repeated(value, repeats), bias)
    for place, view in ((1, key), (2, value)):
        if len(node.outputs) > place and node.outputs[place]:
            build.rearrange(node, view, output=place, source="", status=Status.SUPPORTED)


def _attend(node: Node, build: Builder, query: View, key: View, value: View, bias: str) -> None:
    """Add the layers of ``softmax(query key' + bias) value`` for operands of (B, heads, S, d)."""
    scores = multiply(node, build, query, key.transpose((0, 1, 3, 2)), result="", name=f"{node.name}/scores")
    if not build.is_constant(bias):
        views = [scores, build.view(bias)]
        scores = combine(node, build, views, scores.shape, result="", name=f"{node.name}/bias", operator="Add")
    weights = normalise(node, build, scores, [3], name=f"{node.name}/softmax", operator="Softmax", cycles=cycles_of("Softmax"))
    context = multiply(node, build, weights, value, name=f"{node.name}/context")
    batch, heads, rows, width = context.shape
    build.present(node, context.transpose((0, 2, 1, 3)).reshape((batch, rows, heads * width)))
