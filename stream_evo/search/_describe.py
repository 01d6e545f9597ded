"""Settings as text that is equal exactly when the settings are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

import numpy as np

__all__ = ["describe"]


def describe(value: object) -> str:
    """Return a text that names the type and all settings of `value`, the same in every process.

    Dataclasses are written with their fields, arrays with a hash of their contents, functions and other objects with their qualified name:
    an operator with settings should therefore be a dataclass.
    """
    if isinstance(value, np.ndarray):
        return f"array({value.dtype.str}, {value.shape}, {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]})"
    if is_dataclass(value) and not isinstance(value, type):
        settings = ", ".join(f"{field.name}={describe(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__qualname__}({settings})"
    if isinstance(value, str | bytes | int | float | bool | None):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{describe(key)}: {describe(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "(" + ", ".join(map(describe, value)) + ")"
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{getattr(named, '__module__', '')}.{getattr(named, '__qualname__', '')}"
