"""Operators and engines from files: what is accepted, and what every refusal says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stream_evo.errors import PluginError
from stream_evo.operators import generic_operators
from stream_evo.search import PluginKind, describe, load_engine, load_operator, operator_kind
from stream_evo.search.testing import SyntheticSpec

_HEAD = "import numpy as np\nimport random\n"
_GOOD = """
class Flip:
    def __call__(self, spec, genomes, rng):
        flipped = genomes.copy()
        flipped[:, spec.segments["tile"]] = 0
        return spec.canonical(flipped)
"""


def _file(folder: Path, text: str) -> str:
    (folder / "mine.py").write_text(_HEAD + text)
    return str(folder / "mine.py")


def test_a_sound_operator_of_each_kind_is_loaded(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        _GOOD
        + """
def draw(spec, count, rng):
    return rng.integers(spec.lower, spec.upper + 1, size=(count, len(spec.lower)))

def halves(spec, parents_a, parents_b, rng):
    half = parents_a.shape[1] // 2
    return np.hstack([parents_a[:, :half], parents_b[:, half:]])

def plain(spec, genomes):
    return spec.canonical(genomes)
""",
    )
    for name, kind in (
        ("Flip", PluginKind.MUTATION),
        ("draw", PluginKind.SAMPLING),
        ("halves", PluginKind.CROSSOVER),
        ("plain", PluginKind.REPAIR),
    ):
        found, operator = load_operator(f"{file}:{name}")
        assert found is kind is operator_kind(operator)
        if kind is PluginKind.SAMPLING:
            assert operator(SyntheticSpec(), 3, np.random.default_rng(0)).shape == (3, 35)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return genomes + 7", "legal is 0 to"),
        ("return genomes.astype(float)", "must be a NumPy array of integers, found float64"),
        ("return genomes.tolist()", "must be a NumPy array of integers, found list"),
        ("return genomes[:, :-1]", r"the shape must be \(1, 35\), found \(1, 34\)"),
        ("return genomes[:0]", "the shape must be"),
        ("genomes[:, 0] = 1 - genomes[:, 0] % 2; return spec.canonical(genomes)", "writes into its arguments"),
        ("return genomes.copy()", "none of .* genomes was changed"),
        ("return 1 / 0", "ZeroDivisionError on a trial batch: division by zero"),
        ("return spec.canonical(np.random.randint(0, 2, genomes.shape))", "all chance must come from the generator"),
        ("return spec.canonical(genomes + random.randint(0, 1))", "all chance must come from the generator"),
        ("return spec.canonical(np.random.default_rng().integers(0, 2, genomes.shape))", "all chance must come from the generator"),
        ("np.random.seed(1); return spec.canonical(genomes + np.random.randint(0, 2, genomes.shape))", "the global generators"),
        ("return np.ma.masked_array(spec.canonical(genomes + 1))", "must be a NumPy array of integers, found MaskedArray"),
        ("return spec.canonical(genomes + 1).astype(object)", "found object"),
        ("return None", "found NoneType"),
        ("raise SystemExit(0)", "SystemExit on a trial batch: 0"),
        ("spec.lower[:] = 0; return genomes", "read-only"),
    ],
)
def test_a_broken_mutation_is_told_what_is_wrong(tmp_path: Path, body: str, said: str) -> None:
    file = _file(tmp_path, f"def mutate(spec, genomes, rng):\n    {body}\n")
    with pytest.raises(PluginError, match=said) as caught:
        load_operator(f"{file}:mutate")
    assert str(caught.value).startswith(f"{file}:mutate: ")


def test_other_broken_operators_are_told_what_is_wrong(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        """
def few(spec, count, rng): return np.repeat(spec.lower[None], min(count, 2), axis=0)
def child(spec, parents_a, parents_b, rng): return spec.canonical(parents_a + 1)
def restless(spec, genomes): return np.where(genomes == spec.upper, spec.lower, np.minimum(genomes + 1, spec.upper))
def strange(genomes, generator): return genomes
class Choosy:
    def __init__(self, setting): ...
number = 3
least = min
def cost(metrics): return metrics["energy_pj"]
def once(spec, parents_a, parents_b, rng):
    if np.array_equal(parents_a, parents_b): raise ValueError("twins")
    return parents_a.copy()
class Unsure:
    def applies(self, spec): raise ValueError("perhaps")
    def __call__(self, spec, genomes, rng): return genomes
class Nowhere:
    def applies(self, spec): return False
    def __call__(self, spec, genomes, rng): return genomes
