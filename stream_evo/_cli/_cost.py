"""``stream-evo cost``: the cost of one tile, or of a table of tiles, on a core."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_evo._cli import _complete
from stream_evo._cli._console import NOTHING_FEASIBLE, BitsOption, JsonOption, complain, guarded, print_json, print_table
from stream_evo.errors import Fault, InputError, UnknownNameError

__all__ = ["cost"]

_NUMBERS = (
    "latency_cycles",
    "energy_pj",
    "mac_energy_pj",
    "ideal_cycles",
    "temporal_cycles",
    "stall_cycles",
    "onload_cycles",
    "offload_cycles",
)


class CostGoal(StrEnum):
    """What the search for the best loop order minimises."""

    EDP = "edp"
    LATENCY = "latency"
    ENERGY = "energy"


@guarded
def cost(
    core: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE.yaml", help="Core: a name of 'list cores', or a YAML file.", autocompletion=_complete.cores),
    ] = None,
    op: Annotated[
        str, typer.Option(metavar="NAME", help="Operator of the tile: conv, gemm, pool, add, ...", autocompletion=_complete.tile_operators)
    ] = "conv",
    dims: Annotated[str | None, typer.Option(metavar='"K=64 C=64 OX=56 ..."', help="Loop sizes; those left out are 1.")] = None,
    stride: Annotated[str, typer.Option(metavar="S|SY,SX", help="Step of the window.")] = "1",
    bits: BitsOption = None,
    dataflow: Annotated[str | None, typer.Option(metavar="NAME", help="Dataflow of the core; by default its first.")] = None,
    goal: Annotated[CostGoal, typer.Option(help="What the best loop order minimises.")] = CostGoal.EDP,
    dram: Annotated[bool, typer.Option("--dram", help="Put the off-chip memory on top of every operand.")] = False,
    table: Annotated[Path | None, typer.Option(metavar="TILES.json", help="Cost all tiles of a JSON list of rows.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Cost of a layer tile on a single core: latency, energy, and the loop order that gives them."""
    if table is not None:
        one = {"core": core, "op": op != "conv", "dims": dims, "stride": stride != "1", "bits": bits, "dataflow": dataflow, "dram": dram}
        _refuse_beside_table([name for name, given in one.items() if given])
        rows = _read_rows(table)
    elif core is None or dims is None:
        raise InputError("cost", [Fault("what to cost is missing", expected="--core with --dims, or --table")])
    else:
        rows = [_row(core, op, dims, stride, bits, dataflow, dram=dram)]
    results = _evaluate(rows, goal, "cost" if table is None else str(table))
    if as_json:
        print_json(results if table is not None else results[0])
    elif table is not None:
        print_table(str(table), _NUMBERS, [[row[name] for name in _NUMBERS] for row in results], numeric=_NUMBERS)
    else:
        print_table(f"{op} on {core}", ("metric", "value"), [(name, _short(value)) for name, value in results[0].items()])
    if table is None and not results[0]["feasible"]:
        complain("the tile does not fit: its figures leave out what is missing. Take smaller sizes, or let operands stream with --dram")
        raise typer.Exit(NOTHING_FEASIBLE)


def _refuse_beside_table(given: list[str]) -> None:
    """Rows say what they are about; an option for one tile would be lost without a word."""
    if given:
        raise InputError("cost --table", [Fault(f"--{name} is for one tile", hint="A row of the table says it itself") for name in given])


def _row(core: str, op: str, dims: str, stride: str, bits: str | None, dataflow: str | None, *, dram: bool) -> dict[str, Any]:
    from stream_evo.cost import LAYER_TYPES, parse_bits, parse_dims  # noqa: PLC0415  # compiles and loads kernels

    if op.lower() not in LAYER_TYPES:
        raise UnknownNameError("operator", op, list(LAYER_TYPES))
    sizes = dataclasses.asdict(parse_dims(dims))
    precisions = {} if bits is None else dataclasses.asdict(parse_bits(bits))
    return {
        "core": core,
        "dataflow": dataflow,
        "dram": dram,
        "layer": {"type": op, "dims": sizes, "stride": _stride(stride), "bits": precisions},
    }


def _stride(text: str) -> list[int]:
    parts = text.replace(",", " ").split()
    if not 1 <= len(parts) <= 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError("--stride", [Fault("no such stride", expected="a number of at least 1, or two as SY,SX", found=repr(text))])
    return [int(parts[0]), int(parts[-1])]


def _read_rows(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), [Fault(f"cannot be read: {error.strerror}")]) from None
    except ValueError as error:  # also of bytes that are no text
        raise InputError(str(path), [Fault(f"is not JSON: {error}")]) from None
    rows = content.get("rows") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(str(path), [Fault("wrong form", expected="a list of rows, or an object with the list 'rows'")])
    return rows


def _evaluate(rows: list[dict[str, Any]], goal: CostGoal, source: str) -> list[dict[str, Any]]:
    from stream_evo import registry  # noqa: PLC0415  # reads the metadata of installed packages
    from stream_evo.cost import run_table  # noqa: PLC0415  # compiles and loads kernels

    names = {str(row["core"]) for row in rows if "core" in row}
    return run_table(rows, {name: registry.load_core(name) for name in sorted(names)}, goal=str(goal), source=source)


def _short(value: object) -> object:
    return value if isinstance(value, int | float) else json.dumps(value)
