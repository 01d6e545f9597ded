"""A run to compare with variants of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import stream_evo


@pytest.fixture(scope="session")
def result() -> stream_evo.Result:
    """Return a small search that was made once."""
    return stream_evo.optimize("squeezenet", "homogeneous_quad", population=8, generations=2, seed=1)


@pytest.fixture(scope="session")
def run(result: stream_evo.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of `result`."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_evo._run._save._pictures", lambda _: {})  # they take seconds, and nothing here looks at them
        result.save(folder)
    return folder
