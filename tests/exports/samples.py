"""Samples in docs/export.md: made from a real run.

``python -m tests.exports.samples`` writes them anew, after a change of the search or of a format.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import stream_evo
from stream_evo.exports import export

PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"
_SAMPLE = re.compile(r"(<!-- sample: ([^\n]+) -->\n```\w+\n)(.*?)(```\n)", re.DOTALL)
_WIDTH = 150
_LINES = {"csv": 4, "csv --point 0": 4, "json": 14, "markdown": 24, "yaml": 20}


def make_run(folder: Path) -> Path:
    """Do the run that the page names."""
    stream_evo.optimize("squeezenet", "tpu_quad", population=8, generations=2, seed=1, out=folder)
    return folder


def names() -> list[str]:
    """Return the names of the samples on the page."""
    return [match[2] for match in _SAMPLE.finditer(PAGE.read_text(encoding="utf-8"))]


def page_with_samples(run: Path) -> str:
    """Return the page with its samples made anew."""
    return _SAMPLE.sub(lambda match: match[1] + sample(run, match[2]) + match[4], PAGE.read_text(encoding="utf-8"))


def sample(run: Path, name: str) -> str:
    """Return one sample: the first lines, or what is typical of a format, long lines cut."""
    kind, _, point = name.partition(" --point ")
    content = export(run, kind, point=int(point) if point else None)
    if kind == "perfetto":
        return _packets(content)
    lines = content.decode().splitlines()
    if kind == "stream":
        start, groups = lines.index("layers:"), lines.index("fused_groups:")
        lines = [*lines[:11], "...", *lines[start : start + 4], "...", *lines[groups:]]
    elif kind == "stream-2024":
        first = next(index for index, line in enumerate(lines) if line.startswith("- "))
        lines = [*lines[:9], "...", *lines[first - 1 : first + 3], "...", lines[-1]]
    else:
        lines = [*lines[: _LINES[kind]], "..."]
    return "".join((line if len(line) <= _WIDTH else line[:_WIDTH] + " ...") + "\n" for line in lines)


def _packets(content: bytes) -> str:
    """Return the track of the first tile and the packet with which it begins, in text form."""
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    trace = Trace.FromString(content)
    begin = next(packet for packet in trace.packet if packet.HasField("track_event") and "tile" in packet.track_event.categories)
    track = next(packet for packet in trace.packet if packet.track_descriptor.uuid == begin.track_event.track_uuid)
    shown = []
    for packet in (track, begin):
        shown += ["packet {", *(f"  {line}" for line in str(packet).splitlines()), "}"]
    return "".join(f"{line}\n" for line in shown)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page_with_samples(make_run(Path(folder) / "sample")), encoding="utf-8")
