"""Runs that are really killed, at random moments, and resumed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stream_evo.search import EvaluationArchive

# The evaluator sleeps a little, so that kills fall into all phases: ask, evaluation, transaction, and the start of the process.
_SCRIPT = """
import sys, time
from pathlib import Path
from stream_evo.operators import default_operators
from stream_evo.search import Budget, SearchProblem, optimize
from stream_evo.search.testing import SyntheticEvaluator, synthetic_problem

class Slow(SyntheticEvaluator):
    def evaluate(self, genomes, workers=1):
        time.sleep(0.004)
        return super().evaluate(genomes, workers)

base = synthetic_problem()
problem = SearchProblem(Slow(), base.metrics, base.objectives, fingerprint=base.fingerprint)
print("ready", flush=True)
optimize(problem, operators=default_operators(), budget=Budget(evaluations=int(sys.argv[3])), population=20, engine=sys.argv[2],
         folder=Path(sys.argv[1]), resume=True)
"""


def _start(folder: Path, engine: str, evaluations: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _SCRIPT, str(folder), engine, str(evaluations)], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("engine", "evaluations"), [("nsga2", 1010), ("pymoo:NSGA2", 410)])
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(tmp_path: Path, engine: str, evaluations: int) -> None:
    with _start(tmp_path / "whole", engine, evaluations) as whole:
        assert whole.stdout is not None
        whole.stdout.readline()
        begun = time.monotonic()
        whole.communicate()
    assert whole.returncode == 0
    moments = np.random.default_rng(2026).uniform(0.0, 0.5 * (time.monotonic() - begun), size=60)
    kills = 0
    for moment in moments:
        with _start(tmp_path / "killed", engine, evaluations) as process:
            assert process.stdout is not None
            process.stdout.readline()  # imports are over, so the moment falls into the run itself
            time.sleep(moment)
            process.kill()
            kills += 1
        if process.returncode == 0 or (EvaluationArchive.exists(tmp_path / "killed") and _evaluations(tmp_path / "killed") >= evaluations):
            break
        if kills >= 6:
            with _start(tmp_path / "killed", engine, evaluations) as process:
                process.communicate()
            assert process.returncode == 0
            break
    assert kills >= 3
    with EvaluationArchive.read(tmp_path / "whole") as one, EvaluationArchive.read(tmp_path / "killed") as other:
        assert one.digest() == other.digest()


def _evaluations(folder: Path) -> int:
    with EvaluationArchive.read(folder) as archive:
        return max((batch.row.evaluations for batch in archive.batches()), default=0)
