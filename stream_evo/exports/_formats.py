"""The formats by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from stream_evo.errors import UnknownNameError
from stream_evo.exports._csv import front_to_csv, point_to_csv
from stream_evo.exports._front import Front, PointOfFront
from stream_evo.exports._json import front_to_json, point_to_json
from stream_evo.exports._markdown import front_to_markdown, point_to_markdown
from stream_evo.exports._parquet import front_to_parquet, point_to_parquet
from stream_evo.exports._perfetto import point_to_perfetto
from stream_evo.exports._stream import point_to_stream, point_to_stream_2024
from stream_evo.exports._yaml import point_to_yaml

__all__ = ["FORMATS", "Format", "format_named"]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a front or a point of it.

    Attributes:
        name: Name.
        suffix: How its files end.
        about: What is written, in one line.
        of_point: Writes one point.
        of_front: Writes the whole front; ``None`` for formats of single points.
        is_binary: True if its files are not text.
    """

    name: str
    suffix: str
    about: str
    of_point: Callable[[PointOfFront], str | bytes]
    of_front: Callable[[Front], str | bytes] | None = None
    is_binary: bool = False


_ALL = (
    Format("csv", ".csv", "table: the front, or the layers of a point", point_to_csv, front_to_csv),
    Format("json", ".json", "the front with its mappings, or everything about a point", point_to_json, front_to_json),
    Format("markdown", ".md", "summary to paste into a design document", point_to_markdown, front_to_markdown),
    Format("parquet", ".parquet", "the tables of csv with units in the metadata", point_to_parquet, front_to_parquet, is_binary=True),
    Format("perfetto", ".pftrace", "schedule of a point for the Perfetto viewer", point_to_perfetto, is_binary=True),
    Format("stream", ".stream.yaml", "mapping of a point for Stream 2", point_to_stream),
    Format("stream-2024", ".stream-2024.yaml", "mapping of a point for Stream before version 2", point_to_stream_2024),
    Format("yaml", ".yaml", "mapping of a point", point_to_yaml),
)
FORMATS: Final[Mapping[str, Format]] = MappingProxyType({entry.name: entry for entry in _ALL})
"""Name -> format, by name."""


def format_named(name: str) -> Format:
    """Return the format called `name`.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, list(FORMATS))
    return FORMATS[name]
