"""An engine from a user's own file."""

from __future__ import annotations

from pathlib import Path

import pytest

import stream_evo
from stream_evo._api import resume_job
from stream_evo.errors import PluginError, UnknownNameError

GOOD = '''
class Lazy:
    """Random search of one's own."""

    def __init__(self, context):
        self.context = context

    def ask(self):
        context = self.context
        return context.operators.prepare(context.spec, context.operators.sampling(context.spec, context.population, context.rng))

    def tell(self, genomes, objectives, violation):
        pass

    def state(self):
        return None

    def restore(self, state):
        raise NotImplementedError
'''
UNSEEDED = GOOD.replace("context.population, context.rng)", "context.population, __import__('numpy').random.default_rng())")


def _run(engine: str, out: Path) -> stream_evo.Result:
    return stream_evo.optimize("squeezenet", "homogeneous_quad", engine=engine, evaluations=60, population=20, seed=3, out=out, workers=1)


def test_an_engine_of_a_file_runs_and_resumes(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(GOOD, encoding="utf-8")
    result = _run(f"{file}:Lazy", tmp_path / "run")
    assert result.search.evaluations == 60
    again = resume_job(tmp_path / "run")
    assert (again.genomes == result.genomes).all()


@pytest.mark.parametrize(
    ("text", "engine", "error", "what"),
    [
        (GOOD, "{file}:Nothing", PluginError, "Nothing"),
        (UNSEEDED, "{file}:Lazy", PluginError, "the same seed asks for other genomes"),
        ("raise OSError('no')", "{file}:Lazy", PluginError, "OSError while the file was run"),
        (GOOD, "nsga3000", UnknownNameError, "engine"),
    ],
)
def test_a_bad_engine_is_refused_and_nothing_is_left(tmp_path: Path, text: str, engine: str, error: type[Exception], what: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=what):
        _run(engine.format(file=file), tmp_path / "run")
    assert not (tmp_path / "run").exists()
