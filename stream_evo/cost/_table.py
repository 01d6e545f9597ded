"""Rows of tiles as text and JSON: the strings of the command line, and tables of many tiles."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from stream_evo.cost._loops import LOOPS, OPERANDS
from stream_evo.cost._request import MOST_OPERATIONS, OFFCHIP, Goal, TileRequest
from stream_evo.cost._tiles import TileCost, tile_cost
from stream_evo.errors import Fault, InputError
from stream_evo.hardware import Core
from stream_evo.workload import Bits, LoopSizes, Operand, OperatorKind

__all__ = ["LAYER_TYPES", "parse_bits", "parse_dims", "run_table"]

LAYER_TYPES: Mapping[str, tuple[OperatorKind, bool]] = {
    "conv": (OperatorKind.CONV, False),
    "gemm": (OperatorKind.GEMM, False),
    "matmul": (OperatorKind.GEMM, False),
    "pool": (OperatorKind.POOL, False),
    "add": (OperatorKind.ELEMENTWISE, True),
    "mul": (OperatorKind.ELEMENTWISE, True),
    "elementwise": (OperatorKind.ELEMENTWISE, False),
}
"""Layer types of a table: what the cost model needs to know, and whether operand W is a second input."""

_BIT_NAMES = ("I", "W", "O", "O_final")
_Value = TypeVar("_Value", LoopSizes, Bits)


def parse_dims(text: str, source: str = "--dims") -> LoopSizes:
    """Read loop sizes such as ``"K=64 C=64 OX=56 OY=1 FX=3 FY=3"``; loops that are not named are 1.

    Raises:
        InputError: unknown or repeated loops, sizes that are not integers of at least 1; all faults at once.
    """
    faults: list[Fault] = []
    values = _check_numbers(_assignments(text, faults), LOOPS, "loop", faults)
    if faults:
        raise InputError(source, faults)
    return LoopSizes(**values)


def parse_bits(text: str, source: str = "--bits") -> Bits:
    """Read precisions such as ``"I=8 W=8 O=16 O_final=8"``; operands that are not named keep the default.

    Raises:
        InputError: unknown or repeated operands, precisions outside 1..128; all faults at once.
    """
    faults: list[Fault] = []
    values = _check_numbers(_assignments(text, faults), _BIT_NAMES, "operand", faults, highest=128)
    if faults:
        raise InputError(source, faults)
    return Bits(**values)


def _assignments(text: str, faults: list[Fault]) -> dict[str, object]:
    found: dict[str, object] = {}
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word:
            continue
        name, sign, value = word.partition("=")
        if not sign or not name or not value:
            faults.append(Fault("not an assignment", expected="NAME=NUMBER", found=word))
        elif name in found:
            faults.append(Fault(f"{name} is given twice", found=word))
        else:
            found[name] = value
    return found


def _check_numbers(
    given: Mapping[str, object], known: Sequence[str], what: str, faults: list[Fault], path: str = "", highest: int | None = None
) -> dict[str, int]:
    """Return the integers among `given`; everything else becomes a fault."""
    values: dict[str, int] = {}
    for name, value in given.items():
        place = f"{path}.{name}" if path else ""
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=2, cutoff=0.3)
            hint = f"Did you mean {' or '.join(near)}?" if near else ""
            faults.append(Fault(f"unknown {what} {name!r}", place, expected="one of " + ", ".join(known), hint=hint))
            continue
        number = _integer(value)
        if number is None or number < 1 or (highest is not None and number > highest):
            expected = f"an integer of 1 to {highest}" if highest is not None else "an integer of at least 1"
            faults.append(Fault(f"{what} {name} has no usable size", place, expected=expected, found=str(value)))
            continue
        values[name] = number
    return values


def _integer(value: object) -> int | None:
    """Return the integer that `value` is or spells, else ``None``; booleans are no numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]+", value):
        return int(value)
    return None


def run_table(
    json_rows: Sequence[Mapping[str, Any]] | Mapping[str, Any],
    cores: Mapping[str, Core],
    goal: Goal | str = Goal.EDP,
    source: str = "--table",
) -> list[dict[str, Any]]:
    """Cost every row of a table of tiles.

    A row has ``core``, ``layer`` with ``type`` (one of `LAYER_TYPES`) and ``dims``, and may have ``dataflow`` (default: the core's first),
    ``dram`` (true: `OFFCHIP` is the top level of every operand), ``bits``; a layer may have ``stride``, ``dilation`` (a number or [rows,
    columns]), ``bits`` and ``cycles_per_operation``. Other keys are passed over: tables carry results and names of their own.

    Args:
        json_rows: The rows, or an object with key ``rows``.
        cores: Cores by name.
        goal: What to minimise.
        source: Name of the table in messages.

    Returns:
        One dictionary per row, in order: ``latency_cycles energy_pj mac_energy_pj ideal_cycles temporal_cycles stall_cycles onload_cycles
        offload_cycles memory_energy_pj temporal_mapping accesses feasible``; where not feasible, also ``shortage``.

    Raises:
        InputError: anything in the table that cannot be understood; all faults at once.
        ValueError: an unknown goal.
    """
    faults: list[Fault] = []
    rows = json_rows.get("rows") if isinstance(json_rows, Mapping) else json_rows
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise InputError(source, [Fault("no rows", "$", expected="a list of rows, or an object with key rows")])
    requests = [_row_request(row, f"$[{index}]", cores, faults) for index, row in enumerate(rows)]
    if faults:
        raise InputError(source, faults)
    return [_result(tile_cost(request, goal)) for request in requests if request is not None]


