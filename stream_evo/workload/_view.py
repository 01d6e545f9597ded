"""Where the elements of a tensor come from.

A tensor that flows through Reshape, Transpose, Slice, Concat, Resize, ... costs no work, but the consumer at the end of the chain must
know which part of which producer its tile needs. A `View` carries that knowledge: for every producer of the tensor, a `Piece` gives one
`Relation` per producer axis, a quasi-affine form over the tensor's own dimensions ``i``:

    ``floor((sum(scale_d * i_d) + low) / divisor)  ..  floor((sum(scale_d * i_d) + high) / divisor)``

All scales are positive, so a box of the tensor maps to the interval between the images of its corners. View operators substitute
dimensions in these forms; every rewriting here is exact or makes the interval larger, never smaller. Windows of convolutions and
whole-axis reads of reductions are substitutions of the same kind, so a consumer builds its edges by transforming the views of its operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from stream_evo.workload._layer import WHOLE, Axis, AxisMap

__all__ = ["Piece", "Relation", "Role", "Roles", "View", "default_roles"]

Role: TypeAlias = Axis | None
"""What a tensor dimension means: an axis of tiles, or None for the batch."""
Roles: TypeAlias = tuple[Role, ...]

_CANONICAL: Roles = (None, Axis.CHANNELS, Axis.ROWS, Axis.COLUMNS)


def default_roles(rank: int, *, matrix: bool = False) -> Roles:
    """Return what the dimensions of a tensor mean where nothing else tells.

    Args:
        rank: Number of dimensions.
        matrix: True for ``(..., S, D)``: rows S, channels D, dimensions between them and the batch are heads (channels).
            False for feature maps ``(N, C, H, W)`` and ``(N, C, L)``.
    """
    batch, channels, rows, columns = _CANONICAL
    if rank <= 1:
        return (channels,) * rank
    if rank == 2:
        return (rows, channels) if matrix else (batch, channels)
    if matrix:
        return (batch, *(channels,) * (rank - 3), rows, channels)
    return (batch, channels, rows) if rank == 3 else (batch, channels, *(rows,) * (rank - 3), columns)


@dataclass(frozen=True, slots=True)
class Relation:
    """Interval of one producer axis as a function of a tensor's index; see the module's text.

    Attributes:
        terms: (dimension, scale) pairs, scales positive.
        low: Offset of the lower end.
        high: Offset of the upper end, at least `low`.
        divisor: Common divisor of the form, at least 1.
    """

    terms: tuple[tuple[int, int], ...] = ()
    low: int = 0
    high: int = 0
    divisor: int = 1

    def scale(self, dim: int) -> int:
        """Return the coefficient of a dimension, 0 if it does not occur."""
        return next((scale for d, scale in self.terms if d == dim), 0)

    def interval(self, box: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """Return the half-open interval for a box of half-open index intervals, one per dimension; not clipped."""
        first = (sum(scale * box[d][0] for d, scale in self.terms) + self.low) // self.divisor
        last = (sum(scale * (box[d][1] - 1) for d, scale in self.terms) + self.high) // self.divisor
        return first, last + 1

    def widen(self, dim: int, extent: int) -> Relation:
        """Let dimension `dim` run over its whole extent, so that the relation no longer depends on it."""
        scale = self.scale(dim)
        terms = tuple(term for term in self.terms if term[0] != dim)
        return _reduced(terms, self.low, self.high + scale * (extent - 1), self.divisor)

    def substitute(self, dims: Sequence[int], inner: Relation, scale: int) -> Relation:
        """Replace the part ``scale * x`` of the form, x depending on `dims`, by x = `inner`, whose dimensions are new.

        ``floor((R + floor(y / d)) / D) = floor((d R + y) / (d D))`` is exact; with a scale in front of the inner floor, its rounding of
        less than one is accounted for at the lower end.
        """
        rest = tuple((d, s) for d, s in self.terms if d not in dims)
        if scale == 0:
            return _reduced(rest, self.low, self.high, self.divisor)
        step = inner.divisor
        slack = 0 if scale == 1 else scale * (step - 1)
        terms = (*((d, s * step) for d, s in rest), *((d, s * scale) for d, s in inner.terms))
        low = self.low * step + scale * inner.low - slack
        high = self.high * step + scale * inner.high
        return _reduced(terms, low, high, self.divisor * step)

    def renumber(self, numbers: Callable[[int], int]) -> Relation:
        """Return the relation with its dimensions renamed."""
        return replace(self, terms=tuple(sorted((numbers(d), s) for d, s in self.terms)))


def _reduced(terms: Sequence[tuple[int, int]], low: int, high: int, divisor: int) -> Relation:
    """Build a relation in lowest terms; floors nest, so dividing everything by a common factor is exact."""
    factor = math.gcd(divisor, *(scale for _, scale in terms))
    return Relation(tuple(sorted((d, s // factor) for d, s in terms)), low // factor, high // factor, divisor // factor)


@dataclass(frozen=True, slots=True)
class Piece:
    """The share of one producer in a tensor.

    Attributes:
        producer: Layer index, or ``-1 - i`` for network input i.
        rows: Relation onto the producer's rows.
        columns: Relation onto the producer's columns.
        channels: Relation onto the producer's channels.
    """

    producer: int
    rows: Relation
    columns: Relation
    channels: Relation

    def transformed(self, change: Callable[[Relation], Relation]) -> Piece:
        """Apply one change to all three relations."""
        return Piece(self.producer, change(self.rows), change(self.columns), change(self.channels))


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: its shape, what its dimensions mean, who produced it, and its precision.

    Attributes:
        shape: Extent of every dimension.
        roles: Meaning of every dimension.
        pieces: One per producer; none for a constant.
        bits: Bits per element.
    """

    shape: tuple[int, ...]
    roles: Roles
    pieces: tuple[Piece, ...] = ()
    bits: int = 8

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.roles):
            raise ValueError(f"a view of shape {self.shape} needs one role per dimension, not {self.roles}")

    @classmethod
    def of_producer(cls, producer: int, shape: Sequence[int], roles: Roles, bits: int) -> View:
        """Return the tensor a producer writes: dimensions of one role are merged, in order, into that axis of the producer."""
        relations = {}
        for axis in Axis:
            dims = [d for d, role in enumerate(roles) if role is axis]
            strides = [math.prod(shape[e] for e in dims if e > d) for d in dims]
            relations[axis] = Relation(tuple((d, s) for d, s in zip(dims, strides, strict=True) if shape[d] > 1))
        piece = Piece(producer, relations[Axis.ROWS], relations[Axis.COLUMNS], relations[Axis.CHANNELS])
        return cls(tuple(shape), roles, (piece,), bits)

    def _rebuilt(self, shape: Sequence[int], roles: Roles, change: Callable[[Relation], Relation]) -> View:
        return View(tuple(shape), roles, tuple(piece.transformed(change) for piece in self.pieces), self.bits)

    def with_roles(self, roles: Roles) -> View:
        """Return the same tensor with its dimensions read differently."""
        return replace(self, roles=roles)

    def with_bits(self, bits: int) -> View:
        """Return the same tensor in another precision."""
        return replace(self, bits=bits)

    def transpose(self, order: Sequence[int]) -> View:
        """Reorder dimensions: new dimension d is old dimension ``order[d]``."""
        place = {old: new for new, old in enumerate(order)}
        return self._rebuilt([self.shape[d] for d in order], tuple(self.roles[d] for d in order), lambda r: r.renumber(place.__getitem__))

    def whole(self, dim: int, extent: int = 1) -> View:
        """Read all of a dimension, whatever the new index is; the dimension is left with the given extent."""
        shape = (*self.shape[:dim], extent, *self.shape[dim + 1 :])
        return self._rebuilt(shape, self.roles, lambda r: r.widen(dim, self.shape[dim]))

    def map_dim(self, dim: int, extent: int, *, scale: int = 1, low: int = 0, high: int | None = None, divisor: int = 1) -> View:
        """Replace dimension `dim` by a new one of `extent` elements.

        New index ``j`` reads old indices ``floor((scale * j + low) / divisor) .. floor((scale * j + high) / divisor)``; `high` defaults to
        `low`. Indices outside the old dimension are padding.
        """
        inner = _reduced(((dim, scale),) if scale and extent > 1 else (), low, low if high is None else high, divisor)
        if not inner.terms:  # one interval for all, which can be clipped to the old dimension at once
            last = self.shape[dim] - 1
            inner = Relation((), min(max(inner.low, 0), last), min(max(inner.high, 0), last))
        shape = (*self.shape[:dim], extent, *self.shape[dim + 1 :])
        return self._rebuilt(shape, self.roles, lambda r: r.substitute((dim,), inner, r.scale(dim)))

    def broadcast(self, shape: Sequence[int]) -> View:
        """Expand to `shape` after NumPy's rules: dimensions are added in front, extents of 1 are repeated."""
        added = len(shape) - len(self.shape)
        roles = (*default_roles(len(shape))[:added], *self.roles)
        return self._rebuilt(shape, roles, lambda r: r.renumber(lambda d: d + added))

    def reshape(self, shape: Sequence[int]) -> View:
        """Read the same elements, in row-major order, with other dimensions."""
        groups = list(_aligned_groups(self.shape, shape))
        roles: list[Role] = [None] * len(shape)
        for old, new in groups:
            for dim in new:
                roles[dim] = _merged_role([self.roles[d] for d in old])
        return self._rebuilt(shape, tuple(roles), lambda r: _reshape(r, groups, self.shape, shape))

    def canonical(self) -> View:
        """Merge dimensions by role into four: batch, channels, rows, columns."""
        order = [d for role in _CANONICAL for d, own in enumerate(self.roles) if own is role]
        shape = [math.prod(n for n, own in zip(self.shape, self.roles, strict=True) if own is role) for role in _CANONICAL]
        return self.transpose(order).reshape(shape).with_roles(_CANONICAL)

    def axis_map(self, relation: Relation, extent: int) -> AxisMap:
        """Return a relation of this canonical view's as a map from one axis of its tiles onto a producer axis of `extent` elements.

        A map has one source axis: where the relation depends on several, the one that narrows most is kept and the others are widened.
        """
        terms = [(scale * (self.shape[d] - 1), d) for d, scale in relation.terms if d > 0]
        kept = max(terms)[1] if terms else 0
        for dim, _ in relation.terms:
            if dim != kept or dim == 0:
                relation = relation.widen(dim, self.shape[dim])
        unit = _reduced(relation.terms, relation.low, relation.high, relation.divisor)
        source = _CANONICAL[kept] if unit.terms else Axis.ROWS
        scale = unit.scale(kept) if unit.terms else 0
        found = AxisMap(source, scale, unit.low, unit.high, unit.divisor)
        end = self.shape[kept] if unit.terms else 1
        if extent == 1 or all(found.interval(at, at + 1, extent) == (0, extent) for at in (0, end - 1)):
            return WHOLE  # monotone: if the first and the last tile read everything, all do
        return found


