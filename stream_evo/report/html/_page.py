"""One self-contained page: markup, style, scripts and data in a single file that asks nobody for anything."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from stream_evo.report.html._pack import packed, packed_text, script_json
from stream_evo.report.html._subject import PointDetails
from stream_evo.report.html._timeline import Timeline

__all__ = ["MOST_BYTES", "Front", "build_page"]

MOST_BYTES = 9_800_000
"""A page stays below this as long as its points without their schedules do."""

_SCRIPTS = (
    "format.js",
    "data.js",
    "theme.js",
    "front.js",
    "table.js",
    "timeline.js",
    "gantt.js",
    "network.js",
    "energy.js",
    "point.js",
    "main.js",
)
_BLOCK_BYTES = 64  # of the element around a point's data
_CELLS = (16_000, 8_000, 4_000, 2_000, 1_000, 500, 250)


@dataclass(frozen=True, slots=True)
class Front:
    """What the page tells of a run as a whole.

    Attributes:
        title: Heading, also of the browser's window.
        facts: (name, value) pairs: what was run, and how.
        metrics: (name, label) of each metric; the name ends in its unit.
        objectives: Metrics that were minimised.
        points: Values per point, one per metric.
        mapping_files: Name of each point's mapping file.
        bounds: Value per metric that no mapping can be below.
        baseline: Values of the layer-by-layer point; ``None`` if none fits.
        history: Columns ``evaluations``, ``hypervolume``, ``front_size``; empty where the run kept no evaluations.
        notices: What a reader must know, e.g. why the front is empty.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    metrics: Sequence[tuple[str, str]]
    objectives: Sequence[str]
    points: Sequence[Sequence[float]]
    mapping_files: Sequence[str]
    bounds: Sequence[float | None]
    baseline: Sequence[float | None] | None
    history: Mapping[str, Sequence[float]]
    notices: Sequence[str] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it."""
        return {name: getattr(self, name) for name in self.__slots__}


def build_page(front: Front, subject: Mapping[str, Any], details: Mapping[int, PointDetails], *, most_bytes: int = MOST_BYTES) -> str:
    """Return the page.

    Schedules are drawn exactly if they fit into the page, else as finely as there is room: the largest are made coarser first.

    Args:
        front: The run.
        subject: Network and chip, see `Subject.as_dict`.
        details: Point -> what is told of it when it is chosen.
        most_bytes: Size that the page should stay below.
    """
    head = script_json({"front": front.as_dict(), "subject": subject, "detailed": sorted(details)})
    facts = {point: packed(found.facts) for point, found in details.items()}
    library = packed_text(_plotly())
    frame = _frame(front.title, head, library)
    room = most_bytes - len(frame.encode("utf-8")) - sum(len(text) + _BLOCK_BYTES for text in facts.values())
    timelines = _fitted({point: found.timeline for point, found in details.items()}, room)
    blocks = "\n".join(
        f'<script type="text/plain" id="point-{point}">{facts[point]} {timelines[point]}</script>' for point in sorted(details)
    )
    return frame.replace(_DATA_MARK, blocks, 1)


_DATA_MARK = "<!-- points -->"


def _frame(title: str, head: str, library: str) -> str:
    """Return the page without its points. Content is put in last and never looked at again, so nothing in it is taken for a mark."""
    style = _asset("style.css")
    scripts = "\n".join(f'<script>\n"use strict";\n{_asset(name)}</script>' for name in _SCRIPTS)
    before, after = _asset("page.html").split("<!-- content -->")
    data = (
        f'<script type="application/json" id="run">{head}</script>\n<script type="text/plain" id="plotly">{library}</script>\n{_DATA_MARK}'
    )
    return before.replace("/* style */", style).replace("<!-- title -->", html.escape(title)) + f"{data}\n{scripts}" + after


def _asset(name: str) -> str:
    return (resources.files("stream_evo.report.html") / "assets" / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415  # only when a page is made

    text: str = get_plotlyjs()
    return text


def _fitted(timelines: Mapping[int, Timeline], room: int) -> dict[int, str]:
    """Return packed timelines that take no more than `room` characters together, if the coarsest do."""
    found = {point: packed(timeline.encoded()) for point, timeline in timelines.items()}
    for cells in _CELLS:
        share = _share([len(text) for text in found.values()], room)
        large = [point for point, text in found.items() if len(text) > share]
        if not large:
            break
        for point in large:
            coarse = packed(timelines[point].coarser(cells).encoded())
            if len(coarse) < len(found[point]):
                found[point] = coarse
    return found


def _share(sizes: Sequence[int], room: int) -> float:
    """Return the size up to which each may be so that all fit: small ones leave what they do not need to the others."""
    left, ordered = float(room), sorted(sizes)
    for index, size in enumerate(ordered):
        fair = left / (len(ordered) - index)
        if size > fair:
            return fair
        left -= size
    return float("inf")
