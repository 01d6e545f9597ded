"""Values as HTML, for notebooks: headings and tables without scripts or colours, so that they suit any theme."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["card", "facts", "text", "text_table"]

_MOST_ROWS = 40
_CELL = "padding:2px 10px 2px 0;vertical-align:top;"


def card(title: str, *parts: str) -> str:
    """Return a heading and what belongs to it.

    Args:
        title: Plain text.
        parts: HTML.
    """
    return f"<div><strong>{html.escape(title)}</strong>{''.join(parts)}</div>"


def facts(values: Mapping[str, object]) -> str:
    """Return names with their values, one per line."""
    return text_table(("", ""), list(values.items()), numeric=())


def text_table(columns: Sequence[str], rows: Sequence[Iterable[object]], *, numeric: Sequence[str], most: int = _MOST_ROWS) -> str:
    """Return a table; all cells are plain text.

    Args:
        columns: Headings; if all are empty there is no heading row.
        rows: Cells.
        numeric: Columns that are aligned to the right.
        most: Rows that are shown; of the others only the number is told.
    """
    styles = [_CELL + f"text-align:{'right' if name in numeric else 'left'}" for name in columns]
    head = "".join(f'<th style="{style}">{html.escape(name)}</th>' for name, style in zip(columns, styles, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td style="{style}">{text(cell)}</td>' for cell, style in zip(row, styles, strict=True)) + "</tr>"
        for row in rows[:most]
    )
    heading = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    rest = f"<div>and {len(rows) - most:,} more</div>" if len(rows) > most else ""
    return f"<table>{heading}<tbody>{body}</tbody></table>{rest}"


def text(value: object) -> str:
    """Return a value as people read it, escaped: thousands apart, at most four digits behind them."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return html.escape(str(value))
