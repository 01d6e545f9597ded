"""``stream-evo report``: a run as one page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from stream_evo._cli._console import MovedHardwareOption, MovedNetworkOption, MovedPinOption, guarded, print_line, say
from stream_evo.errors import RunFolderError

__all__ = ["report"]


@guarded
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run that has ended.", show_default=False)],
    out: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; DIR/report.html if not given.")] = None,
    details: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Most points with mapping, schedule and explanation; others are in table and pictures."),
    ] = 200,
    network: MovedNetworkOption = None,
    hardware: MovedHardwareOption = None,
    pin: MovedPinOption = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes that explain points, one per processor core if not given.")
    ] = None,
) -> None:
    """Write a run as one page that opens offline in any browser: front, schedules, allocation, energy, reasons."""
    from stream_evo._run._html_report import RunSource, html_report  # noqa: PLC0415  # imports the kernels
    from stream_evo.report import write_atomic  # noqa: PLC0415  # as above

    if out is not None and out.is_dir():
        raise RunFolderError(f"cannot write {out}: it is a folder. Give a file, e.g. {out / 'report.html'}")
    if out is not None and not out.absolute().parent.is_dir():
        raise RunFolderError(f"cannot write {out}: there is no folder {out.parent}")
    _check_writable(folder / "report.html" if out is None else out)
    source = RunSource(folder, network, hardware, None if pin is None else str(pin))
    page = html_report(source, detailed=details, workers=workers or os.cpu_count() or 1).encode("utf-8")
    target = folder / "report.html" if out is None else out
    write_atomic(target, page)
    print_line(str(target))
    say(f"{len(page) / 1e6:.1f} MB")


def _check_writable(target: Path) -> None:
    """Refuse a place where nothing can be written before minutes are spent on the page, not after.

    Raises:
        RunFolderError: it is one.
    """
    place = target.absolute().parent
    if place.is_dir() and not os.access(place, os.W_OK) and (target.is_file() or not target.exists()):
        raise RunFolderError(f"cannot write into {target.parent}: it is read-only for you. Choose another file: -o FILE")
