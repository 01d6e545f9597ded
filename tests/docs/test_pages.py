"""Every command, file and program in the documentation works, prints what the page shows, and ends as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks, run_page

RUNNABLE = sorted(page for page in DOCS.rglob("*.md") if any(block.language in ("console", "python") for block in blocks(page)))


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(DOCS)))
def test_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert run_page(page) > 0
