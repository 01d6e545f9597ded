"""What all commands share: where output goes, how errors end, tables, and options of the same meaning."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from stream_evo.errors import StreamEvoError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "BitsOption",
    "HardwareOption",
    "HostOpsOption",
    "JsonOption",
    "NetworkOption",
    "guarded",
    "print_json",
    "print_table",
    "say",
    "stderr_console",
]

BAD_INPUT = 2
INTERRUPTED = 130

_Parameters = ParamSpec("_Parameters")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
NetworkOption = Annotated[
    str, typer.Option("--network", metavar="NAME|FILE.onnx", help="Network: a name of 'list networks', or an ONNX file.")
]
HardwareOption = Annotated[
    str, typer.Option("--hardware", metavar="NAME|FILE.yaml", help="Accelerator: a name of 'list hardware', or a YAML file.")
]
HostOpsOption = Annotated[
    bool,
    typer.Option("--host-ops", help="Treat operators without compute meaning (Shape, TopK, ...) as zero work on the host, and list them."),
]
BitsOption = Annotated[
    str | None, typer.Option("--bits", metavar='"I=8 W=8 O=16 O_final=8"', help="Bits per element, in place of what the graph says.")
]


def guarded(command: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """Turn the ways a command can end into exit codes: 2 for bad input with a message on standard error, 130 for Ctrl-C."""

    @functools.wraps(command)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except StreamEvoError as error:
            _print_error(str(error))
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            _print_error("interrupted; nothing was kept")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader (head, less) has what it wants. Python flushes again at exit, which must not fail loudly.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    return run


def _print_error(message: str) -> None:
    head = "\x1b[1;31merror:\x1b[0m" if sys.stderr.isatty() and "NO_COLOR" not in os.environ else "error:"
    sys.stderr.write(f"{head} {message}\n")


def say(message: str) -> None:
    """Write one line for people to standard error, where it never mixes with results."""
    sys.stderr.write(message + "\n")


def print_json(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write strict JSON to standard output."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Sequence[str] = ()) -> None:
    """Write a table to standard output: framed on a terminal, plain columns when piped.

    Args:
        title: Heading; only for terminals.
        columns: Headings.
        rows: Cells, one sequence per row.
        numeric: Columns that are aligned to the right.
    """
    texts = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        _plain_table(columns, texts, numeric)
        return
    from rich.console import Console  # noqa: PLC0415  # takes 70 ms
    from rich.table import Table  # noqa: PLC0415  # as above

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    for row in texts:
        table.add_row(*row)
    Console().print(table, markup=False)


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str]) -> None:
    widths = [max(len(text) for text in texts) for texts in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = [
            text.rjust(width) if name in numeric else text.ljust(width) for text, width, name in zip(row, widths, columns, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def stderr_console() -> Console:
    """Return a rich console on standard error."""
    from rich.console import Console  # noqa: PLC0415  # takes 70 ms

    return Console(stderr=True)
