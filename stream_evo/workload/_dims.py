"""Sizes for dimensions that an ONNX file leaves open, such as the length of a sequence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stream_evo.errors import Fault, InputError
from stream_evo.workload._tensor import Tensor

__all__ = ["open_dimensions", "set_dimensions"]

_LARGEST = 2**31 - 1


def open_dimensions(inputs: Iterable[str], tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Return what open dimensions are called, those of the inputs first: their symbols, ``INPUT[AXIS]`` if an input's has none."""
    names = list(inputs)
    shapes = {name: tensors[name].shape or () for name in (*names, *tensors) if name in tensors}
    found = {
        dim or f"{name}[{axis}]": None
        for name, shape in shapes.items()
        for axis, dim in enumerate(shape)
        if isinstance(dim, str) and (dim or name in names)
    }
    return tuple(found)


def set_dimensions(dims: Mapping[str, int], inputs: Sequence[str], tensors: dict[str, Tensor], source: str) -> None:
    """Give open dimensions their size, wherever they stand.

    Args:
        dims: Size of each, by a name of `open_dimensions`.
        inputs: Names of the inputs.
        tensors: What is known of each tensor; changed.
        source: The file, for messages.

    Raises:
        InputError: the file has no such open dimension, or a size is below 1 or above 2^31 - 1; all such things are listed.
    """
    known = open_dimensions(inputs, tensors)
    expected = f"one of {', '.join(known)}" if known else "none: the file leaves no dimension open"
    faults = [Fault(f"there is no open dimension {name!r}", "dims", expected=expected) for name in dims if name not in known]
    faults += [
        Fault("out of range", f"dims.{name}", expected=f"1 to {_LARGEST:,}", found=str(size))
        for name, size in dims.items()
        if not 1 <= size <= _LARGEST
    ]
    if faults:
        raise InputError(source, faults)
    for name, tensor in tensors.items():
        if tensor.shape is not None:
            shape = (
                dims.get(dim or f"{name}[{axis}]", dim) if isinstance(dim, str) and (dim or name in inputs) else dim
                for axis, dim in enumerate(tensor.shape)
            )
            tensors[name] = Tensor(tensor.element_type, tuple(shape))