def _merged_role(roles: Sequence[Role]) -> Role:
    """Return the meaning of a dimension made of several: channels win over rows, rows over columns, any over the batch."""
    for role in (Axis.CHANNELS, Axis.ROWS, Axis.COLUMNS):
        if role in roles:
            return role
    return None


def _aligned_groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Split a reshape into the finest groups of dimensions (extent above 1) that are reshaped among themselves."""
    left = [d for d, n in enumerate(old) if n > 1]
    right = [d for d, n in enumerate(new) if n > 1]
    groups = []
    while left and right:
        a, b = [left.pop(0)], [right.pop(0)]
        size_a, size_b = old[a[0]], new[b[0]]
        while size_a != size_b:
            if size_a < size_b and left:
                a.append(left.pop(0))
                size_a *= old[a[-1]]
            elif size_b < size_a and right:
                b.append(right.pop(0))
                size_b *= new[b[-1]]
            else:
                raise ValueError(f"cannot reshape {tuple(old)} into {tuple(new)}")
        groups.append((a, b))
    return groups


def _strides(dims: Sequence[int], shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[e] for e in dims[k + 1 :]) for k in range(len(dims))]


def _reshape(relation: Relation, groups: Sequence[tuple[list[int], list[int]]], old: Sequence[int], new: Sequence[int]) -> Relation:
    """Rewrite a relation over old dimensions as one over new dimensions.

    New dimensions are numbered from ``len(old)`` while both kinds occur.
    """
    shift = len(old)
    for dims, targets in groups:
        relation = _reshape_group(relation, dims, targets, old, new, shift)
    return relation.renumber(lambda d: d - shift)


def _reshape_group(
    relation: Relation, dims: Sequence[int], targets: Sequence[int], old: Sequence[int], new: Sequence[int], shift: int
) -> Relation:
    """Rewrite the terms of one group.

    With f the flat index inside the group, terms over its leading dimensions that follow row-major order are ``scale * floor(f / unit)``;
    what is left over is a remainder of f, which has no such form, and is widened to its range.
    """
    scales = [relation.scale(d) for d in dims]
    if not any(scales):
        return relation
    strides = _strides(dims, old)
    leading = 0
    for count in range(len(dims), 0, -1):
        unit, scale = strides[count - 1], scales[count - 1]
        if scale and all(scales[k] * unit == scale * strides[k] for k in range(count)):
            leading = count
            break
    for dim in dims[leading:]:
        relation = relation.widen(dim, old[dim])
    if not leading:
        return relation
    # widening may have divided the relation by a common factor, so the scale is read again
    scale, unit = relation.scale(dims[leading - 1]), strides[leading - 1]
    steps = _strides(targets, new)
    inner = _floor_of_flat_index(targets, steps, new, unit, shift)
    return relation.substitute(dims[:leading], inner, scale)


def _floor_of_flat_index(targets: Sequence[int], steps: Sequence[int], new: Sequence[int], unit: int, shift: int) -> Relation:
    """Return ``floor(f / unit)`` for ``f = sum(steps * index)``, without a divisor where `unit` falls between two dimensions."""
    coarse = [(d, step) for d, step in zip(targets, steps, strict=True) if step % unit == 0]
    fine = math.prod(new[d] for d, step in zip(targets, steps, strict=True) if step % unit)
    if fine <= unit:
        return Relation(tuple((d + shift, step // unit) for d, step in coarse))
    return Relation(tuple((d + shift, step) for d, step in zip(targets, steps, strict=True)), 0, 0, unit)
