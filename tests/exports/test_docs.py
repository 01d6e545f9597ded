"""Samples on the page about exports are those of the run that the page names."""

from pathlib import Path

import pytest

from tests.exports.samples import PAGE, make_run, names, page_with_samples


@pytest.mark.slow
def test_samples_are_those_of_the_run(tmp_path: Path) -> None:
    assert len(names()) == 8
    assert page_with_samples(make_run(tmp_path / "sample")) == PAGE.read_text(encoding="utf-8")
