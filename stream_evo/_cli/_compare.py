"""``stream-evo compare``: the fronts of several runs side by side."""

from __future__ import annotations

import io
import math
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream_evo._cli._console import JsonOption, guarded, print_json, print_table, print_text, say
from stream_evo.errors import Fault, InputError

if TYPE_CHECKING:
    from stream_evo.comparison import Comparison, Region

__all__ = ["compare"]

_ROWS = 15  # of a table that could have hundreds; --json has them all
_PICTURES = {".png": "Software", ".svg": "Date", ".pdf": "CreationDate"}  # suffix -> what would differ from one version or day to the next


@guarded
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR DIR...", help="Folders of runs of one network.", show_default=False)],
    objectives: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="What to compare by, if the runs did not all minimise the same: what all of them minimised."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="What to call the runs; the names of the folders if not given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.png", help="Picture to draw: .png, .svg or .pdf.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Set the fronts of several runs side by side: hypervolume, coverage, epsilon, and who wins where."""
    if out is not None:
        _check_picture(out)
    from stream_evo import comparison  # noqa: PLC0415  # imports the search

    found = comparison.compare(folders, objectives=_words(objectives), labels=_words(labels))
    if out is not None:
        _draw(found, out)
    for note in found.notes:
        say(f"note: {note}")
    if as_json:
        print_json(found.as_dict())
        return
    _print_runs(found)
    _print_best(found)
    _print_pairs(found)
    _print_regions(found)
    if out is not None:
        say(f"drawn: {out}")


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _check_picture(path: Path) -> None:
    """Refuse what cannot be drawn into before anything is read."""
    faults = []
    if path.suffix.lower() not in _PICTURES:
        faults.append(Fault("unknown kind of picture", expected=", ".join(_PICTURES), found=path.suffix or path.name))
    if not path.parent.is_dir():
        faults.append(Fault(f"{path.parent} is not a folder"))
    if path.is_dir():
        faults.append(Fault(f"{path} is a folder"))
    if faults:
        raise InputError(f"--output {path}", faults)


def _draw(comparison: Comparison, path: Path) -> None:
    from matplotlib import rc_context  # noqa: PLC0415  # takes a second to import

    from stream_evo.report import write_atomic  # noqa: PLC0415  # only here

    kind = path.suffix.lower()
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "stream-evo"}):  # equal fronts are equal files
        comparison.plot().savefig(buffer, format=kind.removeprefix("."), metadata={_PICTURES[kind]: None})
    write_atomic(path, buffer.getvalue())


def _heading(text: str) -> None:
    print_text(f"\n{text}\n\n")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def _print_runs(comparison: Comparison) -> None:
    measured = comparison.indicators
    differing = comparison.differing_settings
    columns = ("run", *differing, "evaluations", "points", "unbeaten", "hypervolume", "of joint", "alone")
    rows = [
        (
            run.label,
            *(_setting(values[place]) for values in differing.values()),
            run.evaluations,
            len(run),
            int(measured.unbeaten[place]),
            _percent(measured.hypervolume[place]),
            _percent(measured.hypervolume[place] / measured.joint_hypervolume),
            _percent(measured.alone[place]),
        )
        for place, run in enumerate(comparison.runs)
    ]
    print_text(f"{comparison.network}, compared by {', '.join(comparison.objectives)}\n\n")
    print_table("", columns, rows, numeric=columns[1 + len(differing) :])
    reference = ", ".join(f"{name} {value:,.0f}" for name, value in zip(comparison.objectives, measured.reference, strict=True))
    print_text(
        "\nhypervolume: share of the box between 0 and the reference point that a front dominates; of joint: of what all fronts together\n"
        "dominate; alone: of that, what no other front does; unbeaten: points that no other front beats.\n"
        f"reference point: {reference}\n"
    )


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return {None: "none", True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)


def _print_best(comparison: Comparison) -> None:
    _heading("Least value of each front (point), * where it is the least of all")
    rows = [
        (
            best.metric,
            *(
                f"{value:,.0f} ({point}){'*' if place in best.winners else ' '}" if point >= 0 else "-"
                for place, (value, point) in enumerate(zip(best.values, best.points, strict=True))
            ),
        )
        for best in comparison.best
    ]
    print_table("", ("metric", *comparison.labels), rows, numeric=comparison.labels)


def _print_pairs(comparison: Comparison) -> None:
    measured, labels = comparison.indicators, comparison.labels
    rows = [
        (
            first,
            second,
            _percent(measured.coverage[one, other]),
            _number(measured.epsilon_factor[one, other]),
            _percent(measured.epsilon_range[one, other]),
        )
        for one, first in enumerate(labels)
        for other, second in enumerate(labels)
        if one != other
    ]
    _heading("How far the first covers the second")
    columns = ("first", "second", "covered", "epsilon factor", "epsilon of range")
    print_table("", columns, rows, numeric=columns[2:])
    print_text(
        "\ncovered: points of the second that a point of the first equals or beats; epsilon: the least factor, or share of each\n"
        "objective's range, by which the second must be worsened so that the first covers all of it.\n"
    )


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _print_regions(comparison: Comparison) -> None:
    for (budget, least), group in groupby(comparison.regions, key=lambda region: (region.budget, region.least)):
        _heading(f"Least {least} within a budget of {budget}")
        regions = list(group)
        shown = set(sorted(regions, key=_width, reverse=True)[:_ROWS])
        rows = [_region_row(region, comparison.labels) for region in regions if region in shown]
        columns = ("from", "to below", "wins", "at first", "at last", "ahead by")
        print_table("", columns, rows, numeric=(*columns[:2], *columns[3:]))
        if len(regions) > len(shown):
            print_text(f"and {len(regions) - len(shown)} narrower ranges between them; --json has all\n")


def _width(region: Region) -> float:
    """Return how wide a range is, as a factor."""
    return math.inf if region.end is None or region.begin <= 0.0 else region.end / region.begin


def _region_row(region: Region, labels: tuple[str, ...]) -> tuple[object, ...]:
    ahead = _percent(region.lead - 1.0)
    if math.isinf(region.lead):
        ahead = "all equal" if len(region.winners) == len(labels) else "no other fits"
    end: object = "no end" if region.end is None else region.end
    return region.begin, end, ", ".join(labels[place] for place in region.winners), region.at_begin, region.at_end, ahead
