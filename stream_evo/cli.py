"""The command ``stream-evo``.

Exit codes: 0 all went well; 1 an error of the program, or something wrong that ``doctor`` found; 2 bad input, explained on standard error,
nothing half-written; 3 no feasible mapping was found; 130 interrupted before there was anything to keep. A search that is interrupted later
writes its front and ends with 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from stream_evo._cli._compare import compare
from stream_evo._cli._cost import cost
from stream_evo._cli._diff import diff
from stream_evo._cli._doctor import doctor
from stream_evo._cli._evaluate import evaluate
from stream_evo._cli._export import export
from stream_evo._cli._import import import_hardware, import_mapping
from stream_evo._cli._inspect import inspect
from stream_evo._cli._list import list_names
from stream_evo._cli._report import report
from stream_evo._cli._run import resume, run
from stream_evo._cli._schema import schema

__all__ = ["app", "main"]

app = typer.Typer(
    help="Multi-objective search of how neural networks run on multi-core accelerators.",
    epilog="Exit codes: 0 done, 1 error of the program, 2 bad input, 3 nothing feasible found, 130 interrupted with nothing to keep.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help keeps its columns on narrow terminals, and starts faster
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run)
app.command("resume")(resume)
app.command("evaluate")(evaluate)
app.command("report")(report)
app.command("compare")(compare)
app.command("diff")(diff)
app.command("export")(export)
app.command("import-hardware")(import_hardware)
app.command("import-mapping")(import_mapping)
app.command("inspect")(inspect)
app.command("cost")(cost)
app.command("list")(list_names)
app.command("schema")(schema)
app.command("doctor")(doctor)


def _show_version(asked: bool) -> None:
    """Act while options are read: a group without a command is an error before its function is called."""
    if asked:
        from importlib import metadata  # noqa: PLC0415  # only here

        typer.echo(f"stream-evo {metadata.version('stream-evo')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)] = False,
) -> None:
    """Take the options that stand before a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: Words after the program's name; by default those of the process.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="stream-evo")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
