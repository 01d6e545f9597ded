"""A package of a third party: operators, objectives, engines and problems by name, found through its entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_evo import registry
from stream_evo._run._operators import engine_of
from stream_evo.errors import UnknownNameError
from tests.cli.conftest import Outcome

Cli = Callable[..., Outcome]

MODULE = '''
import numpy as np
from stream_evo.problems import Problem, RunSettings
from stream_evo.search import OperatorSet

class Swap:
    """Puts genes back to their first value."""
    def __call__(self, spec, genomes, rng):
        return spec.canonical(np.where(rng.random(genomes.shape) < 0.2, spec.lower, genomes))

def draw(spec, count, rng):
    return rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower)))

def leave(spec, genomes, rng):
    return genomes + 99

def area_delay(metrics):
    """Area times delay."""
    return 12.5 * metrics["latency_cycles"]
area_delay.unit = "mm2 cycles"

class Walk:
    """Draws and forgets."""
    def __init__(self, context): self.context = context
    def ask(self):
        context = self.context
        return context.operators.prepare(context.spec, context.operators.sampling(context.spec, context.population, context.rng))
    def tell(self, genomes, objectives, violation): pass
    def state(self): return None
    def restore(self, state): raise NotImplementedError

class Silent(Walk):
    def ask(self): return None

def operators():
    return OperatorSet(sampling=draw, crossovers=(), mutations=(Swap(),))

OPERATORS = {"acme.swap": Swap, "acme_draw": draw, "acme.leave": leave, "set.acme": operators, "set.none": lambda: 3}
OBJECTIVES = {"area_delay": area_delay, "nothing": lambda metrics: None}
ENGINES = {"acme:walk": Walk, "acme:silent": Silent}
PROBLEMS = {
    "acme_small": Problem("acme_small", "squeezenet", "homogeneous_quad", ("latency", "area_delay"),
                          settings=RunSettings(population=6, generations=1, engine="acme:walk", operators=("acme.swap",))),
    "acme_wrong": {"network": "squeezenet"},
}
'''
GROUPS = ("operators", "objectives", "engines", "problems")


@pytest.fixture(autouse=True)
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package as an installer leaves it: a module, and metadata beside it."""
    site = tmp_path / "site"
    (site / "acme_plugins-1.0.dist-info").mkdir(parents=True)
    (site / "acme_plugins.py").write_text(MODULE, encoding="utf-8")
    (site / "acme_plugins-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugins\nVersion: 1.0\n")
    entries = "\n".join(f"[stream_evo.{group}]\nacme = acme_plugins:{group.upper()}\n" for group in GROUPS)
    (site / "acme_plugins-1.0.dist-info" / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(site)
    registry._catalogue.cache_clear()
    yield
    sys.modules.pop("acme_plugins", None)
    registry._catalogue.cache_clear()


def _run(cli: Cli, network: Path, out: Path, *words: str) -> Outcome:
    return cli("run", "--network", network, "--hardware", "homogeneous_quad", "--population", 6, "--generations", 2, "--out", out, *words)


@pytest.mark.parametrize(
    "words",
    [
        ("--engine", "acme:walk"),
        ("--operator", "acme.swap", "--operator", "acme_draw"),
        ("--operator", "set.acme"),
        ("--operator", "set.default", "--operator", "acme.swap"),
        ("--objectives", "energy,area_delay"),
        ("--limit", "area_delay=1e12"),
    ],
)
def test_its_content_is_used_by_name_and_resumed(cli: Cli, small_network: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    out = tmp_path / "run"
    assert _run(cli, small_network, out, *words).code == 0
    before = (out / "pareto.json").read_bytes()
    assert cli("resume", out).code == 0
    assert (out / "pareto.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--engine", "acme:silent"), "acme:silent: the engine: genomes must be a NumPy array of integers, found object"),
        (("--engine", "acme:wlak"), "unknown engine 'acme:wlak'. Did you mean acme:walk"),
        (("--operator", "acme.leave"), "acme.leave: leave: gene 0 of genome 0 is 99"),
        (("--operator", "acme.swpa"), "unknown operator 'acme.swpa'. Did you mean acme.swap"),
        (
            ("--operator", "acme_draw", "--operator", "sampling.uniform"),
            "a search has one sampling, and 2 are named; found acme_draw, sampling.uniform",
        ),
        (("--operator", "set.acme", "--operator", "set.default"), "a search has one set to start from, and 2 are named"),
        (("--operator", "set.none"), "set.none must give a stream_evo.search.OperatorSet, not int"),
        (("--objectives", "energy,nothing"), "nothing: <lambda>: an objective must return a NumPy array of numbers"),
        (("--objectives", "energy,area_dealy"), "unknown objective 'area_dealy'. Did you mean area_delay? Known: area_delay, dram"),
    ],
)
def test_what_is_wrong_with_it_is_told_before_anything_runs(
    cli: Cli, small_network: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    outcome = _run(cli, small_network, tmp_path / "run", *words)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "run").exists()


def test_its_problems_run(cli: Cli, tmp_path: Path) -> None:
    assert cli("run", "acme_small", "--out", tmp_path / "run").code == 0
    wrong = cli("run", "acme_wrong", "--out", tmp_path / "none")
    assert wrong.code == 2
    assert "acme_wrong must be a stream_evo.problems.Problem, found {'network': 'squeezenet'}" in wrong.err


def test_lists_and_completion_know_it(cli: Cli) -> None:
    assert "acme:walk" in cli("list", "engines").out
    assert "Draws and forgets." in cli("list", "engines").out
    listed = cli("list", "objectives").out
    assert "Area times delay." in listed
    assert "metric energy_pj" in listed
    from stream_evo._cli import _complete

    assert _complete.engines("acme") == ["acme:silent", "acme:walk"]
    assert _complete.objectives("energy,area") == ["energy,area_delay"]


def test_a_run_is_read_after_the_package_is_gone(cli: Cli, small_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import stream_evo

    out = tmp_path / "run"
    assert _run(cli, small_network, out, "--objectives", "energy,area_delay").code == 0
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not entry.endswith("site")])
    registry._catalogue.cache_clear()
    assert stream_evo.load_run(out).front.attrs["units"]["area_delay"] == "mm2 cycles"
    outcome = cli("resume", out)
    assert outcome.code == 2
    assert "unknown objective 'area_delay'" in outcome.err
    with pytest.raises(UnknownNameError):
        engine_of("acme:walk")
