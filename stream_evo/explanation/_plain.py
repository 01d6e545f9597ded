"""Values as plain data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

__all__ = ["plain"]


def plain(value: object) -> Any:
    """Return `value` as dictionaries, lists, strings and numbers that JSON can hold; a number that is not finite becomes ``None``."""
    if isinstance(value, Enum):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(content) for key, content in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(content) for content in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
