"""Apache Parquet: the front, or the layers of a point, with the unit and meaning of each column in its metadata."""

from __future__ import annotations

import io
import json
from typing import Any

from stream_evo.exports._front import Front, PointOfFront
from stream_evo.exports._tables import Column, Table, front_table, layer_table

__all__ = ["front_to_parquet", "point_to_parquet"]


def front_to_parquet(front: Front) -> bytes:
    """Return the front."""
    return _parquet(front_table(front), front, {})


def point_to_parquet(point: PointOfFront) -> bytes:
    """Return the layers of a point."""
    return _parquet(layer_table(point), point.front, {"point": point.index, "metrics": point.front.numbers(point.index)})


def _parquet(table: Table, front: Front, further: dict[str, Any]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  # takes a tenth of a second to import
    from pyarrow import parquet  # noqa: PLC0415  # as above

    about = {
        "rows": table.name,
        "network": front.network,
        "hardware": front.hardware,
        "objectives": list(front.job.metrics),
        "settings": front.job.as_dict(),
        "lower_bounds": dict(front.lower_bounds),
        "units": {column.name: column.unit for column in table.columns if column.unit},
        **further,
    }
    fields = [pa.field(column.name, _type(column), nullable=False, metadata=_about(column)) for column in table.columns]
    schema = pa.schema(fields, metadata={"stream_evo": json.dumps(about, ensure_ascii=False, allow_nan=False)})
    buffer = io.BytesIO()
    arrays = [pa.array(column.values, type=field.type) for column, field in zip(table.columns, fields, strict=True)]
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer)
    return buffer.getvalue()


def _about(column: Column) -> dict[str, str]:
    return ({"unit": column.unit} if column.unit else {}) | {"description": column.meaning}


def _type(column: Column) -> Any:
    """Return the Arrow type of a column; that of a column without rows follows from its name."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    sample = column.values[0] if column.values else _EMPTY.get(column.name, 0.0)
    if isinstance(sample, list):
        return pa.list_(pa.string() if sample and isinstance(sample[0], str) else pa.int64())
    return pa.string() if isinstance(sample, str) else pa.int64() if isinstance(sample, int) else pa.float64()


_EMPTY = {"point": 0, "mapping": "", "genome": [0]}
