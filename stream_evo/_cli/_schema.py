"""``stream-evo schema``: JSON Schemas of the files that users write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stream_evo._cli import _complete
from stream_evo._cli._console import JsonOption, guarded, print_json, print_table, say
from stream_evo.errors import Fault, InputError

__all__ = ["schema"]


@guarded
def schema(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Schema to print; without it, the schemas there are.",
            show_default=False,
            autocompletion=_complete.schemas,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write NAME.schema.json into this folder; without NAME, all of them.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """JSON Schemas of chip, core, mapping, pin and problem files, for editors and checkers."""
    from stream_evo.schemas import SCHEMAS, schema_file  # noqa: PLC0415  # imports the readers
    from stream_evo.schemas import schema as make  # noqa: PLC0415  # as above

    if out is not None:
        _write({each: make(each) for each in ([name] if name else SCHEMAS)}, out)
    elif name is not None:
        print_json(make(name))
    else:
        rows = [(each, about, str(schema_file(each))) for each, about in SCHEMAS.items()]
        columns = ("name", "about", "file")
        if as_json:
            print_json([dict(zip(columns, row, strict=True)) for row in rows])
        else:
            print_table("schemas", columns, rows)


def _write(schemas: dict[str, object], folder: Path) -> None:
    from stream_evo.report import write_atomic  # noqa: PLC0415  # imports matplotlib

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("--out", [Fault(f"{folder} cannot be made: {error.strerror}")]) from None
    for name, content in schemas.items():
        path = folder / f"{name}.schema.json"
        write_atomic(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        say(f"written: {path}")
