"""Einsum with up to two operands: a matrix product, an elementwise product, or a rearrangement."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from stream_evo.workload._builder import Builder
from stream_evo.workload._node import Node, Unsupported
from stream_evo.workload._view import View
from stream_evo.workload.parsers._elementwise import add_elementwise
from stream_evo.workload.parsers._matmul import multiply
from stream_evo.workload.parsers._pool import reduce_axes

__all__ = ["parse_einsum"]

_ELLIPSIS = re.compile(r"\.\.\.")
_BROADCAST = "0123456789"
"""Stand for the dimensions of an ellipsis, the last one being the last of them."""


def parse_einsum(node: Node, build: Builder) -> None:
    """Einsum: indices of both operands and the output are the batch, those of both operands alone the reduction of a matrix product.

    Without a reduction the operands are multiplied element by element. An index of one operand alone must be in the output.
    """
    views = [build.view(name) for name in node.inputs]
    *terms, out = _terms(node.text("equation", ""), [len(view.shape) for view in views])
    if len(terms) > 2:
        raise Unsupported(f"{len(terms)} operands; one and two are known. Export it as products of two")
    if any(len(set(term)) < len(term) for term in (*terms, out)):
        raise Unsupported("an index that stands twice in one operand: a diagonal")
    if len(terms) == 1:
        _single(node, build, views[0], terms[0], out)
        return
    for term, other in (terms, terms[::-1]):
        if alone := set(term) - set(other) - set(out):
            raise Unsupported(f"a sum over {', '.join(sorted(alone))}, an index of one operand alone")
    if set(terms[0]) & set(terms[1]) <= set(out):
        operands = zip(terms, views, strict=True)
        add_elementwise(node, build, [_spread(view, term, out) for term, view in operands if view.pieces], operator="Mul")
    else:
        _product(node, build, views, terms, out)


def _terms(equation: str, ranks: Sequence[int]) -> list[str]:
    """Return one letter per dimension for every operand and the output; digits stand for dimensions of an ellipsis."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow:  # the output is then every index that stands once, in order of the alphabet
        letters = left.replace(",", "").replace(".", "")
        right = "..." * ("..." in left) + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    if len(terms) != len(ranks):
        raise Unsupported(f"the equation {equation!r} names {len(terms)} operands, the node has {len(ranks)}")
    hidden = [rank - len(term.replace(".", "")) if "..." in term else 0 for term, rank in zip(terms, ranks, strict=True)]
    spelled = [_ELLIPSIS.sub(_last(count), term) for term, count in zip(terms, hidden, strict=True)]
    if any(len(term) != rank for term, rank in zip(spelled, ranks, strict=True)):
        raise Unsupported(f"the equation {equation!r} does not fit operands of {', '.join(map(str, ranks))} dimensions")
    return [*spelled, _ELLIPSIS.sub(_last(max(hidden)), right)]


def _last(count: int) -> str:
    return _BROADCAST[len(_BROADCAST) - count :]


def _ordered(view: View, term: str, order: str) -> View:
    """Return an operand with its dimensions in another order."""
    return view.transpose([term.index(letter) for letter in order])


def _single(node: Node, build: Builder, view: View, term: str, out: str) -> None:
    """Sum over the indices that are missing in the output, and reorder the others."""
    summed = [place for place, letter in enumerate(term) if letter not in out]
    kept = "".join(letter for letter in term if letter in out)
    if not summed:
        build.rearrange(node, _ordered(view, term, out), keeps_all=True)
        return
    shape = tuple(extent for letter, extent in zip(term, view.shape, strict=True) if letter in out)
    build.present(node, _ordered(reduce_axes(node, build, view, summed).reshape(shape), kept, out))


def _spread(view: View, term: str, out: str) -> View:
    """Return an operand with one dimension per index of the output, of extent 1 where it lacks the index."""
    own = "".join(letter for letter in out if letter in term)
    extents = dict(zip(term, view.shape, strict=True))
    return _ordered(view, term, own).reshape([extents.get(letter, 1) for letter in out])


def _product(node: Node, build: Builder, views: Sequence[View], terms: Sequence[str], out: str) -> None:
    names = list(node.inputs)
    if not views[0].pieces:  # weights on the right, so that features are columns
        views, terms, names = views[::-1], terms[::-1], names[::-1]
    (a, b), (first, second) = views, terms
    batch = "".join(letter for letter in out if letter in first and letter in second)
    rows = "".join(letter for letter in first if letter not in second)
    columns = "".join(letter for letter in out if letter not in first)
    inner = "".join(letter for letter in first if letter in second and letter not in out)
    extents = _extents(views, terms)
    size = {
        name: math.prod(extents[letter] for letter in group) for name, group in (("rows", rows), ("columns", columns), ("inner", inner))
    }
    left, right = _ordered(a, first, batch + rows + inner), _ordered(b, second, batch + inner + columns)
    lead, matrix_rows = left.shape[: len(batch)], left.shape[len(batch) : len(batch) + len(rows)]
    if batch or not rows:  # without a batch, rows stay the several dimensions they are
        matrix_rows = (size["rows"],)
    left = left.reshape((*lead, *matrix_rows, size["inner"]))
    right = right.reshape((*right.shape[: len(batch)], size["inner"], size["columns"]))
    product = multiply(node, build, left, right, weights=names[1] if not b.pieces else None)
    parts = batch + rows + columns
    build.present(node, _ordered(product.reshape([extents[letter] for letter in parts]), parts, out))


def _extents(views: Sequence[View], terms: Sequence[str]) -> Mapping[str, int]:
    """Return the extent of every index; an ellipsis may repeat dimensions of extent 1."""
    found: dict[str, int] = {}
    for view, term in zip(views, terms, strict=True):
        for letter, extent in zip(term, view.shape, strict=True):
            found[letter] = max(extent, found.get(letter, 1))
    return found
