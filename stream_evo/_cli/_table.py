"""Tables on terminals and in pipes."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["write_table"]

_Texts = Sequence[Sequence[str]]


def write_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Sequence[str]) -> None:
    """Write a table to standard output: plain columns when piped; on a terminal framed, or in another form that its width allows.

    Args:
        title: Heading; only for terminals.
        columns: Headings.
        rows: Cells, one sequence per row.
        numeric: Columns that are aligned to the right.
    """
    texts = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        _write_plain(columns, texts, numeric)
        return
    from rich.console import Console  # noqa: PLC0415  # takes 70 ms

    console = Console(markup=False, emoji=False, highlight=False)  # names are text, also such as "a:x:b" and "[bold]"
    right = [index for index, name in enumerate(columns) if name in numeric]
    turned, heading = _turned(columns, texts), columns[0] or " "
    if _width_of(columns, texts, frame=3) <= console.width:
        _write_framed(console, title, columns, texts, right)
    elif set(columns[1:]) <= set(numeric) and _width_of(columns, texts, frame=2) <= console.width:
        console.print(title, style="italic")
        _write_plain(columns, texts, numeric)
    elif texts and _width_of([heading, *turned[0]], turned[1], frame=3) <= console.width:
        _write_framed(console, title, [heading, *turned[0]], turned[1], range(1, len(texts) + 1))
    else:
        _write_framed(console, title, columns, texts, right)


def _turned(columns: Sequence[str], texts: _Texts) -> tuple[list[str], list[list[str]]]:
    """Return a table with its rows as columns: headings after the first, and rows."""
    return [row[0] for row in texts], [[name, *(row[index] for row in texts)] for index, name in enumerate(columns) if index]


def _write_plain(columns: Sequence[str], texts: _Texts, numeric: Sequence[str]) -> None:
    widths = [max(map(_width, cells)) for cells in zip(columns, *texts, strict=True)]
    for row in (columns, *texts):
        fills = [" " * (width - _width(text)) for text, width in zip(row, widths, strict=True)]
        cells = [fill + text if name in numeric else text + fill for text, fill, name in zip(row, fills, columns, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _write_framed(console: Console, title: str, columns: Sequence[str], texts: _Texts, right: Sequence[int]) -> None:
    """Write a table with a frame; columns whose numbers are in `right` are aligned to the right."""
    from rich.table import Table  # noqa: PLC0415  # takes 70 ms

    table = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in texts:
        table.add_row(*row)
    console.print(table)


def _width_of(columns: Sequence[str], texts: _Texts, *, frame: int) -> int:
    """Return the columns of a terminal that a table takes; `frame` of them go beside each cell, and one more at the end of a framed one."""
    return sum(max(map(_width, cells)) + frame for cells in zip(columns, *texts, strict=True)) + (1 if frame > 2 else -frame)


def _width(text: str) -> int:
    """Return the columns that a text takes on a terminal: East Asian letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "FW") for letter in text)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)
