"""Comma-separated values: the front, or the layers of a point. Numbers have all their digits; lists are JSON."""

from __future__ import annotations

import csv
import io
import json

from stream_evo.exports._front import Front, PointOfFront
from stream_evo.exports._tables import Cell, layer_table
from stream_evo.report import front_csv

__all__ = ["front_to_csv", "point_to_csv"]


def front_to_csv(front: Front) -> str:
    """Return the front, in the form of ``pareto.csv``."""
    return front_csv(front.metric_names, front.metrics, front.mapping_files)


def point_to_csv(point: PointOfFront) -> str:
    """Return the layers of a point."""
    table = layer_table(point)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows([[_cell(value) for value in row] for row in table.rows()])
    return text.getvalue()


def _cell(value: Cell) -> str:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return repr(value) if isinstance(value, float) else str(value)
