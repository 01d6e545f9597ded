"""``stream-evo diff``: two mappings layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream_evo._cli._console import (
    BitsOption,
    DimOption,
    HostOpsOption,
    JsonOption,
    NetworkOption,
    guarded,
    print_json,
    print_table,
    print_text,
    sizes,
)
from stream_evo.errors import Fault, InputError

if TYPE_CHECKING:
    from stream_evo.comparison import Breakdown, Effects, MappingDiff

__all__ = ["diff"]

_ROWS = 10  # of a table that could have hundreds; --json has them all


@guarded
def diff(
    first: Annotated[Path, typer.Argument(metavar="MAPPING", help="Mapping file, e.g. one of a run's mappings/.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="MAPPING", help="Another of the same network.", show_default=False)],
    network: NetworkOption,
    hardware: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE.yaml",
            help="Accelerator of both mappings, or given twice, of each: then they are evaluated, too.",
            show_default=False,
        ),
    ] = None,
    bits: BitsOption = None,
    dim: DimOption = None,
    host_ops: HostOpsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what differs between two mappings, layer by layer, and with --hardware what that does to latency, energy and memory."""
    from stream_evo import comparison  # noqa: PLC0415  # imports the kernels

    found = comparison.diff(network, first, second, hardware=_chips(hardware or []), bits=bits, dims=sizes(dim), host_operators=host_ops)
    if as_json:
        print_json(found.as_dict())
        return
    _print_decisions(found)
    if found.effects is not None:
        _print_effects(found.effects, found.labels)


def _chips(given: Sequence[str]) -> str | tuple[str, str] | None:
    if len(given) > 2:
        raise InputError("--hardware", [Fault("give it once for both mappings, or once for each", found=f"{len(given)} times")])
    if len(given) == 2:
        return given[0], given[1]
    return given[0] if given else None


def _print_decisions(diff: MappingDiff) -> None:
    changed = diff.changed_layers
    print_text(f"{diff.network}: {len(changed)} of {len(diff.layers)} layers differ\n")
    heads: list[tuple[object, ...]] = [
        (what, *values) for what, values in (("accelerator", diff.accelerators), ("priority", diff.priorities)) if values[0] != values[1]
    ]
    heads += [("ends a stack after", *(", ".join(cuts) or "-" for cuts in diff.cuts))] if any(diff.cuts) else []
    if heads:
        print_text("\n")
        print_table("", ("", *diff.labels), heads)
    rows = []
    for layer in changed:
        for place, aspect in enumerate(layer.changed):
            rows.append(("" if place else layer.layer, aspect, layer.first.text(aspect), layer.second.text(aspect)))
    if rows:
        print_text("\n")
        print_table("", ("layer", "what", *diff.labels), rows)


def _print_effects(effects: Effects, labels: tuple[str, str]) -> None:
    one, other = (metrics.as_dict() for metrics in effects.metrics)
    rows: list[tuple[object, ...]] = []
    for name, before in one.items():
        after = other[name]
        if isinstance(before, bool) or before is None or after is None:
            rows.append((name, _shown(before), _shown(after), "", ""))
        else:
            rows.append((name, before, after, after - before, _relative(before, after)))
    print_text("\n")
    columns = ("metric", *labels, "change", "relative")
    print_table("", columns, rows, numeric=columns[1:])
    for breakdown in effects.breakdowns:
        if breakdown.changes:
            _print_breakdown(breakdown, labels)


def _print_breakdown(breakdown: Breakdown, labels: tuple[str, str]) -> None:
    print_text(f"\n{breakdown.metric} by {breakdown.by}, what changes most\n\n")
    changes = breakdown.changes
    rows: list[tuple[object, ...]] = [(share.name, share.first, share.second, share.change) for share in changes[:_ROWS]]
    rest = changes[_ROWS:]
    if rest:
        sums = [sum(getattr(share, part) for share in rest) for part in ("first", "second", "change")]
        rows.append((f"{len(rest)} more", *sums))
    columns = (breakdown.by, *labels, "change")
    print_table("", columns, rows, numeric=columns[1:])


def _shown(value: float | bool | None) -> str:
    return "infinite" if value is None else "yes" if value else "no"


def _relative(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.2f} %" if before and after != before else ""