""",
    )
    for name, said in (
        ("few", r"the shape must be \(32, 35\), found \(2, 35\)"),
        ("child", "changing genes is for a mutation"),
        ("restless", "repairing twice differs"),
        ("strange", r"parameters \(genomes, generator\) fit no kind of operator\. sampling: \(spec, count, rng\)"),
        ("Choosy", "must be made without arguments"),
        ("number", "cannot be called"),
        ("least", "does not tell its parameters"),
        ("cost", "are those of an objective, for --objectives, not of an operator"),
        ("once", "ValueError on a trial batch: twins"),
        ("Unsure", r"Unsure\.applies: ValueError on a trial space: perhaps"),
        ("Nowhere", "applies to none of the trial spaces"),
    ):
        with pytest.raises(PluginError, match=said):
            load_operator(f"{file}:{name}")


def test_the_space_of_the_search_is_tried_too(tmp_path: Path) -> None:
    file = _file(
        tmp_path, "def mutate(spec, genomes, rng):\n    return genomes[:1] if len(spec.lower) > 99 else spec.canonical(genomes + 1)\n"
    )
    load_operator(f"{file}:mutate")
    with pytest.raises(PluginError, match=r"the shape must be \(32, 149\)"):
        load_operator(f"{file}:mutate", SyntheticSpec(layers=50))


def test_files_and_names_that_are_not_there_are_told(tmp_path: Path) -> None:
    file = _file(tmp_path, _GOOD)
    for reference, said in (
        ("mine.Flip", r"must be FILE\.py:NAME"),
        (f"{tmp_path / 'other.py'}:Flip", "there is no file"),
        (f"{file}:Flop", r"unknown name in mine\.py 'Flop'\. Did you mean Flip"),
        (f"{tmp_path}.py:Flip", "there is no file"),
        (file, r"must be FILE\.py:NAME"),
    ):
        with pytest.raises(PluginError, match=said):
            load_operator(reference)
    for text, said in (
        ("import no_such_module", "ModuleNotFoundError while the file was run"),
        ("def (", "SyntaxError while the file was run"),
        ("import sys; sys.exit(0)", "SystemExit while the file was run: 0"),
        ("from . import beside", "A file stands alone"),
    ):
        with pytest.raises(PluginError, match=said):
            load_operator(f"{_file(tmp_path, text)}:Flip")


def test_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for folder, name in (("a", "First"), ("b", "Second")):
        (tmp_path / folder).mkdir()
        file = _file(tmp_path / folder, _GOOD.replace("Flip", name))
        _, operator = load_operator(f"{file}:{name}")
        assert type(operator).__name__ == name


def test_a_file_that_changed_within_a_second_is_read_anew_and_leaves_no_cache(tmp_path: Path) -> None:
    for amount in (1, 2):
        file = _file(tmp_path, f"def more(spec, genomes, rng):\n    return np.minimum(genomes + {amount}, spec.upper)\n")
        _, operator = load_operator(f"{file}:more")
        spec = SyntheticSpec()
        assert operator(spec, spec.lower[np.newaxis], np.random.default_rng(0)).max() == amount
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_a_fingerprint_tells_contents_not_places(tmp_path: Path) -> None:
    texts = []
    for folder, comment in (("a", ""), ("b", ""), ("c", "# changed\n")):
        (tmp_path / folder).mkdir()
        _, operator = load_operator(f"{_file(tmp_path / folder, _GOOD + comment)}:Flip")
        texts.append(describe(operator))
        assert describe(partial(operator, None)) == f"partial({texts[-1]}, (None), {{}})"
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("mine.py ")


_ENGINE = """
class Plain:
    def __init__(self, context): self.context = context
    def ask(self):
        spec = self.context.spec
        return self.context.rng.integers(spec.lower, spec.upper + 1, size=(self.context.population, len(spec.lower)))
    def tell(self, genomes, objectives, violation): pass
    def state(self): return None
    def restore(self, state): pass

class Mine(Plain):
"""


def test_an_engine_is_loaded(tmp_path: Path) -> None:
    load_engine(f"{_file(tmp_path, _ENGINE + '    pass')}:Mine", generic_operators())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def ask(self): return self.context.spec.canonical(np.random.randint(0, 2, size=(4, 35)))",
            "the same seed asks for other genomes",
        ),
        ("def ask(self): return super().ask()[:0]", r"the shape must be \(P, 35\), P >= 1, found \(0, 35\)"),
        ("def ask(self): return super().ask() * 1.0", "must be a NumPy array of integers, found float64"),
        ("def ask(self): return None", "must be a NumPy array of integers, found object"),
        ("def ask(self): return super().ask() + 99", "legal is 0 to"),
        ("def ask(self): raise SystemExit(0)", "SystemExit on a trial run: 0"),
        ("def tell(self, genomes, objectives, violation): raise RuntimeError('no')", "RuntimeError on a trial run: no"),
        ("def tell(self, genomes, objectives, violation): genomes[:] = 0", "writes into what it is told"),
        ("def tell(self, genomes, objectives, violation): assert np.isfinite(objectives).all(), 'infinite'", "AssertionError .*: infinite"),
        ("def state(self): return {'n': {1}}", "its state holds what is neither an array of numbers nor JSON: Object of type set"),
        ("def state(self): return {'n': np.array([None])}", "its state holds what is neither an array of numbers nor JSON"),
        ("def state(self): return {'n': float('nan')}", "its state holds what is neither an array of numbers nor JSON"),
        ("def state(self): return [1]", "its state must be None or a dict with string keys, found list"),
        ("def state(self): return {}", "restored from its state it continues differently"),
        ("state = None", "an engine has ask, tell, state and restore; Mine lacks state"),
        ("def __init__(self): pass", "TypeError on a trial run"),
    ],
)
def test_a_broken_engine_is_told_what_is_wrong(tmp_path: Path, body: str, said: str) -> None:
    file = _file(tmp_path, f"{_ENGINE}    {body}\n")
    with pytest.raises(PluginError, match=said) as caught:
        load_engine(f"{file}:Mine", generic_operators())
    assert str(caught.value).startswith(f"{file}:Mine: ")


def test_what_is_no_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="'nsga2' cannot be called, so it makes no engine"):
        load_engine(f"{_file(tmp_path, 'mine = {!r}'.format('nsga2'))}:mine", generic_operators())
