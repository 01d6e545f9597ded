"""``stream-evo export``: a run's front, or a point of it, in the format of another tool."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stream_evo._cli import _complete
from stream_evo._cli._console import MovedHardwareOption, MovedNetworkOption, MovedPinOption, guarded, print_line, print_text, say

__all__ = ["export"]


@guarded
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run that has ended.", show_default=False)],
    format: Annotated[  # noqa: A002  # the option's name
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            help="csv, json, markdown, parquet, perfetto, stream, stream-2024 or yaml.",
            autocompletion=_complete.formats,
        ),
    ],
    point: Annotated[
        int | None,
        typer.Option(
            "--point",
            "-p",
            metavar="N",
            help="One point. If not given: the whole front; perfetto, stream and yaml take the point with the least energy x delay.",
        ),
    ] = None,
    network: MovedNetworkOption = None,
    hardware: MovedHardwareOption = None,
    pin: MovedPinOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write, - for standard output; if not given, in DIR/export/."),
    ] = None,
) -> None:
    """Write a run's front, or one point of it, in the format of another tool."""
    from stream_evo import exports  # noqa: PLC0415  # reads NumPy; not needed for --help

    run = None
    if network or hardware or pin:
        from stream_evo._run._load import load_run  # noqa: PLC0415  # imports the kernels

        run = load_run(folder, network=network, hardware=hardware, pin=pin)
    if out is not None and str(out) == "-":
        content = exports.export(run or folder, format, point=point)
        if exports.format_named(format).is_binary:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        else:
            print_text(content.decode())
        return
    path, content = exports.export_to_folder(folder, format, out, point=point, run=run)
    print_line(str(path))
    say(f"{len(content):,} bytes")
