"""What all commands share: where output goes, how errors end, tables, and options of the same meaning."""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream_evo._cli import _complete
from stream_evo._cli._activity import Activity, Verbosity, current_activity, verbosity
from stream_evo._cli._table import write_table
from stream_evo.errors import Fault, InputError, StreamEvoError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "NOTHING_FEASIBLE",
    "BitsOption",
    "DimOption",
    "HardwareOption",
    "HostOpsOption",
    "JsonOption",
    "MovedHardwareOption",
    "MovedNetworkOption",
    "MovedPinOption",
    "NetworkOption",
    "complain",
    "guarded",
    "print_json",
    "print_line",
    "print_table",
    "print_text",
    "say",
    "sizes",
    "stderr_console",
]

BAD_INPUT = 2
NOTHING_FEASIBLE = 3
INTERRUPTED = 130

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
NetworkOption = Annotated[
    str,
    typer.Option(
        "--network",
        metavar="NAME|FILE.onnx",
        help="Network: a name of 'list networks', or an ONNX file.",
        autocompletion=_complete.networks,
    ),
]
HardwareOption = Annotated[
    str,
    typer.Option(
        "--hardware",
        metavar="NAME|FILE.yaml",
        help="Accelerator: a name of 'list hardware', or a YAML file.",
        autocompletion=_complete.hardware,
    ),
]
MovedNetworkOption = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="NAME|FILE.onnx",
        help="Where the run's network is now, if it is not where it was.",
        autocompletion=_complete.networks,
    ),
]
MovedHardwareOption = Annotated[
    str | None,
    typer.Option(
        "--hardware",
        metavar="NAME|FILE.yaml",
        help="Where the run's accelerator is now, if it is not where it was.",
        autocompletion=_complete.hardware,
    ),
]
MovedPinOption = Annotated[
    Path | None, typer.Option("--pin", metavar="FILE.yaml", help="Where the run's pins are now, if they are not where they were.")
]
HostOpsOption = Annotated[
    bool,
    typer.Option("--host-ops", help="Treat operators without compute meaning (Shape, TopK, ...) as zero work on the host, and list them."),
]
BitsOption = Annotated[
    str | None, typer.Option("--bits", metavar='"I=8 W=8 O=16 O_final=8"', help="Bits per element, in place of what the graph says.")
]

DimOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dim",
        metavar="NAME=SIZE",
        help="Size of a dimension that the ONNX file leaves open, e.g. of a sequence; INPUT[AXIS] if it has no name; can be repeated.",
    ),
]

_QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Write nothing but results and errors.")]
_VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say on standard error what is being done, and when it began.")]


def sizes(given: Sequence[str] | None) -> dict[str, int]:
    """Return the sizes that ``--dim`` gives.

    Raises:
        InputError: some are not ``NAME=SIZE`` or name a dimension twice; all are listed.
    """
    found: dict[str, int] = {}
    faults = []
    for text in given or ():
        name, _, size = (part.strip() for part in text.rpartition("="))
        if not name or not (size.isascii() and size.isdigit()):
            faults.append(Fault("not the size of a dimension", expected="NAME=SIZE, e.g. sequence=128", found=text))
        elif name in found:
            faults.append(Fault(f"{name!r} is given twice"))
        else:
            found[name] = int(size)
    if faults:
        raise InputError("--dim", faults)
    return found


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Make a function a command: with the options of all commands, and with exit codes.

    ``--quiet`` and ``--verbose`` are added to its parameters, unless it has them and does something of its own with them. Exit codes: 2 for
    bad input with a message on standard error, 130 for Ctrl-C.
    """
    signature = inspect.signature(command, eval_str=True)
    common = {"quiet": _QuietOption, "verbose": _VerboseOption}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in common.items()
        if name not in signature.parameters
    ]

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        quiet, verbose = (bool(kwargs.get(name, False)) for name in common)
        own = {name: value for name, value in kwargs.items() if name in signature.parameters}
        level = Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL
        try:
            if quiet and verbose:
                raise InputError("options", [Fault("--quiet and --verbose exclude each other")])
            with Activity(level):
                command(*args, **own)
        except StreamEvoError as error:
            complain(str(error), error=True)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            complain("interrupted; nothing was kept", error=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader (head, less) has what it wants. Python flushes again at exit, which must not fail loudly.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]  # what inspect looks for
    return run


def complain(message: str, *, error: bool = False) -> None:
    """Write to standard error what must be known even if the command is to be quiet."""
    _make_room()
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    head = "" if not error else "\x1b[1;31merror:\x1b[0m " if coloured else "error: "
    sys.stderr.write(f"{head}{message}\n")


def say(message: str) -> None:
    """Write one line for people to standard error, where it never mixes with results; nothing if the command is to be quiet."""
    if verbosity() is not Verbosity.QUIET:
        complain(message)


def _make_room() -> None:
    """End the live line before something else is written below it."""
    activity = current_activity()
    if activity is not None:
        activity.clear()


def print_json(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write strict JSON to standard output."""
    _make_room()
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_text(text: str) -> None:
    """Write text to standard output as it is; it ends its lines itself."""
    _make_room()
    sys.stdout.write(text)


def print_line(text: str) -> None:
    """Write one line to standard output."""
    print_text(f"{text}\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Sequence[str] = ()) -> None:
    """Write a table to standard output: framed on a terminal, plain columns when piped.

    Args:
        title: Heading; only for terminals.
        columns: Headings.
        rows: Cells, one sequence per row.
        numeric: Columns that are aligned to the right.
    """
    _make_room()
    write_table(title, columns, rows, numeric=numeric)


def stderr_console() -> Console:
    """Return a rich console on standard error."""
    from rich.console import Console  # noqa: PLC0415  # takes 70 ms

    return Console(stderr=True)
