"""The front as CSV and JSON, every number with all its digits."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stream_evo.typing import FloatArray, IntArray

__all__ = ["front_csv", "json_text", "metrics_record", "sort_front"]


def sort_front(genomes: IntArray, metrics: FloatArray) -> IntArray:
    """Return the order of a front's points: by each metric in turn, ties by genome, so that the same front is always the same file.

    Args:
        genomes: Shape ``(P, V)``.
        metrics: Shape ``(P, 5)``.

    Returns:
        Indices of shape ``(P,)``.
    """
    keys = [*genomes.T[::-1], *metrics.T[::-1]]
    return np.lexsort(keys).astype(np.int64)


def metrics_record(names: Sequence[str], values: FloatArray) -> dict[str, float | None]:
    """Return one point's metrics by name; a value that is not finite becomes ``None``, which JSON can hold."""
    return {name: float(value) if math.isfinite(value) else None for name, value in zip(names, values, strict=True)}


def front_csv(names: Sequence[str], metrics: FloatArray, mappings: Sequence[str]) -> str:
    """Return ``pareto.csv``: columns ``point``, the metrics, ``mapping``.

    Floats are written as their shortest exact form, so reading them back gives the same bits.

    Args:
        names: Names of the metric columns.
        metrics: Shape ``(P, 5)``.
        mappings: Path of each point's mapping file, relative to the run folder.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["point", *names, "mapping"])
    for point, (row, path) in enumerate(zip(metrics.tolist(), mappings, strict=True)):
        writer.writerow([point, *(repr(value) for value in row), path])
    return text.getvalue()


def json_text(content: Mapping[str, Any], rows: Mapping[str, Sequence[Any]] | None = None) -> str:
    """Return strict JSON, indented, keys in the order given.

    Args:
        content: What to write.
        rows: Further keys that hold long lists; each item gets one line of its own, so the file stays small and can be read by eye.

    Raises:
        ValueError: a number is not finite: JSON has no such numbers.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    for key, items in (rows or {}).items():
        lines = ",\n    ".join(json.dumps(item, ensure_ascii=False, allow_nan=False) for item in items)
        text += f",\n  {json.dumps(key)}: [" + (f"\n    {lines}\n  ]" if items else "]")
    return text + "\n}\n"
