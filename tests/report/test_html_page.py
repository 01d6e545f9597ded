"""The files that the browser runs: they fetch nothing, and set text, never markup."""

import re
from importlib import resources

import numpy as np
import pytest

from stream_evo.report.html import Bar, Front, PointDetails, Timeline, build_page, unpacked
from stream_evo.report.html._page import _SCRIPTS

ASSETS = resources.files("stream_evo.report.html") / "assets"


def _front(title: str) -> Front:
    metrics = [("latency_cycles", "Latency"), ("energy_pj", "Energy"), ("edp_pj_cycles", "Energy-delay product")]
    return Front(title, [], metrics, ["latency_cycles"], [], [], [None] * 3, None, {"evaluations": [], "hypervolume": [], "front_size": []})


def test_every_asset_is_part_of_the_page() -> None:
    assert {file.name for file in ASSETS.iterdir()} == {"page.html", "style.css", *_SCRIPTS}


@pytest.mark.parametrize("name", ["page.html", "style.css", *_SCRIPTS])
def test_assets_fetch_nothing_and_make_no_markup_of_data(name: str) -> None:
    text = (ASSETS / name).read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"']+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bfetch\(|XMLHttpRequest|import\(", text
    )
    assert "url(" not in text
    if name.endswith(".js"):
        assert "</script" not in text.lower()


def test_the_browser_is_told_to_fetch_nothing() -> None:
    page = build_page(_front("run"), {}, {})
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert found
    policy = found[1]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert not re.search(r"https?:", policy)


@pytest.mark.parametrize("title", ["</title><script>x</script>", "/* style */", "<!-- title -->", "<!-- points -->", "a & b ü"])
def test_titles_are_text(title: str) -> None:
    page = build_page(_front(title), {}, {})
    head = page[page.index("<title>") : page.index("</title>")]
    assert head.count("<") == 1
    assert page.count("<title>") == 1
    assert page.count("<!-- points -->") == 0
    assert page.count("</script>") == 13


def test_a_page_with_little_room_has_coarser_schedules_and_the_same_facts() -> None:
    rng = np.random.default_rng(1)
    details = {}
    for point, count in enumerate((10, 3000, 9000)):
        ends = np.cumsum(rng.integers(10, 90, count)).tolist()
        bars = tuple(
            Bar(end - 8, end, row, 0, tile) for end, row, tile in zip(ends, *rng.integers(0, 99, (2, count)).tolist(), strict=True)
        )
        details[point] = PointDetails({"energy": [0.1 * point]}, Timeline(ends[-1], (bars,), {}, ()))
    exact = build_page(_front("run"), {}, details)
    most = len(exact.encode("utf-8")) - 20_000
    small = build_page(_front("run"), {}, details, most_bytes=most)
    assert len(small.encode("utf-8")) <= most
    found = [re.findall(r'id="point-\d+">(\S+) (\S+)<', page) for page in (exact, small)]
    assert [facts for facts, _ in found[0]] == [facts for facts, _ in found[1]]
    assert [unpacked(times)["resolution"] for _, times in found[0]] == [0, 0, 0]
    resolutions = [unpacked(times)["resolution"] for _, times in found[1]]
    assert resolutions[0] == 0  # the smallest is not in the way
    assert resolutions[2] > 0
