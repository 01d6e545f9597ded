"""Settings as text that is equal exactly when the settings are."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath

import numpy as np

from stream_evo._plugin_file import source_of

__all__ = ["describe"]


def describe(value: object) -> str:
    """Return a text that names the type and all settings of `value`, the same in every process.

    Dataclasses are written with those of their fields that take part in comparisons, arrays with a hash of their contents, functions and
    classes with their qualified name, other objects with their name and their public attributes (what is private may be a cache): an
    operator with settings should therefore be a dataclass. What comes from a user's own file is written with the file's name and a hash of
    its contents instead of its module.
    """
    if hasattr(value, "__wrapped__"):  # what only watches or decorates another
        return describe(value.__wrapped__)
    if hasattr(value, "__qualname__"):  # a function or a class
        return _name(value)
    return _value(value) or _object(value)


def _value(value: object) -> str:
    """Return the text of a value or of a container, nothing for anything else."""
    if isinstance(value, np.ndarray):
        return f"array({value.dtype.str}, {value.shape}, {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]})"
    if is_dataclass(value) and not isinstance(value, type):
        settings = ", ".join(f"{field.name}={describe(getattr(value, field.name))}" for field in fields(value) if field.compare)
        source = source_of(type(value).__module__)
        return f"{source}: {type(value).__qualname__}({settings})" if source else f"{type(value).__qualname__}({settings})"
    if isinstance(value, functools.partial):
        return f"partial({describe(value.func)}, {describe(value.args)}, {describe(value.keywords)})"
    if isinstance(value, Enum):
        return f"{_name(type(value))}.{value.name}"
    if isinstance(value, np.generic):
        return f"{value.dtype.str}({value.item()!r})"
    if isinstance(value, PurePath):
        return f"path({str(value)!r})"
    if isinstance(value, str | bytes | int | float | complex | bool | slice | None):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(sorted(f"{describe(key)}: {describe(item)}" for key, item in value.items())) + "}"
    if isinstance(value, AbstractSet):
        return "{" + ", ".join(sorted(map(describe, value))) + "}"
    if isinstance(value, Sequence):
        return "(" + ", ".join(map(describe, value)) + ")"
    return ""


def _object(value: object) -> str:
    """Return the name of an object's class and its public attributes; of objects among these the names only, as they may form circles."""
    attributes = {name: item for name, item in sorted(getattr(value, "__dict__", {}).items()) if not name.startswith("_")}
    settings = ", ".join(f"{name}={_value(item) or _name(item)}" for name, item in attributes.items())
    return _name(value) + (f"({settings})" if settings else "")


def _name(value: object) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)
    module, name = str(getattr(named, "__module__", "")), getattr(named, "__qualname__", "")
    source = source_of(module)
    return f"{source}: {name}" if source else f"{module}.{name}"
