"""Data inside a page: JSON that no content can break out of, and compressed JSON that the page unpacks when it is looked at."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

__all__ = ["deltas", "packed", "packed_text", "script_json", "unpacked"]


def script_json(content: Any) -> str:
    """Return JSON that may stand inside a ``script`` element: no content can end the element or begin a comment.

    Raises:
        ValueError: a number is not finite: JSON has no such numbers.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Only strings can hold these characters. The last two end lines in older JavaScript.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def packed(content: Any) -> str:
    """Return compressed JSON as base64; `unpacked` reads it back.

    Raises:
        ValueError: as `script_json`.
    """
    return packed_text(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def packed_text(text: str) -> str:
    """Return a compressed text as base64: the format that browsers call ``deflate`` (RFC 1950)."""
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def unpacked(text: str) -> Any:
    """Return what `packed` was given, as JSON tells it."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


def deltas(values: Iterable[int]) -> list[int]:
    """Return the first value and the difference of each other one to the one before: small numbers compress better than large ones."""
    return [after - before for before, after in pairwise([0, *values])]
