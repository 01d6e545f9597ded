"""The page in a browser: chosen by click and by key, side by side, sorted, downloaded, and silent.

The browser is Debian's Chromium, driven by Playwright. Without one these tests are skipped; with ``STREAM_EVO_BROWSER=required`` they fail.
"""

import csv
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, ViewportSize, sync_playwright

import stream_evo
from stream_evo._run._html_report import RunSource, html_report
from stream_evo._run._session import open_session
from stream_evo.evaluation import METRICS, schedule_mapping
from stream_evo.explanation import explain_mapping
from stream_evo.report import METRIC_LABELS
from stream_evo.report.html import Front, Subject, build_page

from .conftest import HOSTILE, save_network

LAPTOP: ViewportSize = {"width": 1366, "height": 768}


@dataclass
class Watch:
    """What a page did besides showing itself."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def show(self, file: Path) -> Page:
        """Open a file and wait until everything is drawn."""
        self.page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file://") else route.abort())
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready=true]", timeout=60_000)
        return self.page

    def assert_silent(self) -> None:
        """Nothing went wrong, and nobody was asked for anything but the file itself."""
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith(("data:", "blob:"))] == self.requests[:1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a running Chromium."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("STREAM_EVO_BROWSER") == "required":
            pytest.fail("there is no chromium, and STREAM_EVO_BROWSER=required")
        pytest.skip("there is no chromium; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"]
        )
        yield running
        running.close()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    """Return an empty page on a laptop."""
    page = browser.new_page(viewport=LAPTOP, color_scheme="light")
    yield Watch(page)
    page.close()


@pytest.fixture(scope="module")
def file(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of the small run, in a file with an awkward name."""
    path = tmp_path_factory.mktemp("pages") / "report ü #1.html"
    path.write_text(html_report(RunSource(run_folder)), "utf-8")
    return path


@pytest.fixture(scope="module")
def opened(browser: Browser, file: Path) -> Iterator[Watch]:
    """Return the page of the small run, opened once: drawing it takes longer than any of these tests."""
    page = browser.new_page(viewport=LAPTOP, color_scheme="light")
    watch = Watch(page)
    watch.show(file)
    yield watch
    page.close()


@pytest.fixture
def page(opened: Watch) -> Iterator[Page]:
    """Return the page with its first choice; afterwards it must not have failed nor asked anybody for anything."""
    first = _wanted(opened.page)
    if opened.page.get_by_role("button", name="Close B").count():
        opened.page.get_by_role("button", name="Close B").click()
    opened.page.click(f"tr[data-point='{first}'] td:nth-child(2)")
    _shown(opened.page, str(first))
    yield opened.page
    opened.assert_silent()


def _shown(page: Page, points: str) -> None:
    page.wait_for_function("points => document.documentElement.dataset.shown === points", arg=points)


def _cells(page: Page, column: int) -> list[float]:
    texts = page.locator(f"table.points tbody tr td:nth-child({column})").all_inner_texts()
    return [float(text.replace(",", "")) for text in texts]


def _wanted(page: Page) -> int:
    """Return the point with the least energy x delay, which is shown first."""
    wanted: int = page.evaluate("data.front.points.reduce((b, p, i) => (p[3] < data.front.points[b][3] ? i : b), 0)")
    return wanted


def _box(found: Locator) -> FloatRect:
    """Return where something is shown, which it has to be."""
    box = found.bounding_box()
    assert box is not None
    return box


def test_the_page_holds_its_names_as_text(page: Page) -> None:
    assert page.locator("h1").inner_text() == "net ü <i> on heterogeneous_quad"
    assert page.title() == "net ü <i> on heterogeneous_quad"
    shown = page.locator("#network tbody th.name").all_inner_texts()
    assert [" ".join(name.split()) for name in shown[: len(HOSTILE)]] == [" ".join(name.split()) for name in HOSTILE]


