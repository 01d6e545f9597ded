"""Make the pictures of the page that `stream-evo report` writes: ``.venv/bin/python docs/tools/pictures/screenshots.py [FOLDER]``.

Runs the search that ``docs/report.md`` names and photographs its page in Debian's Chromium: the front with two points in the light theme,
their schedules and networks in the dark one.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import stream_evo
from stream_evo.cli import main as command

WIDTH = 1366


def main(folder: Path) -> None:
    """Write ``report_front.png`` and ``report_points.png`` into a folder."""
    browser = shutil.which("chromium")
    if browser is None:
        raise SystemExit("there is no chromium; on Debian: apt install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        run = Path(place) / "mine"
        result = stream_evo.optimize("resnet18", "heterogeneous_quad", population=100, generations=30, seed=1, out=run)
        if command(["report", str(run), "--quiet"]) != 0:
            raise SystemExit("no report was written")
        running = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--enable-unsafe-swiftshader"])
        page = running.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto((run / "report.html").as_uri())
        page.wait_for_selector("html[data-ready=true]")
        _set_beside(page, int(result.front["memory_bytes"].argmin()))
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(1000)  # until all plots are drawn
        page.screenshot(path=folder / "report_front.png")
        page.select_option("#theme", "dark")
        page.set_viewport_size({"width": WIDTH, "height": 1040})
        page.evaluate("scrollTo(0, document.querySelector('#schedule').getBoundingClientRect().top + scrollY)")
        page.wait_for_timeout(1000)  # as above
        page.screenshot(path=folder / "report_points.png")
        running.close()


def _set_beside(page: Page, point: int) -> None:
    page.get_by_role("button", name=f"Set point {point} beside", exact=True).click()
    page.wait_for_function("() => document.documentElement.dataset.shown.split(' ').length === 2")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "pictures")
