"""A run as one self-contained page that opens offline in any browser.

Making it:
    build_page, Front, MOST_BYTES: the page of a run.
    Subject, PointDetails: network, chip and mappings, described for it.
    Timeline, Bar, TraceLine, timeline_of: a schedule as few numbers, exact or coarser.
    NetworkGraph, network_graph: rows, lanes and edges of the network's picture.
    packed, unpacked, script_json: data inside a page.

What the browser runs is in ``assets``: ``page.html``, ``style.css`` and one script per part of the page, put into the file in the order of
``_page.py``. Everything a script shows comes from data and is set as text, never as markup.
"""

from stream_evo.report.html._graph import NetworkGraph, network_graph
from stream_evo.report.html._pack import packed, script_json, unpacked
from stream_evo.report.html._page import MOST_BYTES, Front, build_page
from stream_evo.report.html._subject import PointDetails, Subject
from stream_evo.report.html._timeline import Bar, Timeline, TraceLine, timeline_of

__all__ = [
    "MOST_BYTES",
    "Bar",
    "Front",
    "NetworkGraph",
    "PointDetails",
    "Subject",
    "Timeline",
    "TraceLine",
    "build_page",
    "network_graph",
    "packed",
    "script_json",
    "timeline_of",
    "unpacked",
]
