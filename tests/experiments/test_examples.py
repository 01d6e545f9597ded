"""The examples run as they stand, in small."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "experiments" / "examples"
SAYS = {
    "compare_chips": ("tpu_quad", "layers differ", " uJ on heterogeneous_quad"),
    "constrained_search": ("pinned and without core2", "the runs were not free in the same way", "0 points: no feasible mapping was found"),
    "first_run": ("x its lower bound", "cycles of the critical path", "<Result: resnet18 on heterogeneous_quad"),
    "own_chip": ("little_big ['little', 'big', 'rest']", "bound most by core", "busy"),
    "own_network": ("folds ['relu']", "as in the graph", "I=4 W=4 O=12 O_final=4"),
    "own_operator": ("seed 0", "with DeepenStack"),
}
WITH_FOLDER = ("compare_chips", "first_run", "own_chip")


@pytest.mark.parametrize("name", sorted(SAYS))
def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--population", "6", "--generations", "1"]
    words += ["--out", str(tmp_path / "out")] if name in WITH_FOLDER else []
    words += ["--seeds", "1"] if name == "own_operator" else []
    monkeypatch.setattr(sys, "argv", [name, *words])
    monkeypatch.chdir(tmp_path)
    if name != "first_run":
        monkeypatch.setattr("stream_evo._run._save._pictures", lambda _: {})  # they take seconds; one example is enough
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert [words for words in SAYS[name] if words not in said] == []


def test_examples_are_short_and_listed() -> None:
    scripts = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in FOLDER.glob("*.py")}
    assert scripts.keys() == SAYS.keys()
    assert max(scripts.values()) <= 60
    listed = re.findall(r"^\| `(\w+)\.py`", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(scripts)