def _row_request(row: object, path: str, cores: Mapping[str, Core], faults: list[Fault]) -> TileRequest | None:
    if not isinstance(row, Mapping):
        faults.append(Fault("not a row", path, expected="an object with core and layer", found=type(row).__name__))
        return None
    before = len(faults)
    core = cores.get(str(row.get("core")))
    if core is None:
        near = difflib.get_close_matches(str(row.get("core")), list(cores), n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else ""
        faults.append(Fault("unknown core", f"{path}.core", expected=", ".join(sorted(cores)), found=str(row.get("core")), hint=hint))
    flow = row.get("dataflow") or (core.dataflows[0].name if core else "")
    if core is not None and flow not in [known.name for known in core.dataflows]:
        expected = ", ".join(known.name for known in core.dataflows)
        faults.append(Fault(f"core {core.name} has no such dataflow", f"{path}.dataflow", expected=expected, found=str(flow)))
    layer = row.get("layer")
    if not isinstance(layer, Mapping):
        faults.append(Fault("no layer", f"{path}.layer", expected="an object with type and dims", found=str(layer)))
        return None
    kind = LAYER_TYPES.get(str(layer.get("type")).lower())
    if kind is None:
        faults.append(Fault("unknown layer type", f"{path}.layer.type", expected=", ".join(LAYER_TYPES), found=str(layer.get("type"))))
    sizes = _numbers(layer.get("dims"), f"{path}.layer.dims", LOOPS, "loop", LoopSizes, faults)
    if sizes is not None and sizes.product > MOST_OPERATIONS:
        faults.append(
            Fault(
                "the tile is too large",
                f"{path}.layer.dims",
                expected=f"at most {MOST_OPERATIONS:.0e} operations",
                found=f"{sizes.product:.0e}",
            )
        )
    given_bits = layer.get("bits", row.get("bits", {}))
    bits = _numbers(given_bits, f"{path}.layer.bits", _BIT_NAMES, "operand", Bits, faults, highest=128)
    stride = _pair(layer.get("stride"), f"{path}.layer.stride", faults)
    dilation = _pair(layer.get("dilation"), f"{path}.layer.dilation", faults)
    cycles = _check_numbers(
        {"cycles_per_operation": layer.get("cycles_per_operation", 1)}, ("cycles_per_operation",), "key", faults, f"{path}.layer"
    )
    if len(faults) > before or core is None or kind is None or sizes is None or bits is None:
        return None
    return TileRequest(
        kind=kind[0],
        sizes=sizes,
        core=core,
        dataflow=str(flow),
        stride=stride,
        dilation=dilation,
        bits=bits,
        two_inputs=kind[1],
        cycles_per_operation=cycles["cycles_per_operation"],
        streamed=frozenset(Operand) if row.get("dram") else frozenset(),
        dram=OFFCHIP if row.get("dram") else None,
    )


def _numbers(
    given: object, path: str, known: Sequence[str], what: str, build: Callable[..., _Value], faults: list[Fault], highest: int | None = None
) -> _Value | None:
    """Read loop sizes or precisions, given as an object or as a string of assignments."""
    before = len(faults)
    if isinstance(given, str):
        given = _assignments(given, faults)
    if not isinstance(given, Mapping):
        faults.append(Fault("not understood", path, expected=f"an object with a number for each {what}", found=str(given)))
        return None
    values = _check_numbers(given, known, what, faults, path, highest)
    return build(**values) if len(faults) == before else None


def _pair(given: object, path: str, faults: list[Fault]) -> tuple[int, int]:
    """Read a number or [rows, columns]; nothing is 1."""
    if given is None:
        return 1, 1
    numbers = [_integer(value) for value in given] if isinstance(given, (list, tuple)) else [_integer(given)] * 2
    if len(numbers) != 2 or any(number is None or number < 1 for number in numbers):
        faults.append(Fault("not understood", path, expected="a number of at least 1, or [rows, columns]", found=str(given)))
        return 1, 1
    return int(numbers[0] or 1), int(numbers[1] or 1)


def _result(cost: TileCost) -> dict[str, Any]:
    result: dict[str, Any] = {
        "latency_cycles": cost.latency_cycles,
        "energy_pj": cost.energy_pj,
        "mac_energy_pj": cost.mac_pj,
        "ideal_cycles": cost.ideal_cycles,
        "temporal_cycles": cost.temporal_cycles,
        "stall_cycles": cost.stall_cycles,
        "onload_cycles": cost.onload_cycles,
        "offload_cycles": cost.offload_cycles,
        "memory_energy_pj": {str(o): list(cost.memory_energy_pj.get(o, ())) for o in OPERANDS},
        "temporal_mapping": {str(o): [[list(loop) for loop in level] for level in cost.temporal_mapping.get(o, ())] for o in OPERANDS},
        "accesses": {str(o): [list(words) for words in cost.accesses.get(o, ())] for o in OPERANDS},
        "feasible": cost.feasible,
    }
    if cost.shortage is not None:
        result["shortage"] = {
            "operand": str(cost.shortage.operand),
            "memory": cost.shortage.memory,
            "needed_bits": cost.shortage.needed_bits,
            "available_bits": cost.shortage.available_bits,
        }
    return result
