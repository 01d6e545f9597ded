"""What is known of a tensor's type before its shape is resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import onnx

__all__ = ["Tensor", "stated_tensor"]

_Dim: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Tensor:
    """What is known of a tensor.

    Attributes:
        element_type: ONNX element type, ``TensorProto.UNDEFINED`` (0) if not known.
        shape: Extents; an open one is the name of its symbol, or the empty string. None if even the rank is unknown.
    """

    element_type: int = 0
    shape: tuple[_Dim, ...] | None = None

    @property
    def fixed_shape(self) -> tuple[int, ...] | None:
        """The shape if every extent is known and positive."""
        if self.shape is None:
            return None
        fixed = tuple(dim for dim in self.shape if isinstance(dim, int) and dim > 0)
        return fixed if len(fixed) == len(self.shape) else None

    @property
    def described(self) -> str:
        """The shape for people."""
        return "unknown rank" if self.shape is None else "(" + ", ".join(str(dim) or "?" for dim in self.shape) + ")"

    def merged(self, stated: Tensor | None) -> Tensor:
        """Fill what is open here from what the file states."""
        if stated is None:
            return self
        element_type = self.element_type or stated.element_type
        if self.shape is None or stated.shape is None or len(self.shape) != len(stated.shape):
            return Tensor(element_type, stated.shape if self.shape is None else self.shape)
        dims = (own if isinstance(own, int) else other or own for own, other in zip(self.shape, stated.shape, strict=True))
        return Tensor(element_type, tuple(dims))


def stated_tensor(proto: onnx.TypeProto) -> Tensor:
    """Read a type of the file; a stated extent below 1 counts as open (of an input, 0 is a fault)."""
    kind = proto.tensor_type
    if not kind.HasField("shape"):
        return Tensor(kind.elem_type)
    dims = tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else dim.dim_param for dim in kind.shape.dim)
    return Tensor(kind.elem_type, dims)