def test_both_themes_are_drawn_and_fit_a_laptop(page: Page, tmp_path: Path) -> None:
    backgrounds = []
    for theme in ("light", "dark"):
        page.select_option("#theme", theme)
        page.wait_for_timeout(300)  # until everything is drawn anew
        picture = tmp_path / f"{theme}.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 50_000
        backgrounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.evaluate("document.documentElement.scrollWidth") <= LAPTOP["width"]
    assert len(set(backgrounds)) == 2
    page.select_option("#theme", "auto")


def test_without_a_choice_the_theme_is_the_systems(page: Page) -> None:
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)


def test_what_tab_reaches_is_seen(page: Page) -> None:
    """The plotting library shows its buttons to the pointer only; the keyboard comes by, too."""
    page.mouse.move(0, 0)
    page.locator("#plots .modebar-btn").first.focus()
    page.wait_for_function("() => getComputedStyle(document.activeElement.closest('.modebar')).opacity === '1'")


def test_a_narrow_window_gives_its_width_to_the_heading(watch: Watch, file: Path) -> None:
    watch.page.set_viewport_size({"width": 400, "height": 800})
    page = watch.show(file)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert _box(page.locator("#facts"))["width"] > 300


def test_points_are_chosen_by_click_in_table_and_pictures(page: Page) -> None:
    page.evaluate("scrollTo(0, 0)")
    # Of the first pair of objectives: the point whose mark is furthest from all others, and where that is.
    lonely, x, y = page.evaluate(
        """() => {
            const plot = document.querySelector(".small-plots .plot");
            const { xaxis, yaxis } = plot._fullLayout;
            const box = plot.getBoundingClientRect();
            const across = (value) => box.left + xaxis._offset + xaxis.d2p(value);
            const down = (value) => box.top + yaxis._offset + yaxis.d2p(value);
            const place = (trace, index) => [across(trace.x[index]), down(trace.y[index])];
            const marks = [...plot.data[0].x.keys()].map((index) => place(plot.data[0], index));
            const all = [...marks, place(plot.data[1], 0)];
            const far = ([x, y], [u, v]) => Math.hypot(x - u, y - v);
            const room = (index) => Math.min(...all.filter((_, other) => other !== index).map((mark) => far(mark, all[index])));
            const best = marks.reduce((best, _, index) => (room(index) > room(best) ? index : best), 0);
            return [best, ...marks[best]];
        }"""
    )
    other = 0 if lonely else 1
    page.click(f"tr[data-point='{other}'] td:nth-child(2)")
    _shown(page, str(other))
    assert page.locator("#numbers h3").inner_text() == f"Point {other}"
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(x + 1, y)
    page.mouse.move(x, y)
    page.wait_for_timeout(200)  # the library looks for what is under the pointer at most every so often
    page.mouse.click(x, y)
    _shown(page, str(lonely))


def test_a_press_in_space_chooses_what_is_under_the_pointer_once(page: Page) -> None:
    page.evaluate("scrollTo(0, 0)")
    box = _box(page.locator(".plot.tall"))
    first = _wanted(page)
    other = 1 if first != 1 else 2
    # Where a point lies on the screen only the library knows; here it says that one is under the pointer, at a place without any.
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] - 20)
    under = "point => document.querySelector('.plot.tall').emit('plotly_hover', { points: [{ customdata: point }] })"
    page.evaluate(under, other)
    page.mouse.down()
    page.mouse.up()
    _shown(page, str(other))
    page.evaluate(under, first)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.up()
    page.keyboard.up("Shift")
    _shown(page, f"{other} {first}")
    page.mouse.down()  # a press that moves turns the picture
    page.mouse.move(box["x"] + 60, box["y"] + box["height"] - 60)
    page.mouse.up()
    page.wait_for_timeout(100)
    _shown(page, f"{other} {first}")


