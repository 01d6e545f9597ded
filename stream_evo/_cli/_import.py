"""``stream-evo import-hardware`` and ``import-mapping``: files of the reference framework, Stream and ZigZag, as files of this package."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream_evo._cli._console import (
    BitsOption,
    DimOption,
    HardwareOption,
    HostOpsOption,
    JsonOption,
    NetworkOption,
    guarded,
    print_json,
    print_line,
    say,
    sizes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_evo.foreign import Note

__all__ = ["import_hardware", "import_mapping"]


@guarded
def import_hardware(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.yaml", help="Accelerator file of Stream, or core file of ZigZag.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT.yaml", help="Accelerator file to write; its cores go into OUT_cores/ beside it."),
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml", help="Mapping file of Stream that tells which cores run which operators, where core files do not."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read an accelerator of the reference framework and write it as a file of this package, with a report of what differs."""
    from stream_evo import foreign  # noqa: PLC0415  # not needed for --help

    runs = None if mapping is None else foreign.kinds_of_cores(mapping)
    imported = foreign.read_hardware(file, runs=None if runs is None else runs.value)
    notes = imported.notes + (() if runs is None else runs.notes)
    _write(foreign.hardware_files(imported, out), file, *([] if mapping is None else [mapping]))
    chip = imported.accelerator
    if as_json:
        names = {str(number): name for number, name in imported.core_names.items()}
        print_json({"file": str(out), "accelerator": chip.name, "core_names": names, "notes": [_plain(note) for note in notes]})
        return
    _report(notes)
    print_line(f"{out}: {chip.name}, {len(chip.cores)} cores, {len(chip.links)} links")


@guarded
def import_mapping(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="Mapping file of Stream.", show_default=False)],
    network: NetworkOption,
    hardware: HardwareOption,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.yaml", help="File to write: a mapping, or decisions for --pin.")],
    bits: BitsOption = None,
    dim: DimOption = None,
    host_ops: HostOpsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read a mapping of the reference framework: a whole one for 'evaluate', or, if it leaves things open, decisions for 'run --pin'."""
    from stream_evo import foreign, registry  # noqa: PLC0415  # not needed for --help
    from stream_evo._run._network import load_workload  # noqa: PLC0415  # imports onnx
    from stream_evo.mapping import mapping_to_yaml  # noqa: PLC0415  # as above

    workload = load_workload(network, bits=bits, dims=sizes(dim), host_operators=host_ops)
    foreign_chip = foreign.read_hardware(hardware) if foreign.is_foreign_hardware(hardware) else None
    chip = registry.load_hardware(hardware) if foreign_chip is None else foreign_chip.accelerator
    names = None if foreign_chip is None else foreign_chip.core_names
    found = foreign.read_mapping(file, workload, chip, names)
    whole = found.mapping is not None
    _write({out: foreign.pins_to_yaml(found.pins) if found.mapping is None else mapping_to_yaml(found.mapping)}, file)
    if as_json:
        print_json({"file": str(out), "complete": whole, "layers": len(found.pins.layers), "notes": [_plain(note) for note in found.notes]})
        return
    _report(found.notes)
    print_line(
        f"{out}: "
        + ("the whole mapping" if whole else f"decisions on {len(found.pins.layers)} of {len(workload.layers)} layers, for --pin")
    )


def _report(notes: Sequence[Note]) -> None:
    for note in notes:
        say(f"note: {note}")
    if notes:
        say(f"{len(notes)} notes: read differently, guessed, or left out")


def _plain(note: Note) -> dict[str, str | int]:
    return {"what": note.what, "file": note.source, "line": note.line, "path": note.path}


def _write(files: Mapping[Path, str], *read: Path) -> None:
    """Write all files or none that was not there before.

    Args:
        files: Path -> content.
        *read: What was read to make them.

    Raises:
        RunFolderError: one cannot be written, or is a file of the reference framework.
    """
    from stream_evo import foreign  # noqa: PLC0415  # not needed for --help
    from stream_evo.errors import RunFolderError  # noqa: PLC0415  # with the writer below
    from stream_evo.report import write_atomic  # noqa: PLC0415  # not needed for --help

    for path in files:
        if path.is_dir():
            raise RunFolderError(f"{path} is a folder. Give the name of a file")
        if path.exists() and (foreign.is_foreign_hardware(path) or any(path.samefile(file) for file in read)):
            raise RunFolderError(f"{path} is a file that is imported, and would be overwritten. Choose another file: -o FILE")
    made: list[Path] = []
    try:
        for path, content in files.items():
            if not path.parent.exists():
                path.parent.mkdir()
                made.append(path.parent)
            if not path.exists():
                made.append(path)
            write_atomic(path, content)
    except (RunFolderError, OSError) as error:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            raise RunFolderError(f"cannot write {path.parent}: {error.strerror}. Choose another file: -o FILE") from error
        raise
