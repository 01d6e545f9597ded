"""Every public name has a docstring whose example does what it says."""

import doctest
import warnings
from pathlib import Path

import matplotlib.figure
import pandas as pd
import pytest

import stream_evo

_ = matplotlib.figure, pd  # imported here, so that no example pays for it


@pytest.mark.parametrize("name", stream_evo.__all__)
def test_the_example_of_a_public_name_does_what_it_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stream_evo._run._save._pictures", lambda _: {})  # they take seconds, and no example looks at saved ones
    value = getattr(stream_evo, name)
    parsed = doctest.DocTestParser().get_doctest(value.__doc__ or "", {"stream_evo": stream_evo}, name, None, None)
    assert parsed.examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runner.run(parsed, out=report.append)
    assert not runner.failures, "".join(report)