def test_the_keyboard_chooses_compares_and_closes(page: Page) -> None:
    page.focus("tr[data-point='0']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    _shown(page, "1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Enter")
    _shown(page, "1 2")
    assert page.locator("#numbers h3").all_inner_texts() == ["Point 1", "Point 2"]
    assert page.locator("#schedule canvas.lanes").count() == 2
    left, right = (_box(page.locator("#schedule canvas.lanes").nth(index)) for index in (0, 1))
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    # Both schedules have one time axis: zooming the first zooms the other.
    page.locator("#schedule canvas.lanes").first.focus()
    page.keyboard.press("+")
    page.wait_for_timeout(100)
    widths = page.eval_on_selector_all("#schedule .window i", "nodes => nodes.map(node => node.style.width)")
    assert widths == ["60%", "60%"]
    page.keyboard.press("0")
    page.get_by_role("button", name="Close B").focus()
    page.keyboard.press("Enter")
    _shown(page, "1")


def test_every_control_has_a_name(page: Page) -> None:
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, [role=img], [role=region]")]
            .filter((node) => !(node.getAttribute("aria-label") || node.innerText.trim() || node.closest("label")?.innerText.trim()))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("h1").count() == 1


def test_columns_sort_both_ways(page: Page) -> None:
    for column in range(2, 7):
        button = page.locator(f"table.points thead th:nth-child({column}) button")
        button.click()
        ascending = _cells(page, column)
        assert ascending == sorted(ascending)
        assert page.locator(f"table.points thead th:nth-child({column})").get_attribute("aria-sort") == "ascending"
        button.click()
        assert _cells(page, column) == sorted(ascending, reverse=True)


def test_table_and_mappings_are_downloaded(page: Page, run_folder: Path) -> None:
    with page.expect_download() as table:
        page.click("#csv")
    rows = list(csv.DictReader(io.StringIO(Path(table.value.path()).read_text("utf-8"))))
    original = list(csv.DictReader(io.StringIO((run_folder / "pareto.csv").read_text("utf-8"))))
    assert [row["mapping"] for row in rows] == [row["mapping"] for row in original]
    for name in set(original[0]) - {"mapping"}:
        assert [float(row[name]) for row in rows] == [float(row[name]) for row in original]
    with page.expect_download() as mapping:
        page.click("tr[data-point='1'] button:has-text('YAML')")
    assert mapping.value.suggested_filename == "point_001.yaml"
    assert Path(mapping.value.path()).read_bytes() == (run_folder / "mappings" / "point_001.yaml").read_bytes()


def test_schedules_are_read_and_zoomed(page: Page, run_folder: Path) -> None:
    result = stream_evo.load_run(run_folder)
    schedule = result[_wanted(page)].schedule.record
    decoded = page.evaluate("point => data.details(point).then(({ time }) => time)", _wanted(page))
    for core, bars in enumerate(decoded["cores"]):
        runs = sorted((run.start_cycles, run.end_cycles, run.layer, run.tile) for run in schedule.tiles if run.core == core)
        assert [(bar["start"], bar["end"], bar["row"] - 1, bar["tile"]) for bar in bars] == runs
    moves = sorted(
        (move.start_cycles, move.end_cycles, int(move.cause), move.bits, move.source, move.target) for move in schedule.transfers
    )
    assert sorted((bar["start"], bar["end"], bar["cause"], bar["bits"], bar["source"], bar["target"]) for bar in decoded["moves"]) == moves
    canvas = page.locator("#schedule canvas.lanes")
    canvas.scroll_into_view_if_needed()
    box = _box(canvas)
    page.mouse.move(box["x"] + 400, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 700, box["y"] + 10)
    page.mouse.up()
    page.wait_for_timeout(100)
    width = page.eval_on_selector("#schedule .window i", "node => parseFloat(node.style.width)")
    assert 20 < width < 35
    canvas.dblclick(position={"x": 500, "y": 10})
    page.wait_for_timeout(100)
    assert page.eval_on_selector("#schedule .window i", "node => node.style.width") == "100%"


def test_a_tile_under_the_pointer_is_told_and_a_click_lights_its_layer(page: Page) -> None:
    canvas = page.locator("#schedule canvas.lanes")
    canvas.scroll_into_view_if_needed()
    spot = page.evaluate(
        """async (point) => {
            const { time } = await data.details(point);
            const core = time.cores.findIndex((bars) => bars.length);
            const bar = time.cores[core][0];
            const width = document.querySelector("#schedule canvas.lanes").clientWidth;
            return [164 + (bar.start + bar.end) / 2 / time.end * (width - 172), core * 22 + 9, bar.row];
        }""",
        _wanted(page),
    )
    box = _box(canvas)
    page.mouse.move(box["x"] + spot[0], box["y"] + spot[1])
    name = page.evaluate("row => data.subject.layers[row - 1][0]", spot[2])
    assert page.locator(".tip").inner_text().startswith(name)
    page.mouse.click(box["x"] + spot[0], box["y"] + spot[1])
    assert page.locator("#network tr.lit th").inner_text() == name
    page.fill("#network input[type=search]", "add")
    assert page.locator("#network tr.lit th").inner_text() == "add 2"


@pytest.mark.parametrize("points", [0, 1])
def test_small_fronts_are_drawn(points: int, watch: Watch, tmp_path: Path) -> None:
    metrics = [
        ("latency_cycles", "Latency"),
        ("energy_pj", "Energy"),
        ("memory_bytes", "Memory"),
        ("edp_pj_cycles", "EDP"),
        ("dram_bytes", "DRAM"),
    ]
    history: dict[str, list[float]] = {"evaluations": [4], "hypervolume": [0.5 * points], "front_size": [points]}
    rows = [[5.0, 7.0, 0.0, 35.0, 0.0]] * points
    front = Front(
        "t", [], metrics, ["energy_pj"], rows, ["point_000.yaml"] * points, [1.0, 2.0, 0.0, 2.0, None], None, history, ["a notice"]
    )
    subject = {"nodes": [], "links": [], "paths": {}, "memories": [], "causes": [], "layers": [], "outputs": [], "graph": {"inputs": []}}
    (tmp_path / "page.html").write_text(build_page(front, subject, {}), "utf-8")
    page = watch.show(tmp_path / "page.html")
    assert page.locator("table.points tbody tr").count() == points
    assert "a notice" in page.locator("#notices").inner_text()
    assert page.locator("#plots .plot").count() == 5 * points  # of nothing there is no picture, but a word
    assert ("There is nothing to draw" in page.locator("#plots").inner_text()) == (not points)
    if points:
        page.wait_for_selector("#chosen .notice")  # its details are not in this page, which says so
    watch.assert_silent()


def test_a_thousand_layers_stay_usable(watch: Watch, tmp_path: Path) -> None:
    network = save_network(tmp_path / "large.onnx", [f"layer {index}" for index in range(750)], size=4, kernel=1)
    session = open_session(network, "homogeneous_quad")
    mapping = session.spec.decode(session.spec.lower)
    subject = Subject(session.workload, session.accelerator)
    details = subject.point(
        mapping,
        schedule_mapping(session.workload, session.accelerator, mapping),
        explain_mapping(session.workload, session.accelerator, mapping),
    )
    history: dict[str, list[float]] = {"evaluations": [], "hypervolume": [], "front_size": []}
    metrics = [(name, METRIC_LABELS[name]) for name in METRICS]
    front = Front("large", [], metrics, ["energy_pj"], [[1.0] * 5], ["point_000.yaml"], [None] * 5, None, history)
    (tmp_path / "page.html").write_text(build_page(front, subject.as_dict(), {0: details}), "utf-8")
    page = watch.show(tmp_path / "page.html")
    page.wait_for_selector("#network tbody tr")
    assert page.locator("#network tbody th.name").count() == 1000
    assert _box(page.locator("#network"))["height"] < 2 * LAPTOP["height"]  # it scrolls in itself
    page.fill("#network input[type=search]", "layer 700")
    box, row = _box(page.locator("#network .network")), _box(page.locator("#network tr.lit"))
    assert box["y"] < row["y"] < box["y"] + box["height"]
    page.locator("#schedule").get_by_role("button", name="Zoom in").click()
    page.wait_for_function("() => document.querySelector('#schedule .window i').style.width === '50%'")
    watch.assert_silent()
